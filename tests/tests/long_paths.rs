//! A sender's path may be one byte longer than std's constructor accepts. Does this lose a connection
//! or a message? The kernel allows 108 bytes, without a zero byte behind them.

use std::fs;
use std::io::{self, IoSliceMut, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use std_net::channel::Packets;
use std_net::process;
use std_net::server::Server;
use std_net::unix::{
    RecvBatch, Socket, SocketAddr, Type, UnixDatagram, UnixListener, UnixSeqpacketListener,
    UnixStream,
};
use std_net_tests::{TempPath, both};

const LONGEST: usize = 108;

/// Makes a directory, and a path in it of exactly 108 bytes.
fn long_path() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let used = dir.path().as_os_str().len() + 1;
    let path = dir.path().join("x".repeat(LONGEST - used));
    assert_eq!(path.as_os_str().len(), LONGEST);
    (dir, path)
}

/// Binds to such a path, which std's constructor would refuse.
fn bind_long(socket: &impl AsRawFd, path: &Path) {
    // SAFETY: all-zero is a valid address.
    let mut addr: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    addr.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in addr.sun_path.iter_mut().zip(path.as_os_str().as_bytes()) {
        *to = *from as libc::c_char;
    }
    let len = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: the pointer is to a live address of that length.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const addr).cast(), len) };
    assert_eq!(bound, 0, "{}", io::Error::last_os_error());
}

fn is_long(addr: &SocketAddr, path: &Path) {
    assert_eq!(addr.as_pathname(), Some(path));
}

#[test]
fn a_connection_from_a_long_path_is_accepted() {
    both(|| {
        let (_dir, path) = long_path();
        let at = TempPath::new();
        let listener = UnixListener::bind(&at).unwrap();
        for try_it in [false, true] {
            let client = Socket::stream().unwrap();
            bind_long(&client, &path);
            is_long(&client.local_addr().unwrap(), &path);
            client.connect(&listener.local_addr().unwrap()).unwrap();
            client.send(b"hello").unwrap();
            let (stream, peer) = if try_it {
                listener.try_accept().unwrap()
            } else {
                listener.accept().unwrap()
            };
            is_long(&peer, &path);
            is_long(&stream.peer_addr().unwrap(), &path);
            // `recvfrom(2)` returns the same for the sender of a stream.
            let mut buf = [0; 5];
            let (n, from) = stream.socket().recv_from(&mut buf).unwrap();
            is_long(&from, &path);
            assert_eq!(&buf[..n], b"hello");
            fs::remove_file(&path).unwrap();
        }
        let at = TempPath::new();
        let listener =
            UnixSeqpacketListener::bind_addr(&SocketAddr::from_pathname(&at).unwrap()).unwrap();
        let client = Socket::seqpacket().unwrap();
        bind_long(&client, &path);
        client.connect(&listener.local_addr().unwrap()).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        is_long(&peer, &path);
        is_long(&socket.peer_addr().unwrap(), &path);
    });
}

#[test]
fn a_long_path_ends_no_server() {
    both(|| {
        let (_dir, path) = long_path();
        let at = TempPath::new();
        let server = Server::new(UnixListener::bind(&at).unwrap()).unwrap();
        let handle = server.handle();
        let running = process::spawn(move || {
            server.run(|mut stream: UnixStream| {
                let mut buf = [0; 4];
                stream.read_exact(&mut buf)?;
                stream.write_all(&buf)
            })
        });
        let client = Socket::stream().unwrap();
        bind_long(&client, &path);
        client
            .connect(&SocketAddr::from_pathname(&at).unwrap())
            .unwrap();
        let mut client = UnixStream::from(client);
        client.write_all(b"ping").unwrap();
        client.read_exact(&mut [0; 4]).unwrap();
        handle.shutdown(Duration::from_secs(60));
        assert_eq!(running.join().unwrap().unwrap().served, 1);
    });
}

#[test]
fn a_message_from_a_long_path_comes_and_can_be_answered() {
    both(|| {
        let (_dir, path) = long_path();
        let at = TempPath::new();
        let receiver = UnixDatagram::bind(&at).unwrap();
        let sender = Socket::new(Type::DGRAM).unwrap();
        bind_long(&sender, &path);
        sender.connect(&receiver.local_addr().unwrap()).unwrap();
        let mut buf = [0; 16];
        // These are all the ways that return the sender.
        sender.send(b"one").unwrap();
        is_long(&receiver.peek_from(&mut buf).unwrap().1, &path);
        let (n, from) = receiver.recv_from(&mut buf).unwrap();
        assert_eq!(&buf[..n], b"one");
        is_long(&from, &path);
        sender.send(b"two").unwrap();
        is_long(&receiver.try_recv_from(&mut buf).unwrap().1, &path);
        sender.send(b"three").unwrap();
        let received = receiver.recv_ancillary(&mut buf, 0).unwrap();
        is_long(&received.from, &path);
        sender.send(b"four").unwrap();
        let mut bufs = [IoSliceMut::new(&mut buf)];
        is_long(
            &receiver.socket().recv_message(&mut bufs, 0).unwrap().from,
            &path,
        );
        sender.send(b"five").unwrap();
        sender.send(b"six").unwrap();
        let mut batch = RecvBatch::new(4, 16);
        assert_eq!(receiver.recv_many(&mut batch).unwrap(), 2);
        for (_, received) in batch.iter() {
            is_long(&received.from, &path);
        }
        sender.send(b"seven").unwrap();
        let (data, packet_from) = receiver.packets().next().unwrap().unwrap();
        assert_eq!(data, b"seven");
        is_long(&packet_from, &path);
        // The answer goes back to this address.
        assert_eq!(receiver.send_to_addr(b"back", &from).unwrap(), 4);
        assert_eq!(sender.recv(&mut buf).unwrap(), 4);
        receiver.connect_addr(&from).unwrap();
        is_long(&receiver.peer_addr().unwrap(), &path);
        receiver.send(b"back").unwrap();
        assert_eq!(sender.recv(&mut buf).unwrap(), 4);
    });
}

#[test]
fn a_sender_that_is_gone_is_named_too() {
    both(|| {
        let (_dir, path) = long_path();
        let at = TempPath::new();
        let receiver = UnixDatagram::bind(&at).unwrap();
        let sender = Socket::new(Type::DGRAM).unwrap();
        bind_long(&sender, &path);
        sender
            .send_to(b"last words", &receiver.local_addr().unwrap())
            .unwrap();
        drop(sender);
        let mut buf = [0; 16];
        let (n, from) = receiver.recv_from(&mut buf).unwrap();
        assert_eq!(&buf[..n], b"last words");
        is_long(&from, &path);
    });
}
