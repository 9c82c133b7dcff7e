//! What do `read_string` and similar methods do if text does not end where the data end?

use std::io::{ErrorKind, Write};
use std::string::FromUtf8Error;
use std::thread;
use std::time::Duration;

use std_net::socket::UdpSocket;
use std_net::unix::{UnixDatagram, UnixStream};
use std_net_tests::{both, in_time, tcp_pair};

/// Returns the bytes that an error of `read_string` keeps.
fn kept(error: &std::io::Error) -> Vec<u8> {
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    let inner = error.get_ref().unwrap();
    inner
        .downcast_ref::<FromUtf8Error>()
        .unwrap()
        .as_bytes()
        .to_vec()
}

#[test]
fn a_character_cut_off_by_the_size_is_read_to_its_end() {
    both(|| {
        let (a, b) = tcp_pair();
        let text = "aé€😀z";
        for size in 1..=text.len() {
            a.write_string(text).unwrap();
            let mut got = String::new();
            while got.len() < text.len() {
                let more = b.read_string(size).unwrap();
                assert!(more.len() <= size + 3, "{size}: {more}");
                got += &more;
            }
            assert_eq!(got, text);
        }
        let (a, b) = UnixStream::pair().unwrap();
        a.write_string("€€").unwrap();
        assert_eq!(b.read_string(4).unwrap(), "€€");
    });
}

#[test]
fn a_character_cut_off_by_the_network_is_waited_for() {
    both(|| {
        let (a, b) = tcp_pair();
        let writer = thread::spawn(move || {
            a.set_nodelay(true).unwrap();
            for byte in "€".as_bytes() {
                a.write_bytes(&[*byte]).unwrap();
                thread::sleep(Duration::from_millis(2));
            }
            a
        });
        assert_eq!(b.read_string(100).unwrap(), "€");
        drop(writer.join().unwrap());
        assert_eq!(b.read_string(100).unwrap(), "");
    });
}

#[test]
fn half_a_character_at_the_end_is_an_error_that_keeps_it() {
    both(|| {
        let (a, b) = tcp_pair();
        a.write_bytes(&"ab€".as_bytes()[..4]).unwrap();
        drop(a);
        let error = b.read_string(100).unwrap_err();
        assert_eq!(kept(&error), b"ab\xe2\x82");
        assert_eq!(b.read_string(100).unwrap(), "");
    });
}

#[test]
fn half_a_character_at_the_deadline_is_an_error_that_keeps_it() {
    both(|| {
        let (a, b) = tcp_pair();
        a.write_bytes(b"\xe2").unwrap();
        let error = in_time(Duration::from_millis(30), |time| {
            b.set_deadline(time);
            let error = b.read_string(100).unwrap_err();
            // If the deadline passed before the read, nothing was taken.
            (error.kind() != ErrorKind::TimedOut).then_some(error)
        });
        assert_eq!(kept(&error), b"\xe2");
        assert_eq!(
            b.read_string(100).unwrap_err().kind(),
            ErrorKind::TimedOut,
            "and then the deadline itself"
        );
        b.reset_deadline();
        a.write_bytes(b"\x82\xac").unwrap();
        let mut rest = Vec::new();
        assert_eq!(b.read_bytes(&mut rest, 100).unwrap(), 2);
        assert_eq!(rest, b"\x82\xac");
    });
}

#[test]
fn bytes_that_are_no_text_are_an_error_that_keeps_them() {
    both(|| {
        let (a, b) = tcp_pair();
        a.write_bytes(b"ok\xffno").unwrap();
        assert_eq!(kept(&b.read_string(100).unwrap_err()), b"ok\xffno");
        a.write_string("on").unwrap();
        assert_eq!(b.read_string(100).unwrap(), "on");
    });
}

#[test]
fn messages_stay_apart_and_a_cut_one_is_an_error() {
    both(|| {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        a.connect(b.local_addr().unwrap()).unwrap();
        for text in ["é", "", "two"] {
            a.write_string(text).unwrap();
        }
        assert_eq!(kept(&b.read_string(1).unwrap_err()), "é".as_bytes()[..1]);
        assert_eq!(b.read_string(10).unwrap(), "");
        assert_eq!(b.read_string(10).unwrap(), "two");
        let (a, b) = UnixDatagram::pair().unwrap();
        a.write_string("one").unwrap();
        a.write_bytes(b"two").unwrap();
        assert_eq!(b.read_string(10).unwrap(), "one");
        assert_eq!(b.read_string(2).unwrap(), "tw");
    });
}

#[test]
fn read_bytes_adds_to_what_is_there_and_leaves_it_on_an_error() {
    both(|| {
        let (mut a, b) = tcp_pair();
        let mut buf = b"before".to_vec();
        b.set_deadline(Duration::from_millis(5));
        assert_eq!(
            b.read_bytes(&mut buf, 10).unwrap_err().kind(),
            ErrorKind::TimedOut
        );
        assert_eq!(buf, b"before");
        b.reset_deadline();
        a.write_all(b"12345").unwrap();
        assert_eq!(b.read_bytes(&mut buf, 3).unwrap(), 3);
        assert_eq!(b.read_bytes(&mut buf, 3).unwrap(), 2);
        assert_eq!(buf, b"before12345");
        drop(a);
        assert_eq!(b.read_bytes(&mut buf, 3).unwrap(), 0);
        assert_eq!(buf, b"before12345");
    });
}

#[test]
fn a_size_beyond_all_memory_is_an_error() {
    both(|| {
        let (a, b) = tcp_pair();
        a.write_string("x").unwrap();
        let mut buf = vec![1];
        for size in [usize::MAX, isize::MAX as usize] {
            let error = b.read_bytes(&mut buf, size).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OutOfMemory);
            assert_eq!(
                b.read_string(size).unwrap_err().kind(),
                ErrorKind::OutOfMemory
            );
        }
        assert_eq!(buf, [1]);
        assert_eq!(b.read_string(1).unwrap(), "x");
    });
}
