//! [`UCred`]: the credentials of the program at the other end.

use std::io;
#[cfg(not(target_vendor = "apple"))]
use std::mem;
#[cfg(target_os = "linux")]
use std::os::fd::{FromRawFd, OwnedFd};

use std_net_runtime::Io;

/// The user, group and OS process of a peer, at the time when it connected (or made the pair).
///
/// # Examples
///
/// ```
/// use std_net::unix::UnixStream;
///
/// let (a, _b) = UnixStream::pair()?;
/// let me = a.peer_cred()?;
/// assert_eq!(me.pid, Some(std::process::id() as i32));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UCred {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The id of the OS process. It is `None` if the OS process is not visible from here (another PID
    /// namespace).
    pub pid: Option<i32>,
}

impl UCred {
    /// Returns the credentials of this OS process, with its effective user and group.
    #[must_use]
    pub fn current() -> UCred {
        // SAFETY: these three calls cannot fail, and use no memory of the program.
        let (uid, gid, pid) = unsafe { (libc::geteuid(), libc::getegid(), libc::getpid()) };
        UCred {
            uid,
            gid,
            pid: Some(pid),
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn to_kernel(self) -> libc::ucred {
        libc::ucred {
            pid: self.pid.unwrap_or(0),
            uid: self.uid,
            gid: self.gid,
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn from_kernel(cred: libc::ucred) -> UCred {
        UCred {
            uid: cred.uid,
            gid: cred.gid,
            pid: Some(cred.pid).filter(|pid| *pid != 0),
        }
    }
}

/// Uses `SO_PEERCRED`.
#[cfg(target_os = "linux")]
pub(crate) fn peer_cred(io: &Io) -> io::Result<UCred> {
    let mut cred = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut len = mem::size_of_val(&cred) as libc::socklen_t;
    // SAFETY: the pointers are to a live, writable ucred and its length.
    let result = unsafe {
        libc::getsockopt(
            io.fd_number(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut cred).cast(),
            &raw mut len,
        )
    };
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(UCred::from_kernel(cred))
    }
}

/// Uses `getpeereid(3)`, and `LOCAL_PEERPID` for the OS process.
#[cfg(target_vendor = "apple")]
pub(crate) fn peer_cred(io: &Io) -> io::Result<UCred> {
    /// The level of the options of Unix sockets, from `<sys/un.h>`.
    const SOL_LOCAL: libc::c_int = 0;
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: the descriptor is open, and there is memory for two numbers.
    if unsafe { libc::getpeereid(io.fd_number(), &raw mut uid, &raw mut gid) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let pid = io.int_option(SOL_LOCAL, libc::LOCAL_PEERPID)?;
    let pid = Some(pid).filter(|pid| *pid != 0);
    Ok(UCred { uid, gid, pid })
}

/// Uses `LOCAL_PEERCRED`.
#[cfg(target_os = "freebsd")]
pub(crate) fn peer_cred(io: &Io) -> io::Result<UCred> {
    /// The level of the options of Unix sockets, from `<sys/un.h>`.
    const SOL_LOCAL: libc::c_int = 0;
    // SAFETY: all-zero is a valid xucred.
    let mut cred: libc::xucred = unsafe { mem::zeroed() };
    let mut len = mem::size_of_val(&cred) as libc::socklen_t;
    // SAFETY: the pointers are to a live, writable xucred and its length.
    let result = unsafe {
        libc::getsockopt(
            io.fd_number(),
            SOL_LOCAL,
            libc::LOCAL_PEERCRED,
            (&raw mut cred).cast(),
            &raw mut len,
        )
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has filled the whole union, and every number is valid.
    let pid = unsafe { cred.cr_pid__c_anonymous_union.cr_pid };
    Ok(UCred {
        uid: cred.cr_uid,
        // The first of the groups is the effective group.
        gid: cred.cr_groups[0],
        pid: Some(pid).filter(|pid| *pid != 0),
    })
}

/// Uses `SO_PEERPIDFD`, which came with Linux 6.5.
#[cfg(target_os = "linux")]
pub(crate) fn peer_pidfd(io: &Io) -> io::Result<OwnedFd> {
    const SO_PEERPIDFD: libc::c_int = 77;
    let fd = io.int_option(libc::SOL_SOCKET, SO_PEERPIDFD)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
