//! Older kernels and sandboxes refuse the newer system calls. The tests that use such a call must still
//! pass, for every call, for every error, and with all calls refused together.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use std_net_tests::{tree, within};

/// The newer calls. Each has the tests of code that makes it, or may make it: std makes some of them.
const CALLS: [(&str, &[&str]); 14] = [
    ("close_range", &["deadlines"]),
    ("epoll_pwait2", &["deadlines", "notifier", "timers"]),
    ("io_uring_enter", &["batched_writes", "shared_listeners"]),
    ("io_uring_register", &["batched_writes", "shared_listeners"]),
    ("io_uring_setup", &["batched_writes", "shared_listeners"]),
    ("madvise_guard", &["limit_of_stacks", "timers"]),
    ("pidfd_open", &["deadlines"]),
    ("preadv2", &["deadlines", "threadlike_functions"]),
    ("process_madvise", &["deadlines"]),
    ("pwritev2", &["threadlike_functions"]),
    ("recvmmsg", &["batches"]),
    ("sendfile", &["send_file"]),
    ("sendmmsg", &["batches"]),
    ("splice", &["copy"]),
];

const ERRORS: [&str; 3] = ["ENOSYS", "EPERM", "EINVAL"];

/// The tests that run while all calls together are refused. They use every way to wait.
const TESTS: [&str; 10] = [
    "ancillary",
    "batched_writes",
    "batches",
    "copy",
    "deadlines",
    "limit_of_stacks",
    "notifier",
    "send_file",
    "shared_listeners",
    "timers",
];

/// Returns the test binaries of this package, built in the same way as this one.
fn binaries() -> Vec<PathBuf> {
    let exe = std::env::current_exe().expect("a test knows where it is");
    // target/PROFILE/deps/test
    let profile = exe.ancestors().nth(2).expect("tests are in deps");
    let mut build = Command::new(env!("CARGO"));
    build.args(["test", "--no-run", "--message-format=json", "--quiet"]);
    // In the folder of the workspace, cargo takes the default members, as it does in a test of the whole. Then nothing
    // must be built. If nothing but this package was built, that would be much more work.
    if is_built("vectors") && !cfg!(feature = "interpose") {
        build.current_dir(tree::root());
    } else {
        build.args(["--package", "std_net_tests"]);
    }
    build.arg("--target-dir");
    build.arg(profile.parent().expect("profiles are in a target folder"));
    let tests: BTreeSet<&str> = CALLS
        .iter()
        .flat_map(|(_, tests)| *tests)
        .copied()
        .chain(TESTS)
        .collect();
    build.args(tests.iter().map(|test| format!("--test={test}")));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    // Without this, the build would replace the package's programs by ones that do not link the crate.
    if cfg!(feature = "interpose") {
        build.arg("--features=interpose");
    }
    let output = build.stderr(Stdio::inherit()).output().expect("cargo runs");
    assert!(output.status.success(), "cannot build the tests");
    let messages = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let binaries: Vec<_> = messages
        .lines()
        .filter_map(|line| line.split_once("\"executable\":\"")?.1.split('"').next())
        .map(PathBuf::from)
        .filter(|path| tests.iter().any(|test| is_named(path, test)))
        .collect();
    assert_eq!(binaries.len(), tests.len(), "{binaries:?}");
    binaries
}

/// Returns whether a test of this name lies beside this one.
fn is_built(name: &str) -> bool {
    let exe = std::env::current_exe().expect("a test knows where it is");
    let files = fs::read_dir(exe.parent().expect("tests are in deps")).expect("it can be read");
    files.flatten().any(|file| is_named(&file.path(), name))
}

/// Returns whether the file is `name-HASH`.
fn is_named(path: &std::path::Path, name: &str) -> bool {
    let stem = path.file_name().and_then(|stem| stem.to_str());
    stem.and_then(|stem| stem.rsplit_once('-'))
        .is_some_and(|(stem, _)| stem == name)
}

/// Runs the tests while `calls` are refused with `error`. Returns whether this is possible here.
fn pass_without(binaries: &[PathBuf], tests: &[&str], calls: &[&str], error: &str) -> bool {
    for test in tests {
        let binary = binaries.iter().find(|path| is_named(path, test));
        let binary = binary.expect("it was built");
        let output = Command::new(env!("CARGO_BIN_EXE_refuse"))
            .arg(error)
            .args(calls)
            .arg("--")
            .arg(binary)
            .stdin(Stdio::null())
            .output()
            .expect("it starts");
        if output.status.code() == Some(77) {
            eprintln!("SKIPPED: {}", String::from_utf8_lossy(&output.stderr));
            return false;
        }
        assert!(
            output.status.success(),
            "{} where {calls:?} are refused with {error}:\n{}\n{}",
            binary.display(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
    }
    true
}

#[test]
fn what_is_refused_fails_with_that_error() {
    let name = "what_is_refused_fails_with_that_error";
    if std_net_tests::is_again() {
        // SAFETY: no memory is passed.
        let made = unsafe { libc::syscall(libc::SYS_pidfd_open, std::process::id(), 0) };
        let error = std::io::Error::last_os_error().raw_os_error();
        assert_eq!((made, error), (-1, Some(libc::EPERM)));
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_refuse"))
        .args(["EPERM", "pidfd_open", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env("STD_NET_AGAIN", "1")
        .output()
        .unwrap();
    if output.status.code() == Some(77) {
        eprintln!("SKIPPED: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_tests_pass_where_newer_calls_are_refused() {
    within(Duration::from_secs(1800), || {
        let binaries = &binaries();
        // The tests wait much, so those of all errors run at the same time.
        thread::scope(|scope| {
            for error in ERRORS {
                scope.spawn(move || {
                    let each = &mut CALLS.iter();
                    if each.all(|(call, tests)| pass_without(binaries, tests, &[call], error)) {
                        pass_without(binaries, &TESTS, &CALLS.map(|(call, _)| call), error);
                    }
                });
            }
        });
    });
}
