//! Is a header of the PROXY protocol read correctly, however it arrives, and is nothing behind it lost?

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use std_net::channel::Connected;
use std_net::process;
use std_net::proxy_protocol::{self, Header, Proxied};
use std_net::socket::{TcpListener, TcpStream};
use std_net::tls::{ClientConfig, ServerConfig, TlsAcceptor};
use std_net::unix::UnixStream;
use std_net_tests::certificates::Authority;
use std_net_tests::{both, tcp_pair, tool};

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn ip(source: &str, destination: &str) -> Header {
    Header::proxied(addr(source), addr(destination))
}

/// The signature of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn v2(rest: &[u8]) -> Vec<u8> {
    [SIGNATURE, rest].concat()
}

/// Reads a header that arrives at once, and then one that arrives a byte at a time, with more data
/// behind it.
fn read(bytes: &[u8]) -> io::Result<Header> {
    let (a, b) = UnixStream::pair().unwrap();
    a.write_bytes(bytes).unwrap();
    a.write_string("behind").unwrap();
    let at_once = proxy_protocol::read(&b);
    let behind = b.read_string(200_000).unwrap_or_default();
    if at_once.is_ok() {
        assert_eq!(behind, "behind");
    }

    let (a, b) = UnixStream::pair().unwrap();
    let owned = bytes.to_vec();
    let writer = process::spawn(move || {
        for byte in owned {
            if a.write_bytes(&[byte]).is_err() {
                break;
            }
            process::yield_now();
        }
        let _ = a.write_string("behind");
    });
    let in_pieces = proxy_protocol::read(&b);
    if in_pieces.is_ok() {
        assert_eq!(b.read_string(80).unwrap(), "behind");
    }
    drop(b);
    writer.join().unwrap();
    match (&at_once, &in_pieces) {
        (Ok(x), Ok(y)) => assert_eq!(x, y),
        (Err(x), Err(y)) => assert_eq!(x.kind(), y.kind()),
        other => panic!("{bytes:?}: {other:?}"),
    }
    at_once
}

#[test]
fn lines_of_version_1() {
    both(|| {
        for (line, header) in [
            (
                "PROXY TCP4 203.0.113.7 198.51.100.1 40000 443\r\n",
                ip("203.0.113.7:40000", "198.51.100.1:443"),
            ),
            (
                "PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n",
                ip("[2001:db8::7]:1", "[2001:db8::1]:65535"),
            ),
        ] {
            assert_eq!(read(line.as_bytes()).unwrap(), header);
        }
        for line in [
            "PROXY UNKNOWN\r\n",
            "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
             ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        ] {
            assert_eq!(read(line.as_bytes()).unwrap().proxied, Proxied::Unknown);
        }
    });
}

#[test]
fn headers_of_version_2() {
    both(|| {
        let v4 = v2(&[
            0x21, 0x11, 0, 12, 203, 0, 113, 7, 198, 51, 100, 1, 0x9c, 0x40, 1, 0xbb,
        ]);
        assert_eq!(
            read(&v4).unwrap(),
            ip("203.0.113.7:40000", "198.51.100.1:443")
        );
        // Further values follow: one with data, and one without.
        let mut with = v4.clone();
        with[15] += 8;
        with.extend_from_slice(&[0x05, 0, 2, 8, 9, 0x04, 0, 0]);
        let header = read(&with).unwrap();
        assert_eq!(header.source(), Some(addr("203.0.113.7:40000")));
        assert_eq!(header.tlvs, [(5, vec![8, 9]), (4, vec![])]);
        // The header says nothing, and the bytes behind it must be ignored.
        let local = v2(&[0x20, 0x00, 0, 3, 1, 2, 3]);
        assert_eq!(read(&local).unwrap(), Header::local());
        let unknown = v2(&[0x21, 0x00, 0, 0]);
        assert_eq!(read(&unknown).unwrap().proxied, Proxied::Unknown);
    });
}

#[test]
fn what_is_none_is_refused_and_nothing_taken() {
    both(|| {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        for bad in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"PROXY TCP4 203.0.113.7 198.51.100.1 40000\r\n",
            b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
            b"PROXY TCP4 203.0.113.256 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 203.0.113.7 198.51.100.1 01 2\r\n",
            b"PROXY TCP4 203.0.113.7 198.51.100.1 1 65536\r\n",
            b"PROXY TCP4  203.0.113.7 198.51.100.1 1 2\r\n",
            b"PROXY tcp4 203.0.113.7 198.51.100.1 1 2\r\n",
            b"PROXYTCP4 203.0.113.7 198.51.100.1 1 2\r\n",
            long.as_bytes(),
            b"\r\n\r\nHello",
            &v2(&[0x31, 0x11, 0, 0]),
            &v2(&[0x22, 0x11, 0, 0]),
            &v2(&[0x21, 0x41, 0, 0]),
            &v2(&[0x21, 0x11, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            &v2(&[0x21, 0x11, 0xff, 0xff]),
        ] {
            let error = read(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{bad:?}: {error}");
            assert!(error.to_string().contains("PROXY"), "{error}");
        }
        // This value is longer than the rest of the header.
        let mut cut = v2(&[0x21, 0x11, 0, 15, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2]);
        cut.extend_from_slice(&[0x05, 0, 9]);
        assert_eq!(read(&cut).unwrap_err().kind(), ErrorKind::InvalidData);

        let (a, b) = UnixStream::pair().unwrap();
        a.write_string("GET / HTTP/1.1\r\n").unwrap();
        proxy_protocol::read(&b).unwrap_err();
        assert_eq!(b.read_string(80).unwrap(), "GET / HTTP/1.1\r\n");
        // The connection ends within the header, or no header comes.
        a.write_string("PROXY TC").unwrap();
        let error = proxy_protocol::read_deadline(&b, Duration::from_millis(5)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(a);
        let error = proxy_protocol::read(&b).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        // A channel already reads this connection.
        let (_a, b) = UnixStream::pair().unwrap();
        let _read = b.open_read_channel().unwrap();
        let error = proxy_protocol::read(&b).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    });
}

#[test]
fn what_is_written_is_read() {
    both(|| {
        let unix = Proxied::Unix {
            source: Vec::new(),
            destination: b"/run/a.sock".to_vec(),
        };
        let headers = [
            ip("203.0.113.7:40000", "198.51.100.1:443"),
            ip("[2001:db8::7]:1", "[2001:db8::1]:65535"),
            Header::local(),
            Header {
                proxied: Proxied::Unknown,
                tlvs: Vec::new(),
            },
            Header {
                proxied: unix.clone(),
                tlvs: vec![(0xe0, b"own".to_vec())],
            },
            Header {
                tlvs: vec![(2, b"example.org".to_vec()), (0x30, vec![0; 1000])],
                ..ip("203.0.113.7:40000", "198.51.100.1:443")
            },
        ];
        for header in &headers {
            let (a, b) = tcp_pair();
            proxy_protocol::write_v2(&a, header).unwrap();
            a.write_string("x").unwrap();
            assert_eq!(proxy_protocol::read(&b).unwrap(), *header);
            assert_eq!(b.read_string(8).unwrap(), "x");
            let (a, b) = tcp_pair();
            match proxy_protocol::write_v1(&a, header) {
                Ok(()) => assert_eq!(proxy_protocol::read(&b).unwrap(), *header),
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput),
            }
        }
        // If the families differ, both addresses become IPv6.
        let (a, b) = tcp_pair();
        let mixed = ip("203.0.113.7:1", "[2001:db8::1]:2");
        proxy_protocol::write_v1(&a, &mixed).unwrap();
        let header = proxy_protocol::read(&b).unwrap();
        assert_eq!(header, ip("[::ffff:203.0.113.7]:1", "[2001:db8::1]:2"));
        let long = Header {
            proxied: Proxied::Unix {
                source: vec![b'x'; 109],
                destination: Vec::new(),
            },
            tlvs: Vec::new(),
        };
        let error = proxy_protocol::write_v2(&a, &long).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let much = Header {
            tlvs: vec![(5, vec![0; 70_000])],
            ..Header::proxied(addr("1.2.3.4:5"), addr("1.2.3.4:6"))
        };
        let error = proxy_protocol::write_v2(&a, &much).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

/// The header stands before the TLS data. Bytes that came with it belong to the handshake.
#[test]
fn before_tls() {
    both(|| {
        let ca = Authority::new();
        let me = ca.issue(&["localhost"]);
        let config = ClientConfig::builder().root_pem(&*ca.pem).build().unwrap();
        let (a, b) = tcp_pair();
        let client = process::spawn(move || {
            proxy_protocol::write_v1(&a, &ip("203.0.113.7:1", "198.51.100.1:2")).unwrap();
            let mut stream = config.connect(a, "localhost").unwrap();
            stream.write_all(b"inside").unwrap();
            stream.close().unwrap();
        });
        let header = proxy_protocol::read(&b).unwrap();
        assert_eq!(header.destination(), Some(addr("198.51.100.1:2")));
        let server = ServerConfig::builder(&*me.chain, &*me.key).build().unwrap();
        let stream = TlsAcceptor::new(server).accept(b).unwrap();
        let (mut read, _write) = stream.into_channels(true).unwrap();
        assert_eq!(read.read_remaining(80).unwrap(), b"inside");
        client.join().unwrap();
    });
}

/// curl is a client that speaks the protocol, written by others.
#[test]
fn curl_says_from_where_it_comes() {
    let Some(curl) = tool("curl") else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = Command::new(curl)
        .args(["--silent", "--haproxy-protocol", "--noproxy", "*"])
        .arg(format!("http://{address}/"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (stream, peer): (TcpStream, _) = listener.accept().unwrap();
    let header = proxy_protocol::read_deadline(&stream, std_net_tests::LIMIT).unwrap();
    assert_eq!(header, Header::proxied(peer, address));
    let (mut read, mut write) = stream.into_channels(true).unwrap();
    assert_eq!(read.read_utf8_line(80).unwrap(), Some("GET / HTTP/1.1"));
    while read.read_utf8_line(200).unwrap() != Some("") {}
    write
        .write_str("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        .unwrap();
    drop((read, write));
    assert!(client.wait().unwrap().success());
}
