//! Do many datagrams go with one call, whole and in order, even if only some of them can be sent?
//! Descriptors in a batch are tested in `ancillary`.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use std_net::socket::{Ancillary, RecvBatch, SendBatch, UdpSocket};
use std_net::unix;
use std_net_tests::{TempPath, both, each_ip};

fn bound(addr: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(addr).unwrap();
    socket.set_deadline(Duration::from_secs(20));
    socket
}

#[test]
fn what_is_there_comes_with_one_call() {
    both(|| {
        each_ip(|any| {
            let (a, b) = (bound(any), bound(any));
            let to = b.local_addr().unwrap();
            let texts: [&[u8]; 4] = [b"one", b"", b"three", b"much too long"];
            for text in texts {
                a.send_to(text, to).unwrap();
            }
            let mut batch = RecvBatch::new(8, 5);
            assert_eq!((batch.len(), batch.capacity()), (0, 8));
            assert_eq!(b.recv_many(&mut batch).unwrap(), 4);
            for ((data, received), text) in batch.iter().zip(texts) {
                assert_eq!(data, &text[..text.len().min(5)]);
                assert_eq!(received.len, data.len());
                assert_eq!(received.truncated, text.len() > 5);
                assert_eq!(received.from, a.local_addr().unwrap());
            }
            assert_eq!(batch.get(2).unwrap().0, b"three");
            assert!(batch.get(4).is_none());

            // A batch that is used again holds only the new datagrams.
            a.send_to(b"new", to).unwrap();
            assert_eq!(b.recv_many(&mut batch).unwrap(), 1);
            assert_eq!((batch.len(), batch.get(0).unwrap().0), (1, &b"new"[..]));
            let error = b.try_recv_many(&mut batch).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            assert!(batch.is_empty(), "nothing came with the error");
        });
    });
}

#[test]
fn a_batch_takes_no_more_than_it_has_room_for() {
    both(|| {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (a, b) = (bound(any), bound(any));
        for n in 0..5_u8 {
            a.send_to(&[n], b.local_addr().unwrap()).unwrap();
        }
        let mut batch = RecvBatch::new(2, 8);
        let mut came = Vec::new();
        for expected in [2, 2, 1] {
            assert_eq!(b.recv_many(&mut batch).unwrap(), expected);
            came.extend(batch.iter().map(|(data, _)| data[0]));
        }
        assert_eq!(came, [0, 1, 2, 3, 4]);
        // A size of zero is corrected to one, and a very large size is not an error.
        assert_eq!(RecvBatch::new(0, 8).capacity(), 1);
        assert_eq!(RecvBatch::new(100_000, 8).capacity(), 1024);
    });
}

#[test]
fn it_waits_for_the_first_and_for_no_more() {
    both(|| {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (a, b) = (bound(any), bound(any));
        let to = b.local_addr().unwrap();
        b.set_deadline(Duration::from_millis(20));
        let mut batch = RecvBatch::new(4, 8);
        let error = b.recv_many(&mut batch).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        b.reset_deadline();
        let sender = thread::spawn(move || {
            // The receiver probably waits by now. If not, the result is the same.
            thread::sleep(Duration::from_millis(20));
            a.send_to(b"x", to).unwrap();
        });
        assert_eq!(b.recv_many(&mut batch).unwrap(), 1);
        sender.join().unwrap();
    });
}

#[test]
fn many_go_with_one_call_each_to_its_own_address() {
    both(|| {
        each_ip(|any| {
            let (a, b, c) = (bound(any), bound(any), bound(any));
            c.set_recv_ttl(true).unwrap();
            let (to_b, to_c) = (b.local_addr().unwrap(), c.local_addr().unwrap());
            let mut batch = SendBatch::new();
            assert_eq!(a.send_many(&mut batch).unwrap(), 0, "nothing to send");
            batch.push_to(b"to b", to_b);
            batch
                .push_ancillary(b"to c", &Ancillary::new().ttl(3), Some(to_c))
                .unwrap();
            batch.push_to(b"", to_b);
            assert_eq!(batch.len(), 3);
            assert_eq!(a.send_many(&mut batch).unwrap(), 3);
            assert!(batch.is_empty());
            let mut came = RecvBatch::new(8, 64);
            assert_eq!(b.recv_many(&mut came).unwrap(), 2);
            let texts: Vec<&[u8]> = came.iter().map(|(data, _)| data).collect();
            assert_eq!(texts, [&b"to b"[..], b""]);
            assert_eq!(c.recv_many(&mut came).unwrap(), 1);
            let (data, received) = came.get(0).unwrap();
            assert_eq!((data, received.ttl), (&b"to c"[..], Some(3)));

            // These datagrams go to the connected peer.
            a.connect(to_b).unwrap();
            batch.push(b"x");
            batch.push(b"y");
            assert_eq!(a.try_send_many(&mut batch).unwrap(), 2);
            assert_eq!(b.recv_many(&mut came).unwrap(), 2);

            let alone = Ancillary::new().interface(1);
            let error = batch.push_ancillary(b"x", &alone, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(batch.is_empty());
        });
    });
}

#[test]
fn one_that_cannot_go_is_told_and_can_be_left_out() {
    both(|| {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (a, b) = (bound(any), bound(any));
        let to = b.local_addr().unwrap();
        let mut batch = SendBatch::new();
        batch.push_to(b"first", to);
        batch.push_to(&[0; 70_000], to);
        batch.push_to(b"last", to);
        // The first datagram is sent. The second one is reported by the next call.
        assert_eq!(a.send_many(&mut batch).unwrap(), 1);
        assert_eq!(batch.len(), 2);
        for _ in 0..2 {
            let error = a.send_many(&mut batch).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
            assert_eq!(batch.len(), 2, "all are still there");
        }
        batch.skip(1);
        assert_eq!(a.send_many(&mut batch).unwrap(), 1);
        let mut came = RecvBatch::new(4, 64);
        assert_eq!(b.recv_many(&mut came).unwrap(), 2);
        assert_eq!(came.get(1).unwrap().0, b"last");
        batch.push_to(b"x", to);
        batch.clear();
        batch.skip(7);
        assert!(batch.is_empty());
    });
}

#[test]
fn more_than_one_call_takes_goes_with_several() {
    const RECEIVERS: usize = 10;
    both(|| {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // There are several receivers, so that the datagrams of one call fit into their buffers,
        // whatever the size of a socket's buffer.
        let receivers: [_; RECEIVERS] = std::array::from_fn(|_| bound(any));
        let to = receivers.each_ref().map(|r| r.local_addr().unwrap());
        let a = bound(any);
        let mut batch = SendBatch::new();
        for n in 0..1030_u16 {
            batch.push_to(&n.to_be_bytes(), to[usize::from(n) % RECEIVERS]);
        }
        let mut received = RecvBatch::new(1024, 8);
        let mut came = Vec::new();
        while !batch.is_empty() {
            let sent = a.send_many(&mut batch).unwrap();
            assert!(sent <= 1024);
            let last = came.len() + sent;
            for (index, receiver) in receivers.iter().enumerate() {
                let expected: Vec<_> = (came.len()..last)
                    .filter(|n| n % RECEIVERS == index)
                    .collect();
                let mut numbers = Vec::new();
                while numbers.len() < expected.len() {
                    receiver.recv_many(&mut received).unwrap();
                    let new = received.iter().map(|(data, _)| data.try_into().unwrap());
                    numbers.extend(new.map(|data| usize::from(u16::from_be_bytes(data))));
                }
                assert_eq!(numbers, expected);
            }
            came.extend(came.len()..last);
        }
        assert_eq!(came.len(), 1030);
    });
}

#[test]
fn over_a_unix_socket_part_of_a_batch_waits_for_room() {
    both(|| {
        let (a, b) = unix::UnixDatagram::pair().unwrap();
        a.set_deadline(Duration::from_secs(20));
        b.set_deadline(Duration::from_secs(20));
        let mut batch = unix::SendBatch::new();
        for n in 0..500_u16 {
            batch.push(&n.to_be_bytes());
        }
        // The queue is short, so it is full long before the limit.
        let mut sent = 0;
        let error = loop {
            match a.try_send_many(&mut batch) {
                Ok(n) => sent += n,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(sent > 0 && sent + batch.len() == 500, "{sent}");
        let reader = thread::spawn(move || {
            let mut received = unix::RecvBatch::new(7, 8);
            let mut came = Vec::new();
            while came.len() < 500 {
                b.recv_many(&mut received).unwrap();
                let numbers = received.iter().map(|(data, _)| data.try_into().unwrap());
                came.extend(numbers.map(u16::from_be_bytes));
            }
            came
        });
        while !batch.is_empty() {
            a.send_many(&mut batch).unwrap();
        }
        assert!(reader.join().unwrap().into_iter().eq(0..500));
    });
}

#[test]
fn unix_datagrams_know_their_sender() {
    both(|| {
        let (path, other) = (TempPath::new(), TempPath::new());
        let b = unix::UnixDatagram::bind(&path).unwrap();
        let a = unix::UnixDatagram::bind(&other).unwrap();
        let mut batch = unix::SendBatch::new();
        batch.push_to(b"one", &b.local_addr().unwrap()).unwrap();
        batch.push_to(b"two", &b.local_addr().unwrap()).unwrap();
        assert_eq!(a.send_many(&mut batch).unwrap(), 2);
        let mut received = unix::RecvBatch::new(4, 64);
        assert_eq!(b.recv_many(&mut received).unwrap(), 2);
        for (_, received) in received.iter() {
            assert_eq!(received.from.as_pathname(), Some(&*other));
        }
        let error = b.try_recv_many(&mut received).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn too_many_descriptors_are_refused_and_the_batch_stays() {
    both(|| {
        let file = File::open("/dev/null").unwrap();
        let mut batch = unix::SendBatch::new();
        let fds = std::iter::repeat_n(file.as_fd(), 254);
        let too_many = unix::Ancillary::new().descriptors(fds);
        let error = batch.push_ancillary(b"x", &too_many, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(batch.is_empty());
    });
}
