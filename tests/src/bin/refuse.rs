//! Runs a program as if the kernel refused some system calls, as older kernels and sandboxes do:
//! `refuse ERROR CALL... -- PROGRAM ARGUMENT...`. It uses a seccomp filter, see `seccomp(2)`.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// `MADV_GUARD_INSTALL`.
const GUARD_INSTALL: u32 = 102;

/// The calls that can be refused, with their numbers. If a call has a value here, it is refused only
/// when its third argument has this value.
const CALLS: [(&str, libc::c_long, Option<u32>); 14] = [
    ("close_range", libc::SYS_close_range, None),
    ("epoll_pwait2", libc::SYS_epoll_pwait2, None),
    ("io_uring_enter", libc::SYS_io_uring_enter, None),
    ("io_uring_register", libc::SYS_io_uring_register, None),
    ("io_uring_setup", libc::SYS_io_uring_setup, None),
    ("madvise_guard", libc::SYS_madvise, Some(GUARD_INSTALL)),
    ("pidfd_open", libc::SYS_pidfd_open, None),
    ("preadv2", libc::SYS_preadv2, None),
    ("process_madvise", libc::SYS_process_madvise, None),
    ("pwritev2", libc::SYS_pwritev2, None),
    ("recvmmsg", libc::SYS_recvmmsg, None),
    ("sendfile", libc::SYS_sendfile, None),
    ("sendmmsg", libc::SYS_sendmmsg, None),
    ("splice", libc::SYS_splice, None),
];

const ERRORS: [(&str, libc::c_int); 3] = [
    ("EINVAL", libc::EINVAL),
    ("ENOSYS", libc::ENOSYS),
    ("EPERM", libc::EPERM),
];

/// Where a filter finds the number of the call and the low half of its third argument, in `struct
/// seccomp_data`.
const NUMBER: u32 = 0;
const THIRD_ARGUMENT: u32 = 16 + 2 * 8 + if cfg!(target_endian = "big") { 4 } else { 0 };

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

fn load(offset: u32) -> libc::sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

fn give(result: u32) -> libc::sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, result)
}

/// Skips this many statements if the loaded word has another value.
fn unless_equal_skip(k: u32, skip: u8) -> libc::sock_filter {
    libc::sock_filter {
        jf: skip,
        ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, k)
    }
}

/// Makes the program of the filter.
fn filter(calls: &[(libc::c_long, Option<u32>)], error: libc::c_int) -> Vec<libc::sock_filter> {
    let refuse = give(libc::SECCOMP_RET_ERRNO | error.cast_unsigned());
    let mut program = Vec::new();
    for (number, argument) in calls {
        let number = u32::try_from(*number).expect("numbers of calls are small");
        program.push(load(NUMBER));
        match argument {
            None => program.extend([unless_equal_skip(number, 1), refuse]),
            Some(argument) => program.extend([
                unless_equal_skip(number, 3),
                load(THIRD_ARGUMENT),
                unless_equal_skip(*argument, 1),
                refuse,
            ]),
        }
    }
    program.push(give(libc::SECCOMP_RET_ALLOW));
    program
}

/// Makes the kernel refuse these calls from now on, in this program and in all programs that it starts.
fn install(mut filter: Vec<libc::sock_filter>) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: filter.len().try_into().expect("a short program"),
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the arguments are numbers and a live filter program, which the kernel copies.
    let failed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const program,
            ) != 0
    };
    if failed {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let error = arguments.next().expect("an error");
    let error = ERRORS.iter().find(|(name, _)| *name == error);
    let error = error.expect("ENOSYS, EPERM or EINVAL").1;
    let calls: Vec<_> = arguments
        .by_ref()
        .take_while(|argument| argument != "--")
        .map(|name| {
            let call = CALLS.iter().find(|(known, ..)| *known == name);
            let (_, number, argument) = call.unwrap_or_else(|| panic!("no such call: {name}"));
            (*number, *argument)
        })
        .collect();
    if let Err(error) = install(filter(&calls, error)) {
        // The caller takes this exit code for "cannot be tried here".
        eprintln!("no seccomp filter: {error}");
        return ExitCode::from(77);
    }
    let program = arguments.next().expect("a program");
    let error = Command::new(&program).args(arguments).exec();
    eprintln!("{program}: {error}");
    ExitCode::FAILURE
}
