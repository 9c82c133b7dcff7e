//! Does a sender to a Unix datagram socket with a full queue wait without using the processor, and go
//! on when there is room? The readiness of the sender says nothing about that queue.

use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use std_net::channel::Packets;
use std_net::process;
use std_net::unix::{Ancillary, SendBatch, SocketAddr, UnixDatagram};
use std_net_tests::{TempPath, again, both, is_again, rests};

struct Full {
    at: TempPath,
    receiver: UnixDatagram,
    sender: UnixDatagram,
    /// How many datagrams fill the queue.
    sent: usize,
}

impl Full {
    fn new() -> Full {
        let at = TempPath::new();
        let receiver = UnixDatagram::bind(&at).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let mut sent = 0;
        while sender.try_send_to(b"x", &addr(&at)).is_ok() {
            sent += 1;
        }
        Full {
            at,
            receiver,
            sender,
            sent,
        }
    }
}

fn addr(at: &TempPath) -> SocketAddr {
    SocketAddr::from_pathname(at).unwrap()
}

type Send = fn(&UnixDatagram, &SocketAddr) -> std::io::Result<()>;

/// All ways to send to an address.
const WAYS: [Send; 5] = [
    |s, to| s.send_to_addr(b"y", to).map(drop),
    |s, to| s.send_ancillary_to(b"y", &Ancillary::new(), to).map(drop),
    |s, to| {
        let bufs = [IoSlice::new(b"y")];
        s.socket()
            .send_message(&bufs, Some(to), &Ancillary::new())
            .map(drop)
    },
    |s, to| {
        let mut batch = SendBatch::new();
        batch.push_to(b"y", to)?;
        s.send_many(&mut batch).map(drop)
    },
    |s, to| s.transmit(b"y", to),
];

#[test]
fn who_waits_for_a_full_receiver_does_not_spin() {
    if !is_again() {
        let output = again("who_waits_for_a_full_receiver_does_not_spin", &[]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    both(|| {
        for way in WAYS {
            let full = Full::new();
            let error = rests(|| {
                full.sender.set_deadline(Duration::from_millis(200));
                way(&full.sender, &addr(&full.at)).unwrap_err()
            });
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        }
    });
}

#[test]
fn it_goes_on_when_there_is_room() {
    both(|| {
        for way in WAYS {
            for deadline in [None, Some(Duration::from_secs(3600))] {
                let full = Full::new();
                if let Some(deadline) = deadline {
                    full.sender.set_deadline(deadline);
                }
                let (receiver, sent) = (full.receiver, full.sent);
                let reader = process::spawn(move || {
                    process::sleep(Duration::from_millis(5));
                    let mut got = Vec::new();
                    for _ in 0..=sent {
                        let mut buf = [0];
                        receiver.recv(&mut buf).unwrap();
                        got.push(buf[0]);
                    }
                    got
                });
                way(&full.sender, &addr(&full.at)).unwrap();
                let mut expected = vec![b'x'; sent];
                expected.push(b'y');
                assert_eq!(reader.join().unwrap(), expected);
            }
        }
    });
}

#[test]
fn its_timeout_its_mode_and_a_cancel_hold() {
    both(|| {
        for way in WAYS {
            let full = Full::new();
            full.sender
                .set_write_timeout(Some(Duration::from_millis(5)))
                .unwrap();
            let error = way(&full.sender, &addr(&full.at)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
            full.sender.set_write_timeout(None).unwrap();
            full.sender.set_nonblocking(true).unwrap();
            let error = way(&full.sender, &addr(&full.at)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
            full.sender.set_nonblocking(false).unwrap();
            let to = addr(&full.at);
            let sender = Arc::new(full.sender);
            let waiting = process::spawn(move || way(&sender, &to).unwrap_err());
            process::sleep(Duration::from_millis(5));
            waiting.cancel();
            let error = waiting.join().unwrap();
            assert!(process::is_cancelled(&error), "{error}");
        }
    });
}
