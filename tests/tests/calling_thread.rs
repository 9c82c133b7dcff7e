//! `runtime::Builder::run` makes the calling thread the only worker. Each case has an OS process of its
//! own, because a runtime can start only once.

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use std_net::process::{self, channel};
use std_net::runtime::Builder;
use std_net::server::Server;
use std_net::socket::{TcpListener, TcpStream};
use std_net_tests::{LIMIT, again, is_again, within};

/// Runs `case` in an OS process of its own. `name` must be the name of the test.
fn alone(name: &str, case: impl FnOnce()) {
    if is_again() {
        within(LIMIT, case);
        return;
    }
    let output = again(name, &[("STD_NET_WATCHDOG", "0"), ("STD_NET_WORKERS", "2")]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Returns the id of the OS thread that this runs on. `thread::current()` would be a threadlike process's own.
fn thread() -> u32 {
    let path = std::fs::read_link("/proc/thread-self").unwrap();
    path.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

#[test]
fn everything_runs_on_the_calling_thread() {
    alone("everything_runs_on_the_calling_thread", || {
        let here = thread();
        let before = threads();
        // Values that are not `Send` may go in and come out.
        let log = Rc::new(RefCell::new(Vec::new()));
        let (sum, kept) = Builder::new()
            .run(|| {
                assert!(process::current().is_some());
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let address = listener.local_addr().unwrap();
                let server = process::spawn(move || {
                    assert_eq!(thread(), here);
                    for stream in listener.incoming().take(3) {
                        let mut stream = stream.unwrap();
                        process::spawn(move || {
                            let mut byte = [0];
                            stream.read_exact(&mut byte).unwrap();
                            stream.write_all(&[byte[0] * 2]).unwrap();
                        });
                    }
                });
                let clients: Vec<_> = (1..=3)
                    .map(|n| {
                        process::spawn(move || {
                            let mut stream = TcpStream::connect(address).unwrap();
                            stream.write_all(&[n]).unwrap();
                            let mut byte = [0];
                            stream.read_exact(&mut byte).unwrap();
                            assert_eq!(thread(), here);
                            u32::from(byte[0])
                        })
                    })
                    .collect();
                for client in clients {
                    log.borrow_mut().push(client.join().unwrap());
                }
                server.join().unwrap();
                assert_eq!(threads(), before, "a thread was made");
                (log.borrow().iter().sum::<u32>(), Rc::clone(&log))
            })
            .unwrap();
        assert_eq!(sum, 12);
        assert_eq!(kept.borrow().len(), 3);
        assert!(process::current().is_none());
        assert_eq!(thread(), here);

        // The runtime goes on, on another thread, and is still the only one.
        let elsewhere = process::spawn(|| {
            process::sleep(Duration::from_millis(1));
            thread()
        });
        assert_ne!(elsewhere.join().unwrap(), here);
        let error = Builder::new().run(|| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    });
}

#[test]
fn it_returns_when_all_have_ended() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);

    /// Counts when it is dropped, after a wait.
    struct Late;

    impl Drop for Late {
        fn drop(&mut self) {
            process::sleep(Duration::from_millis(1));
            ENDED.fetch_add(1, Ordering::SeqCst);
        }
    }

    alone("it_returns_when_all_have_ended", || {
        let (sender, receiver) = mpsc::channel();
        // A plain thread spawns one process after `main` has ended, while another process still waits
        // for it.
        let plain = thread::spawn(move || {
            let go: channel::Sender<()> = receiver.recv().unwrap();
            process::spawn(move || {
                let _late = Late;
                go.send(()).unwrap();
            })
        });
        Builder::new()
            .run(|| {
                let (go, wait) = channel::bounded(1);
                process::spawn(move || {
                    let _late = Late;
                    wait.recv().unwrap();
                });
                process::spawn(|| {
                    let _late = Late;
                    process::yield_now();
                });
                process::blocking(move || sender.send(go).unwrap());
            })
            .unwrap();
        assert_eq!(ENDED.load(Ordering::SeqCst), 3);
        plain.join().unwrap().join().unwrap();
    });
}

#[test]
fn its_panic_comes_when_the_others_have_ended() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    alone("its_panic_comes_when_the_others_have_ended", || {
        let panic = catch_unwind(AssertUnwindSafe(|| {
            Builder::new().run(|| {
                process::spawn(|| {
                    process::sleep(Duration::from_millis(5));
                    ENDED.fetch_add(1, Ordering::SeqCst);
                });
                panic!("on purpose");
            })
        }));
        let panic = panic.unwrap_err();
        assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "on purpose");
        assert_eq!(ENDED.load(Ordering::SeqCst), 1);
        process::spawn(|| ()).join().unwrap();
    });
}

#[test]
fn a_server_ends_as_everywhere() {
    alone("a_server_ends_as_everywhere", || {
        let end = Builder::new()
            .workers(1)
            .run(|| {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let address = listener.local_addr().unwrap();
                let server = Server::new(listener).unwrap();
                let handle = server.handle();
                process::spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.write_all(b"hello").unwrap();
                    stream.read_exact(&mut [0; 5]).unwrap();
                    // In a real program, a signal handler would cause this.
                    process::blocking(move || handle.shutdown(Duration::from_millis(1)));
                    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
                });
                server.run(|mut stream: TcpStream| -> std::io::Result<()> {
                    let mut buf = [0; 64];
                    loop {
                        match stream.read(&mut buf)? {
                            0 => return Ok(()),
                            n => stream.write_all(&buf[..n])?,
                        }
                    }
                })
            })
            .unwrap()
            .unwrap();
        assert_eq!(end.served, 1);
    });
}

#[test]
fn it_is_refused_where_it_cannot_be() {
    alone("it_is_refused_where_it_cannot_be", || {
        let two = Builder::new()
            .workers(2)
            .run(|| unreachable!("it is refused"));
        assert_eq!(two.unwrap_err().kind(), ErrorKind::InvalidInput);
        // No runtime has been started yet.
        let inner = Builder::new().run(|| Builder::new().run(|| unreachable!("it runs")));
        let error = inner.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    });
}
