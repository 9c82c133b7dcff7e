//! Does a shutdown of a server end the connections of hyper: idle ones at once, and others after their
//! request? Each test names a report in which another server did not.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::server::conn::auto;
use std_net::compat::{CompatExt, ProcessExecutor, ProcessTimer};
use std_net::process::{self, JoinHandle, channel};
use std_net::server::{End, Handle, Server, Session};
use std_net::socket::{TcpListener, TcpStream};
use std_net_tests::both;

const FAR: Duration = Duration::from_secs(3600);

/// Serves a connection, as the guide does it. A request waits for `answers` if its path is `/late`.
fn serve(stream: TcpStream, session: &Session, asked: &Asked) -> io::Result<()> {
    let asked = asked.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let asked = asked.clone();
        async move {
            if request.uri().path() == "/late" {
                asked.begun.send(()).unwrap();
                // A handler may wait as plain code does. A cancel ends this wait with an error.
                let _ = asked.answers.recv();
            }
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
        }
    });
    let mut server = auto::Builder::new(ProcessExecutor);
    server.http1().timer(ProcessTimer);
    server.http2().timer(ProcessTimer);
    let mut connection = pin!(server.serve_connection(stream.compat()?, service));
    process::select! {
        future(connection.as_mut()) -> end => return end.map_err(io::Error::other),
        future(session.until_shutdown()) => connection.as_mut().graceful_shutdown(),
    }?;
    process::block_on(connection).map_err(io::Error::other)
}

#[derive(Clone)]
struct Asked {
    begun: channel::Sender<()>,
    answers: channel::Receiver<()>,
}

/// A running server, and what its late requests wait for.
struct Running {
    address: SocketAddr,
    handle: Handle,
    end: JoinHandle<io::Result<End>>,
    begun: channel::Receiver<()>,
    answers: channel::Sender<()>,
}

fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(listener).unwrap();
    let handle = server.handle();
    let (begun_sender, begun) = channel::unbounded();
    let (answers, answers_receiver) = channel::unbounded();
    let asked = Asked {
        begun: begun_sender,
        answers: answers_receiver,
    };
    let end = process::spawn(move || {
        server.run_with(move |stream, session| serve(stream, session, &asked))
    });
    Running {
        address,
        handle,
        end,
        begun,
        answers,
    }
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const LATE: &str = "GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Reads an answer, which ends with "hello".
fn answer(stream: &TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("hello") {
        let more = stream.read_string(1).unwrap();
        assert!(!more.is_empty(), "{text:?}");
        text.push_str(&more);
    }
    text
}

/// Go 22682 (github.com/golang/go/issues/22682), hyper 2730 (github.com/hyperium/hyper/issues/2730) and wai 853
/// (github.com/yesodweb/wai/issues/853): connections without a request, before the first one or after one, held
/// a shutdown up.
#[test]
fn connections_between_requests_hold_no_shutdown_up() {
    both(|| {
        let server = start();
        let idle: Vec<_> = (0..20)
            .map(|_| {
                let stream = TcpStream::connect(server.address).unwrap();
                stream.write_string(REQUEST).unwrap();
                answer(&stream);
                stream
            })
            .collect();
        let new = TcpStream::connect(server.address).unwrap();
        while server.handle.running() < 21 {
            process::sleep(Duration::from_millis(1));
        }
        server.handle.shutdown(FAR);
        for stream in idle.iter().chain([&new]) {
            assert_eq!(stream.read_string(1).unwrap(), "");
        }
        let end = server.end.join().unwrap().unwrap();
        assert_eq!((end.served, end.cancelled), (21, 0));
    });
}

/// hyper 1365 (github.com/hyperium/hyper/issues/1365): a request that has begun is answered, and its connection ends
/// then.
#[test]
fn a_request_that_has_begun_is_answered() {
    both(|| {
        let server = start();
        let stream = TcpStream::connect(server.address).unwrap();
        stream.write_string(LATE).unwrap();
        server.begun.recv().unwrap();
        server.handle.shutdown(FAR);
        server.answers.send(()).unwrap();
        answer(&stream);
        assert_eq!(stream.read_string(1).unwrap(), "");
        assert_eq!(server.end.join().unwrap().unwrap().cancelled, 0);
    });
}

/// pingora 388 (github.com/cloudflare/pingora/issues/388) and Go 81153 (github.com/golang/go/issues/81153): clients of
/// HTTP/2 were not told of a shutdown, or held it up. The client is the crate h2, because hyper's client may forget a
/// request that it has just sent when the shutdown comes (github.com/anthropics/connect-rust/issues/285).
#[test]
fn clients_of_http_2_are_told_and_get_their_answers() {
    both(|| {
        let server = start();
        let connect = || {
            let stream = TcpStream::connect(server.address).unwrap();
            let handshake = h2::client::handshake(stream.compat().unwrap());
            let (sender, connection) = process::block_on(handshake).unwrap();
            let connection = process::spawn(move || process::block_on(connection));
            (process::block_on(sender.ready()).unwrap(), connection)
        };
        let request = |path: &str| {
            let uri = format!("http://localhost{path}");
            Request::get(uri).body(()).unwrap()
        };
        let (mut idle, idle_connection) = connect();
        let (hello, _) = idle.send_request(request("/"), true).unwrap();
        assert_eq!(process::block_on(hello).unwrap().status(), 200);
        let (mut busy, busy_connection) = connect();
        let (late, _) = busy.send_request(request("/late"), true).unwrap();
        server.begun.recv().unwrap();
        server.handle.shutdown(FAR);
        // The idle connection ends, although its client could still send.
        let _ = idle_connection.join().unwrap();
        assert!(process::block_on(idle.ready()).is_err());
        server.answers.send(()).unwrap();
        let text = process::block_on(async {
            let mut body = late.await.unwrap().into_body();
            body.data().await.unwrap().unwrap()
        });
        assert_eq!(text, "hello");
        let _ = busy_connection.join().unwrap();
        assert_eq!(server.end.join().unwrap().unwrap().cancelled, 0);
    });
}

/// hyper 3188 (github.com/hyperium/hyper/issues/3188): a request that never ends must not hold the shutdown up for
/// longer than its time.
#[test]
fn a_request_without_an_end_is_cancelled_at_the_deadline() {
    both(|| {
        let server = start();
        let stream = TcpStream::connect(server.address).unwrap();
        stream.write_string(LATE).unwrap();
        server.begun.recv().unwrap();
        server.handle.shutdown(Duration::ZERO);
        assert_eq!(stream.read_string(1).unwrap_or_default(), "");
        let end = server.end.join().unwrap().unwrap();
        assert_eq!((end.served, end.cancelled, end.left), (1, 1, 0));
    });
}

/// kanal 24 (github.com/fereidani/kanal/issues/24) and embedded-tls 143
/// (github.com/drogue-iot/embedded-tls/pull/143): a read that was dropped before its end lost what had come.
#[test]
fn a_read_that_is_dropped_loses_nothing() {
    use futures_util::AsyncReadExt;

    both(|| {
        let (client, mut server) = std_net_tests_async::compat_pair();
        let writer = process::spawn(move || {
            let client = client.into_inner();
            for n in 0..2000_u32 {
                client.write_string(&format!("{n} ")).unwrap();
                process::yield_now();
            }
        });
        let mut text = Vec::new();
        let mut dropped = 0;
        process::block_on(async {
            loop {
                let mut buf = [0; 7];
                let read = server.read(&mut buf);
                // A future that is ready after one poll ends the read, which is dropped then.
                let other = process::delay(Duration::from_micros(20));
                match futures_util::future::select(pin!(read), pin!(other)).await {
                    futures_util::future::Either::Left((n, _)) => match n.unwrap() {
                        0 => break,
                        n => text.extend_from_slice(&buf[..n]),
                    },
                    futures_util::future::Either::Right(_) => dropped += 1,
                }
            }
        });
        writer.join().unwrap();
        let expected: String = (0..2000_u32).map(|n| format!("{n} ")).collect();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            expected,
            "{dropped} reads were dropped"
        );
    });
}
