//! What all socket types of `std_net` and `std_net_unix` have in common, written once. Each macro
//! adds methods to a type that has a private `fn io(&self) -> &Io`; `$setup` are the hidden lines
//! of a documentation example that make `socket` (and, for streams, its other end `peer`).

/// Conversions from and to descriptors for a tuple struct around something that has them;
/// `$adopt` makes that from an `OwnedFd`.
#[doc(hidden)]
#[macro_export]
macro_rules! descriptor_traits {
    ($type:ident, $adopt:expr) => {
        impl ::std::os::fd::AsFd for $type {
            fn as_fd(&self) -> ::std::os::fd::BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl ::std::os::fd::AsRawFd for $type {
            fn as_raw_fd(&self) -> ::std::os::fd::RawFd {
                self.0.as_raw_fd()
            }
        }

        impl ::std::os::fd::IntoRawFd for $type {
            fn into_raw_fd(self) -> ::std::os::fd::RawFd {
                ::std::os::fd::OwnedFd::from(self).into_raw_fd()
            }
        }

        impl ::std::os::fd::FromRawFd for $type {
            unsafe fn from_raw_fd(fd: ::std::os::fd::RawFd) -> $type {
                // SAFETY: the caller owns the descriptor, as this method's contract says.
                $type::from(unsafe { ::std::os::fd::OwnedFd::from_raw_fd(fd) })
            }
        }

        impl ::std::convert::From<::std::os::fd::OwnedFd> for $type {
            fn from(fd: ::std::os::fd::OwnedFd) -> $type {
                $type(($adopt)(fd))
            }
        }

        impl ::std::convert::From<$type> for ::std::os::fd::OwnedFd {
            fn from(socket: $type) -> ::std::os::fd::OwnedFd {
                socket.0.into()
            }
        }
    };
}

/// Conversions from and to std's twin of a type, through the descriptor.
#[doc(hidden)]
#[macro_export]
macro_rules! std_traits {
    ($type:ident, $std:ty) => {
        impl ::std::convert::From<$std> for $type {
            fn from(socket: $std) -> $type {
                $type::from(::std::os::fd::OwnedFd::from(socket))
            }
        }

        impl ::std::convert::From<$type> for $std {
            fn from(socket: $type) -> $std {
                <$std>::from(::std::os::fd::OwnedFd::from(socket))
            }
        }
    };
}

/// Deadlines, the non-blocking mode, the pending error: on every socket type.
#[doc(hidden)]
#[macro_export]
macro_rules! waiting_methods {
    ($setup:literal) => {
        /// Sets the deadline of this handle: from then on every operation that has not ended by
        /// the deadline fails with [`TimedOut`](::std::io::ErrorKind::TimedOut), even with data
        /// ready, until [`reset_deadline`](Self::reset_deadline). A `Duration` counts from now.
        ///
        /// Of a deadline and a per-call timeout the nearer wins. Operations that wait already
        /// follow the change, but for those of a plain thread that began without a deadline.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// use std::time::Duration;
        ///
        /// socket.timeout_after(Duration::from_secs(5));
        /// assert!(socket.deadline().is_some());
        /// socket.reset_deadline();
        /// assert!(socket.deadline().is_none());
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn timeout_after(&self, deadline: impl Into<$crate::Deadline>) {
            self.io().set_deadline(deadline.into());
        }

        /// The instant of the deadline set on this handle.
        #[must_use]
        pub fn deadline(&self) -> Option<::std::time::Instant> {
            self.io().deadline().instant()
        }

        /// Takes the deadline away: operations wait for as long as it takes.
        pub fn reset_deadline(&self) {
            self.io().set_deadline($crate::Deadline::NEVER);
        }

        /// Chooses whether operations that cannot be done at once wait or fail with
        /// [`WouldBlock`](::std::io::ErrorKind::WouldBlock), on threads and in processes alike.
        /// Corresponds to `O_NONBLOCK`.
        ///
        /// # Errors
        ///
        /// The error of `ioctl(FIONBIO)`.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// socket.set_nonblocking(true)?;
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn set_nonblocking(&self, nonblocking: bool) -> ::std::io::Result<()> {
            self.io().set_nonblocking(nonblocking)
        }

        /// Takes the pending error of the socket. Corresponds to `SO_ERROR`.
        ///
        /// # Errors
        ///
        /// The error of `getsockopt(2)`.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// assert!(socket.take_error()?.is_none());
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn take_error(&self) -> ::std::io::Result<Option<::std::io::Error>> {
            self.io().sock().take_error()
        }
    };
}

/// std's per-call timeouts: on streams and datagram sockets.
#[doc(hidden)]
#[macro_export]
macro_rules! timeout_methods {
    ($setup:literal) => {
        /// Sets how long each read may wait for data; `None` waits for ever. A read that waited for
        /// so long fails as std's does: with [`WouldBlock`](::std::io::ErrorKind::WouldBlock).
        /// Shared with clones. Corresponds to `SO_RCVTIMEO`.
        ///
        /// # Errors
        ///
        /// [`InvalidInput`](::std::io::ErrorKind::InvalidInput) for a zero duration; the error of
        /// `setsockopt(2)`.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// use std::time::Duration;
        ///
        /// socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        /// assert_eq!(socket.read_timeout()?, Some(Duration::from_secs(1)));
        /// assert!(socket.set_read_timeout(Some(Duration::ZERO)).is_err());
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn set_read_timeout(
            &self,
            timeout: Option<::std::time::Duration>,
        ) -> ::std::io::Result<()> {
            self.io().set_timeout($crate::Interest::Read, timeout)
        }

        /// Sets how long each write may wait for room; `None` waits for ever. Corresponds to
        /// `SO_SNDTIMEO`.
        ///
        /// # Errors
        ///
        /// As [`set_read_timeout`](Self::set_read_timeout).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// use std::time::Duration;
        ///
        /// socket.set_write_timeout(Some(Duration::from_secs(1)))?;
        /// assert_eq!(socket.write_timeout()?, Some(Duration::from_secs(1)));
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn set_write_timeout(
            &self,
            timeout: Option<::std::time::Duration>,
        ) -> ::std::io::Result<()> {
            self.io().set_timeout($crate::Interest::Write, timeout)
        }

        /// How long each read may wait. Corresponds to `SO_RCVTIMEO`.
        ///
        /// # Errors
        ///
        /// The error of `getsockopt(2)`.
        pub fn read_timeout(&self) -> ::std::io::Result<Option<::std::time::Duration>> {
            self.io().timeout($crate::Interest::Read)
        }

        /// How long each write may wait. Corresponds to `SO_SNDTIMEO`.
        ///
        /// # Errors
        ///
        /// The error of `getsockopt(2)`.
        pub fn write_timeout(&self) -> ::std::io::Result<Option<::std::time::Duration>> {
            self.io().timeout($crate::Interest::Write)
        }
    };
}

/// Writes that are made together: on streams.
#[doc(hidden)]
#[macro_export]
macro_rules! batching_methods {
    ($setup:literal) => {
        /// Chooses whether writes of processes on this handle are made together with those of other
        /// processes: by one system call for several connections. For servers with many connections
        /// that are busy at once, which it makes a tenth faster (`bench/README.md`).
        ///
        /// A process that writes while others of its worker are ready lets some of them have a turn
        /// first, 31 at most, and what they write is then handed to the kernel together. A write
        /// returns what it returns without, when its bytes have been handed over. But it **is a wait
        /// also where there is room**: hold no [`std::sync::Mutex`] across it, because another process
        /// of the worker that wants the lock blocks the thread; hold a `process::Mutex`. Therefore it is
        /// to be asked for.
        ///
        /// Writes on a plain thread, those of more than 16 KiB and vectored ones are made as ever, and
        /// so are all where the kernel has no `io_uring(7)` or does not allow it. Clones that are made from
        /// now on inherit the choice, and then have their own.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// use std::io::Write;
        ///
        /// socket.set_batched_writes(true);
        /// assert!(socket.batched_writes());
        /// (&socket).write_all(b"as ever")?;
        /// assert_eq!(peer.read_string(16)?, "as ever");
        /// # Ok::<(), std::io::Error>(())
        /// ```
        #[doc(alias = "io_uring")]
        pub fn set_batched_writes(&self, batched: bool) {
            self.io().set_batched_sends(batched);
        }

        /// What [`set_batched_writes`](Self::set_batched_writes) has chosen.
        #[must_use]
        pub fn batched_writes(&self) -> bool {
            self.io().batched_sends()
        }
    };
}

/// `Read` and `Write` for a type and for shared references to it.
#[doc(hidden)]
#[macro_export]
macro_rules! stream_traits {
    ($type:ident) => {
        impl $crate::AsIo for $type {
            fn as_io(&self) -> &$crate::Io {
                self.io()
            }
        }

        /// The seam by which `std_net`'s channels reach the one I/O loop.
        #[doc(hidden)]
        impl ::std::convert::AsRef<$crate::Io> for $type {
            fn as_ref(&self) -> &$crate::Io {
                self.io()
            }
        }

        impl ::std::io::Read for &$type {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                self.io().recv(buf, 0)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                self.io().recv_vectored(bufs, 0)
            }
        }

        impl ::std::io::Write for &$type {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                self.io().send(buf, 0)
            }

            #[inline]
            fn write_all(&mut self, buf: &[u8]) -> ::std::io::Result<()> {
                self.io().send_all(buf)
            }

            fn write_vectored(
                &mut self,
                bufs: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                self.io().send_vectored(bufs, 0)
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }

        impl ::std::io::Read for $type {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                (&*self).read(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [::std::io::IoSliceMut<'_>],
            ) -> ::std::io::Result<usize> {
                (&*self).read_vectored(bufs)
            }
        }

        impl ::std::io::Write for $type {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                (&*self).write(buf)
            }

            #[inline]
            fn write_all(&mut self, buf: &[u8]) -> ::std::io::Result<()> {
                (&*self).write_all(buf)
            }

            fn write_vectored(
                &mut self,
                bufs: &[::std::io::IoSlice<'_>],
            ) -> ::std::io::Result<usize> {
                (&*self).write_vectored(bufs)
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                Ok(())
            }
        }
    };
}

/// Inko's `read_string` and its relatives: on connected streams.
#[doc(hidden)]
#[macro_export]
macro_rules! stream_text_methods {
    ($setup:literal) => {
        /// Reads what there is, up to 68 KiB, into a buffer of the runtime's. Empty at the end of
        /// the stream.
        ///
        /// A process that waits here holds no buffer, so that an idle connection costs a page of
        /// memory less than one with a buffer of its own on the stack. Drop what is returned
        /// before the next wait: then the connections of a worker have one buffer by turns, which
        /// stays in the processor's cache.
        ///
        /// # Errors
        ///
        /// The error of `recv(2)`; [`TimedOut`](::std::io::ErrorKind::TimedOut) past the deadline.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// peer.write_string("ping")?;
        /// assert_eq!(*socket.read_lent()?, *b"ping");
        /// drop(peer);
        /// assert!(socket.read_lent()?.is_empty());
        /// # Ok::<(), std::io::Error>(())
        /// ```
        #[inline]
        pub fn read_lent(&self) -> ::std::io::Result<$crate::Lent> {
            self.io().recv_lent()
        }

        /// Reads what there is, up to `size` bytes, as text. Empty at the end of the stream.
        ///
        /// If the last character is cut off by `size` or by the packets of the network, its
        /// remaining bytes (three at most) are read too, beyond `size`.
        ///
        /// # Errors
        ///
        /// [`InvalidData`](::std::io::ErrorKind::InvalidData) if the bytes are not UTF-8, or the
        /// rest of the last character does not come; nothing is lost: the error holds a
        /// [`FromUtf8Error`](::std::string::FromUtf8Error) with the bytes. Otherwise the error of
        /// the read.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// peer.write_string("héllo")?;
        /// assert_eq!(socket.read_string(2)?, "hé");
        /// assert_eq!(socket.read_string(100)?, "llo");
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn read_string(&self, size: usize) -> ::std::io::Result<String> {
            $crate::text::read_string(self.io(), size, true)
        }

        /// Reads what there is, up to `size` bytes, to the end of `buf`; returns how many bytes
        /// came, 0 at the end of the stream.
        ///
        /// # Errors
        ///
        /// As [`Read::read`](::std::io::Read::read); [`OutOfMemory`](::std::io::ErrorKind::OutOfMemory)
        /// if there is no room for `size` bytes. `buf` is then as it was.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// peer.write_bytes(b"abc")?;
        /// let mut buf = Vec::new();
        /// assert_eq!(socket.read_bytes(&mut buf, 16)?, 3);
        /// assert_eq!(buf, b"abc");
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn read_bytes(&self, buf: &mut Vec<u8>, size: usize) -> ::std::io::Result<usize> {
            $crate::text::read_bytes(self.io(), buf, size)
        }

        /// Writes all of `text`.
        ///
        /// # Errors
        ///
        /// As [`Write::write_all`](::std::io::Write::write_all).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// socket.write_string("ping")?;
        /// assert_eq!(peer.read_string(4)?, "ping");
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn write_string(&self, text: &str) -> ::std::io::Result<()> {
            self.write_bytes(text.as_bytes())
        }

        /// Writes all of `bytes`.
        ///
        /// # Errors
        ///
        /// As [`Write::write_all`](::std::io::Write::write_all).
        pub fn write_bytes(&self, bytes: &[u8]) -> ::std::io::Result<()> {
            self.io().send_all(bytes)
        }
    };
}

/// Sending a file over a stream. `$setup` is the hidden beginning of the example, which makes
/// `socket` and its `peer`.
#[doc(hidden)]
#[macro_export]
macro_rules! stream_file_methods {
    ($setup:literal) => {
        /// Sends a range of a file, in bytes from its beginning, without a copy where the kernel can:
        /// `sendfile(2)`. The file's own cursor stays where it is.
        ///
        /// Returns how many bytes were sent. That is less than the length of the range if the file
        /// ends before, also if it becomes shorter meanwhile, and if an error (a deadline, say) came
        /// after some of them: the next call, for the rest, tells the error, or 0 at the end.
        ///
        /// The file is read in this thread: pages that are not in memory keep the worker waiting, as
        /// all reading of files does. In a process, and with a deadline, the descriptor becomes
        /// `O_NONBLOCK` behind the scenes, as a listener's does.
        ///
        /// # Errors
        ///
        /// The error of the send or of reading the file, if nothing was sent;
        /// [`InvalidInput`](::std::io::ErrorKind::InvalidInput) for an offset that no file has.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// use std::fs::File;
        ///
        /// let path = std::env::temp_dir().join(format!("send_file-{}", std::process::id()));
        /// std::fs::write(&path, "0123456789")?;
        /// assert_eq!(socket.send_file(&File::open(&path)?, 2..5)?, 3);
        /// assert_eq!(peer.read_string(10)?, "234");
        /// # std::fs::remove_file(&path)?;
        /// # Ok::<(), std::io::Error>(())
        /// ```
        #[doc(alias = "sendfile")]
        pub fn send_file(
            &self,
            file: &::std::fs::File,
            range: impl ::std::ops::RangeBounds<u64>,
        ) -> ::std::io::Result<u64> {
            $crate::splice::send_file(self.io(), file, range)
        }
    };
}

/// Sending a file as a message.
#[doc(hidden)]
#[macro_export]
macro_rules! message_file_methods {
    ($setup:literal) => {
        /// Sends a range of a file, in bytes from its beginning, as one message, by a copy. The
        /// file's own cursor stays where it is.
        ///
        /// Returns how many bytes were sent: less than the length of the range if the file ends
        /// before.
        ///
        /// # Errors
        ///
        /// `EMSGSIZE` for more than a message holds; otherwise the error of the send or of reading
        /// the file.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// use std::fs::File;
        ///
        /// let path = std::env::temp_dir().join(format!("send_file-m-{}", std::process::id()));
        /// std::fs::write(&path, "0123456789")?;
        /// assert_eq!(socket.send_file(&File::open(&path)?, 2..5)?, 3);
        /// assert_eq!(peer.read_string(10)?, "234");
        /// # std::fs::remove_file(&path)?;
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn send_file(
            &self,
            file: &::std::fs::File,
            range: impl ::std::ops::RangeBounds<u64>,
        ) -> ::std::io::Result<u64> {
            $crate::splice::send_file_message(self.io(), file, range)
        }
    };
}

/// Reads and writes that never wait: on connected streams.
#[doc(hidden)]
#[macro_export]
macro_rules! stream_try_methods {
    ($setup:literal) => {
        /// Reads what is there already, and never waits, whatever the mode: for an event loop of
        /// your own. 0 is the end of the stream.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](::std::io::ErrorKind::WouldBlock) if there is nothing;
        /// [`TimedOut`](::std::io::ErrorKind::TimedOut) past the deadline; otherwise as a read.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// let error = socket.try_read(&mut [0; 8]).unwrap_err();
        /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        /// assert_eq!(peer.try_write(b"abc")?, 3);
        /// assert_eq!(socket.read_string(8)?, "abc");
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn try_read(&self, buf: &mut [u8]) -> ::std::io::Result<usize> {
            self.socket().try_recv(buf)
        }

        /// Writes as much as there is room for, and never waits; returns how many bytes were taken.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](::std::io::ErrorKind::WouldBlock) if there is no room;
        /// [`TimedOut`](::std::io::ErrorKind::TimedOut) past the deadline; otherwise as a write.
        pub fn try_write(&self, buf: &[u8]) -> ::std::io::Result<usize> {
            self.socket().try_send(buf)
        }
    };
}

/// The same on sockets that keep messages apart, and on the low-level ones.
#[doc(hidden)]
#[macro_export]
macro_rules! message_try_methods {
    ($setup:literal) => {
        /// Receives what is there already, and never waits, whatever the mode: for an event loop of
        /// your own. Corresponds to `recv(2)` with `MSG_DONTWAIT`.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](::std::io::ErrorKind::WouldBlock) if there is nothing; otherwise as
        /// [`recv`](Self::recv).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// let error = socket.try_recv(&mut [0; 8]).unwrap_err();
        /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        /// assert_eq!(peer.try_send(b"abc")?, 3);
        /// let mut buf = [0; 8];
        /// assert_eq!(socket.recv(&mut buf)?, 3);
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn try_recv(&self, buf: &mut [u8]) -> ::std::io::Result<usize> {
            self.io().recv(buf, $crate::MSG_DONTWAIT)
        }

        /// Sends if there is room, and never waits; returns how many bytes were taken. Corresponds
        /// to `send(2)` with `MSG_DONTWAIT`.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](::std::io::ErrorKind::WouldBlock) if there is no room; otherwise as
        /// [`send`](Self::send).
        pub fn try_send(&self, buf: &[u8]) -> ::std::io::Result<usize> {
            self.io().send(buf, $crate::MSG_DONTWAIT)
        }
    };
}

/// The same on sockets that keep messages apart.
#[doc(hidden)]
#[macro_export]
macro_rules! message_text_methods {
    ($setup:literal) => {
        /// Receives one message of up to `size` bytes as text; what is beyond is discarded, as
        /// [`recv`](Self::recv) does.
        ///
        /// # Errors
        ///
        /// [`InvalidData`](::std::io::ErrorKind::InvalidData) if the message is not UTF-8 (a
        /// character cut off at `size`, for one); the error holds a
        /// [`FromUtf8Error`](::std::string::FromUtf8Error) with the bytes. Otherwise the error of
        /// the receive.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// peer.write_string("ping")?;
        /// assert_eq!(socket.read_string(64)?, "ping");
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn read_string(&self, size: usize) -> ::std::io::Result<String> {
            $crate::text::read_string(self.io(), size, false)
        }

        /// Receives one message of up to `size` bytes to the end of `buf`; returns its length in
        /// bytes.
        ///
        /// # Errors
        ///
        /// As [`recv`](Self::recv); [`OutOfMemory`](::std::io::ErrorKind::OutOfMemory) if there is no
        /// room for `size` bytes. `buf` is then as it was.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// peer.write_bytes(b"abc")?;
        /// let mut buf = Vec::new();
        /// assert_eq!(socket.read_bytes(&mut buf, 16)?, 3);
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn read_bytes(&self, buf: &mut Vec<u8>, size: usize) -> ::std::io::Result<usize> {
            $crate::text::read_bytes(self.io(), buf, size)
        }

        /// Sends `text` as one message to the connected peer.
        ///
        /// # Errors
        ///
        /// As [`send`](Self::send).
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// socket.write_string("ping")?;
        /// assert_eq!(peer.read_string(64)?, "ping");
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn write_string(&self, text: &str) -> ::std::io::Result<()> {
            self.write_bytes(text.as_bytes())
        }

        /// Sends `bytes` as one message to the connected peer.
        ///
        /// # Errors
        ///
        /// As [`send`](Self::send).
        pub fn write_bytes(&self, bytes: &[u8]) -> ::std::io::Result<()> {
            // A message goes out whole or not at all.
            self.send(bytes).map(drop)
        }
    };
}

/// A getter and a setter that are socket2's. The setter's text names the option.
#[doc(hidden)]
#[macro_export]
macro_rules! socket_options {
    ($($(#[$attr:meta])* $get:ident, $set:ident($type:ty) => $inner_get:ident, $inner_set:ident;
    )*) => {$(
        $(#[$attr])*
        ///
        /// # Errors
        ///
        /// The error of `setsockopt(2)`.
        pub fn $set(&self, value: $type) -> ::std::io::Result<()> {
            self.io().sock().$inner_set(value)
        }

        #[doc = concat!("What [`", stringify!($set), "`](Self::", stringify!($set), ") sets.")]
        ///
        /// # Errors
        ///
        /// The error of `getsockopt(2)`.
        pub fn $get(&self) -> ::std::io::Result<$type> {
            self.io().sock().$inner_get()
        }
    )*};
}
