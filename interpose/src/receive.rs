//! Functions that receive or read: `recv(2)`, `recvmsg(2)`, `read(2)` and their variants.

use std::ffi::{c_int, c_uint, c_void};
use std::time::{Duration, Instant};

use libc::{iovec, mmsghdr, msghdr, off64_t, size_t, sockaddr, socklen_t, ssize_t, timespec};
use std_net_runtime::Interest;
use std_net_runtime::threadlike::{self, Threadlike};

use crate::library::library;
use crate::raw::{self, AGAIN, RWF_NOWAIT, failed, finish, sys};
use crate::wait::{CANNOT_TRY, Waiter, until_done};
use crate::{mode, pool, send};

/// The kernel does not wait in a call that has one of these flags.
const NEVER_WAIT: c_int = libc::MSG_DONTWAIT | libc::MSG_OOB | libc::MSG_ERRQUEUE;

/// `recv(2)`.
///
/// # Safety
///
/// `buf` is writable for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recv(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract. Null means that no address is asked for.
    unsafe {
        receive_from(
            fd,
            buf,
            len,
            flags,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    }
}

/// `recvfrom(2)`.
///
/// # Safety
///
/// `buf` is writable for `len` bytes. `addr` is writable for `*addr_len` bytes, or both pointers are null.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvfrom(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
    addr: *mut sockaddr,
    addr_len: *mut socklen_t,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract.
    unsafe { receive_from(fd, buf, len, flags, addr, addr_len) }
}

/// The name of `recv` in code that was compiled with `-D_FORTIFY_SOURCE`, if the compiler knows the size of the buffer.
///
/// # Safety
///
/// The same as for [`recv`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __recv_chk(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    room: size_t,
    flags: c_int,
) -> ssize_t {
    check_room(len, room);
    // SAFETY: the caller keeps this function's contract.
    unsafe { recv(fd, buf, len, flags) }
}

/// `recvfrom` with the check of [`__recv_chk`].
///
/// # Safety
///
/// The same as for [`recvfrom`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __recvfrom_chk(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    room: size_t,
    flags: c_int,
    addr: *mut sockaddr,
    addr_len: *mut socklen_t,
) -> ssize_t {
    check_room(len, room);
    // SAFETY: the caller keeps this function's contract.
    unsafe { recvfrom(fd, buf, len, flags, addr, addr_len) }
}

/// Ends the program if a buffer is about to overflow, as the C library does.
pub(crate) fn check_room(len: size_t, room: size_t) {
    if len > room {
        pool::overflow_detected();
    }
}

#[inline(always)]
unsafe fn receive_from(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
    addr: *mut sockaddr,
    addr_len: *mut socklen_t,
) -> ssize_t {
    let process = threadlike::current().filter(|_| flags & NEVER_WAIT == 0);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(recvfrom(fd, buf, len, flags, addr, addr_len) -> ssize_t) };
    };
    // SAFETY: the caller keeps this function's contract.
    finish(unsafe { receive_parking(process, fd, buf, len, flags, addr, addr_len) })
}

#[inline(never)]
unsafe fn receive_parking(
    process: Threadlike,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
    addr: *mut sockaddr,
    addr_len: *mut socklen_t,
) -> isize {
    // SAFETY: the caller keeps this function's contract. `done` bytes lie within the buffer.
    let receive = |done: usize, more: c_int| unsafe {
        let at = buf.byte_add(done);
        sys!(
            libc::SYS_recvfrom,
            fd,
            at,
            len - done,
            flags | more,
            addr,
            addr_len
        )
    };
    let all = All::of(fd, flags);
    let mut waiter = Waiter::new(process, fd, Interest::Read);
    let mut done = 0;
    loop {
        let result = all.receive_once(&mut waiter, len, |more| receive(done, more));
        if result > 0 {
            done += result.cast_unsigned();
            if all == All::Taken && done < len {
                continue;
            }
        }
        return if done > 0 { done.cast_signed() } else { result };
    }
}

/// What `MSG_WAITALL` asks for. Only streams have this flag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum All {
    /// The call returns when something has come.
    No,
    /// The call takes data until the buffer is full.
    Taken,
    /// The call waits until the buffer can be filled, and leaves the data there (`MSG_PEEK`).
    Seen,
}

impl All {
    fn of(fd: c_int, flags: c_int) -> All {
        if flags & libc::MSG_WAITALL == 0
            || raw::int_option(fd, libc::SO_TYPE) != Some(libc::SOCK_STREAM)
        {
            return All::No;
        }
        if flags & libc::MSG_PEEK == 0 {
            return All::Taken;
        }
        // On a Unix stream the kernel shows what is there, and waits for no more.
        match raw::int_option(fd, libc::SO_DOMAIN) {
            Some(libc::AF_UNIX) => All::No,
            _ => All::Seen,
        }
    }

    /// Receives into a buffer of `len` bytes. With [`Seen`](Self::Seen), a part of that counts as nothing until the time
    /// is over.
    fn receive_once(
        self,
        waiter: &mut Waiter,
        len: usize,
        receive: impl Fn(c_int) -> isize,
    ) -> isize {
        let result = waiter.until_done(
            || match receive(libc::MSG_DONTWAIT) {
                part if self == All::Seen && (1..len.cast_signed()).contains(&part) => AGAIN,
                result => result,
            },
            || receive(0),
        );
        if result == AGAIN && self == All::Seen {
            // The time is over. What has come is seen all the same.
            return receive(libc::MSG_DONTWAIT);
        }
        result
    }
}

/// `recvmsg(2)`.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvmsg(fd: c_int, msg: *mut msghdr, flags: c_int) -> ssize_t {
    let process = threadlike::current().filter(|_| flags & NEVER_WAIT == 0);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(recvmsg(fd, msg, flags) -> ssize_t) };
    };
    // SAFETY: the caller keeps this function's contract.
    finish(unsafe { receive_message(process, fd, msg, flags) })
}

#[inline(never)]
unsafe fn receive_message(process: Threadlike, fd: c_int, msg: *mut msghdr, flags: c_int) -> isize {
    // SAFETY: the caller keeps this function's contract.
    let receive =
        |msg: *mut msghdr, more: c_int| unsafe { sys!(libc::SYS_recvmsg, fd, msg, flags | more) };
    let all = All::of(fd, flags);
    let mut waiter = Waiter::new(process, fd, Interest::Read);
    if all == All::No {
        return waiter.until_done(|| receive(msg, libc::MSG_DONTWAIT), || receive(msg, 0));
    }
    // SAFETY: the caller keeps this function's contract.
    let asked = unsafe { *msg };
    // SAFETY: the caller keeps this function's contract. The cast is needed because the type of this field differs
    // between C libraries.
    let slices = unsafe { send::Slices::new(asked.msg_iov, asked.msg_iovlen as _) };
    // Each call writes lengths into the message, so each gets one as the caller has made it.
    let again = |more: c_int| {
        // SAFETY: the caller keeps this function's contract.
        unsafe { msg.write(asked) };
        receive(msg, more)
    };
    let mut done = all.receive_once(&mut waiter, slices.len(), again);
    if all == All::Seen {
        return done;
    }
    // SAFETY: as above. The kernel too ends the call at control data.
    while done > 0 && done.cast_unsigned() < slices.len() && unsafe { (*msg).msg_controllen } == 0 {
        let result = slices.behind(done.cast_unsigned(), |at, n| {
            let mut part = send::no_message();
            part.msg_iov = at.cast_mut();
            part.msg_iovlen = n as _;
            let part = &raw mut part;
            waiter.until_done(|| receive(part, libc::MSG_DONTWAIT), || receive(part, 0))
        });
        if result <= 0 {
            break;
        }
        done += result;
    }
    done
}

/// `recvmmsg(2)`. The timeout is checked only after each message, as in the kernel.
///
/// # Safety
///
/// The same as for the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    // SAFETY: the caller keeps this function's contract. `done` is at most the number of messages.
    let receive = |done: usize, more: c_int, timeout: *mut timespec| unsafe {
        let at = messages.add(done);
        sys!(
            libc::SYS_recvmmsg,
            fd,
            at,
            count as usize - done,
            flags | more,
            timeout
        )
    };
    let process = threadlike::current().filter(|_| flags & NEVER_WAIT == 0);
    let Some(process) = process else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(recvmmsg(fd, messages, count, flags, timeout) -> c_int) };
    };
    // SAFETY: the caller keeps this function's contract.
    let time = unsafe { timeout.as_ref() }.map(|time| raw::from_timespec(*time));
    if time == Some(None) {
        return finish(failed(libc::EINVAL)) as c_int;
    }
    let end = time
        .flatten()
        .and_then(|time| Instant::now().checked_add(time));
    let mut done = 0;
    let result = loop {
        let result = until_done(
            process,
            fd,
            Interest::Read,
            || receive(done, libc::MSG_DONTWAIT, std::ptr::null_mut()),
            || receive(done, libc::MSG_WAITFORONE, std::ptr::null_mut()),
        );
        if result <= 0 {
            break if done > 0 { done.cast_signed() } else { result };
        }
        done += result.cast_unsigned();
        let timed_out = end.is_some_and(|end| end <= Instant::now());
        if done >= count as usize || flags & libc::MSG_WAITFORONE != 0 || timed_out {
            break done.cast_signed();
        }
    };
    // SAFETY: the caller keeps this function's contract.
    if let (Some(end), Some(left)) = (end, unsafe { timeout.as_mut() }) {
        let time = end.checked_duration_since(Instant::now());
        let time = time.unwrap_or(Duration::ZERO);
        left.tv_sec = time.as_secs().cast_signed();
        left.tv_nsec = i64::from(time.subsec_nanos());
    }
    finish(result) as c_int
}

/// `read(2)`.
///
/// # Safety
///
/// `buf` is writable for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn read(fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { sys!(libc::SYS_read, fd, buf, len) };
    let Some(process) = threadlike::current() else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(read(fd, buf, len) -> ssize_t) };
    };
    let slice = iovec {
        iov_base: buf,
        iov_len: len,
    };
    // SAFETY: the caller keeps this function's contract. There is one slice.
    finish(unsafe { read_parking(process, fd, &raw const slice, 1, plain) })
}

/// `read` with the check of [`__recv_chk`].
///
/// # Safety
///
/// The same as for [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __read_chk(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    room: size_t,
) -> ssize_t {
    check_room(len, room);
    // SAFETY: the caller keeps this function's contract.
    unsafe { read(fd, buf, len) }
}

/// `readv(2)`.
///
/// # Safety
///
/// `slices` leads to `count` slices of writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn readv(fd: c_int, slices: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { sys!(libc::SYS_readv, fd, slices, count) };
    let Some(process) = threadlike::current() else {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(readv(fd, slices, count) -> ssize_t) };
    };
    // SAFETY: the caller keeps this function's contract.
    finish(unsafe { read_parking(process, fd, slices, count, plain) })
}

/// Reads with `preadv2(2)`, offset -1 and `RWF_NOWAIT`. This is a `read` at the file's own offset that does not wait.
/// It works for sockets, pipes, eventfds and files.
#[inline(never)]
unsafe fn read_parking(
    process: Threadlike,
    fd: c_int,
    slices: *const iovec,
    count: c_int,
    plain: impl Fn() -> isize,
) -> isize {
    let attempt = || {
        // SAFETY: the caller keeps this function's contract.
        let result = unsafe {
            sys!(
                libc::SYS_preadv2,
                fd,
                slices,
                count,
                -1_isize,
                0,
                RWF_NOWAIT
            )
        };
        if !raw::cannot_try(libc::SYS_preadv2, result) {
            return result;
        }
        // Only sockets have another call that cannot block.
        let mut message = send::no_message();
        message.msg_iov = slices.cast_mut();
        message.msg_iovlen = count.unsigned_abs() as usize;
        // SAFETY: the caller keeps this function's contract.
        let result = unsafe { sys!(libc::SYS_recvmsg, fd, &raw mut message, libc::MSG_DONTWAIT) };
        match result {
            result if result != failed(libc::ENOTSOCK) => result,
            _ if kind(fd) == Some(libc::S_IFIFO) => {
                // If the user does not want to wait, the call does not block anyway.
                mode::without_blocking(fd, &plain).unwrap_or_else(&plain)
            }
            _ => CANNOT_TRY,
        }
    };
    until_done(process, fd, Interest::Read, attempt, || {
        off_the_worker(fd, &plain)
    })
}

/// Makes a read for which no readiness event will come. A file's data that may not be in memory are read on a thread of
/// the pool. For a socket at its end, the call returns at once. So it does for a file of `/proc`, which the kernel writes
/// at that moment.
fn off_the_worker(fd: c_int, plain: &dyn Fn() -> isize) -> isize {
    if kind(fd) == Some(libc::S_IFREG) && !is_in_proc(fd) {
        pool::run(plain)
    } else {
        plain()
    }
}

/// Whether the file is one of `/proc`. The kernel does not have `RWF_NOWAIT` for all of these.
fn is_in_proc(fd: c_int) -> bool {
    let mut found = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: there is room for the answer, and it is read only after a success.
    unsafe {
        let result = sys!(libc::SYS_fstatfs, fd, found.as_mut_ptr());
        result == 0 && found.assume_init().f_type == libc::PROC_SUPER_MAGIC
    }
}

/// The kind of file behind a descriptor: `S_IFREG`, `S_IFIFO`, ...
pub(crate) fn kind(fd: c_int) -> Option<libc::mode_t> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: there is room for the answer, and it is read only after a success.
    unsafe {
        let result = sys!(libc::SYS_fstat, fd, stat.as_mut_ptr());
        (result == 0).then(|| stat.assume_init().st_mode & libc::S_IFMT)
    }
}

/// `pread(2)`. Only the disk can make it wait.
///
/// # Safety
///
/// The same as for [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pread64(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    at: off64_t,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract.
    let plain = || unsafe { sys!(libc::SYS_pread64, fd, buf, len, at) };
    if threadlike::current().is_none() {
        // SAFETY: the caller keeps this function's contract.
        return unsafe { library!(pread64(fd, buf, len, at) -> ssize_t) };
    }
    let slice = iovec {
        iov_base: buf,
        iov_len: len,
    };
    // SAFETY: the caller keeps this function's contract. There is one slice.
    let result = unsafe {
        sys!(
            libc::SYS_preadv2,
            fd,
            &raw const slice,
            1,
            at,
            0,
            RWF_NOWAIT
        )
    };
    finish(match result {
        AGAIN => off_the_worker(fd, &plain),
        result if raw::cannot_try(libc::SYS_preadv2, result) => off_the_worker(fd, &plain),
        result => result,
    })
}

/// `pread(2)`.
///
/// # Safety
///
/// The same as for [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pread(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    at: off64_t,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract.
    unsafe { pread64(fd, buf, len, at) }
}

/// `pread64` with the check of [`__recv_chk`].
///
/// # Safety
///
/// The same as for [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __pread64_chk(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    at: off64_t,
    room: size_t,
) -> ssize_t {
    check_room(len, room);
    // SAFETY: the caller keeps this function's contract.
    unsafe { pread64(fd, buf, len, at) }
}

/// `pread` with the check of [`__recv_chk`].
///
/// # Safety
///
/// The same as for [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __pread_chk(
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    at: off64_t,
    room: size_t,
) -> ssize_t {
    // SAFETY: the caller keeps this function's contract.
    unsafe { __pread64_chk(fd, buf, len, at, room) }
}
