//! How many connections were accepted, and how many bytes were received and sent, for `process::metrics`.
//!
//! A worker counts for itself, by plain additions. All other threads share one set of counters. An accept is always
//! counted, because it costs thousands of instructions anyway. A receive or send costs a few more instructions for
//! this, so bytes are counted with the feature `metrics` only.

use std::sync::atomic::{AtomicU64, Ordering};

use libc::c_int;

use crate::sched::counter::Counter;
use crate::sched::worker;

/// Whether bytes are counted. A caller that must add up how many they are asks this first.
pub(crate) const COUNTS_BYTES: bool = cfg!(feature = "metrics");

/// The counts of one worker.
#[derive(Default)]
pub(crate) struct Traffic {
    accepted: Counter,
    received: Counter,
    sent: Counter,
}

/// The counts of all threads that are no workers.
static ACCEPTED: AtomicU64 = AtomicU64::new(0);
static RECEIVED: AtomicU64 = AtomicU64::new(0);
static SENT: AtomicU64 = AtomicU64::new(0);

/// Accepted connections, received bytes, sent bytes.
pub(crate) struct Totals {
    pub(crate) accepted: u64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl Traffic {
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            accepted: self.accepted.get(),
            received: self.received.get(),
            sent: self.sent.get(),
        }
    }
}

impl Totals {
    pub(crate) fn of_threads() -> Totals {
        Totals {
            accepted: ACCEPTED.load(Ordering::Relaxed),
            received: RECEIVED.load(Ordering::Relaxed),
            sent: SENT.load(Ordering::Relaxed),
        }
    }
}

/// Counts one accepted connection.
#[inline]
pub(crate) fn accepted() {
    add(1, |traffic| &traffic.accepted, &ACCEPTED);
}

/// Counts received bytes, unless they stay in the socket because of `MSG_PEEK`.
#[inline(always)]
pub(crate) fn received(len: usize, flags: c_int) {
    if COUNTS_BYTES && flags & libc::MSG_PEEK == 0 {
        add(len, |traffic| &traffic.received, &RECEIVED);
    }
}

/// Counts sent bytes.
#[inline(always)]
pub(crate) fn sent(len: usize) {
    if COUNTS_BYTES {
        add(len, |traffic| &traffic.sent, &SENT);
    }
}

#[inline(always)]
fn add(n: usize, of_worker: impl FnOnce(&Traffic) -> &Counter, of_threads: &AtomicU64) {
    match worker::current() {
        Some(worker) => of_worker(&worker.traffic).add(n as u64),
        None => {
            of_threads.fetch_add(n as u64, Ordering::Relaxed);
        }
    }
}
