//! Who a process is: its number, name and place, and whether it was cancelled. Outlives it.

use std::fmt;
use std::num::NonZeroU64;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use crate::sched::task::Task;
use crate::sched::worker::Place;

/// The number of a process, never used twice while the program runs.
///
/// # Examples
///
/// ```
/// use std_net_runtime::process;
///
/// let a = process::spawn(|| process::current().unwrap().id());
/// let b = process::spawn(|| process::current().unwrap().id());
/// assert_ne!(a.join().unwrap(), b.join().unwrap());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(NonZeroU64);

impl ProcessId {
    fn next() -> ProcessId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        ProcessId(NonZeroU64::new(id).expect("2^64 processes are never spawned"))
    }

    pub(crate) fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProcessId({})", self.0)
    }
}

#[derive(Debug)]
pub(crate) struct Info {
    pub(crate) id: ProcessId,
    name: Option<Box<str>>,
    pub(crate) place: Place,
    cancelled: AtomicBool,
    /// The slot it runs in; null before it begins. Stale once it has ended.
    task: AtomicPtr<Task>,
}

impl Info {
    pub(crate) fn new(name: Option<Box<str>>, place: Place) -> Info {
        Info {
            id: ProcessId::next(),
            name,
            place,
            cancelled: AtomicBool::new(false),
            task: AtomicPtr::new(ptr::null_mut()),
        }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn set_task(&self, task: &'static Task) {
        self.task
            .store(ptr::from_ref(task).cast_mut(), Ordering::SeqCst);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Marks the process and wakes it from its wait. A process that has ended is not affected: at
    /// worst the next one in its slot wakes once too often.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        // SAFETY: only ever null or a task, and tasks live for ever.
        if let Some(task) = unsafe { self.task.load(Ordering::SeqCst).as_ref() } {
            task.cancel(self);
        }
    }
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.id)?;
        if let Some(name) = self.name() {
            write!(f, " '{name}'")?;
        }
        write!(f, " (spawned at {})", self.place)
    }
}
