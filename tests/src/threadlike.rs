//! Code that the tests of threadlike processes share. These tests link `std_net_interpose` themselves.

use std::net::{TcpListener, TcpStream};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use std_net::process::{self, JoinHandle};
use std_net::runtime;

use crate::{LIMIT, within};

/// Starts one worker, so that a process that blocks it blocks all processes.
pub fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| runtime::Builder::new().workers(1).start().unwrap());
}

/// Spawns `f` as a threadlike process on the one worker.
pub fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    start();
    process::Builder::new()
        .threadlike(true)
        .spawn(f)
        .expect("processes can be threadlike here")
}

/// Runs `f` as a threadlike process.
pub fn run<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    within(LIMIT, || match spawn(f).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Runs `f` in an ordinary process on the one worker, even if the environment asks for threadlike ones.
pub fn ordinary<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    start();
    let process = process::Builder::new().threadlike(false).spawn(f);
    match process.expect("the runtime runs").join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Returns the two ends of a TCP connection of std.
pub fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let a = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (a, listener.accept().unwrap().0)
}

/// Waits until the list of processes shows this process as waiting.
///
/// # Panics
///
/// If the process ends instead.
pub fn until_it_waits<T>(handle: &JoinHandle<T>) {
    assert!(
        waits(handle),
        "{:?} ended and did not wait",
        handle.process()
    );
}

/// Waits until the list of processes shows this process as waiting, or the process ends. Returns whether it was seen to
/// wait. A process that waits for a limited time may end unseen.
pub fn waits<T>(handle: &JoinHandle<T>) -> bool {
    let id = handle.process().id();
    while !process::list()
        .iter()
        .any(|p| p.id == id && p.since.is_some())
    {
        if handle.is_finished() {
            return false;
        }
        process::yield_now();
        thread::sleep(Duration::from_micros(100));
    }
    true
}
