//! Operations that receive and send bytes and messages. How they wait is in `wait`.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage, Type};

use super::Io;
use super::halves::Reader;
use crate::buffers::lent::Lent;
use crate::buffers::pool::{Buffer, LENT};
use crate::deadline::{Deadline, Nanos};
use crate::interest::{Interest, Wait};
use crate::reactor::short_reads::{Attempt, Received};
use crate::sched::traffic;
use crate::sys::{self, NO_SIGNAL, cvt_len};

impl Io {
    /// Receives into `buf`, up to its length in bytes. Corresponds to `recv(2)`. With `MSG_DONTWAIT` it never waits.
    /// This holds for all calls with flags.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn recv(&self, buf: &mut [u8], flags: c_int) -> io::Result<usize> {
        self.recv_until(buf, flags, Reader::User, Nanos::NEVER)
    }

    /// `recv` by the owner of the reading half, with a deadline for this call only. The earlier of this deadline and
    /// the handle's counts. So each half of a connection can have its own deadline.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn recv_deadline(
        &self,
        buf: &mut [u8],
        flags: c_int,
        deadline: Deadline,
    ) -> io::Result<usize> {
        self.recv_until(buf, flags, Reader::Owner, Nanos::from_deadline(deadline))
    }

    fn recv_until(
        &self,
        buf: &mut [u8],
        flags: c_int,
        reader: Reader,
        until: Nanos,
    ) -> io::Result<usize> {
        loop {
            let attempt = |wait| self.recv_into(buf, flags, wait);
            let received = if flags & libc::MSG_DONTWAIT != 0 {
                self.once(Interest::Read, reader, attempt)
            } else {
                self.run(
                    Interest::Read,
                    reader,
                    until,
                    attempt,
                    |r| r.emptied,
                    || false,
                )
            };
            let error = match received {
                Ok(received) => return Ok(received.len),
                Err(error) => error,
            };
            let unread = self.take_unread(error, |unread| {
                let n = copy_to(unread, buf);
                let peeks = flags & libc::MSG_PEEK != 0;
                (n, if peeks { 0 } else { n })
            })?;
            if let Some(n) = unread {
                return Ok(n);
            }
        }
    }

    /// `recv_deadline` into a buffer from `lend`. The buffer is used for one attempt and dropped before a wait, so a
    /// waiting process holds no buffer. Returns the buffer with the data.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn recv_lent_from<B: AsMut<[u8]>>(
        &self,
        lend: impl FnMut() -> B,
        deadline: Deadline,
    ) -> io::Result<(B, usize)> {
        self.recv_lent_until(lend, Reader::Owner, Nanos::from_deadline(deadline))
    }

    #[inline(always)]
    fn recv_lent_until<B: AsMut<[u8]>>(
        &self,
        mut lend: impl FnMut() -> B,
        reader: Reader,
        until: Nanos,
    ) -> io::Result<(B, usize)> {
        loop {
            let attempt = |wait| {
                let mut buf = lend();
                match self.recv_into(buf.as_mut(), 0, wait) {
                    Ok(received) => Ok((buf, received)),
                    Err(error) => Err(without(buf, error)),
                }
            };
            let received = self.run(
                Interest::Read,
                reader,
                until,
                attempt,
                |(_, r)| r.emptied,
                || false,
            );
            let error = match received {
                Ok((buf, received)) => return Ok((buf, received.len)),
                Err(error) => error,
            };
            let unread = self.take_unread(error, |unread| {
                let mut buf = lend();
                let n = copy_to(unread, buf.as_mut());
                ((buf, n), n)
            })?;
            if let Some(received) = unread {
                return Ok(received);
            }
        }
    }

    /// Receives into a buffer of the runtime, which is held only while it has data. Corresponds to `recv(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn recv_lent(&self) -> io::Result<Lent> {
        let (buf, len) = self.recv_lent_until(|| Buffer::take(LENT), Reader::User, Nanos::NEVER)?;
        Ok(Lent::new(buf, len))
    }

    /// One attempt to receive.
    #[inline(always)]
    pub(super) fn recv_into(
        &self,
        buf: &mut [u8],
        flags: c_int,
        wait: Wait,
    ) -> io::Result<Received> {
        let drains = match self.short_reads.attempt(self.source.get(), wait) {
            Attempt::Draining => true,
            Attempt::Plain => false,
            Attempt::Telling => return self.recv_uncut(buf, flags),
        };
        let room = buf.len();
        let len = sys::recv(self.fd.as_fd(), buf, flags | wait.flags())?;
        traffic::received(len, flags);
        Ok(Received::of(len, room, drains && flags == 0))
    }

    /// Receives without a wait, and reports whether the socket is empty now.
    #[inline(never)]
    fn recv_uncut(&self, buf: &mut [u8], flags: c_int) -> io::Result<Received> {
        let mut slice = libc::iovec {
            iov_base: buf.as_mut_ptr().cast(),
            iov_len: buf.len(),
        };
        let mut msg = empty_msghdr();
        msg.msg_iov = &raw mut slice;
        msg.msg_iovlen = 1;
        let all_flags = flags | Wait::Never.flags();
        // SAFETY: there is one live, writable slice, and neither an address nor control messages are asked for.
        let len = unsafe { sys::recvmsg(self.fd.as_raw_fd(), &raw mut msg, all_flags) }?;
        traffic::received(len, flags);
        // If control data came with these bytes, the read stopped behind them.
        let cut = msg.msg_flags & libc::MSG_CTRUNC != 0;
        Ok(Received::of(len, buf.len(), !cut && flags == 0))
    }

    /// Receives into several buffers in order. Corresponds to `recvmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>], flags: c_int) -> io::Result<usize> {
        self.recv_vectored_until(bufs, flags, Reader::User, Deadline::NEVER)
    }

    /// `recv_vectored` by the owner of the reading half, with a deadline for this call only.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn recv_vectored_deadline(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        flags: c_int,
        deadline: Deadline,
    ) -> io::Result<usize> {
        self.recv_vectored_until(bufs, flags, Reader::Owner, deadline)
    }

    fn recv_vectored_until(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        flags: c_int,
        reader: Reader,
        deadline: Deadline,
    ) -> io::Result<usize> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            // readv(2), which std calls, returns 0 here. recvmsg(2) would wait for data that have no place.
            return Ok(0);
        }
        let fd = self.fd.as_raw_fd();
        let mut msg = empty_msghdr();
        msg.msg_iov = bufs.as_mut_ptr().cast();
        msg.msg_iovlen = self.slices(bufs.len())? as _;
        let received = self.perform_deadline(Interest::Read, reader, deadline, |wait| {
            // SAFETY: std documents that IoSliceMut has the layout of iovec. The slices are live and writable, and the
            // count is not above their number.
            let received =
                cvt_len(unsafe { libc::recvmsg(fd, &raw mut msg, flags | wait.flags()) });
            received.inspect(|len| traffic::received(*len, flags))
        });
        let error = match received {
            Ok(n) => return Ok(n),
            Err(error) => error,
        };
        let unread = self.take_unread(error, |unread| {
            let mut n = 0;
            for buf in bufs.iter_mut() {
                n += copy_to(&unread[n..], buf);
            }
            (n, n)
        })?;
        unread.map_or_else(
            || self.recv_vectored_until(bufs, flags, reader, deadline),
            Ok,
        )
    }

    /// How many of `count` slices one call gets. On a stream this is at most what one call takes, and the next call
    /// takes the rest.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE` if one call is one message and there are more slices than it can have.
    #[inline]
    pub(crate) fn slices(&self, count: usize) -> io::Result<usize> {
        if count <= MAX_IOV {
            Ok(count)
        } else {
            self.many_slices()
        }
    }

    #[cold]
    fn many_slices(&self) -> io::Result<usize> {
        if self.sock().r#type()? == Type::STREAM {
            Ok(MAX_IOV)
        } else {
            Err(io::Error::from_raw_os_error(libc::EMSGSIZE))
        }
    }

    /// Receives one message and its sender's address. Corresponds to `recvfrom(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn recv_from(&self, buf: &mut [u8], flags: c_int) -> io::Result<(usize, SockAddr)> {
        let fd = self.fd.as_raw_fd();
        self.perform_flagged(flags, Interest::Read, |wait| {
            let mut storage = SockAddrStorage::zeroed();
            let mut len = storage.size_of();
            // SAFETY: the buffer and the address storage are live and writable, with these lengths.
            let n = cvt_len(unsafe {
                libc::recvfrom(
                    fd,
                    buf.as_mut_ptr().cast(),
                    buf.len(),
                    flags | wait.flags(),
                    (&raw mut storage).cast(),
                    &raw mut len,
                )
            })?;
            traffic::received(n, flags);
            // SAFETY: the kernel wrote `len` bytes of an address into the storage.
            Ok((n, unsafe { SockAddr::new(storage, len) }))
        })
    }

    /// Sends from `buf` and returns how many bytes were sent. If the call may wait and no error ends it, this is all of
    /// `buf`, as with a blocking socket. Never raises `SIGPIPE`. Corresponds to `send(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    #[inline]
    pub fn send(&self, buf: &[u8], flags: c_int) -> io::Result<usize> {
        let attempt = |wait| self.send_from(buf, flags, wait);
        let sent = self.perform_flagged(flags, Interest::Write, attempt)?;
        Ok(self.send_on(&[IoSlice::new(buf)], sent, flags, Deadline::NEVER))
    }

    /// Sends the rest after `sent` bytes of these buffers, as the kernel does for a blocking socket. An error ends
    /// this, and the next call will return it.
    #[inline]
    pub(crate) fn send_on(
        &self,
        bufs: &[IoSlice<'_>],
        sent: usize,
        flags: c_int,
        deadline: Deadline,
    ) -> usize {
        let bufs = &bufs[..bufs.len().min(MAX_IOV)];
        let all = bufs.iter().map(|buf| buf.len()).sum();
        if sent < all && sent > 0 {
            self.send_left(bufs, sent, all, flags, deadline)
        } else {
            sent
        }
    }

    #[cold]
    fn send_left(
        &self,
        bufs: &[IoSlice<'_>],
        mut sent: usize,
        all: usize,
        flags: c_int,
        deadline: Deadline,
    ) -> usize {
        let may_wait =
            flags & libc::MSG_DONTWAIT == 0 && matches!(self.user_nonblocking(), Ok(false));
        if !may_wait || self.waits_in_kernel(deadline) {
            return sent;
        }
        let Ok(end) = self.call_end(Interest::Write) else {
            return sent;
        };
        let until = Nanos::from_deadline(deadline).min(end);
        let mut left = bufs.to_vec();
        let mut left = &mut left[..];
        IoSlice::advance_slices(&mut left, sent);
        while sent < all {
            let attempt = |wait: Wait| self.send_slices(left, flags | wait.flags());
            match self.run(
                Interest::Write,
                Reader::User,
                until,
                attempt,
                |_| false,
                || false,
            ) {
                Ok(n @ 1..) => {
                    sent += n;
                    IoSlice::advance_slices(&mut left, n);
                }
                _ => break,
            }
        }
        sent
    }

    /// One attempt to send.
    #[inline(always)]
    fn send_from(&self, buf: &[u8], flags: c_int, wait: Wait) -> io::Result<usize> {
        let flags = flags | NO_SIGNAL;
        if self.batched_sends()
            && wait == Wait::Never
            && let Some(sent) = self.send_in_batch(buf, flags)
        {
            return sent.inspect(|len| traffic::sent(*len));
        }
        let sent = sys::send(self.fd.as_fd(), buf, flags | wait.flags())?;
        traffic::sent(sent);
        Ok(sent)
    }

    /// Repeats `send` until all of `buf` is sent.
    ///
    /// # Errors
    ///
    /// The errors of [`Write::write_all`].
    // This function is inlined. A return after the system call would be mispredicted.
    #[inline(always)]
    pub fn send_all(&self, buf: &[u8]) -> io::Result<()> {
        if buf.is_empty() {
            return Ok(());
        }
        let sent = self.perform(Interest::Write, |wait| self.send_from(buf, 0, wait));
        match sent {
            Ok(sent) if sent == buf.len() => Ok(()),
            sent => self.send_rest(buf, sent),
        }
    }

    #[cold]
    fn send_rest(&self, buf: &[u8], sent: io::Result<usize>) -> io::Result<()> {
        struct Sending<'a>(&'a Io, Option<io::Result<usize>>);
        impl Write for Sending<'_> {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.1.take().unwrap_or_else(|| self.0.send(buf, 0))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        Sending(self, Some(sent)).write_all(buf)
    }

    /// `send` with a deadline for this call only.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn send_deadline(&self, buf: &[u8], deadline: Deadline) -> io::Result<usize> {
        let attempt = |wait| self.send_from(buf, 0, wait);
        let sent = self.perform_deadline(Interest::Write, Reader::User, deadline, attempt)?;
        Ok(self.send_on(&[IoSlice::new(buf)], sent, 0, deadline))
    }

    /// Sends from several buffers in order. Corresponds to `sendmsg(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn send_vectored(&self, bufs: &[IoSlice<'_>], flags: c_int) -> io::Result<usize> {
        self.send_vectored_deadline(bufs, flags, Deadline::NEVER)
    }

    /// `send_vectored` with a deadline for this call only.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn send_vectored_deadline(
        &self,
        bufs: &[IoSlice<'_>],
        flags: c_int,
        deadline: Deadline,
    ) -> io::Result<usize> {
        let attempt = |wait: Wait| self.send_slices(bufs, flags | wait.flags());
        let sent = self.perform_deadline(Interest::Write, Reader::User, deadline, attempt)?;
        Ok(self.send_on(bufs, sent, flags, deadline))
    }

    /// One attempt to send from several buffers.
    pub(super) fn send_slices(&self, bufs: &[IoSlice<'_>], flags: c_int) -> io::Result<usize> {
        let mut msg = empty_msghdr();
        msg.msg_iov = bufs.as_ptr().cast_mut().cast();
        msg.msg_iovlen = self.slices(bufs.len())? as _;
        // SAFETY: std documents that IoSlice has the layout of iovec. The slices are live, the count is not above their
        // number, and sendmsg does not write to them.
        let sent = cvt_len(unsafe {
            libc::sendmsg(self.fd.as_raw_fd(), &raw const msg, flags | NO_SIGNAL)
        });
        sent.inspect(|len| traffic::sent(*len))
            .map_err(sys::send_error)
    }

    /// Sends one message to `addr`. Corresponds to `sendto(2)`.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub fn send_to(&self, buf: &[u8], addr: &SockAddr, flags: c_int) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        self.perform_flagged(flags, Interest::Write, |wait| {
            let flags = flags | NO_SIGNAL | wait.flags();
            // SAFETY: the slice and the address are live, and their lengths are right.
            cvt_len(unsafe {
                libc::sendto(
                    fd,
                    buf.as_ptr().cast(),
                    buf.len(),
                    flags,
                    addr.as_ptr().cast(),
                    addr.len(),
                )
            })
            .inspect(|len| traffic::sent(*len))
        })
    }

    /// `recvmsg(2)` with the caller's message header, for ancillary data.
    ///
    /// # Safety
    ///
    /// Every pointer in `msg` is null or valid for writes of the length beside it, for the whole
    /// call.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub unsafe fn recv_msg(&self, msg: &mut libc::msghdr, flags: c_int) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        let (name_len, control_len) = (msg.msg_namelen, msg.msg_controllen);
        self.perform_flagged(flags, Interest::Read, |wait| {
            // The kernel overwrites both lengths, even in an attempt that fails.
            msg.msg_namelen = name_len;
            msg.msg_controllen = control_len;
            // SAFETY: the caller keeps the pointers of `msg` valid.
            let received = cvt_len(unsafe { libc::recvmsg(fd, msg, flags | wait.flags()) });
            received.inspect(|len| traffic::received(*len, flags))
        })
    }

    /// `sendmsg(2)` with the caller's message header, for ancillary data.
    ///
    /// # Safety
    ///
    /// Every pointer in `msg` is null or valid for reads of the length beside it, for the whole
    /// call.
    ///
    /// # Errors
    ///
    /// The errors of [`perform`](Self::perform).
    pub unsafe fn send_msg(&self, msg: &libc::msghdr, flags: c_int) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        self.perform_flagged(flags, Interest::Write, |wait| {
            let flags = flags | NO_SIGNAL | wait.flags();
            // SAFETY: the caller keeps the pointers of `msg` valid.
            cvt_len(unsafe { libc::sendmsg(fd, msg, flags) }).inspect(|len| traffic::sent(*len))
        })
    }
}

/// Drops the lent buffer, into which nothing came, and returns the error of the attempt.
#[cold]
#[inline(never)]
fn without<B>(_: B, error: io::Error) -> io::Error {
    error
}

/// `UIO_MAXIOV`. More slices than this are an error. Fewer slices make a legal short operation.
pub(crate) const MAX_IOV: usize = 1024;

pub(crate) fn empty_msghdr() -> libc::msghdr {
    // SAFETY: all-zero is a valid msghdr, with null pointers and zero lengths.
    unsafe { MaybeUninit::<libc::msghdr>::zeroed().assume_init() }
}

/// Copies as many bytes as fit. Returns their number.
pub(super) fn copy_to(from: &[u8], to: &mut [u8]) -> usize {
    let n = from.len().min(to.len());
    to[..n].copy_from_slice(&from[..n]);
    n
}
