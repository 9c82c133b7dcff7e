//! Tests of processes and of the loop in which they wait, through the interface that the sibling crates use.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Type};
use std_net_runtime::{Deadline, Io, process};

fn listener() -> (Io, SockAddr) {
    let io = Io::socket(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    io.sock().bind(&any.into()).unwrap();
    io.sock().listen(1024).unwrap();
    let addr = io.sock().local_addr().unwrap();
    (io, addr)
}

fn connect(addr: &SockAddr) -> Io {
    let io = Io::socket(Domain::IPV4, Type::STREAM, None)
        .unwrap()
        .short_read_drains();
    io.connect(addr).unwrap();
    io
}

fn echo(io: &Io) {
    let mut buf = [0; 4096];
    loop {
        let n = io.recv(&mut buf, 0).unwrap();
        if n == 0 {
            return;
        }
        let mut sent = 0;
        while sent < n {
            sent += io.send(&buf[sent..n], 0).unwrap();
        }
    }
}

#[test]
fn many_processes_echo_at_once() {
    let (listener, addr) = listener();
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let server = process::spawn(move || {
        let mut all = Vec::new();
        for _ in 0..200 {
            let (io, _) = listener.accept().unwrap();
            let io = io.short_read_drains();
            let count = Arc::clone(&count);
            all.push(process::spawn(move || {
                echo(&io);
                count.fetch_add(1, Ordering::Relaxed);
            }));
        }
        for one in all {
            one.join().unwrap();
        }
    });
    let clients: Vec<_> = (0..200u32)
        .map(|i| {
            let addr = addr.clone();
            process::spawn(move || {
                let io = connect(&addr);
                for round in 0..20u32 {
                    let message = (i * 1000 + round).to_be_bytes();
                    assert_eq!(io.send(&message, 0).unwrap(), 4);
                    let mut got = [0; 64];
                    let mut n = 0;
                    while n < 4 {
                        n += io.recv(&mut got[n..], 0).unwrap();
                    }
                    assert_eq!(got[..4], message);
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    server.join().unwrap();
    assert_eq!(served.load(Ordering::Relaxed), 200);
}

#[test]
fn a_deadline_ends_a_wait_and_can_be_changed_meanwhile() {
    let (_keep, addr) = listener();
    let body = move || {
        let io = Arc::new(connect(&addr));
        io.set_deadline(Deadline::from(Duration::from_millis(5)));
        let error = io.recv(&mut [0; 8], 0).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);

        io.set_deadline(Deadline::from(Duration::from_secs(3600)));
        let other = Arc::clone(&io);
        let changer = process::spawn(move || {
            process::sleep(Duration::from_millis(20));
            other.set_deadline(Deadline::from(Instant::now()));
        });
        let error = io.recv(&mut [0; 8], 0).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        changer.join().unwrap();
    };
    process::spawn(body.clone()).join().unwrap();
    body();
}

#[test]
fn cancel_ends_a_wait() {
    let (_keep, addr) = listener();
    let (connected, waits) = std::sync::mpsc::channel();
    let handle = process::spawn(move || {
        let io = connect(&addr);
        connected.send(()).unwrap();
        io.recv(&mut [0; 8], 0)
    });
    // From now on the process does nothing but wait.
    waits.recv().unwrap();
    handle.cancel();
    let error = handle.join().unwrap().unwrap_err();
    assert!(process::is_cancelled(&error), "{error}");
}

#[test]
fn a_panic_ends_the_process_and_nothing_else() {
    let handle = process::spawn(|| {
        let _wait_while_unwinding = Wait;
        panic!("on purpose");
    });
    assert_eq!(
        *handle.join().unwrap_err().downcast::<&str>().unwrap(),
        "on purpose"
    );
    assert_eq!(process::spawn(|| 5).join().unwrap(), 5);

    struct Wait;
    impl Drop for Wait {
        fn drop(&mut self) {
            process::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn scopes_and_blocking_borrow() {
    let data = [1, 2, 3];
    let sum: i32 = process::scope(|s| {
        let handles: Vec<_> = data.iter().map(|n| s.spawn(move || n * 2)).collect();
        handles.into_iter().map(|h| h.join().unwrap()).sum()
    });
    assert_eq!(sum, 12);
    let text = process::spawn(|| {
        let text = String::from("seen");
        process::blocking(|| text.clone())
    });
    assert_eq!(text.join().unwrap(), "seen");
}

#[test]
fn sleepers_wake_in_order() {
    let (sender, receiver) = process::channel::unbounded();
    let start = Instant::now() + Duration::from_millis(30);
    for i in (0..50u64).rev() {
        let sender = sender.clone();
        process::spawn(move || {
            process::sleep(start + Duration::from_millis(i));
            sender.send(i).unwrap();
        });
    }
    drop(sender);
    let order: Vec<u64> = receiver.iter().collect();
    assert_eq!(order.len(), 50);
}

#[test]
fn channels_time_out_and_give_the_value_back() {
    use process::channel::{self, RecvError, SendError};
    let body = || {
        let (sender, receiver) = channel::bounded(1);
        assert_eq!(
            receiver.recv_deadline(Duration::from_millis(2)),
            Err(RecvError::TimedOut)
        );
        sender.send(String::from("a")).unwrap();
        let error = sender
            .send_deadline(String::from("b"), Duration::from_millis(2))
            .unwrap_err();
        assert!(matches!(&error, SendError::TimedOut(text) if text == "b"));
        assert_eq!(receiver.recv().unwrap(), "a");
        drop(receiver);
        assert!(matches!(
            sender.send(String::new()),
            Err(SendError::Closed(_))
        ));
    };
    body();
    process::spawn(body).join().unwrap();
}

#[test]
fn a_computation_on_the_threads_stack() {
    /// Recurses until it uses this many KiB of stack.
    fn deep(kib: usize) -> usize {
        let page = std::hint::black_box([1_u8; 1024]);
        let below = if kib > 1 { deep(kib - 1) } else { 0 };
        below + usize::from(std::hint::black_box(page)[512])
    }

    let body = || {
        let mut text = String::from("borrowed");
        let sum = process::on_thread_stack(|| {
            assert!(process::current().is_none());
            text.push_str(" and changed");
            // This is more than the process's own stack has.
            deep(256)
        });
        assert_eq!((sum, &*text), (256, "borrowed and changed"));
        assert!(process::current().is_some());
        let panic = std::panic::catch_unwind(|| process::on_thread_stack(|| panic!("inside")));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"inside"));
        assert!(process::current().is_some());
        // The process can wait as before.
        process::sleep(std::time::Duration::from_millis(1));
    };
    let process = process::Builder::new().stack_size(64 * 1024);
    process.spawn(body).unwrap().join().unwrap();
    assert_eq!(process::on_thread_stack(|| deep(8)), 8, "on a plain thread");
}
