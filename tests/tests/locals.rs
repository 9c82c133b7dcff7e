//! Does a new process get the inherited values as they were at its spawn, and do the other values stay
//! behind?

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use std_net::process::{self, Builder, Local};
use std_net_tests::both;

static REQUEST: Local<Cell<u64>> = Local::flowing(|| Cell::new(0));
static WORDS: Local<RefCell<Vec<String>>> = Local::flowing(|| RefCell::new(Vec::new()));
static OWN: Local<Cell<u64>> = Local::new(|| Cell::new(0));

#[test]
fn a_value_flows_to_all_that_are_spawned_below() {
    both(|| {
        for id in [7, 8] {
            REQUEST.with(|r| r.set(id));
            OWN.with(|own| own.set(id));
            WORDS.with(|w| w.borrow_mut().push(format!("word {id}")));
            let words = WORDS.with(|w| w.borrow().len());
            let seen = move || (REQUEST.with(Cell::get), OWN.with(Cell::get));
            let child = process::spawn(move || {
                process::scope(|scope| {
                    let scoped = scope.spawn(seen);
                    let named = Builder::new().name("x").detached().spawn(seen).unwrap();
                    let deeper = process::spawn(move || process::spawn(seen).join().unwrap());
                    assert_eq!(WORDS.with(|w| w.borrow().len()), words);
                    // The process has its own copy, so no other process sees the change.
                    WORDS.with(|w| w.borrow_mut().clear());
                    [scoped.join(), named.join(), deeper.join()].map(Result::unwrap)
                })
            });
            // A change after the spawn does not reach the process.
            REQUEST.with(|r| r.set(100));
            assert_eq!(child.join().unwrap(), [(id, 0); 3]);
            assert_eq!(WORDS.with(|w| w.borrow().len()), words);
        }
    });
}

#[test]
fn who_has_no_value_hands_none_on() {
    both(|| {
        let value = process::spawn(|| {
            // A separate thread has no such value.
            process::blocking(|| {
                thread::spawn(|| process::spawn(|| REQUEST.with(Cell::get)).join().unwrap())
                    .join()
                    .unwrap()
            })
        });
        assert_eq!(value.join().unwrap(), 0);
    });
}

/// Counts how many of these values exist.
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Counted {
        self.0.fetch_add(1, Ordering::SeqCst);
        Counted(Arc::clone(&self.0))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

static COUNTED: Local<RefCell<Option<Counted>>> = Local::flowing(|| RefCell::new(None));

#[test]
fn copies_are_dropped_with_their_processes() {
    both(|| {
        let count = Arc::new(AtomicUsize::new(1));
        let counted = Counted(Arc::clone(&count));
        process::spawn(move || {
            COUNTED.with(|c| *c.borrow_mut() = Some(counted));
            let children: Vec<_> = (0..5)
                .map(|_| process::spawn(|| COUNTED.with(|c| c.borrow().is_some())))
                .collect();
            assert!(children.into_iter().all(|child| child.join().unwrap()));
        })
        .join()
        .unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 0);
    });
}
