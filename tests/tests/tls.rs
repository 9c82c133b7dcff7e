//! Does TLS over our streams work, and report what went wrong?

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::time::Duration;

use std_net::channel::{Connected, set_lost_hook};
use std_net::process;
use std_net::socket::TcpStream;
use std_net::tls::{
    ClientConfig, ClientConfigBuilder, PendingServer, ServerConfig, Tls, TlsAcceptor, TlsCause,
    TlsError, TlsStream, Version,
};
use std_net::unix::UnixStream;
use std_net_tests::certificates::{Authority, Identity, self_signed};
use std_net_tests::{both, tcp_pair};

static CA: LazyLock<Authority> = LazyLock::new(Authority::new);
static LOCALHOST: LazyLock<Identity> = LazyLock::new(|| CA.issue(&["localhost", "127.0.0.1"]));

fn server(identity: &Identity) -> ServerConfig {
    ServerConfig::builder(&*identity.chain, &*identity.key)
        .build()
        .unwrap()
}

fn client() -> ClientConfigBuilder {
    ClientConfig::builder().root_pem(&*CA.pem)
}

/// Does both sides of a handshake over a connection. The server is a process of its own.
fn shake<S: Connected>(
    (a, b): (S, S),
    client: &ClientConfig,
    server: &ServerConfig,
    name: &str,
) -> (io::Result<TlsStream<S>>, io::Result<TlsStream<S>>) {
    let acceptor = TlsAcceptor::new(server.clone());
    let accepted = process::spawn(move || acceptor.accept(b));
    let connected = client.connect(a, name);
    (connected, accepted.join().unwrap())
}

fn pair<S: Connected>(streams: (S, S)) -> (TlsStream<S>, TlsStream<S>) {
    let client = client().build().unwrap();
    let (a, b) = shake(streams, &client, &server(&LOCALHOST), "localhost");
    (a.unwrap(), b.unwrap())
}

fn cause(error: &io::Error) -> TlsCause {
    TlsError::of(error)
        .unwrap_or_else(|| panic!("{error:?} is not of TLS"))
        .cause()
}

#[test]
fn both_versions_over_both_kinds_of_stream() {
    fn check<S: Connected>(streams: (S, S), version: Version) {
        let client = client().max_version(version).build().unwrap();
        let (a, b) = shake(streams, &client, &server(&LOCALHOST), "localhost");
        let (mut a, mut b) = (a.unwrap(), b.unwrap());
        assert_eq!((a.version(), b.version()), (version, version));
        assert_eq!(b.server_name(), Some("localhost"));
        assert_eq!(a.cipher_suite(), b.cipher_suite());
        assert_eq!(a.peer_certificates().len(), 1);
        assert!(b.peer_certificates().is_empty());
        assert_eq!((a.alpn(), b.alpn()), (None, None));
        a.write_all(b"ping").unwrap();
        let mut buf = [0; 4];
        b.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"ping");
        b.write_all(b"pong").unwrap();
        a.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"pong");
        drop(b);
        assert_eq!(a.read(&mut buf).unwrap(), 0, "a drop sends a close_notify");
    }
    both(|| {
        for version in [Version::Tls12, Version::Tls13] {
            check(tcp_pair(), version);
            check(UnixStream::pair().unwrap(), version);
        }
    });
}

#[test]
fn a_stream_becomes_tls_by_its_method() {
    both(|| {
        let (a, b) = tcp_pair();
        let acceptor = TlsAcceptor::new(server(&LOCALHOST));
        let accepted = process::spawn(move || acceptor.accept(b).unwrap());
        // The certificate has this address.
        let mut a = a.tls_with("127.0.0.1", &client().build().unwrap()).unwrap();
        let b = accepted.join().unwrap();
        assert_eq!(b.server_name(), None, "an address is no server name");
        (&b).write_all(b"x").unwrap();
        assert_eq!(a.read(&mut [0; 9]).unwrap(), 1);
        let (a, _b) = UnixStream::pair().unwrap();
        let error = a.tls_with("not a name!", &client().build().unwrap());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn tls_in_tls() {
    both(|| {
        let (a, b) = pair(UnixStream::pair().unwrap());
        let (mut a, mut b) = pair((a, b));
        a.write_all(&[5; 100_000]).unwrap();
        let mut buf = vec![0; 100_000];
        b.read_exact(&mut buf).unwrap();
        assert!(buf.iter().all(|&x| x == 5));
    });
}

#[test]
fn much_in_both_directions_at_once() {
    const TOTAL: usize = 8 << 20;
    fn pump<S: Connected>(stream: TlsStream<S>, size: usize) {
        let writer = stream.try_clone();
        let byte = |i: usize| (i / 251) as u8;
        let sent = process::spawn(move || {
            let data: Vec<u8> = (0..TOTAL).map(byte).collect();
            for part in data.chunks(size) {
                (&writer).write_all(part).unwrap();
            }
            (&writer).flush().unwrap();
        });
        let mut got = 0;
        let mut buf = vec![0; size];
        while got < TOTAL {
            let n = (&stream).read(&mut buf).unwrap();
            assert!(n > 0, "the end after {got}");
            assert!(
                buf[..n]
                    .iter()
                    .enumerate()
                    .all(|(i, &b)| b == byte(got + i))
            );
            got += n;
        }
        sent.join().unwrap();
    }
    both(|| {
        let (a, b) = pair(tcp_pair());
        let other = process::spawn(move || pump(b, 100_000));
        pump(a, 7_001);
        other.join().unwrap();
    });
}

/// Passes bytes on, in pieces of these sizes in turn, until the sender ends.
fn in_pieces(from: UnixStream, to: UnixStream, sizes: &'static [usize]) {
    process::spawn(move || {
        let mut sizes = sizes.iter().cycle();
        loop {
            let mut piece = vec![0; *sizes.next().unwrap()];
            let n = (&from).read(&mut piece).unwrap();
            if n == 0 || (&to).write_all(&piece[..n]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// Returns two ends of a connection that splits all data into pieces.
fn torn(sizes: &'static [usize]) -> (UnixStream, UnixStream) {
    let ((a, x), (y, b)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    in_pieces(x.try_clone().unwrap(), y.try_clone().unwrap(), sizes);
    in_pieces(y, x, sizes);
    (a, b)
}

#[test]
fn records_in_pieces_and_a_handshake_of_several_records() {
    both(|| {
        let large = server(&CA.issue_large(&["localhost"], 40_000));
        for sizes in [&[1][..], &[3, 16_401], &[5, 1, 17_000]] {
            for version in [Version::Tls12, Version::Tls13] {
                let config = client().max_version(version).build().unwrap();
                let (a, b) = shake(torn(sizes), &config, &large, "localhost");
                let (a, b) = (a.unwrap(), b.unwrap());
                // Both sides write while both read parts of records.
                let other = process::spawn(move || {
                    let mut buf = vec![0; 50_000];
                    (&b).write_all(&[2; 50_000]).unwrap();
                    (&b).read_exact(&mut buf).unwrap();
                    assert!(buf.iter().all(|&x| x == 1));
                    b
                });
                let mut buf = vec![0; 50_000];
                (&a).write_all(&[1; 50_000]).unwrap();
                (&a).read_exact(&mut buf).unwrap();
                assert!(buf.iter().all(|&x| x == 2));
                other.join().unwrap();
            }
        }
    });
}

#[test]
fn who_waits_for_data_keeps_no_one_from_writing() {
    both(|| {
        let (a, mut b) = pair(tcp_pair());
        let reader = a.try_clone();
        let waiting = process::spawn(move || {
            let mut text = String::new();
            (&reader).read_to_string(&mut text).map(|_| text)
        });
        process::yield_now();
        for i in 0..100_u8 {
            (&a).write_all(&[i]).unwrap();
            let mut buf = [0];
            b.read_exact(&mut buf).unwrap();
            assert_eq!(buf, [i]);
        }
        b.write_all(b"done").unwrap();
        b.close().unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), "done");
    });
}

#[test]
fn the_wrong_name() {
    both(|| {
        let config = client().build().unwrap();
        let (a, b) = shake(tcp_pair(), &config, &server(&LOCALHOST), "example.org");
        let a = a.unwrap_err();
        assert_eq!(
            (cause(&a), a.kind()),
            (TlsCause::Name, ErrorKind::InvalidData)
        );
        assert!(!TlsError::of(&a).unwrap().is_by_peer());
        let b = b.unwrap_err();
        assert_eq!(cause(&b), TlsCause::Certificate);
        assert!(TlsError::of(&b).unwrap().is_by_peer(), "{b}");
    });
}

#[test]
fn expired_self_signed_and_of_another_authority() {
    both(|| {
        let config = client().build().unwrap();
        let bad = [
            CA.issue_expired(&["localhost"]),
            self_signed(&["localhost"]),
            Authority::new().issue(&["localhost"]),
        ];
        for identity in bad {
            let (a, _) = shake(tcp_pair(), &config, &server(&identity), "localhost");
            let error = a.unwrap_err();
            assert_eq!(cause(&error), TlsCause::Certificate, "{error}");
            assert!(TlsError::of(&error).unwrap().rustls().is_some());
            // The dangerous option accepts all of them.
            let any = ClientConfig::builder().dangerous_skip_verification();
            let any = any.build().unwrap();
            let (a, b) = shake(tcp_pair(), &any, &server(&identity), "example.org");
            b.unwrap().write_all(b"hi").unwrap();
            let mut text = String::new();
            a.unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "hi");
        }
    });
}

#[test]
fn a_client_certificate_asked_missing_and_wrong() {
    both(|| {
        for version in [Version::Tls12, Version::Tls13] {
            let ask = || {
                ServerConfig::builder(&*LOCALHOST.chain, &*LOCALHOST.key)
                    .client_root_pem(&*CA.pem)
                    .max_version(version)
            };
            let strict = ask().build().unwrap();
            let lax = ask().client_certificate_optional(true).build().unwrap();
            let me = CA.issue(&["me"]);
            let good = client()
                .certificate_pem(&*me.chain, &*me.key)
                .build()
                .unwrap();
            let (a, b) = shake(tcp_pair(), &good, &strict, "localhost");
            assert_eq!(b.unwrap().peer_certificates().len(), 1);
            assert!(a.is_ok());

            let none = client().build().unwrap();
            let (a, b) = shake(tcp_pair(), &none, &strict, "localhost");
            assert_eq!(cause(&b.unwrap_err()), TlsCause::Certificate);
            // A client of TLS 1.3 ends its handshake before the server checks its certificate.
            let error = match a {
                Ok(a) => (&a).read(&mut [0; 8]).unwrap_err(),
                Err(error) => error,
            };
            assert!(TlsError::of(&error).unwrap().is_by_peer(), "{error}");
            let causes = [TlsCause::Certificate, TlsCause::Protocol];
            assert!(causes.contains(&cause(&error)), "{error}");

            let (a, b) = shake(tcp_pair(), &none, &lax, "localhost");
            assert!(a.is_ok() && b.unwrap().peer_certificates().is_empty());

            let other = Authority::new().issue(&["me"]);
            let wrong = client().certificate_pem(&*other.chain, &*other.key);
            let wrong = wrong.build().unwrap();
            let (_, b) = shake(tcp_pair(), &wrong, &lax, "localhost");
            assert_eq!(cause(&b.unwrap_err()), TlsCause::Certificate);
        }
    });
}

#[test]
fn alpn_agreed_and_not() {
    both(|| {
        let h1_h2 = ServerConfig::builder(&*LOCALHOST.chain, &*LOCALHOST.key)
            .alpn(["h2", "http/1.1"])
            .build()
            .unwrap();
        let config = client().alpn(["http/1.1", "h2"]).build().unwrap();
        let (a, b) = shake(tcp_pair(), &config, &h1_h2, "localhost");
        assert_eq!(a.unwrap().alpn().as_deref(), Some(&b"h2"[..]));
        assert_eq!(b.unwrap().alpn().as_deref(), Some(&b"h2"[..]));
        let (a, b) = shake(tcp_pair(), &client().build().unwrap(), &h1_h2, "localhost");
        assert_eq!((a.unwrap().alpn(), b.unwrap().alpn()), (None, None));
        let config = client().alpn(["imap"]).build().unwrap();
        let (a, b) = shake(tcp_pair(), &config, &h1_h2, "localhost");
        let (a, b) = (a.unwrap_err(), b.unwrap_err());
        assert_eq!(
            (cause(&a), cause(&b)),
            (TlsCause::Protocol, TlsCause::Protocol)
        );
        assert!(TlsError::of(&a).unwrap().is_by_peer());
    });
}

#[test]
fn no_common_version_and_no_tls_at_all() {
    both(|| {
        let old = ServerConfig::builder(&*LOCALHOST.chain, &*LOCALHOST.key)
            .max_version(Version::Tls12)
            .build()
            .unwrap();
        let new = client().min_version(Version::Tls13).build().unwrap();
        let (a, b) = shake(tcp_pair(), &new, &old, "localhost");
        assert_eq!(cause(&a.unwrap_err()), TlsCause::Protocol);
        assert_eq!(cause(&b.unwrap_err()), TlsCause::Protocol);

        let (a, b) = tcp_pair();
        b.write_string("220 mail.example.org ready\r\n").unwrap();
        let error = a.tls_with("localhost", &new).unwrap_err();
        assert_eq!(cause(&error), TlsCause::Protocol);

        let (a, b) = tcp_pair();
        a.write_string("GET / HTTP/1.1\r\n\r\n").unwrap();
        let error = TlsAcceptor::new(old.clone()).accept(b).unwrap_err();
        assert_eq!(cause(&error), TlsCause::Protocol);

        let versions = client()
            .min_version(Version::Tls13)
            .max_version(Version::Tls12);
        assert_eq!(
            versions.build().unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    });
}

#[test]
fn a_peer_that_is_silent_or_hangs_up_in_the_handshake() {
    both(|| {
        let config = client().build().unwrap();
        let acceptor = TlsAcceptor::new(server(&LOCALHOST));
        let late = |error: io::Error| {
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!(cause(&error), TlsCause::Timeout);
        };
        let (a, b) = tcp_pair();
        let soon = Duration::from_millis(5);
        late(config.connect_deadline(a, "localhost", soon).unwrap_err());
        let (_a, other) = tcp_pair();
        late(acceptor.accept_deadline(other, soon).unwrap_err());
        drop(b);
        let (a, _b) = tcp_pair();
        a.set_deadline(soon);
        late(config.connect(a, "localhost").unwrap_err());

        let (a, b) = tcp_pair();
        drop(b);
        let error = config.connect(a, "localhost").unwrap_err();
        assert!(TlsError::of(&error).is_none_or(|tls| tls.cause() == TlsCause::Truncated));
        let kinds = [
            ErrorKind::UnexpectedEof,
            ErrorKind::ConnectionReset,
            ErrorKind::BrokenPipe,
        ];
        assert!(kinds.contains(&error.kind()), "{error}");
        let (a, b) = tcp_pair();
        a.write_bytes(&[22, 3, 1, 2, 0, 1]).unwrap();
        drop(a);
        let error = acceptor.accept(b).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);

        // The peer sent a reason before it left. The error has this reason, although nothing can be
        // sent to the peer any more.
        let (a, b) = UnixStream::pair().unwrap();
        b.write_string("HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        drop(b);
        let error = config.connect(a, "localhost").unwrap_err();
        assert_eq!(cause(&error), TlsCause::Protocol);
        let (a, b) = UnixStream::pair().unwrap();
        let unknown_authority = [21, 3, 3, 0, 2, 2, 48];
        b.write_bytes(&unknown_authority).unwrap();
        drop(b);
        let error = config.connect(a, "localhost").unwrap_err();
        assert_eq!(cause(&error), TlsCause::Certificate);
        assert!(TlsError::of(&error).unwrap().is_by_peer());
    });
}

#[test]
fn a_deadline_of_reads_and_writes() {
    both(|| {
        let (mut a, mut b) = pair(tcp_pair());
        a.set_deadline(Duration::from_millis(5));
        assert!(a.deadline().is_some());
        assert_eq!(a.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
        a.reset_deadline();
        b.write_all(b"later").unwrap();
        let mut buf = [0; 5];
        a.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"later");
        // The other end does not read. So a write reaches its deadline, and later continues without a
        // gap.
        a.set_deadline(Duration::from_millis(20));
        let mut taken = 0;
        let error = loop {
            match a.write(&[9; 30_000]) {
                Ok(n) => taken += n,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        a.set_deadline(Duration::ZERO);
        assert_eq!(a.flush().unwrap_err().kind(), ErrorKind::TimedOut);
        a.reset_deadline();
        let reader = process::spawn(move || {
            let mut all = Vec::new();
            b.read_to_end(&mut all).map(|_| all)
        });
        a.write_all(b"end").unwrap();
        a.flush().unwrap();
        a.close().unwrap();
        let all = reader.join().unwrap().unwrap();
        assert_eq!(all.len(), taken + 3);
        assert!(all.ends_with(b"\x09end"));
    });
}

#[test]
fn a_truncated_stream_is_reported() {
    both(|| {
        let (a, b) = pair(tcp_pair());
        (&a).write_all(b"not all").unwrap();
        // The connection below TLS ends.
        a.stream().shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        let error = (&b).read_to_string(&mut text).unwrap_err();
        assert_eq!(
            (error.kind(), cause(&error)),
            (ErrorKind::UnexpectedEof, TlsCause::Truncated)
        );
        let error = (&b).read(&mut [0; 8]).unwrap_err();
        assert_eq!(cause(&error), TlsCause::Truncated, "and again");
        // The connection ends in the middle of a record.
        let (a, b) = pair(UnixStream::pair().unwrap());
        a.stream()
            .write_bytes(&[23, 3, 3, 0, 100, 1, 2, 3])
            .unwrap();
        a.stream().shutdown(Shutdown::Write).unwrap();
        assert_eq!(
            cause(&(&b).read(&mut [0; 8]).unwrap_err()),
            TlsCause::Truncated
        );
    });
}

#[test]
fn a_changed_record_is_refused_and_the_peer_told() {
    both(|| {
        let (a, b) = pair(UnixStream::pair().unwrap());
        (&a).write_all(b"good").unwrap();
        a.stream().write_bytes(&[23, 3, 3, 0, 20]).unwrap();
        a.stream().write_bytes(&[0; 20]).unwrap();
        let mut buf = [0; 64];
        assert_eq!((&b).read(&mut buf).unwrap(), 4);
        for _ in 0..2 {
            let error = (&b).read(&mut buf).unwrap_err();
            assert_eq!(cause(&error), TlsCause::Protocol);
        }
        assert!((&b).write_all(b"no more").is_err());
        let error = (&a).read(&mut buf).unwrap_err();
        assert!(TlsError::of(&error).unwrap().is_by_peer(), "{error}");
    });
}

#[test]
fn half_a_close() {
    both(|| {
        for version in [Version::Tls12, Version::Tls13] {
            let config = client().max_version(version).build().unwrap();
            let (a, b) = shake(tcp_pair(), &config, &server(&LOCALHOST), "localhost");
            let (mut a, mut b) = (a.unwrap(), b.unwrap());
            a.write_all(b"that is all").unwrap();
            a.shutdown(Shutdown::Write).unwrap();
            let mut text = String::new();
            b.read_to_string(&mut text).unwrap();
            assert_eq!(text, "that is all");
            assert_eq!(b.read(&mut [0; 8]).unwrap(), 0, "and again");
            assert_eq!(a.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
            b.write_all(b"the answer").unwrap();
            b.close().unwrap();
            text.clear();
            a.read_to_string(&mut text).unwrap();
            assert_eq!(text, "the answer");
        }
    });
}

#[test]
fn sessions_are_resumed() {
    both(|| {
        for version in [Version::Tls12, Version::Tls13] {
            let server = server(&LOCALHOST);
            let config = client().max_version(version).build().unwrap();
            let resumed = |config: &ClientConfig, server: &ServerConfig| {
                let (a, b) = shake(tcp_pair(), config, server, "localhost");
                let (mut a, mut b) = (a.unwrap(), b.unwrap());
                // The tickets of TLS 1.3 come after the handshake, and a read takes them.
                b.write_all(b"x").unwrap();
                a.read_exact(&mut [0]).unwrap();
                assert_eq!(a.is_resumed(), b.is_resumed());
                a.is_resumed()
            };
            assert!(!resumed(&config, &server));
            assert!(resumed(&config, &server));
            assert!(resumed(&config, &server));
            let without = client()
                .max_version(version)
                .resumption(false)
                .build()
                .unwrap();
            assert!(!resumed(&without, &server));
            assert!(!resumed(&without, &server));
            let forgetful = ServerConfig::builder(&*LOCALHOST.chain, &*LOCALHOST.key)
                .resumption(false)
                .build()
                .unwrap();
            assert!(!resumed(&config, &forgetful));
            assert!(!resumed(&config, &forgetful));
        }
    });
}

/// The peer changes its keys, and asks the other side to do the same.
#[test]
fn keys_change_while_both_sides_write() {
    use std_net::tls::rustls::{self, pki_types::pem::PemObject};
    const ROUNDS: usize = 50;
    both(|| {
        let mut roots = rustls::RootCertStore::empty();
        let ca = rustls::pki_types::CertificateDer::from_pem_slice(CA.pem.as_bytes());
        roots.add(ca.unwrap()).unwrap();
        let provider = rustls::crypto::ring::default_provider();
        let config = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let connection = rustls::ClientConnection::new(config.into(), name).unwrap();
        let (a, b) = tcp_pair();
        let server = process::spawn(move || {
            let b = TlsAcceptor::new(server(&LOCALHOST)).accept(b).unwrap();
            let (mut read, mut write) = b.into_channels(false).unwrap();
            // One half writes while the other half reads the changes.
            let writer = process::spawn(move || {
                for i in 0..ROUNDS as u8 {
                    write.write_chunk(&[i; 20_000]).unwrap();
                }
                write.flush_and_close().unwrap();
            });
            for i in 0..ROUNDS as u8 {
                for _ in 0..1000 {
                    assert_eq!(read.read_u8().unwrap(), i);
                }
            }
            writer.join().unwrap();
        });
        let mut stream = rustls::StreamOwned::new(connection, a);
        let mut buf = vec![0; 20_000];
        for i in 0..ROUNDS as u8 {
            stream.write_all(&[i; 1000]).unwrap();
            stream.conn.refresh_traffic_keys().unwrap();
            stream.flush().unwrap();
            stream.read_exact(&mut buf).unwrap();
            assert!(buf.iter().all(|&x| x == i));
        }
        assert_eq!(stream.read(&mut buf).unwrap(), 0);
        server.join().unwrap();
    });
}

#[test]
fn a_pending_server_chooses_by_what_the_client_asks_for() {
    both(|| {
        let names = ["one.test", "two.test"];
        let accept = move |stream: TcpStream| -> io::Result<TlsStream<TcpStream>> {
            let pending = PendingServer::read(stream)?;
            let name = pending.server_name().unwrap_or("none").to_owned();
            assert_eq!(pending.alpn().collect::<Vec<_>>(), [&b"x"[..], b"y"]);
            if !names.contains(&&*name) {
                return Err(ErrorKind::NotFound.into());
            }
            let identity = CA.issue(&[&name]);
            let config = ServerConfig::builder(identity.chain, identity.key).alpn(["y"]);
            pending.accept(&config.build()?)
        };
        let config = client().alpn(["x", "y"]).build().unwrap();
        for name in names {
            let (a, b) = tcp_pair();
            let accepted = process::spawn(move || accept(b).unwrap());
            let a = a.tls_with(name, &config).unwrap();
            assert_eq!(a.alpn().as_deref(), Some(&b"y"[..]));
            assert_eq!(accepted.join().unwrap().server_name(), Some(name));
        }
        let (a, b) = tcp_pair();
        let accepted = process::spawn(move || accept(b).unwrap_err().kind());
        assert!(a.tls_with("three.test", &config).is_err());
        assert_eq!(accepted.join().unwrap(), ErrorKind::NotFound);
    });
}

#[test]
fn a_client_hello_in_many_pieces() {
    both(|| {
        let config = client().alpn(vec!["x".repeat(200); 150]).build().unwrap();
        let (a, b) = shake(torn(&[7]), &config, &server(&LOCALHOST), "localhost");
        assert!(a.is_ok() && b.is_ok());
    });
}

#[test]
fn channels_over_tls() {
    both(|| {
        let (a, b) = pair(tcp_pair());
        let echo = process::spawn(move || -> io::Result<()> {
            let (mut read, mut write) = b.into_channels(false)?;
            while let Some(line) = read.read_utf8_line(1000)? {
                write.write_line(line)?;
                write.flush()?;
            }
            Ok(())
        });
        let mut read = a.open_read_channel().unwrap();
        let error = a.open_read_channel().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        let mut write = a.open_write_channel(true).unwrap();
        drop(a);
        let writer = process::spawn(move || {
            for i in 0..1000 {
                write.write_line(&format!("line {i}")).unwrap();
            }
            write.flush_and_close().unwrap();
        });
        let lines: Vec<String> = read.lines(100).map(Result::unwrap).collect();
        assert_eq!(lines.len(), 1000);
        assert_eq!(lines[999], "line 999");
        writer.join().unwrap();
        echo.join().unwrap().unwrap();
        // Only this half has a deadline.
        let (a, _b) = pair(tcp_pair());
        let (mut read, mut write) = a.into_channels(true).unwrap();
        read.set_deadline(Duration::from_millis(2));
        assert_eq!(read.read_u8().unwrap_err().kind(), ErrorKind::TimedOut);
        write.write_u64(1).unwrap();
    });
}

#[test]
fn lost_text_is_no_clean_end() {
    both(|| {
        set_lost_hook(|_, _| ());
        let (a, b) = pair(tcp_pair());
        let mut write = a.open_write_channel(false).unwrap();
        write.write_str("sent").unwrap();
        std::io::Write::flush(&mut write).unwrap();
        write.write_str("lost").unwrap();
        write.set_deadline(Duration::ZERO);
        drop(write);
        drop(a);
        let mut text = String::new();
        let error = (&b).read_to_string(&mut text).unwrap_err();
        assert_eq!(cause(&error), TlsCause::Truncated);
    });
}

#[test]
fn a_panic_is_no_clean_end() {
    both(|| {
        let (a, b) = pair(tcp_pair());
        let panicked = process::spawn(move || {
            (&a).write_all(b"half").unwrap();
            let _a = a;
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(panicked.join().is_err());
        let error = (&b).read_to_string(&mut String::new()).unwrap_err();
        assert_eq!(cause(&error), TlsCause::Truncated);
    });
}

#[test]
fn a_changed_record_that_is_met_without_a_wait_is_told_to_the_peer_too() {
    both(|| {
        // This version sends no tickets after the handshake, and its alerts differ visibly from other
        // records.
        let config = client().max_version(Version::Tls12).build().unwrap();
        let (inner_a, inner_b) = shake(
            UnixStream::pair().unwrap(),
            &config,
            &server(&LOCALHOST),
            "localhost",
        );
        let (inner_a, inner_b) = (inner_a.unwrap(), inner_b.unwrap());
        // This handle keeps the connection open. A close would reach the peer too.
        let _kept = inner_a.try_clone();
        let (a, b) = shake(
            (inner_a, inner_b),
            &config,
            &server(&LOCALHOST),
            "localhost",
        );
        let (a, b) = (a.unwrap(), b.unwrap());
        let raw = b.stream().stream();
        raw.write_bytes(&[23, 3, 3, 0, 20]).unwrap();
        raw.write_bytes(&[0; 20]).unwrap();
        // A client that is dropped reads what has come, and does not wait.
        drop(a);
        // Read the records directly, because our type does not allow reads below TLS.
        let raw = raw.as_fd().try_clone_to_owned().unwrap();
        let mut raw = std::os::unix::net::UnixStream::from(raw);
        raw.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        loop {
            let mut header = [0; 5];
            raw.read_exact(&mut header).unwrap();
            let len = u16::from_be_bytes([header[3], header[4]]);
            raw.read_exact(&mut vec![0; len.into()]).unwrap();
            const ALERT: u8 = 21;
            if header[0] == ALERT {
                break;
            }
        }
    });
}

#[test]
fn a_file_goes_by_copy() {
    both(|| {
        let data: Vec<u8> = (0..200_000_u32).map(|i| (i / 7) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&data).unwrap();
        let (a, mut b) = pair(tcp_pair());
        let sender = process::spawn(move || {
            assert_eq!(a.send_file(&file, 100..150_000).unwrap(), 149_900);
            assert_eq!(a.send_file(&file, 199_990..).unwrap(), 10, "the file ends");
            assert_eq!(a.send_file(&file, 300_000..).unwrap(), 0);
            let error = a.send_file(&file, 1 << 63..).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "no file has it");
            use std::io::Seek;
            assert_eq!(file.stream_position().unwrap(), 200_000);
        });
        let mut all = Vec::new();
        b.read_to_end(&mut all).unwrap();
        sender.join().unwrap();
        assert!(all[..149_900] == data[100..150_000]);
        assert!(all[149_900..] == data[199_990..]);
    });
}

#[test]
fn bad_pem_is_an_error() {
    both(|| {
        let kind = |result: io::Result<ServerConfig>| result.unwrap_err().kind();
        let config = ServerConfig::builder("", &*LOCALHOST.key).build();
        assert_eq!(kind(config), ErrorKind::InvalidInput);
        let config = ServerConfig::builder(&*LOCALHOST.chain, &*LOCALHOST.chain).build();
        assert_eq!(kind(config), ErrorKind::InvalidInput);
        let other = CA.issue(&["other"]);
        let config = ServerConfig::builder(&*LOCALHOST.chain, &*other.key).build();
        assert_eq!(kind(config), ErrorKind::InvalidInput, "not the key to it");
        let config = ServerConfig::from_pem_files("/nowhere/cert.pem", "/nowhere/key.pem");
        assert_eq!(kind(config), ErrorKind::NotFound);
        let text = format!("{:?}", ServerConfig::builder("secret", "secret"));
        assert!(!text.contains("secret"), "{text}");
        let config = ClientConfig::builder().root_pem("nothing").build();
        assert_eq!(config.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn non_blocking_below() {
    both(|| {
        let (mut a, mut b) = pair(tcp_pair());
        a.stream().set_nonblocking(true).unwrap();
        assert_eq!(
            a.read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        let mut taken = 0;
        let error = loop {
            match a.write(&[3; 32_768]) {
                Ok(n) => taken += n,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let reader = process::spawn(move || {
            let mut all = Vec::new();
            b.read_to_end(&mut all).map(|_| all.len())
        });
        a.stream().set_nonblocking(false).unwrap();
        a.flush().unwrap();
        a.close().unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), taken);
    });
}

#[test]
fn a_cancelled_read_loses_nothing() {
    both(|| {
        let (a, mut b) = pair(tcp_pair());
        let waiting = process::spawn(move || {
            let error = (&a).read(&mut [0; 8]).unwrap_err();
            assert!(process::is_cancelled(&error), "{error}");
            a
        });
        waiting.cancel();
        let mut a = waiting.join().unwrap();
        b.write_all(b"there").unwrap();
        let mut text = [0; 5];
        a.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"there");
    });
}

/// Many processes share one connection. Each write must arrive whole, and nothing may be lost.
#[test]
fn many_write_to_one_connection() {
    both(|| {
        let (a, mut b) = pair(tcp_pair());
        let writers: Vec<_> = (0..20_u8)
            .map(|i| {
                let a = a.try_clone();
                process::spawn(move || {
                    for _ in 0..50 {
                        (&a).write_all(&[i; 1000]).unwrap();
                    }
                })
            })
            .collect();
        let mut counts = [0; 20];
        for _ in 0..20 * 50 {
            let mut record = [0; 1000];
            b.read_exact(&mut record).unwrap();
            assert!(record.iter().all(|&x| x == record[0]));
            counts[usize::from(record[0])] += 1;
        }
        assert_eq!(counts, [50; 20]);
        writers.into_iter().for_each(|w| w.join().unwrap());
    });
}
