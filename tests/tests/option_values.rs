//! Does an option have the value that was set, although the kernel counts in other units? For example,
//! half a second of linger must not become a reset, and 4 GiB of buffer must not become 0.

use std::io::{self, Read, Write};
use std::time::Duration;

use std_net::socket::{Domain, Socket, TcpBuilder, UdpBuilder, UdpSocket};
use std_net::unix;
use std_net_tests::{both, has_ipv6, tcp_pair};

#[track_caller]
fn refused(what: &str, result: io::Result<()>, names: &str) {
    let error = result.expect_err(what);
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{what}: {error}");
    // An error of the kernel keeps its code, as in std.
    assert!(
        error.raw_os_error().is_some() || error.to_string().contains(names),
        "{what}: {error}"
    );
}

#[test]
fn a_linger_rounds_up_and_saturates() {
    both(|| {
        let socket = Socket::stream(Domain::IPV4).unwrap();
        for (set, got) in [
            (Duration::from_millis(500), 1),
            (Duration::from_nanos(1), 1),
            (Duration::from_millis(1_001), 2),
            (Duration::ZERO, 0),
        ] {
            socket.set_linger(Some(set)).unwrap();
            assert_eq!(socket.linger().unwrap(), Some(Duration::from_secs(got)));
        }
        for long in [Duration::from_secs(1 << 32), Duration::MAX] {
            socket.set_linger(Some(long)).unwrap();
            assert!(socket.linger().unwrap() > Some(Duration::from_secs(1 << 20)));
        }
        socket.set_linger(None).unwrap();
        assert_eq!(socket.linger().unwrap(), None);
    });
}

/// If the kernel got whole seconds rounded down, it would get 0. Closing would reset the connection, and the peer would
/// lose unread data.
#[test]
fn half_a_second_of_linger_loses_nothing() {
    both(|| {
        let (mut a, mut b) = tcp_pair();
        a.set_linger(Some(Duration::from_millis(500))).unwrap();
        a.write_all(b"all of it").unwrap();
        drop(a);
        let mut text = String::new();
        b.read_to_string(&mut text).unwrap();
        assert_eq!(text, "all of it");
    });
}

#[test]
fn a_user_timeout_rounds_up_and_zero_is_refused() {
    both(|| {
        let socket = Socket::stream(Domain::IPV4).unwrap();
        let ms = |n| Some(Duration::from_millis(n));
        for (set, got) in [
            (Duration::from_micros(500), ms(1)),
            (Duration::from_micros(1_500), ms(2)),
            (Duration::from_millis(7), ms(7)),
            (Duration::MAX, ms(i32::MAX as u64)),
        ] {
            socket.set_user_timeout(Some(set)).unwrap();
            assert_eq!(socket.user_timeout().unwrap(), got);
        }
        refused("0", socket.set_user_timeout(Some(Duration::ZERO)), "0");
        socket.set_user_timeout(None).unwrap();
        assert_eq!(socket.user_timeout().unwrap(), None);
        let closed = TcpBuilder::new()
            .user_timeout(Duration::ZERO)
            .connect("127.0.0.1:9");
        refused("0 by the builder", closed.map(drop), "0");
    });
}

#[test]
fn a_large_buffer_is_the_largest_there_is() {
    both(|| {
        let most = usize::try_from(i32::MAX).unwrap();
        let ip = Socket::datagram(Domain::IPV4).unwrap();
        let unix = unix::Socket::datagram().unwrap();
        ip.set_recv_buffer_size(most).unwrap();
        ip.set_send_buffer_size(most).unwrap();
        let largest = (
            ip.recv_buffer_size().unwrap(),
            ip.send_buffer_size().unwrap(),
        );
        for size in [1 << 31, 1 << 32, (1 << 32) + 1, usize::MAX] {
            ip.set_recv_buffer_size(size).unwrap();
            ip.set_send_buffer_size(size).unwrap();
            assert_eq!(ip.recv_buffer_size().unwrap(), largest.0, "{size}");
            assert_eq!(ip.send_buffer_size().unwrap(), largest.1, "{size}");
            unix.set_recv_buffer_size(size).unwrap();
            unix.set_send_buffer_size(size).unwrap();
            assert_eq!(unix.recv_buffer_size().unwrap(), largest.0, "{size}");
            assert_eq!(unix.send_buffer_size().unwrap(), largest.1, "{size}");
            let built = UdpBuilder::new()
                .recv_buffer_size(size)
                .send_buffer_size(size)
                .bind("127.0.0.1:0")
                .unwrap();
            assert_eq!(built.socket().recv_buffer_size().unwrap(), largest.0);
            assert_eq!(built.socket().send_buffer_size().unwrap(), largest.1);
        }
    });
}

#[test]
fn hops_and_types_of_service_are_refused_beyond_255() {
    both(|| {
        let v4 = Socket::datagram(Domain::IPV4).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        for much in [256, 0x110, 1 << 31, u32::MAX] {
            refused("ttl", v4.set_ttl(much), "IP_TTL");
            refused("tos", v4.set_tos(much), "IP_TOS");
            refused(
                "multicast_ttl",
                v4.set_multicast_ttl_v4(much),
                "IP_MULTICAST_TTL",
            );
            refused("UdpSocket's", udp.set_ttl(much), "IP_TTL");
            refused(
                "UdpSocket's",
                udp.set_multicast_ttl_v4(much),
                "IP_MULTICAST_TTL",
            );
            let built = |builder: UdpBuilder| builder.bind("127.0.0.1:0").map(drop);
            refused("a builder's", built(UdpBuilder::new().ttl(much)), "IP_TTL");
            refused("a builder's", built(UdpBuilder::new().tos(much)), "IP_TOS");
        }
        v4.set_tos(0xfc).unwrap();
        assert_eq!(v4.tos().unwrap(), 0xfc);
        if !has_ipv6() {
            eprintln!("SKIPPED the IPv6 half: this machine has no ::1");
            return;
        }
        let v6 = Socket::datagram(Domain::IPV6).unwrap();
        for much in [256, 1 << 31, u32::MAX] {
            refused("hops", v6.set_unicast_hops_v6(much), "IPV6_UNICAST_HOPS");
            refused(
                "hops",
                v6.set_multicast_hops_v6(much),
                "IPV6_MULTICAST_HOPS",
            );
            refused("class", v6.set_traffic_class(much), "IPV6_TCLASS");
        }
    });
}

#[test]
fn an_interface_is_one_or_none() {
    both(|| {
        let socket = Socket::datagram(Domain::IPV4).unwrap();
        // The kernel would take the first 15 bytes, or the bytes before the NUL, and an empty name
        // would mean "unbind".
        for name in ["", "lo\0", "lo\0eth0", "lo-and-beyond-all-that"] {
            refused(name, socket.set_bind_device(Some(name)), "is not the name");
            let built = UdpBuilder::new().bind_device(name).bind("127.0.0.1:0");
            refused(name, built.map(drop), "interface");
        }
    });
}

#[test]
fn a_processor_is_a_number_or_none() {
    both(|| {
        let socket = Socket::stream(Domain::IPV4).unwrap();
        assert_eq!(socket.incoming_cpu().unwrap(), None);
        refused("cpu", socket.set_incoming_cpu(u32::MAX), "SO_INCOMING_CPU");
        socket.set_incoming_cpu(0).unwrap();
        assert_eq!(socket.incoming_cpu().unwrap(), Some(0));
        // This is a handle of tc(8), which has the highest bit set.
        match socket.set_priority(0x8001_0001) {
            Ok(()) => assert_eq!(socket.priority().unwrap(), 0x8001_0001),
            Err(e) => assert_eq!(e.kind(), io::ErrorKind::PermissionDenied),
        }
    });
}

/// The kernel counts microseconds, so a nanosecond must become a whole one.
#[test]
fn a_timeout_of_a_call_rounds_up() {
    both(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::new(1, 1))).unwrap();
        // The kernel then rounds up to a tick of its clock, which is longer than a microsecond.
        assert!(socket.read_timeout().unwrap() > Some(Duration::from_secs(1)));
    });
}
