//! Do the sockets work in a user's own event loop? This runs the example `selector_echo` with many
//! clients at once, and with more data than the buffers hold.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use std_net::process;
use std_net::socket::TcpStream;
use std_net_tests::{LIMIT, Server, within};

#[test]
fn many_clients_get_their_lines_back() {
    within(LIMIT, || {
        let server = Server::start("selector_echo", &["127.0.0.1:0"]);
        let addr = server.address;
        let clients: Vec<_> = (0..200)
            .map(|i| {
                process::spawn(move || {
                    let stream = TcpStream::connect(addr).unwrap();
                    for round in 0..5 {
                        let line = format!("client {i} round {round}\n");
                        stream.write_string(&line).unwrap();
                        let mut answer = vec![0; line.len()];
                        (&stream).read_exact(&mut answer).unwrap();
                        assert_eq!(answer, line.as_bytes());
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
    });
}

#[test]
fn what_the_client_does_not_read_waits_and_holds_up_nobody() {
    within(LIMIT, || {
        const BYTES: usize = 20 << 20;
        let server = Server::start("selector_echo", &["127.0.0.1:0"]);
        let lazy = TcpStream::connect(server.address).unwrap();
        process::scope(|scope| {
            scope.spawn(|| {
                let block = [7; 1 << 16];
                for _ in 0..BYTES / block.len() {
                    (&lazy).write_all(&block).unwrap();
                }
                lazy.shutdown(Shutdown::Write).unwrap();
            });
            // The writer waits by now, or soon will. Another client must still be served.
            process::sleep(Duration::from_millis(50));
            let other = TcpStream::connect(server.address).unwrap();
            other.write_string("hello").unwrap();
            let mut answer = [0; 5];
            (&other).read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"hello");
            let mut all = Vec::new();
            (&lazy).read_to_end(&mut all).unwrap();
            assert_eq!(all.len(), BYTES);
            assert!(all.iter().all(|&byte| byte == 7));
        });
    });
}
