//! Functions that send or write: `send(2)`, `sendmsg(2)`, `write(2)`, `sendfile(2)` and their variants. A blocking call
//! writes all its data, or stops at an error and returns how much it has written.

use std::ffi::{c_int, c_uint, c_void};
use std::ptr;

use libc::{iovec, mmsghdr, msghdr, off64_t, size_t, sockaddr, socklen_t, ssize_t};
use std_net_runtime::Interest;
use std_net_runtime::threadlike::{self, Threadlike};

use crate::library::library;
use crate::mode;
use crate::raw::{self, AGAIN, RWF_NOWAIT, failed, finish, sys};
use crate::receive::kind;
use crate::wait::{CANNOT_TRY, Waited, Waiter, until_done};

/// The highest of the standard descriptors. Writes to standard output and error never park, because std holds a
/// `RefCell` borrow during such a write.
const LAST_STANDARD: c_int = 2;

/// `send(2)`.
///
/// # Safety
///
/// `buf` is readable for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn send(
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract. Null means that no address is given.
    unsafe { send_to(fd, buf, len, flags, ptr::null(), 0) }
}

/// `sendto(2)`.
///
/// # Safety
///
/// `buf` is readable for `len` bytes, and `addr` for `addr_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendto(
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
    addr: *const sockaddr,
    addr_len: socklen_t,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract.
    unsafe { send_to(fd, buf, len, flags, addr, addr_len) }
}

#[inline(always)]
unsafe fn send_to(
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
    addr: *const sockaddr,
    addr_len: socklen_t,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract. `done` bytes lie within the buffer.
    let send = |done: usize, more: c_int| unsafe {
        let at = buf.byte_add(done);
        sys!(
            libc::SYS_sendto,
            fd,
            at,
            len - done,
            flags | more,
            addr,
            addr_len
        )
    };
    let process = threadlike::current().filter(|_| flags & libc::MSG_DONTWAIT == 0);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(sendto(fd, buf, len, flags, addr, addr_len) -> ssize_t) };
    };
    finish(until_written(process, fd, len, |done, may_block| {
        let more = if may_block { 0 } else { libc::MSG_DONTWAIT };
        send(done, more | quiet(done))
    }))
}

/// Suppresses `SIGPIPE` once a part is written. Then the call reports that part and not an error, so there must be no
/// signal either.
fn quiet(done: usize) -> c_int {
    if done > 0 { libc::MSG_NOSIGNAL } else { 0 }
}

/// Repeats `attempt` until all bytes are written. Its arguments are the number of bytes already written and whether it
/// may block.
#[inline(never)]
fn until_written(
    process: Threadlike,
    fd: c_int,
    len: usize,
    attempt: impl Fn(usize, bool) -> isize,
) -> isize {
    let mut waiter = Waiter::new(process, fd, Interest::Write);
    let mut done = 0;
    loop {
        let result = waiter.until_done(|| attempt(done, false), || attempt(done, true));
        if result < 0 {
            return if done > 0 { done.cast_signed() } else { result };
        }
        done += result.cast_unsigned();
        // Only a part was written. The kernel's blocking call would go on, so this does too, unless the user does not
        // want to wait.
        if done >= len || result == 0 || mode::waits(fd) != Some(true) {
            return done.cast_signed();
        }
    }
}

/// `write(2)`.
///
/// # Safety
///
/// `buf` is readable for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn write(fd: c_int, buf: *const c_void, len: size_t) -> ssize_t {
    let process = threadlike::current().filter(|_| fd > LAST_STANDARD);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(write(fd, buf, len) -> ssize_t) };
    };
    let slice = iovec {
        iov_base: buf.cast_mut(),
        iov_len: len,
    };
    // SAFETY: the caller keeps this function's contract. There is one slice.
    finish(unsafe { write_parking(process, fd, &raw const slice, 1) })
}

/// `writev(2)`.
///
/// # Safety
///
/// `slices` points to `count` slices of readable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn writev(fd: c_int, slices: *const iovec, count: c_int) -> ssize_t {
    let process = threadlike::current().filter(|_| fd > LAST_STANDARD);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(writev(fd, slices, count) -> ssize_t) };
    };
    // SAFETY: the caller keeps this function's contract.
    finish(unsafe { write_parking(process, fd, slices, count) })
}

/// Writes with `pwritev2(2)`, offset -1 and `RWF_NOWAIT`. This is a `write` at the file's own offset that does not
/// wait.
#[inline(never)]
unsafe fn write_parking(
    process: Threadlike,
    fd: c_int,
    slices: *const iovec,
    count: c_int,
) -> isize {
    let Ok(n) = usize::try_from(count) else {
        return failed(libc::EINVAL);
    };
    // SAFETY: the caller keeps this function's contract.
    let write = |at: *const iovec, n: usize, may_block: bool, done: usize| unsafe {
        if may_block {
            return sys!(libc::SYS_writev, fd, at, n);
        }
        if done > 0 {
            // Once a part is written, there must be no `SIGPIPE`. Only calls for sockets have a flag for that.
            let mut message = no_message();
            message.msg_iov = at.cast_mut();
            message.msg_iovlen = n;
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            let result = sys!(libc::SYS_sendmsg, fd, &raw const message, flags);
            if result != failed(libc::ENOTSOCK) {
                return result;
            }
        }
        let result = sys!(libc::SYS_pwritev2, fd, at, n, -1_isize, 0, RWF_NOWAIT);
        if !raw::cannot_try(libc::SYS_pwritev2, result) {
            return result;
        }
        // Only sockets have another call that cannot block.
        let mut message = no_message();
        message.msg_iov = at.cast_mut();
        message.msg_iovlen = n;
        let result = sys!(
            libc::SYS_sendmsg,
            fd,
            &raw const message,
            libc::MSG_DONTWAIT
        );
        match result {
            result if result != failed(libc::ENOTSOCK) => result,
            _ if kind(fd) == Some(libc::S_IFIFO) => {
                // If the user does not want to wait, the call does not block anyway.
                let plain = || sys!(libc::SYS_writev, fd, at, n);
                mode::without_blocking(fd, plain).unwrap_or_else(plain)
            }
            _ => CANNOT_TRY,
        }
    };
    // SAFETY: the caller keeps this function's contract. The kernel refuses a larger count.
    let slices = unsafe { Slices::new(slices, n) };
    until_written(process, fd, slices.len(), |done, may_block| {
        slices.behind(done, |at, n| write(at, n, may_block, done))
    })
}

/// A message header with all fields empty.
pub(crate) fn no_message() -> msghdr {
    msghdr {
        msg_name: ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: ptr::null_mut(),
        msg_iovlen: 0,
        msg_control: ptr::null_mut(),
        msg_controllen: 0,
        msg_flags: 0,
    }
}

/// The data of one call, of which a part may already be written.
pub(crate) struct Slices<'a>(&'a [iovec]);

impl Slices<'_> {
    /// # Safety
    ///
    /// `slices` points to `count` slices. They live as long as this value.
    pub(crate) unsafe fn new<'a>(slices: *const iovec, count: usize) -> Slices<'a> {
        if count == 0 || slices.is_null() {
            return Slices(&[]);
        }
        // SAFETY: the caller keeps this function's contract.
        Slices(unsafe { std::slice::from_raw_parts(slices, count) })
    }

    pub(crate) fn len(&self) -> usize {
        self.0
            .iter()
            .fold(0, |sum: usize, s| sum.saturating_add(s.iov_len))
    }

    /// Calls `f` with the data that are left after the first `done` bytes.
    pub(crate) fn behind(
        &self,
        done: usize,
        f: impl FnOnce(*const iovec, usize) -> isize,
    ) -> isize {
        if done == 0 {
            return f(self.0.as_ptr(), self.0.len());
        }
        let mut skip = done;
        let mut rest = Vec::with_capacity(self.0.len());
        for slice in self.0 {
            let skipped = skip.min(slice.iov_len);
            skip -= skipped;
            if skipped < slice.iov_len {
                rest.push(iovec {
                    iov_base: slice.iov_base.wrapping_byte_add(skipped),
                    iov_len: slice.iov_len - skipped,
                });
            }
        }
        f(rest.as_ptr(), rest.len())
    }
}

/// `sendmsg(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendmsg(fd: c_int, msg: *const msghdr, flags: c_int) -> ssize_t {
    let process = threadlike::current().filter(|_| flags & libc::MSG_DONTWAIT == 0);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(sendmsg(fd, msg, flags) -> ssize_t) };
    };
    // SAFETY: the caller keeps this function's contract.
    finish(unsafe { send_message(process, fd, msg, flags, 0) })
}

/// Sends a message of which `before` bytes have been sent already.
#[inline(never)]
unsafe fn send_message(
    process: Threadlike,
    fd: c_int,
    msg: *const msghdr,
    flags: c_int,
    before: usize,
) -> isize {
    // SAFETY: the caller keeps this function's contract.
    let message = unsafe { &*msg };
    // SAFETY: the caller keeps this function's contract. The cast is needed because the type of this field differs
    // between C libraries.
    let slices = unsafe { Slices::new(message.msg_iov, message.msg_iovlen as _) };
    let sent = until_written(
        process,
        fd,
        slices.len() - before.min(slices.len()),
        |done, may_block| {
            let done = done + before;
            slices.behind(done, |at, n| {
                let mut part = *message;
                part.msg_iov = at.cast_mut();
                part.msg_iovlen = n as _;
                if done > 0 {
                    // The control data went with the first bytes.
                    part.msg_control = ptr::null_mut();
                    part.msg_controllen = 0;
                }
                let more = if may_block { 0 } else { libc::MSG_DONTWAIT };
                // SAFETY: the caller keeps this function's contract.
                unsafe {
                    sys!(
                        libc::SYS_sendmsg,
                        fd,
                        &raw const part,
                        flags | more | quiet(done)
                    )
                }
            })
        },
    );
    if sent < 0 {
        sent
    } else {
        sent + before.cast_signed()
    }
}

/// `sendmmsg(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller keeps this function's contract. `done` is at most the number of messages.
    let send = |done: usize, more: c_int| unsafe {
        let at = messages.add(done);
        sys!(
            libc::SYS_sendmmsg,
            fd,
            at,
            count as usize - done,
            flags | more
        )
    };
    let process = threadlike::current().filter(|_| flags & libc::MSG_DONTWAIT == 0);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(sendmmsg(fd, messages, count, flags) -> c_int) };
    };
    let mut done = 0;
    while done < count as usize {
        let result = until_done(
            process,
            fd,
            Interest::Write,
            || send(done, libc::MSG_DONTWAIT),
            || send(done, 0),
        );
        if result < 0 {
            if done == 0 {
                return finish(result) as c_int;
            }
            break;
        }
        done += result.cast_unsigned();
        if result == 0 || mode::waits(fd) != Some(true) {
            break;
        }
        // On a stream, the last message may have been sent only in part. SAFETY: the message is one of those just sent.
        unsafe {
            let last = &mut *messages.add(done - 1);
            let sent = last.msg_len as usize;
            let whole = Slices::new(last.msg_hdr.msg_iov, last.msg_hdr.msg_iovlen as _).len();
            if sent < whole && sent > 0 {
                let sent = send_message(process, fd, &raw const last.msg_hdr, flags, sent);
                if sent > 0 {
                    last.msg_len = sent as c_uint;
                }
            }
        }
    }
    done as c_int
}

/// `sendfile(2)`. It has no flag against blocking, so a socket is in `O_NONBLOCK` during the call.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendfile64(
    to: c_int,
    from: c_int,
    at: *mut off64_t,
    count: size_t,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract.
    let send = |count: usize| unsafe { sys!(libc::SYS_sendfile, to, from, at, count) };
    let Some(process) = threadlike::current() else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(sendfile64(to, from, at, count) -> ssize_t) };
    };
    // The call moves the offset by what it has sent, so it may return a part.
    finish(match kind(to) {
        Some(libc::S_IFSOCK | libc::S_IFIFO) => {
            without_blocking(process, to, || Some((to, Interest::Write)), || send(count))
        }
        _ => send(count),
    })
}

/// `sendfile(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendfile(
    to: c_int,
    from: c_int,
    at: *mut off64_t,
    count: size_t,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract.
    unsafe { sendfile64(to, from, at, count) }
}

/// `splice(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn splice(
    from: c_int,
    from_at: *mut off64_t,
    to: c_int,
    to_at: *mut off64_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract.
    let splice = |more: c_uint| unsafe {
        sys!(
            libc::SYS_splice,
            from,
            from_at,
            to,
            to_at,
            len,
            flags | more
        )
    };
    let process = threadlike::current().filter(|_| flags & libc::SPLICE_F_NONBLOCK == 0);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(splice(from, from_at, to, to_at, len, flags) -> ssize_t) };
    };
    // One of the two is a pipe. `SPLICE_F_NONBLOCK` acts on the pipe only.
    let socket = [from, to]
        .into_iter()
        .find(|fd| kind(*fd) == Some(libc::S_IFSOCK));
    let which = || {
        if raw::poll_one(from, libc::POLLIN) == 0 {
            Some((from, Interest::Read))
        } else if raw::poll_one(to, libc::POLLOUT) == 0 {
            Some((to, Interest::Write))
        } else {
            None
        }
    };
    finish(without_blocking(
        process,
        socket.unwrap_or(-1),
        which,
        || splice(libc::SPLICE_F_NONBLOCK),
    ))
}

/// Repeats a call without a flag against blocking until its result is not `EAGAIN`. If `socket` is a socket, it is in
/// `O_NONBLOCK` during each call. `which` returns the descriptor and the direction that the call has to wait for.
fn without_blocking(
    process: Threadlike,
    socket: c_int,
    which: impl Fn() -> Option<(c_int, Interest)>,
    attempt: impl Fn() -> isize,
) -> isize {
    loop {
        let result = if socket < 0 {
            attempt()
        } else {
            match mode::without_blocking(socket, &attempt) {
                Some(result) => result,
                // The user does not want to wait.
                None => return attempt(),
            }
        };
        if result != AGAIN {
            return result;
        }
        let Some((fd, interest)) = which() else {
            continue;
        };
        match Waiter::new(process, fd, interest).wait() {
            Waited::Again => {}
            Waited::Plain => return attempt(),
            Waited::Failed(error) => return error,
        }
    }
}
