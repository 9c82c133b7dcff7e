//! Does the library work in programs that are not ordinary Rust programs: loaded by a program in
//! another language, or in a forked child that has executed no other program?

use std::io::{self, ErrorKind, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use std_net::dns::Resolver;
use std_net::process;
use std_net_tests::{LIMIT, again, is_again, within};

#[test]
fn an_overflow_is_told_in_a_program_whose_main_is_not_rusts() {
    within(LIMIT, || {
        for argument in ["spawn", "run"] {
            let output = Command::new(env!("CARGO_BIN_EXE_foreign"))
                .arg(argument)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(
                text.contains("'the deep one' has overflowed its stack"),
                "{argument}: {text}"
            );
            assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{argument}");
        }
    });
}

/// Runs `f` in a forked child. Returns its text.
fn in_a_child(f: impl FnOnce() -> String) -> String {
    let (mut reader, mut writer) = io::pipe().unwrap();
    // SAFETY: the child calls functions that may take locks. This is allowed, because all other threads
    // of this program are idle, and the allocator of the C library works in a child.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", io::Error::last_os_error());
    if child == 0 {
        // SAFETY: this only sets a timer, which ends a child that hangs.
        unsafe { libc::alarm(120) };
        let _ = io::Write::write_all(&mut writer, f().as_bytes());
        // SAFETY: this ends the child without running any handlers of the parent.
        unsafe { libc::_exit(0) };
    }
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let mut status = 0;
    // SAFETY: the pointer is to a live integer.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0, "it said {text:?}");
    text
}

fn spawn_one() -> String {
    match process::Builder::new().spawn(|| 7) {
        Ok(handle) => format!("{}", handle.join().unwrap()),
        Err(error) => format!("{:?}: {error}", error.kind()),
    }
}

#[test]
fn a_spawn_in_a_forked_child_is_refused() {
    if !is_again() {
        let output = again("a_spawn_in_a_forked_child_is_refused", &[]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        return;
    }
    // If the runtime has not been started before the fork, a child has its own.
    assert_eq!(in_a_child(spawn_one), "7");
    assert_eq!(spawn_one(), "7");
    process::spawn(|| process::blocking(|| ())).join().unwrap();
    process::spawn(|| Resolver::libc().lookup("localhost").unwrap())
        .join()
        .unwrap();
    let refused = in_a_child(spawn_one);
    assert!(
        refused.starts_with(&format!("{:?}: ", ErrorKind::Unsupported)),
        "{refused}"
    );
    assert!(refused.contains("before the fork"), "{refused}");
    // Operations that need no process work, on threads of the child.
    let found = in_a_child(|| {
        let found = Resolver::libc().lookup_deadline("localhost", Duration::from_secs(60));
        format!("{}", found.is_ok())
    });
    assert_eq!(found, "true");
    // The parent goes on as before.
    assert_eq!(spawn_one(), "7");
}
