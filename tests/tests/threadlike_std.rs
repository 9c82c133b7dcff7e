//! Threadlike processes: what std does at the ends of threads and programs, with panics, and when the stack is too small.

// On other systems a process cannot be threadlike.
#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(std_net_portable)
))]

use std::cell::Cell;
use std::ffi::c_int;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Output;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, LazyLock, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use std_net::process;
use std_net_interpose as _;
use std_net_tests::threadlike::{run, spawn, start, until_it_waits};
use std_net_tests::{LIMIT, again, is_again, within};

const NAP: Duration = Duration::from_millis(1);

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_destructor_of_a_thread_local_that_panics_ends_the_program_as_on_a_thread() {
    const NAME: &str = "a_destructor_of_a_thread_local_that_panics_ends_the_program_as_on_a_thread";
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    thread_local!(static LOCAL: Panics = const { Panics });
    if is_again() {
        let touch = || LOCAL.with(|_| ());
        if std::env::var("STD_NET_WHERE").unwrap() == "thread" {
            let _ = thread::spawn(touch).join();
        } else {
            let _ = spawn(touch).join();
        }
        unreachable!("the program has ended");
    }
    for place in ["thread", "process"] {
        let output = again(NAME, &[("STD_NET_WHERE", place)]);
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
        assert!(
            said(&output).contains("thread local panicked on drop"),
            "{output:?}"
        );
    }
}

#[test]
fn exit_and_abort_end_the_program() {
    const NAME: &str = "exit_and_abort_end_the_program";
    extern "C" fn last() {
        // What runs at the exit of the program may sleep, and print.
        thread::sleep(NAP);
        eprintln!("the last words");
    }
    if is_again() {
        // SAFETY: the function may be called at any exit.
        unsafe { libc::atexit(last) };
        let aborts = std::env::var("STD_NET_END").unwrap() == "abort";
        let (_hold, held) = mpsc::channel::<()>();
        let waits = spawn(move || held.recv());
        until_it_waits(&waits);
        let _ = spawn(move || {
            thread::sleep(NAP);
            if aborts {
                std::process::abort();
            }
            std::process::exit(7);
        })
        .join();
        unreachable!("the program has ended");
    }
    let output = again(NAME, &[("STD_NET_END", "exit")]);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert!(said(&output).contains("the last words"), "{output:?}");
    let output = again(NAME, &[("STD_NET_END", "abort")]);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    assert!(!said(&output).contains("the last words"), "{output:?}");
}

#[test]
fn a_stack_that_is_too_small_names_the_process() {
    const NAME: &str = "a_stack_that_is_too_small_names_the_process";
    fn deep(n: u64) -> u64 {
        let room = std::hint::black_box([n; 64]);
        if n == 0 {
            return room[0];
        }
        deep(n - 1) + std::hint::black_box(room)[63]
    }
    const DEPTH: u64 = 4_000;
    if is_again() {
        let _ = spawn(|| deep(1_000_000_000)).join();
        unreachable!("the program has ended");
    }
    let output = again(NAME, &[]);
    assert!(output.status.signal().is_some(), "{output:?}");
    let said = said(&output);
    assert!(
        said.contains("stack") && said.contains("overflow") && said.contains("process 1"),
        "{said}"
    );
    // With a larger stack the same code runs.
    within(LIMIT, || {
        start();
        let builder = process::Builder::new()
            .threadlike(true)
            .stack_size(16 << 20);
        let sum = builder.spawn(|| deep(DEPTH)).unwrap().join().unwrap();
        assert_eq!(sum, DEPTH * (DEPTH + 1) / 2);
    });
}

#[test]
fn a_panic_is_caught_across_waits() {
    run(|| {
        let lock = Arc::new(Mutex::new(0));
        let others: Vec<_> = (0..5)
            .map(|i| {
                let lock = Arc::clone(&lock);
                spawn(move || {
                    let caught = catch_unwind(AssertUnwindSafe(|| {
                        thread::sleep(NAP);
                        let mut held = lock.lock().unwrap_or_else(PoisonError::into_inner);
                        *held += 1;
                        // The others wait for the lock meanwhile.
                        thread::sleep(NAP);
                        assert!(i % 2 == 0, "for the test");
                    }));
                    assert!(!thread::panicking());
                    thread::sleep(NAP);
                    caught.is_err()
                })
            })
            .collect();
        let panicked = others.into_iter().map(|p| p.join().unwrap());
        assert_eq!(panicked.filter(|panicked| *panicked).count(), 2);
        assert!(lock.is_poisoned());
        assert_eq!(*lock.lock().unwrap_or_else(PoisonError::into_inner), 5);
    });
}

#[test]
fn a_barrier_is_met_by_threads_and_processes() {
    run(|| {
        let barrier = Arc::new(Barrier::new(6));
        let leader =
            |barrier: Arc<Barrier>| move || (0..20).filter(|_| barrier.wait().is_leader()).count();
        let threads: Vec<_> = (0..3)
            .map(|_| thread::spawn(leader(Arc::clone(&barrier))))
            .collect();
        let processes: Vec<_> = (0..3)
            .map(|_| spawn(leader(Arc::clone(&barrier))))
            .collect();
        let mut leaders = 0;
        for process in processes {
            leaders += process.join().unwrap();
        }
        for thread in threads {
            leaders += thread.join().unwrap();
        }
        assert_eq!(leaders, 20);
    });
}

#[test]
fn a_value_that_needs_itself_stops_only_its_own_process() {
    // std promises a panic or a deadlock. It must be the deadlock of one process, and not of its worker.
    const NAME: &str = "a_value_that_needs_itself_stops_only_its_own_process";
    static ITSELF: LazyLock<u32> = LazyLock::new(|| *ITSELF + 1);
    if !is_again() {
        // The process stays until the program ends.
        let output = again(NAME, &[]);
        assert!(output.status.success(), "{output:?}");
        return;
    }
    run(|| {
        let stuck = spawn(|| *ITSELF);
        let seen = catch_unwind(AssertUnwindSafe(|| until_it_waits(&stuck))).is_ok();
        assert!(seen || stuck.join().is_err());
        assert_eq!(spawn(|| 5).join().unwrap(), 5);
    });
}

#[test]
fn a_signal_handler_sees_the_interrupted_process_and_leaves_its_errno() {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    static ERRNO: AtomicI32 = AtomicI32::new(0);
    thread_local!(static LOCAL: Cell<u32> = const { Cell::new(0) });

    fn errno() -> *mut c_int {
        // SAFETY: each thread and each threadlike process has one.
        unsafe { libc::__errno_location() }
    }
    extern "C" fn handler(_: c_int) {
        SEEN.store(LOCAL.get(), Ordering::SeqCst);
        // SAFETY: the address is that of the process that was interrupted.
        ERRNO.store(unsafe { errno().read() }, Ordering::SeqCst);
    }
    run(|| {
        // SAFETY: the handler only reads a thread-local without a destructor, and writes atomics.
        unsafe { libc::signal(libc::SIGUSR2, handler as *const () as usize) };
        let other = spawn(|| {
            LOCAL.set(1);
            thread::sleep(NAP);
            LOCAL.get()
        });
        until_it_waits(&other);
        let own = spawn(|| {
            LOCAL.set(2);
            // SAFETY: both are its own.
            unsafe {
                errno().write(77);
                // The signal is for this thread, so the handler runs before the call returns.
                libc::raise(libc::SIGUSR2);
                errno().read()
            }
        });
        assert_eq!(own.join().unwrap(), 77);
        assert_eq!(SEEN.load(Ordering::SeqCst), 2);
        assert_eq!(ERRNO.load(Ordering::SeqCst), 77);
        assert_eq!(other.join().unwrap(), 1);
    });
}

#[test]
fn standard_input_is_read_by_two_that_take_turns() {
    const NAME: &str = "standard_input_is_read_by_two_that_take_turns";
    if !is_again() {
        let output = again(NAME, &[]);
        assert!(output.status.success(), "{output:?}");
        return;
    }
    run(|| {
        let (reader, mut writer) = io::pipe().unwrap();
        // SAFETY: both descriptors are open.
        let replaced = unsafe { libc::dup2(reader.as_raw_fd(), 0) };
        assert_eq!(replaced, 0);
        let readers: Vec<_> = (0..2)
            .map(|_| {
                spawn(|| {
                    let mut line = String::new();
                    io::stdin().read_line(&mut line).unwrap();
                    line
                })
            })
            .collect();
        readers.iter().for_each(until_it_waits);
        writer.write_all(b"one\n").unwrap();
        writer.write_all(b"two\n").unwrap();
        let mut lines: Vec<_> = readers.into_iter().map(|r| r.join().unwrap()).collect();
        lines.sort();
        assert_eq!(lines, ["one\n", "two\n"]);
    });
}
