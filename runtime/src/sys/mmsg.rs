//! Several messages by one call, `recvmmsg(2)` or `sendmmsg(2)`. If the kernel does not have the call or a sandbox
//! refuses it, a loop makes single calls.

use std::io;
use std::os::fd::RawFd;

use libc::c_int;

use super::cvt_len;
#[cfg(target_os = "linux")]
use super::linux::mmsg::{RECV, SEND};

/// A message header with the number of bytes received or sent.
#[cfg(target_os = "linux")]
pub(crate) use libc::mmsghdr as Header;

/// A message header with the number of bytes received or sent, like `struct mmsghdr` on Linux.
#[cfg(not(target_os = "linux"))]
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) msg_hdr: libc::msghdr,
    pub(crate) msg_len: libc::c_uint,
}

/// Receives as many messages as are there, at most one for each header. `flags` say whether the call may wait for the
/// first one. It never waits for the others. Returns how many were received, and the error that came after the first
/// message, because the kernel does not keep that error.
///
/// # Errors
///
/// The error of the first message.
///
/// # Safety
///
/// Every pointer in the headers is null or valid for writes of the length beside it.
pub(crate) unsafe fn recv_many(
    fd: RawFd,
    headers: &mut [Header],
    flags: c_int,
) -> io::Result<(usize, Option<io::Error>)> {
    #[cfg(target_os = "linux")]
    // SAFETY: the caller keeps this function's contract.
    let tried = unsafe { RECV.call(fd, headers, flags | libc::MSG_WAITFORONE) };
    #[cfg(target_os = "linux")]
    let refusal = match tried {
        Ok(count) => return Ok((count, None)),
        Err(outcome) => outcome?,
    };
    let mut count = 0;
    let mut stopped = None;
    for header in &mut *headers {
        let flags = if count == 0 {
            flags
        } else {
            flags | libc::MSG_DONTWAIT
        };
        // SAFETY: the caller keeps this function's contract.
        match unsafe { super::recvmsg(fd, &raw mut header.msg_hdr, flags) } {
            Ok(len) => header.msg_len = libc::c_uint::try_from(len).unwrap_or(libc::c_uint::MAX),
            Err(error) if count == 0 => return Err(error),
            Err(error) => {
                stopped = Some(error).filter(|e| e.kind() != io::ErrorKind::WouldBlock);
                break;
            }
        }
        count += 1;
    }
    #[cfg(target_os = "linux")]
    refusal.confirm();
    Ok((count, stopped))
}

/// Sends the messages in order. Returns how many were sent. `flags` say whether the call may wait.
///
/// # Errors
///
/// The error of the first message. The error of a later one is returned when that one is sent again.
///
/// # Safety
///
/// Every pointer in the headers is null or valid for reads of the length beside it.
pub(crate) unsafe fn send_many(
    fd: RawFd,
    headers: &mut [Header],
    flags: c_int,
) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    // SAFETY: the caller keeps this function's contract.
    let tried = unsafe { SEND.call(fd, headers, flags) };
    #[cfg(target_os = "linux")]
    let refusal = match tried {
        Ok(count) => return Ok(count),
        Err(outcome) => outcome?,
    };
    let mut count = 0;
    for header in &mut *headers {
        // SAFETY: the caller keeps this function's contract.
        match cvt_len(unsafe { libc::sendmsg(fd, &raw const header.msg_hdr, flags) }) {
            Ok(len) => header.msg_len = libc::c_uint::try_from(len).unwrap_or(libc::c_uint::MAX),
            Err(error) if count == 0 => return Err(error),
            Err(_) => break,
        }
        count += 1;
    }
    #[cfg(target_os = "linux")]
    refusal.confirm();
    Ok(count)
}
