//! A descriptor and the one loop for its operations. Every socket operation of every crate is an [`Io::perform`]. Only
//! this call knows whether it runs in a process or on a thread.
//!
//! | file | idea |
//! |---|---|
//! | `mod` | [`Io`] and how one is made |
//! | `wait` | the only loop: try, wait, try again |
//! | `future` | the same operations for futures: try, and leave a waker |
//! | `mode` | the state that decides how a handle waits: deadline, blocking mode, timeouts |
//! | `notify` | a handle that interrupts waiting calls |
//! | `halves` | the halves of a connection, and the bytes that an owner has read ahead |
//! | `ready` | waits for readiness without an operation |
//! | `data` | receive and send |
//! | `batched` | sends in a batch with those of other processes |
//! | `sendfile` | files and streams sent on without a copy in the program |
//! | `flags` | the flags of `recv(2)` and `send(2)` that a caller may choose |
//! | `file_range` | the bytes of a file that a range means |
//! | `text` | reads of text and of byte vectors |
//! | `connect` | accept, connect, shutdown |
//! | `close` | a close that waits (`SO_LINGER`), without blocking the worker |
//! | `options` | socket options that socket2 does not know |
//! | `values` | option values that a plain cast would change |

mod batched;
mod close;
mod connect;
mod data;
mod file_range;
mod flags;
pub(crate) mod future;
#[doc(hidden)]
pub mod halves;
mod mode;
pub(crate) mod notify;
mod options;
mod ready;
#[doc(hidden)]
pub mod sendfile;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod values;
mod wait;

use std::any::Any;
use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use socket2::{Domain, Protocol, SockRef, Type};

use crate::deadline::AtomicDeadline;
use crate::reactor::short_reads::ShortReads;
use crate::reactor::source::Attached;
use crate::sys;
use close::Descriptor;
pub(crate) use data::{MAX_IOV, empty_msghdr};
#[doc(hidden)]
pub use file_range::file_range;
pub use flags::{RecvFlags, SendFlags};
use mode::{MODE_BLOCKING, MODE_UNKNOWN, Shared, UNREAD};

/// A socket's descriptor with everything that decides how its operations wait.
///
/// The descriptor stays in the blocking mode its user chose, whatever thread or process uses it.
pub struct Io {
    /// Declared before the descriptor, so that it is dropped first: see
    /// [`Source::release`](crate::reactor::source::Source::release).
    source: Attached,
    /// The state that duplicated descriptors share, as they do in the kernel. It is absent for a blocking socket
    /// without timeouts that this crate has made. It is declared before the descriptor too: see [`Belonging`].
    shared: OnceLock<Arc<Shared>>,
    fd: Descriptor,
    /// What a short read of this socket means.
    short_reads: ShortReads,
    /// Whether its sends are batched with those of other processes.
    batched_sends: AtomicBool,
    deadline: AtomicDeadline,
}

/// A type that contains an [`Io`]. Functions for the sockets of several crates take this trait.
#[doc(hidden)]
pub trait AsIo {
    /// The underlying [`Io`].
    fn as_io(&self) -> &Io;
}

/// A value that belongs to a socket. It is dropped with the last handle, before the descriptor is closed.
#[doc(hidden)]
pub trait Belonging: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// Called when the descriptor was handed out, so that the socket lives on without a handle.
    fn outlived(&self);
}

impl Io {
    /// Makes a new socket: blocking, close-on-exec. Corresponds to `socket(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socket(2)`.
    pub fn socket(domain: Domain, ty: Type, protocol: Option<Protocol>) -> io::Result<Io> {
        socket2::Socket::new(domain, ty, protocol).map(|s| Io::fresh(s.into()))
    }

    /// Makes two connected sockets. Corresponds to `socketpair(2)`.
    ///
    /// # Errors
    ///
    /// The error of `socketpair(2)`.
    pub fn pair(domain: Domain, ty: Type, protocol: Option<Protocol>) -> io::Result<(Io, Io)> {
        let (a, b) = socket2::Socket::pair(domain, ty, protocol)?;
        Ok((Io::fresh(a.into()), Io::fresh(b.into())))
    }

    /// Takes over a descriptor with unknown mode and timeouts. The kernel is asked for them when they are first needed.
    #[must_use]
    pub fn adopt(fd: OwnedFd) -> Io {
        sys::adopt(fd.as_fd());
        let io = Io::fresh(fd);
        expose(&io.source);
        io.fd.may_linger();
        // A fresh Io has no shared state, so this always succeeds.
        let shared = Shared::new(MODE_UNKNOWN, UNREAD);
        shared.show();
        let _ = io.shared.set(shared);
        io
    }

    /// Wraps a descriptor that is blocking and has no timeouts.
    fn fresh(fd: OwnedFd) -> Io {
        Io {
            source: Attached::none(fd.as_fd()),
            fd: Descriptor::new(fd),
            short_reads: ShortReads::ProveNothing,
            batched_sends: AtomicBool::new(false),
            deadline: AtomicDeadline::never(),
            shared: OnceLock::new(),
        }
    }

    /// Declares that a short `recv` on this socket means that nothing is left to read. This is true of TCP streams. It
    /// is not always true of Unix streams (see the next method), and never of datagrams. Accepted sockets inherit it
    /// from their listener.
    #[must_use]
    pub fn short_read_drains(mut self) -> Io {
        self.short_reads = ShortReads::Drain;
        self
    }

    /// Declares that a short `recv` on this socket means that nothing is left to read, unless control data cut the read
    /// short. This is true of Unix streams. Accepted sockets inherit it from their listener.
    #[must_use]
    pub fn short_read_drains_unless_cut(mut self) -> Io {
        self.short_reads = ShortReads::DrainUnlessCut;
        self
    }

    /// Makes a second handle to the same socket. The deadline is copied. The blocking mode and the timeouts of
    /// `set_read_timeout` and `set_write_timeout` are shared, as in the kernel.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_DUPFD_CLOEXEC)`.
    pub fn try_clone(&self) -> io::Result<Io> {
        expose(&self.source);
        let fd = Descriptor::new(self.fd.try_clone()?);
        // Each handle may set `SO_LINGER` for both.
        self.fd.may_linger();
        fd.may_linger();
        fd.of_listener(&self.fd);
        let shared = Arc::clone(self.shared.get_or_init(Shared::fresh));
        let source = Attached::none(fd.as_fd());
        expose(&source);
        // The sources are listed, so that a change by one handle can wake the waiters of another.
        shared.enlist(self.source.get_or_take());
        shared.enlist(source.get_or_take());
        Ok(Io {
            source,
            fd,
            short_reads: self.short_reads,
            batched_sends: AtomicBool::new(self.batched_sends()),
            deadline: AtomicDeadline::at(self.deadline.get()),
            shared: OnceLock::from(shared),
        })
    }

    /// Returns the descriptor, in the blocking mode that its user chose.
    #[must_use]
    pub fn into_fd(self) -> OwnedFd {
        if let Some(shared) = self.shared.get() {
            // Clones of the descriptor may stay here.
            shared.show();
            if self.is_forced_by_us() {
                shared.mode.store(MODE_BLOCKING, Ordering::SeqCst);
                // This cannot fail on a socket. An error could not be reported anyway.
                let _ = self.set_o_nonblock(false);
            }
        }
        if let Some(belonging) = self.shared.get().and_then(|s| s.belonging.get()) {
            belonging.outlived();
        }
        expose(&self.source);
        drop(self.source);
        self.fd.into_inner()
    }

    /// Attaches a value that is dropped with the last handle of the socket. This works once. A second value is dropped
    /// at once.
    pub fn set_belonging(&self, belonging: Box<dyn Belonging>) {
        let shared = self.shared.get_or_init(Shared::fresh);
        let _ = shared.belonging.set(belonging);
    }

    /// The descriptor's number, for this project's own system calls and for messages. Its users must not change the
    /// mode or the timeouts.
    #[doc(hidden)]
    #[must_use]
    pub fn fd_number(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// The socket as socket2 sees it, for its options.
    #[must_use]
    pub fn sock(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }

    /// The value that a crate above keeps for all handles of this socket. The first call makes it by default. All
    /// callers must use the same type.
    ///
    /// # Panics
    ///
    /// If it was asked for with another type before.
    #[must_use]
    pub fn extension<T>(&self) -> &T
    where
        T: Any + Default + Send + Sync + UnwindSafe + RefUnwindSafe,
    {
        let shared = self.shared.get_or_init(Shared::fresh);
        let extension = shared.extension.get_or_init(|| Box::<T>::default());
        let any: &(dyn Any + Send + Sync) = &**extension;
        any.downcast_ref().expect("one type of extension is used")
    }
}

impl From<OwnedFd> for Io {
    fn from(fd: OwnedFd) -> Io {
        Io::adopt(fd)
    }
}

impl From<Io> for OwnedFd {
    fn from(io: Io) -> OwnedFd {
        io.into_fd()
    }
}

impl Io {
    /// Records that code outside is about to get the descriptor. That code may duplicate it and change its mode and
    /// timeouts.
    fn show(&self) {
        expose(&self.source);
        self.fd.may_linger();
        self.shared.get_or_init(Shared::fresh).show();
    }
}

/// Records that other code has seen a descriptor and may share it with other OS processes.
fn expose(source: &Attached) {
    connect::expect_sharing();
    source.expose();
}

impl AsFd for Io {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.show();
        self.fd.as_fd()
    }
}

impl AsRawFd for Io {
    fn as_raw_fd(&self) -> RawFd {
        self.show();
        self.fd.as_raw_fd()
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("fd", &self.fd.as_raw_fd())
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

const _: () = assert!(mem::size_of::<Io>() <= 64);
