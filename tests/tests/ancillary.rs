//! Do descriptors and credentials arrive through Unix sockets? Is no descriptor left over, whatever is
//! cut off?

use std::fs::{self, File};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use std_net::unix::{
    AddrText, Ancillary, RecvBatch, SendBatch, Socket, SocketAddr, Type, UCred, UnixDatagram,
    UnixSeqpacket, UnixStream,
};
use std_net_tests::{ALONE, LIMIT, descriptors, example, in_time, keeps_the_count, within};

fn null() -> File {
    File::open("/dev/null").unwrap()
}

fn same_file(a: &OwnedFd, b: &File) -> bool {
    let a = File::from(a.try_clone().unwrap()).metadata().unwrap();
    let b = b.metadata().unwrap();
    (a.dev(), a.ino(), a.rdev()) == (b.dev(), b.ino(), b.rdev())
}

/// Returns a value of `/proc/self/fdinfo`.
fn fdinfo(fd: impl AsFd, key: &str) -> Option<String> {
    let path = format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd());
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().to_owned())
}

/// Calls `body` with a pair of low-level sockets of every type that has pairs.
fn each_pair(body: impl Fn(Socket, Socket)) {
    for ty in [Type::STREAM, Type::DGRAM, Type::SEQPACKET] {
        let (a, b) = Socket::pair(ty).unwrap();
        body(a, b);
    }
}

#[test]
fn descriptors_come_in_order_and_close_on_exec() {
    keeps_the_count(|| {
        each_pair(|a, b| {
            let files = [null(), File::open("/dev/zero").unwrap(), null()];
            let ancillary = Ancillary::new()
                .descriptor(&files[0])
                .descriptors(files[1..].iter().map(AsFd::as_fd));
            let n = a.send_message(&[IoSlice::new(b"three")], None, &ancillary);
            assert_eq!(n.unwrap(), 5);
            let mut buf = [0; 16];
            let received = b.recv_message(&mut [IoSliceMut::new(&mut buf)], 3).unwrap();
            assert_eq!(&buf[..received.len], b"three");
            assert!(!received.truncated && !received.ancillary_truncated);
            assert!(received.credentials.is_none() && received.pidfd.is_none());
            assert_eq!(received.descriptors.len(), 3);
            for (fd, file) in received.descriptors.iter().zip(&files) {
                assert!(same_file(fd, file));
                let flags = fdinfo(fd, "flags:").unwrap();
                let flags = i32::from_str_radix(&flags, 8).unwrap();
                assert_ne!(flags & libc::O_CLOEXEC, 0);
            }
        });
    });
}

#[test]
fn what_is_cut_off_is_closed_and_said() {
    keeps_the_count(|| {
        each_pair(|a, b| {
            let file = null();
            for (sent, room) in [(1, 0), (2, 1), (20, 3), (253, 0), (253, 252), (253, 1)] {
                let fds = std::iter::repeat_n(file.as_fd(), sent);
                let ancillary = Ancillary::new().descriptors(fds);
                a.send_message(&[IoSlice::new(b"x")], None, &ancillary)
                    .unwrap();
                let before = descriptors();
                let received = b
                    .recv_message(&mut [IoSliceMut::new(&mut [0; 8])], room)
                    .unwrap();
                assert_eq!(received.len, 1);
                assert_eq!(received.descriptors.len(), room, "{sent} into {room}");
                assert!(received.ancillary_truncated, "{sent} into {room}");
                assert_eq!(descriptors(), before + room, "{sent} into {room}");
            }
            let ancillary = Ancillary::new().descriptors(std::iter::repeat_n(file.as_fd(), 253));
            a.send_message(&[IoSlice::new(b"x")], None, &ancillary)
                .unwrap();
            let received = b
                .recv_message(&mut [IoSliceMut::new(&mut [0; 8])], usize::MAX)
                .unwrap();
            assert_eq!(received.descriptors.len(), 253);
            assert!(!received.ancillary_truncated);
        });
    });
}

#[test]
fn a_plain_read_closes_what_came_with_the_bytes() {
    keeps_the_count(|| {
        let (a, mut b) = UnixStream::pair().unwrap();
        let ancillary = null();
        let ancillary = Ancillary::new().descriptor(&ancillary);
        a.send_ancillary(b"x", &ancillary).unwrap();
        assert_eq!(b.read(&mut [0; 8]).unwrap(), 1);
        // This message is never received.
        a.send_ancillary(b"y", &ancillary).unwrap();
    });
}

#[test]
fn at_the_descriptor_limit_what_fits_comes_and_the_rest_is_said() {
    keeps_the_count(|| {
        let (a, b) = UnixStream::pair().unwrap();
        let file = null();
        let fds = std::iter::repeat_n(file.as_fd(), 5);
        a.send_ancillary(b"x", &Ancillary::new().descriptors(fds))
            .unwrap();
        let mut all = Vec::new();
        while let Ok(fd) = file.try_clone() {
            all.push(fd);
        }
        all.truncate(all.len() - 2);
        let received = b.recv_ancillary(&mut [0; 8], 5);
        drop(all);
        let received = received.unwrap();
        assert_eq!(received.len, 1);
        assert_eq!(received.descriptors.len(), 2);
        assert!(received.ancillary_truncated);
    });
}

#[test]
fn too_many_or_beside_nothing_is_an_error() {
    keeps_the_count(|| {
        each_pair(|a, b| {
            let file = null();
            let too_many = Ancillary::new().descriptors(std::iter::repeat_n(file.as_fd(), 254));
            let error = a.send_message(&[IoSlice::new(b"x")], None, &too_many);
            assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
            let one = Ancillary::new().descriptor(&file);
            let result = a.send_message(&[IoSlice::new(b"")], None, &one);
            if a.socket_type().unwrap() == Type::STREAM {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
            } else {
                assert_eq!(result.unwrap(), 0);
                let received = b.recv_message(&mut [], 1).unwrap();
                assert_eq!((received.len, received.descriptors.len()), (0, 1));
            }
        });
    });
}

#[test]
fn a_stream_keeps_the_border_of_descriptors() {
    keeps_the_count(|| {
        let (a, b) = UnixStream::pair().unwrap();
        let file = null();
        a.write_bytes(b"w").unwrap();
        a.send_ancillary(b"xy", &Ancillary::new().descriptor(&file))
            .unwrap();
        a.write_bytes(b"z").unwrap();
        let mut buf = [0; 16];
        let mut bytes = Vec::new();
        let mut at = None;
        while bytes.len() < 4 {
            let received = b.recv_ancillary(&mut buf, 1).unwrap();
            bytes.extend_from_slice(&buf[..received.len]);
            if !received.descriptors.is_empty() {
                assert!(at.is_none());
                at = Some(bytes.len());
            }
        }
        assert_eq!((&bytes[..], at), (&b"wxyz"[..], Some(3)));
        // This is the end of the stream.
        drop(a);
        let received = b.recv_ancillary(&mut buf, 1).unwrap();
        assert_eq!((received.len, received.descriptors.len()), (0, 0));
    });
}

#[test]
fn a_datagram_that_is_too_long_is_said_and_its_sender_known() {
    keeps_the_count(|| {
        let name = format!("@std_net-test-ancillary-{}", std::process::id());
        let addr = SocketAddr::from_text(&name).unwrap();
        let b = UnixDatagram::bind_addr(&addr).unwrap();
        let a = UnixDatagram::bind_addr(&SocketAddr::from_text(format!("{name}-a")).unwrap());
        let (a, file) = (a.unwrap(), null());
        a.send_ancillary_to(b"too long", &Ancillary::new().descriptor(&file), &addr)
            .unwrap();
        let mut buf = [0; 3];
        let received = b.recv_ancillary(&mut buf, 1).unwrap();
        assert_eq!(&buf[..received.len], b"too");
        assert!(received.truncated && !received.ancillary_truncated);
        assert!(same_file(&received.descriptors[0], &file));
        assert_eq!(received.from.display().to_string(), format!("{name}-a"));
    });
}

#[test]
fn several_buffers_are_used_in_turn() {
    keeps_the_count(|| {
        each_pair(|a, b| {
            let file = null();
            let bufs = [
                IoSlice::new(b"one"),
                IoSlice::new(b""),
                IoSlice::new(b"two"),
            ];
            a.send_message(&bufs, None, &Ancillary::new().descriptor(&file))
                .unwrap();
            let (mut x, mut y) = ([0; 2], [0; 8]);
            let mut bufs = [IoSliceMut::new(&mut x), IoSliceMut::new(&mut y)];
            let received = b.recv_message(&mut bufs, 1).unwrap();
            assert_eq!((received.len, received.descriptors.len()), (6, 1));
            assert_eq!((&x, &y[..4]), (b"on", &b"etwo"[..]));
        });
    });
}

#[test]
fn a_wait_for_a_descriptor_ends_when_it_comes_or_at_the_deadline() {
    keeps_the_count(|| {
        let (a, b) = UnixSeqpacket::pair().unwrap();
        b.set_deadline(Duration::from_millis(20));
        let error = b.recv_ancillary(&mut [0; 8], 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        b.reset_deadline();
        let sender = thread::spawn(move || {
            // The receiver probably waits by now. If not, the result is the same.
            thread::sleep(Duration::from_millis(20));
            let file = null();
            a.send_ancillary(b"x", &Ancillary::new().descriptor(&file))
                .unwrap();
        });
        let received = b.recv_ancillary(&mut [0; 8], 1).unwrap();
        assert_eq!((received.len, received.descriptors.len()), (1, 1));
        sender.join().unwrap();
    });
}

#[test]
fn a_send_into_a_full_buffer_meets_the_deadline() {
    keeps_the_count(|| {
        let (a, _b) = UnixStream::pair().unwrap();
        let file = null();
        in_time(Duration::from_millis(20), |time| {
            a.set_deadline(time);
            let mut sent = 0;
            let error = loop {
                match a.send_ancillary(&[0; 10_000], &Ancillary::new().descriptor(&file)) {
                    Ok(n) => sent += n,
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            // If the deadline passed before the first message, nothing was sent.
            (sent > 0).then_some(())
        });
    });
}

#[test]
fn descriptors_in_a_cycle_can_be_sent() {
    keeps_the_count(|| {
        // The kernel itself collects a socket that lies in its own queue. It is no descriptor of ours.
        let (a, b) = UnixStream::pair().unwrap();
        a.send_ancillary(b"x", &Ancillary::new().descriptor(&b))
            .unwrap();
        let received = b.recv_ancillary(&mut [0; 8], 1).unwrap();
        let again = UnixStream::from(received.descriptors.into_iter().next().unwrap());
        a.write_bytes(b"y").unwrap();
        assert_eq!(again.read_string(8).unwrap(), "y");
    });
}

#[test]
fn credentials_come_if_asked_for() {
    keeps_the_count(|| {
        each_pair(|a, b| {
            let me = UCred::current();
            assert_eq!(me.pid, Some(std::process::id().cast_signed()));
            b.set_passcred(true).unwrap();
            for ancillary in [Ancillary::new(), Ancillary::new().credentials(me)] {
                a.send_message(&[IoSlice::new(b"x")], None, &ancillary)
                    .unwrap();
                let received = b
                    .recv_message(&mut [IoSliceMut::new(&mut [0; 8])], 0)
                    .unwrap();
                assert_eq!((received.len, received.credentials), (1, Some(me)));
                assert!(!received.ancillary_truncated);
            }
        });
    });
}

#[test]
fn credentials_and_descriptors_come_together() {
    keeps_the_count(|| {
        let (a, b) = UnixDatagram::pair().unwrap();
        b.socket().set_passcred(true).unwrap();
        let file = null();
        let fds = std::iter::repeat_n(file.as_fd(), 253);
        a.send_ancillary(b"x", &Ancillary::new().descriptors(fds))
            .unwrap();
        let received = b.recv_ancillary(&mut [0; 8], 253).unwrap();
        assert_eq!(received.credentials, Some(UCred::current()));
        assert_eq!(received.descriptors.len(), 253);
        assert!(!received.ancillary_truncated);
    });
}

#[test]
fn descriptors_can_be_refused() {
    keeps_the_count(|| {
        each_pair(|a, b| {
            if let Err(error) = b.set_passrights(false) {
                assert_eq!(error.raw_os_error(), Some(libc::ENOPROTOOPT));
                eprintln!("SKIPPED: SO_PASSRIGHTS needs Linux 6.16");
                return;
            }
            assert!(!b.passrights().unwrap() && a.passrights().unwrap());
            let file = null();
            let ancillary = Ancillary::new().descriptor(&file);
            let send = || a.send_message(&[IoSlice::new(b"x")], None, &ancillary);
            assert_eq!(send().unwrap_err().raw_os_error(), Some(libc::EPERM));
            b.set_passrights(true).unwrap();
            send().unwrap();
            let received = b
                .recv_message(&mut [IoSliceMut::new(&mut [0; 8])], 1)
                .unwrap();
            assert_eq!(received.descriptors.len(), 1);
        });
    });
}

#[test]
fn nobody_else_can_be_claimed_to_be() {
    let me = UCred::current();
    if me.uid == 0 {
        eprintln!("SKIPPED: root may claim to be anybody");
        return;
    }
    keeps_the_count(|| {
        let (a, _b) = UnixStream::pair().unwrap();
        let root = UCred {
            uid: 0,
            ..UCred::current()
        };
        let error = a
            .send_ancillary(b"x", &Ancillary::new().credentials(root))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn a_pidfd_of_the_sender_and_of_the_peer() {
    keeps_the_count(|| {
        let (a, b) = UnixStream::pair().unwrap();
        if let Err(error) = b.socket().set_passpidfd(true) {
            assert_eq!(error.raw_os_error(), Some(libc::ENOPROTOOPT));
            eprintln!("SKIPPED: SO_PASSPIDFD needs Linux 6.5");
            return;
        }
        assert!(b.socket().passpidfd().unwrap());
        b.socket().set_passcred(true).unwrap();
        let me = std::process::id().to_string();
        let file = null();
        a.send_ancillary(b"x", &Ancillary::new().descriptor(&file))
            .unwrap();
        let received = b.recv_ancillary(&mut [0; 8], 1).unwrap();
        let pidfd = received.pidfd.unwrap();
        assert_eq!(fdinfo(&pidfd, "Pid:"), Some(me.clone()));
        assert_eq!(received.descriptors.len(), 1);
        assert_eq!(received.credentials, Some(UCred::current()));
        assert!(!received.ancillary_truncated);
        let peer = a.peer_pidfd().unwrap();
        assert_eq!(fdinfo(&peer, "Pid:"), Some(me));
    });
}

#[test]
fn the_copy_of_a_pipe_outlives_the_one_that_was_sent() {
    keeps_the_count(|| {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let (a, b) = UnixStream::pair().unwrap();
        let borrowed: BorrowedFd<'_> = writer.as_fd();
        a.send_ancillary(b"x", &Ancillary::new().descriptors([borrowed]))
            .unwrap();
        drop(writer);
        let mut received = b.recv_ancillary(&mut [0; 8], 1).unwrap();
        let mut copy = File::from(received.descriptors.remove(0));
        copy.write_all(b"through the copy").unwrap();
        drop(copy);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through the copy");
    });
}

#[test]
fn descriptors_come_with_a_batch_and_none_is_left_over() {
    keeps_the_count(|| {
        let file = File::open("/dev/null").unwrap();
        let (a, b) = UnixDatagram::pair().unwrap();
        let send = || {
            let mut batch = SendBatch::new();
            batch.push(b"none");
            for n in 1..4 {
                let fds = std::iter::repeat_n(file.as_fd(), n);
                let ancillary = Ancillary::new().descriptors(fds);
                batch.push_ancillary(b"x", &ancillary, None).unwrap();
            }
            assert_eq!(a.send_many(&mut batch).unwrap(), 4);
        };
        send();
        // This batch has room for two descriptors with each message.
        let mut batch = RecvBatch::with_descriptors(8, 8, 2);
        assert_eq!(b.recv_many(&mut batch).unwrap(), 4);
        let counts: Vec<_> = batch
            .iter()
            .map(|(_, r)| (r.descriptors.len(), r.ancillary_truncated))
            .collect();
        assert_eq!(counts, [(0, false), (1, false), (2, false), (2, true)]);
        let taken = batch
            .iter_mut()
            .find_map(|(_, received)| received.descriptors.pop())
            .unwrap();
        drop(File::from(taken));
        // The next receive closes the descriptors that are left in the batch.
        send();
        assert_eq!(b.recv_many(&mut batch).unwrap(), 4);
        // Descriptors without room in another batch are never opened.
        send();
        let mut none = RecvBatch::new(8, 8);
        let before = descriptors();
        assert_eq!(b.recv_many(&mut none).unwrap(), 4);
        assert_eq!(descriptors(), before);
        assert!(none.get(1).unwrap().1.ancillary_truncated);
        // A drop of the batch closes the rest.
    });
}

#[test]
fn the_example_passes_a_connection_between_two_os_processes() {
    let program = example("pass_fd");
    // The pipes of `Command` are descriptors too, so no other test may count now.
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    within(LIMIT, || {
        let output = Command::new(program).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{:?}",
            String::from_utf8_lossy(&output.stderr)
        );
        let worker = text
            .lines()
            .find_map(|line| line.strip_prefix("worker: OS process "))
            .and_then(|rest| rest.split(' ').next())
            .unwrap_or_else(|| panic!("{text}"));
        assert!(
            text.contains(&format!("client: hello from OS process {worker}")),
            "{text}"
        );
    });
}
