//! The identity of a process: its number, name and place, whether it was stopped, and its parent. This value outlives
//! the process.
//!
//! Processes that belong to others form trees: a stop of one process stops all below it. What a process needs for
//! this stands in a block of its own. A process outside any tree has only a null pointer.

use std::fmt;
use std::mem;
use std::num::NonZeroU64;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::deadline::Nanos;
use crate::sched::stop::Stopped;
use crate::sched::task::Task;
use crate::sched::trace;
use crate::sched::worker::Place;
use crate::sys::lock::Lock;

/// The number of a process. No number is used twice while the program runs.
///
/// # Examples
///
/// ```
/// use std_net::process;
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

/// Whose thread-locals a process uses, and whether code that blocks parks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It uses those of its worker's thread. Code that knows nothing of processes blocks the thread.
    Ordinary,
    /// It has its own, and all code parks it. See `threadlike`.
    Threadlike,
    /// It uses those of the thread on which `Builder::run` has begun it, and all code parks it.
    OnItsThread,
    /// This is not a process but a group of processes.
    Group,
}

pub(crate) struct Info {
    pub(crate) id: ProcessId,
    name: Option<Box<str>>,
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    /// The slot in which it runs. Null before it begins, and outdated after its end.
    task: AtomicPtr<Task>,
    /// The [`Stopped::code`] of the reason why it was stopped, or 0.
    stopped: AtomicU8,
    /// Its place in a tree, or null while it has none. It is a `Box` that is made at most once and freed with this value.
    tree: AtomicPtr<Tree>,
}

// With the two counts of an `Arc`, this is at most 72 bytes, which the allocator takes from a block of 80. Every
// process that is spawned allocates one and fetches its lines.
const _: () = assert!(size_of::<Info>() <= 56);

/// The place of a process in a tree of processes.
struct Tree {
    /// The time at which the process is stopped at the latest: its own deadline or an earlier one of a process above it.
    deadline: Nanos,
    /// Whether the processes that it spawns belong to it.
    leads: bool,
    /// The process to which this one belongs.
    parent: Lock<Option<Arc<Info>>>,
    /// Whether it has ever had children. If not, the lock need not be taken.
    has_family: AtomicBool,
    family: Lock<Family>,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree {
            deadline: Nanos::NEVER,
            leads: false,
            parent: Lock::new(None),
            has_family: AtomicBool::new(false),
            family: Lock::default(),
        }
    }
}

/// The processes that belong to a process.
#[derive(Default)]
struct Family {
    /// The children. Ended ones stay in the list until the next sweep.
    children: Vec<Weak<Info>>,
    /// The number of children at which the next sweep happens.
    sweep_at: usize,
    /// Whether the process has ended. Then its parent has the children.
    ended: bool,
}

/// The smallest number of children at which ended ones are swept out.
const SWEEP: usize = 32;

impl Info {
    pub(crate) fn new(name: Option<Box<str>>, place: Place) -> Info {
        Info {
            id: ProcessId::next(),
            name,
            place,
            kind: Kind::Ordinary,
            task: AtomicPtr::new(ptr::null_mut()),
            stopped: AtomicU8::new(0),
            tree: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Makes what the process will spawn belong to it, and gives it a deadline, which may be `NEVER`.
    pub(crate) fn lead(&mut self, deadline: Nanos) {
        let tree = self.tree_mut();
        tree.leads = true;
        tree.deadline = tree.deadline.min(deadline);
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn set_task(&self, task: &'static Task) {
        self.task
            .store(ptr::from_ref(task).cast_mut(), Ordering::SeqCst);
    }

    /// The [`Stopped::code`] of the reason why it was stopped, or 0 if it was not.
    pub(crate) fn stop_code(&self) -> u8 {
        self.stopped.load(Ordering::SeqCst)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.stop_code() == Stopped::Cancelled.code()
    }

    /// Marks the process and all that belong to it as stopped, and wakes them from their waits. The first reason stays.
    /// A process that has ended is not affected. At worst the next process in its slot gets an extra wake-up.
    pub(crate) fn stop(&self, why: Stopped) {
        // This is a loop and not a recursion, because a tree may be deeper than a stack.
        let mut below = self.stop_one(why);
        while let Some(next) = below.pop() {
            below.append(&mut next.stop_one(why));
        }
    }

    /// Marks only this process. Returns its children, unless they are stopped already.
    fn stop_one(&self, why: Stopped) -> Vec<Arc<Info>> {
        let first =
            self.stopped
                .compare_exchange(0, why.code(), Ordering::SeqCst, Ordering::SeqCst);
        if first.is_err() {
            return Vec::new();
        }
        if self.wake_if(|task| task.stop(self, why)) {
            trace::stopped(self, why);
        }
        self.children()
    }

    /// Wakes the process from its wait, so that it looks again.
    pub(crate) fn wake(&self) {
        self.wake_if(|_| true);
    }

    /// Wakes the process and all that belong to it.
    pub(crate) fn wake_all(&self) {
        self.wake();
        let mut below = self.children();
        while let Some(next) = below.pop() {
            next.wake();
            below.append(&mut next.children());
        }
    }

    /// Wakes the process from its wait if `f` returns true for its slot (the present or the last one). Returns the
    /// result of `f`. For a process that has not begun, it returns true.
    fn wake_if(&self, f: impl FnOnce(&'static Task) -> bool) -> bool {
        // SAFETY: the pointer is null or leads to a task, and tasks live for ever.
        let Some(task) = (unsafe { self.task.load(Ordering::SeqCst).as_ref() }) else {
            return true;
        };
        let is_here = f(task);
        if is_here {
            task.unpark();
        }
        is_here
    }

    // Parents and children.

    #[inline]
    fn tree(&self) -> Option<&Tree> {
        // SAFETY: the pointer is null or comes from a `Box`, which only `drop` frees.
        unsafe { self.tree.load(Ordering::SeqCst).as_ref() }
    }

    /// Returns the place in a tree. It is made now if there is none.
    fn make_tree(&self) -> &Tree {
        if let Some(tree) = self.tree() {
            return tree;
        }
        let new = Box::into_raw(Box::<Tree>::default());
        let order = Ordering::SeqCst;
        let swapped = self
            .tree
            .compare_exchange(ptr::null_mut(), new, order, order);
        let tree = swapped.map_or_else(
            |theirs| {
                // SAFETY: the pointer comes from `into_raw` above, and no other thread has seen it.
                drop(unsafe { Box::from_raw(new) });
                theirs
            },
            |_| new,
        );
        // SAFETY: as in `tree`.
        unsafe { &*tree }
    }

    fn tree_mut(&mut self) -> &mut Tree {
        self.make_tree();
        // SAFETY: the block exists now, as in `tree`, and `self` is the only reference to it.
        unsafe { &mut **self.tree.get_mut() }
    }

    /// When the process is stopped at the latest, and whether what it spawns belongs to it.
    #[inline]
    pub(crate) fn limits(&self) -> (Nanos, bool) {
        match self.tree() {
            None => (Nanos::NEVER, false),
            Some(tree) => (tree.deadline, tree.leads),
        }
    }

    /// When the process is stopped at the latest.
    pub(crate) fn deadline(&self) -> Nanos {
        self.limits().0
    }

    fn with_family<R>(&self, f: impl FnOnce(&mut Family) -> R) -> R {
        let tree = self.make_tree();
        tree.has_family.store(true, Ordering::SeqCst);
        f(&mut tree.family.lock())
    }

    /// Prepares `child` to belong to this process. The next step is [`adopt`](Self::adopt).
    pub(crate) fn born_to(self: &Arc<Info>, child: &mut Info) {
        let (deadline, leads) = self.limits();
        let tree = child.tree_mut();
        tree.leads |= leads;
        tree.deadline = tree.deadline.min(deadline);
        *tree.parent.get_mut() = Some(Arc::clone(self));
    }

    /// Adds `child` to the children of this process. If this process has ended, the child goes to the nearest process
    /// above that has not. If the new parent was stopped, the child is stopped too.
    pub(crate) fn adopt(self: &Arc<Info>, child: &Arc<Info>) {
        let mut parent = Arc::clone(self);
        while !parent.enter(child) {
            let above = parent.parent();
            child.set_parent(above.clone());
            let Some(above) = above else {
                return;
            };
            parent = above;
        }
        // This follows the entry. So a concurrent stop either finds the child in the list, or it is found here.
        if let Some(why) = Stopped::of(parent.stop_code()) {
            child.stop(why);
        }
    }

    fn parent(&self) -> Option<Arc<Info>> {
        self.tree()?.parent.lock().clone()
    }

    fn set_parent(&self, parent: Option<Arc<Info>>) {
        let old = mem::replace(&mut *self.make_tree().parent.lock(), parent);
        // Dropped without the lock: this may be the last reference to a long chain of parents.
        drop(old);
    }

    /// Adds a child. Returns false if this process has ended.
    fn enter(&self, child: &Arc<Info>) -> bool {
        self.with_family(|family| {
            if family.ended {
                return false;
            }
            if family.children.len() >= family.sweep_at.max(SWEEP) {
                family.children.retain(|child| child.strong_count() > 0);
                family.sweep_at = 2 * family.children.len();
            }
            family.children.push(Arc::downgrade(child));
            true
        })
    }

    /// The children, without those that have ended for some time.
    fn children(&self) -> Vec<Arc<Info>> {
        let Some(tree) = self.tree() else {
            return Vec::new();
        };
        if !tree.has_family.load(Ordering::SeqCst) {
            return Vec::new();
        }
        let family = tree.family.lock();
        family.children.iter().filter_map(Weak::upgrade).collect()
    }

    /// Ends the process. From now on its children belong to its parent.
    #[inline]
    pub(crate) fn end(&self) {
        let tree = self.tree();
        if tree.is_some_and(|tree| tree.has_family.load(Ordering::Relaxed)) {
            self.hand_over();
        }
    }

    #[cold]
    fn hand_over(&self) {
        let children = self.with_family(|family| {
            family.ended = true;
            mem::take(&mut family.children)
        });
        let parent = self.parent();
        for child in children.iter().filter_map(Weak::upgrade) {
            child.set_parent(parent.clone());
            if let Some(parent) = &parent {
                parent.adopt(&child);
            }
        }
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Info")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Drop for Info {
    #[inline]
    fn drop(&mut self) {
        if !self.tree.get_mut().is_null() {
            drop_parents(self);
        }
    }
}

/// Drops a chain of parents that only this process knows. They are dropped in a loop and not by recursion, because the
/// chain may be long.
#[cold]
fn drop_parents(info: &mut Info) {
    let mut next = take_parent(info);
    while let Some(parent) = next {
        next = Arc::into_inner(parent).and_then(|mut parent| take_parent(&mut parent));
    }
}

/// Frees the place of `info` in a tree, and returns its parent.
fn take_parent(info: &mut Info) -> Option<Arc<Info>> {
    let tree = mem::replace(info.tree.get_mut(), ptr::null_mut());
    if tree.is_null() {
        return None;
    }
    // SAFETY: the pointer comes from `into_raw` in `make_tree`, and `info` is the only reference to the value.
    let mut tree = unsafe { Box::from_raw(tree) };
    tree.parent.get_mut().take()
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
