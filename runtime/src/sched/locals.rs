//! The values of which each process has its own, by a key. Not what they are; see `process::local`.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use crate::sched::task;

/// The values of one process or thread. Few: a list is faster than a map.
pub(crate) struct Locals {
    all: Vec<Entry>,
    /// Whether one of them goes to the processes that are spawned.
    flows: bool,
}

#[derive(Clone)]
struct Entry {
    key: usize,
    value: Rc<dyn Any>,
    flow: Option<Flow>,
}

/// Makes a copy of a value on its way to another process.
pub(crate) type Flow = fn(&dyn Any) -> Copied;

/// Such a copy: what makes the value there.
pub(crate) type Copied = Box<dyn FnOnce() -> Rc<dyn Any> + Send>;

impl Locals {
    pub(crate) const fn new() -> Locals {
        Locals {
            all: Vec::new(),
            flows: false,
        }
    }
}

thread_local! {
    static OF_THREAD: RefCell<Locals> = const { RefCell::new(Locals::new()) };
}

/// Runs no code of the program's in `f`, so that it is never nested. `None` on a thread that is ending and
/// has dropped its values.
fn with_locals<R>(f: impl FnOnce(&mut Locals) -> R) -> Option<R> {
    match task::current() {
        Some(task) => Some(task.with_locals(f)),
        None => OF_THREAD.try_with(|own| f(&mut own.borrow_mut())).ok(),
    }
}

pub(crate) fn find(key: usize) -> Option<Rc<dyn Any>> {
    with_locals(|locals| {
        let entry = locals.all.iter().find(|entry| entry.key == key);
        entry.map(|entry| Rc::clone(&entry.value))
    })
    .flatten()
}

/// Drops the values of the process that ends, in the process itself: they may do I/O. A value made
/// anew while others are dropped is dropped too.
pub(crate) fn drop_all() {
    loop {
        let last = with_locals(|locals| {
            locals.flows = false;
            locals.all.pop()
        });
        let Some(last) = last.flatten() else {
            return;
        };
        drop(last);
    }
}

/// Keeps a value under its key, if it can be kept; copies of it go to the processes that are spawned from here, if it has a
/// `flow`.
pub(crate) fn keep(key: usize, value: &Rc<dyn Any>, flow: Option<Flow>) {
    let value = Rc::clone(value);
    let _ = with_locals(|locals| {
        locals.flows |= flow.is_some();
        locals.all.push(Entry { key, value, flow });
    });
}

/// Copies of the values that go to a process that is spawned from here, if there are any.
#[inline]
pub(crate) fn copies() -> Option<Copies> {
    let flows = with_locals(|locals| locals.flows).unwrap_or(false);
    flows.then(copy_all)
}

#[cold]
fn copy_all() -> Copies {
    // First the entries, then the copies: those are made by code of the program's.
    let entries = with_locals(|locals| locals.all.clone()).unwrap_or_default();
    let copy = |entry: Entry| {
        let flow = entry.flow?;
        Some((entry.key, flow, flow(&*entry.value)))
    };
    Copies(entries.into_iter().filter_map(copy).collect())
}

/// Values on their way to a process.
pub(crate) struct Copies(Vec<(usize, Flow, Copied)>);

impl Copies {
    /// They have arrived: by the process, before anything else.
    pub(crate) fn keep(self) {
        for (key, flow, copied) in self.0 {
            keep(key, &copied(), Some(flow));
        }
    }
}
