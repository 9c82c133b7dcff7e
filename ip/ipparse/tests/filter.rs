//! Tests of `filter` and `exclude` with the built program.

mod common;

use common::{Folder, Random, good, run};

const LOG: &str = "\
a 10.1.2.3 x
b 192.0.2.7:80 and 10.9.9.9
c nothing
d [2001:db8::5]:443
e 198.51.100.1
f ::ffff:10.0.0.1
";

fn letters(args: &[&str]) -> String {
    let (_, out, err) = run(args, LOG);
    assert_eq!(err, "");
    out.lines().map(|line| &line[..1]).collect()
}

#[test]
fn lines_with_an_address_of_the_set() {
    assert_eq!(letters(&["filter", "--in", "10.0.0.0/8"]), "abf");
    assert_eq!(
        letters(&["filter", "--in", "10.0.0.0/8,2001:db8::/32"]),
        "abdf"
    );
    assert_eq!(
        letters(&["filter", "-i", "2001:db8::/32", "-i", "198.51.100.1"]),
        "de"
    );
    assert_eq!(letters(&["filter", "--in", "192.0.2.1-192.0.2.9"]), "b");
    assert_eq!(letters(&["filter", "--in", "::ffff:0:0/96"]), "f");
    assert_eq!(letters(&["filter", "--in", "::/0"]), "df");
    assert_eq!(letters(&["filter", "--in", "0.0.0.0/0"]), "abef");
}

#[test]
fn the_other_lines() {
    assert_eq!(letters(&["exclude", "--in", "10.0.0.0/8"]), "cde");
    assert_eq!(
        letters(&["exclude", "--in", "10.0.0.0/8,2001:db8::/32"]),
        "ce"
    );
    assert_eq!(letters(&["filter", "-v", "--in", "10.0.0.0/8"]), "de");
    assert_eq!(
        letters(&["filter", "--invert", "--in", "0.0.0.0/0,::/0"]),
        ""
    );
    assert_eq!(letters(&["exclude", "--in", "203.0.113.1"]), "abcdef");
}

#[test]
fn counts_and_exit_statuses() {
    let all = |args: &[&str]| run(args, LOG);
    assert_eq!(
        all(&["filter", "-c", "--in", "10.0.0.0/8"]),
        (0, "3\n".into(), String::new())
    );
    assert_eq!(
        all(&["exclude", "--count", "--in", "10.0.0.0/8"]),
        (0, "3\n".into(), String::new())
    );
    assert_eq!(
        all(&["filter", "-vc", "--in", "10.0.0.0/8"]),
        (0, "2\n".into(), String::new())
    );
    assert_eq!(
        all(&["filter", "-c", "--in", "203.0.113.0/24"]),
        (1, "0\n".into(), String::new())
    );
    assert_eq!(
        all(&["filter", "--in", "203.0.113.0/24"]),
        (1, String::new(), String::new())
    );
    // This is neither a file nor an address.
    let (code, out, err) = all(&["filter", "--in", "203.0.113.0/33"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("prefix length over 32"), "{err}");
    let (code, _, err) = all(&["filter", "--in", "/no/such/file"]);
    assert!(
        code == 2 && err.contains("/no/such/file: No such file"),
        "{err}"
    );
    assert_eq!(all(&["filter"]).0, 2);
}

#[test]
fn sets_from_files() {
    let set = b"# head\n10.0.0.0/8 ; ours\n\nnonsense\n2001:db8::/32\r\n";
    let folder = Folder::new(&[("set", set), ("good", b"10.0.0.0/8"), ("empty", b"")]);
    let (code, out, err) = run(&["filter", "--in", &folder.name("set")], LOG);
    assert_eq!((code, out.lines().count()), (2, 4));
    assert!(
        err.ends_with("set:4:1: unexpected byte: >n<onsense\n"),
        "{err}"
    );
    let (code, out, _) = run(&["filter", "--strict", "--in", &folder.name("set")], LOG);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(
        run(&["filter", "--in", &folder.name("empty")], LOG),
        (1, String::new(), String::new())
    );
    assert_eq!(good(&["exclude", "--in", &folder.name("empty")], LOG), LOG);
    // The set comes from standard input, and the lines from a file.
    let lines = Folder::new(&[("log", LOG.as_bytes())]);
    assert_eq!(
        good(
            &["filter", "-c", "--in", "-", &lines.name("log")],
            "10.0.0.0/8\n"
        ),
        "3\n"
    );
    // With several files, their names stand before the lines.
    let log = lines.name("log");
    let both = good(&["filter", "--in", &folder.name("good"), &log, &log], "");
    assert_eq!(
        both.lines()
            .filter(|l| l.starts_with(&format!("{log}:a 10.")))
            .count(),
        2
    );
    assert!(
        !good(
            &["filter", "--no-filename", "--in", "10.0.0.0/8", &log, &log],
            ""
        )
        .contains(&log)
    );
    assert!(good(&["filter", "-H", "--in", "10.0.0.0/8", &log], "").starts_with(&log));
    assert_eq!(
        good(
            &["filter", "--in", "10.0.0.0/8", "10.2.3.4", "11.2.3.4"],
            ""
        ),
        "10.2.3.4\n"
    );
}

#[test]
fn what_is_passed_on_is_not_changed() {
    let lines: [&[u8]; 5] = [
        b"10.0.0.1\r\n",
        b"\xff\xfe 10.0.0.2 \xf0\n",
        b"a\0 10.0.0.3\0b\n",
        b"x 10.0.0.4",
        b"",
    ];
    let text = lines.concat();
    let out = common::ipparse()
        .args(["filter", "--in", "10.0.0.0/8"])
        .write_stdin(text.clone())
        .output()
        .unwrap();
    assert_eq!(out.stdout, [&text[..], b"\n"].concat());
}

/// The lines are the same and in order for any number of threads, also over the borders of blocks.
#[test]
fn threads_make_no_difference() {
    let mut random = Random(1);
    let mut log = String::new();
    let mut expected = String::new();
    for n in 0..60_000 {
        let (a, b) = (random.v4(), random.v6());
        let line = match random.below(4) {
            0 => format!("{n} from {a} to {b}\n"),
            1 => format!("{a}\n"),
            2 => format!(
                "{n} nothing at {}:{:02}\n",
                random.below(24),
                random.below(60)
            ),
            _ => format!("{n} [{b}]:80 {}\n", "x".repeat(random.below(300) as usize)),
        };
        let hit = line.contains(&a.to_string()) && a.octets()[0] < 64
            || line.contains(&b.to_string()) && b.segments()[1] == 0xdb9;
        if hit {
            expected.push_str(&line);
        }
        log.push_str(&line);
    }
    assert!(log.len() > 4_000_000 && expected.len() > 1_000_000);
    let folder = Folder::new(&[("log", log.as_bytes())]);
    let set = "0.0.0.0/2,2001:db9::/32";
    for threads in ["1", "2", "7"] {
        let args = ["filter", "--in", set, "--threads", threads];
        assert!(
            good(&[&args[..], &[&folder.name("log")]].concat(), "") == expected,
            "{threads}"
        );
        assert!(good(&args, &log) == expected, "{threads} from a pipe");
    }
    let rest = good(&["exclude", "--in", set, &folder.name("log")], "");
    assert_eq!(rest.len() + expected.len(), log.len());
}

#[test]
fn an_object_for_each_line() {
    let set = "10.0.0.0/8,2001:db8::/32";
    assert_eq!(
        good(&["filter", "--json", "--in", set], LOG),
        r#"{"line":1,"address":"10.1.2.3","match":"10.0.0.0/8","text":"a 10.1.2.3 x"}
{"line":2,"address":"10.9.9.9","match":"10.0.0.0/8","text":"b 192.0.2.7:80 and 10.9.9.9"}
{"line":4,"address":"2001:db8::5","match":"2001:db8::/32","text":"d [2001:db8::5]:443"}
{"line":6,"address":"::ffff:10.0.0.1","match":"10.0.0.0/8","text":"f ::ffff:10.0.0.1"}
"#
    );
    assert_eq!(
        good(&["filter", "-v", "--json", "--in", set], LOG),
        "{\"line\":5,\"address\":\"198.51.100.1\",\"text\":\"e 198.51.100.1\"}\n"
    );
    assert_eq!(
        good(&["exclude", "--json", "--in", set], LOG),
        r#"{"line":3,"address":null,"text":"c nothing"}
{"line":5,"address":"198.51.100.1","text":"e 198.51.100.1"}
"#
    );
    // These match all lines, and none.
    let none = "203.0.113.0/24";
    assert_eq!(
        run(&["filter", "--json", "--in", none], LOG),
        (1, String::new(), String::new())
    );
    let all = good(&["exclude", "--json", "--in", none], LOG);
    assert_eq!(all.lines().count(), 6);
}

/// Every object is valid JSON, even if its bytes are not text.
#[test]
fn an_object_of_any_bytes() {
    let lines: [&[u8]; 4] = [
        b"\xff\"\\ 10.0.0.1\t\xf0\r\n",
        b"a\0 10.0.0.2\0\n",
        b"\n",
        b"10.0.0.3",
    ];
    let out = good(&["filter", "--json", "--in", "10.0.0.0/8"], lines.concat());
    let values: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let texts: Vec<_> = values.iter().map(|v| v["text"].as_str().unwrap()).collect();
    assert_eq!(
        texts,
        [
            "\u{fffd}\"\\ 10.0.0.1\t\u{fffd}",
            "a\0 10.0.0.2\0",
            "10.0.0.3"
        ]
    );
    let numbers: Vec<_> = values.iter().map(|v| v["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 4]);
}

#[test]
fn columns_of_lines() {
    let with = |args: &[&str]| good(&[args, &["--in", "10.0.0.0/8"]].concat(), LOG);
    assert_eq!(
        with(&["filter", "--columns", "line,column,input,match,hex"]),
        "1\t3\t10.1.2.3\t10.0.0.0/8\t0x0a010203\n\
         2\t20\t10.9.9.9\t10.0.0.0/8\t0x0a090909\n\
         6\t3\t::ffff:10.0.0.1\t10.0.0.0/8\t0x00000000000000000000ffff0a000001\n"
    );
    assert_eq!(
        with(&["exclude", "--columns", "line,address,global,text,file"]),
        "3\t-\t-\tc nothing\t-\n\
         4\t2001:db8::5\tno\td [2001:db8::5]:443\t-\n\
         5\t198.51.100.1\tno\te 198.51.100.1\t-\n"
    );
    assert_eq!(
        with(&["filter", "-v", "--json", "--columns", "version,name"]),
        "{\"version\":6,\"name\":\"Documentation\"}\n{\"version\":4,\"name\":\"Documentation (TEST-NET-2)\"}\n"
    );
    // A tab in a line does not separate columns.
    assert_eq!(
        good(
            &["filter", "--in", "::1", "--columns", "text,line"],
            "a\t::1\n"
        ),
        "a ::1\t1\n"
    );
}

#[test]
fn the_match_is_the_most_specific_entry_as_it_is_written() {
    for (set, addr, network) in [
        ("10.0.0.0/9,10.128.0.0/9", "10.200.0.1", "10.128.0.0/9"),
        (
            "10.0.0.0/8,10.1.0.0/16,10.1.2.0/24",
            "10.1.3.1",
            "10.1.0.0/16",
        ),
        (
            "8.0.0.0/8,8.8.8.0-8.8.8.255",
            "8.8.8.8",
            "8.8.8.0-8.8.8.255",
        ),
        (
            "8.0.0.0-8.8.7.255,8.8.8.0-8.8.8.255,8.8.9.0-8.255.255.255",
            "8.8.8.8",
            "8.8.8.0-8.8.8.255",
        ),
        ("10.0.0.1-10.0.0.9", "10.0.0.5", "10.0.0.1-10.0.0.9"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        (
            "::ffff:0:0/96,10.0.0.0/8",
            "::ffff:10.0.0.1",
            "::ffff:0:0/96",
        ),
        ("0.0.0.0/0", "::ffff:10.0.0.1", "0.0.0.0/0"),
        ("::/0", "ffff::", "::/0"),
    ] {
        let set = ["filter", "--in", set, "--columns", "match"];
        assert_eq!(
            good(&set, format!("{addr}\n")),
            format!("{network}\n"),
            "{set:?}"
        );
    }
}

#[test]
fn where_objects_are_from() {
    let folder = Folder::new(&[("a", b"x\n::1\n"), ("b", b"::1")]);
    let (a, b) = (&*folder.name("a"), &*folder.name("b"));
    let json = |args: &[&str]| good(&[&["filter", "--json", "--in", "::1"], args].concat(), "");
    let quoted = |name: &str| serde_json::to_string(name).unwrap();
    let rest = "\"address\":\"::1\",\"match\":\"::1\",\"text\":\"::1\"}\n";
    // As with plain lines, this is the default with several files.
    assert_eq!(
        json(&[a, b]),
        format!(
            "{{\"file\":{},\"line\":2,{rest}{{\"file\":{},\"line\":1,{rest}",
            quoted(a),
            quoted(b)
        )
    );
    assert_eq!(json(&[a]), format!("{{\"line\":2,{rest}"));
    assert_eq!(
        json(&["--no-filename", a, b]),
        format!("{{\"line\":2,{rest}{{\"line\":1,{rest}")
    );
    assert_eq!(
        json(&["-H", b]),
        format!("{{\"file\":{},\"line\":1,{rest}", quoted(b))
    );
}

#[test]
fn what_does_not_go_with_objects() {
    for (args, word) in [
        (&["filter", "--json", "--count"][..], "--count"),
        (&["filter", "--columns", "line", "-c"], "--count"),
        (&["filter", "--columns", "line", "-H"], "--with-filename"),
        (&["filter", "--columns", "netmask"], "netmask"),
        (&["exclude", "--columns", "match"], "column match"),
        (&["filter", "-v", "--columns", "match"], "column match"),
        // Items have no line of text, and belong to no set.
        (&["dedupe", "--columns", "text"], "text"),
        (&["classify", "--columns", "match"], "match"),
    ] {
        let set: &[&str] = match args[0] {
            "filter" | "exclude" => &["--in", "::1"],
            _ => &[],
        };
        let (code, out, err) = run(&[args, set].concat(), LOG);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(word), "{args:?} {err}");
    }
}

/// The objects have the same lines as the plain output, with their numbers, also over the borders of
/// blocks.
#[test]
fn objects_are_of_the_same_lines() {
    let mut random = Random(8);
    let mut log = String::new();
    for n in 0..20_000 {
        let (a, b) = (random.v4(), random.v6());
        let line = match random.below(6) {
            0 => format!("{n} from {a} to {b} by {}", random.v4()),
            1 => format!("{n} {a}, {}", random.v4()),
            2 => format!("{n} ::ffff:{a} 2001:db8::{a}"),
            3 => format!("{n} [{b}]:80 {}", "x".repeat(random.below(300) as usize)),
            4 => String::new(),
            _ => format!("{n} 1.2.3 at 12:34:56"),
        };
        log.push_str(&line);
        log.push('\n');
    }
    assert!(log.len() > 1 << 20);
    let folder = Folder::new(&[("log", log.as_bytes())]);
    let log: Vec<&str> = log.lines().collect();
    for set in ["0.0.0.0/2", "2001:db9::/32", "0.0.0.0/3,2001:dba::/32"] {
        for verb in [&["filter"][..], &["filter", "-v"], &["exclude"]] {
            for threads in ["1", "3"] {
                let args = [verb, &["--threads", threads, "--in", set]].concat();
                let file = folder.name("log");
                let plain = good(&[&args[..], &[&file]].concat(), "");
                let objects = good(&[&args[..], &["--json", &file]].concat(), "");
                let texts: String = objects
                    .lines()
                    .map(|object| {
                        let object: serde_json::Value = serde_json::from_str(object).unwrap();
                        let (line, text) = (&object["line"], object["text"].as_str().unwrap());
                        assert_eq!(log[line.as_u64().unwrap() as usize - 1], text);
                        format!("{text}\n")
                    })
                    .collect();
                assert!(plain.len() > 1000 && texts == plain, "{args:?}");
            }
        }
    }
}
