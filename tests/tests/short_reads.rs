//! A short read on a Unix stream usually means that no data are left. There are two exceptions: a message with
//! passed descriptors ends a read early, and so does a message of another sender. These tests check that the
//! remaining data are found then.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use std_net::process::{self, Listed, State, channel};
use std_net::unix::{Ancillary, UnixListener, UnixStream};
use std_net_tests::{LIMIT, TempPath, again, both, is_again, within};

/// Runs `reader` in a process. The process has waited on its stream before, so a reactor watches the
/// stream. `fill` puts all data into the socket before the process goes on.
fn read_after(
    (stream, mut peer): (UnixStream, UnixStream),
    fill: impl FnOnce(&UnixStream),
    reader: impl FnOnce(UnixStream) + Send + 'static,
) {
    let (go, wait) = channel::bounded::<()>(1);
    let (waited, has_waited) = channel::bounded::<()>(1);
    let fd = stream.as_raw_fd();
    let reading = process::spawn(move || {
        let mut stream = stream;
        let mut one = [0; 10];
        assert_eq!(stream.read(&mut one).unwrap(), 1);
        waited.send(()).unwrap();
        wait.recv().unwrap();
        reader(stream);
    });
    let waits = |process: &Listed| process.state == State::Readable(fd);
    while !process::list().iter().any(waits) {
        std::thread::yield_now();
    }
    peer.write_all(b"x").unwrap();
    has_waited.recv().unwrap();
    fill(&peer);
    go.send(()).unwrap();
    reading.join().unwrap();
}

fn expect(stream: &mut UnixStream, parts: &[&[u8]]) {
    for part in parts {
        let mut buf = [0; 10];
        let n = stream.read(&mut buf).unwrap();
        assert_eq!(&buf[..n], *part);
    }
}

#[test]
fn behind_passed_descriptors() {
    within(LIMIT, || {
        for _ in 0..20 {
            read_after(
                UnixStream::pair().unwrap(),
                |peer| {
                    let file = std::fs::File::open("/dev/null").unwrap();
                    peer.send_ancillary(b"aa", &Ancillary::new().descriptor(&file))
                        .unwrap();
                    (&mut &*peer).write_all(b"bb").unwrap();
                },
                |mut stream| expect(&mut stream, &[b"aa", b"bb"]),
            );
        }
    });
}

/// If data come before the deadline, the read must return them, even if no event has reported them yet.
/// The worker checks the first socket at once, and the next ones later.
#[test]
fn behind_passed_descriptors_with_a_deadline() {
    within(LIMIT, || {
        if !is_again() {
            let name = "behind_passed_descriptors_with_a_deadline";
            let output = again(name, &[("STD_NET_WORKERS", "1")]);
            assert!(output.status.success(), "{output:?}");
            return;
        }
        // On a busy machine the deadline may pass before the read begins.
        let mut in_a_row = 0;
        for _ in 0..500 {
            let (told, result) = channel::bounded(1);
            read_after(
                UnixStream::pair().unwrap(),
                |peer| {
                    let file = std::fs::File::open("/dev/null").unwrap();
                    peer.send_ancillary(b"aa", &Ancillary::new().descriptor(&file))
                        .unwrap();
                    (&mut &*peer).write_all(b"bb").unwrap();
                    // The worker has polled its reactor, and all events are handled, when the read
                    // begins.
                    for _ in 0..10 {
                        process::spawn(|| ()).join().unwrap();
                    }
                },
                move |mut stream| {
                    expect(&mut stream, &[b"aa"]);
                    stream.set_deadline(Duration::from_millis(4));
                    let mut buf = [0; 10];
                    let read = stream.read(&mut buf);
                    if let Err(error) = &read {
                        assert_eq!(error.kind(), ErrorKind::TimedOut);
                        stream.reset_deadline();
                        assert_eq!(stream.read(&mut buf).unwrap(), 2, "nothing is lost");
                    }
                    told.send(read.is_ok()).unwrap();
                },
            );
            in_a_row = if result.recv().unwrap() {
                in_a_row + 1
            } else {
                0
            };
            if in_a_row == 5 {
                return;
            }
        }
        panic!("deadlines passed though the data were there");
    });
}

/// All data come while the reader waits. Both processes are on one worker, so all data are there when the reader
/// runs.
#[test]
fn behind_passed_descriptors_while_it_waits() {
    within(LIMIT, || {
        if !is_again() {
            let name = "behind_passed_descriptors_while_it_waits";
            let output = again(name, &[("STD_NET_WORKERS", "1")]);
            assert!(output.status.success(), "{output:?}");
            return;
        }
        let (mut stream, peer) = UnixStream::pair().unwrap();
        let (done, read) = channel::unbounded();
        let reader = process::spawn(move || {
            for _ in 0..20 {
                expect(&mut stream, &[b"aa", b"bb", b"c"]);
                done.send(()).unwrap();
            }
        });
        let writer = process::spawn(move || {
            let file = std::fs::File::open("/dev/null").unwrap();
            for _ in 0..20 {
                for part in [b"aa", b"bb"] {
                    peer.send_ancillary(part, &Ancillary::new().descriptor(&file))
                        .unwrap();
                }
                (&mut &peer).write_all(b"c").unwrap();
                read.recv().unwrap();
            }
        });
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

/// A worker wants to check whether a short read can be trusted. Just before this, another thread closes the
/// stream, and the next stream gets its descriptor number.
#[test]
fn a_stream_that_is_closed_elsewhere_leaves_the_next_one_alone() {
    within(LIMIT, || {
        let (hand_over, closing) = std::sync::mpsc::channel::<UnixStream>();
        let closer = std::thread::spawn(move || closing.into_iter().for_each(drop));
        for _ in 0..2000 {
            let (stream, mut peer) = UnixStream::pair().unwrap();
            let hand_over = hand_over.clone();
            let reading = process::spawn(move || {
                let mut stream = stream;
                for byte in [b"a", b"b"] {
                    // The stream waits, so a reactor watches it.
                    expect(&mut stream, &[byte]);
                    stream.write_all(byte).unwrap();
                }
                hand_over.send(stream).unwrap();
            });
            for byte in [b"a", b"b"] {
                peer.write_all(byte).unwrap();
                peer.read_exact(&mut [0]).unwrap();
            }
            // Nobody reads these bytes, and the peer may be gone already, so an error does not matter.
            while !reading.is_finished() && peer.try_write(b"c").is_ok() {}
            reading.join().unwrap();
        }
        drop(hand_over);
        closer.join().unwrap();
    });
}

/// Writes from another OS process, which has other credentials.
fn write_elsewhere(peer: &UnixStream, text: &str) {
    let out: OwnedFd = peer.as_fd().try_clone_to_owned().unwrap();
    let status = Command::new("sh")
        .args(["-c", &format!("printf {text}")])
        .stdout(Stdio::from(out))
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn where_the_sender_changes() {
    within(LIMIT, || {
        let fill = |peer: &UnixStream| {
            (&mut &*peer).write_all(b"aa").unwrap();
            write_elsewhere(peer, "bb");
        };
        for _ in 0..5 {
            // The option is set by our own method.
            let (stream, peer) = UnixStream::pair().unwrap();
            stream.socket().set_passcred(true).unwrap();
            read_after((stream, peer), fill, |mut s| {
                expect(&mut s, &[b"aa", b"bb"])
            });
            // The option is set without our methods.
            let (stream, peer) = UnixStream::pair().unwrap();
            socket2::SockRef::from(&stream).set_passcred(true).unwrap();
            read_after((stream, peer), fill, |mut s| {
                expect(&mut s, &[b"aa", b"bb"])
            });
            // The option is inherited from a listener.
            let path = TempPath::new();
            let listener = UnixListener::bind(&*path).unwrap();
            listener.socket().set_passcred(true).unwrap();
            let peer = UnixStream::connect(&*path).unwrap();
            let (stream, _) = listener.accept().unwrap();
            assert!(stream.socket().passcred().unwrap());
            read_after((stream, peer), fill, |mut s| {
                expect(&mut s, &[b"aa", b"bb"])
            });
        }
    });
}

#[test]
fn the_end_behind_the_last_bytes() {
    both(|| {
        for _ in 0..20 {
            let (mut stream, mut peer) = UnixStream::pair().unwrap();
            let (go, wait) = channel::bounded::<()>(1);
            let writer = process::spawn(move || {
                wait.recv().unwrap();
                peer.write_all(b"bye").unwrap();
            });
            go.send(()).unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            assert_eq!(all, b"bye");
            writer.join().unwrap();
        }
    });
}
