//! Compares the program with grepcidr, iprange, prips, ipcalc, sipcalc and Python's `ipaddress`, byte
//! for byte where they do the same thing. If a tool is not installed, the test prints this and skips
//! it.

mod common;

use std::fmt::Write;

use common::{Folder, Random, good, run, tool};

/// Makes networks of IPv4, IPv6 or both. Some lie inside others.
fn nets(random: &mut Random, count: usize, v4: bool, v6: bool) -> String {
    let mut text = String::new();
    for _ in 0..count {
        if v4 && (!v6 || random.below(2) == 0) {
            let len = 12 + random.below(21);
            let bits = random.next() as u32 & u32::MAX << (32 - len);
            writeln!(text, "{}/{len}", std::net::Ipv4Addr::from_bits(bits)).unwrap();
        } else {
            let len = 30 + random.below(99);
            let bits = random.v6().to_bits() & u128::MAX << (128 - len);
            writeln!(text, "{}/{len}", std::net::Ipv6Addr::from_bits(bits)).unwrap();
        }
    }
    text
}

/// Makes lines as in logs. Some have texts that only look like addresses.
fn log(random: &mut Random, count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let (a, b) = (random.v4(), random.v6());
        let line = match random.below(12) {
            0 => format!("{a} - - [10/Oct/2026:13:55:36 +0000] \"GET /1.2.3 HTTP/1.1\" 200 {n}"),
            1 => format!("{b} - - [10/Oct/2026:13:55:36 +0000] \"GET / HTTP/1.1\" 200 {n}"),
            2 => format!("Oct 10 13:55:36 host sshd[{n}]: from {a} port 22"),
            3 => format!(
                "kernel: IN=eth0 MAC=00:11:22:33:44:55:66:77 SRC={a} DST={}",
                random.v4()
            ),
            4 => format!("[{b}]:443 -> [{}]:80", random.v6()),
            5 => format!("{a}"),
            6 => format!("{b}"),
            7 => format!("version {}.{}.{} of {n}", n % 7, n % 11, n % 300),
            8 => format!("{a}.example.org and {}.5", random.v4()),
            9 => format!("proxy=({a}),[{}];<{b}>", random.v4()),
            10 => format!("host 12:34:56 {a}:80/{}", random.v4()),
            _ => String::from("nothing to see"),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[test]
fn filter_as_grepcidr() {
    let mut random = Random(2);
    let text = log(&mut random, 20_000);
    for (name, v4, v6) in [
        ("v4", true, false),
        ("v6", false, true),
        ("both", true, true),
    ] {
        let set = nets(&mut random, 3000, v4, v6);
        let folder = Folder::new(&[("log", text.as_bytes()), ("nets", set.as_bytes())]);
        let (log, nets) = (folder.name("log"), folder.name("nets"));
        // `grepcidr -v` ignores addresses of a version that no pattern has. Our program does not.
        let modes: &[(&[&str], &[&str])] = &[
            (&[], &["filter"]),
            (&["-c"], &["filter", "-c"]),
            (&["-i"], &["exclude"]),
            (&["-v"], &["filter", "-v"]),
        ];
        for (theirs, ours) in modes {
            if *theirs == ["-v"] && !(v4 && v6) {
                continue;
            }
            let Some(mut grepcidr) = tool("grepcidr") else {
                return;
            };
            let output = grepcidr
                .args(*theirs)
                .args(["-f", &nets, &log])
                .output()
                .unwrap();
            let theirs_out = String::from_utf8(output.stdout).unwrap();
            assert!(theirs_out.len() > 1, "{name} {theirs:?}");
            let out = good(&[ours, &["--in", &nets, &log][..]].concat(), "");
            let differ = theirs_out.lines().zip(out.lines()).find(|(a, b)| a != b);
            assert!(theirs_out == out, "{name} {theirs:?}: {differ:?}");
        }
    }
}

/// The differences that our manual describes.
#[test]
fn where_we_differ_from_grepcidr() {
    for (text, ours, theirs) in [
        // An address may stand at the end of a sentence or of a clause.
        ("from 10.1.2.3.", true, false),
        // A number with too many digits stands before it.
        ("2110.1.2.3", false, true),
        // The line need not end behind it.
        ("10.1.2.3\0x", true, false),
        // The whole text is an IPv6 address.
        ("2001:db8::10.1.2.3", false, true),
        // Both programs agree on these.
        ("x10.1.2.3", true, true),
        ("ace:10.1.2.3", true, true),
        ("::ffff:10.1.2.3", true, true),
        ("10.1.2.3.4", false, false),
    ] {
        let found = run(
            &["filter", "--in", "10.0.0.0/8,110.0.0.0/8"],
            format!("{text}\n"),
        )
        .0 == 0;
        assert_eq!(found, ours, "{text}");
        let Some(mut grepcidr) = tool("grepcidr") else {
            continue;
        };
        let folder = Folder::new(&[("text", format!("{text}\n").as_bytes())]);
        let found = grepcidr
            .args(["10.0.0.0/8,110.0.0.0/8", &folder.name("text")])
            .output()
            .unwrap()
            .status
            .success();
        assert_eq!(found, theirs, "{text}");
    }
}

#[test]
fn sets_as_iprange() {
    let mut random = Random(3);
    let a = nets(&mut random, 5000, true, false) + "10.0.0.0/24\n10.0.1.0/24\n";
    let b = nets(&mut random, 5000, true, false);
    let folder = Folder::new(&[("a", a.as_bytes()), ("b", b.as_bytes())]);
    let (a, b) = (folder.name("a"), folder.name("b"));
    for (theirs, ours) in [
        (vec![&*a], vec!["aggregate", "--bare", &a]),
        (vec![&*a, &*b], vec!["aggregate", "--bare", &a, &b]),
        (vec!["-j", &*a], vec!["aggregate", "--ranges", &a]),
        (
            vec![&*a, "--except", &*b],
            vec!["subtract", "--bare", &a, "--in", &b],
        ),
        (
            vec!["--common", &*a, &*b],
            vec!["intersect", "--bare", &a, "--in", &b],
        ),
    ] {
        let Some(mut iprange) = tool("iprange") else {
            return;
        };
        let output = iprange.args(&theirs).output().unwrap();
        let theirs_out = String::from_utf8(output.stdout).unwrap();
        assert!(theirs_out.lines().count() > 50, "{theirs:?}");
        assert!(good(&ours, "") == theirs_out, "{theirs:?}");
    }
}

#[test]
fn aggregate_as_python() {
    let Some(mut python) = tool("python3") else {
        return;
    };
    let mut random = Random(4);
    let text = nets(&mut random, 3000, true, true);
    let folder = Folder::new(&[("nets", text.as_bytes())]);
    let program = "\
import ipaddress, sys
nets = [ipaddress.ip_network(line.strip()) for line in open(sys.argv[1])]
for version in 4, 6:
    for net in ipaddress.collapse_addresses(n for n in nets if n.version == version):
        print(net)
";
    let output = python
        .args(["-c", program, &folder.name("nets")])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(good(&["aggregate", &folder.name("nets")], "").as_bytes() == output.stdout);
}

#[test]
fn ranges_and_hosts_as_prips_and_ipcalc() {
    for (first, last) in [
        ("10.0.0.1", "10.0.2.9"),
        ("192.0.2.255", "192.0.3.0"),
        ("0.0.0.0", "0.0.0.0"),
    ] {
        let range = format!("{first}-{last}");
        let Some(mut prips) = tool("prips") else {
            return;
        };
        let output = prips.args([first, last]).output().unwrap();
        assert_eq!(
            good(&["hosts", &range], "").as_bytes(),
            output.stdout,
            "{range}"
        );
        let Some(mut ipcalc) = tool("ipcalc") else {
            return;
        };
        let output = ipcalc.args(["-n", first, "-", last]).output().unwrap();
        let theirs = String::from_utf8(output.stdout).unwrap();
        let (_, theirs) = theirs
            .split_once('\n')
            .expect("a line that says what it does");
        assert_eq!(good(&["range", &range], ""), theirs, "{range}");
    }
    let Some(mut prips) = tool("prips") else {
        return;
    };
    let output = prips.arg("10.1.0.0/20").output().unwrap();
    assert_eq!(
        good(&["hosts", "--all", "10.1.0.0/20"], "").as_bytes(),
        output.stdout
    );
    let Some(mut prips) = tool("prips") else {
        return;
    };
    let output = prips.args(["-f", "dec", "10.1.0.0/28"]).output().unwrap();
    assert_eq!(
        good(&["hosts", "--all", "--to", "integer", "10.1.0.0/28"], "").as_bytes(),
        output.stdout
    );
}

#[test]
fn info_as_ipcalc() {
    let mut random = Random(5);
    for len in 1..=30 {
        let net = format!("{}/{len}", random.v4());
        let Some(mut ipcalc) = tool("ipcalc") else {
            return;
        };
        let output = ipcalc.args(["-n", "-b", &net]).output().unwrap();
        let page = String::from_utf8(output.stdout).unwrap();
        let theirs = |label: &str| {
            let line = page
                .lines()
                .find_map(|l| l.strip_prefix(label))
                .unwrap_or_else(|| panic!("{label} {page}"));
            line.split_whitespace().next().unwrap().to_owned()
        };
        let ours = good(&["info", &net], "");
        for (label, line) in [
            ("Address:", "Address "),
            ("Netmask:", "Netmask "),
            ("Wildcard:", "Wildcard "),
            ("Network:", "Network "),
            ("HostMin:", "First host "),
            ("HostMax:", "Last host "),
            ("Broadcast:", "Broadcast "),
            ("Hosts/Net:", "Hosts "),
        ] {
            let value = ours
                .lines()
                .find_map(|l| l.strip_prefix(line))
                .map(str::trim);
            assert_eq!(value, Some(theirs(label).as_str()), "{net} {label}");
        }
    }
}

/// Runs `sipcalc` on a network. The result returns the value of a label. The two ends of a range are
/// joined by ` - `.
fn sipcalc(net: &str) -> Option<impl Fn(&str) -> Option<String>> {
    let output = tool("sipcalc")?.arg(net).output().unwrap();
    // A range of IPv6 addresses continues in the next line.
    let page = String::from_utf8(output.stdout)
        .unwrap()
        .replace(" -\n", " - ");
    Some(move |label: &str| {
        let line = page.lines().find_map(|l| l.strip_prefix(label))?;
        let value = line.trim_start().strip_prefix("- ")?;
        Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
    })
}

/// Returns the value of a line of `info`.
fn info(page: &str, label: &str) -> Option<String> {
    let line = page.lines().find_map(|l| l.strip_prefix(label))?;
    Some(line.trim().to_owned())
}

#[test]
fn info_as_sipcalc() {
    let mut random = Random(6);
    for len in (0..=32).chain(0..=32) {
        let net = format!("{}/{len}", random.v4());
        let Some(theirs) = sipcalc(&net) else {
            return;
        };
        let page = good(&["info", &net], "");
        let ours = |label: &str| info(&page, label);
        for (label, line) in [
            ("Host address\t", "Address "),
            ("Network address", "Network "),
            ("Network mask\t", "Netmask "),
            ("Cisco wildcard", "Wildcard "),
            ("Broadcast address", "Broadcast "),
            ("Addresses in network", "Addresses "),
        ] {
            let mut expected = theirs(label).unwrap_or_else(|| panic!("{net} {label}"));
            match line {
                "Network " => expected = format!("{expected}/{len}"),
                // RFC 3021: networks of two addresses, or of one, have no broadcast address.
                "Broadcast " if len > 30 => {
                    assert_eq!(ours(line), None, "{net}");
                    continue;
                }
                // sipcalc counts in 32 bits.
                "Addresses " if len == 0 => expected = (1u64 << 32).to_string(),
                _ => {}
            }
            assert_eq!(ours(line), Some(expected), "{net} {label}");
        }
        let span = |first, last| Some(format!("{} - {}", ours(first)?, ours(last)?));
        assert_eq!(theirs("Network range"), span("First ", "Last "), "{net}");
        // It shows no hosts in networks of one or two addresses.
        let hosts = span("First host ", "Last host ").filter(|_| len <= 30);
        assert_eq!(theirs("Usable range"), hosts, "{net}");
    }
}

#[test]
fn info_as_sipcalc_ipv6() {
    let mut random = Random(7);
    for len in 0..=128 {
        let net = format!("{}/{len}", random.v6());
        let Some(theirs) = sipcalc(&net) else {
            return;
        };
        let theirs = |label: &str| theirs(label).unwrap_or_else(|| panic!("{net}: no {label}"));
        let page = good(&["info", &net], "");
        let ours = |label: &str| info(&page, label).unwrap_or_else(|| panic!("{net}: no {label}"));
        // sipcalc writes some addresses in full, and some without any `::`. So compare the addresses, as std
        // reads them.
        let canonical = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().to_string();
        assert_eq!(theirs("Compressed address"), ours("Address "), "{net}");
        assert_eq!(theirs("Prefix length"), len.to_string());
        let prefix = theirs("Subnet prefix (masked)");
        let (prefix, _) = prefix.split_once('/').unwrap();
        let network = format!("{}/{len}", canonical(prefix));
        assert_eq!(network, ours("Network "), "{net}");
        let mask = canonical(&theirs("Prefix address"));
        assert_eq!(mask, ours("Netmask "), "{net}");
        let range = theirs("Network range");
        let (first, last) = range.split_once(" - ").unwrap();
        for (theirs, label) in [
            (first, "First "),
            (last, "Last "),
            (first, "First host "),
            (last, "Last host "),
        ] {
            assert_eq!(canonical(theirs), ours(label), "{net} {label}");
        }
        let expanded = |text: &str| good(&["--to", "expanded", text], "").trim_end().to_owned();
        assert_eq!(theirs("Expanded Address"), expanded(&ours("Address ")));
        assert_eq!(range, format!("{} - {}", expanded(first), expanded(last)));
    }
}
