//! Do channels give back what they hold: descriptors when both halves are gone, and buffers while they
//! wait?

use std::sync::{MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use std_net::channel::{Connected, Packets, ReadChannel};
use std_net::process;
use std_net::socket::UdpSocket;
use std_net::unix::UnixStream;
use std_net_tests::{
    ALONE, LIMIT, both, descriptor_limit, descriptors, resident, tcp_pair, within,
};

/// Makes sure that no other test of this OS process opens or keeps anything, and that the runtime has
/// started.
fn alone() -> MutexGuard<'static, ()> {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    process::spawn(|| ()).join().unwrap();
    guard
}

#[test]
fn the_connection_is_closed_when_both_halves_are_gone() {
    fn check<S: Connected>(a: S, b: S) {
        let before = descriptors();
        let read = a.open_read_channel().unwrap();
        let write = a.open_write_channel(false).unwrap();
        assert_eq!(descriptors(), before + 1, "the halves share one descriptor");
        drop(a);
        assert_eq!(descriptors(), before);
        let (done, gone) = process::channel::unbounded();
        let also = done.clone();
        process::spawn(move || {
            drop(read);
            done.send(()).unwrap();
        });
        process::spawn(move || {
            drop(write);
            also.send(()).unwrap();
        });
        gone.recv().unwrap();
        gone.recv().unwrap();
        assert_eq!(descriptors(), before - 1);
        let (read, write) = b.into_channels(true).unwrap();
        assert_eq!(descriptors(), before - 1, "this way needs no other");
        drop(write);
        drop(read);
        assert_eq!(descriptors(), before - 2);
    }
    let _alone = alone();
    both(|| {
        let (a, b) = tcp_pair();
        check(a, b);
        let (a, b) = UnixStream::pair().unwrap();
        check(a, b);
    });
}

#[test]
fn two_ends_in_two_processes_and_closed_when_both_are_gone() {
    let _alone = alone();
    both(|| {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let before = descriptors();
        let (mut incoming, outgoing) = server.into_packet_channels();
        let (queue, answers) = process::channel::bounded::<(Vec<u8>, std::net::SocketAddr)>(1);
        let receiver = process::spawn(move || {
            for _ in 0..3 {
                queue.send(incoming.recv().unwrap()).unwrap();
            }
        });
        let also = outgoing.clone();
        let sender = process::spawn(move || {
            while let Ok((data, to)) = answers.recv() {
                outgoing.send(&data, &to).unwrap();
            }
        });
        for text in ["a", "bc", "def"] {
            client.send_to(text.as_bytes(), address).unwrap();
            let (data, from) = client.packets().next().unwrap().unwrap();
            assert_eq!((data, from), (text.into(), address));
        }
        receiver.join().unwrap();
        sender.join().unwrap();
        // One sender is left.
        assert_eq!(also.socket().local_addr().unwrap(), address);
        drop(also);
        assert!(descriptors() < before, "the socket is still open");
    });
}

/// Measures the memory of a program with many connections that wait. If each had a buffer, that would
/// be 16 KiB each.
#[test]
fn an_idle_channel_has_no_buffer() {
    const CHANNELS: usize = 2000;
    let _alone = alone();
    if descriptor_limit() < 2 * CHANNELS + 200 {
        eprintln!("SKIPPED: too few descriptors");
        return;
    }
    let run = |mut idle: Box<dyn FnMut(ReadChannel<UnixStream>) + Send>| {
        let pairs: Vec<_> = (0..CHANNELS).map(|_| UnixStream::pair().unwrap()).collect();
        let mut peers = Vec::new();
        for (a, b) in pairs {
            peers.push(a);
            idle(b.into_channels(false).unwrap().0);
        }
        peers
    };
    // Each channel has received its line, and waits for the next one.
    let before = resident();
    let (one, waiting) = mpsc::channel();
    let (handles, joined) = mpsc::channel();
    let peers = run(Box::new(move |mut read| {
        let one = one.clone();
        let process = process::spawn(move || {
            assert_eq!(read.read_utf8_line(80).unwrap(), Some("first"));
            one.send(()).unwrap();
            assert_eq!(read.read_utf8_line(80).unwrap(), Some("second"));
        });
        handles.send(process).unwrap();
    }));
    for peer in &peers {
        peer.write_string("first\n").unwrap();
    }
    for _ in 0..CHANNELS {
        waiting.recv().unwrap();
    }
    // Each process runs until it waits, and the next one uses the memory that it gives back.
    let each = within(LIMIT, || {
        loop {
            let each = resident().saturating_sub(before) / CHANNELS;
            if each < 15_000 {
                return each;
            }
            process::sleep(Duration::from_millis(10));
        }
    });
    eprintln!("{each} bytes a waiting process with its channel and both ends of a connection");
    for peer in &peers {
        peer.write_string("second\n").unwrap();
    }
    for process in joined {
        process.join().unwrap();
    }
}
