//! Events of spawns, ends, cancels and deadlines of processes, of the watchdog, and of errors in a
//! server.

use std::io;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use std_net::process::{self, Builder, Group};
use std_net::server::Server;
use std_net::socket::{TcpListener, TcpStream};
use std_net_tests::{LIMIT, again, is_again, within};
use std_net_tests_tracing::{Heard, heard, listen};
use tracing::{Level, info_span};

/// Waits until the subscriber gets an event with these two texts. This event must come.
fn hear(text: &str, and: &str) -> Heard {
    loop {
        let found = heard(text).into_iter().find(|e| e.fields.contains(and));
        if let Some(event) = found {
            return event;
        }
        thread::yield_now();
    }
}

#[test]
fn metrics_are_reported_as_one_event() {
    listen();
    within(LIMIT, || {
        process::spawn(|| ()).join().unwrap();
        let (a, b) = std_net::unix::UnixStream::pair().unwrap();
        a.write_string("hello").unwrap();
        assert_eq!(b.read_string(5).unwrap(), "hello");
        let metrics = process::metrics();
        assert!(metrics.sent_bytes >= 5 && metrics.received_bytes >= 5);
        metrics.trace();
        let event = hear(
            "message=metrics",
            &format!("sent_bytes={}", metrics.sent_bytes),
        );
        assert_eq!(
            (event.level, event.target.as_str()),
            (Level::INFO, "std_net")
        );
        for (name, number) in [
            ("spawned", metrics.spawned),
            ("accepted", metrics.accepted),
            ("received_bytes", metrics.received_bytes),
        ] {
            let field = format!("{name}={number}");
            assert!(event.fields.split(' ').any(|f| f == field), "{event:?}");
        }
    });
}

#[test]
fn a_process_is_spawned_and_ends() {
    listen();
    std_net_tests::both(|| {
        let name = match process::current() {
            Some(_) => "by a process",
            None => "by a thread",
        };
        let _spawner = info_span!("spawner").entered();
        let process = Builder::new().name(name).spawn(|| ()).unwrap();
        let id = format!("process={} ", process.process().id());
        process.join().unwrap();
        let spawned = hear("process spawned", &id);
        assert_eq!((spawned.level, &*spawned.target), (Level::TRACE, "std_net"));
        assert_eq!(spawned.spans, "spawner{}");
        assert!(spawned.fields.contains(&format!("name=\"{name}\"")));
        assert!(spawned.fields.contains("events.rs"), "{spawned:?}");
        let ended = hear("process ended", &id);
        assert_eq!((ended.level, &*ended.spans), (Level::TRACE, ""));
        assert!(ended.fields.contains("panicked=false"), "{ended:?}");
    });
}

#[test]
fn a_panic_is_told_as_such() {
    listen();
    within(LIMIT, || {
        let panics = Builder::new().name("panics").spawn(|| panic!("on purpose"));
        panics.unwrap().join().unwrap_err();
        let ended = hear("process ended", "name=\"panics\"");
        assert!(ended.fields.contains("panicked=true"), "{ended:?}");
    });
}

#[test]
fn a_cancel_is_told_once_and_of_the_living() {
    listen();
    within(LIMIT, || {
        let waits = || process::sleep(Duration::MAX);
        let cancelled = Builder::new().name("cancelled").spawn(waits).unwrap();
        cancelled.cancel();
        cancelled.cancel();
        cancelled.join().unwrap();
        let told = hear("process cancelled", "name=\"cancelled\"");
        assert_eq!(told.level, Level::DEBUG);
        assert!(told.fields.contains("timed_out=false"), "{told:?}");

        let late = Builder::new()
            .name("late")
            .deadline(Duration::from_millis(5))
            .spawn(waits)
            .unwrap();
        late.join().unwrap();
        let told = hear("process cancelled", "name=\"late\"");
        assert!(told.fields.contains("timed_out=true"), "{told:?}");

        let ended = Builder::new().name("has ended").spawn(|| ()).unwrap();
        let process = ended.process().clone();
        ended.join().unwrap();
        process.cancel();
        let of = |name: &str| {
            let all = heard("process cancelled").into_iter();
            all.filter(|e| e.fields.contains(name)).count()
        };
        assert_eq!((of("\"has ended\""), of("\"cancelled\"")), (0, 1));

        let group = Group::new();
        let member = group.spawn(waits);
        let id = format!("process={} ", member.process().id());
        group.cancel();
        member.join().unwrap();
        hear("group cancelled", "made_at");
        hear("process cancelled", &id);
    });
}

#[test]
fn the_watchdog_tells_the_subscriber() {
    if !is_again() {
        let name = "the_watchdog_tells_the_subscriber";
        let output = again(name, &[("STD_NET_WATCHDOG", "50")]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        // The event is sent only once.
        assert!(!text.contains("kept its worker"), "{text}");
        return;
    }
    listen();
    within(LIMIT, || {
        let stuck = Builder::new().name("stuck").spawn(|| {
            // Block the worker until the event names this process. A yield would give the worker to others.
            let told = loop {
                let told = heard("keeps its worker");
                let mut about_this = told.into_iter();
                if let Some(event) = about_this.find(|e| e.fields.contains("name=\"stuck\"")) {
                    break event;
                }
                std::hint::spin_loop();
            };
            assert_eq!(told.level, Level::WARN);
            assert!(told.fields.contains("limit_ms=50"), "{told:?}");
        });
        stuck.unwrap().join().unwrap();
    });
}

#[test]
fn a_server_tells_of_its_connections() {
    listen();
    std_net_tests::both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(listener).unwrap();
        let handle = server.handle();
        let client = process::spawn(move || {
            let mut peers = Vec::new();
            for word in ["error", "panic"] {
                let stream = TcpStream::connect(address).unwrap();
                peers.push(stream.local_addr().unwrap().to_string());
                stream.write_string(word).unwrap();
                stream.shutdown(std::net::Shutdown::Write).unwrap();
                // Wait until the server has ended the connection.
                let _ = stream.read_string(1);
            }
            let failed = hear("connection failed", &peers[0]);
            assert_eq!(failed.level, Level::DEBUG);
            assert!(failed.fields.contains("this went wrong"), "{failed:?}");
            let panicked = hear("connection panicked", &peers[1]);
            assert_eq!(panicked.level, Level::ERROR);
            assert!(panicked.fields.contains("on purpose"), "{panicked:?}");
            handle.shutdown(Duration::ZERO);
        });
        // Only the subscriber gets the errors here.
        let serve = |stream: TcpStream| -> io::Result<()> {
            if stream.read_string(5)? == "panic" {
                panic!("on purpose");
            }
            Err(io::Error::other("this went wrong"))
        };
        server.run(serve).unwrap();
        client.join().unwrap();
    });
}

#[test]
fn an_accept_that_fails_is_told() {
    if !is_again() {
        // This needs a program of its own, because it sets a limit.
        let output = again("an_accept_that_fails_is_told", &[]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        return;
    }
    listen();
    within(LIMIT, || {
        // This starts the runtime, which needs descriptors.
        process::spawn(|| ()).join().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = Server::new(listener).unwrap();
        let handle = server.handle();
        // The next descriptor would get this number.
        let next = std::fs::File::open("/dev/null").unwrap().as_raw_fd();
        let before = limit_descriptors(next as libc::rlim_t);
        let server = process::spawn(move || server.run(|_| ()).unwrap());
        let told = hear("accept failed", "error=");
        assert_eq!(told.level, Level::WARN);
        limit_descriptors(before);
        // The connection was accepted, and then closed.
        assert_eq!(client.read_string(1).unwrap(), "");
        handle.shutdown(Duration::ZERO);
        server.join().unwrap();
    });
}

/// Sets the limit. Returns the old limit.
fn limit_descriptors(limit: libc::rlim_t) -> libc::rlim_t {
    let mut limits = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: this writes to `limits`, which has the right type.
    let got = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits) };
    assert_eq!(got, 0);
    let before = std::mem::replace(&mut limits.rlim_cur, limit);
    // SAFETY: this reads `limits`.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits) };
    assert_eq!(set, 0);
    before
}
