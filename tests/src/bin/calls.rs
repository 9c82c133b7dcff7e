//! Does an operation ten times between two marks in the trace, through std or through std_net. A test
//! counts the system calls between the marks. Usage: `calls std|ours OPERATION`

use std::io::{Read, Write};

#[cfg(feature = "interpose")]
use std_net_interpose as _;

/// Uses the same program text over both libraries.
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
                /// The address is stored, so that asking for it makes no system call.
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

/// std does not have this operation: ten batches of this many datagrams.
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

/// Sends a file of three and a half pieces, or copies the rest of a connection.
fn without_copy(operation: &str) {
    use std::io::{Read, Seek, Write};

    use std_net::unix::UnixStream;

    const LEN: usize = 3_500_000;
    let eat = |mut peer: UnixStream| {
        std::thread::spawn(move || {
            let mut buf = vec![0; 1 << 20];
            while peer.read(&mut buf).unwrap() > 0 {}
        })
    };
    let (to, peer) = UnixStream::pair().unwrap();
    let eater = eat(peer);
    if operation == "send_file" {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; LEN]).unwrap();
        file.rewind().unwrap();
        mark("begin");
        assert_eq!(to.send_file(&file, ..).unwrap(), LEN as u64);
    } else {
        let (mut source, from) = UnixStream::pair().unwrap();
        source.write_all(&[7; 1000]).unwrap();
        drop(source);
        mark("begin");
        assert_eq!(std_net::copy(&from, &to).unwrap(), 1000);
    }
    mark("end");
    drop(to);
    eater.join().unwrap();
}

/// Makes round trips between two processes of one worker. Each read waits, with deadlines that do not
/// pass.
fn round_trips(operation: &str) {
    use std::io::{Read, Write};
    use std::time::Duration;

    use std_net::process;
    use std_net::unix::UnixStream;

    let (mut a, mut b) = UnixStream::pair().unwrap();
    if operation == "trips_by" {
        a.set_deadline(Duration::from_secs(3600));
        b.set_deadline(Duration::from_secs(3600));
    }
    let echo = process::spawn(move || {
        let mut byte = [0];
        while b.read(&mut byte).unwrap() > 0 {
            b.write_all(&byte).unwrap();
        }
    });
    let (mut ready, mut spawned) = UnixStream::pair().unwrap();
    let ask = process::spawn(move || {
        let mut byte = [7];
        // After this read, no other thread wakes the worker any more.
        spawned.read_exact(&mut byte).unwrap();
        // The first trip registers the sockets with the reactor, so it is not counted.
        for i in 0..11 {
            if i == 1 {
                mark("begin");
            }
            a.write_all(&byte).unwrap();
            a.read_exact(&mut byte).unwrap();
        }
        mark("end");
    });
    ready.write_all(&[7]).unwrap();
    ask.join().unwrap();
    echo.join().unwrap();
}

/// One process asks 16 other processes at once, and they answer with batched writes. All are on one
/// worker.
fn batched_writes() {
    use std::io::{Read, Write};

    use std_net::process;
    use std_net::unix::UnixStream;

    let mut asking = Vec::new();
    let mut answering = Vec::new();
    for _ in 0..16 {
        let (ask, mut answer) = UnixStream::pair().unwrap();
        asking.push(ask);
        answering.push(process::spawn(move || {
            answer.set_batched_writes(true);
            let mut byte = [0];
            while answer.read(&mut byte).unwrap() > 0 {
                answer.write_all(&byte).unwrap();
            }
        }));
    }
    let ask = process::spawn(move || {
        // The first round registers the sockets with the reactor, so it is not counted.
        for i in 0..11 {
            if i == 1 {
                mark("begin");
            }
            let mut byte = [7];
            asking.iter_mut().for_each(|s| s.write_all(&byte).unwrap());
            for stream in &mut asking {
                stream.read_exact(&mut byte).unwrap();
            }
        }
        mark("end");
    });
    ask.join().unwrap();
    answering.into_iter().for_each(|a| a.join().unwrap());
}

/// 100 processes of one worker write 20 times in a row, with batched writes, and never wait for an
/// answer.
fn batched_bursts() {
    use std::io::Write;

    use std_net::process;
    use std_net::unix::UnixStream;

    process::spawn(|| {
        let (writing, reading): (Vec<_>, Vec<_>) =
            (0..100).map(|_| UnixStream::pair().unwrap()).unzip();
        mark("begin");
        process::scope(|scope| {
            for mut stream in writing {
                scope.spawn(move || {
                    stream.set_batched_writes(true);
                    for i in 0..20 {
                        stream.write_all(&[i]).unwrap();
                    }
                });
            }
        });
        mark("end");
        for stream in reading {
            assert_eq!(
                stream.read_string(64).unwrap().into_bytes(),
                Vec::from_iter(0..20)
            );
        }
    })
    .join()
    .unwrap();
}

/// Writes a mark, which the trace then contains.
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
        "ours" if operation == "send_file" || operation == "copy" => without_copy(&operation),
        "ours" if operation.starts_with("trips") => round_trips(&operation),
        "ours" if operation == "batched_writes" => batched_writes(),
        "ours" if operation == "batched_bursts" => batched_bursts(),
        "std" => through_std::run(&operation),
        "ours" => through_ours::run(&operation),
        other => panic!("no library {other}"),
    }
}
