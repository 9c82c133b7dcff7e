//! Socket options that socket2 does not have.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::AsRawFd;

use libc::c_int;
use socket2::{Domain, SockAddr};

use super::Io;
use crate::sys::cvt;

impl Io {
    /// Reads a socket option that is a C `int` and that socket2 does not have. Corresponds to `getsockopt(2)`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    pub fn int_option(&self, level: c_int, name: c_int) -> io::Result<c_int> {
        let mut value: c_int = 0;
        let mut len = mem::size_of::<c_int>() as libc::socklen_t;
        // SAFETY: the int is live and writable, and the length is its size.
        cvt(unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                level,
                name,
                (&raw mut value).cast(),
                &raw mut len,
            )
        })?;
        Ok(value)
    }

    /// Sets a socket option that is a C `int`. Corresponds to `setsockopt(2)`.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn set_int_option(&self, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
        let len = mem::size_of::<c_int>() as libc::socklen_t;
        // SAFETY: the int is live, and the length is its size.
        cvt(unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                level,
                name,
                (&raw const value).cast(),
                len,
            )
        })
        .map(drop)
    }

    /// What the kernel knows about a TCP connection: `TCP_INFO`.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)`.
    #[cfg(target_os = "linux")]
    pub fn tcp_info(&self) -> io::Result<libc::tcp_info> {
        // SAFETY: a tcp_info consists of numbers only, so all-zero is valid. An older kernel fills in less of it.
        let mut info: libc::tcp_info = unsafe { MaybeUninit::zeroed().assume_init() };
        let mut len = mem::size_of_val(&info) as libc::socklen_t;
        // SAFETY: the tcp_info is live and writable, and the length is its size.
        cvt(unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                (&raw mut info).cast(),
                &raw mut len,
            )
        })?;
        Ok(info)
    }

    /// The address family of the socket: `SO_DOMAIN`. A system without this option uses the family of the socket's own
    /// address.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt(2)` or `getsockname(2)`.
    pub fn domain(&self) -> io::Result<Domain> {
        #[cfg(target_os = "linux")]
        return self.sock().domain();
        #[cfg(not(target_os = "linux"))]
        Ok(self.sock().local_addr()?.domain())
    }

    /// Joins or leaves a multicast group for the datagrams of one source, on the interface with this index. Corresponds
    /// to `MCAST_JOIN_SOURCE_GROUP` and `MCAST_LEAVE_SOURCE_GROUP`, which take addresses of both families.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt(2)`.
    pub fn source_membership(
        &self,
        level: c_int,
        join: bool,
        interface: u32,
        source: &SockAddr,
        group: &SockAddr,
    ) -> io::Result<()> {
        let name = if join {
            libc::MCAST_JOIN_SOURCE_GROUP
        } else {
            libc::MCAST_LEAVE_SOURCE_GROUP
        };
        // SAFETY: all-zero is a valid request, with interface 0 and addresses without a family.
        let mut request: libc::group_source_req = unsafe { MaybeUninit::zeroed().assume_init() };
        request.gsr_interface = interface;
        // SAFETY: a SockAddr holds a whole sockaddr_storage for any length, and as_ptr points to it.
        unsafe {
            request.gsr_source = *source.as_ptr().cast();
            request.gsr_group = *group.as_ptr().cast();
        }
        // SAFETY: the request is live, and the length is its size.
        cvt(unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                level,
                name,
                (&raw const request).cast(),
                mem::size_of_val(&request) as libc::socklen_t,
            )
        })
        .map(drop)
    }
}
