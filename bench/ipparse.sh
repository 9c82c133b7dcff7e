#!/usr/bin/env bash
# Compares ipparse with grepcidr, iprange, ipcalc, Python's ipaddress, grep with sort and uniq, and an mmdb
# file. All tools get the same data and run by turns. The output is compared byte for byte. The script
# prints medians and ratios. It needs python3. A tool that is missing is skipped. The rows of an mmdb file
# need the Python packages maxminddb (3.2) and mmdb_writer (0.2.7), and a minute to write the file once.
#
#   bench/ipparse.sh [RUNS] [PART]     with PART, only the rows whose text contains it
#
# BEFORE=PATH names another build of ipparse. The last column then has its time divided by that of this build.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet --package std_net_ipparse
data=${TMPDIR:-/tmp}/ipparse-bench
mkdir -p "$data"
exec python3 - "$PWD/target/release/ipparse" "$data" "${1:-7}" "${2:-}" "${BEFORE:-}" <<'PYTHON'
import filecmp, ipaddress, os, random, shutil, statistics, subprocess, sys, time

ipparse, data, runs, part, before = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]
os.chdir(data)

def build():
    """The same bytes each time: nothing but this generator decides."""
    r = random.Random(20261121)
    v4 = lambda: "%d.%d.%d.%d" % (r.randrange(1, 224), r.randrange(256), r.randrange(256), r.randrange(256))
    v6 = lambda: str(ipaddress.ip_address((0x20010db8 + r.randrange(64) << 96) | r.getrandbits(96)))
    def nets(count, lo, hi):
        for _ in range(count):
            length = r.randrange(lo, hi + 1)
            base = r.randrange(1 << 24, 224 << 24) >> 32 - length << 32 - length
            yield "%s/%d\n" % (ipaddress.ip_address(base), length)
    def nets6(count, lo, hi):
        for _ in range(count):
            length = r.randrange(lo, hi + 1)
            base = (0x20010db8 + r.randrange(64) << 96 | r.getrandbits(96)) >> 128 - length << 128 - length
            yield "%s/%d\n" % (ipaddress.ip_address(base), length)
    agents = [
        "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
        "curl/7.88.1", "-"]
    def log(size, addr):
        while size > 0:
            line = '%s - - [%02d/Nov/2026:%02d:%02d:%02d +0000] "GET /a/%d/index.html?q=%d HTTP/1.1" %d %d "https://www.example.org/p/%d" "%s"\n' % (
                addr(), r.randrange(1, 29), r.randrange(24), r.randrange(60), r.randrange(60), r.randrange(1000), r.randrange(10**6),
                r.choice([200, 200, 200, 404, 304]), r.randrange(100000), r.randrange(1000), r.choice(agents))
            size -= len(line)
            yield line
    # In both versions 1% of the addresses lie in the 1,000 networks, so equally many lines are copied.
    files = {
        "ips": lambda: (v4() + "\n" for _ in range(1_000_000)),
        "ips6": lambda: (v6() + "\n" for _ in range(1_000_000)),
        "nets1k": lambda: nets(1000, 14, 24),
        "nets100k": lambda: nets(100_000, 18, 28),
        "nets1m": lambda: nets(1_000_000, 18, 32),
        "nets6-1k": lambda: nets6(1000, 40, 50),
        "nets6-1m": lambda: nets6(1_000_000, 40, 128),
        "log": lambda: log(130_000_000, v4),
        "log6": lambda: log(130_000_000, v6),
    }
    if not all(os.path.exists(name) for name in files):
        for name, lines in files.items():
            write(name, lines())

def write(name, lines):
    with open(name + ".new", "w") as file:
        file.writelines(lines)
    os.rename(name + ".new", name)

def ranges():
    """412,000 ranges with owners, as a list of ASNs has them: first and last address, number, country, name."""
    r = random.Random(18)
    at, end = 1 << 24, 224 << 24
    for n in range(412_000):
        room = (end - at) // (412_000 - n)
        room = max(room // 256 * 256, 256)
        size = min(256 * r.choice([1, 1, 1, 2, 4, 8, 16]), room) if r.randrange(4) else room
        yield at, at + size - 1, "%d,%s,Provider %d of %s" % (r.randrange(1, 400_000), r.choice(["AU", "BR", "DE", "US"]), n % 70_000, n)
        at += r.choice([size, room])

def build_labels():
    text = lambda value: str(ipaddress.IPv4Address(value))
    if not os.path.exists("asn.csv"):
        write("asn.csv", ("%s,%s,%s\n" % (text(first), text(last), rest) for first, last, rest in ranges()))
        r = random.Random(19)
        line = '%s - - [%02d/Nov/2026:%02d:%02d:%02d +0000] "GET /a/%d HTTP/1.1" 200 %d\n'
        number = r.randrange
        write("biglog", (line % (text(number(1 << 24, 224 << 24)), number(1, 29), number(24), number(60), number(60), number(1000), number(100_000)) for _ in range(2_000_000)))
    if os.path.exists("asn.mmdb"):
        return
    try:
        import maxminddb, mmdb_writer, netaddr
    except ImportError:
        return
    # An IPSet merges its networks, which takes minutes and changes nothing here.
    class Nets(netaddr.IPSet):
        def __init__(self, nets):
            self.nets = nets
        def iter_cidrs(self):
            return self.nets
    # A record is what ipparse writes behind an address: the entry as it is in the list, and its label.
    writer = mmdb_writer.MMDBWriter()
    for first, last, rest in ranges():
        nets = ipaddress.summarize_address_range(ipaddress.IPv4Address(first), ipaddress.IPv4Address(last))
        record = "%s,%s\t%s" % (text(first), text(last), rest.replace(",", "\t"))
        writer.insert_network(Nets([netaddr.IPNetwork((int(net[0]), net.prefixlen)) for net in nets]), record)
    writer.to_db_file("asn.mmdb.new")
    os.rename("asn.mmdb.new", "asn.mmdb")

build()
build_labels()

MMDB = """
import maxminddb, sys
get = maxminddb.open_database("asn.mmdb").get
out = sys.stdout
for line in open(sys.argv[1]):
    addr = line.split(" ", 1)[0]
    out.write(addr + "\\t" + (get(addr) or "-\\t-") + "\\n")
"""

COLLAPSE = """
import ipaddress, sys
nets = [ipaddress.ip_network(line.strip()) for line in open(sys.argv[1])]
for net in ipaddress.collapse_addresses(nets): print(net)
"""

def timed(command, out, **how):
    with open(out, "wb") as file:
        start = time.perf_counter()
        subprocess.run(command, stdout=file, check=True, env=dict(os.environ, IPPARSE=ipparse, LC_ALL="C"), **how)
        return time.perf_counter() - start

def lines(change):
    """Compares the lines of both, changed, in any order."""
    def read(name):
        with open(name) as file:
            return sorted(change(line.split()) for line in file)
    return lambda: read("theirs.out") == read("ours.out")

def exactly():
    return filecmp.cmp("theirs.out", "ours.out", shallow=False)

def row(what, theirs, ours, same=exactly, name=None, once=False, size=True):
    """One row. A command is a list of words, or a line for the shell. A slow rival runs once."""
    if part not in what:
        return
    shell = lambda command: ["sh", "-c", command] if isinstance(command, str) else command
    words = theirs.split() if isinstance(theirs, str) else theirs
    if words and not shutil.which(words[0] if words[0] != "for" else name):
        return print(f"| {what} | {name or words[0]} is not installed | | |")
    if name == "maxminddb" and not os.path.exists("asn.mmdb"):
        return print(f"| {what} | maxminddb and mmdb_writer are not installed | | |")
    mine = lambda binary: [binary] + ours if isinstance(ours, list) else ["sh", "-c", ours.replace("$IPPARSE", binary)]
    times = {"theirs": [], "ours": [], "before": []}
    for turn in range(runs):
        if theirs and (turn == 0 or not once):
            times["theirs"].append(timed(shell(theirs), "theirs.out"))
        if before and turn == len(times["before"]):
            try:
                times["before"].append(timed(mine(before), "before.out", stderr=subprocess.DEVNULL))
            except subprocess.CalledProcessError:
                pass  # It has no such verb.
        times["ours"].append(timed(mine(ipparse), "ours.out"))
    ms = {who: statistics.median(all) * 1e3 for who, all in times.items() if all}
    rate = f" ({os.path.getsize(ours[-1]) / ms['ours'] / 1e3:.0f} MB/s)" if isinstance(ours, list) and size else ""
    end = f" | {ms['before'] / ms['ours']:.2f}" if "before" in ms else ""
    if not theirs:
        return print(f"| {what} | | {ms['ours']:.1f} ms{rate} | |{end}", flush=True)
    equal = "equal" if same() else "DIFFERENT"
    print(f"| {what} | {name or words[0]} {ms['theirs']:.0f} ms | {ms['ours']:.1f} ms{rate} | {ms['theirs'] / ms['ours']:.1f} | {equal}{end}", flush=True)
    if equal != "equal":
        sys.exit(1)

print("| job | other | ipparse | ratio | output" + (" | before" if before else ""))
print("|---|---|---|---|---" + ("|---" if before else ""))
row("filter 1M lines, 1,000 networks", ["grepcidr", "-f", "nets1k", "ips"], ["filter", "--in", "nets1k", "ips"])
row("filter 1M lines, 100,000 networks", ["grepcidr", "-f", "nets100k", "ips"], ["filter", "--in", "nets100k", "ips"])
row("filter 130-MB log, 1,000 networks", ["grepcidr", "-f", "nets1k", "log"], ["filter", "--in", "nets1k", "log"])
row("the same, one thread", ["grepcidr", "-f", "nets1k", "log"], ["filter", "--threads", "1", "--in", "nets1k", "log"])
row("IPv6: filter 1M lines, 1,000 networks", ["grepcidr", "-f", "nets6-1k", "ips6"], ["filter", "--in", "nets6-1k", "ips6"])
row("IPv6: filter 130-MB log, 1,000 networks", ["grepcidr", "-f", "nets6-1k", "log6"], ["filter", "--in", "nets6-1k", "log6"])
row("the same, one thread", ["grepcidr", "-f", "nets6-1k", "log6"], ["filter", "--threads", "1", "--in", "nets6-1k", "log6"])
row("aggregate 1M networks", ["iprange", "nets1m"], ["aggregate", "--bare", "nets1m"])
row("aggregate 1M networks (Python: one run)", ["python3", "-c", COLLAPSE, "nets1m"], ["aggregate", "nets1m"], once=True)
row("IPv6: aggregate 1M networks (Python: one run)", ["python3", "-c", COLLAPSE, "nets6-1m"], ["aggregate", "nets6-1m"], once=True)
row("count the addresses of 1M networks", ["iprange", "-C", "nets1m"], ["count", "nets1m"], lines(lambda words: words[0].split(",")[-1]))
row("count different lines of 1M (sort -u, wc)", "sort -u ips | wc -l", ["count", "ips"], name="sort")
row("100 ranges to networks, a call for each", "for i in $(seq 100); do ipcalc 10.0.0.$i - 10.3.7.200; done | grep -v deaggregate",
    "for i in $(seq 100); do $IPPARSE range 10.0.0.$i-10.3.7.200; done", name="ipcalc")
row("most frequent addresses of 2M log lines (one run)", r"grep -oE '([0-9]{1,3}\.){3}[0-9]{1,3}' biglog | sort | uniq -c",
    ["dedupe", "--extract", "--count", "biglog"], lines(tuple), name="grep, sort, uniq", once=True)
row("label 2M log lines by 412,000 ranges", ["python3", "-c", MMDB, "biglog"], ["label", "--in", "asn.csv", "biglog"], name="maxminddb", once=True)
row("the same, label with one thread", ["python3", "-c", MMDB, "biglog"], ["label", "--threads", "1", "--in", "asn.csv", "biglog"], name="maxminddb", once=True)
row("the same list, label of one address", None, ["label", "--in", "asn.csv", "8.8.8.8"], size=False)
row("canonical, 1M IPv4 lines", None, ["ips"])
row("canonical, 1M IPv6 lines", None, ["ips6"])
row("every address of the log", None, ["--extract", "log"])
row("sort 1M lines", None, ["sort", "ips"])
row("dedupe 1M lines", None, ["dedupe", "ips"])
PYTHON
