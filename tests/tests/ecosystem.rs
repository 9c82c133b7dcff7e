//! Does code that others have written for `Read + Write` work in a process without changes?

use std::io::{self, BufRead, Read, Write};
use std::net::Shutdown;

use std_net::channel::Connected;
use std_net::process;
use std_net::socket::{TcpListener, TcpStream};
use std_net::tls::{ClientConfig, ServerConfig, Tls, TlsAcceptor};
use std_net::unix::UnixStream;
use std_net_tests::certificates::Authority;
use std_net_tests::{both, tcp_pair};
use tungstenite::Message;

/// Runs a WebSocket server and its client over any stream.
fn web_socket_echo<S: Read + Write + Send + 'static>(a: S, b: S) {
    let server = process::spawn(move || {
        let mut socket = tungstenite::accept(b).expect("a handshake");
        loop {
            match socket.read() {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                    socket.send(message).unwrap();
                }
                Ok(_) => {}
                Err(tungstenite::Error::ConnectionClosed) => return,
                Err(error) => panic!("{error}"),
            }
        }
    });
    let (mut socket, answer) = tungstenite::client("ws://localhost/echo", a).expect("a handshake");
    assert_eq!(answer.status(), 101);
    for message in [
        Message::text("grüß dich"),
        Message::binary(vec![7; 300_000]),
        Message::text(""),
    ] {
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message);
    }
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    server.join().unwrap();
}

#[test]
fn a_web_socket_by_tungstenite() {
    both(|| {
        let (a, b) = tcp_pair();
        web_socket_echo(a, b);
        let (a, b) = UnixStream::pair().unwrap();
        web_socket_echo(a, b);
    });
}

#[test]
fn a_web_socket_over_tls() {
    both(|| {
        let ca = Authority::new();
        let identity = ca.issue(&["localhost"]);
        let config = ServerConfig::builder(identity.chain, identity.key)
            .build()
            .unwrap();
        let (a, b) = tcp_pair();
        let accepted = process::spawn(move || TlsAcceptor::new(config).accept(b).unwrap());
        let config = ClientConfig::builder().root_pem(ca.pem).build().unwrap();
        let a = Tls::tls_with(a, "localhost", &config).unwrap();
        web_socket_echo(a, accepted.join().unwrap());
    });
}

/// Sends a request and its answer over the channels of a connection. httparse parses both.
#[test]
fn http_by_httparse() {
    /// Reads lines up to the empty one.
    fn head(read: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if read.read_until(b'\n', &mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(head)
    }

    fn serve(stream: TcpStream) -> io::Result<()> {
        let (mut read, mut write) = stream.into_channels(false)?;
        let head = head(&mut read)?;
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        assert!(request.parse(&head).unwrap().is_complete());
        assert_eq!(request.method, Some("POST"));
        let length = request.headers.iter().find(|h| h.name == "Content-Length");
        let length = str::from_utf8(length.unwrap().value).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        read.read_exact(&mut body)?;
        body.reverse();
        write!(write, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
        write.write_all(&body)?;
        write.flush_and_close()
    }

    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = process::spawn(move || serve(listener.accept()?.0));
        let (mut read, mut write) = TcpStream::connect(address)
            .unwrap()
            .into_channels(false)
            .unwrap();
        let body = b"stressed";
        write!(
            write,
            "POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .unwrap();
        write.write_all(body).unwrap();
        write.flush().unwrap();
        let head = head(&mut read).unwrap();
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut answer = httparse::Response::new(&mut headers);
        assert!(answer.parse(&head).unwrap().is_complete());
        assert_eq!(answer.code, Some(200));
        let mut body = String::new();
        read.read_to_string(&mut body).unwrap();
        assert_eq!(body, "desserts");
        server.join().unwrap().unwrap();
    });
}

/// std's adapters over the halves of our connections.
#[test]
fn std_adapters() {
    both(|| {
        let (a, b) = UnixStream::pair().unwrap();
        let echo = process::spawn(move || {
            let (mut read, mut write) = b.into_channels(false).unwrap();
            io::copy(&mut read, &mut write).unwrap()
        });
        let mut writer = io::LineWriter::new(&a);
        writeln!(writer, "one\ntwo").unwrap();
        drop(writer);
        a.shutdown(Shutdown::Write).unwrap();
        let lines: Vec<_> = io::BufReader::new(&a).lines().map(Result::unwrap).collect();
        assert_eq!(lines, ["one", "two"]);
        assert_eq!(echo.join().unwrap(), 8);
    });
}
