//! What `tracing` is told, with that feature: events of processes, and which spans are entered where. Not what a
//! server tells; see `std_net::server`. Without the feature `no_trace` stands here.
//!
//! A subscriber keeps the spans that are entered for each *thread*. A process shares its thread with others. So
//! the worker takes its spans off when it waits, and enters them again when it goes on. It does so on its own stack,
//! outside of the process: code of a subscriber is never run in the middle of a wait. A threadlike process
//! has its own thread-locals, and a subscriber takes it for a thread of its own.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::dispatcher::get_default;
use tracing::span::Id;
use tracing::{Dispatch, Level, enabled, event};

use crate::sched::info::{Info, Kind};
use crate::sched::stop::Stopped;

/// A subscriber whose `exit` does not exit is not asked for ever.
const DEEPEST: usize = 1000;

/// The spans that a process has entered and that are not entered now: it waits.
pub(crate) struct Spans(Cell<Option<Box<Entered>>>);

struct Entered {
    dispatch: Dispatch,
    /// The innermost comes first. Each holds its span, so that it is still there afterwards.
    ids: Vec<Id>,
}

impl Spans {
    pub(crate) const fn new() -> Spans {
        Spans(Cell::new(None))
    }

    /// The process goes on: by its worker, on its thread.
    #[inline]
    pub(crate) fn enter(&self) {
        if let Some(entered) = self.0.take() {
            quietly(|| entered.enter());
        }
    }

    /// The process waits: by its worker, on its thread. Costs next to nothing where no span is entered.
    #[inline]
    pub(crate) fn leave(&self) {
        if let Some(entered) = Entered::leave() {
            self.0.set(Some(entered));
        }
    }

    /// The process has ended: what it has left entered is left now.
    #[inline]
    pub(crate) fn end(&self) {
        drop(self.0.take());
    }
}

/// The spans that are entered on this thread outside of processes, while it runs some.
pub(crate) struct Outside(Option<Box<Entered>>);

impl Outside {
    /// They stay entered for the process that is begun first.
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
        // Asks first, and looks for nothing else if the answer is no.
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

/// Runs code of a subscriber where a panic would end a worker. What there is to say about it the panic's hook has
/// said.
fn quietly(f: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(f));
}

/// A process is about to be queued, by the one that spawns it.
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

/// A process is at its end, and tells so itself.
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

/// A process was cancelled, or its deadline has passed; or a group was. Those below have events of their own.
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

/// A process does not let go of its worker. Returns whether there was a subscriber to be told.
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
