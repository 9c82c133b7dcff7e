//! Tests of the output of each sub-command, with the built program.

mod common;

use common::{Folder, good, ipparse, run};

#[test]
fn canonical_is_what_is_done_without_a_word() {
    let text = "2001:DB8:0:0::1\n192.0.2.1\n 10.0.0.0/8 # ours\n\n[::1]:80\n10.0.0.1 - 10.0.0.9\nFE80::1%eth0\n";
    let canonical =
        "2001:db8::1\n192.0.2.1\n10.0.0.0/8\n[::1]:80\n10.0.0.1-10.0.0.9\nfe80::1%eth0\n";
    assert_eq!(good(&[], text), canonical);
    assert_eq!(good(&["canonical"], text), canonical);
    assert_eq!(good(&["-"], text), canonical);
    assert_eq!(
        good(&["::FFFF:192.0.2.1", "0x7f000001"], ""),
        "::ffff:192.0.2.1\n127.0.0.1\n"
    );
}

#[test]
fn other_forms() {
    let one = |to: &str, text: &str| good(&["--to", to, text], "");
    assert_eq!(
        one("expanded", "::1/64"),
        "0000:0000:0000:0000:0000:0000:0000:0001/64\n"
    );
    assert_eq!(one("expanded", "1.2.3.4"), "1.2.3.4\n");
    assert_eq!(one("reverse", "192.0.2.1"), "1.2.0.192.in-addr.arpa\n");
    assert_eq!(
        one("reverse", "10.2.0.0/15"),
        "2.10.in-addr.arpa\n3.10.in-addr.arpa\n"
    );
    assert_eq!(
        one("reverse", "2001:db8::/32"),
        "8.b.d.0.1.0.0.2.ip6.arpa\n"
    );
    assert_eq!(one("integer", "192.0.2.1"), "3221225985\n");
    assert_eq!(one("integer", "::1-::a"), "1-10\n");
    assert_eq!(one("hex", "192.0.2.1"), "0xc0000201\n");
    assert_eq!(
        one("hex", "[::1]:80"),
        "[0x00000000000000000000000000000001]:80\n"
    );
    assert_eq!(
        one("binary", "192.0.2.1"),
        "0b11000000000000000000001000000001\n"
    );
    // The text is converted back.
    let back = |from: &str, text: &str| good(&["--from", from, text], "");
    assert_eq!(back("integer", "3221225985"), "192.0.2.1\n");
    assert_eq!(back("hex", "c0000201"), "192.0.2.1\n");
    assert_eq!(back("classic", "0x7f.1"), "127.0.0.1\n");
    assert_eq!(back("reverse", "1.2.0.192.in-addr.arpa"), "192.0.2.1\n");
    assert_eq!(back("net", "10.0.0.0/255.0.0.0"), "10.0.0.0/8\n");
    assert_eq!(run(&["--from", "ip", "10.0.0.0/8"], "").0, 1);
}

#[test]
fn json_and_columns() {
    assert_eq!(
        good(&["--json"], "::1\n10.0.0.0/8\n"),
        "{\"input\":\"::1\",\"kind\":\"address\",\"canonical\":\"::1\"}\n\
         {\"input\":\"10.0.0.0/8\",\"kind\":\"network\",\"canonical\":\"10.0.0.0/8\"}\n",
    );
    assert!(
        good(&["--json", "--to", "hex", "1.2.3.4"], "").ends_with(",\"hex\":\"0x01020304\"}\n")
    );
    let columns = "file,line,column,input,version,port,zone";
    assert_eq!(
        good(
            &["--columns", columns],
            "\n  [::1]:80\nfe80::1%eth0\n1.2.3.4\n"
        ),
        "-\t2\t3\t[::1]:80\t6\t80\t-\n-\t3\t1\tfe80::1%eth0\t6\t-\teth0\n-\t4\t1\t1.2.3.4\t4\t-\t-\n",
    );
    assert_eq!(
        good(
            &["--json", "--columns", "line,integer,global", "8.8.8.8"],
            ""
        ),
        "{\"line\":1,\"integer\":134744072,\"global\":true}\n",
    );
    // The name of this file has quotes, control bytes and bytes that are not UTF-8.
    let folder = Folder::new(&[("a\"b", b"1.2.3.4")]);
    let json = good(&["--json", "--columns", "file", &folder.name("a\"b")], "");
    assert!(json.ends_with("a\\\"b\"}\n"), "{json}");
}

#[test]
fn extract_finds_addresses_in_free_text() {
    let log = "12:30:01 sshd[7]: from 192.0.2.7 port 22, [2001:DB8::1]:443 (10.0.0.0/8).\nnone here 1.2.3\nv1.2.3.4.5\n::1\n";
    assert_eq!(
        good(&["--extract"], log),
        "192.0.2.7\n2001:db8::1\n10.0.0.0/8\n::1\n"
    );
    assert_eq!(
        good(&["-e", "--columns", "line,column,input"], log),
        "1\t24\t192.0.2.7\n1\t44\t2001:DB8::1\n1\t62\t10.0.0.0/8\n4\t1\t::1\n",
    );
}

#[test]
fn classify_says_what_an_address_is_for() {
    assert_eq!(
        good(
            &[
                "classify",
                "10.1.2.3",
                "8.8.8.8",
                "2001:db8::/40",
                "0.0.0.0/0",
                "224.0.0.1"
            ],
            ""
        ),
        "10.1.2.3\tPrivate-Use\tRFC 1918\tno\n8.8.8.8\t-\t-\tyes\n2001:db8::/40\tDocumentation\tRFC 3849\tno\n\
         0.0.0.0/0\tseveral blocks\t-\t-\n224.0.0.1\tMulticast\tRFC 5771\t-\n",
    );
    assert_eq!(
        good(&["classify", "--json", "192.0.0.9"], ""),
        "{\"canonical\":\"192.0.0.9\",\"name\":\"Port Control Protocol Anycast\",\"rfc\":\"RFC 7723\",\"global\":true}\n",
    );
}

#[test]
fn check_marks_what_is_wrong() {
    assert_eq!(good(&["check"], "::1\n10.0.0.0/8\n"), "");
    let (code, out, err) = run(&["check"], "::1\n  192.0.2.300 # x\n1:2::3::4\n");
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(
        err,
        "ipparse: -:2:11: octet over 255\n    192.0.2.300 # x\n            ^\n\
         ipparse: -:3:7: second '::'\n  1:2::3::4\n        ^\n",
    );
    assert_eq!(
        run(&["check", "-q", "1.2.3"], ""),
        (1, String::new(), String::new())
    );
    assert!(run(&["check", "--strict"], "x\ny\n").2.lines().count() == 3);
}

#[test]
fn sort_by_address() {
    let text = "::1\n10.0.0.10\n10.0.0.9\n10.0.0.0/16\n10.0.0.0/8\n10.0.0.9\n10.0.0.0\n9.9.9.9-9.9.9.10\n[::1]:90\n[::1]:80\n";
    let sorted = "9.9.9.9-9.9.9.10\n10.0.0.0/8\n10.0.0.0/16\n10.0.0.0\n10.0.0.9\n10.0.0.9\n10.0.0.10\n::1\n[::1]:80\n[::1]:90\n";
    assert_eq!(good(&["sort"], text), sorted);
    assert_eq!(
        good(&["sort", "-u"], text),
        sorted.replacen("10.0.0.9\n", "", 1)
    );
    let reversed: String = sorted.lines().rev().map(|l| format!("{l}\n")).collect();
    assert_eq!(good(&["sort", "--reverse"], text), reversed);
    assert_eq!(
        good(
            &["sort", "--columns", "line,input", "-u"],
            "1.1.1.2\n1.1.1.1"
        ),
        "2\t1.1.1.1\n1\t1.1.1.2\n"
    );
    assert_eq!(
        good(&["sort", "--keep-invalid"], "# a\n2.2.2.2\nx\n1.1.1.1\n"),
        "1.1.1.1\n2.2.2.2\n# a\nx\n"
    );
}

#[test]
fn dedupe_keeps_the_first() {
    let text = "::2\n::1\n0:0::1\n10.0.0.1\n::2\n::1\n";
    assert_eq!(good(&["dedupe"], text), "::2\n::1\n10.0.0.1\n");
    assert_eq!(
        good(&["dedupe", "--count"], text),
        "3\t::1\n2\t::2\n1\t10.0.0.1\n"
    );
    assert_eq!(
        good(
            &["dedupe", "--count", "--json", "--columns", "canonical,line"],
            text
        )
        .lines()
        .next(),
        Some("{\"count\":3,\"canonical\":\"::1\",\"line\":2}"),
    );
    assert_eq!(
        good(&["dedupe", "--keep-invalid"], "x\n::1\nx\n::1\n"),
        "x\n::1\nx\n"
    );
}

#[test]
fn aggregate_to_the_fewest_networks() {
    let text = "10.0.1.0/24\n10.0.0.0/24\n10.0.0.7\n192.0.2.1-192.0.2.2\n2001:db8::/33\n2001:db8:8000::/33\n[::1]:80\n";
    assert_eq!(
        good(&["aggregate"], text),
        "10.0.0.0/23\n192.0.2.1/32\n192.0.2.2/32\n::1/128\n2001:db8::/32\n",
    );
    assert_eq!(
        good(&["merge", "--bare"], "10.0.0.1\n::1\n::2/127"),
        "10.0.0.1\n::1\n::2/127\n"
    );
    assert_eq!(
        good(&["aggregate", "--ranges"], text).lines().next(),
        Some("10.0.0.0-10.0.1.255")
    );
    assert_eq!(
        good(&["aggregate", "--ranges"], "1.1.1.1"),
        "1.1.1.1-1.1.1.1\n"
    );
    assert_eq!(
        good(&["aggregate", "--json"], "1.1.1.1"),
        "{\"network\":\"1.1.1.1/32\"}\n"
    );
    assert_eq!(
        good(&["aggregate", "--to", "hex"], "1.1.1.0/25\n1.1.1.128/25"),
        "0x01010100/24\n"
    );
    assert_eq!(
        good(&["aggregate"], "0.0.0.0/0\n::/0\n"),
        "0.0.0.0/0\n::/0\n"
    );
    assert_eq!(good(&["aggregate"], ""), "");
    assert_eq!(
        good(
            &["aggregate", "--extract"],
            "a 10.0.0.0/25, b 10.0.0.128/25."
        ),
        "10.0.0.0/24\n"
    );
    assert_eq!(run(&["aggregate", "--columns", "line", "::1"], "").0, 2);
}

#[test]
fn subtract_and_intersect() {
    let folder = Folder::new(&[("allow", b"10.0.0.128/25 # kept\n2001:db8:1::/48\n")]);
    let allow = folder.name("allow");
    assert_eq!(
        good(&["subtract", "--in", &allow], "10.0.0.0/24\n::1\n"),
        "10.0.0.0/25\n::1/128\n"
    );
    assert_eq!(
        good(
            &["intersect", "--in", &allow],
            "10.0.0.0/24\n2001:db8::/32\n"
        ),
        "10.0.0.128/25\n2001:db8:1::/48\n"
    );
    assert_eq!(
        good(
            &["subtract", "10.0.0.0/30", "--in", "10.0.0.1,10.0.0.3"],
            ""
        ),
        "10.0.0.0/32\n10.0.0.2/32\n"
    );
    assert_eq!(
        good(
            &[
                "subtract",
                "0.0.0.0/0",
                "-i",
                "0.0.0.0/1",
                "-i",
                "::/0",
                "--ranges"
            ],
            ""
        ),
        "128.0.0.0-255.255.255.255\n"
    );
}

#[test]
fn split_networks() {
    assert_eq!(
        good(&["split", "--prefix", "24", "10.0.0.7/23"], ""),
        "10.0.0.0/24\n10.0.1.0/24\n"
    );
    assert_eq!(
        good(&["split", "--parts", "4", "10.0.0.0/24"], "")
            .lines()
            .count(),
        4
    );
    assert_eq!(
        good(&["split", "-p", "128", "2001:db8::/127"], ""),
        "2001:db8::/128\n2001:db8::1/128\n"
    );
    assert_eq!(good(&["split", "-n", "1", "::/0"], ""), "::/0\n");
    let (code, out, err) = run(&["split", "--prefix", "8"], "10.0.0.0/24\n1.0.0.0/7\n");
    assert_eq!((code, out.as_str()), (1, "0.0.0.0/8\n1.0.0.0/8\n"));
    assert_eq!(
        err,
        "ipparse: -:1:1: 10.0.0.0/24 cannot be split into networks with the length 8\n"
    );
    assert_eq!(run(&["split", "--prefix", "129", "::/0"], "").0, 1);
    assert_eq!(
        run(&["split", "--prefix", "24", "1.1.1.1-1.1.1.2"], "").0,
        1
    );
    assert_eq!(run(&["split", "--parts", "3", "10.0.0.0/24"], "").0, 2);
    assert_eq!(run(&["split", "10.0.0.0/24"], "").0, 2);
}

#[test]
fn ranges_to_networks_and_back() {
    assert_eq!(
        good(&["range", "10.0.0.1-10.0.0.6"], ""),
        "10.0.0.1/32\n10.0.0.2/31\n10.0.0.4/31\n10.0.0.6/32\n"
    );
    assert_eq!(
        good(&["range", "10.0.0.7/8", "::1"], ""),
        "10.0.0.0-10.255.255.255\n::1-::1\n"
    );
    assert_eq!(
        good(&["range", "--ranges", "::1-::2", "::/127"], ""),
        "::1-::2\n::-::1\n"
    );
    assert_eq!(
        good(&["range", "--nets", "::1-::2", "10.1.1.1/8"], ""),
        "::1/128\n::2/128\n10.0.0.0/8\n"
    );
    assert_eq!(
        good(
            &[
                "range",
                "0.0.0.0-255.255.255.255",
                "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
            ],
            ""
        ),
        "0.0.0.0/0\n::/0\n"
    );
}

#[test]
fn hosts_are_written_lazily() {
    assert_eq!(
        good(&["hosts", "192.0.2.0/30"], ""),
        "192.0.2.1\n192.0.2.2\n"
    );
    assert_eq!(
        good(&["hosts", "--all", "192.0.2.0/30"], "")
            .lines()
            .count(),
        4
    );
    assert_eq!(
        good(&["hosts", "192.0.2.0/31", "192.0.2.9", "::1-::2"], ""),
        "192.0.2.0\n192.0.2.1\n192.0.2.9\n::1\n::2\n"
    );
    assert_eq!(
        good(
            &["hosts", "--count", "10.0.0.0/8", "::/0", "2001:db8::/64"],
            ""
        ),
        "16777214\n340282366920938463463374607431768211456\n18446744073709551616\n",
    );
    assert_eq!(
        good(&["hosts", "--limit", "2", "::/0", "10.0.0.0/8"], ""),
        "::\n::1\n10.0.0.1\n10.0.0.2\n"
    );
    assert_eq!(
        good(&["hosts", "--to", "hex", "::1"], ""),
        "0x00000000000000000000000000000001\n"
    );
}

#[test]
fn info_for_humans_and_programs() {
    let page = good(&["info", "192.168.1.77/26"], "");
    for line in [
        "Address     192.168.1.77",
        "Network     192.168.1.64/26",
        "Netmask     255.255.255.192",
        "Wildcard    0.0.0.63",
        "First       192.168.1.64",
        "Broadcast   192.168.1.127",
        "First host  192.168.1.65",
        "Last host   192.168.1.126",
        "Hosts       62",
        "Addresses   64",
        "Purpose     Private-Use",
        "Document    RFC 1918",
        "Global      no",
    ] {
        assert!(page.lines().any(|l| l == line), "{line}\n{page}");
    }
    let v6 = good(&["info", "2001:db8::/64"], "");
    assert!(
        v6.contains("18446744073709551616")
            && !v6.contains("Broadcast")
            && !v6.contains("Wildcard"),
        "{v6}"
    );
    assert!(
        good(&["info", "--json", "10.0.0.0/30"], "")
            .contains("\"broadcast\":\"10.0.0.3\",\"first_host\":\"10.0.0.1\"")
    );
    // Colours are used only on a terminal, or on request.
    assert!(!page.contains('\x1b'));
    assert!(good(&["info", "--color", "always", "::1"], "").contains("\x1b["));
}

#[test]
fn completions_and_the_manual() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = good(&["completions", shell], "");
        assert!(
            script.contains("ipparse") && script.contains("aggregate"),
            "{shell}"
        );
    }
    let man = good(&["man"], "");
    assert!(
        man.contains(".TH ipparse 1") && man.contains("IPPARSE AGGREGATE"),
        "{man}"
    );
    assert!(man.contains("\\-\\-keep\\-invalid"));
}

#[test]
fn help_teaches_the_tool() {
    let help = good(&["--help"], "");
    // The verbs of the list: two spaces before a word of lower-case letters.
    let list = help.split("\nCommands:\n").nth(1).unwrap();
    let list = list.split("\n\n").next().unwrap();
    let verbs: Vec<_> = list
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once(' '))
        .map(|(verb, _)| verb)
        .filter(|verb| !verb.is_empty() && *verb != "help")
        .collect();
    assert!(verbs.len() >= 24, "{verbs:?}");
    for word in ["Examples:", "Exit status:", "--extract", "--keep-invalid"] {
        assert!(help.contains(word), "{word}");
    }
    for verb in verbs {
        let help = good(&[verb, "--help"], "");
        assert!(help.contains("Usage: ipparse"), "{verb}");
        assert!(
            help.contains("Example") && help.contains(&format!("ipparse {verb}")),
            "{verb} has no example"
        );
    }
    ipparse().arg("--version").assert().success();
    // The examples of the help are commands that work.
    let folder = Folder::new(&[
        ("access.log", b"192.0.2.1 GET /\n10.1.2.3 GET /\n" as &[u8]),
        ("blocklist.txt", b"192.0.2.0/24\n"),
        ("crawlers.txt", b"192.0.2.1\n"),
        ("feed.txt", b"192.0.2.0/24\n"),
        ("allow.txt", b"192.0.2.7\n"),
        ("asn.csv", b"192.0.2.0/24,64496,EXAMPLE\n"),
        ("used.txt", b"10.0.0.0/24\n"),
    ]);
    let examples = help
        .split("Examples:")
        .nth(1)
        .unwrap()
        .split("Exit status")
        .next()
        .unwrap();
    let mut count = 0;
    for line in examples
        .lines()
        .filter(|l| l.trim_start().starts_with("ipparse "))
    {
        let words = line.trim().split("  ").next().unwrap().split(' ').skip(1);
        let args: Vec<&str> = words
            .take_while(|w| !["the", "who", "whose"].contains(w))
            .map(|w| w.trim_start_matches('*'))
            .collect();
        let args = args
            .iter()
            .map(|w| if *w == ".log" { "access.log" } else { w });
        let output = ipparse()
            .args(args)
            .current_dir(folder.path(""))
            .output()
            .unwrap();
        let wrong = line.contains("check");
        assert_eq!(output.status.code(), Some(i32::from(wrong)), "{line}");
        assert_eq!(output.stdout.is_empty(), wrong, "{line}");
        count += 1;
    }
    assert_eq!(count, 17);
}
