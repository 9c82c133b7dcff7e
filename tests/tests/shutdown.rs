//! Does a shutdown end what waits, also where the kernel is shy about it?

use std::io::ErrorKind;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};
use std_net::unix::UnixDatagram;
use std_net_tests::both;

/// The kernel tells a call that would not wait nothing of a shutdown of the read side.
#[test]
fn a_shutdown_of_a_datagram_socket_ends_its_receives() {
    both(|| {
        let (_a, b) = UnixDatagram::pair().unwrap();
        let b = Arc::new(b);
        let waiting = {
            let b = Arc::clone(&b);
            process::spawn(move || b.recv(&mut [0; 8]))
        };
        // Either it waits by then, or it comes to wait later.
        process::sleep(Duration::from_millis(5));
        b.shutdown(Shutdown::Read).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), 0);
        assert_eq!(b.recv(&mut [0; 8]).unwrap(), 0);
        b.set_deadline(Duration::from_secs(3600));
        assert_eq!(b.recv(&mut [0; 8]).unwrap(), 0);
        b.set_nonblocking(true).unwrap();
        let error = b.recv(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "as std's");
    });
}

#[test]
fn a_shutdown_of_a_stream_ends_its_reads() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let a = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let a = Arc::new(a);
        let _b = listener.accept().unwrap();
        let waiting = {
            let a = Arc::clone(&a);
            process::spawn(move || a.read_string(8))
        };
        process::sleep(Duration::from_millis(5));
        a.shutdown(Shutdown::Read).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), "");
        assert_eq!(a.read_string(8).unwrap(), "");
    });
}
