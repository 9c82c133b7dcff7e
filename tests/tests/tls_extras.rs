//! TLS beside reads and writes: peeks, calls that do not wait, application protocols by connection,
//! cipher suites.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::LazyLock;

use std_net::channel::Connected;
use std_net::process;
use std_net::tls::{ClientConfig, PendingServer, ServerConfig, TlsAcceptor, TlsStream, Version};
use std_net::unix::UnixStream;
use std_net_tests::certificates::{Authority, Identity};
use std_net_tests::{both, tcp_pair};

static CA: LazyLock<Authority> = LazyLock::new(Authority::new);
static LOCALHOST: LazyLock<Identity> = LazyLock::new(|| CA.issue(&["localhost"]));

fn client() -> ClientConfig {
    ClientConfig::builder().root_pem(&*CA.pem).build().unwrap()
}

fn server() -> ServerConfig {
    ServerConfig::builder(&*LOCALHOST.chain, &*LOCALHOST.key)
        .build()
        .unwrap()
}

fn pair<S: Connected>((a, b): (S, S)) -> (TlsStream<S>, TlsStream<S>) {
    let accepting = process::spawn(move || TlsAcceptor::new(server()).accept(b).unwrap());
    let client = client().connect(a, "localhost").unwrap();
    (client, accepting.join().unwrap())
}

#[test]
fn a_peek_leaves_what_it_sees() {
    both(|| {
        let (mut a, mut b) = pair(tcp_pair());
        a.write_all(b"GET / HTTP/1.1").unwrap();
        let mut first = [0; 4];
        for _ in 0..3 {
            assert_eq!(b.peek(&mut first).unwrap(), 4);
            assert_eq!(&first, b"GET ");
        }
        assert_eq!(b.peek(&mut []).unwrap(), 0);
        let mut all = [0; 64];
        // This buffer is larger than the data.
        assert_eq!(b.peek(&mut all).unwrap(), 14);
        assert_eq!(b.read(&mut first).unwrap(), 4);
        assert_eq!(b.peek(&mut all).unwrap(), 10);
        assert_eq!(&all[..10], b"/ HTTP/1.1");
        assert_eq!(b.read(&mut all).unwrap(), 10);
        // The peek waits, and sees the end.
        let waiting = process::spawn(move || {
            let n = b.peek(&mut first).unwrap();
            (b, first, n)
        });
        a.write_all(b"x").unwrap();
        let (mut b, first, n) = waiting.join().unwrap();
        assert_eq!(&first[..n], b"x");
        a.close().unwrap();
        assert_eq!(b.read(&mut [0; 8]).unwrap(), 1);
        assert_eq!(b.peek(&mut [0; 8]).unwrap(), 0);
    });
}

#[test]
fn without_a_wait() {
    both(|| {
        let (a, b) = pair(UnixStream::pair().unwrap());
        let mut buf = [0; 64];
        let would_block = |result: std::io::Result<usize>| {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
        };
        would_block(b.try_read(&mut buf));
        assert_eq!(a.try_write(b"ping").unwrap(), 4);
        assert_eq!(b.try_read(&mut buf[..2]).unwrap(), 2);
        assert_eq!(b.try_read(&mut buf[2..]).unwrap(), 2);
        assert_eq!(&buf[..4], b"ping");
        would_block(b.try_read(&mut buf));
        assert_eq!(a.try_write(b"").unwrap(), 0);
        // Write until there is no room. All bytes that were taken must arrive.
        let mut taken = 0;
        let error = loop {
            match a.try_write(&[7; 10_000]) {
                Ok(n) => taken += n,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let reader = process::spawn(move || {
            let mut all = Vec::new();
            (&b).read_to_end(&mut all).map(|_| all.len())
        });
        (&a).flush().unwrap();
        a.close().unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), taken);
    });
}

#[test]
fn its_descriptor_is_that_of_the_connection_below() {
    both(|| {
        let (a, b) = pair(tcp_pair());
        assert_eq!(a.as_raw_fd(), a.stream().as_raw_fd());
        assert_eq!(a.as_fd().as_raw_fd(), a.as_raw_fd());
        drop(b);
    });
}

#[test]
fn protocols_by_connection() {
    both(|| {
        let (client, server) = (client(), server());
        for protocol in ["h2", "http/1.1"] {
            let (a, b) = tcp_pair();
            let server = server.clone();
            let accepting = process::spawn(move || {
                let pending = PendingServer::read(b).unwrap();
                // The server chooses what the client prefers.
                let first = pending.alpn().next().unwrap().to_vec();
                pending.accept(&server.with_alpn([first])).unwrap()
            });
            let a = client
                .with_alpn([protocol])
                .connect(a, "localhost")
                .unwrap();
            assert_eq!(a.alpn().as_deref(), Some(protocol.as_bytes()));
            let b = accepting.join().unwrap();
            assert_eq!(b.alpn(), a.alpn());
        }
        // The configuration itself has not changed.
        let (a, b) = tcp_pair();
        let accepting = process::spawn(move || TlsAcceptor::new(server).accept(b).unwrap());
        assert_eq!(client.connect(a, "localhost").unwrap().alpn(), None);
        accepting.join().unwrap();
    });
}

#[test]
fn cipher_suites_are_chosen_by_name() {
    both(|| {
        for suite in [
            "TLS13_CHACHA20_POLY1305_SHA256",
            "TLS13_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        ] {
            let (a, b) = tcp_pair();
            let accepting = process::spawn(move || {
                let config = ServerConfig::builder(&*LOCALHOST.chain, &*LOCALHOST.key);
                TlsAcceptor::new(config.build().unwrap()).accept(b).unwrap()
            });
            let version = if suite.starts_with("TLS13") {
                Version::Tls13
            } else {
                Version::Tls12
            };
            let config = ClientConfig::builder()
                .root_pem(&*CA.pem)
                .min_version(version)
                .max_version(version)
                .cipher_suites([suite])
                .build()
                .unwrap();
            let stream = config.connect(a, "localhost").unwrap();
            assert_eq!(stream.cipher_suite(), Some(suite));
            let theirs = accepting.join().unwrap();
            assert_eq!(theirs.cipher_suite(), Some(suite));
        }
        // The server limits the cipher suites.
        let config = ServerConfig::builder(&*LOCALHOST.chain, &*LOCALHOST.key)
            .cipher_suites(["TLS13_AES_128_GCM_SHA256"])
            .min_version(Version::Tls13)
            .build()
            .unwrap();
        let (a, b) = tcp_pair();
        let accepting = process::spawn(move || TlsAcceptor::new(config).accept(b).unwrap());
        let stream = client().connect(a, "localhost").unwrap();
        assert_eq!(stream.cipher_suite(), Some("TLS13_AES_128_GCM_SHA256"));
        accepting.join().unwrap();
        // One suite does not exist, and one list is empty.
        let error = ClientConfig::builder()
            .root_pem(&*CA.pem)
            .cipher_suites(["TLS_RSA_WITH_RC4_128_MD5"])
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.contains("RC4") && text.contains("TLS13_AES_128_GCM_SHA256"));
        let none: [&str; 0] = [];
        let error = ServerConfig::builder(&*LOCALHOST.chain, &*LOCALHOST.key)
            .cipher_suites(none)
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

/// A read of zero bytes does not read the connection, and a write of zero bytes sends no record.
#[test]
fn nothing_is_read_and_written_at_once() {
    both(|| {
        let (mut a, mut b) = pair(tcp_pair());
        assert_eq!(a.read(&mut []).unwrap(), 0);
        assert_eq!(a.write(&[]).unwrap(), 0);
        a.write_all(b"x").unwrap();
        let mut buf = [0; 8];
        assert_eq!(b.read(&mut buf).unwrap(), 1, "what came first was the x");
        assert_eq!(b.read(&mut []).unwrap(), 0);
        a.close().unwrap();
        assert_eq!(b.read(&mut buf).unwrap(), 0);
        assert_eq!(b.read(&mut []).unwrap(), 0);
    });
}
