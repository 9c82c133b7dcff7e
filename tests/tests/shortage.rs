//! What happens when the system gives no more threads, or no more descriptors? Each test runs in an OS
//! process of its own, because a shortage affects the whole OS process.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use std_net::dns::{Error, Resolver};
use std_net::process;
use std_net::socket::{TcpListener, TcpStream, UdpSocket};
use std_net::unix::{UnixDatagram, UnixStream};
use std_net::{copy, runtime};
use std_net_tests::{LIMIT, again, is_again, tcp_pair, within};

/// Runs the test again with this many workers, and checks that it succeeds.
fn alone(name: &str) {
    for workers in ["1", "2"] {
        let output = again(name, &[("STD_NET_WORKERS", workers)]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{workers} workers: {errors}");
        if errors.contains("SKIPPED") {
            eprintln!("{errors}");
        }
    }
}

/// From now on no thread can be made. If the system still allows it, this prints a message and returns
/// false.
fn no_more_threads() -> bool {
    // The kernel does not limit root, so become a user with no other program.
    let nobody = 0x4000_0000 + std::process::id();
    let one = libc::rlimit {
        rlim_cur: 1,
        rlim_max: 1,
    };
    // SAFETY: the arguments are numbers and a live structure. glibc changes all threads.
    let changed = unsafe {
        libc::setrlimit(libc::RLIMIT_NPROC, &raw const one) == 0
            && (libc::geteuid() != 0 || libc::setresuid(nobody, nobody, nobody) == 0)
    };
    let fails = changed && std::thread::Builder::new().spawn(|| ()).is_err();
    if !fails {
        eprintln!("SKIPPED: threads can be made all the same");
    }
    fails
}

/// From now on no descriptor can be opened.
fn no_more_descriptors() -> Vec<File> {
    let few = libc::rlimit {
        rlim_cur: 256,
        rlim_max: 256,
    };
    // SAFETY: the pointer is to a live structure.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const few) };
    assert_eq!(set, 0);
    let mut all = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => all.push(file),
            Err(e) => {
                assert_eq!(e.raw_os_error(), Some(libc::EMFILE));
                return all;
            }
        }
    }
}

/// Runs `f` without the watchdog of other tests, because that is a thread. `SIGALRM` ends a hang.
fn in_a_process<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    // SAFETY: this only sets a timer.
    unsafe { libc::alarm(60) };
    process::spawn(f).join().unwrap()
}

#[test]
fn without_threads_blocking_code_runs_all_the_same() {
    if !is_again() {
        return alone("without_threads_blocking_code_runs_all_the_same");
    }
    in_a_process(|| ());
    if !no_more_threads() {
        return;
    }
    assert_eq!(in_a_process(|| process::blocking(|| 7)), 7);
    let sums: Vec<u64> = in_a_process(|| {
        let all: Vec<_> = (0..100)
            .map(|n| process::spawn(move || process::blocking(move || n + 1)))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(sums, (1..=100).collect::<Vec<_>>());
    let panic = process::spawn(|| process::blocking(|| panic!("as in the pool"))).join();
    assert!(panic.is_err());
}

#[test]
fn without_threads_a_lookup_is_an_error_and_keeps_no_worker() {
    if !is_again() {
        return alone("without_threads_a_lookup_is_an_error_and_keeps_no_worker");
    }
    in_a_process(|| ());
    if !no_more_threads() {
        return;
    }
    let lookup = || Resolver::libc().lookup_deadline("name.invalid", Duration::from_secs(30));
    for error in [lookup().unwrap_err(), in_a_process(lookup).unwrap_err()] {
        let Error::Io(error) = error else {
            panic!("{error:?}");
        };
        assert_eq!(error.raw_os_error(), Some(libc::EAGAIN), "{error}");
    }
    let error = in_a_process(|| TcpStream::connect("name.invalid:80")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EAGAIN), "{error}");
    // An address needs no lookup, so it needs no thread.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    in_a_process(move || TcpStream::connect(&*addr)).unwrap();
}

/// An idle thread of the pool is used, whatever the limit is.
#[test]
fn threads_that_are_there_are_used() {
    if !is_again() {
        return alone("threads_that_are_there_are_used");
    }
    let first = in_a_process(|| process::blocking(|| std::thread::current().id()));
    if !no_more_threads() {
        return;
    }
    let second = in_a_process(|| process::blocking(|| std::thread::current().id()));
    assert_eq!(first, second);
}

#[test]
fn without_descriptors_a_lookup_says_so() {
    if !is_again() {
        return alone("without_descriptors_a_lookup_says_so");
    }
    in_a_process(|| ());
    let _all = no_more_descriptors();
    for resolver in [Resolver::libc(), Resolver::new()] {
        let ask = move || {
            let far = Duration::from_secs(60);
            let errors = [
                resolver.lookup("name.invalid").unwrap_err(),
                resolver.lookup_deadline("name.invalid", far).unwrap_err(),
            ];
            for error in errors {
                let error = io::Error::from(error);
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
            }
        };
        within(LIMIT, ask.clone());
        in_a_process(ask);
    }
    let error = TcpStream::connect("name.invalid:80").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
}

/// Tries each wait with a deadline, at the limit, on a thread that has not waited before.
fn waits_with_a_deadline(streams: [(UnixStream, UnixStream); 2], tcp: (TcpStream, TcpStream)) {
    let soon = Duration::from_millis(20);
    let far = Duration::from_secs(3600);
    let [(a, mut b), (c, d)] = streams;
    // This wait ends at the deadline.
    a.set_deadline(soon);
    let error = (&a).read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    // These data come in time.
    a.set_deadline(far);
    let a = Arc::new(a);
    let reader = Arc::clone(&a);
    let (read, has_read) = process::channel::bounded(1);
    let thread = process::spawn(move || {
        let mut buf = [0; 8];
        read.send((&*reader).read(&mut buf).map(|n| buf[..n].to_vec()))
            .unwrap();
    });
    b.write_all(b"data").unwrap();
    assert_eq!(has_read.recv().unwrap().unwrap(), b"data");
    thread.join().unwrap();
    // The deadline changes during the wait, and the wait must notice it.
    c.set_deadline(far);
    let c = Arc::new(c);
    let changer = Arc::clone(&c);
    let change = process::spawn(move || {
        process::sleep(Duration::from_millis(20));
        changer.set_deadline(Duration::ZERO);
    });
    let error = (&*c).read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    change.join().unwrap();
    drop(d);
    // A copy normally uses a pipe.
    let (client, server) = tcp;
    client.set_deadline(far);
    server.set_deadline(far);
    (&client).write_all(b"through").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    a.reset_deadline();
    assert_eq!(copy(&server, &*a).unwrap(), 7);
    // Locks and channels
    let (_sender, receiver) = process::channel::bounded::<()>(1);
    assert!(receiver.recv_deadline(soon).is_err());
}

#[test]
fn without_descriptors_a_deadline_is_met() {
    if !is_again() {
        return alone("without_descriptors_a_deadline_is_met");
    }
    in_a_process(|| ());
    let pairs = || [UnixStream::pair().unwrap(), UnixStream::pair().unwrap()];
    let (one, other) = ((pairs(), tcp_pair()), (pairs(), tcp_pair()));
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let datagrams = UnixDatagram::pair().unwrap();
    let _all = no_more_descriptors();
    within(LIMIT, || waits_with_a_deadline(one.0, one.1));
    in_a_process(move || waits_with_a_deadline(other.0, other.1));
    udp.set_deadline(Duration::from_millis(10));
    let error = udp.recv_from(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    datagrams.0.set_deadline(Duration::from_millis(10));
    let error = datagrams.0.recv(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
}

/// The runtime cannot start without descriptors. It returns an error, and can be started later.
#[test]
fn without_descriptors_the_runtime_does_not_start_but_does_later() {
    if !is_again() {
        return alone("without_descriptors_the_runtime_does_not_start_but_does_later");
    }
    let all = no_more_descriptors();
    let error = process::Builder::new().spawn(|| ()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
    let error = runtime::Builder::new().start().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
    drop(all);
    in_a_process(|| ());
}
