//! The wait of a plain thread for a descriptor: `ppoll(2)`. Processes wait in the reactor instead.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use crate::deadline::Nanos;
use crate::interest::Interest;
use crate::sys::platform::thread as platform;

/// Waits until `fd` is ready for `interest`, `until` has passed, or one of `wakers` is readable. A signal ends the wait
/// early. In every case the caller tries its operation again and checks the time itself.
pub(crate) fn wait(
    fd: BorrowedFd<'_>,
    interest: Interest,
    until: Nanos,
    wakers: [Option<BorrowedFd<'_>>; 2],
) -> io::Result<()> {
    let events = match interest {
        Interest::Read => libc::POLLIN,
        Interest::Write => libc::POLLOUT,
        // POLLHUP is always reported.
        Interest::Hangup => platform::READ_SHUT,
    };
    // `poll(2)` ignores a negative descriptor.
    let waker = |fd: Option<BorrowedFd<'_>>| libc::pollfd {
        fd: fd.map_or(-1, |fd| fd.as_raw_fd()),
        events: libc::POLLIN,
        revents: 0,
    };
    let this = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    let mut polls = [this, waker(wakers[0]), waker(wakers[1])];
    let timeout = (until != Nanos::NEVER).then(|| until.left(Nanos::now()));
    let result = platform::poll(&mut polls, timeout);
    match crate::sys::cvt(result) {
        Err(e) if e.raw_os_error() != Some(libc::EINTR) => Err(e),
        Ok(_) if polls[0].revents == libc::POLLERR => error_only(fd, &mut polls, until),
        _ => Ok(()),
    }
}

/// Handles `POLLERR` alone. This may be the pending error of the socket, which is taken here as the operation would
/// have taken it. It may also be an entry in the queue of `IP_RECVERR`, which stays until its owner reads it. Without a
/// pause the caller would then retry in a busy loop.
fn error_only(fd: BorrowedFd<'_>, polls: &mut [libc::pollfd; 3], until: Nanos) -> io::Result<()> {
    if let Some(error) = socket2::SockRef::from(&fd).take_error()? {
        return Err(error);
    }
    polls[0].fd = -1;
    let pause = until.min(Nanos::now().after(Duration::from_millis(1)));
    let result = platform::poll(polls, Some(pause.left(Nanos::now())));
    match crate::sys::cvt(result) {
        Err(e) if e.raw_os_error() != Some(libc::EINTR) => Err(e),
        _ => Ok(()),
    }
}

/// Whether the kernel reports that the read side has ended. Does not wait.
pub(crate) fn is_read_shut(fd: BorrowedFd<'_>) -> io::Result<bool> {
    is_now(fd, platform::READ_SHUT)
}

/// Whether the kernel reports that the peer has closed its side or is gone. Waits for that if `waits` is true.
pub(crate) fn is_hung_up(fd: BorrowedFd<'_>, waits: bool) -> io::Result<bool> {
    let events = look(fd, platform::READ_SHUT, waits)?;
    Ok(events & (platform::READ_SHUT | libc::POLLHUP) != 0)
}

/// Whether a read or an accept would return at once. Waits for that if `waits` is true.
pub(crate) fn has_input(fd: BorrowedFd<'_>, waits: bool) -> io::Result<bool> {
    Ok(look(fd, libc::POLLIN, waits)? != 0)
}

/// Whether the kernel reports that the connection has ended in both directions. Does not wait.
pub(crate) fn is_gone(fd: BorrowedFd<'_>) -> io::Result<bool> {
    let mut polls = platform::ENDS.map(|events| libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    });
    // SAFETY: the pollfds are live, and this is their number.
    crate::sys::cvt(unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as _, 0) })?;
    let ended = |poll: &libc::pollfd| poll.revents & (libc::POLLHUP | libc::POLLERR) != 0;
    Ok(polls.iter().all(ended))
}

/// Whether the kernel reports that there is something to read. Does not wait.
pub(crate) fn is_readable(fd: BorrowedFd<'_>) -> io::Result<bool> {
    is_now(fd, libc::POLLIN)
}

/// Whether an operation in this direction would end at once, by a success or an error. Does not wait.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<bool> {
    let event = match interest {
        Interest::Read => libc::POLLIN,
        Interest::Write => libc::POLLOUT,
        Interest::Hangup => platform::READ_SHUT,
    };
    let mut poll = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: event,
        revents: 0,
    };
    // SAFETY: there is one valid pollfd.
    crate::sys::cvt(unsafe { libc::poll(&raw mut poll, 1, 0) })?;
    Ok(poll.revents != 0)
}

fn is_now(fd: BorrowedFd<'_>, event: libc::c_short) -> io::Result<bool> {
    Ok(look(fd, event, false)? & event != 0)
}

/// The events of a descriptor. Waits for one of them if `waits` is true.
fn look(fd: BorrowedFd<'_>, events: libc::c_short, waits: bool) -> io::Result<libc::c_short> {
    let mut poll = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: there is one valid pollfd.
    crate::sys::cvt(unsafe { libc::poll(&raw mut poll, 1, if waits { -1 } else { 0 }) })?;
    Ok(poll.revents)
}
