//! The one way through: [`Io::perform`] tries an operation, and waits until it can be tried again. A
//! process parks, a plain thread blocks. There is no other wait loop.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use libc::c_int;

use super::Io;
use super::halves::Reader;
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
    /// Runs `attempt` until it does not say `WouldBlock`. In between it waits: a process parks, a plain
    /// thread blocks.
    ///
    /// `attempt` does one system call in the manner it is given: with [`Wait::Never`] it must
    /// not block.
    ///
    /// # Errors
    ///
    /// The first error of `attempt` other than `WouldBlock`; [`TimedOut`](io::ErrorKind::TimedOut)
    /// once the deadline has passed; `WouldBlock` for a socket the user made non-blocking or when
    /// the per-call timeout has passed, as std reports it.
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

    /// `perform` with a deadline of this call alone. Of this deadline and the handle's the nearer wins.
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

    /// `perform_deadline`, and `emptied` says of a result that nothing can be left in that direction. Of a write
    /// `reader` says nothing. It ends as if notified when `stop` says so, which is asked again whenever the
    /// process is woken.
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
            // Most sockets have no more to ask for than this.
            let plain = until == Nanos::NEVER && self.is_plain();
            if !plain {
                self.begin_turn(&mut turn, interest, reader, until)?;
            }
            if let Some(task) = task {
                task.spend();
            }
            let seen = self.source.get().map(|s| (s, s.readiness(interest)));
            // No hint at all: not watched yet, a thread that asks the kernel itself, or a hang-up that the
            // reactor does not tell of.
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
            if plain
                && interest == Interest::Read
                && let Some(task) = park::suspendable()
            {
                // As is most often the case, nothing but an event can end it.
                self.park(task, interest, || self.is_plain().then_some(Nanos::NEVER))?;
            } else {
                self.end_turn(&mut turn, interest, until)?;
            }
        }
    }

    /// Where a send cannot be told to return at once, the descriptor is told.
    #[inline(always)]
    pub(super) fn prepare_attempts(&self, interest: Interest, how: Wait) -> io::Result<()> {
        if !SENDS_HEED_DONTWAIT && interest == Interest::Write && how == Wait::Never {
            self.force_nonblocking(interest)?;
        }
        Ok(())
    }

    /// The kernel knows the mode and the timeouts: one system call, as std.
    fn how_on_thread(&self) -> Wait {
        if self.deadline.get() == Nanos::NEVER && !self.must_poll() {
            Wait::InKernel
        } else {
            Wait::Never
        }
    }

    /// Whether an operation with this deadline of its own leaves the waiting to the kernel.
    pub(super) fn waits_in_kernel(&self, deadline: Deadline) -> bool {
        task::current().is_none()
            && deadline == Deadline::NEVER
            && self.how_on_thread() == Wait::InKernel
    }

    /// Whether a socket that is not plain may be tried once more, and may wait then.
    ///
    /// # Errors
    ///
    /// The deadline has passed, or the wait was interrupted.
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

    /// An attempt has failed: whether to try again at once. If not, it would have blocked, and all that
    /// was known before it is used up.
    ///
    /// # Errors
    ///
    /// `error`, if the caller is to see it.
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
            // Unless code outside has made it a blocking one meanwhile.
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
            // A process may have put the descriptor into `O_NONBLOCK` at this moment; or code outside
            // has, for the caller to see.
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
            // It cannot block any more, and tells the end.
            turn.how = Wait::InKernel;
            turn.last_try = true;
            return Ok(true);
        }
        Ok(seen.is_some_and(|(source, seen)| !source.clear(interest, seen)))
    }

    /// Waits in a way that fits everything that may end it.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    #[inline(never)]
    fn end_turn(&self, turn: &mut Turn, interest: Interest, until: Nanos) -> io::Result<()> {
        if turn.call_end.is_none() && !self.is_plain() {
            if self.is_shown() {
                // What others have set counts from here on.
                self.ask_kernel(interest)?;
            }
            turn.call_end = Some(self.call_end(interest)?);
            if self.is_shown() && self.user_nonblocking()? {
                // The next attempt is the last.
                return Ok(());
            }
        }
        let until = turn.call_end.unwrap_or(Nanos::NEVER).min(until);
        let polls = interest == Interest::Write || park::suspendable().is_none();
        if turn.waited && polls && poll::is_ready(self.fd.as_fd(), interest)? {
            // It was woken, and the kernel still says that it is ready, but it is not: there is no room in
            // the queue of a Unix socket's receiver, of which the sender's readiness says nothing; or a
            // peek looks behind all there is.
            let pause = FIRST_PAUSE * (1 << turn.pauses);
            turn.pauses = (turn.pauses + 1).min(MOST_DOUBLED);
            return self.pause(pause, until);
        }
        let mut until = until;
        if Reactor::REPORTS_ONCE && interest == Interest::Hangup {
            // That reactor tells of a hang-up only together with data, which may lie there unread.
            until = until.min(Nanos::now().after(Duration::from_millis(20)));
        }
        turn.waited = true;
        self.wait(interest, until)
    }

    /// Waits a while, where nothing tells when to try again. The caller looks at deadlines itself.
    pub(super) fn pause(&self, pause: Duration, until: Nanos) -> io::Result<()> {
        let end = Nanos::now().after(pause);
        let end = end.min(self.deadline.get()).min(until);
        park::sleep(Deadline::from(end.to_instant()));
        stop::check_cancelled()
    }

    /// Neither a deadline, nor a timeout, another mode, a clone or a notifier at any time.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.deadline.get() == Nanos::NEVER && self.shared.get().is_none()
    }

    /// An error if the deadline has passed, or somebody has interrupted.
    pub(super) fn check_in_time(&self, until: Nanos) -> io::Result<()> {
        if self.deadline.get().min(until).has_passed() {
            return Err(timed_out());
        }
        if self.notify().is_some_and(|n| n.is_raised()) {
            return Err(notified());
        }
        Ok(())
    }

    /// One attempt that never waits, whatever the mode: `perform` for callers with a loop of their
    /// own.
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

    /// `perform`, or with `MSG_DONTWAIT` among the flags [`once`](Self::once).
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

    /// When the per-call timeout of an operation that begins to wait now has passed.
    pub(super) fn call_end(&self, interest: Interest) -> io::Result<Nanos> {
        let timeout = self.timeout_nanos(interest)?;
        Ok(timeout.map_or(Nanos::NEVER, |t| {
            Nanos::now().after(Duration::from_nanos(t))
        }))
    }

    /// Waits until `interest` may be met, the deadline has changed or passed, or `call_end`.
    /// Returns early now and then: the caller looks again.
    #[inline(never)]
    fn wait(&self, interest: Interest, call_end: Nanos) -> io::Result<()> {
        let Some(task) = park::suspendable() else {
            return self.wait_on_thread(interest, call_end);
        };
        let notify = self.notify();
        let _interruptible = notify.map(|n| n.register(task)).transpose()?;
        self.park(task, interest, || {
            let interrupted = notify.is_some_and(|n| n.is_raised());
            (!interrupted).then(|| call_end.min(self.deadline.get()))
        })
    }

    /// Parks the process among the waiters for `interest`, unless that can be tried already.
    /// `until` says how long, or that the caller must look again; it is asked when the process is among
    /// them: a caller that changes what it looks at from then on finds it.
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
        let source = self.source.get_or_take();
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
        // Dropped here: at the end of its scope the drop would be a call even where there is no entry.
        if let Some(entry) = entered {
            drop(entry);
        }
        result?;
        if task.is_stopped() {
            return Err(stop::error());
        }
        Ok(())
    }

    /// The same with `ppoll(2)`, and with a descriptor by which a changed deadline or a shutdown is told.
    /// Without one for that it looks now and then.
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
        let result = poll::wait(self.fd.as_fd(), interest, until, wakers);
        // First: a caller that finds the entry raises it.
        drop(entered);
        wake_fd.clear();
        result
    }
}

/// The first write of TCP Fast Open, where the kernel has no cookie yet, only begins to connect: it has
/// sent nothing, and is to be made again when the connection is there.
#[cold]
fn unfinished(interest: Interest, error: io::Error) -> io::Error {
    if interest == Interest::Write && error.raw_os_error() == Some(libc::EINPROGRESS) {
        io::ErrorKind::WouldBlock.into()
    } else {
        error
    }
}
/// The first pause before an attempt of which nothing tells when it can be met. Seldom a long one: a
/// receiver that is not stuck takes many messages in this time.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
/// The last one is a thousand times as long.
const MOST_DOUBLED: u32 = 10;
/// How often a thread that cannot be told of a changed deadline looks at it.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What an operation remembers from one attempt to the next.
pub(super) struct Turn {
    pub(super) how: Wait,
    /// If this attempt would block, the caller is told.
    last_try: bool,
    /// It has waited, with a deadline or whatever else may end it.
    waited: bool,
    /// How often it has tried after a pause, without a hint that it can be met: each is twice as long.
    pauses: u32,
    /// When the timeout of this call has passed, once it has begun to wait.
    call_end: Option<Nanos>,
}

impl Turn {
    /// Of an operation that begins.
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
