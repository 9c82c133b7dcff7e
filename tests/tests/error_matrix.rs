//! strace makes every call of the I/O loop fail with each error that it can fail with. Each operation
//! must end as documented (as in std, if std has it), the next one must work, and nothing may leak.

use std::process::Command;

use std_net_tests::{LIMIT, tool, within};

/// Returns the lines that a run has printed.
fn inject(mode: &str, operation: &str, injection: &str) -> Option<Vec<String>> {
    let strace = tool("strace")?;
    let call = injection.split(':').next().unwrap();
    let output = Command::new(strace)
        .args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={call}"),
        ])
        .args(["-e", &format!("inject={injection}")])
        .args([env!("CARGO_BIN_EXE_matrix"), mode, operation])
        .env("STD_NET_WORKERS", "1")
        .env("STD_NET_WATCHDOG", "0")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("PTRACE") || errors.contains("ptrace") {
        eprintln!("SKIPPED: strace may not trace here: {errors}");
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{mode} {operation} {injection}: {text}{errors}"
    );
    Some(text.lines().map(str::to_owned).collect())
}

/// Checks how the first attempt ends, that the second works, and that no descriptor is left open.
fn ends(mode: &str, operation: &str, injection: &str, first: &str) {
    let Some(lines) = inject(mode, operation, injection) else {
        return;
    };
    let what = format!("{mode} {operation} {injection}: {lines:?}");
    assert_eq!(lines.len(), 3, "{what}");
    assert!(
        lines[0].starts_with(&format!("first: {first}")),
        "{what}, expected {first}"
    );
    assert!(lines[1].starts_with("then: Ok"), "{what}");
    assert_eq!(lines[2], "left over: 0", "{what}");
}

/// Checks the same for std, and for us on a thread.
fn as_std(operation: &str, injection: &str, first: &str) {
    ends("std", operation, injection, first);
    ends("thread", operation, injection, first);
}

#[test]
fn data_on_a_thread_fails_as_std_does() {
    within(LIMIT * 2, || {
        for (errno, kind) in [
            ("EINTR", "Interrupted"),
            ("EAGAIN", "WouldBlock"),
            ("ENOMEM", "OutOfMemory"),
        ] {
            for (operation, call) in [
                ("read", "recvfrom"),
                ("write", "sendto"),
                ("recv_from", "recvfrom"),
                ("send_to", "sendto"),
            ] {
                as_std(operation, &format!("{call}:error={errno}:when=1"), kind);
            }
            // std makes other calls here.
            ends(
                "thread",
                "read_vectored",
                &format!("recvmsg:error={errno}:when=1"),
                kind,
            );
            ends(
                "thread",
                "write_vectored",
                &format!("sendmsg:error={errno}:when=1"),
                kind,
            );
        }
    });
}

#[test]
fn connections_on_a_thread_fail_as_std_do() {
    within(LIMIT * 2, || {
        // The first accept4 is that of the operation: nothing before it makes this call.
        as_std("accept", "accept4:error=EINTR:when=1", "Ok");
        as_std(
            "accept",
            "accept4:error=EMFILE:when=1",
            "Uncategorized Some(24)",
        );
        as_std("accept", "accept4:error=ENOMEM:when=1", "OutOfMemory");
        as_std(
            "accept",
            "accept4:error=ECONNABORTED:when=1",
            "ConnectionAborted",
        );
        as_std("accept", "accept4:error=EAGAIN:when=1", "WouldBlock");
        as_std("connect", "connect:error=EINTR:when=1", "Ok");
        as_std("connect", "connect:error=ENOMEM:when=1", "OutOfMemory");
        as_std(
            "connect",
            "connect:error=ECONNREFUSED:when=1",
            "ConnectionRefused",
        );
        // The listener took the first socket.
        as_std(
            "connect",
            "socket:error=EMFILE:when=2",
            "Uncategorized Some(24)",
        );
        as_std("bind", "socket:error=ENOMEM:when=2", "OutOfMemory");
        as_std("bind", "listen:error=EADDRINUSE:when=2", "AddrInUse");
        as_std("bind", "setsockopt:error=ENOMEM:when=2", "OutOfMemory");
        // This holds where the C library starts programs without this call.
        #[cfg(target_env = "gnu")]
        as_std(
            "clone",
            "fcntl:error=EMFILE:when=1",
            "Uncategorized Some(24)",
        );
    });
}

#[test]
fn waiting_with_a_deadline_goes_on_after_a_signal() {
    within(LIMIT * 2, || {
        ends("deadline", "late_read", "ppoll:error=EINTR:when=1..3", "Ok");
        // This holds where `poll` is a system call of its own. Elsewhere the first `ppoll` is one of
        // std's, before `main`.
        #[cfg(target_arch = "x86_64")]
        ends(
            "deadline",
            "late_read",
            "ppoll:error=ENOMEM:when=1",
            "OutOfMemory",
        );
        ends(
            "deadline",
            "late_read",
            // The wait needs no descriptor, so it works without one.
            "eventfd2:error=EMFILE:when=1",
            "Ok 2",
        );
        ends(
            "deadline",
            "read",
            "recvfrom:error=EINTR:when=1",
            "Interrupted",
        );
        ends("deadline", "read", "recvfrom:error=EAGAIN:when=1..5", "Ok");
        ends("deadline", "accept", "accept4:error=EINTR:when=1", "Ok");
        ends(
            "deadline",
            "accept",
            "accept4:error=ECONNABORTED:when=1",
            "ConnectionAborted",
        );
        ends("deadline", "accept", "accept4:error=EAGAIN:when=1..5", "Ok");
        ends(
            "deadline",
            "connect_timeout",
            "connect:error=EINTR:when=1",
            "Ok",
        );
        ends(
            "deadline",
            "connect_timeout",
            "connect:error=ENOMEM:when=1",
            "OutOfMemory",
        );
        ends(
            "deadline",
            "connect_timeout",
            "ioctl:error=ENOMEM:when=1",
            "OutOfMemory",
        );
    });
}

#[test]
fn in_a_process_each_call_ends_as_documented() {
    within(LIMIT * 3, || {
        for (operation, call) in [
            ("read", "recvfrom"),
            ("write", "sendto"),
            ("recv_from", "recvfrom"),
            ("send_to", "sendto"),
            ("read_vectored", "recvmsg"),
            ("write_vectored", "sendmsg"),
        ] {
            for (errno, kind) in [("EINTR", "Interrupted"), ("ENOMEM", "OutOfMemory")] {
                ends(
                    "process",
                    operation,
                    &format!("{call}:error={errno}:when=1"),
                    kind,
                );
            }
            // The descriptor was not ready after all. The call waits for the reactor, which then
            // reports that it is ready.
            ends(
                "process",
                operation,
                &format!("{call}:error=EAGAIN:when=1"),
                "Ok",
            );
        }
        ends("process", "accept", "accept4:error=EINTR:when=1", "Ok");
        ends("process", "accept", "accept4:error=EAGAIN:when=1", "Ok");
        ends(
            "process",
            "accept",
            "accept4:error=EMFILE:when=1",
            "Uncategorized Some(24)",
        );
        ends(
            "process",
            "accept",
            "accept4:error=ENOMEM:when=1",
            "OutOfMemory",
        );
        ends(
            "process",
            "accept",
            "accept4:error=ECONNABORTED:when=1",
            "ConnectionAborted",
        );
        ends("process", "connect", "connect:error=EINTR:when=1", "Ok");
        ends(
            "process",
            "connect",
            "connect:error=ENOMEM:when=1",
            "OutOfMemory",
        );
        ends(
            "process",
            "connect",
            "socket:error=EMFILE:when=2",
            "Uncategorized Some(24)",
        );
        ends(
            "process",
            "clone",
            "fcntl:error=EMFILE:when=1",
            "Uncategorized Some(24)",
        );
    });
}

#[test]
#[cfg(not(std_net_portable))]
fn in_a_process_the_reactor_may_fail_too() {
    within(LIMIT * 2, || {
        // strace counts per thread. This call comes after the add and the remove of the first pair.
        ends(
            "process",
            "second_late_read",
            "epoll_ctl:error=ENOMEM:when=3",
            "OutOfMemory",
        );
        ends(
            "process",
            "second_late_read",
            "epoll_ctl:error=ENOSPC:when=3",
            "StorageFull",
        );
        ends(
            "process",
            "late_read",
            "epoll_pwait2:error=EINTR:when=1+2",
            "Ok",
        );
        ends(
            "process",
            "late_read",
            "epoll_pwait2:error=ENOMEM:when=2..9",
            "Ok",
        );
    });
}
