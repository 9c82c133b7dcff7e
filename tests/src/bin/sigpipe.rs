//! Sends to peers that are gone, in a program that has given `SIGPIPE` its default action. Every
//! operation must return an error, and the program must live to report it.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::FromRawFd;

use std_net::process;
use std_net::unix::UnixStream;
#[cfg(feature = "interpose")]
use std_net_interpose as _;

/// Returns a connection whose peer is gone.
fn without_peer() -> UnixStream {
    UnixStream::pair().expect("a pair").0
}

/// Returns a file of one byte, which the kernel keeps in memory.
fn file() -> io::Result<File> {
    // SAFETY: the name ends with a NUL.
    let fd = unsafe { libc::memfd_create(c"one".as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0);
    // SAFETY: the descriptor is new and has no other owner.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.write_all(b"1")?;
    Ok(file)
}

fn send_to_the_gone() -> io::Result<()> {
    let wants_broken_pipe = |what: &str, result: io::Result<u64>| {
        let error = result.expect_err(what);
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE), "{what}");
    };
    let file = file()?;
    wants_broken_pipe("write", without_peer().write(b"1").map(|n| n as u64));
    wants_broken_pipe("send_file", without_peer().send_file(&file, ..));
    let (mut a, b) = UnixStream::pair()?;
    a.write_all(b"1")?;
    wants_broken_pipe("copy", std_net::copy(&b, &without_peer()));
    Ok(())
}

fn main() -> io::Result<()> {
    // SAFETY: the default action is valid for every signal.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    send_to_the_gone()?;
    process::spawn(send_to_the_gone).join().expect("no panic")?;
    println!("alive");
    Ok(())
}
