//! What the runtime reports to `tracing` with the feature of that name: events of processes, and which spans are
//! entered. A server's own events are in `std_net::server`. Without the feature, `no_trace` replaces this module.
//!
//! A subscriber keeps the entered spans for each *thread*, but a process shares its thread with others. So the worker
//! exits the spans of a process when the process waits, and enters them again when it goes on. It does so on its own
//! stack, outside the process, so a subscriber's code never runs in the middle of a wait. A threadlike process has its
//! own thread-locals, so a subscriber takes it for a separate thread.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::dispatcher::get_default;
use tracing::span::Id;
use tracing::{Dispatch, Level, enabled, event};

use crate::sched::info::{Info, Kind};
use crate::sched::stop::Stopped;

/// The limit of the loop below. Without it, a subscriber whose `exit` does nothing would keep the loop running for
/// ever.
const DEEPEST: usize = 1000;

/// The spans that a waiting process has entered. They are not entered on the thread now.
pub(crate) struct Spans(Cell<Option<Box<Entered>>>);

struct Entered {
    dispatch: Dispatch,
    /// The ids, the innermost first. Each holds a reference to its span, so that the span still exists afterwards.
    ids: Vec<Id>,
}

impl Spans {
    pub(crate) const fn new() -> Spans {
        Spans(Cell::new(None))
    }

    /// The process goes on. Its worker calls this on its own thread.
    #[inline]
    pub(crate) fn enter(&self) {
        if let Some(entered) = self.0.take() {
            quietly(|| entered.enter());
        }
    }

    /// The process waits. Its worker calls this on its own thread. It costs almost nothing if no span is entered.
    #[inline]
    pub(crate) fn leave(&self) {
        if let Some(entered) = Entered::leave() {
            self.0.set(Some(entered));
        }
    }

    /// The process has ended. The spans that it has not exited are closed now.
    #[inline]
    pub(crate) fn end(&self) {
        drop(self.0.take());
    }
}

/// The spans that are entered on this thread outside of processes, while the thread runs processes.
pub(crate) struct Outside(Option<Box<Entered>>);

impl Outside {
    /// The spans stay entered for the first process that begins.
    pub(crate) fn new() -> Outside {
        let outside = Entered::leave();
        if let Some(entered) = &outside {
            quietly(|| entered.enter());
        }
        Outside(outside)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(entered) = &self.0 {
            quietly(|| entered.enter());
        }
    }
}

impl Entered {
    #[inline]
    fn leave() -> Option<Box<Entered>> {
        // If no span is entered, the first question is the only cost.
        get_default(|dispatch| {
            let first = dispatch.current_span();
            first.id().and_then(|_| Entered::leave_all(dispatch))
        })
    }

    #[cold]
    fn leave_all(dispatch: &Dispatch) -> Option<Box<Entered>> {
        let mut ids = Vec::new();
        quietly(|| {
            while ids.len() < DEEPEST
                && let Some(id) = dispatch.current_span().id()
            {
                ids.push(dispatch.clone_span(id));
                dispatch.exit(id);
            }
        });
        let dispatch = dispatch.clone();
        Some(Box::new(Entered { dispatch, ids }))
    }

    fn enter(&self) {
        for id in self.ids.iter().rev() {
            self.dispatch.enter(id);
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            quietly(|| {
                self.dispatch.try_close(id);
            });
        }
    }
}

/// Runs a subscriber's code where a panic would end a worker. The panic hook has already reported the panic.
fn quietly(f: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(f));
}

/// A process is about to be queued. The process that spawns it calls this.
#[inline]
pub(crate) fn spawned(info: &Info) {
    quietly(|| {
        event!(
            target: "std_net",
            Level::TRACE,
            process = info.id.get(),
            name = info.name(),
            spawned_at = %info.place,
            "process spawned"
        );
    });
}

/// A process is at its end. The process itself calls this.
#[inline]
pub(crate) fn ended(info: &Info, panicked: bool) {
    quietly(|| {
        event!(
            target: "std_net",
            Level::TRACE,
            process = info.id.get(),
            name = info.name(),
            panicked,
            "process ended"
        );
    });
}

/// A process or a group was cancelled, or its deadline has passed. The processes below it report their own events.
pub(crate) fn stopped(info: &Info, why: Stopped) {
    let timed_out = why == Stopped::TimedOut;
    quietly(|| {
        if info.kind == Kind::Group {
            event!(
                target: "std_net",
                Level::DEBUG,
                group = info.id.get(),
                made_at = %info.place,
                timed_out,
                "group cancelled"
            );
            return;
        }
        event!(
            target: "std_net",
            Level::DEBUG,
            process = info.id.get(),
            name = info.name(),
            spawned_at = %info.place,
            timed_out,
            "process cancelled"
        );
    });
}

/// A process keeps its worker for too long. Returns whether a subscriber was told.
pub(crate) fn slow(info: &Info, limit: Duration) -> bool {
    let mut told = false;
    quietly(|| {
        told = enabled!(target: "std_net", Level::WARN);
        event!(
            target: "std_net",
            Level::WARN,
            process = info.id.get(),
            name = info.name(),
            spawned_at = %info.place,
            limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            "process keeps its worker; nothing else runs there"
        );
    });
    told
}
