//! Is a message with more slices than a call can take refused, instead of cut? On a stream it is a
//! short write.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};

use std_net::socket::UdpSocket;
use std_net::unix::{Ancillary, Socket, Type, UnixStream};
use std_net_tests::both;

/// One more than `UIO_MAXIOV`.
const MANY: usize = 1025;

fn is_too_many<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
}

#[test]
fn a_message_is_whole_or_refused() {
    both(|| {
        for ty in [Type::DGRAM, Type::SEQPACKET] {
            let (a, b) = Socket::pair(ty).unwrap();
            let slices: Vec<_> = (0..MANY).map(|_| IoSlice::new(b"x")).collect();
            is_too_many((&a).write_vectored(&slices));
            is_too_many(a.send_message(&slices, None, &Ancillary::new()));
            assert_eq!((&a).write_vectored(&slices[1..]).unwrap(), MANY - 1);
            assert_eq!(
                a.send_message(&slices[1..], None, &Ancillary::new())
                    .unwrap(),
                MANY - 1
            );
            // Too many slices for receiving lose nothing of a message.
            let mut room = [0; MANY];
            let mut bufs: Vec<_> = room.chunks_mut(1).map(IoSliceMut::new).collect();
            is_too_many((&b).read_vectored(&mut bufs));
            is_too_many(b.recv_message(&mut bufs, 0));
            assert_eq!((&b).read_vectored(&mut bufs[1..]).unwrap(), MANY - 1);
            assert_eq!(b.recv_message(&mut bufs[1..], 0).unwrap().len, MANY - 1);
        }
    });
}

#[test]
fn a_udp_datagram_is_whole_or_refused() {
    both(|| {
        let a = UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        a.connect(b.local_addr().unwrap()).unwrap();
        let slices: Vec<_> = (0..MANY).map(|_| IoSlice::new(b"x")).collect();
        is_too_many(a.socket().write_vectored(&slices));
        assert_eq!(a.socket().write_vectored(&slices[1..]).unwrap(), MANY - 1);
        assert_eq!(b.recv(&mut [0; 2 * MANY]).unwrap(), MANY - 1);
    });
}

#[test]
fn a_stream_takes_what_one_call_takes() {
    both(|| {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        let slices: Vec<_> = (0..MANY).map(|_| IoSlice::new(b"xy")).collect();
        assert_eq!(a.write_vectored(&slices).unwrap(), 2 * (MANY - 1));
        let mut room = [0; MANY];
        let mut bufs: Vec<_> = room.chunks_mut(1).map(IoSliceMut::new).collect();
        assert_eq!(b.read_vectored(&mut bufs).unwrap(), MANY - 1);
    });
}
