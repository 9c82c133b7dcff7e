//! The result of a process, on its way to the caller that joins it.

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::deadline::{Deadline, Nanos};
use crate::process::scope::ScopeState;
use crate::sched::info::{Info, ProcessId};
use crate::sched::park::{self, Unparker};
use crate::sched::stop::{self, Stopped};
use crate::sched::task::Waiting;
use crate::sys::lock::Lock;
use crate::sys::tell::tell;

/// The state that the process and its handle share.
pub(crate) struct Packet<T> {
    result: UnsafeCell<Option<thread::Result<T>>>,
    done: AtomicBool,
    joiner: Lock<Option<Unparker>>,
    scope: Option<Arc<ScopeState>>,
}

// SAFETY: the process writes `result` before it sets `done` with Release. The only owner of the handle takes `result`
// after it has seen `done`. The value moves from one thread to the other, so T must be Send.
unsafe impl<T: Send> Sync for Packet<T> {}
// SAFETY: the reason is the same as for Sync.
unsafe impl<T: Send> Send for Packet<T> {}

impl<T> Packet<T> {
    pub(crate) fn new(scope: Option<Arc<ScopeState>>) -> Arc<Packet<T>> {
        Arc::new(Packet {
            result: UnsafeCell::new(None),
            done: AtomicBool::new(false),
            joiner: Lock::new(None),
            scope,
        })
    }

    /// The process calls this once. It does not use the packet after that.
    pub(crate) fn finish(self: Arc<Packet<T>>, result: thread::Result<T>) {
        // SAFETY: `done` is not set, so the process is the only user.
        unsafe { *self.result.get() = Some(result) };
        self.done.store(true, Ordering::SeqCst);
        let joiner = self.joiner.lock().take();
        // The scope may end as soon as this packet is dropped, so it is dropped before the joiner wakes.
        drop(self);
        if let Some(joiner) = joiner {
            joiner.unpark();
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::SeqCst)
    }

    /// Waits for the end of the process and takes its result. Only the owner of the handle may call this.
    pub(crate) fn join(self: Arc<Packet<T>>) -> thread::Result<T> {
        self.wait(Nanos::NEVER, || None)
            .expect("nothing but the end of the process ends this wait");
        self.take()
    }

    /// Waits for the end of the process, until `until`, or until `stopped` returns a reason.
    pub(crate) fn wait(
        &self,
        until: Nanos,
        stopped: impl Fn() -> Option<Stopped>,
    ) -> Result<(), Stopped> {
        park::wait_until(Waiting::Join, until, stopped, || {
            if !self.is_done() {
                self.set_joiner(park::unparker());
            }
            self.is_done().then_some(())
        })
    }

    /// Registers the waiter that the end of the process wakes.
    pub(crate) fn set_joiner(&self, joiner: Unparker) {
        *self.joiner.lock() = Some(joiner);
    }

    /// Takes the result of a process that has ended. Only the owner of the handle may call this.
    pub(crate) fn take(self: Arc<Packet<T>>) -> thread::Result<T> {
        assert!(self.is_done(), "the process has not ended");
        // SAFETY: `done` is set, so the process no longer uses the result, and the handle was consumed.
        let result = unsafe { (*self.result.get()).take() };
        result.expect("a finished process has a result")
    }
}

impl<T> Drop for Packet<T> {
    fn drop(&mut self) {
        // As in std, a panic that no caller joins makes the scope panic. If the drop of a result panics, it cannot be
        // reported anywhere.
        let result = self.result.get_mut();
        let unhandled_panic = matches!(result, Some(Err(_)));
        if catch_unwind(AssertUnwindSafe(|| *result = None)).is_err() {
            tell(format_args!(
                "std_net: a process's result panicked when it was dropped"
            ));
            std::process::abort();
        }
        if let Some(scope) = &self.scope {
            scope.end_one(unhandled_panic);
        }
    }
}

/// An owned permission to wait for the end of a process and to take its result, like [`std::thread::JoinHandle`].
/// Dropping it detaches the process, which goes on.
///
/// # Examples
///
/// ```
/// use std_net::process;
///
/// let handle = process::spawn(|| 2 + 2);
/// assert_eq!(handle.join().unwrap(), 4);
/// ```
pub struct JoinHandle<T> {
    pub(crate) packet: Arc<Packet<T>>,
    pub(crate) process: Process,
}

impl<T> JoinHandle<T> {
    /// Waits for the process to end and returns its result. It parks the calling process, or blocks the thread. A
    /// cancel does not end this wait. Instead, cancel the process that is joined, or use
    /// [`join_deadline`](Self::join_deadline).
    ///
    /// While a panic unwinds, every wait blocks the worker's thread. So do not join in a destructor that may run then,
    /// because a process that has begun on the same worker could not go on. A scope is safe there.
    ///
    /// # Errors
    ///
    /// The payload of the panic, if the process panicked.
    pub fn join(self) -> thread::Result<T> {
        self.packet.join()
    }

    /// Waits for the end of the process, but at most until the deadline. It also stops if the calling process is
    /// cancelled or its own deadline passes.
    ///
    /// # Errors
    ///
    /// The handle, so that it can be joined again, and the reason why the wait stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use std_net::process::{self, Stopped};
    ///
    /// let sleeper = process::spawn(|| process::sleep(Duration::MAX));
    /// let (sleeper, why) = sleeper.join_deadline(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(why, Stopped::TimedOut);
    /// sleeper.cancel();
    /// sleeper.join().unwrap();
    /// ```
    pub fn join_deadline(
        self,
        deadline: impl Into<Deadline>,
    ) -> Result<thread::Result<T>, (JoinHandle<T>, Stopped)> {
        match self
            .packet
            .wait(Nanos::from_deadline(deadline.into()), stop::current)
        {
            Ok(()) => Ok(self.packet.take()),
            Err(stopped) => Err((self, stopped)),
        }
    }

    /// Whether the process has ended. Then [`join`](Self::join) does not wait.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.packet.is_done()
    }

    /// Cancels the process. See [`Process::cancel`].
    pub fn cancel(&self) {
        self.process.cancel();
    }

    /// The process of this handle, like [`std::thread::JoinHandle::thread`].
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

/// A handle to a process, like [`std::thread::Thread`]. It identifies the process and can cancel it.
#[derive(Clone)]
pub struct Process {
    pub(crate) info: Arc<Info>,
}

impl Process {
    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.info.id
    }

    /// The name given to [`Builder::name`](crate::process::Builder::name).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.info.name()
    }

    /// Asks the process to end, and all that belong to it: the processes of its scopes, and also those that it has
    /// spawned, if it has a deadline or belongs to a [`Group`](crate::process::Group). Its present wait and all later
    /// waits on sockets, channels and sleeps fail or return early. Nothing is destroyed from outside: the process ends
    /// when its code passes the error on, and its values are dropped as usual.
    ///
    /// A socket operation that has to wait fails with an error for which [`is_cancelled`](crate::process::is_cancelled)
    /// is true (`ECANCELED`). An operation that need not wait still succeeds. For joins, locks and futures, a cancel
    /// ends only the waits that can report it: `join_deadline`, `lock_deadline`,
    /// [`block_on_deadline`](crate::process::block_on_deadline) and similar ones.
    pub fn cancel(&self) {
        self.info.stop(Stopped::Cancelled);
    }

    /// Whether the process was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.info.is_cancelled()
    }

    /// The deadline of the process: its own, or an earlier one of a process to which it belongs.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.info.deadline().to_instant().into()
    }

    /// Wakes the process from its wait, so that it looks again.
    #[doc(hidden)]
    pub fn wake(&self) {
        self.info.wake();
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
