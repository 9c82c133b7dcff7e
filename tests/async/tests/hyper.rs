//! hyper as server and client in processes, also with curl and h2load.

use std::convert::Infallible;
use std::process::Command;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};
use std_net::compat::{Compat, CompatExt, ProcessExecutor, ProcessTimer};
use std_net::process;
use std_net::socket::{TcpListener, TcpStream};
use std_net_tests::{LIMIT, both, tool, within};
use std_net_tests_async::compat_pair;

/// Answers with the body of the request, after a wait.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    process::delay(Duration::from_millis(1)).await;
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(Full::new(body)))
}

fn body(text: &str) -> Full<Bytes> {
    Full::new(Bytes::from(text.to_owned()))
}

/// Returns a text larger than any socket's buffer.
fn large() -> String {
    "0123456789".repeat(500_000)
}

#[test]
fn http_1_with_keep_alive() {
    both(|| {
        let (client, server) = compat_pair();
        let server = process::spawn(move || {
            let served = server::conn::http1::Builder::new()
                .timer(ProcessTimer)
                .serve_connection(server, service_fn(echo));
            process::block_on(served)
        });
        process::block_on(async {
            let (mut sender, connection) = client::conn::http1::handshake(client).await.unwrap();
            let connection = process::spawn(move || process::block_on(connection));
            for text in ["one", "two", &large()] {
                // The connection may still be busy with the answer before.
                sender.ready().await.unwrap();
                let answer = sender
                    .send_request(Request::post("/").body(body(text)).unwrap())
                    .await
                    .unwrap();
                let answer = answer.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(answer, text.as_bytes());
            }
            drop(sender);
            connection.join().unwrap().unwrap();
        });
        server.join().unwrap().unwrap();
    });
}

#[test]
fn http_2_with_many_requests_at_once() {
    both(|| {
        let (client, server) = compat_pair();
        let server = process::spawn(move || {
            let served = server::conn::http2::Builder::new(ProcessExecutor)
                .timer(ProcessTimer)
                .serve_connection(server, service_fn(echo));
            process::block_on(served)
        });
        let handshake = client::conn::http2::handshake(ProcessExecutor, client);
        let (sender, connection) = process::block_on(handshake).unwrap();
        let connection = process::spawn(move || process::block_on(connection));
        let requests: Vec<_> = (0..50)
            .map(|n| {
                let mut sender = sender.clone();
                process::spawn(move || {
                    process::block_on(async {
                        let text = format!("{n}-").repeat(10_000);
                        sender.ready().await.unwrap();
                        let request = Request::post("/").body(body(&text)).unwrap();
                        let answer = sender.send_request(request).await.unwrap();
                        let answer = answer.into_body().collect().await.unwrap().to_bytes();
                        assert_eq!(answer, text.as_bytes());
                    });
                })
            })
            .collect();
        for request in requests {
            request.join().unwrap();
        }
        drop(sender);
        connection.join().unwrap().unwrap();
        server.join().unwrap().unwrap();
    });
}

/// Serves this connection by HTTP/1.1, and waits only a moment for the head of a request.
fn serve_impatiently(server: Compat<TcpStream>) -> process::JoinHandle<hyper::Result<()>> {
    process::spawn(move || {
        let served = server::conn::http1::Builder::new()
            .timer(ProcessTimer)
            .header_read_timeout(Duration::from_millis(30))
            .serve_connection(server, service_fn(echo));
        process::block_on(served)
    })
}

/// hyper's own timer ends a request whose head never ends.
#[test]
fn a_slow_head_is_given_up() {
    both(|| {
        let (client, server) = compat_pair();
        let server = serve_impatiently(server);
        client
            .get_ref()
            .try_write(b"GET / HTTP/1.1\r\nHost:")
            .unwrap();
        let error = server.join().unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
    });
}

/// The same timer ends a connection without a request.
#[test]
fn a_silent_client_is_given_up() {
    both(|| {
        let (client, server) = compat_pair();
        let server = serve_impatiently(server);
        assert_eq!(client.into_inner().read_string(1).unwrap(), "");
        let _ = server.join().unwrap();
    });
}

#[test]
fn the_deadline_of_the_socket_ends_a_connection() {
    both(|| {
        let (client, server) = compat_pair();
        // This cancels in the middle of a head, because hyper takes an error before the first byte for
        // an end.
        client.get_ref().try_write(b"GET / HT").unwrap();
        server.get_ref().set_deadline(Duration::from_millis(20));
        let served = server::conn::http1::Builder::new().serve_connection(server, service_fn(echo));
        assert!(process::block_on(served).is_err());
    });
}

/// The cancel comes in the middle of a request, which would never be answered.
#[test]
fn a_cancelled_process_lets_its_connection_go() {
    within(LIMIT, || {
        let (client, server) = compat_pair();
        let (began, begins) = process::channel::bounded::<()>(1);
        let server = process::spawn(move || {
            let never = service_fn(move |_: Request<Incoming>| {
                began.send(()).unwrap();
                std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
            });
            let served = server::conn::http1::Builder::new().serve_connection(server, never);
            let _ = process::block_on(served);
        });
        let client = client.into_inner();
        client
            .write_string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        begins.recv().unwrap();
        server.cancel();
        server.join().unwrap();
        assert_eq!(client.read_string(1).unwrap(), "");
    });
}

/// Runs a server over our listener. It ends after `connections` connections.
fn serve(listener: TcpListener, connections: usize) {
    let served: Vec<_> = listener
        .incoming()
        .take(connections)
        .map(|stream: std::io::Result<TcpStream>| {
            let stream = stream.unwrap();
            process::spawn(move || {
                let hello = service_fn(|_: Request<Incoming>| async {
                    Ok::<_, Infallible>(Response::new(body("hello")))
                });
                let served = hyper_util::server::conn::auto::Builder::new(ProcessExecutor);
                // The way in which curl ends is no error of the server.
                let _ = process::block_on(served.serve_connection(stream.compat().unwrap(), hello));
            })
        })
        .collect();
    for one in served {
        one.join().unwrap();
    }
}

#[test]
fn curl_gets_an_answer_in_both_forms() {
    let Some(curl) = tool("curl") else { return };
    for form in ["--http1.1", "--http2-prior-knowledge"] {
        let curl = curl.clone();
        both(move || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let server = process::spawn(move || serve(listener, 1));
            let curl = curl.clone();
            let output = process::blocking(move || {
                Command::new(curl)
                    .args(["-sS", form, "--max-time", "20", &url])
                    .output()
                    .unwrap()
            });
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                "hello",
                "{output:?}"
            );
            server.join().unwrap();
        });
    }
}

#[test]
fn h2load_gets_all_its_answers() {
    let Some(h2load) = tool("h2load") else { return };
    within(LIMIT, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = process::spawn(move || serve(listener, 8));
        let output = Command::new(h2load)
            .args(["-n", "4000", "-c", "8", "-m", "20", &url])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("4000 succeeded, 0 failed"), "{said}");
        server.join().unwrap();
    });
}
