//! Does an operation ten times between two marks in the trace, through std or through std_net, for
//! the count of system calls. Usage: `calls std|ours OPERATION`

use std::io::{Read, Write};

/// The same program text over both libraries.
macro_rules! operations {
    ($module:ident, $($net:ident)::+) => {
        mod $module {
            use super::*;
            use $($net)::+::{TcpListener, TcpStream, UdpSocket};

            pub(super) fn run(operation: &str) {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let address = listener.local_addr().unwrap();
                let mut a = TcpStream::connect(address).unwrap();
                let (mut b, _) = listener.accept().unwrap();
                let (c, d) = (
                    UdpSocket::bind("127.0.0.1:0").unwrap(),
                    UdpSocket::bind("127.0.0.1:0").unwrap(),
                );
                c.connect(d.local_addr().unwrap()).unwrap();
                d.connect(c.local_addr().unwrap()).unwrap();
                a.write_all(&[0; 100]).unwrap();
                for _ in 0..10 {
                    c.send(b"x").unwrap();
                }
                let mut buf = [0; 4];
                let mut waiting = Vec::new();
                if operation == "accept" {
                    waiting.extend((0..10).map(|_| TcpStream::connect(address).unwrap()));
                }
                let mut kept = Vec::new();
                mark("begin");
                for _ in 0..10 {
                    match operation {
                        "read" => assert_eq!(b.read(&mut buf).unwrap(), 4),
                        "write" => assert_eq!(b.write(&buf).unwrap(), 4),
                        "recv_from" => assert_eq!(d.recv_from(&mut buf).unwrap().0, 1),
                        "recv" => assert_eq!(d.recv(&mut buf).unwrap(), 1),
                        "send" => assert_eq!(d.send(&buf).unwrap(), 4),
                        "send_to" => {
                            assert_eq!(d.send_to(&buf, c.local_addr_of()).unwrap(), 4);
                        }
                        "accept" => kept.push(listener.accept().unwrap().0),
                        "connect" => kept.push(TcpStream::connect(address).unwrap()),
                        "bind" => drop(TcpListener::bind("127.0.0.1:0").unwrap()),
                        other => panic!("no operation {other}"),
                    }
                }
                mark("end");
            }

            trait LocalAddr {
                fn local_addr_of(&self) -> std::net::SocketAddr;
            }

            impl LocalAddr for UdpSocket {
                /// Remembered, so that asking is not counted.
                fn local_addr_of(&self) -> std::net::SocketAddr {
                    static ADDRESS: std::sync::OnceLock<std::net::SocketAddr> =
                        std::sync::OnceLock::new();
                    *ADDRESS.get_or_init(|| "127.0.0.1:9".parse().unwrap())
                }
            }
        }
    };
}

operations!(through_std, std::net);
operations!(through_ours, std_net::socket);

/// What std has not: ten batches of this many datagrams.
const BATCH: usize = 32;

fn batches(operation: &str) {
    use std_net::socket::{RecvBatch, SendBatch, UdpSocket};

    let (a, b) = (
        UdpSocket::bind("127.0.0.1:0").unwrap(),
        UdpSocket::bind("127.0.0.1:0").unwrap(),
    );
    let to = b.local_addr().unwrap();
    b.socket().set_recv_buffer_size(4 << 20).unwrap();
    let mut sent = SendBatch::new();
    let fill = |sent: &mut SendBatch| (0..BATCH).for_each(|_| sent.push_to(b"x", to));
    let mut received = RecvBatch::new(BATCH, 64);
    if operation == "recv_many" {
        for _ in 0..10 {
            fill(&mut sent);
            assert_eq!(a.send_many(&mut sent).unwrap(), BATCH);
        }
    }
    mark("begin");
    for _ in 0..10 {
        if operation == "recv_many" {
            assert_eq!(b.recv_many(&mut received).unwrap(), BATCH);
        } else {
            fill(&mut sent);
            assert_eq!(a.send_many(&mut sent).unwrap(), BATCH);
        }
    }
    mark("end");
}

/// A line in the trace.
fn mark(text: &str) {
    eprint!("{text}");
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (library, operation) = (
        args.next().expect("a library"),
        args.next().expect("an operation"),
    );
    match library.as_str() {
        "ours" if operation.ends_with("_many") => batches(&operation),
        "std" => through_std::run(&operation),
        "ours" => through_ours::run(&operation),
        other => panic!("no library {other}"),
    }
}
