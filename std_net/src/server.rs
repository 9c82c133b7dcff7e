//! The loop of a server that can be shut down: accepts, runs a process for each connection, and on
//! shutdown lets those that are under way finish. Not a protocol.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use std_net_runtime::process::{self, Event, Process, ProcessId};
use std_net_runtime::{Deadline, Notifier, is_notified};

use crate::socket::{TcpListener, TcpStream};
use crate::unix::{UnixListener, UnixStream};
#[cfg(not(target_vendor = "apple"))]
use crate::unix::{UnixSeqpacket, UnixSeqpacketListener};

/// After an error of `accept` that may pass: out of descriptors, say.
const PAUSE: Duration = Duration::from_millis(50);
/// How long cancelled processes have to end.
const LAST: Duration = Duration::from_secs(1);

/// What a [`Server`] accepts from.
pub trait Listener: Send + Sync + 'static {
    /// A connection.
    type Connection: Send + 'static;

    /// The next connection.
    ///
    /// # Errors
    ///
    /// Those of the listener's own `accept`.
    fn accept(&self) -> io::Result<Self::Connection>;

    /// What ends its accepts.
    ///
    /// # Errors
    ///
    /// Those of the listener's own `notifier`.
    fn notifier(&self) -> io::Result<Notifier>;
}

macro_rules! listeners {
    ($($listener:ident => $connection:ident,)*) => {$(
        impl Listener for $listener {
            type Connection = $connection;

            fn accept(&self) -> io::Result<$connection> {
                $listener::accept(self).map(|(connection, _)| connection)
            }

            fn notifier(&self) -> io::Result<Notifier> {
                $listener::notifier(self)
            }
        }
    )*};
}

listeners! {
    TcpListener => TcpStream,
    UnixListener => UnixStream,
}

#[cfg(not(target_vendor = "apple"))]
listeners! {
    UnixSeqpacketListener => UnixSeqpacket,
}

/// Accepts connections and runs a process for each, until it is shut down; then lets the running ones
/// finish until a deadline, and cancels the rest.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::time::Duration;
/// use std_net::server::Server;
/// use std_net::socket::{TcpListener, TcpStream};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let server = Server::new(listener)?;
/// // In a program: from the handler of Ctrl-C.
/// let handle = server.handle();
/// std::thread::spawn(move || {
///     let mut client = TcpStream::connect(address).unwrap();
///     client.write_all(b"ping").unwrap();
///     client.read_exact(&mut [0; 4]).unwrap();
///     handle.shutdown(Duration::from_secs(10));
/// });
/// let end = server.run(|mut stream| {
///     let mut buf = [0; 4];
///     stream.read_exact(&mut buf)?;
///     stream.write_all(&buf)
/// })?;
/// assert_eq!((end.served, end.cancelled), (1, 0));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "it serves when it is run"]
pub struct Server<L> {
    listener: L,
    handle: Handle,
}

/// Shuts a [`Server`] down, from anywhere.
#[derive(Clone)]
pub struct Handle(Arc<State>);

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// Connections that were accepted, all in all.
    pub served: u64,
    /// Of these, the ones that had not finished by the deadline and were cancelled.
    pub cancelled: u64,
    /// Of these, the ones that have not ended a second after that. They go on.
    pub left: u64,
}

struct State {
    notifier: Notifier,
    /// When the running connections are cancelled; `None` before a shutdown.
    until: Mutex<Option<Deadline>>,
    running: Mutex<HashMap<ProcessId, Process>>,
    served: AtomicU64,
    /// One of the two has changed.
    changed: Event,
}

impl<L: Listener> Server<L> {
    /// A server on this listener; nothing is accepted before [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// The error of making the listener's notifier: too many descriptors.
    pub fn new(listener: L) -> io::Result<Server<L>> {
        let notifier = listener.notifier()?;
        Ok(Server {
            listener,
            handle: Handle(Arc::new(State {
                notifier,
                until: Mutex::new(None),
                running: Mutex::default(),
                served: AtomicU64::new(0),
                changed: Event::new(),
            })),
        })
    }

    /// What shuts it down.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Accepts until [`Handle::shutdown`], and runs `serve` for every connection in a process of its
    /// own; what it returns is dropped, and a panic ends that connection only. An accept that fails
    /// for a reason that may pass (no descriptors left, a connection gone before it was accepted) is
    /// tried again.
    ///
    /// Returns when all connections have ended. The listener is closed before they do: clients in its
    /// queue are refused, unless another process shares it.
    ///
    /// # Errors
    ///
    /// That of an accept which will not pass: the listener was shut down, say. The connections under
    /// way are not waited for.
    pub fn run<R: 'static>(
        self,
        serve: impl Fn(L::Connection) -> R + Send + Sync + 'static,
    ) -> io::Result<End> {
        let serve = Arc::new(serve);
        let state = &self.handle.0;
        loop {
            match self.listener.accept() {
                Ok(connection) => state.start(connection, &serve),
                Err(e) if is_notified(&e) => break,
                Err(e) if may_pass(&e) => process::sleep(PAUSE),
                Err(e) => return Err(e),
            }
        }
        drop(self.listener);
        Ok(state.drain())
    }
}

impl Handle {
    /// Ends the accepting, and gives the connections under way until `deadline` (a duration from now,
    /// or an instant) to finish; then they are cancelled: their waits fail. Said again, the nearer
    /// deadline holds: a second Ctrl-C can end it at once.
    ///
    /// Not for signal handlers: it locks. A thread that waits for signals is the place.
    pub fn shutdown(&self, deadline: impl Into<Deadline>) {
        let new = deadline.into();
        let state = &self.0;
        {
            let mut until = lock(&state.until);
            let nearer = match *until {
                Some(old) => match (old.instant(), new.instant()) {
                    (Some(old), Some(new)) if old <= new => Some(old).into(),
                    (Some(old), None) => Some(old).into(),
                    _ => new,
                },
                None => new,
            };
            *until = Some(nearer);
        }
        state.notifier.notify();
        state.changed.notify_all();
    }

    /// How many connections are under way.
    #[must_use]
    pub fn running(&self) -> usize {
        lock(&self.0.running).len()
    }
}

impl State {
    fn start<C, R>(
        self: &Arc<State>,
        connection: C,
        serve: &Arc<impl Fn(C) -> R + Send + Sync + 'static>,
    ) where
        C: Send + 'static,
        R: 'static,
    {
        self.served.fetch_add(1, Ordering::Relaxed);
        let (state, serve) = (Arc::clone(self), Arc::clone(serve));
        // Held until the new one is on the list, so that it cannot leave before it has come.
        let mut running = lock(&self.running);
        let spawned = process::Builder::new().spawn(move || {
            let _entry = Entry(state);
            drop(serve(connection));
        });
        // Without memory for a process the connection is closed.
        if let Ok(handle) = spawned {
            let process = handle.process().clone();
            running.insert(process.id(), process);
        }
    }

    fn drain(&self) -> End {
        // The deadline may come nearer meanwhile.
        loop {
            let until = (*lock(&self.until)).unwrap_or_else(|| Instant::now().into());
            let ended = self.changed.wait_deadline(
                || {
                    let moved = *lock(&self.until) != Some(until);
                    (moved || lock(&self.running).is_empty()).then_some(moved)
                },
                until,
            );
            if ended != Some(true) {
                break;
            }
        }
        let late: Vec<Process> = lock(&self.running).values().cloned().collect();
        for process in &late {
            process.cancel();
        }
        let empty = || lock(&self.running).is_empty().then_some(());
        let _ = self.changed.wait_deadline(empty, LAST);
        End {
            served: self.served.load(Ordering::Relaxed),
            cancelled: late.len() as u64,
            left: lock(&self.running).len() as u64,
        }
    }
}

/// Takes its process off the list, also when it panics.
struct Entry(Arc<State>);

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(process) = process::current() {
            lock(&self.0.running).remove(&process.id());
            self.0.changed.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As accept(2) has it: these concern one connection, or a shortage.
fn may_pass(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EINTR
                | libc::EMFILE
                | libc::ENFILE
                | libc::ENOBUFS
                | libc::ENOMEM
                | libc::EPERM
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENOPROTOOPT
                | libc::EOPNOTSUPP
        )
    )
}

impl<L: fmt::Debug> fmt::Debug for Server<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("running", &self.handle.running())
            .finish()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}
