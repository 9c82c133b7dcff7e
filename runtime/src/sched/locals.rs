//! The values of which each process has its own, by a key. Not what they are; see `process::local`.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use crate::sched::task;

/// The values of one process or thread. Few: a list is faster than a map.
pub(crate) struct Locals(Vec<(usize, Rc<dyn Any>)>);

impl Locals {
    pub(crate) const fn new() -> Locals {
        Locals(Vec::new())
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
        locals
            .0
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, value)| Rc::clone(value))
    })
    .flatten()
}

/// Drops the values of the process that ends, in the process itself: they may do I/O. A value made
/// anew while others are dropped is dropped too.
pub(crate) fn drop_all() {
    loop {
        let Some(last) = with_locals(|locals| locals.0.pop()).flatten() else {
            return;
        };
        drop(last);
    }
}

/// Keeps a value under its key, if it can be kept.
pub(crate) fn keep(key: usize, value: &Rc<dyn Any>) {
    let _ = with_locals(|locals| locals.0.push((key, Rc::clone(value))));
}
