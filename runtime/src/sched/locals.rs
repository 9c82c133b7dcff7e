//! The values of which each process has its own copy, under a key. The public side of them is `process::local`.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use crate::sched::task;

/// The values of one process or thread. There are few, so a list is faster than a map.
pub(crate) struct Locals {
    all: Vec<Entry>,
    /// Whether a value is copied to the processes that this one spawns.
    flows: bool,
}

#[derive(Clone)]
struct Entry {
    key: usize,
    value: Rc<dyn Any>,
    flow: Option<Flow>,
}

/// Makes a copy of a value for another process.
pub(crate) type Flow = fn(&dyn Any) -> Copied;

/// A copy on its way: the function that makes the value in the new process.
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

/// Calls `f` with the values. `f` must not run the program's own code, so that calls never nest. Returns `None` on a
/// thread that is ending and has dropped its values.
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

/// Drops the values of a process that ends. This happens inside the process, because destructors may do I/O. If a
/// destructor creates a value again, that value is dropped too.
pub(crate) fn drop_all() {
    loop {
        let last = with_locals(|locals| {
            let last = locals.all.pop()?;
            locals.flows = false;
            Some(last)
        });
        let Some(last) = last.flatten() else {
            return;
        };
        drop(last);
    }
}

/// Stores a value under its key, if this thread still can. If it has a `flow`, processes spawned from here get copies
/// of it.
pub(crate) fn keep(key: usize, value: &Rc<dyn Any>, flow: Option<Flow>) {
    let value = Rc::clone(value);
    let _ = with_locals(|locals| {
        locals.flows |= flow.is_some();
        locals.all.push(Entry { key, value, flow });
    });
}

/// Copies of the values for a process that is spawned from here, if there are any.
#[inline]
pub(crate) fn copies() -> Option<Copies> {
    let flows = with_locals(|locals| locals.flows).unwrap_or(false);
    flows.then(copy_all)
}

#[cold]
fn copy_all() -> Copies {
    // The list is cloned first. The copies are made by the program's own code, which may use the values.
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
    /// Stores the values in the new process. The process calls this before its own code.
    pub(crate) fn keep(self) {
        for (key, flow, copied) in self.0 {
            keep(key, &copied(), Some(flow));
        }
    }
}
