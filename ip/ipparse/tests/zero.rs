//! `-z`: a zero byte ends a line, in the input and in the output, in all verbs that have lines.

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{Folder, good, run, tool};

const LIST: &str = "10.0.0.9\x0010.0.0.1\n\x00::1\0 10.0.0.9 \0";
const LOG: &str = "a\nb 10.0.0.9\0none\nat all\x0010.0.0.1 x\0y\n10.0.0.9";

#[test]
fn items_in_every_verb() {
    for (args, list, out) in [
        (
            &["canonical"][..],
            LIST,
            "10.0.0.9\x0010.0.0.1\0::1\x0010.0.0.9\0",
        ),
        (&["sort"], LIST, "10.0.0.1\x0010.0.0.9\x0010.0.0.9\0::1\0"),
        (&["sort", "-u", "-r"], LIST, "::1\x0010.0.0.9\x0010.0.0.1\0"),
        (&["dedupe"], LIST, "10.0.0.9\x0010.0.0.1\0::1\0"),
        (
            &["dedupe", "-c"],
            LIST,
            "2\t10.0.0.9\x001\t10.0.0.1\x001\t::1\0",
        ),
        (
            &["sort", "--lines"],
            LOG,
            "10.0.0.1 x\0a\nb 10.0.0.9\0y\n10.0.0.9\0none\nat all\0",
        ),
        (
            &["dedupe", "--lines"],
            LOG,
            "a\nb 10.0.0.9\0none\nat all\x0010.0.0.1 x\0",
        ),
        (
            &["classify", "--columns", "line,address"],
            LIST,
            "1\t10.0.0.9\x002\t10.0.0.1\x003\t::1\x004\t10.0.0.9\0",
        ),
        (
            &["aggregate", "--bare"],
            LIST,
            "10.0.0.1\x0010.0.0.9\0::1\0",
        ),
        (&["supernet"], LIST, "10.0.0.0/28\0::1/128\0"),
        (
            &["subtract", "--in", "10.0.0.1"],
            LIST,
            "10.0.0.9/32\0::1/128\0",
        ),
        (&["intersect", "--in", "10.0.0.1"], LIST, "10.0.0.1/32\0"),
        (
            &["range", "--ranges"],
            "10.0.0.0/31\0::1\0",
            "10.0.0.0-10.0.0.1\0::1-::1\0",
        ),
        (&["hosts"], "10.0.0.0/31\0", "10.0.0.0\x0010.0.0.1\0"),
        (
            &["split", "--parts", "2"],
            "10.0.0.0/31\0",
            "10.0.0.0/32\x0010.0.0.1/32\0",
        ),
        (
            &["free", "--in", "10.0.0.1", "-n2"],
            "10.0.0.0/29\0",
            "10.0.0.2\x0010.0.0.3\0",
        ),
        (&["random"], "10.0.0.1/32\0", "10.0.0.1\0"),
        (
            &["overlaps"],
            "10.0.0.0/31\x0010.0.0.1\0",
            "10.0.0.0/31\t-:1\t10.0.0.1\t-:2\0",
        ),
        // A count is a number and no line of the input.
        (&["count"], LIST, "3\n"),
        // The page of a network has lines.
        (
            &["info", "--columns", "first,last"],
            "10.0.0.0/31\0",
            "10.0.0.0\t10.0.0.1\0",
        ),
        // Objects in JSON are one on a line.
        (
            &["dedupe", "--json", "--columns", "address"],
            LIST,
            "{\"address\":\"10.0.0.9\"}\n{\"address\":\"10.0.0.1\"}\n{\"address\":\"::1\"}\n",
        ),
    ] {
        let (verb, rest) = args.split_first().unwrap();
        assert_eq!(
            good(&[&[*verb, "-z"], rest].concat(), list),
            out,
            "{args:?}"
        );
        let long = [&[*verb, "--zero-terminated"], rest].concat();
        assert_eq!(good(&long, list), out, "{args:?}");
    }
    assert!(good(&["info", "-z"], "10.0.0.1\0").starts_with("Address     10.0.0.1\nNetwork"));
}

#[test]
fn lines_in_every_verb() {
    let folder = Folder::new(&[("plan", b"10.0.0.0/29,office\n"), ("log", LOG.as_bytes())]);
    let (plan, log) = (&*folder.name("plan"), &*folder.name("log"));
    for (args, out) in [
        (
            &["filter", "--in", "10.0.0.9"][..],
            "a\nb 10.0.0.9\0y\n10.0.0.9\0",
        ),
        (&["filter", "-v", "--in", "10.0.0.9"], "10.0.0.1 x\0"),
        (
            &["filter", "-o", "-n", "--in", "10.0.0.9"],
            "1:10.0.0.9\x004:10.0.0.9\0",
        ),
        (
            &["filter", "-n", "-m1", "--in", "10.0.0.9"],
            "1:a\nb 10.0.0.9\0",
        ),
        (
            &["exclude", "--in", "10.0.0.9"],
            "none\nat all\x0010.0.0.1 x\0",
        ),
        // As grep, which ends a count and a name with a line end.
        (&["filter", "-c", "--in", "10.0.0.9"], "2\n"),
        (
            &["filter", "--columns", "line,text", "--in", "10.0.0.1"],
            "3\t10.0.0.1 x\0",
        ),
        (
            &[
                "filter",
                "--json",
                "--columns",
                "line,text",
                "--in",
                "10.0.0.9",
            ],
            "{\"line\":1,\"text\":\"a\\nb 10.0.0.9\"}\n{\"line\":4,\"text\":\"y\\n10.0.0.9\"}\n",
        ),
        (
            &["label", "--in", plan],
            "10.0.0.9\t-\t-\x0010.0.0.1\t10.0.0.0/29\toffice\x0010.0.0.9\t-\t-\0",
        ),
        (
            &["label", "--in", plan, "--append", "--matched"],
            "10.0.0.1 x\toffice\0",
        ),
        (
            &["label", "--in", plan, "--matched", "--json"],
            "{\"address\":\"10.0.0.1\",\"match\":\"10.0.0.0/29\",\"label\":[\"office\"]}\n",
        ),
        (
            &["anonymize"],
            "a\nb 10.0.0.0\0none\nat all\x0010.0.0.0 x\0y\n10.0.0.0\0",
        ),
        (&["--extract"], "10.0.0.9\x0010.0.0.1\x0010.0.0.9\0"),
    ] {
        let args = [args, &["-z"]].concat();
        assert_eq!(good(&args, LOG), out, "{args:?}");
        assert_eq!(good(&[&args[..], &[log]].concat(), ""), out, "{args:?}");
    }
    // An argument is one line, although it has a line end.
    let text = good(&["sort", "-z", "-e", "--lines", "a\nb 10.0.0.9"], "");
    assert_eq!(text, "a\nb 10.0.0.9\0");
}

#[test]
fn a_message_shows_the_text_as_it_is() {
    let (code, _, err) = run(&["check", "-z"], "10.0.0.1\0a\nb\0");
    assert_eq!(
        (code, &*err),
        (1, "ipparse: -:2:1: unexpected byte\n  a\\nb\n  ^\n")
    );
    let kept = run(
        &["sort", "-z", "--keep-invalid"],
        "10.0.0.2\0a\nb\x0010.0.0.1\0",
    )
    .1;
    assert_eq!(kept, "10.0.0.1\x0010.0.0.2\0a\nb\0");
    // Without -z a zero byte is no white space.
    assert_eq!(run(&["10.0.0.1"], "").0, 0);
    assert_eq!(run(&[], "10.0.0.1\0\n").0, 1);
}

#[test]
fn as_sort_and_uniq() {
    let Some(mut sort) = tool("sort") else { return };
    // These addresses have the same order as text.
    let list: Vec<String> = (0..50_000)
        .map(|n: u32| format!("10.{}.{}.{}\0", 100 + n % 97, 100 + n % 89, 100 + n % 7))
        .collect();
    let list = list.concat();
    let mut child = sort
        .args(["-z", "-u"])
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // sort writes only after it has read everything.
    child
        .stdin
        .take()
        .unwrap()
        .write_all(list.as_bytes())
        .unwrap();
    let theirs = child.wait_with_output().unwrap();
    assert!(theirs.status.success());
    let ours = good(&["sort", "-z", "-u"], &list);
    assert_eq!(ours.as_bytes(), theirs.stdout);
    assert_eq!(good(&["sort", "-z"], good(&["dedupe", "-z"], &list)), ours);
}

#[test]
fn lists_are_compared_with_zero_bytes() {
    assert_eq!(
        run(
            &["diff", "-z", "-", "10.0.0.0/9"],
            "10.0.0.0/8\x0010.1.0.0/16\0"
        ),
        (1, "- 10.128.0.0/9\0".into(), String::new())
    );
    // Objects in JSON still end with line ends.
    assert_eq!(
        run(&["diff", "-z", "--json", "-", "10.0.0.0/9"], "10.0.0.0/8\0").1,
        "{\"change\":\"removed\",\"network\":\"10.128.0.0/9\"}\n"
    );
}
