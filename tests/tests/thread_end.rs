//! Do waits work in the destructors of thread-locals? Such a thread-local may hold a connection that
//! sends a goodbye in its `Drop`, and a panic there ends the program. All of std's own calls work
//! there.

use std::cell::RefCell;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use std_net::dns::Resolver;
use std_net::process::{self, Event, Local, Mutex, RwLock, Semaphore};
use std_net::socket::{TcpListener, TcpStream, UdpSocket};
use std_net::unix::{Ancillary, UnixDatagram, UnixListener, UnixStream};
use std_net::{copy, copy_bidirectional};
use std_net_tests::{LIMIT, TempPath, again, is_again, tcp_pair, within};

const SOON: Duration = Duration::from_millis(5);
const FAR: Duration = Duration::from_secs(3600);

/// Runs the operation once in the thread, so that the library makes all its thread-locals. Runs it
/// again when these have been dropped.
struct Last(fn());

impl Drop for Last {
    fn drop(&mut self) {
        (self.0)();
    }
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

fn at_the_end(name: &str, operation: fn()) {
    eprintln!("{name}");
    let early = thread::spawn(move || {
        // The value that is made first is dropped last.
        LAST.set(Some(Last(operation)));
        operation();
    });
    early.join().unwrap();
    // Also try it in a thread where the library has made nothing before.
    thread::spawn(move || LAST.set(Some(Last(operation))))
        .join()
        .unwrap();
}

fn timed_out<T: std::fmt::Debug>(result: std::io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
}

/// Runs something a little later, on another thread.
fn later(f: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        thread::sleep(SOON);
        f();
    });
}

static LOCAL: Local<RefCell<u32>> = Local::new(|| RefCell::new(7));

#[test]
fn every_wait_works_while_a_thread_ends() {
    if !is_again() {
        let output = again("every_wait_works_while_a_thread_ends", &[]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the last of these: {errors}");
        return;
    }
    within(LIMIT, || {
        for (name, operation) in OPERATIONS {
            at_the_end(name, operation);
        }
    });
}

const OPERATIONS: [(&str, fn()); 25] = [
    ("sleep", || process::sleep(SOON)),
    ("yield", process::yield_now),
    ("read with a deadline", || {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        a.set_deadline(SOON);
        timed_out(a.read(&mut [0; 8]));
        a.set_deadline(FAR);
        later(move || b.write_all(b"data").unwrap());
        assert_eq!(a.read(&mut [0; 8]).unwrap(), 4);
    }),
    ("read into a lent buffer", || {
        let (a, mut b) = tcp_pair();
        b.write_all(b"data").unwrap();
        assert_eq!(&*a.read_lent().unwrap(), b"data");
    }),
    ("write with a deadline", || {
        let (mut a, _b) = UnixStream::pair().unwrap();
        a.set_deadline(SOON);
        while a.write(&[0; 4096]).is_ok() {}
    }),
    ("accept with a deadline", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_deadline(SOON);
        timed_out(listener.accept());
    }),
    ("accept of a listener that others have seen", || {
        let at = TempPath::new();
        let listener = UnixListener::bind(&at).unwrap();
        let other = listener.try_clone().unwrap();
        listener.set_deadline(SOON);
        timed_out(listener.accept());
        drop(other);
    }),
    ("accept that is interrupted", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let notifier = listener.notifier().unwrap();
        later(move || notifier.notify());
        assert!(std_net::socket::is_notified(
            &listener.accept().unwrap_err()
        ));
    }),
    ("connect with a deadline", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        TcpStream::connect_deadline(listener.local_addr().unwrap(), FAR).unwrap();
    }),
    ("datagrams", || {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_deadline(SOON);
        timed_out(udp.recv_from(&mut [0; 8]));
        let (a, b) = UnixDatagram::pair().unwrap();
        a.send_ancillary(b"x", &Ancillary::new()).unwrap();
        assert_eq!(b.recv_ancillary(&mut [0; 8], 1).unwrap().len, 1);
    }),
    ("sends to a full receiver", || {
        let at = TempPath::new();
        let _receiver = UnixDatagram::bind(&at).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.set_deadline(SOON);
        while sender.send_to(b"x", &at).is_ok() {}
    }),
    ("a mutex", || {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock();
        let other = Arc::clone(&mutex);
        let waiting = process::spawn(move || *other.lock() += 1);
        drop(guard);
        waiting.join().unwrap();
        assert_eq!(*mutex.lock(), 1);
    }),
    ("a mutex that another holds", || {
        let mutex = Arc::new(Mutex::new(0));
        let other = Arc::clone(&mutex);
        let (held, is_held) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let _guard = other.lock();
            held.send(()).unwrap();
            thread::sleep(SOON);
        });
        is_held.recv().unwrap();
        let _guard = mutex.lock();
    }),
    ("a lock for readers and writers", || {
        let lock = Arc::new(RwLock::new(0));
        let other = Arc::clone(&lock);
        let (held, is_held) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let _guard = other.write();
            held.send(()).unwrap();
            thread::sleep(SOON);
        });
        is_held.recv().unwrap();
        assert_eq!(*lock.read(), 0);
        *lock.write() = 1;
    }),
    ("a semaphore", || {
        let semaphore = Arc::new(Semaphore::new(0));
        let other = Arc::clone(&semaphore);
        later(move || other.add_permits(1));
        let _permit = semaphore.acquire();
    }),
    ("an event", || {
        let event = Event::new();
        assert_eq!(event.wait_deadline(|| None::<()>, SOON), None);
    }),
    ("channels", || {
        let (sender, receiver) = process::channel::bounded(1);
        assert!(receiver.recv_deadline(SOON).is_err());
        sender.send(1).unwrap();
        assert!(sender.send_deadline(2, SOON).is_err());
        later(move || sender.send(3).unwrap());
        assert_eq!((receiver.recv(), receiver.recv()), (Ok(1), Ok(3)));
    }),
    ("spawn and join", || {
        assert_eq!(process::spawn(|| 7).join().unwrap(), 7);
    }),
    ("a scope", || {
        let text = String::from("borrowed");
        assert_eq!(
            process::scope(|s| s.spawn(|| text.len()).join().unwrap()),
            8
        );
    }),
    ("futures and blocking code", || {
        assert_eq!(process::block_on(async { 7 }), 7);
        assert_eq!(process::blocking(|| 7), 7);
    }),
    ("a lookup", || {
        Resolver::libc().lookup_deadline("localhost", FAR).unwrap();
    }),
    ("copy", || {
        let (mut client, a) = tcp_pair();
        let (b, server) = UnixStream::pair().unwrap();
        client.write_all(b"data").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(copy(&a, &b).unwrap(), 4);
        server.shutdown(Shutdown::Write).unwrap();
        assert_eq!(copy_bidirectional(&a, &b).unwrap(), (0, 0));
    }),
    ("a file", || {
        let (a, _b) = tcp_pair();
        let file = File::open("/proc/self/exe").unwrap();
        assert_eq!(a.send_file(&file, 0..100).unwrap(), 100);
    }),
    ("lines", || {
        let (client, server) = tcp_pair();
        let mut write = client.open_write_channel(true).unwrap();
        let mut read = server.open_read_channel().unwrap();
        write.write_line("hello").unwrap();
        assert_eq!(read.read_utf8_line(100).unwrap(), Some("hello"));
    }),
    ("values of its own", || {
        LOCAL.with(|value| assert_eq!(*value.borrow(), 7));
    }),
];
