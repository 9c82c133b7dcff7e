//! Does a lookup tell these apart, whatever the resolver does: an answer, no such name, no such
//! address, a failure, and no answer in time? Servers of this test replace `systemd-resolved`, and a
//! name server of this test replaces that of the C library.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use std_net::Deadline;
use std_net::dns::{Error, Family, Resolver};
use std_net::process;
use std_net::socket::ToSocketAddrs;
use std_net::unix::{UnixListener, UnixStream};
use std_net_tests::{LIMIT, TempPath, both, in_time, tool, within};

/// A deadline that is never reached.
const LATE: Duration = Duration::from_secs(3600);

/// What a test says to its server to learn that the server has taken all calls.
const MARK: &str = "all taken?";

/// A server of `io.systemd.Resolve` that does the same for every connection. It ends when it is
/// dropped.
struct Service {
    path: TempPath,
    calls: Arc<AtomicUsize>,
    notifier: std_net::unix::Notifier,
    thread: Option<thread::JoinHandle<()>>,
}

impl Service {
    /// `serve` gets the call without its zero byte.
    fn start(serve: impl Fn(&str, UnixStream) + Send + 'static) -> Service {
        let path = TempPath::new();
        let listener = UnixListener::bind(&path).unwrap();
        let notifier = listener.notifier().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut call = Vec::new();
                let mut byte = [0];
                while stream.read(&mut byte).unwrap_or(0) == 1 && byte[0] != 0 {
                    call.push(byte[0]);
                }
                if call == MARK.as_bytes() {
                    stream.write_all(b"!").unwrap();
                    continue;
                }
                counter.fetch_add(1, Ordering::SeqCst);
                serve(&String::from_utf8(call).unwrap(), stream);
            }
        });
        Service {
            path,
            calls,
            notifier,
            thread: Some(thread),
        }
    }

    /// Makes a server that answers with these bytes and closes.
    fn saying(reply: impl Into<Vec<u8>>) -> Service {
        let reply = reply.into();
        Service::start(move |_, mut stream| {
            // The client may have closed before the end.
            let _ = stream.write_all(&reply);
        })
    }

    /// Makes a server that answers with this error.
    fn failing(error: &str, parameters: &str) -> Service {
        Service::saying(format!(
            "{{\"error\":\"{error}\",\"parameters\":{parameters}}}\0"
        ))
    }

    /// Returns a resolver that asks only this server.
    fn resolver(&self) -> Resolver {
        only(&self.path)
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Returns how many calls were made before this moment. The server takes them one after another, so it has taken
    /// them all when it answers to a mark.
    fn calls_by_now(&self) -> usize {
        let mut stream = UnixStream::connect(&self.path).unwrap();
        stream.write_all(MARK.as_bytes()).unwrap();
        stream.write_all(&[0]).unwrap();
        stream.read_exact(&mut [0]).unwrap();
        self.calls()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.notifier.notify();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn only(path: &Path) -> Resolver {
    Resolver::new().service(path).fallback(false)
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|t| t.parse().unwrap()).collect()
}

const ANSWER: &str = "{\"parameters\":{\"addresses\":[\
    {\"ifindex\":2,\"family\":2,\"address\":[192,0,2,7]},\
    {\"ifindex\":2,\"family\":10,\"address\":[32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,1]},\
    {\"ifindex\":3,\"family\":10,\"address\":[254,128,0,0,0,0,0,0,0,0,0,0,0,0,0,1]}],\
    \"name\":\"example.test\",\"flags\":1048577}}\0";

#[test]
fn the_service_is_asked_and_answers() {
    both(|| {
        let (asked, hear) = std::sync::mpsc::channel();
        let service = Service::start(move |call, mut stream| {
            asked.send(call.to_owned()).unwrap();
            stream.write_all(ANSWER.as_bytes()).unwrap();
        });
        let resolver = service.resolver();
        let found = resolver.lookup("example.test").unwrap();
        assert_eq!(found, ips(&["192.0.2.7", "2001:db8::1", "fe80::1"]));
        let call = hear.recv().unwrap();
        assert!(
            call.contains(r#""method":"io.systemd.Resolve.ResolveHostname""#),
            "{call}"
        );
        assert!(call.contains(r#""name":"example.test""#), "{call}");
        assert!(!call.contains("family"), "{call}");

        // The address has its zone, because a link-local address means nothing without one.
        let found = resolver.lookup_port("example.test", 80, LATE).unwrap();
        let expected: SocketAddr = "[fe80::1%3]:80".parse().unwrap();
        assert_eq!(found[2], expected);
        hear.recv().unwrap();

        for (family, number) in [(Family::V4, 2), (Family::V6, 10)] {
            resolver.clone().family(family).lookup("x").unwrap();
            let call = hear.recv().unwrap();
            assert!(call.contains(&format!(r#""family":{number}"#)), "{call}");
        }
        // JSON must escape these characters.
        resolver.lookup("a\"b\\c").unwrap();
        let call = hear.recv().unwrap();
        assert!(call.contains(r#""name":"a\"b\\c""#), "{call}");
    });
}

#[test]
fn an_answer_in_pieces_is_one() {
    both(|| {
        let service = Service::start(|_, mut stream| {
            for piece in ANSWER.as_bytes().chunks(7) {
                stream.write_all(piece).unwrap();
            }
            // Bytes behind the end do not belong to the reply. The client may be gone by then.
            let _ = stream.write_all(b"{\"more\":1}\0");
        });
        assert_eq!(service.resolver().lookup("example.test").unwrap().len(), 3);
    });
}

#[test]
fn the_reasons_are_told_apart() {
    type Check = fn(&Error) -> bool;
    let cases: [(&str, &str, Check, ErrorKind); 9] = [
        (
            "io.systemd.Resolve.DNSError",
            r#"{"rcode":3}"#,
            |e| matches!(e, Error::NoSuchName(_)),
            ErrorKind::NotFound,
        ),
        (
            "io.systemd.Resolve.NoSuchResourceRecord",
            "{}",
            |e| matches!(e, Error::NoAddress(_)),
            ErrorKind::AddrNotAvailable,
        ),
        (
            "io.systemd.Resolve.DNSError",
            r#"{"rcode":2}"#,
            |e| matches!(e, Error::ServerFailed(_, why) if why.to_string().contains("SERVFAIL")),
            ErrorKind::Other,
        ),
        (
            "io.systemd.Resolve.DNSError",
            "{}",
            |e| matches!(e, Error::ServerFailed(..)),
            ErrorKind::Other,
        ),
        (
            "io.systemd.Resolve.NoNameServers",
            "null",
            |e| matches!(e, Error::ServerFailed(_, why) if why.to_string().contains("NoNameServers")),
            ErrorKind::Other,
        ),
        (
            "io.systemd.Resolve.DNSSECValidationFailed",
            r#"{"result":"no-signature"}"#,
            |e| matches!(e, Error::ServerFailed(..)),
            ErrorKind::Other,
        ),
        (
            "io.systemd.Resolve.QueryTimedOut",
            "{}",
            |e| matches!(e, Error::TimedOut(_)),
            ErrorKind::TimedOut,
        ),
        (
            "org.varlink.service.InvalidParameter",
            r#"{"parameter":"name"}"#,
            |e| matches!(e, Error::InvalidName(_)),
            ErrorKind::InvalidInput,
        ),
        (
            "org.varlink.service.MethodNotFound",
            "{}",
            |e| matches!(e, Error::ServerFailed(..)),
            ErrorKind::Other,
        ),
    ];
    both(move || {
        for (error, parameters, check, kind) in cases {
            let service = Service::failing(error, parameters);
            let got = service.resolver().lookup("example.test").unwrap_err();
            assert!(check(&got), "{error} {parameters}: {got:?}");
            assert_eq!(got.name(), Some("example.test"));
            let text = got.to_string();
            assert!(text.contains("example.test"), "{text}");
            let io = std::io::Error::from(got);
            assert_eq!(io.kind(), kind, "{error}");
            assert_eq!(io.to_string(), text);
            assert!(io.get_ref().unwrap().is::<Error>());
        }
    });
}

#[test]
fn an_answer_of_the_service_is_final_even_if_it_is_an_error() {
    both(|| {
        let service = Service::failing("io.systemd.Resolve.DNSError", r#"{"rcode":3}"#);
        let resolver = Resolver::new().service(&service.path);
        let error = resolver.lookup("localhost").unwrap_err();
        assert!(matches!(error, Error::NoSuchName(_)), "{error:?}");
        let none = Service::saying("{\"parameters\":{\"addresses\":[]}}\0");
        let error = none.resolver().lookup("localhost").unwrap_err();
        assert!(matches!(error, Error::NoAddress(_)), "{error:?}");
    });
}

/// Makes a server that answers about IPv4 at once, and about IPv6 as `v6` does.
fn by_family(v6: impl Fn(UnixStream) + Send + 'static) -> Service {
    Service::start(move |call, mut stream| {
        if call.contains(r#""family":10"#) {
            v6(stream);
        } else {
            assert!(call.contains(r#""family":2"#), "{call}");
            stream.write_all(V4_ANSWER.as_bytes()).unwrap();
        }
    })
}

const V4_ANSWER: &str =
    "{\"parameters\":{\"addresses\":[{\"family\":2,\"address\":[192,0,2,7]}]}}\0";
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn silence_about_ipv6_does_not_hold_up_ipv4() {
    both(|| {
        in_time(SHORT, |delay| {
            let (hold, held) = std::sync::mpsc::channel();
            let service = by_family(move |stream| hold.send(stream).unwrap());
            let resolver = service.resolver().resolution_delay(delay);
            // Without the delay it would wait until the watchdog ends the test.
            let found = resolver.lookup("example.test").unwrap();
            assert_eq!(found, ips(&["192.0.2.7"]));
            if service.calls_by_now() < 2 {
                // The delay was over before the other question was asked.
                return None;
            }
            // The lookup was given up, so its connection is closed.
            let mut stream = held.recv().unwrap();
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            Some(())
        });
    });
}

#[test]
fn a_broken_answer_about_one_family_does_no_harm_to_the_other() {
    both(|| {
        let service = by_family(|mut stream| {
            let servfail = b"{\"error\":\"io.systemd.Resolve.DNSError\",\
                \"parameters\":{\"rcode\":2}}\0";
            stream.write_all(servfail).unwrap();
        });
        let resolver = service.resolver().resolution_delay(LATE);
        let found = resolver.lookup("example.test").unwrap();
        assert_eq!(found, ips(&["192.0.2.7"]));
        // If both fail, the failure is the result.
        let none = Service::failing("io.systemd.Resolve.DNSError", r#"{"rcode":3}"#);
        let resolver = none.resolver().resolution_delay(LATE);
        let error = resolver.lookup("example.test").unwrap_err();
        assert!(matches!(error, Error::NoSuchName(_)), "{error:?}");
    });
}

#[test]
fn both_families_are_there_if_both_answer() {
    both(|| {
        let service = by_family(|mut stream| stream.write_all(ANSWER.as_bytes()).unwrap());
        let resolver = service.resolver().resolution_delay(LATE);
        let found = resolver.lookup("example.test").unwrap();
        assert_eq!(found, ips(&["2001:db8::1", "fe80::1", "192.0.2.7"]));
        let error = resolver
            .lookup_deadline("example.test", Instant::now())
            .unwrap_err();
        assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
        assert_eq!(service.calls(), 2);
        // The C library gives the same result.
        let resolver = Resolver::libc().resolution_delay(LATE);
        let found = resolver.lookup_deadline("localhost", LATE).unwrap();
        assert!(found.contains(&ips(&["127.0.0.1"])[0]), "{found:?}");
    });
}

/// Returns replies that are not valid.
fn nonsense() -> Vec<Vec<u8>> {
    let text = |t: &str| format!("{t}\0").into_bytes();
    vec![
        b"".to_vec(),
        b"\0".to_vec(),
        ANSWER.as_bytes()[..ANSWER.len() / 2].to_vec(),
        ANSWER.as_bytes()[..ANSWER.len() - 1].to_vec(),
        text("not json"),
        text("null"),
        text("[]"),
        text("{}"),
        text("{\"parameters\":7}"),
        text("{\"parameters\":{\"addresses\":{}}}"),
        text("{\"parameters\":{\"addresses\":[7]}}"),
        text("{\"parameters\":{\"addresses\":[{\"family\":2,\"address\":[1,2,3]}]}}"),
        text("{\"parameters\":{\"addresses\":[{\"family\":2,\"address\":[1,2,3,999]}]}}"),
        text("{\"error\":7}"),
        b"{\"parameters\":\"\xff\xfe\"}\0".to_vec(),
        // This is too deep for the stack of a process, if the parser recurses.
        text(&"[".repeat(200_000)),
        text(&format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100))),
        // This reply has no end.
        vec![b' '; 10_000_000],
    ]
}

#[test]
fn nonsense_is_a_failure_or_left_to_the_c_library() {
    both(|| {
        for reply in nonsense() {
            let said = String::from_utf8_lossy(&reply[..reply.len().min(60)]).into_owned();
            let service = Service::saying(reply);
            let error = service.resolver().lookup("localhost").unwrap_err();
            assert!(
                matches!(error, Error::ServerFailed(..)),
                "{said}: {error:?}"
            );
            let both = Resolver::new().service(&service.path);
            let found = both.lookup("localhost").unwrap();
            assert!(found.iter().all(IpAddr::is_loopback), "{said}: {found:?}");
            assert_eq!(service.calls(), 2);
        }
    });
}

#[test]
fn a_service_that_is_not_there_or_refuses_is_passed_over() {
    both(|| {
        let missing = TempPath::new();
        let stale = TempPath::new();
        drop(UnixListener::bind(&stale).unwrap());
        let long = "x".repeat(200);
        for path in [&*missing, &*stale, Path::new(&long)] {
            let error = only(path).lookup("localhost").unwrap_err();
            assert!(matches!(error, Error::ServerFailed(..)), "{error:?}");
            let resolver = Resolver::new().service(path).timeout(LATE);
            assert!(!resolver.lookup("localhost").unwrap().is_empty());
        }
        // The error has the reason with its code.
        let Error::ServerFailed(_, reason) = only(&stale).lookup("localhost").unwrap_err() else {
            panic!();
        };
        let reason: &std::io::Error = reason.downcast_ref().unwrap();
        assert_eq!(std_net::socket::os_code(reason), Some(libc::ECONNREFUSED));
    });
}

#[test]
fn silence_ends_at_the_deadline() {
    both(|| in_time(SHORT, is_silent_until_the_deadline));
}

/// Asks a silent service five times. Returns `None` if a deadline passed before the question was asked.
fn is_silent_until_the_deadline(short: Duration) -> Option<()> {
    let (hold, _held) = std::sync::mpsc::channel();
    let service = Service::start(move |_, stream| hold.send(stream).unwrap());
    let begin = Instant::now();
    let resolver = Resolver::new().service(&service.path);
    let errors = [
        resolver.lookup_deadline("localhost", short).unwrap_err(),
        resolver
            .clone()
            .timeout(short)
            .lookup("localhost")
            .unwrap_err(),
        // The earlier deadline counts.
        resolver
            .clone()
            .timeout(short)
            .lookup_deadline("localhost", LATE)
            .unwrap_err(),
        resolver
            .clone()
            .timeout(LATE)
            .lookup_deadline("localhost", short)
            .unwrap_err(),
        resolver
            .reverse_deadline("192.0.2.1".parse().unwrap(), short)
            .unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
        assert_eq!(std::io::Error::from(error).kind(), ErrorKind::TimedOut);
    }
    assert!(begin.elapsed() >= short * 5);
    if service.calls_by_now() < 5 {
        return None;
    }
    // After the deadline, no resolver is asked.
    let error = resolver
        .lookup_deadline("localhost", Instant::now())
        .unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
    assert_eq!(service.calls_by_now(), 5);
    let error = Resolver::libc()
        .lookup_deadline("localhost", Instant::now())
        .unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
    Some(())
}

#[test]
fn a_cancel_ends_a_lookup() {
    within(LIMIT, || {
        let (hold, held) = std::sync::mpsc::channel();
        let service = Service::start(move |_, stream| hold.send(stream).unwrap());
        let resolver = Resolver::new().service(&service.path);
        let handle = process::spawn(move || resolver.lookup("localhost"));
        let stream = held.recv().unwrap();
        handle.cancel();
        let error = handle.join().unwrap().unwrap_err();
        let error = std::io::Error::from(error);
        assert!(process::is_cancelled(&error), "{error}");
        drop(stream);
    });
}

#[test]
fn what_is_an_address_asks_nobody() {
    both(|| {
        let service = Service::failing("io.systemd.Resolve.DNSError", r#"{"rcode":3}"#);
        let resolver = service.resolver();
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("127.1", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
        ] {
            assert_eq!(resolver.lookup(text).unwrap(), ips(&[expected]), "{text}");
            // Text that is an address needs no time.
            let found = resolver.lookup_deadline(text, Instant::now()).unwrap();
            assert_eq!(found, ips(&[expected]), "{text}");
        }
        let zoned = resolver.lookup_port("fe80::1%lo", 7, LATE).unwrap();
        let SocketAddr::V6(zoned) = zoned[0] else {
            panic!("{zoned:?}");
        };
        assert!(zoned.scope_id() > 0 && zoned.port() == 7);
        // Text that can be neither an address nor a name needs no resolver either.
        for text in ["::1::", "[::1]", "a:b", "fe80::1%no-such-interface"] {
            let error = resolver.lookup(text).unwrap_err();
            assert!(matches!(error, Error::NoSuchName(_)), "{text}: {error:?}");
        }
        for text in ["", "a\0b"] {
            let error = resolver.lookup(text).unwrap_err();
            assert!(matches!(error, Error::InvalidName(_)), "{text}: {error:?}");
        }
        let v6 = resolver.clone().family(Family::V6);
        for text in ["192.0.2.1", "127.1"] {
            let error = v6.lookup(text).unwrap_err();
            assert!(matches!(error, Error::NoAddress(_)), "{text}: {error:?}");
        }
        assert_eq!(service.calls(), 0);
        // A name may begin with a digit.
        let error = resolver.lookup("3com.test").unwrap_err();
        assert!(matches!(error, Error::NoSuchName(_)), "{error:?}");
        assert_eq!(service.calls(), 1);
    });
}

#[test]
fn names_of_an_address() {
    both(|| {
        let (asked, hear) = std::sync::mpsc::channel();
        let service = Service::start(move |call, mut stream| {
            asked.send(call.to_owned()).unwrap();
            let answer = b"{\"parameters\":{\"names\":[{\"ifindex\":1,\"name\":\"one.test\"},\
                {\"name\":\"two.test\"}],\"flags\":1}}\0";
            stream.write_all(answer).unwrap();
        });
        let resolver = service.resolver();
        let names = resolver.reverse("192.0.2.7".parse().unwrap()).unwrap();
        assert_eq!(names, ["one.test", "two.test"]);
        let call = hear.recv().unwrap();
        assert!(call.contains("io.systemd.Resolve.ResolveAddress"), "{call}");
        assert!(call.contains(r#""address":[192,0,2,7]"#), "{call}");
        assert!(call.contains(r#""family":2"#), "{call}");
        resolver.reverse("::1".parse().unwrap()).unwrap();
        assert!(hear.recv().unwrap().contains(r#""family":10"#));

        let none = Service::failing("io.systemd.Resolve.NoSuchResourceRecord", "{}");
        let error = none.resolver().reverse("192.0.2.7".parse().unwrap());
        assert!(matches!(error, Err(Error::NoSuchName(_))), "{error:?}");
        let empty = Service::saying("{\"parameters\":{\"names\":[]}}\0");
        let error = empty.resolver().reverse("192.0.2.7".parse().unwrap());
        assert!(matches!(error, Err(Error::ServerFailed(..))), "{error:?}");

        let names = Resolver::libc()
            .reverse("127.0.0.1".parse().unwrap())
            .unwrap();
        assert!(!names[0].is_empty());
    });
}

/// A service whose answer has these records. The raw form, which the service adds, is left out.
fn with_records(records: &str) -> (Service, std::sync::mpsc::Receiver<String>) {
    let reply = format!("{{\"parameters\":{{\"rrs\":[{records}],\"flags\":1}}}}\0");
    let (asked, hear) = std::sync::mpsc::channel();
    let service = Service::start(move |call, mut stream| {
        asked.send(call.to_owned()).unwrap();
        stream.write_all(reply.as_bytes()).unwrap();
    });
    (service, hear)
}

#[test]
fn where_a_service_is() {
    both(|| {
        let (service, hear) = with_records(
            r#"{"rr":{"key":{"class":1,"type":5,"name":"_x._tcp.a.test"},"name":"_x._tcp.b.test"},"raw":""},
            {"ifindex":2,"rr":{"key":{"class":1,"type":33,"name":"_x._tcp.b.test"},"priority":20,"weight":0,"port":5222,"name":"late.test"},"raw":""},
            {"rr":{"key":{"class":1,"type":33,"name":"_x._tcp.b.test"},"priority":10,"weight":5,"port":443,"name":"first.test"},"raw":""}"#,
        );
        let found = service.resolver().srv("_x._tcp.a.test").unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|s| (s.priority, s.weight, s.port, &*s.target))
            .collect();
        assert_eq!(
            found,
            [(10, 5, 443, "first.test"), (20, 0, 5222, "late.test")]
        );
        let call = hear.recv().unwrap();
        assert!(call.contains("io.systemd.Resolve.ResolveRecord"), "{call}");
        assert!(call.contains(r#""type":33"#), "{call}");
        assert!(call.contains(r#""name":"_x._tcp.a.test""#), "{call}");
    });
}

#[test]
fn who_takes_the_mail_and_what_is_said_in_texts() {
    both(|| {
        let (service, hear) = with_records(
            r#"{"rr":{"key":{"type":15,"name":"a.test"},"priority":20,"exchange":"b.test"}},
            {"rr":{"key":{"type":15,"name":"a.test"},"priority":10,"exchange":"a.test"}}"#,
        );
        let found = service.resolver().mx_deadline("a.test", LATE).unwrap();
        let found: Vec<_> = found.iter().map(|m| (m.preference, &*m.exchange)).collect();
        assert_eq!(found, [(10, "a.test"), (20, "b.test")]);
        assert!(hear.recv().unwrap().contains(r#""type":15"#));

        let (service, hear) = with_records(
            r#"{"rr":{"key":{"type":16,"name":"a.test"},"items":["v=spf1 ","-all"]}},
            {"rr":{"key":{"type":16,"name":"a.test"},"items":["\\303\\244\\042"]}}"#,
        );
        let found = service.resolver().txt("a.test").unwrap();
        assert_eq!(found, [&b"v=spf1 -all"[..], "ä\"".as_bytes()]);
        assert!(hear.recv().unwrap().contains(r#""type":16"#));
    });
}

#[test]
fn there_is_no_record_or_nobody_to_ask() {
    both(|| {
        let none = Service::failing("io.systemd.Resolve.NoSuchResourceRecord", "{}");
        let error = none.resolver().mx("a.test").unwrap_err();
        assert!(matches!(&error, Error::NoRecord(name) if name == "a.test"));
        assert_eq!(std::io::Error::from(error).kind(), ErrorKind::NotFound);
        // Only an alias, and nothing behind it.
        let (alias, _hear) =
            with_records(r#"{"rr":{"key":{"type":5,"name":"a.test"},"name":"b.test"}}"#);
        let error = alias.resolver().txt("a.test").unwrap_err();
        assert!(matches!(error, Error::NoRecord(_)), "{error:?}");

        let unknown = Service::failing("io.systemd.Resolve.DNSError", r#"{"rcode":3}"#);
        let error = unknown.resolver().srv("a.test").unwrap_err();
        assert!(matches!(error, Error::NoSuchName(_)), "{error:?}");

        // An old service knows no such method, and a bad record is no answer. The C library is no help.
        let old = Service::failing("org.varlink.service.MethodNotFound", "{}");
        let error = old.resolver().fallback(true).srv("a.test").unwrap_err();
        assert!(matches!(error, Error::ServerFailed(..)), "{error:?}");
        assert!(error.to_string().contains("MethodNotFound"), "{error}");
        for bad in [
            r#"{"rr":{"key":{"type":33},"priority":1,"weight":1,"port":65536,"name":"x"}}"#,
            r#"{"rr":{"key":{"type":33},"priority":1,"weight":1,"port":-1,"name":"x"}}"#,
            r#"{"rr":{"key":{"type":33},"priority":1,"weight":1,"port":1}}"#,
        ] {
            let (service, _hear) = with_records(bad);
            let error = service.resolver().srv("a.test").unwrap_err();
            assert!(matches!(error, Error::ServerFailed(..)), "{bad}: {error:?}");
        }

        let error = Resolver::libc().srv("a.test").unwrap_err();
        assert!(error.to_string().contains("systemd-resolved"), "{error}");
        for bad in ["", "a\0b"] {
            let error = Resolver::new().txt(bad).unwrap_err();
            assert!(matches!(error, Error::InvalidName(_)), "{error:?}");
        }
    });
}

#[test]
fn a_lookup_of_a_record_ends_at_its_deadline() {
    both(|| {
        let (hold, _held) = std::sync::mpsc::channel();
        let silent = Service::start(move |_, stream| drop(hold.send(stream)));
        let deadline = Duration::from_millis(30);
        let error = silent
            .resolver()
            .txt_deadline("a.test", deadline)
            .unwrap_err();
        assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
    });
}

#[test]
fn the_c_library_knows_localhost_with_and_without_a_deadline() {
    both(|| {
        for deadline in [Deadline::NEVER, LATE.into()] {
            let v4 = Resolver::libc().family(Family::V4);
            let found = v4.lookup_deadline("localhost", deadline).unwrap();
            assert_eq!(found, ips(&["127.0.0.1"]));
        }
    });
}

#[test]
fn text_names_addresses_with_and_without_a_deadline() {
    both(|| {
        let expected: SocketAddr = "127.0.0.1:7".parse().unwrap();
        for text in ["127.0.0.1:7", "localhost:7"] {
            // Without a deadline, a plain thread asks the C library itself, and a process asks it on the pool.
            let found: Vec<_> = text.to_socket_addrs().unwrap().collect();
            assert!(found.contains(&expected), "{text}: {found:?}");
            let in_time = text.to_socket_addrs_deadline(LATE.into()).unwrap();
            assert_eq!(in_time.collect::<Vec<_>>(), found);
        }
        let past = Instant::now().into();
        let error = "localhost:7".to_socket_addrs_deadline(past).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        for text in ["localhost", ":7", "256.0.0.1:7"] {
            let error = text.to_socket_addrs().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}: {error}");
        }
    });
}

/// Runs in namespaces of its own: a network where the test is the name server, and files that say so.
fn in_namespaces(role: &str) {
    let (Some(unshare), Some(ip)) = (tool("unshare"), tool("ip")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "cd {folder} && {ip} link set lo up \
        && printf 'nameserver 127.0.0.1\\noptions timeout:30 attempts:1\\n' > resolv.conf \
        && echo 'hosts: files dns' > nsswitch.conf \
        && printf '127.0.0.1 localhost\\n::1 localhost\\n' > hosts \
        && for file in resolv.conf nsswitch.conf hosts; do \
             test -e /etc/$file && mount --bind $file /etc/$file || exit 77; done \
        && mount -t tmpfs none /run && mkdir -p /run/systemd/resolve || exit 77; \
        exec \"$0\" {role}",
        folder = folder.path().display(),
        ip = ip.display()
    );
    let output = Command::new(unshare)
        .args(["--net", "--mount", "sh", "-c", &script])
        .arg(env!("CARGO_BIN_EXE_names"))
        .output()
        .unwrap();
    let (text, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if output.status.code() == Some(77) || errors.contains("unshare:") {
        eprintln!("SKIPPED: cannot make namespaces: {errors}");
        return;
    }
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.ends_with("all is well\n"), "{text}{errors}");
}

#[test]
fn the_c_library_and_a_name_server_of_our_own() {
    within(LIMIT, || in_namespaces("dns"));
}

#[test]
fn a_connect_asks_the_service_within_its_deadline_and_begins_with_ipv6() {
    within(LIMIT, || in_namespaces("connect"));
}
