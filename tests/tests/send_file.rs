//! Does `send_file` send exactly the requested range over every kind of socket, and leave the file
//! unchanged?

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::Duration;

use std_net::process::{self, channel};
use std_net::socket::UdpSocket;
use std_net::unix::{UnixDatagram, UnixSeqpacket, UnixStream};
use std_net_tests::{TempPath, both, in_time, tcp_pair};

/// More bytes than the socket's buffers hold.
const LARGE: usize = 9_000_000;

fn bytes(len: usize) -> Vec<u8> {
    // They begin anew after so many. A debug build would take long to compute each.
    let first: Vec<u8> = (0..3 * 253).map(|i| (i / 3 % 253) as u8).collect();
    let mut all = first.repeat(len.div_ceil(first.len()));
    all.truncate(len);
    all
}

fn file(content: &[u8]) -> (TempPath, File) {
    let path = TempPath::new();
    std::fs::write(&*path, content).unwrap();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&*path)
        .unwrap();
    (path, file)
}

/// Reads everything in another process while `send` runs here.
fn received<S: Read + Send + 'static>(mut peer: S, send: impl FnOnce()) -> Vec<u8> {
    let reader = process::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        all
    });
    send();
    reader.join().unwrap()
}

#[test]
fn a_large_file_over_tcp_and_unix_streams() {
    both(|| {
        let content = bytes(LARGE);
        let (_path, mut file) = file(&content);
        file.seek(SeekFrom::Start(7)).unwrap();
        let (a, b) = tcp_pair();
        let got = received(b, || {
            assert_eq!(a.send_file(&file, ..).unwrap(), LARGE as u64);
            drop(a);
        });
        assert!(got == content);
        let (a, b) = UnixStream::pair().unwrap();
        let got = received(b, || {
            assert_eq!(a.send_file(&file, ..).unwrap(), LARGE as u64);
            drop(a);
        });
        assert!(got == content);
        assert_eq!(file.stream_position().unwrap(), 7, "the file's own cursor");
    });
}

#[test]
fn every_kind_of_range() {
    both(|| {
        let (_path, file) = file(b"0123456789");
        let (a, b) = UnixStream::pair().unwrap();
        let mut sent = 0;
        for n in [
            a.send_file(&file, 2..5),
            a.send_file(&file, 7..),
            a.send_file(&file, ..=1),
            a.send_file(&file, 4..=4),
            // Beyond the end of the file, only the existing bytes are sent.
            a.send_file(&file, 8..100),
            a.send_file(&file, 10..),
            a.send_file(&file, 50..60),
            a.send_file(&file, 5..5),
            #[allow(clippy::reversed_empty_ranges, reason = "it is empty")]
            a.send_file(&file, 6..2),
        ] {
            sent += n.unwrap();
        }
        assert_eq!(sent, 3 + 3 + 2 + 1 + 2);
        drop(a);
        let mut all = String::new();
        (&b).read_to_string(&mut all).unwrap();
        assert_eq!(all, "23478901489");
        let (a, _b) = UnixStream::pair().unwrap();
        let error = a.send_file(&file, u64::MAX - 1..).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn beyond_four_gigabytes() {
    both(|| {
        let (_path, file) = file(b"");
        let at = (5 << 30) + 3;
        file.write_all_at(b"far away", at).unwrap();
        let (a, b) = tcp_pair();
        assert_eq!(a.send_file(&file, at..).unwrap(), 8);
        assert_eq!(b.read_string(100).unwrap(), "far away");
    });
}

#[test]
fn a_file_that_becomes_shorter_meanwhile() {
    both(|| {
        let (_path, file) = file(&bytes(LARGE));
        let (a, b) = tcp_pair();
        let (begun, wait) = channel::bounded::<()>(1);
        let shrink = file.try_clone().unwrap();
        let reader = process::spawn(move || {
            let mut b = b;
            let mut first = [0; 1000];
            b.read_exact(&mut first).unwrap();
            // The socket's buffers are full or filling, so the sender has not finished.
            shrink.set_len(10_000).unwrap();
            begun.send(()).unwrap();
            let mut rest = Vec::new();
            b.read_to_end(&mut rest).unwrap();
            1000 + rest.len() as u64
        });
        let sent = a.send_file(&file, ..).unwrap();
        wait.recv().unwrap();
        assert!(sent < LARGE as u64);
        drop(a);
        assert_eq!(reader.join().unwrap(), sent);
    });
}

#[test]
fn a_deadline_tells_first_what_was_sent() {
    both(|| {
        let content = bytes(LARGE);
        let (_path, file) = file(&content);
        let (a, b) = UnixStream::pair().unwrap();
        let sent = in_time(Duration::from_millis(20), |time| {
            a.set_deadline(time);
            match a.send_file(&file, ..) {
                Ok(sent) => Some(sent),
                // The deadline passed before the first byte was sent.
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
                    None
                }
            }
        });
        assert!(sent > 0 && sent < LARGE as u64, "{sent}");
        let error = a.send_file(&file, sent..).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        a.reset_deadline();
        let got = received(b, || {
            let rest = a.send_file(&file, sent..).unwrap();
            assert_eq!(sent + rest, LARGE as u64);
            drop(a);
        });
        assert!(got == content);
    });
}

#[test]
fn what_has_no_pages_is_copied() {
    both(|| {
        // The kernel makes this text again for every read.
        let text = std::fs::read_to_string("/proc/sys/kernel/ostype").unwrap();
        let file = File::open("/proc/sys/kernel/ostype").unwrap();
        let (a, b) = UnixStream::pair().unwrap();
        assert_eq!(a.send_file(&file, ..).unwrap(), text.len() as u64);
        assert_eq!(b.read_string(100).unwrap(), text);
    });
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    both(|| {
        let path = TempPath::new();
        let file = File::create(&*path).unwrap();
        let (a, _b) = UnixStream::pair().unwrap();
        let error = a.send_file(&file, ..).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF), "{error}");
        let directory = File::open("/").unwrap();
        assert!(a.send_file(&directory, ..).is_err());
    });
}

#[test]
fn a_peer_that_is_gone_is_an_error() {
    both(|| {
        let (_path, file) = file(b"for nobody");
        let (a, b) = UnixStream::pair().unwrap();
        drop(b);
        let error = a.send_file(&file, ..).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_nonblocking_socket_takes_what_it_can() {
    both(|| {
        let (_path, file) = file(&bytes(LARGE));
        let (a, _b) = UnixStream::pair().unwrap();
        a.set_nonblocking(true).unwrap();
        let sent = a.send_file(&file, ..).unwrap();
        assert!(sent > 0 && sent < LARGE as u64);
        let error = a.send_file(&file, sent..).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn as_one_message() {
    both(|| {
        let (_path, file) = file(b"0123456789");
        let (a, b) = UnixDatagram::pair().unwrap();
        assert_eq!(a.send_file(&file, 2..5).unwrap(), 3);
        assert_eq!(a.send_file(&file, 8..100).unwrap(), 2);
        assert_eq!(b.read_string(100).unwrap(), "234");
        assert_eq!(b.read_string(100).unwrap(), "89");
        let (a, b) = UnixSeqpacket::pair().unwrap();
        assert_eq!(a.send_file(&file, ..).unwrap(), 10);
        assert_eq!(b.read_string(100).unwrap(), "0123456789");
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        a.connect(b.local_addr().unwrap()).unwrap();
        assert_eq!(a.send_file(&file, 9..).unwrap(), 1);
        assert_eq!(b.read_string(100).unwrap(), "9");
        file.set_len(3 << 30).unwrap();
        let error = a.send_file(&file, ..).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE), "{error}");
    });
}

#[test]
fn the_stream_still_waits_as_its_user_chose() {
    both(|| {
        let (_path, file) = file(b"first");
        let (mut a, mut b) = tcp_pair();
        a.send_file(&file, ..).unwrap();
        let (go, wait) = channel::bounded::<()>(1);
        let peer = process::spawn(move || {
            assert_eq!(b.read_string(5).unwrap(), "first");
            wait.recv().unwrap();
            b.write_all(b"second").unwrap();
        });
        go.send(()).unwrap();
        let mut buf = [0; 6];
        a.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"second");
        peer.join().unwrap();
    });
}

#[test]
fn no_signal_ends_a_program_whose_peer_is_gone() {
    let output = Command::new(env!("CARGO_BIN_EXE_sigpipe"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said == "alive\n", "{output:?}");
}

/// Files in /proc have a length of 0 by `stat`, but are not empty.
#[test]
fn a_file_whose_length_is_not_known_is_read_to_its_end() {
    both(|| {
        let file = File::open("/proc/self/limits").unwrap();
        let mut expected = String::new();
        File::open("/proc/self/limits")
            .unwrap()
            .read_to_string(&mut expected)
            .unwrap();
        assert!(expected.contains("Max open files"));
        let check = |sent: u64, got: &[u8], from: usize| {
            let expected = &expected.as_bytes()[from..];
            assert_eq!((sent, got), (expected.len() as u64, expected));
        };
        let mut buf = vec![0; 65_536];
        for from in [0, 10] {
            let (a, b) = UnixDatagram::pair().unwrap();
            let sent = a.send_file(&file, from as u64..).unwrap();
            let n = b.recv(&mut buf).unwrap();
            check(sent, &buf[..n], from);
            let (a, b) = UnixSeqpacket::pair().unwrap();
            let sent = a.send_file(&file, from as u64..).unwrap();
            let n = b.recv(&mut buf).unwrap();
            check(sent, &buf[..n], from);
            let (a, b) = tcp_pair();
            let sent = a.send_file(&file, from as u64..).unwrap();
            drop(a);
            let got = received(b, || ());
            check(sent, &got, from);
        }
        let (a, b) = UnixDatagram::pair().unwrap();
        assert_eq!(a.send_file(&file, 4..9).unwrap(), 5);
        assert_eq!(b.read_string(64).unwrap(), expected[4..9]);
        // A file that never ends is longer than a message.
        let endless = File::open("/dev/zero").unwrap();
        let error = a.send_file(&endless, ..).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
        assert_eq!(a.send_file(&endless, ..100).unwrap(), 100);
    });
}

/// If a file cannot be read at an offset, this is an error, and no empty message is sent.
#[test]
fn a_pipe_is_not_a_file() {
    both(|| {
        let (read, mut write) = std::io::pipe().unwrap();
        write.write_all(b"in the pipe").unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(read));
        let (a, b) = UnixDatagram::pair().unwrap();
        let error = a.send_file(&pipe, ..).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ESPIPE));
        let (c, _d) = UnixStream::pair().unwrap();
        let error = c.send_file(&pipe, ..).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ESPIPE));
        assert_eq!(
            b.try_recv(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}
