#!/usr/bin/env python3
"""Holds the tables of `src/classify.rs` against what others say of the same addresses.

    pip install netaddr
    python3 ip/registry.py [iana-ipv4-special-registry-1.csv iana-ipv6-special-registry-1.csv]

The sources are CPython's `ipaddress` (3.13 or later) and the package `netaddr` (1.3 or later). Both have the
networks of the registries, without their names, and say of an address whether it is globally reachable. Of
every row the first and the last address are asked that are in no smaller row. Where IANA's answer is "N/A",
a source may say either.

With the CSV files as IANA publishes them, blocks, names, documents and reachability are compared as well, both ways.

Rows that are newer than both sources are named: they need the CSV files. Ends with 1 if a row differs.
"""
import csv
import ipaddress
import pathlib
import re
import sys

import netaddr

ROW = re.compile(r'v([46])\((0x[0-9a-f_]+), (\d+), "((?:[^"\\]|\\.)*)", "([^"]*)", (YES|NO|NOT_SAID)\)')
REACHABLE = {"YES": True, "NO": False, "NOT_SAID": None}

# Rows that are newer than the tables of both sources, or that neither has: only the registry itself, or a copy
# of it, can tell. Ours were compared with two copies, as of 2025-10-09 and 2026-09-26.
NEWER = {
    "192.88.99.2/32": "neither has it: the block around it is there instead, of which the registry says N/A",
    "2001:1::3/128": "registered in April 2024",
    "5f00::/16": "registered in April 2024",
    "3fff::/20": "registered in July 2024",
    "100:0:0:1::/64": "registered in April 2025",
}


def rows():
    source = (pathlib.Path(__file__).parent / "src/classify.rs").read_text()
    for version, bits, length, name, rfc, reachable in ROW.findall(source):
        kind = ipaddress.IPv4Network if version == "4" else ipaddress.IPv6Network
        yield kind((int(bits.replace("_", ""), 16), int(length))), name.replace('\\"', '"'), rfc, REACHABLE[reachable]


def own_addresses(net, nets):
    """The first and last address of a network that are in no smaller one of the table."""
    inner = [n for n in nets if n != net and n.version == net.version and n.subnet_of(net)]
    parts = [net]
    for hole in inner:
        parts = [
            piece
            for part in parts
            for piece in (part.address_exclude(hole) if hole.subnet_of(part) else [] if part.subnet_of(hole) else [part])
        ]
    parts.sort()
    return {parts[0][0], parts[-1][-1]} if parts else set()


def main():
    table = list(rows())
    nets = [net for net, *_ in table]
    assert len(table) > 50, "the table is not where it was"
    sources = {
        "CPython": lambda addr: ipaddress.ip_address(addr).is_global,
        "netaddr": lambda addr: netaddr.IPAddress(str(addr)).is_global(),
    }
    if sys.version_info < (3, 13):
        sys.exit("CPython's table is complete from 3.13 on; this is " + sys.version.split()[0])
    wrong = 0
    for net, name, _, reachable in table:
        spoke = 0
        for source, is_global in sources.items():
            said = {is_global(addr) for addr in own_addresses(net, nets)}
            if reachable is None or said == {reachable}:
                spoke += 1
            elif str(net) in NEWER:
                print(f"newer: {net} {name}: {source} does not have it ({NEWER[str(net)]})")
                spoke += 1
            else:
                print(f"DIFFERS: {net} {name}: ours {reachable}, {source} {said}")
                wrong += 1
        wrong += spoke < 2
    print(f"{len(table)} rows, {len(sources)} sources, {wrong} wrong")

    listed = {}
    for file in sys.argv[1:]:
        with open(file, newline="") as lines:
            for row in csv.DictReader(lines):
                # "192.0.0.170/32, 192.0.0.171/32"; notes and sections in brackets.
                for block in re.sub(r"\[\d+\]", "", row["Address Block"]).split(","):
                    reach = re.sub(r"\[\d+\]", "", row["Globally Reachable"]).strip()
                    rfc = re.findall(r"RFC ?(\d+)", row["RFC"])
                    answer = {"True": True, "False": False}.get(reach)
                    listed[ipaddress.ip_network(block.strip())] = (row["Name"].strip(), rfc, answer)
    ours = {net: (name, rfc, reachable) for net, name, rfc, reachable in table if name != "Multicast"}
    for net in sorted(listed.keys() | ours.keys(), key=str) if listed else []:
        theirs, mine = listed.get(net), ours.get(net)
        same = theirs and mine and theirs[0] == mine[0] and mine[1][4:] in theirs[1] and theirs[2] == mine[2]
        if not same:
            print(f"DIFFERS: {net}: ours {mine}, IANA {theirs}")
            wrong += 1
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
