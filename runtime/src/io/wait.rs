//! The one loop: [`Io::perform`] makes an attempt and waits until another attempt makes sense. A process parks, and a
//! plain thread blocks. There is no other wait loop.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use libc::c_int;

use super::Io;
use super::halves::Reader;
use super::mode::Shared;
use crate::deadline::{Deadline, Nanos};
use crate::interest::{Interest, Wait};
use crate::io::notify::notified;
use crate::reactor::source::{Source, waiting_for};
use crate::sched::park::{self, Unparker};
use crate::sched::stop;
use crate::sched::task::{self, Task};
use crate::sys::wake_fd::WakeFd;
use crate::sys::{Reactor, SENDS_HEED_DONTWAIT, poll};
use crate::wake::Seen;

impl Io {
    /// Runs `attempt` until its result is not `WouldBlock`. In between it waits: a process parks, and a plain thread
    /// blocks.
    ///
    /// `attempt` makes one system call. With [`Wait::Never`] this call must not block.
    ///
    /// # Errors
    ///
    /// The first error of `attempt` other than `WouldBlock`. [`TimedOut`](io::ErrorKind::TimedOut) once the deadline
    /// has passed. `WouldBlock` if the user made the socket non-blocking, or if a timeout of `set_read_timeout` or
    /// `set_write_timeout` has passed, as std reports it.
    #[inline]
    pub fn perform<T>(
        &self,
        interest: Interest,
        attempt: impl FnMut(Wait) -> io::Result<T>,
    ) -> io::Result<T> {
        self.run(
            interest,
            Reader::User,
            Nanos::NEVER,
            attempt,
            |_| false,
            || false,
        )
    }

    /// `perform` with a deadline for this call only. The earlier of this deadline and the handle's counts.
    pub(super) fn perform_deadline<T>(
        &self,
        interest: Interest,
        reader: Reader,
        deadline: Deadline,
        attempt: impl FnMut(Wait) -> io::Result<T>,
    ) -> io::Result<T> {
        let until = Nanos::from_deadline(deadline);
        self.run(interest, reader, until, attempt, |_| false, || false)
    }

    /// `perform_deadline` with two more questions. `emptied` says whether a result means that nothing is left in that
    /// direction. `stop` says whether to end as if notified. It is asked whenever the process is woken. `reader` has no
    /// meaning for writes.
    #[inline(always)]
    pub(super) fn run<T>(
        &self,
        interest: Interest,
        reader: Reader,
        until: Nanos,
        mut attempt: impl FnMut(Wait) -> io::Result<T>,
        emptied: impl FnOnce(&T) -> bool,
        stop: impl Fn() -> bool,
    ) -> io::Result<T> {
        let task = task::current();
        let mut turn = Turn::new(Wait::Never);
        if task.is_none() && until == Nanos::NEVER {
            turn.how = self.how_on_thread();
        }
        self.prepare_attempts(interest, turn.how)?;
        loop {
            if stop() {
                return Err(notified());
            }
            // Most sockets have nothing more to check.
            let plain = until == Nanos::NEVER && self.is_plain();
            if !plain {
                self.begin_turn(&mut turn, interest, reader, until)?;
            }
            if let Some(task) = task {
                task.spend();
            }
            let seen = self.source.get().map(|s| (s, s.readiness(interest)));
            // Without any hint, make an attempt. The source may not be watched yet, a plain thread asks the kernel
            // itself, and some reactors do not report a hang-up.
            let hopeful = task.is_none()
                || (Reactor::REPORTS_ONCE && interest == Interest::Hangup)
                || seen.is_none_or(|(_, seen)| seen.allows());
            if hopeful || turn.last_try || turn.pauses > 0 {
                match attempt(turn.how) {
                    Ok(done) => {
                        if let Some((source, seen)) = seen
                            && seen.is_open()
                            && emptied(&done)
                        {
                            source.clear(interest, seen);
                        }
                        return Ok(done);
                    }
                    Err(e) => {
                        if self.after_error(&mut turn, interest, seen, e)? {
                            continue;
                        }
                    }
                }
            }
            // A reactor that reports once tells of the same data again and again: `end_turn` pauses then.
            let told = Reactor::REPORTS_ONCE && turn.waited;
            if plain
                && !told
                && interest == Interest::Read
                && let Some(task) = park::suspendable()
            {
                if Reactor::REPORTS_ONCE {
                    turn.waited = true;
                }
                // This is the usual case: only an event can end this wait.
                self.park(task, interest, || self.is_plain().then_some(Nanos::NEVER))?;
            } else {
                self.end_turn(&mut turn, interest, until)?;
            }
        }
    }

    /// If the system has no flag that makes a send return at once, the descriptor is set to `O_NONBLOCK`.
    #[inline(always)]
    pub(super) fn prepare_attempts(&self, interest: Interest, how: Wait) -> io::Result<()> {
        if !SENDS_HEED_DONTWAIT && interest == Interest::Write && how == Wait::Never {
            self.force_nonblocking(interest)?;
        }
        Ok(())
    }

    /// How a plain thread makes an attempt. The kernel knows the mode and the timeouts, so usually this is one system
    /// call, as in std.
    fn how_on_thread(&self) -> Wait {
        if self.deadline.get() == Nanos::NEVER && !self.must_poll() {
            Wait::InKernel
        } else {
            Wait::Never
        }
    }

    /// Whether the kernel does the waiting for an operation with this deadline.
    pub(super) fn waits_in_kernel(&self, deadline: Deadline) -> bool {
        task::current().is_none()
            && deadline == Deadline::NEVER
            && self.how_on_thread() == Wait::InKernel
    }

    /// Checks before an attempt on a socket that is not plain: whether it may be tried once more, and whether it may
    /// wait after that.
    ///
    /// # Errors
    ///
    /// An error if the deadline has passed, or if the wait was interrupted.
    #[cold]
    fn begin_turn(
        &self,
        turn: &mut Turn,
        interest: Interest,
        reader: Reader,
        until: Nanos,
    ) -> io::Result<()> {
        if turn.how == Wait::Never {
            match self.check_in_time(until) {
                Err(error)
                    if turn.waited
                        && error.kind() == io::ErrorKind::TimedOut
                        && self.short_reads.finds_unread(
                            self.source.get(),
                            interest,
                            self.fd.as_fd(),
                        )? =>
                {
                    return Ok(());
                }
                checked => checked?,
            }
            let timed_out = turn.call_end.is_some_and(Nanos::has_passed);
            turn.last_try = timed_out || self.user_nonblocking()?;
        }
        if interest == Interest::Read {
            self.check_half(reader)?;
        }
        Ok(())
    }

    /// Handles the error of an attempt. Returns whether to try again at once. If not, the attempt would have blocked,
    /// and the readiness from before it is used up.
    ///
    /// # Errors
    ///
    /// `error`, if it must go to the caller.
    #[cold]
    pub(super) fn after_error(
        &self,
        turn: &mut Turn,
        interest: Interest,
        seen: Option<(&'static Source, Seen)>,
        error: io::Error,
    ) -> io::Result<bool> {
        let error = unfinished(interest, error);
        if error.kind() != io::ErrorKind::WouldBlock {
            return Err(error);
        }
        if turn.last_try {
            // The caller gets this error, unless code outside has made the descriptor blocking meanwhile.
            let timed_out = turn.call_end.is_some_and(Nanos::has_passed);
            if turn.how == Wait::InKernel || timed_out || !self.is_shown() {
                return Err(error);
            }
            self.ask_kernel(interest)?;
            if self.user_nonblocking()? {
                return Err(error);
            }
            turn.last_try = false;
        }
        if turn.how == Wait::InKernel {
            // `O_NONBLOCK` is set on the descriptor. If a process has just set it for its own wait, the call is made
            // again without waiting in the kernel. If code outside has set it, the caller gets the error.
            if self.is_shown() {
                self.ask_kernel(interest)?;
            }
            if self.user_nonblocking()? || !self.sock().nonblocking()? {
                return Err(error);
            }
            turn.how = Wait::Never;
            return Ok(true);
        }
        if interest == Interest::Read && self.is_read_shut()? {
            // The call cannot block any more, and it returns the end.
            turn.how = Wait::InKernel;
            turn.last_try = true;
            return Ok(true);
        }
        Ok(seen.is_some_and(|(source, seen)| !source.clear(interest, seen)))
    }

    /// Waits until any of the possible causes ends the wait.
    ///
    /// # Errors
    ///
    /// The errors of [`wait`](Self::wait).
    #[inline(never)]
    fn end_turn(&self, turn: &mut Turn, interest: Interest, until: Nanos) -> io::Result<()> {
        if turn.call_end.is_none() && !self.is_plain() {
            if self.is_shown() {
                // From here on the settings of code outside count too.
                self.ask_kernel(interest)?;
            }
            turn.call_end = Some(self.call_end(interest)?);
            if self.is_shown() && self.user_nonblocking()? {
                // The next attempt is the last one.
                return Ok(());
            }
        }
        let until = turn.call_end.unwrap_or(Nanos::NEVER).min(until);
        let polls =
            Reactor::REPORTS_ONCE || interest == Interest::Write || park::suspendable().is_none();
        if turn.waited
            && polls
            && (self.is_write_shut(interest) || poll::is_ready(self.fd.as_fd(), interest)?)
        {
            // The process was woken and the kernel reports that the socket is ready, but the attempt would still block.
            // This happens if the receive queue of a Unix socket's peer is full, because the sender's readiness does
            // not show that. It also happens if a peek looks beyond all data. So pause before the next attempt. After a
            // shutdown of the write side only an attempt can find out that the send must end.
            let pause = FIRST_PAUSE * (1 << turn.pauses);
            turn.pauses = (turn.pauses + 1).min(MOST_DOUBLED);
            return self.pause(pause, until);
        }
        let mut until = until;
        if Reactor::REPORTS_ONCE && interest == Interest::Hangup {
            // That reactor reports a hang-up only together with data, and unread data may already be there.
            until = until.min(Nanos::now().after(Duration::from_millis(20)));
        }
        turn.waited = true;
        self.wait(interest, until)
    }

    /// Waits for a while, where no event says when to try again. The caller checks the deadlines itself.
    pub(super) fn pause(&self, pause: Duration, until: Nanos) -> io::Result<()> {
        let end = Nanos::now().after(pause);
        let end = end.min(self.deadline.get()).min(until);
        park::sleep(Deadline::from(end.to_instant()));
        stop::check_cancelled()
    }

    /// Whether the socket is plain: it has no deadline now, and it has never had a timeout, another mode, a clone or a
    /// notifier.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.deadline.get() == Nanos::NEVER && self.shared.get().is_none()
    }

    /// Returns an error if the deadline has passed, or if a notifier has interrupted the wait.
    pub(super) fn check_in_time(&self, until: Nanos) -> io::Result<()> {
        if self.deadline.get().min(until).has_passed() {
            return Err(timed_out());
        }
        if self.notify().is_some_and(|n| n.is_raised()) {
            return Err(notified());
        }
        Ok(())
    }

    /// Makes one attempt that never waits, in any mode. It replaces `perform` for callers with their own loop.
    #[cold]
    pub(super) fn once<T>(
        &self,
        interest: Interest,
        reader: Reader,
        attempt: impl FnOnce(Wait) -> io::Result<T>,
    ) -> io::Result<T> {
        self.check_in_time(Nanos::NEVER)?;
        self.prepare_attempts(interest, Wait::Never)?;
        if interest == Interest::Read {
            self.check_half(reader)?;
        }
        attempt(Wait::Never).map_err(|error| unfinished(interest, error))
    }

    /// Calls `perform`, or [`once`](Self::once) if `MSG_DONTWAIT` is among the flags.
    #[inline]
    pub(crate) fn perform_flagged<T>(
        &self,
        flags: c_int,
        interest: Interest,
        attempt: impl FnMut(Wait) -> io::Result<T>,
    ) -> io::Result<T> {
        if flags & libc::MSG_DONTWAIT == 0 {
            self.perform(interest, attempt)
        } else {
            self.once(interest, Reader::User, attempt)
        }
    }

    /// The time when the timeout of an operation passes that begins to wait now.
    pub(super) fn call_end(&self, interest: Interest) -> io::Result<Nanos> {
        let timeout = self.timeout_nanos(interest)?;
        Ok(timeout.map_or(Nanos::NEVER, |t| {
            Nanos::now().after(Duration::from_nanos(t))
        }))
    }

    /// Waits until `interest` may be met, until the deadline has changed or passed, or until `call_end`. It may return
    /// early, so the caller looks again.
    #[inline(never)]
    fn wait(&self, interest: Interest, call_end: Nanos) -> io::Result<()> {
        let Some(task) = park::suspendable() else {
            return self.wait_on_thread(interest, call_end);
        };
        let notify = self.notify();
        let _interruptible = notify.map(|n| n.register(task)).transpose()?;
        self.park(task, interest, || {
            let interrupted = notify.is_some_and(|n| n.is_raised());
            let again = interrupted || self.is_write_shut(interest);
            (!again).then(|| call_end.min(self.deadline.get()))
        })
    }

    /// Whether the write side was shut down here, for an operation that writes.
    ///
    /// When the write side of a Unix socket is shut down while its peer's queue is full, no event follows. If that
    /// happens after a sender's last attempt and before it is among the waiters, the sender misses the wake-up too. So
    /// senders check this after they have entered the waiters.
    fn is_write_shut(&self, interest: Interest) -> bool {
        let is_shut = |s: &Arc<Shared>| s.write_shut.load(Ordering::SeqCst);
        interest == Interest::Write && self.shared.get().is_some_and(is_shut)
    }

    /// Parks the process among the waiters for `interest`, unless the operation can be tried already. `until` returns
    /// the latest time, or `None` if the caller must look again. It is called after the process has entered the
    /// waiters, so any later change wakes the process.
    #[inline(always)]
    fn park(
        &self,
        task: &'static Task,
        interest: Interest,
        until: impl FnOnce() -> Option<Nanos>,
    ) -> io::Result<()> {
        if task.is_stopped() {
            return Err(stop::error());
        }
        let source = self.source.get_or_take_for(interest);
        source.watch(task.worker(), self.fd.as_fd())?;
        let entered = source.register(interest, task);
        if self.short_reads.may_deceive(interest) {
            source.doubt(task.worker(), self.fd.as_fd());
        }
        let result = source.rearm(self.fd.as_fd());
        if result.is_ok()
            && let Some(until) = until()
            && !source.readiness(interest).allows()
        {
            task.set_handle(self);
            task.park(until, waiting_for(interest, self.fd.as_fd()));
        }
        // The entry is dropped here. A drop at the end of the scope would be a call even if there is no entry.
        if let Some(entry) = entered {
            drop(entry);
        }
        result?;
        if task.is_stopped() {
            return Err(stop::error());
        }
        Ok(())
    }

    /// Waits on a plain thread with `ppoll(2)`. A second descriptor reports a changed deadline or a shutdown. If that
    /// descriptor cannot be made, the thread looks at short intervals.
    fn wait_on_thread(&self, interest: Interest, call_end: Nanos) -> io::Result<()> {
        let notify = self.notify().map(|n| n.as_fd());
        if self.deadline.get() == Nanos::NEVER && interest != Interest::Write {
            return poll::wait(self.fd.as_fd(), interest, call_end, [notify, None]);
        }
        let Ok(wake_fd) = WakeFd::of_thread() else {
            let until = call_end.min(self.deadline.get());
            let until = until.min(Nanos::now().after(LOOK_AGAIN));
            return poll::wait(self.fd.as_fd(), interest, until, [notify, None]);
        };
        let unparker = Unparker::Polling(Arc::clone(&wake_fd));
        let entered = self.source.get_or_take().register_other(interest, unparker);
        let until = call_end.min(self.deadline.get());
        let wakers = [notify, Some(wake_fd.as_fd())];
        let result = if self.is_write_shut(interest) {
            Ok(())
        } else {
            poll::wait(self.fd.as_fd(), interest, until, wakers)
        };
        // The entry is dropped first, because other threads that still find it raise the descriptor.
        drop(entered);
        wake_fd.clear();
        result
    }
}

/// With TCP Fast Open and no cookie, the first write only begins to connect (`EINPROGRESS`). It has sent nothing, so it
/// is made again when the connection is there.
#[cold]
fn unfinished(interest: Interest, error: io::Error) -> io::Error {
    if interest == Interest::Write && error.raw_os_error() == Some(libc::EINPROGRESS) {
        io::ErrorKind::WouldBlock.into()
    } else {
        error
    }
}
/// The first pause before an attempt for which no event will come. It is short, because a receiver that is not stuck
/// takes many messages in this time.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
/// How often the pause doubles: the last one is a thousand times as long.
const MOST_DOUBLED: u32 = 10;
/// How often a thread checks a deadline whose changes cannot wake it.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The state of an operation between its attempts.
pub(super) struct Turn {
    pub(super) how: Wait,
    /// Whether the caller gets `WouldBlock` if this attempt would block.
    last_try: bool,
    /// Whether the operation has waited in a way that a deadline or another cause may end.
    waited: bool,
    /// How many attempts followed a pause, without a hint of readiness. Each pause is twice as long as the one before.
    pauses: u32,
    /// The time when the timeout of this call passes, once the call has begun to wait.
    call_end: Option<Nanos>,
}

impl Turn {
    /// The state of an operation that begins.
    #[inline(always)]
    pub(super) fn new(how: Wait) -> Turn {
        Turn {
            how,
            last_try: false,
            waited: false,
            pauses: 0,
            call_end: None,
        }
    }
}

pub(super) fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "deadline has passed")
}
