//! Do the data beside a UDP datagram arrive, in both families: destination and source, interface, hops,
//! type of service, time, segments? Do the errors arrive that the network reports?

use std::fs;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use std_net::process;
use std_net::socket::{Ancillary, ErrorOrigin, Received, UdpBuilder, UdpSocket};
use std_net_tests::{again, both, each_ip, has_ipv6, is_again, rests};

/// Returns the index of the loopback interface.
fn loopback() -> u32 {
    let text = fs::read_to_string("/sys/class/net/lo/ifindex").unwrap();
    text.trim().parse().unwrap()
}

/// Binds a socket to the unspecified address. Also returns its port with the loopback address of its
/// family.
fn everywhere(family: SocketAddr) -> (UdpSocket, SocketAddr) {
    let any: IpAddr = if family.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    socket.set_deadline(Duration::from_secs(20));
    let port = socket.local_addr().unwrap().port();
    (socket, SocketAddr::new(family.ip(), port))
}

fn bound(addr: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(addr).unwrap();
    socket.set_deadline(Duration::from_secs(20));
    socket
}

fn recv(socket: &UdpSocket) -> Received {
    socket.recv_ancillary(&mut [0; 64]).unwrap()
}

#[test]
fn nothing_is_told_that_was_not_asked_for() {
    both(|| {
        each_ip(|any| {
            let (a, b) = (bound(any), bound(any));
            // This receive blocks in the kernel on a thread. The others have a deadline.
            a.reset_deadline();
            b.reset_deadline();
            let n = a.send_ancillary_to(b"ping", &Ancillary::new(), b.local_addr().unwrap());
            assert_eq!(n.unwrap(), 4);
            let mut buf = [0; 64];
            let received = b.recv_ancillary(&mut buf).unwrap();
            assert_eq!(&buf[..received.len], b"ping");
            assert_eq!(received.from, a.local_addr().unwrap());
            assert!(!received.truncated && !received.ancillary_truncated);
            assert_eq!((received.destination, received.interface), (None, None));
            assert_eq!((received.ttl, received.tos), (None, None));
            assert_eq!((received.timestamp, received.segment_size), (None, None));
        });
    });
}

#[test]
fn the_destination_is_told_and_an_answer_comes_from_it() {
    both(|| {
        each_ip(|any| {
            let (server, addr) = everywhere(any);
            server.set_recv_packet_info(true).unwrap();
            assert!(server.recv_packet_info().unwrap());
            // IPv4 has many loopback addresses, but IPv6 has one.
            let asked = if any.is_ipv4() {
                SocketAddr::new(Ipv4Addr::new(127, 1, 2, 3).into(), addr.port())
            } else {
                addr
            };
            let client = bound(any);
            client.connect(asked).unwrap();
            client.send(b"where am I?").unwrap();
            let received = recv(&server);
            assert_eq!(received.destination, Some(asked.ip()));
            assert_eq!(received.interface, Some(loopback()));
            let from_there = Ancillary::new().source(asked.ip());
            let to = received.from;
            server.send_ancillary_to(b"there", &from_there, to).unwrap();
            // The client receives only from its peer, so an answer from another address would not
            // arrive.
            assert_eq!(recv(&client).from, asked);
            server.set_recv_packet_info(false).unwrap();
            assert!(!server.recv_packet_info().unwrap());
            client.send(b"again").unwrap();
            assert_eq!(recv(&server).destination, None);
        });
    });
}

#[test]
fn an_interface_is_chosen_with_and_without_a_source() {
    both(|| {
        each_ip(|any| {
            let (receiver, sender) = (bound(any), everywhere(any).0);
            receiver.set_recv_packet_info(true).unwrap();
            let to = receiver.local_addr().unwrap();
            let lo = Ancillary::new().interface(loopback());
            sender.send_ancillary_to(b"x", &lo, to).unwrap();
            assert_eq!(recv(&receiver).interface, Some(loopback()));
            let both = lo.source(any.ip());
            sender.send_ancillary_to(b"x", &both, to).unwrap();
            assert_eq!(recv(&receiver).from.ip(), any.ip());
            let none = Ancillary::new().interface(i32::MAX.cast_unsigned());
            assert!(sender.send_ancillary_to(b"x", &none, to).is_err());
            // The address of the peer tells the family.
            sender.connect(to).unwrap();
            sender.send_ancillary(b"x", &lo).unwrap();
            recv(&receiver);
        });
    });
}

#[test]
fn a_source_that_is_not_ours_is_an_error() {
    both(|| {
        each_ip(|any| {
            let (a, b) = (everywhere(any).0, bound(any));
            let strange: IpAddr = if any.is_ipv4() {
                Ipv4Addr::new(192, 0, 2, 1).into()
            } else {
                "2001:db8::1".parse().unwrap()
            };
            let ancillary = Ancillary::new().source(strange);
            let to = b.local_addr().unwrap();
            let error = a.send_ancillary_to(b"x", &ancillary, to).unwrap_err();
            assert!(
                matches!(
                    error.raw_os_error(),
                    Some(libc::EINVAL | libc::ENETUNREACH | libc::EADDRNOTAVAIL)
                ),
                "{error}"
            );
        });
    });
}

#[test]
fn hops_and_type_of_service_go_there_and_are_told() {
    both(|| {
        each_ip(|any| {
            let (a, b) = (bound(any), bound(any));
            b.set_recv_ttl(true).unwrap();
            b.set_recv_tos(true).unwrap();
            assert!(b.recv_ttl().unwrap() && b.recv_tos().unwrap());
            let to = b.local_addr().unwrap();
            for (ttl, tos) in [(1, 0), (255, 0xb8), (77, 0x02)] {
                let ancillary = Ancillary::new().ttl(ttl).tos(tos);
                a.send_ancillary_to(b"x", &ancillary, to).unwrap();
                let received = recv(&b);
                assert_eq!((received.ttl, received.tos), (Some(ttl), Some(tos)));
            }
            // The next datagram uses the socket's own values again.
            a.send_to(b"x", to).unwrap();
            let received = recv(&b);
            assert_eq!((received.ttl, received.tos), (Some(64), Some(0)));
            let error = a.send_ancillary_to(b"x", &Ancillary::new().ttl(0), to);
            assert!(error.is_err() || any.is_ipv6(), "0 hops is for IPv6 only");
        });
    });
}

#[test]
fn the_time_of_arrival_is_told() {
    both(|| {
        each_ip(|any| {
            let (a, b) = (bound(any), bound(any));
            b.socket().set_recv_timestamp(true).unwrap();
            assert!(b.socket().recv_timestamp().unwrap());
            // The kernel turns these timestamps on only a moment after the first socket asks for them.
            let until = Instant::now() + Duration::from_secs(10);
            loop {
                let before = SystemTime::now();
                a.send_to(b"x", b.local_addr().unwrap()).unwrap();
                let time = recv(&b).timestamp.expect("it was asked for");
                let after = SystemTime::now();
                if before <= time && time <= after {
                    break;
                }
                assert!(Instant::now() < until, "{before:?} {time:?} {after:?}");
            }
        });
    });
}

#[test]
fn all_at_once_fits_and_a_long_one_is_said() {
    both(|| {
        each_ip(|any| {
            let (a, (b, to)) = (bound(any), everywhere(any));
            b.set_recv_packet_info(true).unwrap();
            b.set_recv_ttl(true).unwrap();
            b.set_recv_tos(true).unwrap();
            b.set_recv_error(true).unwrap();
            b.socket().set_recv_timestamp(true).unwrap();
            b.socket().set_gro(true).unwrap();
            a.send_to(b"too long", to).unwrap();
            let mut buf = [0; 3];
            let received = b.recv_ancillary(&mut buf).unwrap();
            assert_eq!((received.len, &buf), (3, b"too"));
            assert!(received.truncated && !received.ancillary_truncated);
            assert_eq!(received.destination, Some(any.ip()));
            assert!(received.ttl.is_some() && received.tos.is_some());
            assert!(received.timestamp.is_some());
        });
    });
}

#[test]
fn a_socket_of_both_families_tells_and_sends_in_both() {
    if !has_ipv6() {
        eprintln!("SKIPPED: this machine has no ::1");
        return;
    }
    both(|| {
        let server = UdpBuilder::new().only_v6(false).bind("[::]:0").unwrap();
        server.set_deadline(Duration::from_secs(20));
        server.set_recv_packet_info(true).unwrap();
        server.set_recv_ttl(true).unwrap();
        server.set_recv_tos(true).unwrap();
        let port = server.local_addr().unwrap().port();
        for (ip, local) in [("127.0.0.9", "127.0.0.1:0"), ("::1", "[::1]:0")] {
            let ip: IpAddr = ip.parse().unwrap();
            let client = bound(local.parse().unwrap());
            client.set_recv_ttl(true).unwrap();
            client.set_recv_tos(true).unwrap();
            client.connect((ip, port)).unwrap();
            let ancillary = Ancillary::new().ttl(9).tos(8);
            client.send_ancillary(b"x", &ancillary).unwrap();
            let received = recv(&server);
            assert_eq!(received.destination, Some(ip));
            assert_eq!((received.ttl, received.tos), (Some(9), Some(8)));
            let answer = Ancillary::new().source(ip).ttl(7).tos(4);
            let to = received.from;
            server.send_ancillary_to(b"y", &answer, to).unwrap();
            let received = recv(&client);
            assert_eq!((received.ttl, received.tos), (Some(7), Some(4)));
            let answer = Ancillary::new().interface(loopback());
            server
                .send_ancillary_to(b"z", &answer, to)
                .unwrap_or_else(|e| panic!("{to}: {e}"));
        }
    });
}

#[test]
fn one_send_is_cut_into_segments_and_received_as_one() {
    both(|| {
        each_ip(|any| {
            let (a, b) = (bound(any), bound(any));
            let to = b.local_addr().unwrap();
            let data: Vec<u8> = (0..=255).cycle().take(2500).collect();
            let cut = Ancillary::new().segment_size(1000);
            assert_eq!(a.send_ancillary_to(&data, &cut, to).unwrap(), 2500);
            let mut buf = vec![0; 65_535];
            let mut came = Vec::new();
            for len in [1000, 1000, 500] {
                let received = b.recv_ancillary(&mut buf).unwrap();
                assert_eq!((received.len, received.segment_size), (len, None));
                assert_eq!(received.segments(&buf[..received.len]).count(), 1);
                came.extend_from_slice(&buf[..received.len]);
            }
            assert_eq!(came, data);

            b.socket().set_gro(true).unwrap();
            assert!(b.socket().gro().unwrap());
            a.socket().set_segment_size(1000).unwrap();
            assert_eq!(a.socket().segment_size().unwrap(), 1000);
            a.send_to(&data, to).unwrap();
            let received = b.recv_ancillary(&mut buf).unwrap();
            assert_eq!((received.len, received.segment_size), (2500, Some(1000)));
            let lens: Vec<usize> = received.segments(&buf[..2500]).map(<[u8]>::len).collect();
            assert_eq!(lens, [1000, 1000, 500]);
            assert_eq!(buf[..2500], data);

            a.send_to(b"", to).unwrap();
            let received = b.recv_ancillary(&mut buf).unwrap();
            assert_eq!(received.segments(&buf[..received.len]).count(), 1, "empty");

            let too_many = Ancillary::new().segment_size(1);
            assert!(a.send_ancillary_to(&[0; 5000], &too_many, to).is_err());
        });
    });
}

#[test]
fn the_lower_layer_takes_several_buffers() {
    both(|| {
        each_ip(|any| {
            let (a, b) = (bound(any), bound(any));
            b.set_recv_ttl(true).unwrap();
            let to = b.local_addr().unwrap();
            let bufs = [IoSlice::new(b"on"), IoSlice::new(b"e")];
            let ancillary = Ancillary::new().ttl(5);
            let n = a.socket().send_message(&bufs, Some(&to), &ancillary);
            assert_eq!(n.unwrap(), 3);
            let (mut x, mut y) = ([0; 1], [0; 8]);
            let mut bufs = [IoSliceMut::new(&mut x), IoSliceMut::new(&mut y)];
            let received = b.socket().recv_message(&mut bufs).unwrap();
            assert_eq!((received.len, received.ttl), (3, Some(5)));
            assert_eq!((&x, &y[..2]), (b"o", &b"ne"[..]));
        });
    });
}

#[test]
fn a_receive_with_ancillary_data_meets_its_deadline() {
    both(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_deadline(Duration::from_millis(20));
        let error = socket.recv_ancillary(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn the_error_queue_says_what_became_of_which_datagram() {
    both(|| {
        each_ip(|any| {
            let socket = bound(any);
            let mut buf = [0; 64];
            assert!(socket.take_queued_error(&mut buf).unwrap().is_none());
            socket.set_recv_error(true).unwrap();
            assert!(socket.recv_error().unwrap());
            let closed = [bound(any), bound(any)].map(|s| s.local_addr().unwrap());
            socket.send_to(b"first", closed[0]).unwrap();
            // A socket that is not connected gets the error too. Without the option it would not.
            let error = socket.recv_from(&mut buf).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let _ = socket.send_to(b"second", closed[1]);
            for (closed, text) in closed.into_iter().zip(["first", "second"]) {
                let queued = socket.take_queued_error(&mut buf).unwrap().unwrap();
                assert_eq!(queued.error.kind(), ErrorKind::ConnectionRefused);
                assert_eq!(queued.destination, closed);
                assert_eq!(queued.reporter.map(|r| r.ip()), Some(any.ip()));
                let expected = if any.is_ipv4() {
                    ErrorOrigin::Icmp { ty: 3, code: 3 }
                } else {
                    ErrorOrigin::Icmp6 { ty: 1, code: 4 }
                };
                assert_eq!(queued.origin, expected);
                assert_eq!(&buf[..queued.len], text.as_bytes());
                let said = queued.to_string();
                assert!(said.contains(&closed.to_string()), "{said}");
            }
            assert!(socket.take_queued_error(&mut buf).unwrap().is_none());
        });
    });
}

#[test]
fn a_datagram_too_long_for_the_socket_is_a_local_error() {
    both(|| {
        each_ip(|any| {
            let (socket, to) = (bound(any), bound(any).local_addr().unwrap());
            socket.set_recv_error(true).unwrap();
            // A UDP datagram cannot be so long. The error comes at once, and nothing is queued.
            let error = socket.send_to(&vec![0; 70_000], to).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
        });
    });
}

#[test]
fn an_error_left_in_the_queue_does_not_keep_a_receive_busy() {
    if !is_again() {
        let output = again(
            "an_error_left_in_the_queue_does_not_keep_a_receive_busy",
            &[],
        );
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        return;
    }
    both(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_recv_error(true).unwrap();
        let closed = bound("127.0.0.1:0".parse().unwrap()).local_addr().unwrap();
        socket.send_to(b"x", closed).unwrap();
        let mut buf = [0; 8];
        socket.set_deadline(Duration::from_secs(20));
        assert!(socket.recv_from(&mut buf).is_err());
        // From now on every poll of the socket reports an error, and there is nothing to receive.
        let error = rests(|| {
            socket.set_deadline(Duration::from_millis(300));
            socket.recv_from(&mut buf).unwrap_err()
        });
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        // Data that come meanwhile are received.
        socket.set_deadline(Duration::from_secs(20));
        let to = socket.local_addr().unwrap();
        let sender = process::spawn(move || {
            let other = UdpSocket::bind("127.0.0.1:0").unwrap();
            process::sleep(Duration::from_millis(20));
            other.send_to(b"late", to).unwrap();
        });
        assert_eq!(socket.recv_from(&mut buf).unwrap().0, 4);
        sender.join().unwrap();
    });
}
