//! Values of which each process has its own copy, like `std::thread_local` for threads.

use std::any::Any;
use std::fmt;
use std::ptr;
use std::rc::Rc;

use crate::sched::locals::{Copied, Flow, find, keep};

/// A value of which every process has its own copy. The copy is made at its first use and dropped when the process
/// ends. Outside of processes, each thread has its own copy.
///
/// This differs from a `thread_local!`, which all processes of a worker thread share.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use std_net::process::{self, Local};
///
/// static REQUESTS: Local<Cell<u32>> = Local::new(|| Cell::new(0));
///
/// let count = || REQUESTS.with(|n| { n.set(n.get() + 1); n.get() });
/// assert_eq!(process::spawn(move || { count(); count() }).join().unwrap(), 2);
/// assert_eq!(process::spawn(count).join().unwrap(), 1);
/// ```
pub struct Local<T: 'static> {
    init: fn() -> T,
    flow: Option<Flow>,
    // Two locals with the same `init` must have different addresses, so the type must not be zero-sized.
    _not_zero_sized: u8,
}

impl<T: 'static> Local<T> {
    /// Makes a local. `init` makes each copy.
    #[must_use]
    pub const fn new(init: fn() -> T) -> Local<T> {
        Local {
            init,
            flow: None,
            _not_zero_sized: 0,
        }
    }

    /// Makes a local whose value is inherited. A new process begins with a copy of the value of the process (or thread)
    /// that spawns it, as it is at that moment. This is for a value that belongs to a whole task with many processes,
    /// such as the number of a request in every line of its log.
    ///
    /// A process that has no value yet passes none on, and its children call `init`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std_net::process::{self, Local};
    ///
    /// static REQUEST: Local<Cell<u64>> = Local::flowing(|| Cell::new(0));
    ///
    /// REQUEST.with(|id| id.set(7));
    /// let query = process::spawn(|| {
    ///     let log = process::spawn(|| REQUEST.with(Cell::get));
    ///     log.join().unwrap()
    /// });
    /// assert_eq!(query.join().unwrap(), 7);
    /// ```
    #[must_use]
    pub const fn flowing(init: fn() -> T) -> Local<T>
    where
        T: Clone + Send,
    {
        Local {
            init,
            flow: Some(copy::<T>),
            _not_zero_sized: 0,
        }
    }

    /// Calls `f` with the copy of this process or thread.
    ///
    /// On a plain thread that is ending and has dropped its values, each call makes a new copy.
    ///
    /// # Panics
    ///
    /// If `init` panics. The next use calls it again.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        let key = ptr::from_ref(self) as usize;
        let value = match find(key) {
            Some(value) => value,
            None => {
                let value: Rc<dyn Any> = Rc::new((self.init)());
                // `init` may have used this local itself. Then the first value stays.
                find(key).unwrap_or_else(|| {
                    keep(key, &value, self.flow);
                    value
                })
            }
        };
        f(value
            .downcast_ref()
            .expect("a key is the address of one static"))
    }
}

fn copy<T: Clone + Send + 'static>(value: &dyn Any) -> Copied {
    let value: &T = value.downcast_ref().expect("kept under its own key");
    let value = value.clone();
    Box::new(move || Rc::new(value))
}

impl<T: 'static> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}
