//! Follows the README from top to bottom. Its commands are run in their order, and its two programs are
//! built in the package that the commands make, and run.
//!
//! Some commands would start this test again or take minutes, so they are not run. These are `cargo
//! test`, `cargo run --example` (the test checks that the example exists; `tests/tests/examples.rs`
//! runs it) and `cargo install --path` (the test checks that the package exists, and runs the tool from
//! this build).

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use std_net_tests::tree::root;
use std_net_tests::{LIMIT, profile, within};

/// Returns the blocks of code in this language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    let rest = text.split(&*begin).skip(1);
    rest.map(|rest| rest.split_once("```").expect("a block ends").0)
        .collect()
}

fn cargo(folder: &Path, args: &[&str]) {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .current_dir(folder)
        .env("CARGO_NET_OFFLINE", "true")
        // As in this workspace, so that crates need not be built once more.
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .env("CARGO_TARGET_DIR", profile().parent().unwrap())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo {args:?} in {}: {errors}",
        folder.display()
    );
}

/// Returns the tool from this build. Builds it if it does not exist.
fn ipparse() -> PathBuf {
    let path = profile().join("ipparse");
    if !path.is_file() {
        cargo(
            root(),
            &["build", "--quiet", "--package", "std_net_ipparse"],
        );
    }
    assert!(path.is_file(), "{} is not there", path.display());
    path
}

/// Runs the commands of the README. Returns the folder of the new package, and the folder that must be
/// kept for it.
fn follow(readme: &str) -> (PathBuf, tempfile::TempDir) {
    let parent = tempfile::tempdir().unwrap();
    // This is the reader's copy, under its usual name. A path inside it must not lead to the parent of
    // the real one.
    let copy = parent.path().join("std_net");
    std::os::unix::fs::symlink(root(), &copy).unwrap();
    let mut folder = copy;
    let mut package = None;
    for line in blocks(readme, "sh").concat().lines() {
        let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        match words[..] {
            [] => {}
            ["cd", ".."] => assert!(folder.pop()),
            ["cd", to] => {
                folder = match to.strip_prefix("../") {
                    Some(sibling) => folder.parent().unwrap().join(sibling),
                    None => folder.join(to),
                };
                assert!(folder.is_dir(), "{line}: no such folder");
            }
            ["cargo", "test"] => assert!(folder.join("Cargo.toml").is_file(), "{line}"),
            ["cargo", "run", "--release", "--example", name] => {
                let path = folder.join(format!("std_net/examples/{name}.rs"));
                assert!(path.is_file(), "{line}: no such example");
            }
            ["cargo", "install", "--path", path] => {
                let manifest = fs::read_to_string(folder.join(path).join("Cargo.toml")).unwrap();
                assert!(
                    manifest.contains("name = \"ipparse\""),
                    "{line}: makes no ipparse"
                );
            }
            ["cargo", "new", name] => {
                cargo(&folder, &["new", "--vcs", "none", name]);
                package = Some(folder.join(name));
            }
            ["cargo", "add", ref args @ ..] => cargo(&folder, &[&["add"], args].concat()),
            ["ipparse", ref args @ ..] => {
                let folder = tempfile::tempdir().unwrap();
                fs::write(folder.path().join("blocklist.txt"), "192.0.2.0/24\n").unwrap();
                let log = "192.0.2.7 GET /\n198.51.100.1 GET /\n";
                fs::write(folder.path().join("access.log"), log).unwrap();
                let output = Command::new(ipparse())
                    .args(args)
                    .current_dir(folder.path())
                    .output();
                let output = output.unwrap();
                assert!(output.status.success(), "{line}: {output:?}");
                assert_eq!(
                    String::from_utf8_lossy(&output.stdout),
                    "192.0.2.7 GET /\n",
                    "{line}"
                );
            }
            _ => panic!("this test does not know the command {line:?} of README.md"),
        }
    }
    (package.expect("the README makes a package"), parent)
}

/// Builds a program in the package that the README has made.
fn build(package: &Path, program: &str) -> PathBuf {
    fs::write(package.join("src/main.rs"), program).unwrap();
    cargo(package, &["build", "--quiet"]);
    let built = profile().parent().unwrap().join("debug/hello");
    let own = package.join("program");
    fs::copy(built, &own).unwrap();
    own
}

/// The programs of the README do not link `std_net_interpose`, so they cannot be asked for threadlike processes.
fn without_the_crate(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove("STD_NET_THREADLIKE");
    command
}

#[test]
fn the_commands_and_programs_of_the_readme_work() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (package, _kept) = follow(&readme);
    // Use the tested versions, and no network.
    fs::copy(root().join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let programs = blocks(&readme, "rust,no_run");
    assert_eq!(programs.len(), 2, "a script and a server");
    let change = |program: &str, from: &str, to: &str| {
        assert!(program.contains(from), "{from} is not in {program}");
        program.replace(from, to)
    };

    // Run the script with a web server of this test.
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = web.local_addr().unwrap().to_string();
    let script = build(&package, &change(programs[0], "example.org:80", &address));
    within(LIMIT, || {
        let server = thread::spawn(move || {
            let (stream, _) = web.accept().unwrap();
            let request: Vec<String> = BufReader::new(&stream)
                .lines()
                .map(Result::unwrap)
                .take_while(|l| !l.is_empty())
                .collect();
            (&stream)
                .write_all(b"HTTP/1.0 200 OK\r\nServer: a test\r\n\r\n")
                .unwrap();
            request
        });
        let output = without_the_crate(&script).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stdout, b"HTTP/1.0 200 OK\r\nServer: a test\r\n\r\n");
        assert_eq!(
            server.join().unwrap(),
            ["HEAD / HTTP/1.0", "Host: example.org"]
        );
    });

    // Run the server, with two clients at the same time.
    let server = build(
        &package,
        &change(programs[1], "127.0.0.1:7777", "127.0.0.1:0"),
    );
    within(LIMIT, || {
        let mut server = without_the_crate(&server)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        let address = said.trim().strip_prefix("listening on ").unwrap();
        let mut clients = [(); 2].map(|()| TcpStream::connect(address).unwrap());
        for client in clients.iter_mut().rev() {
            client.write_all(b"what comes goes back").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut text = String::new();
            client.read_to_string(&mut text).unwrap();
            assert_eq!(text, "what comes goes back");
        }
        server.kill().unwrap();
        server.wait().unwrap();
    });
}
