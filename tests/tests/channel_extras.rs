//! Tests of channels over memory and over any type that reads and writes. They also test peeks, strict lines,
//! `abort` and the counters.

use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::time::Duration;

use std_net::channel::{Connected, Over, ReadChannel, WriteChannel, set_lost_hook};
use std_net::process;
use std_net::tls::{ClientConfig, ServerConfig, TlsAcceptor, TlsCause, TlsError};
use std_net::unix::UnixStream;
use std_net_tests::certificates::Authority;
use std_net_tests::{TempPath, both, tcp_pair};

/// A reader that returns one byte at a time. Before each byte it returns `Interrupted` once.
struct Slow<R>(R, bool);

impl<R: Read> Read for Slow<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(ErrorKind::Interrupted.into());
        }
        let n = buf.len().min(1);
        self.0.read(&mut buf[..n])
    }
}

#[test]
fn a_parser_reads_memory_as_it_reads_a_socket() {
    fn parse<S: Connected>(mut read: ReadChannel<S>) {
        assert_eq!(read.peek(3).unwrap(), b"GET");
        assert!(!read.skip_if_found(b"POST ").unwrap());
        assert!(read.skip_if_found(b"GET ").unwrap());
        assert_eq!(read.read_utf8_line(80).unwrap(), Some("/ HTTP/1.1"));
        assert_eq!(read.total_read(), 16);
        assert_eq!(
            read.read_until(b"\r\n\r\n", 80).unwrap(),
            Some(&b"A: b"[..])
        );
        assert_eq!(read.read_u32().unwrap(), 7);
        let mut rest = String::new();
        read.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "the rest");
        assert_eq!(read.total_read(), 36);
        assert_eq!(read.peek(5).unwrap(), b"");
        assert!(!read.skip_if_found(b"x").unwrap());
        assert!(read.skip_if_found(b"").unwrap(), "nothing is always found");
    }
    const TEXT: &[u8] = b"GET / HTTP/1.1\r\nA: b\r\n\r\n\0\0\0\x07the rest";
    both(|| {
        parse(ReadChannel::over(TEXT));
        parse(ReadChannel::over(Slow(TEXT, false)));
        parse(ReadChannel::over(io::Cursor::new(TEXT.to_vec())));
        let path = TempPath::new();
        std::fs::write(&*path, TEXT).unwrap();
        parse(ReadChannel::over(File::open(&*path).unwrap()));
        let (a, b) = UnixStream::pair().unwrap();
        let writer = process::spawn(move || {
            for byte in TEXT {
                a.write_bytes(&[*byte]).unwrap();
                process::yield_now();
            }
        });
        parse(b.into_channels(true).unwrap().0);
        writer.join().unwrap();
    });
}

#[test]
fn what_was_written_comes_out_of_the_writer() {
    both(|| {
        let mut write = WriteChannel::over(Vec::new(), false);
        write.write_line("one").unwrap();
        write.write_u16_le(0x4241).unwrap();
        assert_eq!((write.total_written(), write.buffered()), (6, 6));
        write.write_chunk(&[b'x'; 40_000]).unwrap();
        assert_eq!(write.total_written(), 40_006);
        write.write_chunks(&[b"y", b"z"]).unwrap();
        let all = write.into_writer().unwrap();
        assert_eq!(all.len(), 40_008);
        assert_eq!(&all[..6], b"one\nAB");
        assert_eq!(&all[40_006..], b"yz");
        // This writer accepts no more than four bytes.
        let room = io::Cursor::new([0_u8; 4]);
        let mut write = WriteChannel::over(room, true);
        write.write_str("1234").unwrap();
        let error = write.write_str("5").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteZero);
    });
}

#[test]
fn a_deadline_is_looked_at_and_the_parts_come_back() {
    both(|| {
        let (mut read, write) = Over::new(&b"line\nrest"[..], Vec::new())
            .into_channels(false)
            .unwrap();
        read.set_deadline(Duration::ZERO);
        assert_eq!(read.read_line(8).unwrap_err().kind(), ErrorKind::TimedOut);
        read.reset_deadline();
        assert_eq!(read.read_line(8).unwrap(), Some(&b"line"[..]));
        let over = read.reunite(write).unwrap();
        // The data that were read ahead come first.
        let chunk = over.read_chunk(80).unwrap();
        assert_eq!(chunk.as_deref(), Some(&b"rest"[..]));
        over.write_chunk(b"out").unwrap();
        let (left, out) = over.into_inner().unwrap();
        assert_eq!((left, &*out), (&b""[..], &b"out"[..]));
        let over = Over::new(io::empty(), io::sink());
        let held = over.open_read_channel().unwrap();
        assert!(over.open_read_channel().is_err(), "opened twice");
        drop(over);
        drop(held);
    });
}

/// TLS over two pipes, which are no sockets.
#[test]
fn tls_over_pipes() {
    let ca = Authority::new();
    let me = ca.issue(&["localhost"]);
    let ((to_server, from_client), (to_client, from_server)) = {
        let (r1, w1) = io::pipe().unwrap();
        let (r2, w2) = io::pipe().unwrap();
        ((w1, r1), (w2, r2))
    };
    let server = std::thread::spawn(move || {
        let config = ServerConfig::builder(&*me.chain, &*me.key).build().unwrap();
        let over = Over::new(from_client, to_client);
        let stream = TlsAcceptor::new(config).accept(over).unwrap();
        let (mut read, mut write) = stream.into_channels(true).unwrap();
        while let Some(line) = read.read_utf8_line(80).unwrap() {
            write.write_line(line).unwrap();
        }
    });
    let config = ClientConfig::builder().root_pem(&*ca.pem).build().unwrap();
    let over = Over::new(from_server, to_server);
    let stream = config.connect(over, "localhost").unwrap();
    let (mut read, mut write) = stream.into_channels(true).unwrap();
    write.write_line("over a pipe").unwrap();
    assert_eq!(read.read_utf8_line(80).unwrap(), Some("over a pipe"));
    write.flush_and_close().unwrap();
    assert_eq!(read.read_utf8_line(80).unwrap(), None);
    server.join().unwrap();
}

#[test]
fn a_line_that_was_cut_off_is_told() {
    both(|| {
        for (text, lines, end) in [
            (&b"a\nb\n"[..], 2, None),
            (b"a\nb", 1, Some(ErrorKind::UnexpectedEof)),
            (b"a\r\nb\r", 1, Some(ErrorKind::UnexpectedEof)),
            (b"", 0, None),
            (b"\n", 1, None),
        ] {
            let mut read = ReadChannel::over(text);
            for _ in 0..lines {
                assert!(read.read_utf8_line_strict(80).unwrap().is_some());
            }
            match (read.read_utf8_line_strict(80), end) {
                (Ok(None), None) => {}
                (Err(error), Some(kind)) => assert_eq!(error.kind(), kind),
                other => panic!("{text:?}: {other:?}"),
            }
            // Nothing was taken, so another call can still read it.
            let rest = read.read_remaining(80).unwrap();
            assert_eq!(rest.is_empty(), end.is_none());
        }
        let mut read = ReadChannel::over(&b"long line without an end"[..]);
        assert_eq!(
            read.read_line_strict(8).unwrap_err().kind(),
            ErrorKind::InvalidData
        );
    });
}

#[test]
fn looking_ahead_waits_for_no_more_than_it_needs() {
    both(|| {
        let (a, b) = UnixStream::pair().unwrap();
        let mut read = b.open_read_channel().unwrap();
        a.write_string("HT").unwrap();
        // The third byte would never come, and it is not needed.
        assert!(!read.skip_if_found(b"HXTP").unwrap());
        read.set_deadline(Duration::from_millis(5));
        let error = read.skip_if_found(b"HTTP").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let error = read.peek(3).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(read.available(), 2, "nothing is lost");
        read.reset_deadline();
        a.write_string("TP").unwrap();
        assert!(read.skip_if_found(b"HTTP").unwrap());
        // These are more bytes than a buffer holds.
        let large = vec![7; 100_000];
        let writer = process::spawn({
            let large = large.clone();
            move || a.write_bytes(&large).map(|()| a)
        });
        assert_eq!(read.peek(100_000).unwrap(), large);
        let _a = writer.join().unwrap().unwrap();
        // The next read has a deadline of its own.
        read.discard(100_000).unwrap();
        let error = read
            .read_deadline(&mut [0; 8], Duration::from_millis(5))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(read.deadline(), None);
        _a.write_string("xy").unwrap();
        let mut buf = [0; 8];
        assert_eq!(
            read.read_deadline(&mut buf, std_net_tests::LIMIT).unwrap(),
            2
        );
    });
}

#[test]
fn counters_count_whatever_the_way() {
    both(|| {
        let (a, b) = tcp_pair();
        let (mut read, mut write) = (
            b.open_read_channel().unwrap(),
            a.open_write_channel(false).unwrap(),
        );
        let large = vec![1; 50_000];
        write.write_all(&large).unwrap();
        write.write_str("line\n").unwrap();
        let parts = [io::IoSlice::new(b"ab"), io::IoSlice::new(b"c")];
        assert_eq!(write.write_vectored(&parts).unwrap(), 3);
        assert_eq!(write.total_written(), 50_008);
        write.flush_and_close().unwrap();
        assert_eq!(write.total_written(), 50_008);
        let mut own = vec![0; 30_000];
        read.read_exact(&mut own).unwrap();
        assert_eq!(read.total_read(), 30_000);
        read.discard(20_000).unwrap();
        assert_eq!(read.read_line(8).unwrap(), Some(&b"line"[..]));
        assert_eq!(read.total_read(), 50_005);
        assert_eq!(read.fill_buf().unwrap(), b"abc");
        assert_eq!(read.total_read(), 50_005);
        read.read_remaining(8).unwrap();
        assert_eq!(read.total_read(), 50_008);
    });
}

#[test]
fn an_abort_is_no_clean_end() {
    both(|| {
        set_lost_hook(|error, n| panic!("{n} bytes: {error}"));
        let (a, b) = tcp_pair();
        let mut write = a.open_write_channel(false).unwrap();
        write.write_str("sent").unwrap();
        write.flush().unwrap();
        assert_eq!(b.read_string(8).unwrap(), "sent");
        write.write_str("lost on purpose").unwrap();
        write.abort();
        let error = b.read_string(8).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        drop(a);

        // A Unix connection just ends.
        let (a, b) = UnixStream::pair().unwrap();
        let mut write = a.open_write_channel(false).unwrap();
        write.write_str("lost").unwrap();
        write.abort();
        assert_eq!(b.read_string(8).unwrap(), "");

        let ca = Authority::new();
        let me = ca.issue(&["localhost"]);
        let (a, b) = UnixStream::pair().unwrap();
        let config = ClientConfig::builder().root_pem(&*ca.pem).build().unwrap();
        let server = process::spawn(move || {
            let config = ServerConfig::builder(&*me.chain, &*me.key).build().unwrap();
            let mut stream = TlsAcceptor::new(config).accept(b).unwrap();
            stream.write_all(b"x").unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap_err()
        });
        let stream = config.connect(a, "localhost").unwrap();
        let (mut read, write) = stream.into_channels(false).unwrap();
        assert_eq!(read.read_u8().unwrap(), b'x');
        write.abort();
        let error = server.join().unwrap();
        let cause = TlsError::of(&error).map(TlsError::cause);
        assert_eq!(cause, Some(TlsCause::Truncated), "{error}");
    });
}
