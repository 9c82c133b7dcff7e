//! Does every option return the value that was set? Each getter is compared with its setter on a fresh
//! socket of the right kind. An option for which the test lacks a privilege is reported and skipped.

use std::fmt::Debug;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use std_net::socket::{Domain, Protocol, Socket, TcpBuilder, TcpListener, Type, UdpBuilder};
use std_net_tests::{both, has_ipv6};

/// Sets an option and gets it. Returns `None` if the kernel does not allow it here.
#[track_caller]
fn check<T: Debug + PartialEq + Clone>(
    name: &str,
    socket: &Socket,
    set: impl Fn(&Socket, T) -> io::Result<()>,
    get: impl Fn(&Socket) -> io::Result<T>,
    values: &[T],
) {
    for value in values {
        match set(socket, value.clone()) {
            Ok(()) => assert_eq!(get(socket).unwrap(), *value, "{name}"),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                eprintln!("SKIPPED {name}: {e}");
            }
            Err(e) => panic!("{name} = {value:?}: {e}"),
        }
    }
}

macro_rules! round_trips {
    ($socket:expr; $($get:ident, $set:ident: $($value:expr),+;)*) => {
        $(check(stringify!($get), &$socket, Socket::$set, Socket::$get, &[$($value),+]);)*
    };
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn of_every_socket() {
    both(|| {
        let socket = Socket::stream(Domain::IPV4).unwrap();
        round_trips! { socket;
            broadcast, set_broadcast: true, false;
            busy_poll, set_busy_poll: 50, 0;
            keepalive, set_keepalive: true, false;
            linger, set_linger: Some(s(3)), Some(s(0)), None;
            mark, set_mark: 7, 0;
            oob_inline, set_oob_inline: true, false;
            priority, set_priority: 3, 0;
            recv_timestamp, set_recv_timestamp: true, false;
            reuse_address, set_reuse_address: true, false;
            reuse_port, set_reuse_port: true, false;
        }
        // The kernel doubles these values, and has a minimum.
        socket.set_recv_buffer_size(20_000).unwrap();
        assert_eq!(socket.recv_buffer_size().unwrap(), 40_000);
        socket.set_send_buffer_size(20_000).unwrap();
        assert_eq!(socket.send_buffer_size().unwrap(), 40_000);
        assert_eq!(socket.bind_device().unwrap(), None);
        match socket.set_bind_device(Some("lo")) {
            Ok(()) => {
                assert_eq!(socket.bind_device().unwrap().as_deref(), Some("lo"));
                socket.set_bind_device(None).unwrap();
                assert_eq!(socket.bind_device().unwrap(), None);
            }
            Err(e) => eprintln!("SKIPPED bind_device: {e}"),
        }
        assert_eq!(socket.socket_type().unwrap(), Type::STREAM);
        assert_eq!(socket.domain().unwrap(), Domain::IPV4);
        assert_eq!(socket.protocol().unwrap(), Some(Protocol::TCP));
        assert!(!socket.is_listener().unwrap());
        socket.listen(1).unwrap();
        assert!(socket.is_listener().unwrap());
    });
}

#[test]
fn of_ipv4() {
    both(|| {
        let socket = Socket::datagram(Domain::IPV4).unwrap();
        round_trips! { socket;
            freebind, set_freebind: true, false;
            multicast_all_v4, set_multicast_all_v4: false, true;
            multicast_if_v4, set_multicast_if_v4: Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED;
            multicast_loop_v4, set_multicast_loop_v4: false, true;
            multicast_ttl_v4, set_multicast_ttl_v4: 0, 1, 255;
            recv_error, set_recv_error: true, false;
            recv_packet_info, set_recv_packet_info: true, false;
            recv_tos, set_recv_tos: true, false;
            recv_ttl, set_recv_ttl: true, false;
            tos, set_tos: 0x28, 0;
            ttl, set_ttl: 1, 255;
        }
    });
}

#[test]
fn of_ipv6() {
    if !has_ipv6() {
        eprintln!("SKIPPED: this machine has no ::1");
        return;
    }
    both(|| {
        let socket = Socket::datagram(Domain::IPV6).unwrap();
        round_trips! { socket;
            freebind_v6, set_freebind_v6: true, false;
            multicast_hops_v6, set_multicast_hops_v6: 0, 1, 255;
            multicast_if_v6, set_multicast_if_v6: 1, 0;
            multicast_loop_v6, set_multicast_loop_v6: false, true;
            only_v6, set_only_v6: true, false;
            recv_error_v6, set_recv_error_v6: true, false;
            recv_hops_v6, set_recv_hops_v6: true, false;
            recv_packet_info_v6, set_recv_packet_info_v6: true, false;
            recv_traffic_class, set_recv_traffic_class: true, false;
            traffic_class, set_traffic_class: 0x28, 0;
            unicast_hops_v6, set_unicast_hops_v6: 1, 255;
        }
    });
}

#[test]
fn of_udp() {
    both(|| {
        let socket = Socket::datagram(Domain::IPV4).unwrap();
        round_trips! { socket;
            gro, set_gro: true, false;
            segment_size, set_segment_size: 1200, 0;
        }
    });
}

#[test]
fn of_tcp() {
    both(|| {
        let socket = Socket::stream(Domain::IPV4).unwrap();
        round_trips! { socket;
            cork, set_cork: true, false;
            nodelay, set_nodelay: true, false;
            fast_open_connect, set_fast_open_connect: true, false;
            keepalive_interval, set_keepalive_interval: s(1), s(3000);
            keepalive_retries, set_keepalive_retries: 1, 100;
            keepalive_time, set_keepalive_time: s(1), s(3000);
            user_timeout, set_user_timeout: Some(Duration::from_millis(1500)), None;
        }
        // The kernel stores a number of retransmissions, so the value may be larger than the one that
        // was set.
        socket.set_defer_accept(s(3)).unwrap();
        assert!(socket.defer_accept().unwrap() >= s(3));
        socket.set_defer_accept(s(0)).unwrap();
        assert_eq!(socket.defer_accept().unwrap(), s(0));
        socket.set_mss(1000).unwrap();
        socket.mss().unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.socket().set_fast_open(5).unwrap();
        assert_eq!(listener.socket().fast_open().unwrap(), 5);
        let client = Socket::stream(Domain::IPV4).unwrap();
        client.connect(listener.local_addr().unwrap()).unwrap();
        // Only a connection has this option: otherwise the kernel forgets it.
        for on in [false, true] {
            client.set_quickack(on).unwrap();
            assert_eq!(client.quickack().unwrap(), on);
        }
    });
}

#[test]
fn a_builder_sets_them_before() {
    both(|| {
        let listener = TcpBuilder::new()
            .reuse_port(true)
            .backlog(7)
            .recv_buffer_size(30_000)
            .defer_accept(s(0))
            .ttl(9)
            .listen("127.0.0.1:0")
            .unwrap();
        let socket = listener.socket();
        assert!(socket.reuse_port().unwrap());
        assert!(socket.reuse_address().unwrap(), "on by default, as in std");
        assert_eq!(socket.recv_buffer_size().unwrap(), 60_000);
        assert_eq!(socket.ttl().unwrap(), 9);

        let stream = TcpBuilder::new()
            .nodelay(true)
            .keepalive_times(s(60), s(5), 3)
            .linger(s(2))
            .send_buffer_size(30_000)
            .tos(0x28)
            .user_timeout(s(9))
            .local_addr("127.0.0.2:0".parse().unwrap())
            .deadline(s(9))
            .connect(listener.local_addr().unwrap())
            .unwrap();
        let socket = stream.socket();
        assert!(socket.nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.keepalive_time().unwrap(), s(60));
        assert_eq!(socket.keepalive_interval().unwrap(), s(5));
        assert_eq!(socket.keepalive_retries().unwrap(), 3);
        assert_eq!(socket.linger().unwrap(), Some(s(2)));
        assert_eq!(socket.send_buffer_size().unwrap(), 60_000);
        assert_eq!(socket.tos().unwrap(), 0x28);
        assert_eq!(socket.user_timeout().unwrap(), Some(s(9)));
        assert_eq!(
            stream.local_addr().unwrap().ip(),
            Ipv4Addr::new(127, 0, 0, 2)
        );
        assert_eq!(stream.deadline(), None);

        let udp = UdpBuilder::new()
            .broadcast(true)
            .ttl(3)
            .bind("127.0.0.1:0")
            .unwrap();
        assert!(udp.broadcast().unwrap());
        assert_eq!(udp.ttl().unwrap(), 3);
    });
}

#[test]
fn a_dual_stack_listener_takes_both_families_and_only_v6_one() {
    if !has_ipv6() {
        eprintln!("SKIPPED: this machine has no ::1");
        return;
    }
    both(|| {
        for only in [false, true] {
            let listener = TcpBuilder::new().only_v6(only).listen("[::]:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let v6 = Socket::stream(Domain::IPV6).unwrap();
            v6.connect(
                "[::1]:0"
                    .parse()
                    .map(|mut a: std::net::SocketAddr| {
                        a.set_port(port);
                        a
                    })
                    .unwrap(),
            )
            .unwrap();
            let v4 = Socket::stream(Domain::IPV4).unwrap();
            let result = v4.connect(std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            assert_eq!(result.is_err(), only, "{result:?}");
        }
    });
}

#[test]
fn multicast_reaches_a_member() {
    both(|| {
        let group = Ipv4Addr::new(239, 255, 7, 9);
        let receiver = Socket::datagram(Domain::IPV4).unwrap();
        receiver
            .bind(std::net::SocketAddr::from((group, 0)))
            .unwrap();
        let port = receiver.local_addr().unwrap().as_socket().unwrap().port();
        receiver
            .join_source_multicast_v4(&Ipv4Addr::LOCALHOST, &group, &Ipv4Addr::LOCALHOST)
            .unwrap();
        receiver.set_deadline(s(10));
        let sender = Socket::datagram(Domain::IPV4).unwrap();
        sender
            .bind(std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
        sender.set_multicast_if_v4(Ipv4Addr::LOCALHOST).unwrap();
        sender
            .send_to(b"all", std::net::SocketAddr::from((group, port)))
            .unwrap();
        let mut buf = [0; 8];
        assert_eq!(receiver.recv(&mut buf).unwrap(), 3);
        receiver
            .leave_source_multicast_v4(&Ipv4Addr::LOCALHOST, &group, &Ipv4Addr::LOCALHOST)
            .unwrap();
    });
}

#[test]
fn a_source_of_ipv6_is_joined_and_left() {
    if !has_ipv6() {
        eprintln!("SKIPPED: this machine has no ::1");
        return;
    }
    both(|| {
        let group: Ipv6Addr = "ff31::1234".parse().unwrap();
        let socket = Socket::datagram(Domain::IPV6).unwrap();
        let join = || socket.join_source_multicast_v6(&Ipv6Addr::LOCALHOST, &group, 1);
        let leave = || socket.leave_source_multicast_v6(&Ipv6Addr::LOCALHOST, &group, 1);
        assert!(leave().is_err(), "not joined yet");
        join().unwrap();
        leave().unwrap();
        assert!(leave().is_err());
    });
}
