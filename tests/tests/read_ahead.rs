//! Are the data that a channel has read ahead never lost? While the channel has the half, every other
//! read fails at once. When it has given the half back, the next read gets these bytes first.

use std::io::{self, ErrorKind, IoSliceMut, Read, Write};

use std_net::channel::{Connected, ReadChannel, WriteChannel};
use std_net::process;
use std_net::socket::TcpStream;
use std_net::tls::{ClientConfig, PendingServer, ServerConfig, Tls, TlsAcceptor};
use std_net::unix::UnixStream;
use std_net_tests::certificates::{Authority, Identity};
use std_net_tests::{both, tcp_pair};

#[track_caller]
fn busy<T>(result: io::Result<T>) {
    match result {
        Err(e) => assert_eq!(e.kind(), ErrorKind::ResourceBusy, "{e}"),
        Ok(_) => panic!("it read past the channel"),
    }
}

/// Returns a channel that has read a line, and has the rest in its buffer.
fn ahead(stream: &UnixStream, peer: &UnixStream) -> ReadChannel<UnixStream> {
    peer.write_string("line\nthe rest").unwrap();
    let mut read = stream.open_read_channel().unwrap();
    assert_eq!(read.read_utf8_line(80).unwrap(), Some("line"));
    assert_eq!(read.available(), 8);
    read
}

fn unix(body: impl Fn(&UnixStream) -> Vec<u8>) {
    let (a, b) = UnixStream::pair().unwrap();
    let read = ahead(&a, &b);
    read.release();
    let got = body(&a);
    assert_eq!(String::from_utf8(got).unwrap(), "the rest");
    // From here on it is an ordinary stream.
    b.write_string(" and more").unwrap();
    assert_eq!(a.read_string(80).unwrap(), " and more");
}

#[test]
fn other_reads_fail_while_a_channel_has_the_half() {
    both(|| {
        let (a, b) = UnixStream::pair().unwrap();
        let read = ahead(&a, &b);
        let clone = a.try_clone().unwrap();
        let (other, _peer) = UnixStream::pair().unwrap();
        for stream in [&a, &clone, read.stream()] {
            let mut buf = [0; 8];
            busy((&*stream).read(&mut buf));
            busy((&*stream).read_vectored(&mut [IoSliceMut::new(&mut buf)]));
            busy((&*stream).read_to_end(&mut Vec::new()));
            busy(stream.read_string(8));
            busy(stream.read_bytes(&mut Vec::new(), 8));
            busy(stream.read_lent());
            busy(stream.peek(&mut buf));
            busy(stream.try_read(&mut buf));
            busy(stream.socket().recv(&mut buf));
            busy(stream.socket().recv_from(&mut buf));
            busy(stream.recv_ancillary(&mut buf, 1));
            busy(std_net::copy(stream, &other));
        }
        assert_eq!(
            a.read_chunk(8).unwrap_err().kind(),
            ErrorKind::AlreadyExists
        );
        let error = a.chunks(8).next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        // A deadline changes nothing.
        a.set_deadline(std_net_tests::LIMIT);
        busy(a.read_string(8));
        // The writing half is free.
        a.write_string("out").unwrap();
        assert_eq!(b.read_string(8).unwrap(), "out");
        // A channel that was dropped, and has not given its data back, takes them with it. Reads report
        // this.
        drop(read);
        busy(a.read_string(8));
    });
}

#[test]
fn tls_wants_both_halves() {
    both(|| {
        let config = ClientConfig::builder()
            .dangerous_skip_verification()
            .build()
            .unwrap();
        let refused = |stream: UnixStream| {
            let error = config.connect(stream, "localhost").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        };
        let (a, _b) = UnixStream::pair().unwrap();
        let _read = a.open_read_channel().unwrap();
        refused(a);
        let (a, _b) = UnixStream::pair().unwrap();
        let _write = a.open_write_channel(false).unwrap();
        refused(a);
        let (a, _b) = UnixStream::pair().unwrap();
        let _write = a.open_write_channel(false).unwrap();
        let me = Authority::new().issue(&["localhost"]);
        let server = ServerConfig::builder(&*me.chain, &*me.key).build().unwrap();
        let error = TlsAcceptor::new(server).accept(a).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        let (a, _b) = UnixStream::pair().unwrap();
        let _read = a.open_read_channel().unwrap();
        let error = PendingServer::read(a).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    });
}

#[test]
fn whoever_reads_next_gets_it_first() {
    both(|| {
        unix(|a| {
            let mut buf = [0; 3];
            let mut all = Vec::new();
            // The data come piece by piece.
            while all.len() < 8 {
                let n = (&*a).read(&mut buf).unwrap();
                all.extend_from_slice(&buf[..n]);
            }
            all
        });
        unix(|a| a.read_string(80).unwrap().into_bytes());
        unix(|a| {
            let mut all = Vec::new();
            a.read_bytes(&mut all, 80).unwrap();
            all
        });
        unix(|a| a.read_lent().unwrap().to_vec());
        unix(|a| {
            let mut peeked = [0; 4];
            assert_eq!(a.peek(&mut peeked).unwrap(), 4);
            assert_eq!(&peeked, b"the ");
            let mut buf = [0; 80];
            let n = a.try_read(&mut buf).unwrap();
            buf[..n].to_vec()
        });
        unix(|a| {
            let (mut one, mut two) = ([0; 5], [0; 50]);
            let mut bufs = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
            let n = (&*a).read_vectored(&mut bufs).unwrap();
            [&one[..], &two[..n - 5]].concat()
        });
        unix(|a| a.read_chunk(80).unwrap().unwrap());
        unix(|a| {
            // Another channel also gives the half back.
            let mut read = a.open_read_channel().unwrap();
            assert_eq!(read.read_array().unwrap(), *b"the");
            read.release();
            let rest = a.read_string(80).unwrap();
            format!("the{rest}").into_bytes()
        });
        unix(|a| {
            a.set_nonblocking(true).unwrap();
            let text = a.read_string(80).unwrap();
            let error = a.read_string(80).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            a.set_nonblocking(false).unwrap();
            text.into_bytes()
        });
        // These data cannot come together with a message's descriptors. The read reports this, and
        // nothing is lost.
        unix(|a| {
            busy(a.recv_ancillary(&mut [0; 8], 1));
            a.read_string(80).unwrap().into_bytes()
        });
    });
}

#[test]
fn a_copy_carries_it_on() {
    both(|| {
        let (client, proxy) = tcp_pair();
        let (out, server) = tcp_pair();
        client.write_string("CONNECT there\nearly data").unwrap();
        let (mut read, mut write) = proxy.into_channels(false).unwrap();
        assert_eq!(read.read_utf8_line(80).unwrap(), Some("CONNECT there"));
        write.write_line("200").unwrap();
        // This text is in the buffer, and is sent before the halves become one again.
        let proxy = read.reunite(write).unwrap();
        assert_eq!(client.read_string(80).unwrap(), "200\n");
        client.write_string(", and late").unwrap();
        drop(client);
        assert_eq!(std_net::copy(&proxy, &out).unwrap(), 20);
        drop(out);
        let mut all = String::new();
        (&server).read_to_string(&mut all).unwrap();
        assert_eq!(all, "early data, and late");
    });
}

fn server_config(me: &Identity) -> ServerConfig {
    ServerConfig::builder(&*me.chain, &*me.key).build().unwrap()
}

/// Says STARTTLS through channels, changes to TLS, and uses channels over TLS.
fn starttls<S: Connected>(a: S, b: S) {
    let ca = Authority::new();
    let me = ca.issue(&["localhost"]);
    let server = process::spawn(move || {
        let (mut read, mut write) = b.into_channels(true).unwrap();
        assert_eq!(read.read_utf8_line(80).unwrap(), Some("STARTTLS"));
        write.write_line("OK").unwrap();
        let stream = read.reunite(write).unwrap();
        let stream = TlsAcceptor::new(server_config(&me)).accept(stream).unwrap();
        let (mut read, mut write) = stream.into_channels(true).unwrap();
        while let Some(line) = read.read_utf8_line(80).unwrap() {
            write.write_line(line).unwrap();
        }
        // Go back to the stream, with the data that are there.
        let stream = read.reunite(write).unwrap();
        stream.close().unwrap();
    });
    let (mut read, mut write) = a.into_channels(true).unwrap();
    write.write_line("STARTTLS").unwrap();
    assert_eq!(read.read_utf8_line(80).unwrap(), Some("OK"));
    let config = ClientConfig::builder().root_pem(&*ca.pem).build().unwrap();
    let stream = read.reunite(write).unwrap().tls_with("localhost", &config);
    let mut stream = stream.unwrap();
    stream.write_all(b"one\ntwo\n").unwrap();
    let mut read = stream.open_read_channel().unwrap();
    assert_eq!(read.read_utf8_line(80).unwrap(), Some("one"));
    busy(stream.read(&mut [0; 8]));
    read.await_content().unwrap();
    read.release();
    let mut line = [0; 4];
    stream.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"two\n");
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
    server.join().unwrap();
}

#[test]
fn over_to_tls() {
    both(|| {
        let (a, b) = tcp_pair();
        starttls(a, b);
        let (a, b) = UnixStream::pair().unwrap();
        starttls(a, b);
    });
}

/// This client does not wait for the answer. Its hello was read ahead, and belongs to the handshake.
#[test]
fn a_hello_that_came_early_is_the_handshakes() {
    both(|| {
        let ca = Authority::new();
        let me = ca.issue(&["localhost"]);
        let (a, b) = tcp_pair();
        let config = ClientConfig::builder().root_pem(&*ca.pem).build().unwrap();
        let client = process::spawn(move || {
            a.write_string("go\n").unwrap();
            let mut stream = a.tls_with("localhost", &config).unwrap();
            stream.write_all(b"inside").unwrap();
            stream.close().unwrap();
        });
        let (mut read, write) = b.into_channels(true).unwrap();
        assert_eq!(read.read_utf8_line(80).unwrap(), Some("go"));
        assert!(read.await_content().unwrap());
        let stream = read.reunite(write).unwrap();
        let mut stream = TlsAcceptor::new(server_config(&me)).accept(stream).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
        client.join().unwrap();
    });
}

/// Plain text that an attacker has put behind STARTTLS is not TLS (CVE-2011-0411).
#[test]
fn plain_text_behind_starttls_is_refused() {
    both(|| {
        let me = Authority::new().issue(&["localhost"]);
        let (a, b) = tcp_pair();
        a.write_string("STARTTLS\nDELETE ALL\n").unwrap();
        let (mut read, write) = b.into_channels(true).unwrap();
        assert_eq!(read.read_utf8_line(80).unwrap(), Some("STARTTLS"));
        let stream = read.reunite(write).unwrap();
        let error = TlsAcceptor::new(server_config(&me))
            .accept(stream)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    });
}

/// A proxy reads the name in the hello, and leaves the TLS to the server behind it.
#[test]
fn a_hello_that_was_read_goes_on_to_the_server() {
    both(|| {
        let ca = Authority::new();
        let me = ca.issue(&["localhost"]);
        let (client, proxy) = tcp_pair();
        let (out, server) = tcp_pair();
        let config = ClientConfig::builder().root_pem(&*ca.pem).build().unwrap();
        let client = process::spawn(move || {
            let mut stream = client.tls_with("localhost", &config).unwrap();
            stream.write_all(b"ping").unwrap();
            let mut answer = [0; 4];
            stream.read_exact(&mut answer).unwrap();
            stream.close().unwrap();
            answer
        });
        let server = process::spawn(move || {
            let mut stream = TlsAcceptor::new(server_config(&me)).accept(server).unwrap();
            let mut buf = [0; 4];
            stream.read_exact(&mut buf).unwrap();
            stream.write_all(b"pong").unwrap();
            assert_eq!(stream.read(&mut buf).unwrap(), 0);
        });
        let pending = PendingServer::read(proxy).unwrap();
        assert_eq!(pending.server_name(), Some("localhost"));
        let proxy = pending.into_stream();
        std_net::copy_bidirectional(&proxy, &out).unwrap();
        assert_eq!(client.join().unwrap(), *b"pong");
        server.join().unwrap();
    });
}

#[test]
fn only_halves_of_one_connection_are_reunited() {
    fn halves(stream: TcpStream) -> (ReadChannel<TcpStream>, WriteChannel<TcpStream>) {
        stream.into_channels(false).unwrap()
    }
    both(|| {
        let ((a, b), (c, d)) = (tcp_pair(), tcp_pair());
        let ((read, write), (other_read, other_write)) = (halves(a), halves(c));
        let error = read.reunite(other_write).unwrap_err();
        assert_eq!(error.error.kind(), ErrorKind::InvalidInput);
        // Nothing is lost.
        let (read, other_write) = (error.read, error.write);
        read.reunite(write).unwrap().write_string("a").unwrap();
        other_read
            .reunite(other_write)
            .unwrap()
            .write_string("c")
            .unwrap();
        assert_eq!(b.read_string(8).unwrap(), "a");
        assert_eq!(d.read_string(8).unwrap(), "c");

        // The buffer of this channel cannot be sent.
        let (a, b) = UnixStream::pair().unwrap();
        let (read, mut write) = a.into_channels(false).unwrap();
        write.write_str("nobody reads this").unwrap();
        drop(b);
        let error = read.reunite(write).unwrap_err();
        assert_eq!(error.error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(error.write.buffered(), 17);

        // These halves were opened separately, one from a stream and one from its clone.
        let (a, b) = tcp_pair();
        let clone = a.try_clone().unwrap();
        let (read, write) = (
            a.open_read_channel().unwrap(),
            clone.open_write_channel(false).unwrap(),
        );
        read.reunite(write).unwrap().write_string("x").unwrap();
        assert_eq!(b.read_string(8).unwrap(), "x");
        // They can be opened again.
        a.into_channels(true).unwrap();
    });
}
