#!/usr/bin/env bash
# ipparse beside grepcidr, iprange and Python's ipaddress: the same data, in one run, by turns; the
# output compared byte for byte; medians and ratios. Needs python3; a tool that is missing is skipped.
#
#   bench/ipparse.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet --package std_net_ipparse
data=${TMPDIR:-/tmp}/ipparse-bench
mkdir -p "$data"
exec python3 - "$PWD/target/release/ipparse" "$data" "${1:-7}" <<'PYTHON'
import filecmp, ipaddress, os, random, shutil, statistics, subprocess, sys, time

ipparse, data, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
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
    # In both versions 1% of the addresses lie in the 1,000 networks: what matches is copied.
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
    if all(os.path.exists(name) for name in files):
        return
    for name, lines in files.items():
        with open(name + ".new", "w") as file:
            file.writelines(lines())
        os.rename(name + ".new", name)

build()

COLLAPSE = """
import ipaddress, sys
nets = [ipaddress.ip_network(line.strip()) for line in open(sys.argv[1])]
for net in ipaddress.collapse_addresses(nets): print(net)
"""

def timed(command, out):
    with open(out, "wb") as file:
        start = time.perf_counter()
        subprocess.run(command, stdout=file, check=True)
        return time.perf_counter() - start

def row(what, theirs, ours, runs=runs):
    if theirs and not shutil.which(theirs[0]):
        return print(f"| {what} | {theirs[0]} is not installed | | |")
    a, b = [], []
    for _ in range(runs):
        if theirs and (len(a) < 1 or theirs[0] != "python3"):
            a.append(timed(theirs, "theirs.out"))
        b.append(timed([ipparse] + ours, "ours.out"))
    ours_ms = statistics.median(b) * 1e3
    size = os.path.getsize(ours[-1])
    rate = f"{size / statistics.median(b) / 1e6:.0f} MB/s"
    if not theirs:
        return print(f"| {what} | | {ours_ms:.1f} ms ({rate}) | |", flush=True)
    same = "equal" if filecmp.cmp("theirs.out", "ours.out", shallow=False) else "DIFFERENT"
    theirs_ms = statistics.median(a) * 1e3
    print(f"| {what} | {theirs[0]} {theirs_ms:.0f} ms | {ours_ms:.1f} ms ({rate}) | {theirs_ms / ours_ms:.1f} | {same}", flush=True)
    if same != "equal":
        sys.exit(1)

print("| job | other | ipparse | ratio | output")
print("|---|---|---|---|---")
row("filter 1M lines, 1,000 networks", ["grepcidr", "-f", "nets1k", "ips"], ["filter", "--in", "nets1k", "ips"])
row("filter 1M lines, 100,000 networks", ["grepcidr", "-f", "nets100k", "ips"], ["filter", "--in", "nets100k", "ips"])
row("filter 130-MB log, 1,000 networks", ["grepcidr", "-f", "nets1k", "log"], ["filter", "--in", "nets1k", "log"])
row("the same, one thread", ["grepcidr", "-f", "nets1k", "log"], ["filter", "--threads", "1", "--in", "nets1k", "log"])
row("IPv6: filter 1M lines, 1,000 networks", ["grepcidr", "-f", "nets6-1k", "ips6"], ["filter", "--in", "nets6-1k", "ips6"])
row("IPv6: filter 130-MB log, 1,000 networks", ["grepcidr", "-f", "nets6-1k", "log6"], ["filter", "--in", "nets6-1k", "log6"])
row("the same, one thread", ["grepcidr", "-f", "nets6-1k", "log6"], ["filter", "--threads", "1", "--in", "nets6-1k", "log6"])
row("aggregate 1M networks", ["iprange", "nets1m"], ["aggregate", "--bare", "nets1m"])
row("aggregate 1M networks (Python: one run)", ["python3", "-c", COLLAPSE, "nets1m"], ["aggregate", "nets1m"])
row("IPv6: aggregate 1M networks (Python: one run)", ["python3", "-c", COLLAPSE, "nets6-1m"], ["aggregate", "nets6-1m"])
row("canonical, 1M IPv4 lines", None, ["ips"])
row("canonical, 1M IPv6 lines", None, ["ips6"])
row("every address of the log", None, ["--extract", "log"])
row("sort 1M lines", None, ["sort", "ips"])
row("dedupe 1M lines", None, ["dedupe", "ips"])
PYTHON
