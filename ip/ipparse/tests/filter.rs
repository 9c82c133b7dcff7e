//! `filter` and `exclude` through the built binary.

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
    // Neither a file nor an address.
    let (code, out, err) = all(&["filter", "--in", "203.0.113.0/33"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("bad prefix length"), "{err}");
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
    // The set from standard input, the lines from a file.
    let lines = Folder::new(&[("log", LOG.as_bytes())]);
    assert_eq!(
        good(
            &["filter", "-c", "--in", "-", &lines.name("log")],
            "10.0.0.0/8\n"
        ),
        "3\n"
    );
    // Names before lines, with several files.
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

/// The same lines whatever the number of threads, over the borders of blocks, in order.
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
