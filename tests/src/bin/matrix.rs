//! Does one operation for the error matrix: through std, through std_net on a thread, or through
//! std_net in a process. From outside, one of its system calls is made to fail. It prints how the
//! operation ended, how a second one ended, and how many descriptors were left over.
//!
//! Usage: `matrix std|thread|deadline|process OPERATION`

use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::time::Duration;

use std_net_tests::descriptors;

/// Uses the same program text over both libraries.
macro_rules! operations {
    ($module:ident, $($net:ident)::+, |$socket:ident| $prepare:expr) => {
        mod $module {
            use super::*;
            use $($net)::+::{TcpListener, TcpStream, UdpSocket};

            pub(super) fn run(operation: &str) {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let address = listener.local_addr().unwrap();
                match operation {
                    "read" => {
                        let (a, mut b) = pair(&listener);
                        (&a).write_all(b"data").unwrap();
                        twice(|| b.read(&mut [0; 2]));
                    }
                    "late_read" => twice(late_read(&listener)),
                    "second_late_read" => {
                        // This makes a first registration, which may succeed.
                        late_read(&listener)().unwrap();
                        twice(late_read(&listener));
                    }
                    "read_vectored" => {
                        let (a, mut b) = pair(&listener);
                        (&a).write_all(b"data").unwrap();
                        twice(|| b.read_vectored(&mut [io::IoSliceMut::new(&mut [0; 2])]));
                    }
                    "write" => {
                        let (mut a, _b) = pair(&listener);
                        twice(|| a.write(b"data"));
                    }
                    "write_vectored" => {
                        let (mut a, _b) = pair(&listener);
                        twice(|| a.write_vectored(&[io::IoSlice::new(b"data")]));
                    }
                    "accept" => {
                        let $socket = &listener;
                        $prepare;
                        let _one = std::net::TcpStream::connect(address).unwrap();
                        let _two = std::net::TcpStream::connect(address).unwrap();
                        twice(|| listener.accept().map(drop));
                    }
                    "connect" => twice(|| TcpStream::connect(address).map(drop)),
                    "connect_timeout" => {
                        twice(|| {
                            TcpStream::connect_timeout(&address, Duration::from_secs(30)).map(drop)
                        });
                    }
                    "recv_from" => {
                        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                        let $socket = &socket;
                        $prepare;
                        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
                        for _ in 0..2 {
                            sender.send_to(b"x", socket.local_addr().unwrap()).unwrap();
                        }
                        twice(|| socket.recv_from(&mut [0; 8]).map(|(n, _)| n));
                    }
                    "send_to" => {
                        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                        twice(|| socket.send_to(b"x", address));
                    }
                    "bind" => twice(|| TcpListener::bind("127.0.0.1:0").map(drop)),
                    "clone" => twice(|| listener.try_clone().map(drop)),
                    other => panic!("no operation {other}"),
                }
            }

            /// Returns an operation that reads data which come a little later.
            fn late_read(listener: &TcpListener) -> impl FnMut() -> io::Result<usize> + use<> {
                let (a, mut b) = pair(listener);
                let mut writer = Some(std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(50));
                    (&a).write_all(b"data").unwrap();
                    a
                }));
                let mut _peer = None;
                move || {
                    let result = b.read(&mut [0; 2]);
                    if let Some(writer) = writer.take() {
                        _peer = Some(writer.join().unwrap());
                    }
                    result
                }
            }

            fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
                let a = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                // Do not use our accept here, because it may be the call that fails.
                let (b, _) = std_listener(listener).accept().unwrap();
                let b = TcpStream::from(b);
                let $socket = &b;
                $prepare;
                (TcpStream::from(a), b)
            }

            fn std_listener(listener: &TcpListener) -> std::net::TcpListener {
                use std::os::fd::AsFd;
                std::net::TcpListener::from(listener.as_fd().try_clone_to_owned().unwrap())
            }
        }
    };
}

operations!(through_std, std::net, |socket| as_it_is(socket));
operations!(on_thread, std_net::socket, |socket| as_it_is(socket));
operations!(with_deadline, std_net::socket, |socket| {
    socket.set_deadline(Duration::from_secs(30));
});

/// Changes nothing about a socket before the operation.
fn as_it_is<T>(_: &T) {}

fn twice<T: Debug>(mut operation: impl FnMut() -> io::Result<T>) {
    for time in ["first", "then"] {
        match operation() {
            Ok(value) => println!("{time}: Ok {value:?}"),
            Err(error) => println!(
                "{time}: {:?} {:?}",
                error.kind(),
                std_net::socket::os_code(&error)
            ),
        }
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (mode, operation) = (
        args.next().expect("a mode"),
        args.next().expect("an operation"),
    );
    if mode == "process" {
        // Start the runtime, so that its threads and descriptors exist before the count.
        std_net::process::spawn(|| ()).join().unwrap();
    }
    let before = descriptors();
    match mode.as_str() {
        "std" => through_std::run(&operation),
        "thread" => on_thread::run(&operation),
        "deadline" => with_deadline::run(&operation),
        "process" => {
            std_net::process::spawn(move || on_thread::run(&operation))
                .join()
                .unwrap();
        }
        other => panic!("no mode {other}"),
    }
    // An eventfd of this thread may stay, because it belongs to the thread and not to a socket.
    println!(
        "left over: {}",
        descriptors().saturating_sub(before + usize::from(mode == "deadline"))
    );
}
