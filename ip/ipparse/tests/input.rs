//! What the input may contain, where it may come from, and how it may end.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use common::{Folder, good, run, tool};

const BIN: &str = env!("CARGO_BIN_EXE_ipparse");

#[test]
fn invalid_lines_are_reported_and_the_rest_goes_on() {
    let folder = Folder::new(&[(
        "hosts.txt",
        b"::1\n192.0.2.300\n  1.2.3 # short\n10.0.0.1\n",
    )]);
    let name = folder.name("hosts.txt");
    let (code, out, err) = run(&[&name], "");
    assert_eq!((code, out.as_str()), (1, "::1\n10.0.0.1\n"));
    assert_eq!(
        err,
        format!(
            "ipparse: {name}:2:9: octet over 255: 192.0.2.>3<00\nipparse: {name}:3:8: too few parts: \x20 1.2.3> <# short\n"
        ),
    );
    assert_eq!(run(&["-q", &name], "").2, "");
    assert_eq!(run(&["-q", &name], "").0, 1);
}

#[test]
fn strict_stops_at_the_first() {
    let text = "::1\nx\ny\n::2\n";
    for verb in [
        &[][..],
        &["classify"],
        &["range"],
        &["hosts"],
        &["info"],
        &["dedupe"],
        &["split", "-n", "1"],
    ] {
        let (code, out, err) = run(&[verb, &["--strict"]].concat(), text);
        assert_eq!((code, err.lines().count()), (1, 1), "{verb:?} {err}");
        assert!(
            out.contains("::1") && !out.contains("::2"),
            "{verb:?} {out}"
        );
    }
    // These verbs need the whole input, so they write nothing.
    for verb in [
        &["sort"][..],
        &["aggregate"],
        &["subtract", "--in", "::5"],
        &["intersect", "--in", "::/0"],
    ] {
        let (code, out, err) = run(&[verb, &["--strict"]].concat(), text);
        assert_eq!(
            (code, out.as_str(), err.lines().count()),
            (1, "", 1),
            "{verb:?} {err}"
        );
    }
    // The reported line is the first one of the input, not that of the fastest thread.
    let mut long = "1.2.3.4\n".repeat(200_000);
    long.push_str("first\n");
    long.push_str(&"bad\n".repeat(200_000));
    let (code, out, err) = run(&["--strict", "--threads", "4"], &long);
    assert_eq!((code, out.len()), (1, 8 * 200_000));
    assert_eq!(err, "ipparse: -:200001:1: unexpected byte: >f<irst\n");
}

#[test]
fn keep_invalid_passes_lines_on() {
    let text = "# list\r\n\n0:0::1\nhost.example.org\n\u{e9} 1.2.3\n10.0.0.1 # x\n";
    assert_eq!(
        good(&["--keep-invalid"], text),
        "# list\r\n\n::1\nhost.example.org\n\u{e9} 1.2.3\n10.0.0.1\n",
    );
    assert_eq!(
        good(&["aggregate", "--keep-invalid"], "x\n::1\n"),
        "::1/128\nx\n"
    );
    assert_eq!(good(&["hosts", "--keep-invalid"], "x\n::1\n"), "x\n::1\n");
    assert_eq!(run(&["--keep-invalid", "--strict"], text).0, 2);
}

#[test]
fn any_bytes_are_handled() {
    let mut bytes = vec![0u8, 0xff, b'\n', b'\r', b'\n', 0x80];
    bytes.extend((0..=255).cycle().take(70_000));
    bytes.extend_from_slice(b"\n1.2.3.4\r\n\0\n::1\0\n");
    let folder = Folder::new(&[("bytes", &bytes)]);
    let name = &folder.name("bytes");
    for verb in [
        "canonical",
        "classify",
        "check",
        "sort",
        "dedupe",
        "aggregate",
        "range",
        "hosts",
        "info",
    ] {
        let (code, out, err) = run(&[verb, name], "");
        assert_eq!(code, 1, "{verb}");
        assert!(err.contains("\\x00") && !err.contains("panicked"), "{verb}");
        assert_eq!(out.contains("1.2.3.4"), verb != "check", "{verb}");
        if verb == "check" {
            continue;
        }
        let (code, out, _) = run(&[verb, "--extract", "--json", name], "");
        assert_eq!(code, 0, "{verb}");
        assert!(out.is_ascii() || verb != "canonical", "{verb}");
    }
    assert_eq!(good(&["--extract", name], ""), "1.2.3.4\n::1\n");
    assert_eq!(
        good(&["filter", "--count", "--in", "0.0.0.0/0,::/0", name], ""),
        "2\n"
    );
    // The bytes may also be in an argument.
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"1.2.3.4\xff");
    let output = common::ipparse().arg(odd).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        output.stderr,
        b"ipparse: argument 1:1:8: trailing data: 1.2.3.4>\\xff<\n"
    );
}

#[test]
fn very_long_lines() {
    let mut text = vec![b'x'; 3_000_000];
    text.extend_from_slice(b" 10.0.0.1 ");
    text.extend(vec![b'y'; 3_000_000]);
    let line = text.clone();
    text.extend_from_slice(b"\n10.0.0.2\n");
    let folder = Folder::new(&[("long", &text), ("one", &line)]);
    for args in [vec![folder.name("long")], vec![]] {
        let mut command = common::ipparse();
        let output = command
            .args(["filter", "--in", "10.0.0.0/8"])
            .args(&args)
            .write_stdin(text.clone())
            .output()
            .unwrap();
        assert!(output.stdout == text);
        assert!(output.status.success());
    }
    assert_eq!(good(&["--extract", &folder.name("one")], ""), "10.0.0.1\n");
    let (code, out, err) = run(&[&folder.name("long")], "");
    assert_eq!((code, out.as_str()), (1, "10.0.0.2\n"));
    assert!(err.len() < 400 && err.ends_with("...\n"), "{err}");
}

#[test]
fn line_ends_blanks_and_marks() {
    let text = b"\xef\xbb\xbf1.1.1.1\r\n\r\n\t2.2.2.2 \t\n3.3.3.3;x\n4.4.4.4 ; x\n5.5.5.5";
    let (code, out, _) = run(&[], text);
    assert_eq!(
        (code, out.as_str()),
        (1, "1.1.1.1\n2.2.2.2\n4.4.4.4\n5.5.5.5\n")
    );
    assert_eq!(good(&[], ""), "");
    // As with grep -o, this means that nothing was found.
    assert_eq!(
        run(&["--extract"], "\n\n\n"),
        (1, String::new(), String::new())
    );
}

#[test]
fn arguments_are_text_or_files() {
    let folder = Folder::new(&[("10.0.0.1", b"::1\n"), ("list", b"::2\n")]);
    let here = |args: &[&str]| {
        let output = common::ipparse()
            .args(args)
            .current_dir(folder.path(""))
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(here(&["10.0.0.1", "list"]).1, "10.0.0.1\n::2\n");
    assert_eq!(here(&["./10.0.0.1", "list"]).1, "::1\n::2\n");
    let (code, out, err) = here(&["nosuch.txt", "list"]);
    assert_eq!((code, out.as_str()), (2, "::2\n"));
    assert!(err.contains("nosuch.txt: No such file"), "{err}");
    assert!(here(&["."]).2.contains("directory"));
    let (code, _, err) = here(&["10.0.0.256"]);
    assert_eq!(
        (code, err.as_str()),
        (1, "ipparse: argument 1:1:8: octet over 255: 10.0.0.>2<56\n")
    );
    // Line numbers start again in each file.
    std::fs::write(folder.path("bad"), "\nx\n").unwrap();
    assert_eq!(here(&["bad", "bad"]).2.matches("bad:2:1:").count(), 2);
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let folder = Folder::new(&[("many", "10.0.0.1 x\n".repeat(500_000).as_bytes())]);
    let many = folder.name("many");
    for args in [
        &["hosts", "10.0.0.0/8"][..],
        &["split", "--prefix", "64", "2001:db8::/32"],
        &["filter", "--in", "10.0.0.0/8", &many],
        &["exclude", "--in", "11.0.0.0/8", &many],
        &["--extract", &many],
        &["sort", "--extract", &many],
        &["aggregate", "--extract", "--json", "10.0.0.1-10.0.0.1"],
        &["man"],
        &["completions", "zsh"],
    ] {
        let mut child = Command::new(BIN)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A verb that writes little ends at once, and a verb that writes for ever ends after a while.
        let mut pipe = child.stdout.take().unwrap();
        if args[0] == "hosts" || args[0] == "split" {
            pipe.read_exact(&mut [0; 4096]).unwrap();
        }
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        let code = output.status.code();
        // A few bytes may have gone into the pipe before it was closed.
        assert!(
            code == Some(141)
                || code == Some(0) && ["aggregate", "man", "completions"].contains(&args[0]),
            "{args:?} {code:?}"
        );
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("SKIPPED: no /dev/full");
        return;
    };
    let output = Command::new(BIN).arg("::1").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output: "));
}

#[test]
fn lines_of_a_pipe_are_answered_as_they_come() {
    for args in [&["filter", "--in", "10.0.0.0/8"][..], &[], &["dedupe"]] {
        let mut child = Command::new(BIN)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        for n in 1..=3 {
            let line = format!("10.0.0.{n}\n");
            input.write_all(line.as_bytes()).unwrap();
            let mut answer = String::new();
            output.read_line(&mut answer).unwrap();
            assert_eq!(answer, line, "{args:?}");
        }
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

/// The bar is shown on a terminal, with a large file by name or as standard input, if the output goes
/// elsewhere. Otherwise it is not shown.
#[test]
fn a_bar_for_large_files_on_a_terminal() {
    let Some(mut script) = tool("script") else {
        return;
    };
    let folder = Folder::new(&[("small", b"10.0.0.1\n")]);
    let large = std::fs::File::create(folder.path("large")).unwrap();
    large.set_len(48 << 20).unwrap();
    let with = |redirect: &str, name: &str| {
        format!(
            "{BIN} filter --in 10.0.0.0/8 {} {redirect}",
            folder.name(name)
        )
    };
    let mut screen = |command: String| {
        let output = script
            .args(["-qec", &command, "/dev/null"])
            .stdin(Stdio::null())
            .env("TERM", "xterm")
            .output()
            .unwrap();
        script = Command::new("script");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let seen = screen(with(">/dev/null", "large"));
    assert!(seen.contains("48.00 MiB"), "{seen:?}");
    assert!(!screen(with(">/dev/null", "small")).contains("MiB"));
    assert!(
        !screen(with("", "large")).contains("MiB"),
        "between lines of output"
    );
    let from_stdin = |before: &str, redirect: &str, name: &str| {
        let name = folder.name(name);
        format!("{{ {before} {BIN} filter --in 10.0.0.0/8 {redirect}; }} < {name}")
    };
    let seen = screen(from_stdin("", ">/dev/null", "large"));
    assert!(seen.contains("48.00 MiB"), "{seen:?}");
    // Bytes that another program has read from it before do not count.
    let skip = "dd of=/dev/null bs=1M count=8 status=none;";
    let seen = screen(from_stdin(skip, ">/dev/null", "large"));
    assert!(
        seen.contains("40.00 MiB") && !seen.contains("48.00 MiB"),
        "{seen:?}"
    );
    assert!(!screen(from_stdin("", ">/dev/null", "small")).contains("MiB"));
    assert!(!screen(from_stdin("", "", "large")).contains("MiB"));
    // A pipe has no size.
    let large = folder.name("large");
    let piped = format!("cat {large} | {BIN} filter --in 10.0.0.0/8 >/dev/null");
    assert!(!screen(piped).contains("MiB"));
    // Here standard error is a pipe.
    let output = Command::new(BIN)
        .args(["filter", "--in", "10.0.0.0/8", &folder.name("large")])
        .output()
        .unwrap();
    assert!(output.stderr.is_empty());
}

/// What a damaged file still tells is read, up to its last whole line, and the damage is reported.
#[test]
fn a_damaged_file_is_read_up_to_the_damage() {
    let Some(mut gzip) = tool("gzip") else {
        return;
    };
    let folder = Folder::new(&[("log", b"10.0.0.1 x\n10.0.0.22 y\n")]);
    let output = gzip.args(["-c", &folder.name("log")]).output().unwrap();
    let mut bytes = output.stdout;
    bytes.extend_from_slice(b"\x1f\x8bgarbage");
    std::fs::write(folder.path("tail.gz"), bytes).unwrap();
    let name = folder.name("tail.gz");
    let (code, out, err) = run(&["-e", &name], "");
    assert_eq!((code, out.as_str()), (2, "10.0.0.1\n10.0.0.22\n"), "{err}");
    assert!(err.starts_with(&format!("ipparse: {name}: ")), "{err}");
    // As a set it is not whole, so nothing is let through.
    let (code, out, _) = run(&["exclude", "--in", &name, "11.0.0.1"], "");
    assert_eq!((code, out.as_str()), (2, ""));
}
