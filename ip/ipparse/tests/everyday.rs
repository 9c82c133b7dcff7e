//! Everyday input of users, and the right results.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::{Folder, good, run, tool};

fn extract(text: &str) -> String {
    run(&["-e"], text).1
}

#[test]
fn no_address_is_made_up() {
    assert_eq!(
        extract("relay=[IPv6:2001:db8::1], delay=1"),
        "2001:db8::1\n"
    );
    assert_eq!(extract("[IPv6:2001:db8:0:0:0:0:0:1]"), "2001:db8::1\n");
    assert_eq!(extract("Code::Abc Foo::Ba std::a my::fe"), "");
    assert_eq!(
        extract("Chrome/120.0.0.0 v2.1.1.108 V2.1.1.108 https://1.2.3.4/"),
        "1.2.3.4\n"
    );
    let (code, out, _) = run(&["filter", "--in", "120.0.0.0/8"], "x Chrome/120.0.0.0 y\n");
    assert_eq!((code, out.as_str()), (1, ""));
}

#[test]
fn places_in_a_line() {
    let log = "1.1.1.1 KB 6.1.1.0 2.2.2.2\nx 3.3.3.3,4.4.4.4\n";
    assert_eq!(good(&["-e", "--first"], log), "1.1.1.1\n3.3.3.3\n");
    assert_eq!(good(&["-e", "-x"], log), "1.1.1.1\n");
    assert_eq!(good(&["-e", "--field", "4"], log), "2.2.2.2\n");
    assert_eq!(good(&["-e", "--field", "2", "-d", ","], log), "4.4.4.4\n");
    assert_eq!(
        good(&["filter", "--first", "--in", "6.0.0.0/8,3.0.0.0/8"], log),
        "x 3.3.3.3,4.4.4.4\n"
    );
    assert_eq!(
        good(&["filter", "-x", "--in", "0.0.0.0/0"], log),
        "1.1.1.1 KB 6.1.1.0 2.2.2.2\n"
    );
    assert_eq!(
        good(&["filter", "-c", "--field", "1", "--in", "0.0.0.0/0"], log),
        "1\n"
    );
    // These are lists with fields, and one item in each line.
    let csv = "net,name\n\"10.0.0.0/8\",\"a, b\"\n10.0.0.1,c\n";
    let (code, out, err) = run(&["--field", "1", "-d", ","], csv);
    assert_eq!((code, out.as_str()), (1, "10.0.0.0/8\n10.0.0.1\n"));
    assert!(err.starts_with("ipparse: -:1:1: "), "{err}");
    assert_eq!(
        run(&["--field", "3"], "1.1.1.1 x\n").2,
        "ipparse: -:1:10: no field 3: 1.1.1.1 x><\n"
    );
}

#[test]
fn ranges_and_masks_are_whole() {
    for (text, items) in [
        ("5.6.7.8-5.6.7.20", "5.6.7.8-5.6.7.20\n"),
        (
            "inetnum: 193.0.0.0 - 193.0.7.255",
            "193.0.0.0-193.0.7.255\n",
        ),
        ("name:2.228.1.248-2.228.1.251", "2.228.1.248-2.228.1.251\n"),
        ("10.2.0.0/255.255.0.0", "10.2.0.0/16\n"),
        ("10.0.0.0 255.255.255.0", "10.0.0.0/24\n"),
    ] {
        assert_eq!(extract(text), items, "{text}");
    }
    assert_eq!(
        good(&["aggregate", "-e"], "inetnum: 193.0.0.0 - 193.0.7.255"),
        "193.0.0.0/21\n"
    );
}

#[test]
fn a_set_with_a_part_missing_lets_nothing_through() {
    let folder = Folder::new(&[
        ("bad.txt", b"10.0.0.0/8\nnonsense\n"),
        ("feed", b"10.0.0.1\n11.0.0.1\n"),
    ]);
    let (missing, bad, feed) = (
        folder.name("missing.txt"),
        folder.name("bad.txt"),
        folder.name("feed"),
    );
    for set in [&missing, &bad] {
        for verb in [
            &["subtract"][..],
            &["exclude"],
            &["filter", "-v"],
            &["exclude", "--json"],
            &["exclude", "-c"],
        ] {
            let args = [verb, &["--in", set, &feed]].concat();
            let (code, out, err) = run(&args, "");
            assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
            assert!(!err.is_empty());
            let (code, out, _) = run(&[&args[..], &["--lenient-set"]].concat(), "");
            assert!(code == 2 && !out.is_empty(), "{args:?}");
        }
        assert_eq!(run(&["free", "10.0.0.0/8", "--in", set], "").1, "");
        assert_eq!(run(&["diff", &feed, set], ""), {
            let (_, _, err) = run(&["diff", &feed, set], "");
            (2, String::new(), err)
        });
    }
    // A part of this set is missing. So there are fewer matches, and this is reported.
    let (code, out, _) = run(&["filter", "--in", &bad, &feed], "");
    assert_eq!((code, out.as_str()), (2, "10.0.0.1\n"));
}

#[test]
fn networks_in_lines() {
    let list = "10.0.0.0/8\n10.1.2.3\n10.1.2.0/24\n1.1.1.0/24\n";
    let with = |args: &[&str]| run(args, list).1;
    assert_eq!(with(&["filter", "--in", "10.1.2.3"]), "10.1.2.3\n");
    assert_eq!(
        with(&["filter", "--covers", "--in", "10.1.2.3"]),
        "10.0.0.0/8\n10.1.2.3\n10.1.2.0/24\n"
    );
    assert_eq!(
        with(&["filter", "--overlap", "--in", "10.1.2.128/25"]),
        "10.0.0.0/8\n10.1.2.0/24\n"
    );
    assert_eq!(
        with(&["filter", "--in", "10.1.0.0/16"]),
        "10.1.2.3\n10.1.2.0/24\n"
    );
    assert_eq!(with(&["exclude", "--in", "1.1.1.0/25"]), list);
    assert_eq!(
        with(&["exclude", "--in", "1.1.1.0/24"]),
        &list[..list.len() - 11]
    );
    assert_eq!(
        with(&["exclude", "--overlap", "--in", "1.1.1.0/25"]),
        &list[..list.len() - 11]
    );
    // The end of a range is no address of its own if the range does not match.
    assert_eq!(
        run(&["filter", "--in", "10.0.0.9"], "10.0.0.1-10.0.0.9\n").0,
        1
    );
}

#[test]
fn what_is_written_is_the_key() {
    let list = "10.0.0.5/24\n10.0.0.9/24\n10.0.0.1\n10.0.0.1/32\n";
    assert_eq!(
        good(&["dedupe", "--columns", "network"], list),
        "10.0.0.0/24\n10.0.0.1/32\n"
    );
    assert_eq!(good(&["dedupe"], "10.0.0.1\n10.0.0.1/32\n"), "10.0.0.1\n");
    assert_eq!(
        good(&["sort", "-u"], "10.0.0.1/32\n10.0.0.1\n"),
        "10.0.0.1/32\n"
    );
    assert_eq!(
        good(&["dedupe", "-c", "--unmap"], "::ffff:1.2.3.4\n1.2.3.4\n"),
        "2\t1.2.3.4\n"
    );
    assert_eq!(
        good(
            &["aggregate", "--unmap", "-4"],
            "::ffff:1.2.3.0/121\n1.2.3.128/25\n::1\n"
        ),
        "1.2.3.0/24\n"
    );
    assert_eq!(good(&["-6"], "::1\n1.2.3.4\n"), "::1\n");
}

fn piped(program: &str, args: &[&str], text: &[u8]) -> Option<Vec<u8>> {
    let mut child = tool(program)?
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    Some(child.wait_with_output().unwrap().stdout)
}

#[test]
fn compressed_files_and_utf16() {
    let text = "10.0.0.1 x\n11.0.0.1 \u{e9}\n".repeat(30_000);
    let utf16: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut files: Vec<(&str, Vec<u8>)> = vec![("utf16", utf16.clone())];
    for (name, program) in [("gz", "gzip"), ("zst", "zstd"), ("xz", "xz")] {
        files.extend(piped(program, &["-c"], text.as_bytes()).map(|bytes| (name, bytes)));
        files.extend(piped(program, &["-c"], &utf16).map(|bytes| (name, bytes)));
    }
    // This file has two compressed members.
    if let Some(mut twice) = piped("gzip", &["-c"], &text.as_bytes()[..11 * 7]) {
        twice.extend(piped("gzip", &["-c"], &text.as_bytes()[11 * 7..]).unwrap());
        files.push(("two", twice));
    }
    for (name, bytes) in &files {
        if cfg!(not(feature = "zstd")) && *name == "zst"
            || cfg!(not(feature = "xz")) && *name == "xz"
        {
            continue;
        }
        let folder = Folder::new(&[("log", bytes)]);
        let count = ["filter", "-c", "--in", "10.0.0.0/8"];
        assert_eq!(
            good(&[&count[..], &[&folder.name("log")]].concat(), ""),
            "30000\n",
            "{name}"
        );
        assert_eq!(good(&count, bytes), "30000\n", "{name} from a pipe");
    }
    let (code, out, err) = run(&[], b"BZh91AY\n");
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("bzip2") && err.lines().count() == 1, "{err}");
    // This file is cut off in the middle.
    if let Some((_, bytes)) = files.iter().find(|(name, _)| *name == "gz") {
        assert_eq!(run(&["-e"], &bytes[..bytes.len() / 2]).0, 2);
    }
}

#[test]
fn dotted_ports_and_defanged_text() {
    let dump = "IP 10.0.0.5.443 > 10.0.0.7.51234: Flags\nIP6 2001:db8::1.443 > ::1.53: x\n";
    assert_eq!(extract(dump), "");
    assert_eq!(
        good(&["-e", "--dotted-ports"], dump),
        "10.0.0.5\n10.0.0.7\n2001:db8::1\n::1\n"
    );
    // Every verb that reads free text has the option, and it means --extract.
    for args in [
        &["filter", "-o", "--in", "10.0.0.0/24"][..],
        &["filter", "--in", "10.0.0.0/24", "--columns", "address"],
        &[
            "label",
            "--in",
            "10.0.0.0/24",
            "--matched",
            "--columns",
            "address",
            "--first",
        ],
        &["dedupe", "-4", "--first"],
        &["-x"],
    ] {
        let dump = dump.strip_prefix("IP ").unwrap();
        let out = good(&[args, &["--dotted-ports"]].concat(), dump);
        assert!(out.starts_with("10.0.0.5\n"), "{args:?}: {out}");
    }
    let lines = good(&["exclude", "--dotted-ports", "--in", "10.0.0.5"], dump);
    assert_eq!(lines, "IP6 2001:db8::1.443 > ::1.53: x\n");
    let report = "seen 1[.]2[.]3[.]4, hxxp://5.6.7[.]8/x and 2001[:]db8::1\n";
    assert_eq!(
        good(&["-e", "--forms", "lists"], report),
        "1.2.3.4\n5.6.7.8\n2001:db8::1\n"
    );
    assert_eq!(
        good(
            &["-e", "--forms", "defanged", "--columns", "input"],
            "1[.]2[.]3[.]4 x"
        ),
        "1[.]2[.]3[.]4\n"
    );
}

#[test]
fn list_forms() {
    let list = "10.0.0.1-20\n192.168.1.*\n10.0.0.0 255.255.255.0\n10.3.0.0 0.0.0.255\n10.3.0.0/0.0.0.255\n10/8\n\
                10.11.192/18\n1.0.0.0,1.0.0.255,AU\n1[.]2[.]3[.]4\nhxxp://1.2.3.4/x\n2001[:]db8::1\n";
    assert_eq!(
        good(&["--forms", "lists"], list),
        "10.0.0.1-10.0.0.20\n192.168.1.0/24\n10.0.0.0/24\n10.3.0.0/24\n10.3.0.0/24\n10.0.0.0/8\n10.11.192.0/18\n\
         1.0.0.0-1.0.0.255\n1.2.3.4\n1.2.3.4\n2001:db8::1\n",
    );
    assert_eq!(good(&["--forms", "star"], "10.1.*\n"), "10.1.0.0/16\n");
    assert_eq!(run(&[], "10.0.0.1-20\n").0, 1);
    assert_eq!(
        good(
            &[
                "filter",
                "--forms",
                "lists",
                "--in",
                "192.168.1.*",
                "192.168.1.7"
            ],
            ""
        ),
        "192.168.1.7\n"
    );
    assert_eq!(
        good(
            &["subtract", "--forms", "lists", "--in", "10.0.0.128/25"],
            "10.0.0.*\n"
        ),
        "10.0.0.0/25\n"
    );
    assert!(run(&["--forms", "nonsense"], "").2.contains("short-range"));
}

#[test]
fn large_numbers_and_names_of_columns() {
    assert_eq!(
        good(
            &[
                "--json",
                "--columns",
                "integer,addresses",
                "2001:db8::1",
                "1.1.1.1"
            ],
            ""
        ),
        "{\"integer\":\"42540766411282592856903984951653826561\",\"addresses\":1}\n{\"integer\":16843009,\"addresses\":1}\n",
    );
    let both = |name: &str| good(&["--json", "--columns", name, "10.0.0.0/30"], "");
    assert_eq!(both("first_host"), "{\"first_host\":\"10.0.0.1\"}\n");
    assert_eq!(both("first-host"), both("first_host"));
}

#[test]
fn errors_that_help() {
    let (code, out, err) = run(&[], "a,b,c\n".repeat(411_961));
    assert_eq!((code, out.as_str(), err.lines().count()), (1, "", 21));
    assert!(
        err.ends_with("ipparse: 411,941 more; is this CSV? try --extract or --field\n"),
        "{err}"
    );
    let all = run(&["check"], "x\n".repeat(30)).2;
    assert_eq!(all.matches("unexpected byte").count(), 30);
    let (code, _, err) = run(&["agregate", "feed.txt"], "");
    assert!(
        code == 2 && err.contains("did you mean aggregate?"),
        "{err}"
    );
    let (code, _, err) = run(&["filter", "10.0.0.0/8", "log"], "");
    assert!(
        code == 2 && err.contains("ipparse filter --in 10.0.0.0/8 log"),
        "{err}"
    );
    for (text, reason) in [
        ("10.0.0.9-10.0.0.1", "range ends before it begins"),
        ("10.0.0.9-::1", "range from one version to the other"),
        ("10.0.0.0/33", "prefix length over 32"),
        ("::/129", "prefix length over 128"),
    ] {
        let (code, _, err) = run(&[text], "");
        assert!(code == 1 && err.contains(reason), "{text}: {err}");
    }
    // Text is found if there is no such file. But if the argument looks like the name of a file, this
    // is reported.
    assert_eq!(good(&["-e", "from 10.0.0.1 port 22"], ""), "10.0.0.1\n");
    assert_eq!(
        good(&["-e", "relay=[IPv6:2001:db8::1],"], ""),
        "2001:db8::1\n"
    );
    assert_eq!(run(&["-e", "no address here"], "").0, 1);
    assert_eq!(run(&["-e", "missing.log"], "").0, 2);
    assert_eq!(run(&["-e"], "nothing\n"), (1, String::new(), String::new()));
}

#[test]
fn usage_where_somebody_sees_it() {
    let Some(mut script) = tool("script") else {
        return;
    };
    let output = script
        .args(["-qec", env!("CARGO_BIN_EXE_ipparse"), "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(seen.contains("Usage: ipparse"), "{seen}");
}

#[test]
fn other_ways_to_write_addresses() {
    assert_eq!(
        good(&["--from", "integer"], "3221225985-3221225990\n"),
        "192.0.2.1-192.0.2.6\n"
    );
    assert_eq!(
        good(&["--from", "padded"], "001.002.004.000\n"),
        "1.2.4.0\n"
    );
    assert_eq!(
        good(&[], "// a\n! b\n10.0.0.1 // c\n10.0.0.2 ! d\n"),
        "10.0.0.1\n10.0.0.2\n"
    );
    let zones = good(
        &[
            "--to",
            "reverse",
            "10.2.0.0/15",
            "2001:db8::/32",
            "192.0.2.0/24",
        ],
        "",
    );
    assert_eq!(
        good(&["aggregate"], zones),
        "10.2.0.0/15\n192.0.2.0/24\n2001:db8::/32\n"
    );
}

#[test]
fn greps_options() {
    let folder = Folder::new(&[
        ("a", b"x\n10.0.0.1 10.0.0.2\n10.0.0.3-10.0.0.4\n"),
        ("b", b"y\n"),
        ("c", b"::ffff:10.0.0.9\n"),
    ]);
    let (a, b, c) = (&*folder.name("a"), &*folder.name("b"), &*folder.name("c"));
    let filter = |args: &[&str]| run(&[&["filter", "--in", "10.0.0.0/8"], args].concat(), "");
    assert_eq!(
        filter(&["-o", a]).1,
        "10.0.0.1\n10.0.0.2\n10.0.0.3-10.0.0.4\n"
    );
    assert_eq!(
        filter(&["-on", a]).1,
        "2:10.0.0.1\n2:10.0.0.2\n3:10.0.0.3-10.0.0.4\n"
    );
    assert_eq!(filter(&["-o", "-m", "1", a]).1, "10.0.0.1\n10.0.0.2\n");
    assert_eq!(
        filter(&["-n", a]).1,
        "2:10.0.0.1 10.0.0.2\n3:10.0.0.3-10.0.0.4\n"
    );
    assert_eq!(filter(&["-l", a, b, c]).1, format!("{a}\n{c}\n"));
    assert_eq!(filter(&["-q", a]), (0, String::new(), String::new()));
    assert_eq!(filter(&["-q", b]).0, 1);
    assert_eq!(filter(&["-m", "1", a]).1, "10.0.0.1 10.0.0.2\n");
    // There is a count for each file, as with grep. With -h there is one sum instead.
    assert_eq!(filter(&["-c", a, b, c]).1, format!("{a}:2\n{b}:0\n{c}:1\n"));
    assert_eq!(filter(&["-c", "-h", a, b, c]).1, "3\n");
    assert_eq!(filter(&["-c", "-H", a]).1, format!("{a}:2\n"));
    assert_eq!(filter(&["-c", "-h", "-m", "1", a, c]).1, "2\n");
    assert_eq!(filter(&["-h", a, c]).1.lines().count(), 3);
    assert_eq!(filter(&["-nH", c]).1, format!("{c}:1:::ffff:10.0.0.9\n"));
    std::fs::create_dir(folder.path("sub")).unwrap();
    std::fs::write(folder.path("sub/d"), "10.0.0.7\n").unwrap();
    let all = filter(&["-r", &folder.name("")]).1;
    assert!(
        all.lines().count() == 4 && all.contains("sub/d:10.0.0.7"),
        "{all}"
    );
    let zero = run(
        &["filter", "-z", "--in", "10.0.0.0/8"],
        "a\n10.0.0.1\0b\0c 10.0.0.2",
    )
    .1;
    assert_eq!(zero, "a\n10.0.0.1\0c 10.0.0.2\0");
    assert!(good(&["filter", "--help"], "").contains("Examples:"));
}

#[test]
fn sets_by_the_names_of_the_registry() {
    let list = "10.0.0.1\n127.0.0.1\n192.0.2.1\n8.8.8.8\n::1\n2001:db8::1\n192.0.0.9\n";
    let with = |name: &str| run(&["filter", "--in", name], list).1;
    assert_eq!(with("private"), "10.0.0.1\n");
    assert_eq!(with("loopback"), "127.0.0.1\n::1\n");
    assert_eq!(with("documentation"), "192.0.2.1\n2001:db8::1\n");
    assert_eq!(with("documentation-test-net-1"), "192.0.2.1\n");
    assert_eq!(
        with("bogon"),
        "10.0.0.1\n127.0.0.1\n192.0.2.1\n::1\n2001:db8::1\n"
    );
    assert_eq!(with("global"), "8.8.8.8\n192.0.0.9\n");
    assert_eq!(with("private,loopback"), "10.0.0.1\n127.0.0.1\n::1\n");
    assert_eq!(run(&["filter", "--in", "nosuchname"], list).0, 2);
    assert_eq!(
        run(&["filter", "-4", "--in", "loopback"], list).1,
        "127.0.0.1\n"
    );
    assert_eq!(run(&["filter", "-6", "--in", "loopback"], list).1, "::1\n");
}

#[test]
fn masks_and_lines() {
    let log = "10.0.0.1 a\nx 10.0.0.2\nnone\n10.9.0.1 b\n10.0.0.1 c\n";
    assert_eq!(
        good(&["dedupe", "-e", "-c", "--mask", "24,64"], log),
        "3\t10.0.0.0/24\n1\t10.9.0.0/24\n"
    );
    assert_eq!(
        good(
            &["sort", "-u", "--mask", "24,64"],
            "2001:db8::1\n10.0.0.9\n2001:db8::2\n"
        ),
        "10.0.0.0/24\n2001:db8::/64\n"
    );
    assert_eq!(good(&["count", "-e", "--mask", "24"], log), "2\n");
    assert_eq!(good(&["count"], "10.0.0.0/24\n10.0.0.7\n"), "256\n");
    assert_eq!(
        good(&["count", "0.0.0.0/0", "::/0"], ""),
        "340282366920938463463374607436063178752\n"
    );
    assert_eq!(
        good(&["count", "--json", "10.0.0.0/24", "::/64"], ""),
        "{\"ipv4\":256,\"ipv6\":\"18446744073709551616\",\"all\":\"18446744073709551872\"}\n"
    );
    assert_eq!(good(&["count", "--mask", "0,0", "10.0.0.0/24"], ""), "1\n");
    assert_eq!(
        good(&["dedupe", "--lines"], log),
        "10.0.0.1 a\nx 10.0.0.2\nnone\n10.9.0.1 b\n"
    );
    assert_eq!(
        good(
            &["sort", "--lines"],
            "b 10.0.0.9\nz\na 10.0.0.10\n10.0.0.1\n"
        ),
        "10.0.0.1\nb 10.0.0.9\na 10.0.0.10\nz\n"
    );
}

/// Default columns are written by faster code, for several addresses at once. Its output must be the same as
/// that of the general code.
#[test]
fn default_labels_are_those_of_the_general_way() {
    let mut list = String::from("10.0.0.0/8\n10.1.0.0/16,one\n2001:db8::/32,six,of\n");
    for i in 0..200 {
        list += &format!("192.0.{i}.0,192.0.{i}.{i},name {i},\n");
    }
    let folder = Folder::new(&[("list", list.as_bytes())]);
    let list = folder.name("list");
    let mut log = String::from("::ffff:10.1.2.3 ::1 2001:db8::7 v10.0.0.1\n");
    for i in 0..200 {
        log += &format!("a 192.0.{i}.9 b 10.{i}.0.1, [2001:db8:{i}::1]:80 172.16.0.{i}\n");
    }
    for more in [
        &[][..],
        &["-4"],
        &["-6"],
        &["--matched"],
        &["--first"],
        &["--threads", "1"],
    ] {
        let with = |columns: &str| {
            let mut arguments = vec!["label", "--in", &list, "--columns", columns];
            arguments.extend(more);
            good(&arguments, &log)
        };
        let general = with("line,address,match,label");
        let general: String = general
            .lines()
            .map(|row| row.split_once('\t').unwrap().1.to_owned() + "\n")
            .collect();
        assert_eq!(with("address,match,label"), general, "{more:?}");
        assert!(general.lines().count() > 100, "{more:?}");
    }
}

#[test]
fn labels() {
    let folder = Folder::new(&[
        ("asn.csv", b"network,asn,name\n8.0.0.0/8,AS3356,\"Level 3, Inc\"\n8.8.8.0-8.8.8.255,AS15169,Google\n1.0.0.0,1.0.0.255,13335,US\n2001:db8::/32,x\n"),
        ("bad.csv", b"10.0.0.0/8,a\nnonsense 300,b\n"),
    ]);
    let list = folder.name("asn.csv");
    let log = "a 8.8.8.8 b 8.1.1.1\nnone\n::ffff:1.0.0.7 9.9.9.9\n";
    assert_eq!(
        good(&["label", "--in", &list], log),
        "8.8.8.8\t8.8.8.0-8.8.8.255\tAS15169\tGoogle\n8.1.1.1\t8.0.0.0/8\tAS3356\tLevel 3, Inc\n\
         ::ffff:1.0.0.7\t1.0.0.0,1.0.0.255\t13335\tUS\n9.9.9.9\t-\t-\n",
    );
    assert_eq!(
        good(&["label", "--in", &list, "--append"], log),
        "a 8.8.8.8 b 8.1.1.1\tAS15169\tGoogle\nnone\t-\n::ffff:1.0.0.7 9.9.9.9\t13335\tUS\n",
    );
    assert_eq!(
        good(&["label", "--in", &list, "--append", "--matched"], log)
            .lines()
            .count(),
        2
    );
    assert_eq!(
        good(
            &[
                "label",
                "--in",
                &list,
                "--json",
                "--columns",
                "line,address,match,label",
                "--first"
            ],
            log
        ),
        "{\"line\":1,\"address\":\"8.8.8.8\",\"match\":\"8.8.8.0-8.8.8.255\",\"label\":[\"AS15169\",\"Google\"]}\n\
         {\"line\":3,\"address\":\"::ffff:1.0.0.7\",\"match\":\"1.0.0.0,1.0.0.255\",\"label\":[\"13335\",\"US\"]}\n",
    );
    assert_eq!(
        good(&["label", "--in", &list, "8.8.4.4"], ""),
        "8.8.4.4\t8.0.0.0/8\tAS3356\tLevel 3, Inc\n"
    );
    // A quoted field may hold the separator, and a quote that is written twice.
    std::fs::write(
        folder.path("quoted.csv"),
        "net,owner,place\n10.0.0.0/8,\"Acme \"\"X\"\", Inc\",Bonn\n",
    )
    .unwrap();
    assert_eq!(
        good(
            &["label", "--in", &folder.name("quoted.csv"), "10.0.0.1"],
            ""
        ),
        "10.0.0.1\t10.0.0.0/8\tAcme \"X\", Inc\tBonn\n"
    );
    let (code, out, _) = run(&["label", "--in", &folder.name("bad.csv"), "10.0.0.1"], "");
    assert_eq!((code, out.as_str()), (2, ""));
    // With --lenient-set the good lines of the list are used, and the status says that the list had bad ones.
    let bad = folder.name("bad.csv");
    let (code, out, _) = run(&["label", "--lenient-set", "--in", &bad, "10.0.0.1"], "");
    assert_eq!((code, out.as_str()), (2, "10.0.0.1\t10.0.0.0/8\ta\n"));
}

#[test]
fn text_without_its_addresses() {
    let log = "1.2.3.4 - v1.2.3 [2001:db8:1:2::3]:80 10.1.2.3.443 ::ffff:9.9.9.9\n";
    assert_eq!(
        good(&["anonymize"], log),
        "1.2.3.0 - v1.2.3 [2001:db8:1::]:80 10.1.2.0.443 ::ffff:9.9.9.0\n"
    );
    assert_eq!(
        good(&["anonymize", "--mask", "8,32", "1.2.3.4"], ""),
        "1.0.0.0\n"
    );
    let folder = Folder::new(&[
        ("key", b"152217 8d"),
        ("good", &"152217".repeat(11).as_bytes()[..64]),
    ]);
    assert_eq!(
        run(
            &["anonymize", "--key-file", &folder.name("key"), "1.2.3.4"],
            ""
        )
        .0,
        2
    );
    let once = good(&["anonymize", "--key-file", &folder.name("good")], log);
    assert_eq!(
        good(&["anonymize", "--key-file", &folder.name("good")], log),
        once
    );
    assert!(
        once.contains(" - v1.2.3 [") && !once.contains("1.2.3.4"),
        "{once}"
    );
}

#[test]
fn plans() {
    let list = "10.0.0.0/8\n10.1.0.0/16\n10.1.0.5/24\n10.0.0.0/8\n192.0.2.0/24\n";
    let (code, out, err) = run(&["check", "--network"], list);
    assert_eq!((code, out.as_str()), (1, ""));
    for line in [
        "ipparse: -:3:1: host bits are set: 10.1.0.5/24 is in 10.1.0.0/24",
        "ipparse: -:4:1: duplicate: 10.0.0.0/8 is at -:1",
        "ipparse: -:2:1: overlap: 10.1.0.0/16 is inside 10.0.0.0/8 at -:1",
    ] {
        assert!(err.lines().any(|l| l == line), "{line}\n{err}");
    }
    assert_eq!(
        run(&["check", "--network"], "10.0.0.0/9\n10.128.0.0/9\n").0,
        0
    );
    // A duplicate is reported once, however often the entry is there.
    let many = ["10.1.2.3\n".repeat(1000), "10.1.2.0/30\n".repeat(2)].concat();
    let (code, _, err) = run(&["check", "--network"], many);
    assert_eq!((code, err.matches("is at -:1\n").count()), (1, 999));
    assert_eq!(
        (err.matches("inside").count(), err.lines().count()),
        (1, 1001)
    );
    let (code, out, _) = run(&["overlaps"], "10.0.0.0/8\n192.0.2.0/24\n10.1.0.0/16\n");
    assert_eq!(
        (code, out.as_str()),
        (0, "10.0.0.0/8\t-:1\t10.1.0.0/16\t-:3\n")
    );
    assert_eq!(run(&["overlaps"], "10.0.0.0/8\n11.0.0.0/8\n").0, 1);
    assert_eq!(
        run(&["overlaps", "10.0.0.0/8", "--in", "10.0.0.1"], "").0,
        0
    );

    assert_eq!(
        good(
            &[
                "free",
                "10.0.0.0/16",
                "--prefix",
                "24",
                "--in",
                "10.0.0.0/24,10.0.1.7"
            ],
            ""
        ),
        "10.0.2.0/24\n"
    );
    assert_eq!(
        good(
            &[
                "free",
                "10.0.0.0/29",
                "-n",
                "0",
                "--in",
                "10.0.0.2-10.0.0.5"
            ],
            ""
        ),
        "10.0.0.1\n10.0.0.6\n"
    );
    assert_eq!(
        run(&["free", "10.0.0.0/30", "--in", "10.0.0.0/30"], "").0,
        1
    );
    assert_eq!(
        good(
            &["supernet", "10.0.1.0/24", "10.0.6.0/24", "::1", "::2"],
            ""
        ),
        "10.0.0.0/21\n::/126\n"
    );
    assert_eq!(
        good(&["split", "10.0.0.0/24", "--hosts", "20,100,2,50"], ""),
        "10.0.0.192/27\n10.0.0.0/25\n10.0.0.224/30\n10.0.0.128/26\n"
    );
    assert_eq!(run(&["split", "10.0.0.0/28", "--hosts", "10,10"], "").0, 1);

    let many = "10.0.0.0/25\n10.0.0.128/26\n10.0.0.200\n10.9.0.0/23\n";
    assert_eq!(
        good(&["aggregate", "--max-length", "24"], many),
        "10.0.0.0/24\n10.9.0.0/23\n"
    );
    assert_eq!(
        good(&["aggregate", "--min-length", "24"], "10.9.0.0/23\n"),
        "10.9.0.0/24\n10.9.1.0/24\n"
    );
    assert_eq!(
        good(&["aggregate", "--lossy", "25"], many),
        "10.0.0.0/24\n10.9.0.0/23\n"
    );
    assert_eq!(
        good(&["aggregate", "--lossy", "1"], many),
        good(&["aggregate"], many)
    );
    assert_eq!(
        good(&["aggregate", "--lossy", "50"], "::/2\n8000::/1\n"),
        "::/0\n"
    );

    let diff = run(&["diff", "10.0.0.0/24", "10.0.0.0/25"], "");
    assert_eq!(diff, (1, "- 10.0.0.128/25\n".into(), String::new()));
    assert_eq!(
        run(&["diff", "10.0.0.0/24", "10.0.0.0-10.0.0.255"], ""),
        (0, String::new(), String::new())
    );
    assert_eq!(
        run(&["diff", "--json", "10.0.0.0/32", "::1"], "").1,
        "{\"change\":\"removed\",\"network\":\"10.0.0.0/32\"}\n{\"change\":\"added\",\"network\":\"::1/128\"}\n"
    );
}

#[test]
fn random_addresses() {
    let net = "10.0.0.0/28";
    let all = good(&["random", "-n", "16", net], "");
    assert_eq!(good(&["aggregate"], &all), "10.0.0.0/28\n");
    assert_eq!(
        good(&["random", "--seed", "7", "-n", "5", "::/0"], ""),
        good(&["random", "--seed", "7", "-n", "5", "::/0"], "")
    );
    assert_eq!(run(&["random", "-n", "17", net], "").0, 2);
    assert_eq!(good(&["random", "192.0.2.1"], ""), "192.0.2.1\n");
}

#[test]
fn what_is_inside_an_address() {
    assert_eq!(
        good(&["classify", "64:ff9b::c000:221"], ""),
        "64:ff9b::c000:221\tIPv4-IPv6 Translat.\tRFC 6052\tyes\tNAT64 192.0.2.33\n"
    );
    let page = good(&["info", "fe80::5054:ff:fe12:3456"], "");
    assert!(
        page.contains("Inside      EUI-64 52:54:00:12:34:56"),
        "{page}"
    );
    assert!(good(&["classify", "2002:c000:204::1"], "").contains("6to4 192.0.2.4"));
    assert!(
        good(&["classify", "2001:0:4136:e378:8000:63bf:3fff:fdd2"], "")
            .contains("Teredo 192.0.2.45:40000, server 65.54.227.120")
    );
}

#[test]
fn a_process_that_waits_for_a_list_gets_no_usage() {
    // Standard input that is not a terminal is read as usual.
    let output = Command::new(env!("CARGO_BIN_EXE_ipparse"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
}

/// A colon before an IPv4 address does not make it the end of an IPv6 address.
#[test]
fn networks_behind_a_colon() {
    let extract = |text: &str| run(&["-e"], text).1;
    assert_eq!(extract("route:10.0.0.0/8\n"), "10.0.0.0/8\n");
    let spf = "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/25 ip6:2001:db8::/32 -all\n";
    assert_eq!(
        extract(spf),
        "192.0.2.0/24\n198.51.100.0/25\n2001:db8::/32\n"
    );
    // This length is above 32, so the slash ends the address, as in the path of a URL.
    for text in ["Re:5.5.5.5/99\n", "Re:5.5.5.5/96\n", "x 5.5.5.5/33\n"] {
        assert_eq!(extract(text), "5.5.5.5\n", "{text}");
    }
    // An IPv4-mapped network has its length as one of IPv6.
    assert_eq!(extract("x ::ffff:10.0.0.0/104\n"), "::ffff:10.0.0.0/104\n");
    let filter = |args: &[&str], text: &str| run(&[&["filter"], args].concat(), text).1;
    assert_eq!(filter(&["--in", "10.0.0.0/16"], "route:10.0.0.0/8\n"), "");
    assert_eq!(
        filter(
            &["--overlap", "--in", "10.200.0.0/16"],
            "route:10.0.0.0/8\n"
        ),
        "route:10.0.0.0/8\n"
    );
    assert_eq!(
        filter(&["--in", "10.0.0.0/8"], "at ::ffff:10.1.0.0/112 in\n"),
        "at ::ffff:10.1.0.0/112 in\n"
    );
}

#[test]
fn a_hint_names_the_forms_that_read_a_line() {
    let hint = |args: &[&str], text: &str| {
        let (code, _, err) = run(args, text);
        assert_eq!(code, 1, "{err}");
        err.lines().last().unwrap_or_default().to_owned()
    };
    for (text, last) in [
        ("10.0.0.1-20\n", "ipparse: --forms short-range reads it"),
        (
            "1.1.1.1\n10/8\n192.168.1.*\n",
            "ipparse: --forms star,short-net reads them",
        ),
        (
            "10/8\nnonsense\n",
            "ipparse: --forms short-net reads 1 of them",
        ),
        (
            "150.10.171.250,150.10.171.252\n",
            "ipparse: --forms columns reads it",
        ),
        ("3232235777\n", "ipparse: --forms numbers reads it"),
        // Nothing reads these.
        ("300\n", "ipparse: -:1:1: octet over 255: >3<00"),
        (
            "10.0.0.1-300\n",
            "ipparse: -:1:10: unexpected end: 10.0.0.1->3<00",
        ),
    ] {
        let seen = hint(&["aggregate"], text);
        if text == "10.0.0.1-300\n" {
            assert!(!seen.contains("--forms"), "{seen}");
        } else {
            assert_eq!(seen, last, "{text}");
        }
    }
    assert_eq!(
        hint(&["check"], "10.0.0.1-20\n"),
        "  --forms short-range reads it"
    );
    assert_eq!(hint(&["-q"], "10.0.0.1-20\n"), "");
    assert_eq!(
        good(&["--forms", "numbers"], "3232235777\n"),
        "192.168.1.1\n"
    );
    // The same holds for a set.
    let (code, _, err) = run(&["filter", "--in", "10.0.0.1-20"], "10.0.0.7\n");
    assert!(code == 2 && err.contains("10.0.0.1-20"), "{err}");
}

#[test]
fn short_ranges_in_free_text() {
    let text = "a 10.0.0.1-20, (10.0.0.1-0.9) 10.0.0.7-3 10.0.0.1-20x 10.0.0.1-20-30 10.0.0.5-8. 10.0.0.1-2001 ::1-5 ::1-ff, ::1-fg\n";
    assert_eq!(
        extract(text),
        "10.0.0.1\n10.0.0.1\n10.0.0.7\n10.0.0.1\n10.0.0.1\n10.0.0.5\n10.0.0.1\n::1\n::1\n::1\n"
    );
    for forms in ["short-range", "lists"] {
        assert_eq!(
            good(&["-e", "--forms", forms], text),
            "10.0.0.1-10.0.0.20\n10.0.0.1-10.0.0.9\n10.0.0.7\n10.0.0.1\n10.0.0.1\n10.0.0.5-10.0.0.8\n10.0.0.1\n::1-::5\n::1-::ff\n::1\n",
        );
    }
}

#[test]
fn letters_of_other_tools() {
    let folder = Folder::new(&[("set", b"10.0.0.0/8\n")]);
    let set = &*folder.name("set");
    let text = "a 10.0.0.1\nb 11.0.0.1\n";
    assert_eq!(good(&["filter", "-f", set], text), "a 10.0.0.1\n");
    assert_eq!(good(&["exclude", "-f", set], text), "b 11.0.0.1\n");
    let err = run(&["split", "10.0.0.0/24"], "").2;
    assert!(
        err.contains("--prefix") && err.contains("--parts") && err.contains("--hosts"),
        "{err}"
    );
    assert_eq!(
        run(
            &["split", "10.0.0.0/24", "--parts", "2", "--prefix", "25"],
            ""
        )
        .0,
        2
    );
}
