//! Does a read channel find its lines, however they arrive, and never take more than its limit?

use std::io::{ErrorKind, Write};
use std::string::FromUtf8Error;
use std::time::Duration;

use std_net::channel::{Connected, ReadChannel, TooLong};
use std_net::process;
use std_net::unix::UnixStream;
use std_net_tests::{both, tcp_pair};

/// Sends these pieces and returns the lines that are read. Each piece is sent only when the reader has
/// seen the one before.
fn lines_of(pieces: &[&[u8]], limit: usize) -> Vec<Vec<u8>> {
    let (a, b) = UnixStream::pair().unwrap();
    let mut read = b.open_read_channel().unwrap();
    let mut lines = Vec::new();
    for piece in pieces {
        (&a).write_all(piece).unwrap();
        read.set_deadline(Duration::from_millis(2));
        loop {
            match read.read_line(limit) {
                Ok(line) => lines.push(line.expect("the end has not come").to_vec()),
                Err(e) if e.kind() == ErrorKind::TimedOut => break,
                Err(e) => panic!("{e}"),
            }
        }
    }
    drop(a);
    read.reset_deadline();
    while let Some(line) = read.read_line(limit).unwrap() {
        lines.push(line.to_vec());
    }
    assert!(!read.is_open());
    lines
}

fn too_long(error: &std::io::Error) -> Option<usize> {
    let inner = error.get_ref()?.downcast_ref::<TooLong>()?;
    Some(inner.limit)
}

#[test]
fn both_line_ends_an_empty_line_and_no_final_newline() {
    both(|| {
        let lines = lines_of(&[b"one\ntwo\r\n\n\r\nlast"], 10);
        assert_eq!(lines, [&b"one"[..], b"two", b"", b"", b"last"]);
        assert_eq!(lines_of(&[b"x\n"], 10), [b"x"]);
        assert!(lines_of(&[b""], 10).is_empty());
        // Only one CR belongs to the line end, and only before a LF.
        let lines = lines_of(&[b"a\r\r\nb\rc\nd\r"], 10);
        assert_eq!(lines, [&b"a\r"[..], b"b\rc", b"d\r"]);
    });
}

#[test]
fn a_cr_at_the_end_of_a_piece() {
    both(|| {
        assert_eq!(lines_of(&[b"one\r", b"\ntwo\n"], 10), [b"one", b"two"]);
        assert_eq!(lines_of(&[b"one\r", b"x\n"], 10), [b"one\rx"]);
        // This is also true for the longest allowed line.
        assert_eq!(lines_of(&[b"0123456789\r", b"\n"], 10), [b"0123456789"]);
    });
}

#[test]
fn a_cr_at_the_end_of_the_buffer() {
    both(|| {
        for len in [16_382, 16_383, 16_384, 16_385, 32_767, 32_768] {
            let line = vec![b'x'; len];
            let (a, b) = UnixStream::pair().unwrap();
            let text = [&line[..], b"\r\nnext\n"].concat();
            let writer = process::spawn(move || (&a).write_all(&text));
            let mut read = b.open_read_channel().unwrap();
            assert_eq!(read.read_line(len).unwrap(), Some(&line[..]));
            assert_eq!(read.read_utf8_line(4).unwrap(), Some("next"));
            writer.join().unwrap().unwrap();
        }
    });
}

#[test]
fn a_peer_that_sends_one_byte_at_a_time() {
    both(|| {
        let (a, b) = tcp_pair();
        let text = "grüße\r\nan alle\n\nohne Ende";
        let writer = process::spawn(move || {
            a.set_nodelay(true).unwrap();
            for byte in text.as_bytes() {
                (&a).write_all(&[*byte]).unwrap();
                process::yield_now();
            }
        });
        let mut read = b.open_read_channel().unwrap();
        let lines: Vec<_> = read.lines(80).collect::<Result<_, _>>().unwrap();
        assert_eq!(lines, ["grüße", "an alle", "", "ohne Ende"]);
        writer.join().unwrap();
    });
}

#[test]
fn a_line_that_never_ends_stops_at_the_limit() {
    both(|| {
        let (a, b) = tcp_pair();
        let writer = process::spawn(move || {
            let mut sent = 0;
            loop {
                match (&a).write(&[b'x'; 1000]) {
                    Ok(n) => sent += n,
                    Err(_) => return sent,
                }
            }
        });
        let mut read = b.open_read_channel().unwrap();
        let error = read.read_line(100_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(too_long(&error), Some(100_000));
        assert!(read.available() <= 100_002, "{}", read.available());
        // The next call returns the same error, and takes nothing more.
        assert_eq!(
            too_long(&read.read_line(100_000).unwrap_err()),
            Some(100_000)
        );
        assert_eq!(too_long(&read.read_line(10).unwrap_err()), Some(10));
        assert!(read.available() <= 100_002, "{}", read.available());
        drop(read);
        drop(b);
        assert!(writer.join().unwrap() > 100_000);
    });
}

#[test]
fn a_line_at_its_limit_and_one_above() {
    both(|| {
        for end in ["\n", "\r\n"] {
            let (a, b) = UnixStream::pair().unwrap();
            let mut read = b.open_read_channel().unwrap();
            a.write_string(&format!("01234{end}012345{end}ok{end}"))
                .unwrap();
            assert_eq!(read.read_utf8_line(5).unwrap(), Some("01234"));
            assert_eq!(too_long(&read.read_utf8_line(5).unwrap_err()), Some(5));
            // The channel stays usable: with a higher limit, or after this line is discarded.
            assert_eq!(read.read_utf8_line(6).unwrap(), Some("012345"));
            assert_eq!(too_long(&read.read_utf8_line(1).unwrap_err()), Some(1));
            assert_eq!(read.discard_line().unwrap(), 2 + end.len() as u64);
            drop(a);
            assert_eq!(read.read_utf8_line(0).unwrap(), None);
        }
        let (a, b) = UnixStream::pair().unwrap();
        a.write_string("\n\nx").unwrap();
        drop(a);
        let mut read = b.open_read_channel().unwrap();
        assert_eq!(read.read_line(0).unwrap(), Some(&b""[..]));
        assert_eq!(read.read_line(0).unwrap(), Some(&b""[..]));
        assert_eq!(too_long(&read.read_line(0).unwrap_err()), Some(0));
        assert_eq!(read.read_line(1).unwrap(), Some(&b"x"[..]));
    });
}

#[test]
fn a_last_line_above_the_limit_is_too_long_also_with_a_cr() {
    both(|| {
        let (a, b) = UnixStream::pair().unwrap();
        a.write_string("01234\r").unwrap();
        drop(a);
        let mut read = b.open_read_channel().unwrap();
        assert_eq!(too_long(&read.read_line(5).unwrap_err()), Some(5));
        assert_eq!(read.read_line(6).unwrap(), Some(&b"01234\r"[..]));
    });
}

#[test]
fn a_line_that_is_not_utf8_is_kept_in_its_error() {
    both(|| {
        let (a, b) = UnixStream::pair().unwrap();
        a.write_bytes(b"ok\n\xff\xfe\r\nok again\n").unwrap();
        let mut read = b.open_read_channel().unwrap();
        assert_eq!(read.read_utf8_line(80).unwrap(), Some("ok"));
        let error = read.read_utf8_line(80).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let inner = error.into_inner().unwrap().downcast::<FromUtf8Error>();
        assert_eq!(inner.unwrap().into_bytes(), b"\xff\xfe");
        assert_eq!(read.read_utf8_line(80).unwrap(), Some("ok again"));
    });
}

#[test]
fn a_timeout_in_the_middle_of_a_line_loses_nothing() {
    both(|| {
        let (a, b) = tcp_pair();
        let mut read = b.open_read_channel().unwrap();
        a.write_string("half").unwrap();
        read.set_deadline(Duration::from_millis(5));
        for _ in 0..2 {
            let error = read.read_line(80).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
        read.reset_deadline();
        a.write_string(" and half\n").unwrap();
        assert_eq!(read.read_utf8_line(80).unwrap(), Some("half and half"));
    });
}

#[test]
fn lines_end_after_an_error() {
    both(|| {
        let (a, b) = UnixStream::pair().unwrap();
        a.write_string("one\nfar too long\n").unwrap();
        let mut read = b.open_read_channel().unwrap();
        let mut lines = read.lines(5);
        assert_eq!(lines.next().unwrap().unwrap(), "one");
        assert!(lines.next().unwrap().is_err());
        assert!(lines.next().is_none());
    });
}

#[test]
fn a_delimiter_of_several_bytes_across_pieces() {
    both(|| {
        let (a, b) = tcp_pair();
        let mut read = b.open_read_channel().unwrap();
        let writer = process::spawn(move || {
            a.set_nodelay(true).unwrap();
            for piece in ["one--", "-two-", "--", "-", "--end"] {
                a.write_string(piece).unwrap();
                process::yield_now();
            }
        });
        let next = |read: &mut ReadChannel<_>| {
            let found = read.read_until(b"---", 80).unwrap();
            String::from_utf8(found.unwrap().to_vec()).unwrap()
        };
        assert_eq!(next(&mut read), "one");
        assert_eq!(next(&mut read), "two");
        assert_eq!(next(&mut read), "");
        writer.join().unwrap();
        let error = read.read_until(b"---", 80).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(too_long(&read.read_until(b"---", 2).unwrap_err()), None);
        assert_eq!(read.read_remaining(80).unwrap(), b"end");
        assert_eq!(read.read_until(b"---", 80).unwrap(), None);
        let error = read.read_until(b"", 80).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_delimiter_that_never_comes_stops_at_the_limit() {
    both(|| {
        let (a, b) = tcp_pair();
        let writer = process::spawn(move || while (&a).write(&[b'-'; 999]).is_ok() {});
        let mut read = b.open_read_channel().unwrap();
        let error = read.read_until(b"==", 50_000).unwrap_err();
        assert_eq!(too_long(&error), Some(50_000));
        assert!(read.available() <= 50_002, "{}", read.available());
        drop((read, b));
        writer.join().unwrap();
    });
}
