//! Do the channels of a connection work as documented? Each half opens once, data are sent when they
//! should be, deadlines limit each wait, and nothing is lost silently.

use std::io::{BufRead, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use std_net::channel::{Connected, TooLong, WriteChannel, set_lost_hook};
use std_net::process;
use std_net::unix::UnixStream;
use std_net_tests::{LIMIT, both, tcp_pair};

/// Runs a check over both kinds of connection, on a thread and in a process.
macro_rules! over_each {
    ($check:ident) => {
        both(|| {
            let (a, b) = tcp_pair();
            $check(a, b);
            let (a, b) = UnixStream::pair().unwrap();
            $check(a, b);
        })
    };
}

/// A lock for the hook for lost bytes: only one test at a time may set it.
static HOOK: Mutex<()> = Mutex::new(());

#[test]
fn each_half_opens_once() {
    fn check<S: Connected>(a: S, _b: S) {
        let read = a.open_read_channel().unwrap();
        let error = a.open_read_channel().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        let write = a.open_write_channel(true).unwrap();
        let error = a.open_write_channel(false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        drop((read, write));
        // The data that were read ahead are gone with the channel.
        let error = a.open_read_channel().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        let error = a.into_channels(true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }
    over_each!(check);
    both(|| {
        let (a, _b) = tcp_pair();
        let clone = a.try_clone().unwrap();
        let _read = a.open_read_channel().unwrap();
        assert!(clone.open_read_channel().is_err());
        assert!(clone.open_write_channel(true).is_ok());
    });
}

#[test]
fn the_halves_work_in_two_processes() {
    fn check<S: Connected>(a: S, b: S) {
        let (mut read, mut write) = b.into_channels(false).unwrap();
        let (lines, taken) = process::channel::bounded::<String>(4);
        let reader = process::spawn(move || {
            while let Some(line) = read.read_utf8_line(100).unwrap() {
                lines.send(line.to_owned()).unwrap();
            }
        });
        let writer = process::spawn(move || {
            while let Ok(line) = taken.recv() {
                write.write_line(&line).unwrap();
                write.flush().unwrap();
            }
            // The drop has flushed the channel and ended its half.
        });
        let (mut read, mut write) = a.into_channels(true).unwrap();
        for i in 0..100 {
            let text = format!("line {i}");
            write.write_line(&text).unwrap();
            assert_eq!(read.read_utf8_line(100).unwrap(), Some(&*text));
        }
        drop(write);
        assert_eq!(read.read_line(100).unwrap(), None);
        reader.join().unwrap();
        writer.join().unwrap();
    }
    over_each!(check);
}

#[test]
fn without_auto_flush_it_goes_when_it_should() {
    fn check<S: Connected>(a: S, b: S) {
        let nothing = |b: &S| {
            let error = b
                .read_chunk_deadline(64, Duration::from_millis(2))
                .unwrap_err();
            error.kind() == ErrorKind::TimedOut
        };
        let mut write = a.open_write_channel(false).unwrap();
        write.write_str("kept").unwrap();
        write.write_u16(0x4142).unwrap();
        assert_eq!(write.buffered(), 6);
        assert!(nothing(&b));
        write.flush().unwrap();
        assert_eq!(write.buffered(), 0);
        assert_eq!(b.read_chunk(64).unwrap().unwrap(), b"keptAB");
        // More bytes than the buffer holds are sent at once.
        write.write_str("first ").unwrap();
        write.write_chunk(&[b'x'; 16 * 1024]).unwrap();
        assert_eq!(write.buffered(), 0);
        let mut all = Vec::new();
        while all.len() < 6 + 16 * 1024 {
            all.extend(b.read_chunk(1 << 20).unwrap().unwrap());
        }
        assert!(all.starts_with(b"first xxx") && all.ends_with(b"xxx"));
        // Closing sends the rest.
        write.write_str("last").unwrap();
        assert!(nothing(&b));
        write.flush_and_close().unwrap();
        assert_eq!(b.read_chunk(64).unwrap().unwrap(), b"last");
        assert_eq!(b.read_chunk(64).unwrap(), None);
        assert!(!write.is_open());
        write.flush_and_close().unwrap();
        let error = write.write_str("too late").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
    over_each!(check);
}

#[test]
fn a_drop_flushes_and_ends_its_half() {
    fn check<S: Connected>(a: S, b: S) {
        let mut read = a.open_read_channel().unwrap();
        let mut write = a.open_write_channel(false).unwrap();
        write.write_line("not flushed").unwrap();
        drop(write);
        assert_eq!(b.read_chunk(64).unwrap().unwrap(), b"not flushed\n");
        assert_eq!(b.read_chunk(64).unwrap(), None);
        // The other half goes on.
        b.write_chunk(b"answer\n").unwrap();
        assert_eq!(read.read_utf8_line(64).unwrap(), Some("answer"));
    }
    over_each!(check);
}

#[test]
fn what_a_drop_loses_is_told() {
    fn check<S: Connected>(a: S, b: S) {
        let (lost, heard) = mpsc::channel();
        set_lost_hook(move |error, bytes| lost.send((error.kind(), bytes)).unwrap());
        let mut write = a.open_write_channel(false).unwrap();
        write.write_str("lost!").unwrap();
        write.set_deadline(Duration::ZERO);
        drop(write);
        assert_eq!(heard.try_recv().unwrap(), (ErrorKind::TimedOut, 5));
        drop(b);
    }
    fn told<S: Connected>(a: S, b: S) {
        let (lost, heard) = mpsc::channel();
        set_lost_hook(move |error, bytes| lost.send((error.kind(), bytes)).unwrap());
        let mut write = a.open_write_channel(false).unwrap();
        drop(b);
        let error = loop {
            // The first write may succeed, because the peer's reset has not arrived yet.
            write.write_str("for nobody").unwrap();
            if let Err(e) = write.flush() {
                break e;
            }
        };
        let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error}");
        drop(write);
        assert!(heard.try_recv().is_err(), "a flush has told its caller");
    }
    let _hook = HOOK.lock().unwrap();
    over_each!(check);
    over_each!(told);
}

#[test]
fn a_flush_past_its_deadline_goes_on_where_it_was() {
    fn check<S: Connected>(a: S, b: S) {
        let mut write = a.open_write_channel(false).unwrap();
        drop(a);
        let mut next = 0_u32;
        let mut put = |write: &mut WriteChannel<S>| {
            for _ in 0..2500 {
                write.write_u32(next).unwrap();
                next += 1;
            }
        };
        // Write until the kernel takes only a part of the buffer, or nothing.
        write.set_deadline(Duration::ZERO);
        put(&mut write);
        assert_eq!(write.flush().unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(write.buffered(), 10_000);
        let error = loop {
            write.set_deadline(Duration::from_millis(10));
            if let Err(error) = write.flush() {
                break error;
            }
            put(&mut write);
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        write.reset_deadline();
        let reader = process::spawn(move || {
            let mut read = b.open_read_channel().unwrap();
            let mut expected = 0;
            while read.await_content().unwrap() {
                assert_eq!(read.read_u32().unwrap(), expected);
                expected += 1;
            }
            expected
        });
        write.flush_and_close().unwrap();
        assert_eq!(reader.join().unwrap(), next);
    }
    over_each!(check);
}

#[test]
fn a_panic_does_not_wait_for_its_flush() {
    both(|| {
        let (a, b) = tcp_pair();
        let panicked = process::spawn(move || {
            let mut write = a.open_write_channel(false).unwrap();
            write.write_str("before the panic").unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(panicked.join().is_err());
        assert_eq!(b.read_chunk(64).unwrap().unwrap(), b"before the panic");
    });
}

#[test]
fn integers_of_both_byte_orders() {
    fn check<S: Connected>(a: S, b: S) {
        let (_r, mut write) = a.into_channels(false).unwrap();
        let (mut read, _w) = b.into_channels(false).unwrap();
        write.write_u8(1).unwrap();
        write.write_u16(0x0203).unwrap();
        write.write_u16_le(0x0203).unwrap();
        write.write_i32(-2).unwrap();
        write.write_i32_le(-2).unwrap();
        write.write_u64(u64::MAX - 1).unwrap();
        write.write_u128_le(1 << 100).unwrap();
        write.write_f64(-0.5).unwrap();
        write.write_f32_le(1.5).unwrap();
        write.flush().unwrap();
        let bytes: [u8; 5] = read.read_array().unwrap();
        assert_eq!(bytes, [1, 2, 3, 3, 2]);
        assert_eq!(read.read_i32().unwrap(), -2);
        assert_eq!(read.read_i32_le().unwrap(), -2);
        assert_eq!(read.read_u64().unwrap(), u64::MAX - 1);
        assert_eq!(read.read_u128_le().unwrap(), 1 << 100);
        assert_eq!(read.read_f64().unwrap().to_bits(), (-0.5_f64).to_bits());
        assert_eq!(read.read_f32_le().unwrap().to_bits(), 1.5_f32.to_bits());
        // Only half of the integer has come, so nothing is taken.
        write.write_u16(0x0102).unwrap();
        write.flush_and_close().unwrap();
        let error = read.read_u32().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(read.read_u16().unwrap(), 0x0102);
    }
    over_each!(check);
}

#[test]
fn chunks_remaining_discard_and_what_is_there() {
    fn check<S: Connected>(a: S, b: S) {
        let mut read = b.open_read_channel().unwrap();
        a.write_chunk(b"0123456789").unwrap();
        assert!(read.await_content().unwrap());
        assert_eq!(read.available(), 10);
        assert_eq!(read.read_chunk(3).unwrap().unwrap(), b"012");
        assert_eq!(read.read_chunk(0).unwrap().unwrap(), b"");
        assert_eq!(read.discard(2).unwrap(), 2);
        assert_eq!(read.available(), 5);
        let error = read.read_remaining(4).unwrap_err();
        assert!(error.get_ref().unwrap().is::<TooLong>());
        assert_eq!(read.read_u8().unwrap(), b'5');
        let some = read.read_chunk_deadline(9, LIMIT).unwrap().unwrap();
        assert_eq!(some, b"6789");
        let error = read
            .read_chunk_deadline(9, Duration::from_millis(2))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(read.deadline(), None);
        let long = vec![7; 100_000];
        let writer = process::spawn(move || a.write_chunk(&long));
        assert_eq!(read.discard(1000).unwrap(), 1000);
        assert!(read.is_open());
        assert_eq!(read.read_remaining(99_000).unwrap(), vec![7; 99_000]);
        assert!(!read.is_open());
        writer.join().unwrap().unwrap();
        assert!(!read.await_content().unwrap());
        assert_eq!(read.discard(5).unwrap(), 0);
        assert_eq!(read.read_remaining(0).unwrap(), b"");
    }
    over_each!(check);
}

#[test]
fn it_is_read_bufread_and_write() {
    fn check<S: Connected>(a: S, b: S) {
        fn generic(mut read: impl BufRead, mut write: impl Write) {
            write.write_all(b"line\nrest").unwrap();
            write.flush().unwrap();
            let mut line = String::new();
            read.read_line(&mut line).unwrap();
            assert_eq!(line, "line\n");
            let mut rest = [0; 4];
            read.read_exact(&mut rest).unwrap();
            assert_eq!(&rest, b"rest");
            // A vectored read of a large amount does not use the buffer.
            let big = vec![9; 50_000];
            let (head, tail) = big.split_at(20_000);
            let mut sent = 0;
            while sent < 50_000 {
                let (h, t) = (
                    &head[sent.min(20_000)..],
                    &tail[sent.saturating_sub(20_000)..],
                );
                sent += write
                    .write_vectored(&[IoSlice::new(h), IoSlice::new(t)])
                    .unwrap();
            }
            write.flush().unwrap();
            let (mut x, mut y) = (vec![0; 7], vec![0; 49_993]);
            let mut got = 0;
            while got < 50_000 {
                let (x, y) = (&mut x[got.min(7)..], &mut y[got.saturating_sub(7)..]);
                let n = read
                    .read_vectored(&mut [IoSliceMut::new(x), IoSliceMut::new(y)])
                    .unwrap();
                assert!(n > 0);
                got += n;
            }
            assert!(x.iter().chain(&y).all(|&b| b == 9));
            assert_eq!(read.read(&mut []).unwrap(), 0);
        }
        let echo = process::spawn(move || std::io::copy(&mut Both(&b), &mut Both(&b)));
        {
            let read = a.open_read_channel().unwrap();
            let write = a.open_write_channel(false).unwrap();
            generic(read, write);
        }
        assert_eq!(echo.join().unwrap().unwrap(), 50_009);
    }
    /// Reads and writes of any connection.
    struct Both<'a, S>(&'a S);
    impl<S: Connected> Read for Both<'_, S> {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let chunk = self.0.read_chunk(buf.len())?.unwrap_or_default();
            buf[..chunk.len()].copy_from_slice(&chunk);
            Ok(chunk.len())
        }
    }
    impl<S: Connected> Write for Both<'_, S> {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            self.0.write_chunk(buf).map(|()| buf.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    over_each!(check);
}

#[test]
fn gathered_chunks_come_in_order_also_when_the_kernel_takes_part() {
    fn check<S: Connected>(a: S, b: S) {
        let chunks: Vec<Vec<u8>> = (0..50_u8).map(|i| vec![i; 40_000]).collect();
        let expected = chunks.concat();
        let writer = process::spawn(move || {
            let mut write = a.open_write_channel(false).unwrap();
            write.write_str("head").unwrap();
            let parts: Vec<&[u8]> = chunks.iter().map(|c| &c[..]).collect();
            write.write_chunks(&parts).unwrap();
            write.write_chunks(&[]).unwrap();
            write.write_chunks(&[b"", b"tail", b""]).unwrap();
        });
        let mut read = b.open_read_channel().unwrap();
        let all = read.read_remaining(usize::MAX).unwrap();
        writer.join().unwrap();
        assert!(all.starts_with(b"head") && all.ends_with(b"tail"));
        assert!(all[4..all.len() - 4] == expected[..]);
    }
    over_each!(check);
}

#[test]
fn each_half_has_its_own_deadline_and_the_connections_counts_too() {
    fn check<S: Connected>(a: S, b: S) {
        let (mut read, mut write) = a.into_channels(true).unwrap();
        read.set_deadline(Duration::from_millis(2));
        assert_eq!(read.read_line(9).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(write.deadline(), None);
        write.write_line("the other half has none").unwrap();
        assert!(b.read_chunk(64).unwrap().is_some());
        read.reset_deadline();
        b.write_chunk(b"x\n").unwrap();
        assert_eq!(read.read_utf8_line(9).unwrap(), Some("x"));
        write.set_deadline(Duration::ZERO);
        let error = write.write_line("too late").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
    over_each!(check);
    both(|| {
        let (a, _b) = tcp_pair();
        a.set_deadline(Duration::from_millis(2));
        let mut read = a.open_read_channel().unwrap();
        assert_eq!(read.read_line(9).unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_cancelled_process_leaves_its_channel_as_it_was() {
    fn check<S: Connected>(a: S, b: S) {
        let mut read = a.open_read_channel().unwrap();
        b.write_chunk(b"half a ").unwrap();
        let waiting = process::spawn(move || {
            let error = read.read_line(80).unwrap_err();
            assert!(process::is_cancelled(&error), "{error}");
            read
        });
        waiting.cancel();
        let mut read = waiting.join().unwrap();
        b.write_chunk(b"line\n").unwrap();
        assert_eq!(read.read_utf8_line(80).unwrap(), Some("half a line"));
    }
    over_each!(check);
}
