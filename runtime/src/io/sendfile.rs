//! Sends without copying the bytes through the program: from a file by `sendfile(2)`, and from another socket by
//! `splice(2)` and a pipe. If the kernel cannot do that, a plain copy is made. All of it goes through [`Io::perform`].
//!
//! Neither call has a flag like `MSG_DONTWAIT`. So in a process, or with a deadline, the socket is set to `O_NONBLOCK`,
//! as a listener is for `accept`.

use std::fs::File;
use std::io;
use std::ops::RangeBounds;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::buffers::lent::Lent;
use crate::buffers::pool::{Buffer, LENT};
use crate::interest::{Interest, Wait};
use crate::io::{Io, file_range};
use crate::sched::traffic;
use crate::sys::sigpipe::Sigpipe;
use crate::sys::{self, Pipe, retry_interrupted};

/// The most bytes of one call. The limit is there because a large file must not keep a worker from its other processes
/// for long.
const CHUNK: u64 = 1 << 20;
/// The bytes of one plain copy, and the capacity of a pipe.
const COPY: usize = 64 << 10;
/// The longest message in bytes that is sent from a file.
const MESSAGE: u64 = 1 << 20;

/// Whether the error means that the kernel cannot do this between these descriptors, or that a sandbox forbids it. For
/// any other error, a plain copy would fail in the same way.
fn is_unsupported(error: &io::Error) -> bool {
    // macOS has two numbers for "not supported". On the other systems they are one.
    const UNSUPPORTED: [i32; 5] = [
        libc::EINVAL,
        libc::ENOSYS,
        libc::EPERM,
        libc::EOPNOTSUPP,
        libc::ENOTSUP,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| UNSUPPORTED.contains(&code))
}

/// Sends a range of a file over a stream. The methods of the streams have the details.
///
/// # Errors
///
/// The errors of [`Io::perform`], and the errors of reading the file, if nothing was sent.
#[doc(hidden)]
pub fn send_file(io: &Io, file: &File, range: impl RangeBounds<u64>) -> io::Result<u64> {
    let (start, len) = file_range(range)?;
    let sigpipe = Sigpipe::disposition();
    let mut sent = 0;
    let mut copies = false;
    while sent < len {
        let (at, left) = (start + sent, len - sent);
        let result = retry_interrupted(|| {
            if copies {
                copy_from_file(io, file, at, left)
            } else {
                io.send_file_once(file, at, left, sigpipe)
            }
        });
        match result {
            Ok(0) => break,
            Ok(n) => sent += n,
            Err(e) if !copies && is_unsupported(&e) => copies = true,
            // The bytes already sent are reported first. The next call returns the error.
            Err(_) if sent > 0 => break,
            Err(e) => return Err(e),
        }
    }
    Ok(sent)
}

/// Sends a range of a file as one message, by a copy. The kernel has no other way.
///
/// # Errors
///
/// `EMSGSIZE` if the range is longer than a message can be. Otherwise the error of reading the file, or the errors of
/// [`Io::perform`].
#[doc(hidden)]
pub fn send_file_message(io: &Io, file: &File, range: impl RangeBounds<u64>) -> io::Result<u64> {
    let (start, len) = file_range(range)?;
    // One byte more than a message may have shows that the file is too long. The length from the file system is only a
    // hint: files in /proc report 0.
    let most = len.min(MESSAGE + 1);
    let known = file.metadata()?.len().saturating_sub(start);
    let mut message = Vec::with_capacity(known.min(most) as usize);
    while (message.len() as u64) < most {
        let read = message.len();
        let room = (message.capacity() - read)
            .max(COPY)
            .min(most as usize - read);
        message.resize(read + room, 0);
        let result = retry_interrupted(|| file.read_at(&mut message[read..], start + read as u64));
        message.truncate(read + *result.as_ref().unwrap_or(&0));
        if result? == 0 {
            break;
        }
    }
    if message.len() as u64 > MESSAGE {
        return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
    }
    io.send(&message, 0).map(|n| n as u64)
}

/// Makes a plain copy of one piece.
fn copy_from_file(io: &Io, file: &File, at: u64, left: u64) -> io::Result<u64> {
    let mut buf = vec![0; COPY.min(usize::try_from(left).unwrap_or(COPY))];
    let n = file.read_at(&mut buf, at)?;
    if n == 0 {
        return Ok(0);
    }
    // If the stream takes less, the rest is read again.
    io.send(&buf[..n], 0).map(|n| n as u64)
}

impl Io {
    /// Makes one `sendfile(2)` call, which does not move the file's own offset.
    fn send_file_once(&self, file: &File, at: u64, left: u64, sigpipe: Sigpipe) -> io::Result<u64> {
        let len = left.min(CHUNK) as usize;
        self.perform(Interest::Write, |wait| {
            if wait == Wait::Never {
                self.force_nonblocking(Interest::Write)?;
            }
            sigpipe
                .held(|| sys::send_file(self.fd.as_fd(), file, at, len))
                .inspect(|n| traffic::sent(*n))
                .map(|n| n as u64)
        })
    }
}

/// Moves bytes from one stream to the other until the first one ends. Adds to `moved` the bytes that the other stream
/// has taken.
///
/// # Errors
///
/// The errors of [`Io::perform`], of both streams.
#[doc(hidden)]
pub fn copy(from: &Io, to: &Io, moved: &AtomicU64) -> io::Result<()> {
    let sigpipe = Sigpipe::disposition();
    loop {
        // A pipe is held only while it has data.
        match retry_interrupted(|| from.take_some()) {
            Ok(Taken::Bytes(data)) if data.is_empty() => return Ok(()),
            Ok(Taken::Bytes(data)) => send_whole(to, &data, moved)?,
            Ok(Taken::Piped(n, pipe)) => {
                to.drain_pipe(&pipe, n, sigpipe, moved)?;
                pipe.give_back();
            }
            Err(e)
                if is_unsupported(&e)
                    || matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) =>
            {
                return copy_through_buffer(from, to, moved);
            }
            Err(e) => {
                // These are bytes that a channel had read ahead and given back.
                let unread = from.take_unread(e, |bytes| (bytes.to_vec(), bytes.len()))?;
                send_whole(to, &unread.unwrap_or_default(), moved)?;
            }
        }
    }
}

fn copy_through_buffer(from: &Io, to: &Io, moved: &AtomicU64) -> io::Result<()> {
    loop {
        let data = retry_interrupted(|| from.recv_lent())?;
        if data.is_empty() {
            return Ok(());
        }
        send_whole(to, &data, moved)?;
    }
}

fn send_whole(to: &Io, mut rest: &[u8], moved: &AtomicU64) -> io::Result<()> {
    while !rest.is_empty() {
        let n = retry_interrupted(|| to.send(rest, 0))?;
        moved.fetch_add(n as u64, Ordering::Relaxed);
        rest = &rest[n..];
    }
    Ok(())
}

/// What one attempt has taken from a stream.
enum Taken {
    /// This many bytes, which are in this pipe.
    Piped(usize, Pipe),
    /// These bytes. There are none at the end of the stream.
    Bytes(Lent),
}

impl Io {
    /// Takes the data that are there: by `splice(2)` into an empty pipe, or by `recv(2)` if the result of `splice` is
    /// not clear.
    ///
    /// `splice` does not go past an urgent mark. There it returns 0, as at the end of the stream, or "would block"
    /// although there are data. Only `recv` shows which case it is.
    fn take_some(&self) -> io::Result<Taken> {
        self.perform(Interest::Read, |wait| {
            if wait == Wait::Never {
                self.force_nonblocking(Interest::Read)?;
            }
            let pipe = Pipe::take()?;
            let n = pipe.fill(self.fd.as_fd(), COPY);
            if let Ok(n @ 1..) = n {
                traffic::received(n, 0);
                return Ok(Taken::Piped(n, pipe));
            }
            pipe.give_back();
            match n {
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => Err(e),
                // The reactor reports urgent data, so most sockets need no `recv`.
                Err(e) if wait == Wait::InKernel || self.has_no_urgent_data() => Err(e),
                _ => {
                    let mut buf = Buffer::take(LENT);
                    let len = self.recv_into(buf.bytes_mut(), 0, wait)?.len;
                    Ok(Taken::Bytes(Lent::new(buf, len)))
                }
            }
        })
    }

    /// Whether the reactor watches the socket and has reported no urgent data.
    fn has_no_urgent_data(&self) -> bool {
        let source = self.source.get();
        source.is_some_and(|s| s.readiness(Interest::Read).is_open())
    }

    /// Moves the `left` bytes from the pipe to the socket. After an error these bytes and the pipe are lost.
    fn drain_pipe(
        &self,
        pipe: &Pipe,
        mut left: usize,
        sigpipe: Sigpipe,
        moved: &AtomicU64,
    ) -> io::Result<()> {
        while left > 0 {
            let drained = retry_interrupted(|| {
                self.perform(Interest::Write, |wait| {
                    if wait == Wait::Never {
                        self.force_nonblocking(Interest::Write)?;
                    }
                    let drained = sigpipe.held(|| pipe.drain(self.fd.as_fd(), left));
                    drained.inspect(|n| traffic::sent(*n))
                })
            });
            match drained {
                // A pipe with data never returns 0. Without this check the loop would go on for ever.
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    moved.fetch_add(n as u64, Ordering::Relaxed);
                    left -= n;
                }
                Err(e) if is_unsupported(&e) => return self.send_from_pipe(pipe, left, moved),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Sends the bytes of the pipe by a copy, if the kernel has filled the pipe but cannot empty it.
    fn send_from_pipe(&self, pipe: &Pipe, mut left: usize, moved: &AtomicU64) -> io::Result<()> {
        let mut buf = vec![0; left.min(COPY)];
        while left > 0 {
            let n = pipe.read(&mut buf)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            send_whole(self, &buf[..n], moved)?;
            left = left.saturating_sub(n);
        }
        Ok(())
    }
}
