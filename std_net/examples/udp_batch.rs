//! Shows what a datagram costs in three ways: one call for each, one call for many (`sendmmsg`,
//! `recvmmsg`), and one large buffer that the kernel cuts into datagrams and joins again
//! (`UDP_SEGMENT`, `UDP_GRO`, Linux only). It runs over loopback, on one thread.
//!
//! Usage: `udp_batch [DATAGRAMS]`, 320,000 by default. Prints nanoseconds for each datagram.

use std::env;
use std::io;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use std_net::socket::Ancillary;
use std_net::socket::{RecvBatch, SendBatch, SocketAddr, UdpSocket};

/// How many datagrams are under way at a time. A receive buffer holds more, so none is lost.
const BATCH: usize = 32;
/// The size of a datagram in bytes: it fits into a packet of most networks.
const SIZE: usize = 1200;
/// The largest buffer in bytes that the kernel fills when it joins datagrams.
#[cfg(target_os = "linux")]
const LARGEST: usize = 65_535;

fn main() -> io::Result<()> {
    let count = match env::args().nth(1).map(|text| text.parse()) {
        None => 320_000,
        Some(Ok(count)) => count,
        Some(Err(_)) => return Err(io::Error::other("usage: udp_batch [DATAGRAMS]")),
    };
    let rounds = usize::max(count / BATCH, 1);
    let ways: &[(&str, Way)] = &[
        ("one by one", one_by_one),
        ("with one call", with_one_call),
        #[cfg(target_os = "linux")]
        ("in segments", in_segments),
    ];
    for (name, way) in ways {
        let (sender, receiver) = (
            UdpSocket::bind("127.0.0.1:0")?,
            UdpSocket::bind("127.0.0.1:0")?,
        );
        receiver.set_deadline(Duration::from_secs(60));
        receiver.socket().set_recv_buffer_size(1 << 20)?;
        let begin = Instant::now();
        let bytes = way(&sender, &receiver, receiver.local_addr()?, rounds)?;
        let each = begin.elapsed().as_nanos() / (rounds * BATCH) as u128;
        if bytes != rounds * BATCH * SIZE {
            return Err(io::Error::other(format!("{name}: {bytes} bytes came")));
        }
        println!("{name}: {each} ns");
    }
    Ok(())
}

/// Sends and receives this many batches. Returns how many bytes came.
type Way = fn(&UdpSocket, &UdpSocket, SocketAddr, usize) -> io::Result<usize>;

fn one_by_one(
    sender: &UdpSocket,
    receiver: &UdpSocket,
    to: SocketAddr,
    rounds: usize,
) -> io::Result<usize> {
    let mut buf = [0; SIZE];
    let mut bytes = 0;
    for _ in 0..rounds {
        for _ in 0..BATCH {
            sender.send_to(&buf, to)?;
        }
        for _ in 0..BATCH {
            bytes += receiver.recv_from(&mut buf)?.0;
        }
    }
    Ok(bytes)
}

fn with_one_call(
    sender: &UdpSocket,
    receiver: &UdpSocket,
    to: SocketAddr,
    rounds: usize,
) -> io::Result<usize> {
    let (mut out, mut came) = (SendBatch::new(), RecvBatch::new(BATCH, SIZE));
    let mut bytes = 0;
    for _ in 0..rounds {
        for _ in 0..BATCH {
            out.push_to(&[0; SIZE], to);
        }
        while !out.is_empty() {
            sender.send_many(&mut out)?;
        }
        let mut left = BATCH;
        while left > 0 {
            left -= receiver.recv_many(&mut came)?;
            bytes += came.iter().map(|(data, _)| data.len()).sum::<usize>();
        }
    }
    Ok(bytes)
}

#[cfg(target_os = "linux")]
fn in_segments(
    sender: &UdpSocket,
    receiver: &UdpSocket,
    to: SocketAddr,
    rounds: usize,
) -> io::Result<usize> {
    receiver.socket().set_gro(true)?;
    let cut = Ancillary::new().segment_size(SIZE as u16);
    let data = [0; BATCH * SIZE];
    let mut buf = vec![0; LARGEST];
    let mut bytes = 0;
    for _ in 0..rounds {
        sender.send_ancillary_to(&data, &cut, to)?;
        let mut left = BATCH;
        while left > 0 {
            let received = receiver.recv_ancillary(&mut buf)?;
            for datagram in received.segments(&buf[..received.len]) {
                bytes += datagram.len();
                left -= 1;
            }
        }
    }
    Ok(bytes)
}
