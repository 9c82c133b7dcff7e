//! Does the file of a Unix socket stay as long as the socket is open, and is the file of a live server
//! never taken?

use std::fs;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener as StdListener;
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::thread;

use std_net::activation;
use std_net::process;
use std_net::unix::{
    Socket, SocketAddr, UnixBuilder, UnixDatagram, UnixListener, UnixSeqpacket, UnixStream,
};
use std_net_tests::{TempPath, both};

fn owned() -> UnixBuilder {
    UnixBuilder::new().unlink_on_drop(true)
}

fn addr(path: &TempPath) -> SocketAddr {
    SocketAddr::from_pathname(path).unwrap()
}

/// Makes a file that a dead server has left behind.
fn leave_stale(path: &TempPath) {
    let _ = fs::remove_file(path);
    drop(StdListener::bind(path).unwrap());
    assert!(path.exists());
}

#[test]
fn the_file_stays_as_long_as_there_is_a_handle() {
    both(|| {
        let path = TempPath::new();
        let first = owned().listen(&path).unwrap();
        let second = first.try_clone().unwrap();
        let low = second.socket().try_clone().unwrap();
        drop(first);
        assert!(path.exists());
        UnixStream::connect(&path).unwrap();
        drop(second);
        assert!(path.exists());
        let stream = UnixStream::connect(&path).unwrap();
        low.accept().unwrap();
        drop(stream);
        // The same socket becomes one of our types.
        let again = UnixListener::from(low);
        assert!(path.exists());
        drop(again);
        assert!(!path.exists(), "it goes with the last");
    });
}

#[test]
fn of_every_kind_of_socket_it_goes_with_it() {
    both(|| {
        let path = TempPath::new();
        let seqpacket = owned().listen_seqpacket(&addr(&path)).unwrap();
        let clone = seqpacket.try_clone().unwrap();
        drop(seqpacket);
        UnixSeqpacket::connect_addr(&addr(&path)).unwrap();
        drop(clone);
        assert!(!path.exists());
        let datagram = owned().datagram(&path).unwrap();
        let clone = datagram.try_clone().unwrap();
        drop(datagram);
        UnixDatagram::unbound()
            .unwrap()
            .send_to(b"x", &path)
            .unwrap();
        drop(clone);
        assert!(!path.exists());
        // Nothing asked for the removal, so the file stays.
        drop(UnixBuilder::new().listen(&path).unwrap());
        assert!(path.exists());
    });
}

#[test]
fn it_stays_when_the_descriptor_goes_elsewhere() {
    both(|| {
        let path = TempPath::new();
        let fd = OwnedFd::from(owned().listen(&path).unwrap());
        assert!(path.exists());
        drop(fd);
        fs::remove_file(&path).unwrap();

        let std = StdListener::from(owned().listen(&path).unwrap());
        assert!(path.exists());
        drop(std);
        fs::remove_file(&path).unwrap();

        // A new server has it, so the file stays, whatever happens to this listener.
        let listener = owned().listen(&path).unwrap();
        let mut command = Command::new("true");
        activation::pass(&mut command, &[("web", &listener)]).unwrap();
        drop(listener);
        assert!(path.exists());
    });
}

#[test]
fn another_ones_file_is_left_alone() {
    both(|| {
        let path = TempPath::new();
        let first = owned().listen(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = UnixBuilder::new().listen(&path).unwrap();
        drop(first);
        assert!(path.exists());
        UnixStream::connect(&path).unwrap();
        drop(second);
    });
}

#[test]
fn one_that_does_not_listen_yet_is_alive() {
    both(|| {
        let stale = UnixBuilder::new().rebind_stale(true);
        let in_use = |result: std::io::Result<UnixListener>| {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::AddrInUse);
        };
        let path = TempPath::new();
        let starting = Socket::stream().unwrap();
        starting.bind(&addr(&path)).unwrap();
        in_use(stale.listen(&path));
        starting.listen(1).unwrap();
        in_use(stale.listen(&path));
        // The builder has not disturbed it: its queue has no connection.
        starting.set_nonblocking(true).unwrap();
        assert_eq!(starting.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        // A listener that has stopped keeps its file too, as long as it is open.
        starting.shutdown(std::net::Shutdown::Both).unwrap();
        in_use(stale.listen(&path));
        drop(starting);
        stale.listen(&path).unwrap();

        // This is true for other types of sockets too.
        fs::remove_file(&path).unwrap();
        let datagram = UnixDatagram::bind(&path).unwrap();
        in_use(stale.listen(&path));
        drop(datagram);
        let listener = stale.listen(&path).unwrap();
        assert_eq!(
            stale.datagram(&path).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
        drop(listener);
        stale.datagram(&path).unwrap();

        // This file is no socket.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        in_use(stale.listen(&path));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    });
}

#[test]
fn of_many_starters_one_wins() {
    const STARTERS: usize = 8;
    both(|| {
        for _ in 0..40 {
            let path = Arc::new(TempPath::new());
            leave_stale(&path);
            let start = Arc::new(Barrier::new(STARTERS));
            let starters: Vec<_> = (0..STARTERS)
                .map(|_| {
                    let (path, start) = (Arc::clone(&path), Arc::clone(&start));
                    thread::spawn(move || {
                        start.wait();
                        owned().rebind_stale(true).listen(&*path)
                    })
                })
                .collect();
            let mut won = Vec::new();
            for starter in starters {
                match starter.join().unwrap() {
                    Ok(listener) => won.push(listener),
                    Err(e) => assert_eq!(e.kind(), ErrorKind::AddrInUse, "{e}"),
                }
            }
            assert_eq!(won.len(), 1);
            UnixStream::connect(&*path).unwrap();
        }
    });
}

/// The file is removed before the socket is closed, so the file of a server that starts next cannot be
/// removed.
#[test]
fn a_successors_file_is_not_removed() {
    both(|| {
        let path = Arc::new(TempPath::new());
        let mut first = Some(owned().rebind_stale(true).listen(&*path).unwrap());
        for _ in 0..200 {
            let theirs = Arc::clone(&path);
            let starter = thread::spawn(move || {
                loop {
                    match owned().rebind_stale(true).listen(&*theirs) {
                        Ok(listener) => return listener,
                        Err(e) => assert_eq!(e.kind(), ErrorKind::AddrInUse, "{e}"),
                    }
                }
            });
            drop(first.take());
            let second = starter.join().unwrap();
            UnixStream::connect(&*path).unwrap();
            first = Some(second);
        }
    });
}

#[test]
fn a_locked_directory_parks_a_process() {
    both(|| {
        let directory = TempPath::new();
        fs::create_dir(&directory).unwrap();
        let path = directory.join("a.sock");
        drop(StdListener::bind(&path).unwrap());
        let lock = fs::File::open(&directory).unwrap();
        lock.lock().unwrap();
        let theirs = path.clone();
        let starter = process::spawn(move || UnixBuilder::new().rebind_stale(true).listen(&theirs));
        // Meanwhile the worker is free for other processes.
        process::spawn(|| ()).join().unwrap();
        drop(lock);
        let listener = starter.join().unwrap().unwrap();
        assert!(listener.as_fd().try_clone_to_owned().is_ok());
        drop(listener);
        fs::remove_file(&path).unwrap();
        fs::remove_dir(&directory).unwrap();
    });
}
