//! Times at which futures are polled again. Each process and each thread has its own list, and `block_on` looks at it
//! when it parks. The timers of processes are in `timer`.

use std::any::Any;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use crate::deadline::Nanos;
use crate::sched::locals;
use crate::sys::lock::Lock;

/// The alarms of one process or thread, ordered by time. A number distinguishes alarms with the same time.
#[derive(Default)]
struct List {
    alarms: BTreeMap<(Nanos, u64), Waker>,
    made: u64,
}

type Shared = Arc<Lock<List>>;

/// The address of this variable is the key of the list among the values of a process.
static KEY: u8 = 0;

fn key() -> usize {
    (&raw const KEY) as usize
}

fn existing() -> Option<Shared> {
    let value = locals::find(key())?;
    value.downcast_ref::<Shared>().cloned()
}

fn of_process() -> Shared {
    existing().unwrap_or_else(|| {
        let shared = Shared::default();
        let value: Rc<dyn Any> = Rc::new(Arc::clone(&shared));
        locals::keep(key(), &value, None);
        shared
    })
}

/// Wakes a waker at a time, unless it is dropped before.
pub(crate) struct Alarm {
    list: Shared,
    at: (Nanos, u64),
}

impl Alarm {
    /// Adds an alarm. The `block_on` of this process or thread wakes `waker` at `at`.
    fn set(at: Nanos, waker: &Waker) -> Alarm {
        let list = of_process();
        let at = {
            let mut list = list.lock();
            list.made += 1;
            let at = (at, list.made);
            list.alarms.insert(at, waker.clone());
            at
        };
        Alarm { list, at }
    }

    /// Makes sure that `slot` has exactly one alarm, at `at` for `waker`. With `NEVER` it has none.
    pub(crate) fn keep(slot: &mut Option<Alarm>, at: Nanos, waker: &Waker) {
        if at == Nanos::NEVER {
            *slot = None;
        } else if !slot.as_ref().is_some_and(|alarm| alarm.is_for(at, waker)) {
            *slot = Some(Alarm::set(at, waker));
        }
    }

    /// Whether the alarm is for this time and this waker.
    fn is_for(&self, at: Nanos, waker: &Waker) -> bool {
        self.at.0 == at
            && self
                .list
                .lock()
                .alarms
                .get(&self.at)
                .is_some_and(|w| w.will_wake(waker))
            && existing().is_some_and(|list| Arc::ptr_eq(&list, &self.list))
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let waker = self.list.lock().alarms.remove(&self.at);
        // Dropping a waker runs foreign code, so it happens without the lock.
        drop(waker);
    }
}

/// Wakes all wakers whose time has passed. Returns the time of the next one, or `NEVER`.
pub(crate) fn ring() -> Nanos {
    let Some(list) = existing() else {
        return Nanos::NEVER;
    };
    let now = Nanos::now();
    loop {
        let mut locked = list.lock();
        let Some(first) = locked.alarms.first_entry() else {
            return Nanos::NEVER;
        };
        let at = first.key().0;
        if at > now {
            return at;
        }
        let waker = first.remove();
        drop(locked);
        waker.wake();
    }
}
