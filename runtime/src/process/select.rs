//! [`select!`](crate::process::select): a wait for the first of several things.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use async_channel::Recv;

use crate::deadline::{Deadline, Nanos};
use crate::interest::Interest;
use crate::io::AsIo;
use crate::process::channel::{Parcel, Receiver, RecvError, oneshot};
use crate::process::future::wait_for;
use crate::process::{JoinHandle, ScopedJoinHandle};
use crate::reactor::source::Entry;
use crate::runtime;
use crate::sched::park::Unparker;
use crate::sched::stop::{self, Stopped};
use crate::sched::task;

/// Waits for the first of several things, and runs the code of its arm.
///
/// | arm | waits for | the value |
/// |---|---|---|
/// | `recv(receiver)` | a value in a [channel](crate::process::channel), or its end | `Result<T, RecvError>` |
/// | `join(handle)` | the end of a process; the handle can be joined then | `()` |
/// | `readable(socket)` | something to read, a connection to accept, or the end | `io::Result<()>` |
/// | `writable(socket)` | room to send | `io::Result<()>` |
/// | `after(deadline)` | a duration from now, or an instant | `()` |
/// | `future(future)` | a future | its output |
///
/// If several have come, the first arm in this order is taken. A value is taken from a channel only with its arm, so
/// the other arms lose nothing. The expressions in parentheses are evaluated once, before the wait. The wait parks the
/// process, or blocks the thread.
///
/// The result is a [`Result`]. It is the value of the arm, or a [`Stopped`] if the process was cancelled or its own
/// deadline has passed. In a function that returns an [`io::Result`], `?` passes it on.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use std_net::process::{self, Stopped, channel};
///
/// let (sender, lines) = channel::bounded(1);
/// let worker = process::spawn(move || {
///     for n in 0..3 {
///         sender.send(n).unwrap();
///     }
/// });
/// let mut sum = 0;
/// loop {
///     process::select! {
///         recv(lines) -> line => match line {
///             Ok(n) => sum += n,
///             Err(_) => break, // the channel is closed
///         },
///         after(Duration::from_secs(60)) => panic!("nothing came for a minute"),
///     }?;
/// }
/// process::select! {
///     join(worker) => worker.join().unwrap(),
/// }?;
/// assert_eq!(sum, 3);
/// # Ok::<(), Stopped>(())
/// ```
#[macro_export]
macro_rules! select {
    ($($arms:tt)+) => {
        match $crate::process::__case::select($crate::__select_cases!($($arms)+)) {
            ::std::result::Result::Ok(__chosen) => {
                ::std::result::Result::Ok($crate::__select_run!(__chosen; $($arms)+))
            }
            ::std::result::Result::Err(__stopped) => ::std::result::Result::Err(__stopped),
        }
    };
}

/// The cases of the arms, each with the rest behind it.
#[macro_export]
#[doc(hidden)]
macro_rules! __select_cases {
    ($kind:ident($source:expr) $(-> $value:pat)? => $body:expr $(,)?) => {
        $crate::__select_case!($kind $source)
    };
    ($kind:ident($source:expr) $(-> $value:pat)? => $body:expr, $($rest:tt)+) => {
        $crate::process::__case::Either(
            $crate::__select_case!($kind $source),
            $crate::__select_cases!($($rest)+),
        )
    };
}

/// One case. A receiver, handle or socket is borrowed, and a value is moved.
#[macro_export]
#[doc(hidden)]
macro_rules! __select_case {
    (after $source:expr) => {
        $crate::process::__case::after($source)
    };
    (future $source:expr) => {
        $crate::process::__case::future($source)
    };
    ($kind:ident $source:expr) => {
        $crate::process::__case::$kind(&$source)
    };
}

/// Runs the arm whose case has come.
#[macro_export]
#[doc(hidden)]
macro_rules! __select_run {
    ($chosen:ident; $kind:ident($source:expr) => $body:expr $(,)?) => {{
        let _ = $chosen;
        $body
    }};
    ($chosen:ident; $kind:ident($source:expr) -> $value:pat => $body:expr $(,)?) => {{
        let $value = $chosen;
        $body
    }};
    ($chosen:ident; $kind:ident($source:expr) $(-> $value:pat)? => $body:expr, $($rest:tt)+) => {
        match $chosen {
            $crate::process::__case::Chosen::First(__first) => {
                $crate::__select_run!(__first; $kind($source) $(-> $value)? => $body)
            }
            $crate::process::__case::Chosen::Rest(__rest) => {
                $crate::__select_run!(__rest; $($rest)+)
            }
        }
    };
}

/// Something that `select!` can wait for.
#[doc(hidden)]
pub trait Case {
    type Output;

    /// The time at which this case comes at the latest.
    fn deadline(&self) -> Deadline {
        Deadline::NEVER
    }

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output>;
}

/// Waits for the first case.
#[doc(hidden)]
pub fn select<C: Case>(case: C) -> Result<C::Output, Stopped> {
    let mut case = pin!(case);
    let until = Nanos::from_deadline(case.deadline());
    loop {
        let next = std::future::poll_fn(|context| case.as_mut().poll(context));
        match wait_for(next, until, true) {
            Ok(chosen) => return Ok(chosen),
            // The time of a case has come. The case reports that when it is polled again.
            Err(Stopped::TimedOut) if stop::current().is_none() => {}
            Err(stopped) => return Err(stopped),
        }
    }
}

/// A case and the cases behind it.
#[derive(Debug)]
#[doc(hidden)]
pub struct Either<A, B>(pub A, pub B);

/// Which of the two has come.
#[derive(Debug)]
#[doc(hidden)]
pub enum Chosen<A, B> {
    First(A),
    Rest(B),
}

impl<A: Case, B: Case> Case for Either<A, B> {
    type Output = Chosen<A::Output, B::Output>;

    fn deadline(&self) -> Deadline {
        self.0.deadline().min(self.1.deadline())
    }

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: neither part is moved out of the pinned value: only pinned references to them are made. The type has
        // neither a `Drop` nor its own `Unpin`.
        let (first, rest) = unsafe {
            let both = self.get_unchecked_mut();
            (
                Pin::new_unchecked(&mut both.0),
                Pin::new_unchecked(&mut both.1),
            )
        };
        if let Poll::Ready(value) = first.poll(context) {
            return Poll::Ready(Chosen::First(value));
        }
        rest.poll(context).map(Chosen::Rest)
    }
}

#[doc(hidden)]
pub fn recv<R: Receives>(receiver: &R) -> Receiving<'_, R::Value> {
    Receiving(receiver.receiver().inner().recv())
}

/// A receiver that the arm `recv` accepts.
#[doc(hidden)]
pub trait Receives {
    type Value;

    fn receiver(&self) -> &Receiver<Self::Value>;
}

impl<T> Receives for Receiver<T> {
    type Value = T;

    fn receiver(&self) -> &Receiver<T> {
        self
    }
}

impl<T> Receives for oneshot::Receiver<T> {
    type Value = T;

    fn receiver(&self) -> &Receiver<T> {
        &self.0
    }
}

#[doc(hidden)]
pub struct Receiving<'a, T>(Recv<'a, Parcel<T>>);

impl<T> Case for Receiving<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the only field is pinned together with this value, as in `Either`.
        let recv = unsafe { self.map_unchecked_mut(|this| &mut this.0) };
        recv.poll(context)
            .map(|received| received.map(Parcel::open).map_err(|_| RecvError::Closed))
    }
}

#[doc(hidden)]
pub fn future<F: Future>(future: F) -> Driving<F> {
    Driving(future)
}

#[doc(hidden)]
pub struct Driving<F>(F);

impl<F: Future> Case for Driving<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the only field is pinned together with this value, as in `Either`.
        unsafe { self.map_unchecked_mut(|this| &mut this.0) }.poll(context)
    }
}

#[doc(hidden)]
pub fn after(deadline: impl Into<Deadline>) -> After {
    After(deadline.into())
}

#[doc(hidden)]
pub struct After(Deadline);

impl Case for After {
    type Output = ();

    fn deadline(&self) -> Deadline {
        self.0
    }

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if Nanos::from_deadline(self.0).has_passed() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// A handle that can be joined.
#[doc(hidden)]
pub trait Joinable {
    fn is_done(&self) -> bool;
    fn wake_at_end(&self, waker: &Waker);
}

macro_rules! joinable {
    ($type:ty) => {
        impl<T> Joinable for $type {
            fn is_done(&self) -> bool {
                self.packet.is_done()
            }

            fn wake_at_end(&self, waker: &Waker) {
                self.packet.set_joiner(Unparker::Waker(waker.clone()));
            }
        }
    };
}

joinable!(JoinHandle<T>);
joinable!(ScopedJoinHandle<'_, T>);

#[doc(hidden)]
pub fn join<J: Joinable>(handle: &J) -> Joining<'_, J> {
    Joining(handle)
}

#[doc(hidden)]
pub struct Joining<'a, J>(&'a J);

impl<J: Joinable> Case for Joining<'_, J> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.0.is_done() {
            self.0.wake_at_end(context.waker());
            // An end between the check and the registration would not wake this waker, so it checks again.
            if !self.0.is_done() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }
}

#[doc(hidden)]
pub fn readable<S: AsIo>(socket: &S) -> Ready<'_, S> {
    Ready::new(socket, Interest::Read)
}

#[doc(hidden)]
pub fn writable<S: AsIo>(socket: &S) -> Ready<'_, S> {
    Ready::new(socket, Interest::Write)
}

#[doc(hidden)]
pub struct Ready<'a, S> {
    socket: &'a S,
    interest: Interest,
    entered: Option<(Waker, Entry)>,
}

impl<'a, S: AsIo> Ready<'a, S> {
    fn new(socket: &'a S, interest: Interest) -> Ready<'a, S> {
        Ready {
            socket,
            interest,
            entered: None,
        }
    }

    fn look(&mut self, waker: &Waker) -> io::Result<bool> {
        let io = self.socket.as_io();
        // This check comes before the registration, because usually nothing more is needed.
        if io.is_ready(self.interest)? {
            return Ok(true);
        }
        let entered = self.entered.as_ref();
        if !entered.is_some_and(|(with, _)| with.will_wake(waker)) {
            self.entered = None;
            let worker = match task::current() {
                Some(task) => task.worker(),
                // A plain thread has no reactor.
                None => runtime::get()?.workers()[0],
            };
            let entry = io.register_waker(worker, self.interest, waker.clone())?;
            self.entered = Some((waker.clone(), entry));
            // An event before the registration has woken no waiter, so it checks again.
            return io.is_ready(self.interest);
        }
        // Another case has woken it, or an event that was not for this direction: the request is used up.
        io.rearm()?;
        Ok(false)
    }
}

impl<S: AsIo> Case for Ready<'_, S> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.look(context.waker()) {
            Ok(false) => Poll::Pending,
            Ok(true) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}
