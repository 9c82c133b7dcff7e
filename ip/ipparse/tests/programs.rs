//! What other programs write and read: configuration, tables and lists, each with the items in it.

mod common;

use common::{Folder, good, run};

/// Checks what is found in each line of a text.
#[track_caller]
fn found(lines: &[(&str, &[&str])]) {
    for (line, items) in lines {
        let (_, out, err) = run(&["-e"], line);
        assert_eq!(err, "", "{line}");
        assert_eq!(out.lines().collect::<Vec<_>>(), *items, "{line}");
    }
}

#[test]
fn addresses_of_interfaces() {
    found(&[
        // ifconfig of net-tools, old and new.
        (
            "inet addr:10.0.0.1  Bcast:10.0.0.255  Mask:255.255.255.0",
            &["10.0.0.1", "10.0.0.255"],
        ),
        (
            "inet addr:10.8.0.2  P-t-P:10.8.0.1  Mask:255.255.255.255",
            &["10.8.0.2", "10.8.0.1"],
        ),
        (
            "inet6 addr: fe80::20c:29ff:fe28:fd4c/64 Scope:Link",
            &["fe80::20c:29ff:fe28:fd4c/64"],
        ),
        (
            "inet 192.168.1.5  netmask 255.255.255.0  broadcast 192.168.1.255",
            &["192.168.1.5/24", "192.168.1.255"],
        ),
        // BSD and macOS.
        (
            "\tinet 192.168.1.20 netmask 0xffffff00 broadcast 192.168.1.255",
            &["192.168.1.20/24", "192.168.1.255"],
        ),
        ("inet6 fe80::1%lo0 prefixlen 64 scopeid 0x1", &["fe80::1"]),
        // ipconfig of Windows.
        ("Subnet Mask . . . . . . . . . . . : 255.255.255.0", &[]),
        (
            "IPv4 Address. . . . . . . . . . . : 192.168.1.100(Preferred)",
            &["192.168.1.100"],
        ),
        // iproute2.
        (
            "inet 10.8.0.6 peer 10.8.0.5/32 scope global tun0",
            &["10.8.0.6", "10.8.0.5/32"],
        ),
        // The files of distributions, and the parameter of the kernel.
        ("NETMASK=255.255.255.0", &[]),
        (
            "ip=10.0.0.2::10.0.0.1:255.255.255.0:host:eth0:off",
            &["10.0.0.2", "10.0.0.1"],
        ),
        ("option subnet-mask 255.255.255.0;", &[]),
        (
            "subnet 10.5.5.0 netmask 255.255.255.224 {",
            &["10.5.5.0/27"],
        ),
        (
            "\"ip\": \"10.1.1.1\", \"netmask\": \"255.255.255.255\"",
            &["10.1.1.1"],
        ),
    ]);
}

#[test]
fn routes_and_access_lists() {
    found(&[
        // route -n
        (
            "192.168.1.0     0.0.0.0         255.255.255.0   U     100    0        0 eth0",
            &["192.168.1.0", "0.0.0.0"],
        ),
        (
            "10.0.0.0        10.1.1.1        255.0.0.0       UG    0      0        0 eth0",
            &["10.0.0.0", "10.1.1.1"],
        ),
        (
            "route add -net 192.168.5.0 netmask 255.255.255.0 gw 10.0.0.1",
            &["192.168.5.0/24", "10.0.0.1"],
        ),
        // route print of Windows
        (
            "         10.0.0.0        255.0.0.0         On-link         10.0.0.5    281",
            &["10.0.0.0/8", "10.0.0.5"],
        ),
        // Cisco
        (
            "ip address 10.1.1.1 255.255.255.252 secondary",
            &["10.1.1.1/30"],
        ),
        (
            "ip route 0.0.0.0 0.0.0.0 10.1.1.254",
            &["0.0.0.0/0", "10.1.1.254"],
        ),
        ("network 10.0.0.0 0.0.0.255 area 0", &["10.0.0.0/24"]),
        (
            "access-list 101 permit ip 10.0.0.0 0.255.255.255 192.168.0.0 0.0.255.255",
            &["10.0.0.0/8", "192.168.0.0/16"],
        ),
        (
            "permit ip host 10.0.0.1 10.2.0.0 0.0.255.255",
            &["10.0.0.1", "10.2.0.0/16"],
        ),
        (
            "ip nat pool P 1.1.1.1 1.1.1.5 netmask 255.255.255.0",
            &["1.1.1.1", "1.1.1.5"],
        ),
        (
            "%SYS-5-CONFIG_I: Configured from console by vty0 (10.1.1.2)",
            &["10.1.1.2"],
        ),
        (" 1.3.6.1.4.1.9.9.46.1.3.1", &[]),
        // RouterOS, OpenVPN, FortiGate
        (
            "add address=192.168.88.10-192.168.88.254 list=pool",
            &["192.168.88.10-192.168.88.254"],
        ),
        (
            "add dst-address=0.0.0.0/0 gateway=10.0.0.1%ether1 comment=\"v6.48.1.2\"",
            &["0.0.0.0/0", "10.0.0.1"],
        ),
        (
            "push \"route 192.168.20.0 255.255.255.0\"",
            &["192.168.20.0/24"],
        ),
        ("set ip 192.168.1.99 255.255.255.0", &["192.168.1.99/24"]),
        // iptables-save, ipset save
        (
            "-A INPUT ! -s 192.168.1.1/32 -d 10.0.0.0/255.0.0.0 --src-range 1.2.3.4-1.2.3.9",
            &["192.168.1.1/32", "10.0.0.0/8", "1.2.3.4-1.2.3.9"],
        ),
        (
            "-A POSTROUTING -j SNAT --to-source 1.2.3.4-1.2.3.8:1024-2048",
            &["1.2.3.4-1.2.3.8"],
        ),
        (
            "add hpi 10.0.0.5,udp:53,192.168.1.1 timeout 512",
            &["10.0.0.5", "192.168.1.1"],
        ),
        // nginx, BIND, SPF
        (
            "listen [2001:db8::1]:443; deny 10.1.0.0-10.2.255.255; # nginx/1.25.3.0",
            &["2001:db8::1", "10.1.0.0-10.2.255.255"],
        ),
        (
            "acl x { 192.168.0.0/16; !10.0.0.2; 2001:db8::/32; };",
            &["192.168.0.0/16", "10.0.0.2", "2001:db8::/32"],
        ),
        (
            "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all",
            &["192.0.2.0/24", "2001:db8::/32"],
        ),
    ]);
}

#[test]
fn names_and_dots() {
    found(&[
        (
            "4.3.2.1.in-addr.arpa 10.0.0.1.nip.io 1-2-3-4.example.org",
            &[],
        ),
        (
            "banned 1.2.3.4...done, 1.2.3.5..1.2.3.9",
            &["1.2.3.4", "1.2.3.5", "1.2.3.9"],
        ),
        (
            "perl DB::Bad Face::Dead; arn:aws:iam::1234:root dead::beef",
            &["dead::beef"],
        ),
        ("MSIE 9; Chrome/120.0.0.0 Safari/537.36 app/v1.2.3.4", &[]),
        // A range as a text processor writes it, and an empty column between two tabs.
        ("10.0.0.1 \u{2013} 10.0.0.9", &["10.0.0.1-10.0.0.9"]),
        ("10.0.0.1\t-\t10.0.0.9", &["10.0.0.1", "10.0.0.9"]),
        ("10.0.0.0/24-10.0.3.0/24", &["10.0.0.0/24", "10.0.3.0/24"]),
    ]);
    // A web log does not have a version as its most frequent visitor.
    let log = "1.1.1.1 \"GET /\" \"Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36\"\n".repeat(3);
    let log = log + "1.1.1.2 \"GET /\" \"Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36\"\n";
    assert_eq!(
        good(&["dedupe", "-e", "-c"], log),
        "3\t1.1.1.1\n1\t1.1.1.2\n"
    );
}

#[test]
fn lists_of_others() {
    // Spamhaus DROP as text and as JSON, and the ranges of a cloud.
    let drop =
        "; Spamhaus DROP List 2026/11/29\n1.10.16.0/20 ; SBL256894\n1.19.0.0/16 ; SBL434604\n";
    assert_eq!(good(&["aggregate"], drop), "1.10.16.0/20\n1.19.0.0/16\n");
    let json = "{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"SBL256894\"}\n{\"type\":\"metadata\",\"records\":1}\n";
    assert_eq!(good(&["aggregate", "-e"], json), "1.10.16.0/20\n");
    let cloud = "{\"syncToken\": \"1700000000\", \"createDate\": \"2026-11-14-22-13-20\",\n \"prefixes\": [\n\
                 {\"ip_prefix\": \"3.5.140.0/22\", \"region\": \"ap-northeast-2\"}],\n\
                 \"ipv6_prefixes\": [{\"ipv6_prefix\": \"2a05:d07a:a000::/40\"}]}\n";
    assert_eq!(good(&["-e"], cloud), "3.5.140.0/22\n2a05:d07a:a000::/40\n");
    // A registry's file.
    let delegated = "apnic|AU|ipv4|1.0.0.0|256|20110811|assigned\napnic|JP|ipv6|2001:200::|35|19990813|allocated\n";
    assert_eq!(
        good(&["--field", "4", "-d", "|"], delegated),
        "1.0.0.0\n2001:200::\n"
    );
    // A list with numbers for addresses.
    let folder = Folder::new(&[(
        "numbers.csv",
        b"\"16777216\",\"16777471\",\"AU\",\"Australia\"\n",
    )]);
    let list = &*folder.name("numbers.csv");
    assert_eq!(
        good(
            &["label", "--forms", "numbers", "--in", list, "1.0.0.5"],
            ""
        ),
        "1.0.0.5\t16777216,16777471\tAU\tAustralia\n"
    );
    let (code, out, err) = run(&["label", "--in", list, "1.0.0.5"], "");
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("--forms numbers reads it"), "{err}");
    // From Windows: a byte order mark and other line ends. A label stands before the end of the line.
    let windows = "\u{feff}10.0.0.0/8\r\n192.168.0.0/16\r\n";
    assert_eq!(good(&[], windows), "10.0.0.0/8\n192.168.0.0/16\n");
    assert_eq!(
        good(&["label", "--append", "--in", "10.0.0.0/8"], windows),
        "\u{feff}10.0.0.0/8\t10.0.0.0/8\r\n192.168.0.0/16\t-\r\n"
    );
}

#[test]
fn stars_in_free_text() {
    let text = "at 192.168.1.*, 10.*.*.* but 1.2.* v1.2.3.* Tool/1.2.3.* 1.2.3.*.example.org hxxp://5[.]6[.]7[.]*/x 10.0.0.1\n";
    assert_eq!(run(&["-e"], text).1, "10.0.0.1\n");
    for forms in ["star,defanged", "lists"] {
        assert_eq!(
            good(&["-e", "--forms", forms], text),
            "192.168.1.0/24\n10.0.0.0/8\n5.6.7.0/24\n10.0.0.1\n"
        );
    }
    assert_eq!(
        good(
            &[
                "-e",
                "--forms",
                "star",
                "--columns",
                "column,input,canonical"
            ],
            "x 10.1.*.* y\n"
        ),
        "3\t10.1.*.*\t10.1.0.0/16\n"
    );
    assert_eq!(
        good(&["--first", "--forms", "star"], "10.1.1.* 10.2.2.2\n"),
        "10.1.1.0/24\n"
    );
    assert_eq!(
        good(
            &["-e", "--field", "2", "-d", ";", "--forms", "star"],
            "1.1.1.*;2.2.2.*\n"
        ),
        "2.2.2.0/24\n"
    );
}

#[test]
fn names_of_ports() {
    let text = "IP 10.0.0.5.https > 10.0.0.7.domain: Flags\nIP6 2001:db8::1.http-alt > ::1.53: x\n\
                tcp4 10.1.1.117.4222 10.2.2.2.example.org *.* LISTEN\n";
    assert_eq!(run(&["-e"], text).0, 1);
    assert_eq!(
        good(&["-e", "--dotted-ports"], text),
        "10.0.0.5\n10.0.0.7\n2001:db8::1\n::1\n10.1.1.117\n"
    );
    assert_eq!(
        good(&["anonymize"], "IP 10.0.0.5.https > x\n"),
        "IP 10.0.0.0.https > x\n"
    );
    // A mask stays as it is.
    assert_eq!(
        good(
            &["anonymize", "--mask", "8,32"],
            "10.1.2.3 Mask:255.255.255.0\n"
        ),
        "10.0.0.0 Mask:255.255.255.0\n"
    );
}

#[test]
fn mapped_addresses_in_every_verb() {
    let folder = Folder::new(&[("list", b"::ffff:1.2.3.0/120,x\n")]);
    let list = &*folder.name("list");
    for (args, out) in [
        (&["canonical"][..], "1.2.3.4\n"),
        (&["classify"], "1.2.3.4\t-\t-\tyes\n"),
        (&["check"], ""),
        (
            &[
                "filter",
                "--columns",
                "address",
                "--in",
                "::ffff:1.2.3.0/120",
            ],
            "1.2.3.4\n",
        ),
        (
            &["exclude", "--columns", "address", "--in", "1.2.3.5"],
            "1.2.3.4\n",
        ),
        (&["label", "--in", list], "1.2.3.4\t::ffff:1.2.3.0/120\tx\n"),
        (
            &["label", "--in", list, "--columns", "address"],
            "1.2.3.4\n",
        ),
        (&["sort"], "1.2.3.4\n"),
        (&["dedupe"], "1.2.3.4\n"),
        (&["count", "-4"], "1\n"),
        (&["aggregate"], "1.2.3.4/32\n"),
        (&["subtract", "--in", "::ffff:1.2.3.5"], "1.2.3.4/32\n"),
        (&["intersect", "--in", "::ffff:1.2.3.0/120"], "1.2.3.4/32\n"),
        (
            &["overlaps", "--in", "1.2.3.0/24"],
            "::ffff:1.2.3.4\t-:1\t1.2.3.0/24\targument 1:1\n",
        ),
        (&["free", "--in", "::ffff:1.2.3.5"], "1.2.3.4\n"),
        (&["supernet"], "1.2.3.4/32\n"),
        (&["split", "-n", "1"], "1.2.3.4/32\n"),
        (&["range"], "1.2.3.4-1.2.3.4\n"),
        (&["hosts"], "1.2.3.4\n"),
        (&["random"], "1.2.3.4\n"),
        (&["info", "--columns", "address"], "1.2.3.4\n"),
        (&["anonymize", "--mask", "24,48"], "1.2.3.0\n"),
    ] {
        let with = [args, &["--unmap"]].concat();
        assert_eq!(good(&with, "::ffff:1.2.3.4\n"), out, "{args:?}");
    }
    assert_eq!(
        good(&["diff", "--unmap", "1.2.3.4", "::ffff:1.2.3.4"], ""),
        ""
    );
    // Without the option, IPv4 addresses are not in a list of IPv6 networks.
    assert_eq!(
        good(&["label", "--in", list, "1.2.3.4"], ""),
        "1.2.3.4\t-\t-\n"
    );
}

/// The set and the input cannot both come from standard input: one of them would be empty, and nothing
/// would tell.
#[test]
fn standard_input_is_read_once() {
    for args in [
        &["filter", "--in", "-"][..],
        &["filter", "--in", "-", "-"],
        &["exclude", "--in", "10.0.0.0/8", "--in", "-", "-"],
        &["subtract", "--in", "-"],
        &["intersect", "--in", "-", "-"],
        &["label", "--in", "-"],
        &["overlaps", "--in", "-"],
        &["free", "--in", "-"],
        &["diff", "-", "-"],
    ] {
        let (code, out, err) = run(args, "10.0.0.1\n");
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(
            err.contains("standard input can be read only once"),
            "{err}"
        );
    }
    assert_eq!(
        good(&["filter", "--in", "-", "10.0.0.1"], "10.0.0.1\n"),
        "10.0.0.1\n"
    );
    assert_eq!(run(&["diff", "-", "10.0.0.1"], "10.0.0.1\n").0, 0);
}

#[test]
fn sets_with_white_space_and_empty_sets() {
    let lines = "10.1.1.1\n192.168.1.1\n8.8.8.8\n";
    for set in [
        "10.0.0.0/8 192.168.0.0/16",
        "10.0.0.0/8, 192.168.0.0/16",
        "Private-Use",
        "PRIVATE",
    ] {
        assert_eq!(
            good(&["filter", "--in", set], lines),
            "10.1.1.1\n192.168.1.1\n",
            "{set}"
        );
    }
    assert_eq!(
        good(
            &["filter", "--in", "Documentation (TEST-NET-1)", "192.0.2.1"],
            ""
        ),
        "192.0.2.1\n"
    );
    assert_eq!(
        good(
            &["filter", "--forms", "mask", "--in", "10.0.0.0 255.0.0.0"],
            lines
        ),
        "10.1.1.1\n"
    );
    // A variable that is empty by mistake does not let everything through.
    for set in ["", " ", ",", ", ,"] {
        for verb in ["filter", "exclude", "subtract"] {
            let (code, out, err) = run(&[verb, "--in", set], lines);
            assert_eq!((code, out.as_str()), (2, ""), "{verb} {set:?}");
            assert_eq!(err, "ipparse: --in: the set is empty\n");
        }
    }
    let err = run(&["free", "10.0.0.0/24"], "").2;
    assert!(
        err.contains("ipparse free 10.0.0.0/24 --in used.txt"),
        "{err}"
    );
    assert_eq!(run(&["split", "10.0.0.0/24", "--hosts", "0"], "").0, 2);
    let (code, _, err) = run(&["filter", "-r", "--in", "::1", "/no/such"], "");
    assert_eq!(code, 2);
    assert!(err.starts_with("ipparse: /no/such: No such file"), "{err}");
}
