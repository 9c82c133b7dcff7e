//! Do datagram sockets work as iterators of (data, sender), and as two ends in two processes?

use std::io::ErrorKind;
use std::time::Duration;

use std_net::channel::{Packets, TooLong};
use std_net::process;
use std_net::socket::UdpSocket;
use std_net::unix::UnixDatagram;
use std_net_tests::{TempPath, both, each_ip};

#[test]
fn the_iterator_gives_data_and_sender() {
    both(|| {
        each_ip(|any| {
            let a = UdpSocket::bind(any).unwrap();
            let b = UdpSocket::bind(any).unwrap();
            let from = a.local_addr().unwrap();
            for text in ["one", "", "three"] {
                a.send_to(text.as_bytes(), b.local_addr().unwrap()).unwrap();
            }
            let got: Vec<_> = b.packets().take(3).map(Result::unwrap).collect();
            assert_eq!(
                got,
                [
                    (b"one".to_vec(), from),
                    (Vec::new(), from),
                    (b"three".to_vec(), from)
                ]
            );
        });
    });
}

#[test]
fn a_packet_above_the_limit_is_an_error_and_the_next_one_is_there() {
    both(|| {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = b.local_addr().unwrap();
        for len in [4, 5, 4] {
            a.send_to(&vec![7; len], to).unwrap();
        }
        let mut packets = b.packets().limit(4);
        assert_eq!(packets.next().unwrap().unwrap().0, [7; 4]);
        let error = packets.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.get_ref().unwrap().is::<TooLong>());
        assert_eq!(packets.next().unwrap().unwrap().0, [7; 4]);
    });
}

#[test]
fn the_largest_udp_packet_fits() {
    both(|| {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        let data: Vec<u8> = (0..65_507_u32).map(|i| i as u8).collect();
        a.send_to(&data, b.local_addr().unwrap()).unwrap();
        assert_eq!(b.packets().next().unwrap().unwrap().0, data);
    });
}

#[test]
fn a_deadline_is_an_item() {
    both(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_deadline(Duration::from_millis(2));
        let error = socket.packets().next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn unix_datagrams_too() {
    both(|| {
        let (path_a, path_b) = (TempPath::new(), TempPath::new());
        let a = UnixDatagram::bind(&path_a).unwrap();
        let b = UnixDatagram::bind(&path_b).unwrap();
        let (incoming, outgoing) = b.into_packet_channels();
        let echo = process::spawn(move || {
            for packet in incoming.limit(100).take(2) {
                let (data, from) = packet.unwrap();
                outgoing.send(&data, &from).unwrap();
            }
        });
        for text in ["one", "two"] {
            a.send_to(text.as_bytes(), &path_b).unwrap();
            let (data, from) = a.packets().next().unwrap().unwrap();
            assert_eq!(data, text.as_bytes());
            assert_eq!(from.as_pathname(), Some(&*path_b));
        }
        echo.join().unwrap();
    });
}
