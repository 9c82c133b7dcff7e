//! Are the interfaces of the host found with their addresses, by name and by index?

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use std_net::interfaces;
use std_net::socket::UdpSocket;
use std_net_tests::{both, has_ipv6};

#[test]
fn the_loopback_is_there_with_its_addresses() {
    both(|| {
        let all = interfaces::list().unwrap();
        let lo = all
            .iter()
            .find(|one| one.name == "lo")
            .expect("every host has it");
        assert!(lo.loopback);
        assert_ne!(lo.index, 0);
        let of = |ip: IpAddr| lo.addresses.iter().find(|one| one.ip == ip);
        let v4 = of(Ipv4Addr::LOCALHOST.into()).expect("127.0.0.1");
        assert_eq!(
            (v4.prefix_len, v4.broadcast.is_some_and(|b| b.is_ipv6())),
            (8, false)
        );
        if has_ipv6() {
            assert_eq!(of(Ipv6Addr::LOCALHOST.into()).expect("::1").prefix_len, 128);
        }
        // Each interface occurs once, in order, and its addresses can be bound.
        assert!(all.windows(2).all(|two| two[0].index < two[1].index));
        for ip in all.iter().flat_map(|one| &one.addresses).map(|one| one.ip) {
            if ip.is_ipv4() {
                UdpSocket::bind((ip, 0)).unwrap();
            }
        }
    });
}

#[test]
fn names_and_indices() {
    both(|| {
        for one in interfaces::list().unwrap() {
            assert_eq!(interfaces::index(&one.name).unwrap(), one.index);
            assert_eq!(interfaces::name(one.index).unwrap(), one.name);
        }
        let error = interfaces::index("no-such-one").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
        assert_eq!(
            interfaces::index("lo\0x").unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        let error = interfaces::name(u32::MAX).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENXIO));
    });
}

/// The index works where a call needs an index.
#[test]
fn a_group_is_joined_on_an_interface() {
    if !has_ipv6() {
        eprintln!("SKIPPED: this machine has no ::1");
        return;
    }
    both(|| {
        let socket = UdpSocket::bind("[::]:0").unwrap();
        let lo = interfaces::index("lo").unwrap();
        let group = "ff02::114".parse().unwrap();
        socket.join_multicast_v6(&group, lo).unwrap();
        socket.leave_multicast_v6(&group, lo).unwrap();
    });
}
