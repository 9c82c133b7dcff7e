//! The loop of a server that can be shut down. It accepts connections and runs a process for each. On a
//! shutdown it lets the running connections finish. It does not know any protocol.
//!
//! | type | what it is |
//! |---|---|
//! | [`Server`] | the loop |
//! | [`Handle`] | shuts it down from elsewhere |
//! | [`End`] | how it ended |
//! | [`Session`] | what a handler gets beside its connection |
//! | [`Peer`] | the address of a client |
//! | [`Problem`] | an error that did not end the server |
//! | [`Listener`] | sockets that a server can accept from |

mod listener;
#[cfg(not(feature = "tracing"))]
mod no_trace;
mod session;
// What the crate `tracing` is told; `no_trace` without that feature.
#[cfg(feature = "tracing")]
mod trace;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use std_net_runtime::process::{self, Event, Group, OwnedPermit, Semaphore};
use std_net_runtime::{Deadline, Notifier, is_notified};

pub use listener::{Listener, Peer};
#[cfg(not(feature = "tracing"))]
use no_trace as trace;
pub use session::{Outcome, Problem, Readable, Session};

/// The pause after an error of `accept` that may pass, such as too many descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// How long cancelled processes have to end.
const LAST: Duration = Duration::from_secs(1);

/// Accepts connections and runs a process for each, until it is shut down. Then it lets the running
/// connections finish until a deadline, and cancels the rest.
///
/// The processes of a server are a [`Group`]. A process that a handler spawns belongs to the group too,
/// and is cancelled with it.
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
/// // A real program uses the handle in its handler of Ctrl-C, or calls `shutdown_on_signals`.
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
    acceptors: usize,
    settings: Settings,
    /// The accept loops of the other listeners.
    others: Vec<Box<Accepting>>,
}

/// The settings of a [`Server`].
#[derive(Default)]
pub(crate) struct Settings {
    max_connections: Option<usize>,
    idle_timeout: Option<Duration>,
    on_error: Option<OnError>,
}

type OnError = Box<dyn Fn(Problem) + Send + Sync>;
/// A connection, the address of its client if that is needed, and its permit if there is a limit.
type Accepted<L> = (
    <L as Listener>::Connection,
    Option<Box<Peer>>,
    Option<OwnedPermit>,
);
type Accepting = dyn FnOnce(&Arc<State>) -> io::Result<()> + Send;

/// Shuts a [`Server`] down, from anywhere.
#[derive(Clone)]
pub struct Handle(Arc<State>);

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// How many connections were accepted.
    pub served: u64,
    /// How many of these had not finished by the deadline and were cancelled.
    pub cancelled: u64,
    /// How many of the cancelled ones had not ended a second later. They still run.
    pub left: u64,
}

pub(crate) struct State {
    begun: AtomicBool,
    /// When the running connections are cancelled; `None` before a shutdown.
    until: Mutex<Option<Deadline>>,
    /// The notifiers that end the accepts.
    notifiers: Mutex<Vec<Notifier>>,
    group: Group,
    running: AtomicUsize,
    served: AtomicU64,
    /// Notified when one of these has changed.
    changed: Event,
    settings: OnceLock<Settings>,
    /// One permit for each connection that may exist.
    limit: OnceLock<Arc<Semaphore>>,
}

impl Settings {
    /// Returns whether a problem is reported to the user or to `tracing`.
    #[inline]
    pub(crate) fn tells(&self) -> bool {
        trace::LISTENS || self.on_error.is_some()
    }
}

impl<L: Listener> Server<L> {
    /// Makes a server on this listener. It accepts nothing before [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// The error of making the listener's notifier, if there are too many descriptors.
    pub fn new(listener: L) -> io::Result<Server<L>> {
        let notifier = listener.notifier()?;
        Ok(Server {
            listener,
            handle: Handle(Arc::new(State {
                begun: AtomicBool::new(false),
                until: Mutex::new(None),
                notifiers: Mutex::new(vec![notifier]),
                group: Group::new(),
                running: AtomicUsize::new(0),
                served: AtomicU64::new(0),
                changed: Event::new(),
                settings: OnceLock::new(),
                limit: OnceLock::new(),
            })),
            acceptors: 1,
            settings: Settings::default(),
            others: Vec::new(),
        })
    }

    /// Returns the handle that shuts the server down.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Limits the number of connections that exist at the same time, over all listeners. At the limit
    /// the server accepts nothing until a connection ends. New clients wait in the listener's queue
    /// meanwhile.
    ///
    /// # Panics
    ///
    /// If `connections` is 0.
    pub fn max_connections(mut self, connections: usize) -> Server<L> {
        assert!(connections > 0, "max_connections must not be 0");
        self.settings.max_connections = Some(connections);
        self
    }

    /// Limits how long a connection may wait for its next request. After this time
    /// [`Session::wait_readable`] returns false. It also becomes the read timeout of every connection.
    /// So in a handler that does not use sessions, a read for which nothing came in time fails with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// # Panics
    ///
    /// If `timeout` is zero.
    pub fn idle_timeout(mut self, timeout: Duration) -> Server<L> {
        assert!(!timeout.is_zero(), "the idle timeout must not be zero");
        self.settings.idle_timeout = Some(timeout);
        self
    }

    /// Sets a function for errors that do not end the server: an accept that failed, an error that a
    /// handler returned, a panic. Without it these errors are dropped. The function runs in the process
    /// in which the error happened: that of the connection or of the accept. If the function itself
    /// panics, the server goes on. For example, `eprintln!` panics if the standard error is a pipe that
    /// nobody reads any more.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net::server::Server;
    /// use std_net::socket::{TcpListener, TcpStream};
    ///
    /// let server = Server::new(TcpListener::bind("127.0.0.1:8080")?)?
    ///     .max_connections(10_000)
    ///     .on_error(|problem| eprintln!("{problem}"));
    /// server.run(|stream| stream.write_string("hello\n"))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn on_error(mut self, on_error: impl Fn(Problem) + Send + Sync + 'static) -> Server<L> {
        self.settings.on_error = Some(Box::new(on_error));
        self
    }

    /// Sets how many processes accept on this listener, 1 by default. A connection is served on the
    /// worker that accepted it. So with several acceptors, connections are served on several workers at
    /// once.
    ///
    /// # Panics
    ///
    /// If `acceptors` is 0.
    pub fn acceptors(mut self, acceptors: usize) -> Server<L> {
        assert!(acceptors > 0, "acceptors must not be 0");
        self.acceptors = acceptors;
        self
    }

    /// Serves another listener too, of any kind, with its own handler. Both share the limit, the handle
    /// and the end.
    ///
    /// # Errors
    ///
    /// The error of making the listener's notifier, if there are too many descriptors.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net::server::Server;
    /// use std_net::socket::{TcpListener, TcpStream};
    /// use std_net::unix::UnixListener;
    ///
    /// let server = Server::new(TcpListener::bind("127.0.0.1:8080")?)?
    ///     .also(UnixListener::bind("/run/hello.sock")?, |stream, session| {
    ///         stream.write_string("hello from near by\n")
    ///     })?;
    /// server.run(|stream| stream.write_string("hello\n"))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn also<M: Listener, R: Outcome + 'static>(
        mut self,
        listener: M,
        serve: impl Fn(M::Connection, &Session) -> R + Send + Sync + 'static,
    ) -> io::Result<Server<L>> {
        let notifier = listener.notifier()?;
        lock(&self.handle.0.notifiers).push(notifier);
        let (serve, place) = (Arc::new(serve), Location::caller());
        self.others.push(Box::new(move |state| {
            state.accept(&listener, &serve, true, place)
        }));
        Ok(self)
    }

    /// Accepts until [`Handle::shutdown`], and runs `serve` for every connection in a process of its
    /// own. An error that `serve` returns goes to [`on_error`](Self::on_error), and a panic ends only
    /// that connection. If an accept fails for a reason that may pass, it is tried again. Examples are
    /// too many descriptors, and a connection that was gone before it was accepted.
    ///
    /// It returns when all connections have ended. It closes the listener before that, so clients in
    /// its queue are refused, unless another OS process shares the listener.
    ///
    /// If the process that runs this is cancelled, the server ends too. Before a shutdown it ends with
    /// an error. After a shutdown it ends as if the deadline had come. It does not wait for the
    /// connections that it cancels then.
    ///
    /// `serve` may return `()` or a result with any error. So a closure that uses `?` says which:
    /// `|stream| -> io::Result<()> { ... }`.
    ///
    /// # Errors
    ///
    /// The error of an accept that will not pass, for example because the listener was shut down. It
    /// does not wait for the running connections then.
    #[track_caller]
    pub fn run<R: Outcome + 'static>(
        self,
        serve: impl Fn(L::Connection) -> R + Send + Sync + 'static,
    ) -> io::Result<End> {
        // Only the report of a problem needs the address of the client.
        let peers = self.settings.tells();
        let serve = move |connection, _: &Session| serve(connection);
        self.serve(peers, Location::caller(), serve)
    }

    /// Like [`run`](Self::run), but the handler also gets a [`Session`]. It has the address of the
    /// client and tells whether a shutdown has begun. When it begins, [`Session::wait_readable`] stops
    /// waiting for the next request.
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Self::run).
    #[track_caller]
    pub fn run_with<R: Outcome + 'static>(
        self,
        serve: impl Fn(L::Connection, &Session) -> R + Send + Sync + 'static,
    ) -> io::Result<End> {
        self.serve(true, Location::caller(), serve)
    }

    fn serve<R: Outcome + 'static>(
        self,
        peers: bool,
        place: &'static Location<'static>,
        serve: impl Fn(L::Connection, &Session) -> R + Send + Sync + 'static,
    ) -> io::Result<End> {
        let state = &self.handle.0;
        if let Some(connections) = self.settings.max_connections {
            let _ = state.limit.set(Arc::new(Semaphore::new(connections)));
        }
        // This succeeds, because a server runs only once.
        let _ = state.settings.set(self.settings);
        let (listener, serve) = (Arc::new(self.listener), Arc::new(serve));
        let mut loops = self.others;
        for _ in 1..self.acceptors {
            let (listener, serve) = (Arc::clone(&listener), Arc::clone(&serve));
            loops.push(Box::new(move |state| {
                state.accept(&*listener, &serve, peers, place)
            }));
        }
        let failed = Arc::new(Mutex::new(None));
        let mut helpers = Vec::new();
        let mut result = Ok(());
        for accepting in loops {
            let (state, failed) = (Arc::clone(state), Arc::clone(&failed));
            let helper = move || {
                let _end = EndAccepts(&state);
                if let Err(error) = accepting(&state) {
                    lock(&failed).get_or_insert(error);
                }
            };
            let builder = process::Builder::new().name("accept").detached();
            let builder = builder.spawned_at(place);
            // The spawn must not happen in this process, so that the new process goes to the worker
            // that has the fewest.
            match process::blocking(|| builder.spawn(helper)) {
                Ok(helper) => helpers.push(helper),
                Err(error) => result = Err(error),
            }
        }
        let end = EndAccepts(state);
        if result.is_ok() {
            result = state.accept(&*listener, &serve, peers, place);
        }
        drop(end);
        for helper in helpers {
            // It has left its error in `failed`. A panic ends this server too.
            helper.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        drop(listener);
        result?;
        if let Some(error) = lock(&failed).take() {
            return Err(error);
        }
        Ok(state.drain())
    }
}

impl Handle {
    /// Stops accepting, and gives the running connections until `deadline` (a duration from now, or an
    /// instant) to finish. Then they are cancelled, so that their waits fail. Connections that wait for
    /// the next request in [`Session::wait_readable`] return at once. After several calls the earliest
    /// deadline counts: a second Ctrl-C can end everything at once.
    ///
    /// Do not call it in a signal handler, because it takes a lock. Call it in a thread that waits for
    /// signals.
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
        state.begun.store(true, Ordering::SeqCst);
        state.end_accepts();
        state.changed.notify_all();
        // The processes of the group then check whether a shutdown has begun.
        state.group.wake();
    }

    /// Shuts the server down at Ctrl-C or `SIGTERM`. The running connections get the time `grace` after
    /// the first signal. A second signal ends them at once. Needs the feature `signals`.
    ///
    /// # Errors
    ///
    /// The errors of [`signals::ctrl_c`](crate::signals::ctrl_c).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use std_net::server::Server;
    /// use std_net::socket::TcpListener;
    ///
    /// let server = Server::new(TcpListener::bind("127.0.0.1:8080")?)?;
    /// server.handle().shutdown_on_signals(Duration::from_secs(10))?;
    /// server.run(|stream| stream.write_string("hello\n"))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "signals")]
    pub fn shutdown_on_signals(&self, grace: Duration) -> io::Result<()> {
        let signals = crate::signals::ctrl_c()?;
        let handle = self.clone();
        let until = std::thread::Builder::new().name("std_net-shutdown".into());
        until.spawn(move || {
            let mut grace = grace;
            for _ in signals {
                handle.shutdown(grace);
                grace = Duration::ZERO;
            }
        })?;
        Ok(())
    }

    /// Returns whether a shutdown has begun.
    #[must_use]
    pub fn is_shutdown_begun(&self) -> bool {
        self.0.is_begun()
    }

    /// Returns how many connections exist now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::SeqCst)
    }
}

impl State {
    #[inline]
    pub(crate) fn is_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    pub(crate) fn settings(&self) -> &Settings {
        self.settings.get_or_init(Settings::default)
    }

    pub(crate) fn idle_timeout(&self) -> Option<Duration> {
        self.settings().idle_timeout
    }

    fn report(&self, problem: impl FnOnce() -> Problem) {
        if self.settings().tells() {
            let problem = problem();
            trace::problem(&problem);
            if let Some(on_error) = &self.settings().on_error {
                // Even `eprintln!` panics if nobody reads the standard error any more. The panic was reported by
                // its hook, and the server goes on.
                let _ = catch_unwind(AssertUnwindSafe(|| on_error(problem)));
            }
        }
    }

    /// Ends all accepts.
    fn end_accepts(&self) {
        for notifier in &*lock(&self.notifiers) {
            notifier.notify();
        }
        if let Some(limit) = self.limit.get() {
            // Wake all acceptors that wait for a permit.
            limit.add_permits(1 << 16);
        }
    }

    /// Runs the loop of one acceptor. `place` is where the user has asked for it.
    fn accept<L: Listener, R: Outcome + 'static>(
        self: &Arc<State>,
        listener: &L,
        serve: &Arc<impl Fn(L::Connection, &Session) -> R + Send + Sync + 'static>,
        peers: bool,
        place: &'static Location<'static>,
    ) -> io::Result<()> {
        loop {
            let accepted = if let Some(limit) = self.limit.get() {
                self.accept_limited(listener, limit)
            } else if peers {
                listener
                    .accept_from()
                    .map(|(connection, peer)| (connection, Some(Box::new(peer)), None))
            } else {
                listener.accept().map(|connection| (connection, None, None))
            };
            match accepted {
                Ok((connection, peer, permit)) => {
                    let session = self.session(peer, permit);
                    if let Some(timeout) = self.idle_timeout()
                        && let Err(error) = L::set_idle_timeout(&connection, timeout)
                    {
                        self.report(|| Problem::Accept(error));
                        continue;
                    }
                    self.start(connection, session, serve, place);
                }
                Err(e) if is_notified(&e) => return Ok(()),
                // It concerned one connection, and that one is gone.
                Err(e) if is_of_connection(&e) => self.report(|| Problem::Accept(e)),
                Err(e) if may_pass(&e) => {
                    self.report(|| Problem::Accept(e));
                    let begun = || self.is_begun().then_some(());
                    self.changed.wait_deadline(begun, PAUSE);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Accepts the next connection when fewer than `limit` exist. A permit is held only for a connection.
    /// An acceptor that held one while it waits for a client would take it from the other acceptors.
    fn accept_limited<L: Listener>(
        &self,
        listener: &L,
        limit: &Arc<Semaphore>,
    ) -> io::Result<Accepted<L>> {
        loop {
            let permit = limit.acquire_owned_deadline(Deadline::NEVER)?;
            match listener.try_accept_from() {
                Ok((connection, peer)) => {
                    return Ok((connection, Some(Box::new(peer)), Some(permit)));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
            drop(permit);
            listener.wait_acceptable()?;
        }
    }

    fn session(self: &Arc<State>, peer: Option<Box<Peer>>, permit: Option<OwnedPermit>) -> Session {
        self.served.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::SeqCst);
        Session {
            state: Arc::clone(self),
            peer,
            permit,
        }
    }

    fn start<C: Send + 'static, R: Outcome + 'static>(
        self: &Arc<State>,
        connection: C,
        session: Session,
        serve: &Arc<impl Fn(C, &Session) -> R + Send + Sync + 'static>,
        place: &'static Location<'static>,
    ) {
        let serve = Arc::clone(serve);
        // If there is no memory for a process, the connection is closed.
        let peer = session.peer.clone();
        let builder = process::Builder::new().group(&self.group);
        let spawned = builder.spawned_at(place).spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| serve(connection, &session)));
            match outcome {
                Ok(outcome) => session.report(outcome),
                Err(panic) => {
                    session.report_panic(&*panic);
                    drop(session);
                    resume_unwind(panic);
                }
            }
        });
        if let Err(error) = spawned {
            self.report(|| Problem::Spawn {
                peer: session::known(peer),
                error,
            });
        }
    }

    /// Called when a connection has ended.
    fn ended(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
        // Before a shutdown no caller waits for this.
        if self.is_begun() {
            self.changed.notify_all();
        }
    }

    fn drain(&self) -> End {
        let running = || self.running.load(Ordering::SeqCst);
        // Another call may set an earlier deadline meanwhile.
        loop {
            let until = (*lock(&self.until)).unwrap_or_else(|| Instant::now().into());
            let ended = self.changed.wait_deadline(
                || {
                    let moved = *lock(&self.until) != Some(until);
                    (moved || running() == 0).then_some(moved)
                },
                until,
            );
            if ended != Some(true) {
                break;
            }
        }
        let late = running();
        // This also cancels processes that were spawned by a handler which has ended.
        self.group.cancel();
        let empty = || (running() == 0).then_some(());
        let _ = self.changed.wait_deadline(empty, LAST);
        End {
            served: self.served.load(Ordering::Relaxed),
            cancelled: late as u64,
            left: running() as u64,
        }
    }
}

/// Ends all accepts of a server when it is dropped, also by a panic.
struct EndAccepts<'a>(&'a State);

impl Drop for EndAccepts<'_> {
    fn drop(&mut self) {
        self.0.end_accepts();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether an accept failed because a client was gone before. Such an error takes its connection
/// out of the queue, so the next accept needs no pause: clients that end early must not delay the others.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ECONNABORTED | libc::EINTR | libc::EPROTO)
    )
}

/// Returns whether an accept can be tried again after a pause. `accept(2)` says that these errors come
/// from a shortage, from the network or from a firewall.
fn may_pass(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EMFILE
                | libc::ENFILE
                | libc::ENOBUFS
                | libc::ENOMEM
                | libc::EPERM
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
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}
