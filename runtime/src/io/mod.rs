//! A descriptor and the one way through it: every socket operation of every crate is
//! [`Io::perform`], the only place that knows where it runs.
//!
//! | file | idea |
//! |---|---|
//! | this one | [`Io`] and how one is made |
//! | `wait` | the only loop: try, wait, try again |
//! | `future` | the same operations for futures: try, and leave a waker |
//! | `mode` | what decides how a handle waits: deadline, blocking mode, timeouts |
//! | `notify` | interrupting the calls that wait, from elsewhere |
//! | `halves` | the halves of a connection, and what an owner of one had read ahead |
//! | `ready` | waiting until there is something to do, without doing it |
//! | `data` | receiving and sending |
//! | `batched` | sends that are made together with those of other processes |
//! | `sendfile` | files and streams sent on without passing through the program |
//! | `file_range` | which bytes of a file a range means |
//! | `text` | reading text and bytes of a size |
//! | `connect` | accept, connect, shutdown |
//! | `close` | a close that lingers keeps no worker |
//! | `options` | socket options that socket2 does not know |
//! | `values` | values of options that a plain cast would change |

mod batched;
mod close;
mod connect;
mod data;
mod file_range;
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
use mode::{MODE_BLOCKING, MODE_UNKNOWN, Shared, UNREAD};

/// A socket's descriptor with everything that decides how its operations wait.
///
/// The descriptor stays in the blocking mode its user chose, whatever thread or process uses it.
pub struct Io {
    /// Before the descriptor, so that it is dropped first: see [`Source::release`](crate::reactor::source::Source::release).
    source: Attached,
    /// What `dup`ed descriptors share because the kernel does. Absent: a blocking socket
    /// without timeouts that we made ourselves. Before the descriptor too: see [`Belonging`].
    shared: OnceLock<Arc<Shared>>,
    fd: Descriptor,
    /// What it means that a plain `recv` fills less than its buffer.
    short_reads: ShortReads,
    /// Its sends are made together with those of others, where it pays.
    batched_sends: AtomicBool,
    deadline: AtomicDeadline,
}

/// A type with an [`Io`] inside: the one seam for what works over the sockets of several crates.
#[doc(hidden)]
pub trait AsIo {
    /// The underlying [`Io`].
    fn as_io(&self) -> &Io;
}

/// What goes with a socket, and is dropped with the last of its handles, before the descriptor is closed.
#[doc(hidden)]
pub trait Belonging: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// The descriptor was handed out: the socket lives on without a handle.
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

    /// Takes over a descriptor whose mode and timeouts are not known; they are asked of the
    /// kernel when first needed.
    #[must_use]
    pub fn adopt(fd: OwnedFd) -> Io {
        sys::adopt(fd.as_fd());
        let io = Io::fresh(fd);
        io.source.expose();
        io.fd.may_linger();
        // A fresh Io has no shared state, so this always takes.
        let shared = Shared::new(MODE_UNKNOWN, UNREAD);
        shared.show();
        let _ = io.shared.set(shared);
        io
    }

    /// A descriptor known to be blocking and without timeouts.
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

    /// Says that a short `recv` on this socket means that nothing is left to read. True of TCP
    /// streams; not of Unix streams, see below; never of datagrams. What a listener accepts inherits
    /// it.
    #[must_use]
    pub fn short_read_drains(mut self) -> Io {
        self.short_reads = ShortReads::Drain;
        self
    }

    /// Says that a short `recv` on this socket means that nothing is left to read, unless something
    /// that came with the bytes cut it short. True of Unix streams; what a listener accepts inherits
    /// it.
    #[must_use]
    pub fn short_read_drains_unless_cut(mut self) -> Io {
        self.short_reads = ShortReads::DrainUnlessCut;
        self
    }

    /// A second handle to the same socket. The deadline is copied; the blocking mode and the
    /// per-call timeouts are shared, as they are in the kernel.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_DUPFD_CLOEXEC)`.
    pub fn try_clone(&self) -> io::Result<Io> {
        self.source.expose();
        let fd = Descriptor::new(self.fd.try_clone()?);
        // Of either it may be set by the other.
        self.fd.may_linger();
        fd.may_linger();
        fd.of_listener(&self.fd);
        let shared = Arc::clone(self.shared.get_or_init(Shared::fresh));
        let source = Attached::none(fd.as_fd());
        source.expose();
        // So that what one of them does can be told to the waiters on another.
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

    /// Hands the descriptor out, in the blocking mode its user chose.
    #[must_use]
    pub fn into_fd(self) -> OwnedFd {
        if let Some(shared) = self.shared.get() {
            // Clones of it may stay here.
            shared.show();
            if self.is_forced_by_us() {
                shared.mode.store(MODE_BLOCKING, Ordering::SeqCst);
                // Cannot fail on a socket; there would be nobody to tell.
                let _ = self.set_o_nonblock(false);
            }
        }
        if let Some(belonging) = self.shared.get().and_then(|s| s.belonging.get()) {
            belonging.outlived();
        }
        self.source.expose();
        drop(self.source);
        self.fd.into_inner()
    }

    /// Gives the socket what is dropped with the last of its handles. Once; a second one is dropped here.
    pub fn set_belonging(&self, belonging: Box<dyn Belonging>) {
        let shared = self.shared.get_or_init(Shared::fresh);
        let _ = shared.belonging.set(belonging);
    }

    /// For system calls of ours, and for messages: its users change neither mode nor timeouts.
    #[doc(hidden)]
    #[must_use]
    pub fn fd_number(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// socket2's view of this socket, for its options.
    #[must_use]
    pub fn sock(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }

    /// What a crate above keeps for all handles of this socket, made by default at the first call. It is
    /// of one type for all callers.
    ///
    /// # Panics
    ///
    /// If it was asked for as another type before.
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
    /// The descriptor is about to be shown to code outside: it may be duplicated, and its mode and its
    /// timeouts changed.
    fn show(&self) {
        self.source.expose();
        self.fd.may_linger();
        self.shared.get_or_init(Shared::fresh).show();
    }
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
