//! Do a thousand TLS connections at once work in ordinary processes?

use std::io::{Read, Write};
use std::process::Command;
use std::sync::mpsc;

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};
use std_net::tls::{ClientConfig, ServerConfig, TlsAcceptor};
use std_net_tests::certificates::Authority;
use std_net_tests::{LIMIT, descriptor_limit, resident, within};

#[test]
fn a_thousand_connections_in_processes_of_the_default_stack() {
    let wanted = 1000.min(descriptor_limit().saturating_sub(200) / 2);
    if wanted < 1000 {
        eprintln!("SKIPPED in part: {wanted} connections, for want of descriptors");
    }
    within(LIMIT * 2, || {
        let ca = Authority::new();
        let identity = ca.issue(&["localhost"]);
        let acceptor = TlsAcceptor::new(
            ServerConfig::builder(identity.chain, identity.key)
                .build()
                .unwrap(),
        );
        let config = ClientConfig::builder().root_pem(ca.pem).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let before = resident();
        let server = process::spawn(move || {
            let serving: Vec<_> = (0..wanted)
                .map(|_| {
                    let (stream, _) = listener.accept().unwrap();
                    let acceptor = acceptor.clone();
                    process::spawn(move || {
                        let mut stream = acceptor.accept(stream).unwrap();
                        let mut buf = [0; 8];
                        loop {
                            match stream.read(&mut buf).unwrap() {
                                0 => return,
                                n => stream.write_all(&buf[..n]).unwrap(),
                            }
                        }
                    })
                })
                .collect();
            serving.into_iter().for_each(|s| s.join().unwrap());
        });
        let (ready, all_ready) = mpsc::channel();
        let (go, gone) = process::channel::bounded::<()>(1);
        let clients: Vec<_> = (0..wanted)
            .map(|i| {
                let (config, ready, gone) = (config.clone(), ready.clone(), gone.clone());
                process::spawn(move || {
                    let stream = TcpStream::connect(address).unwrap();
                    let mut stream = stream.tls_with("localhost", &config).unwrap();
                    let mut echo = |text: u64| {
                        stream.write_all(&text.to_be_bytes()).unwrap();
                        let mut back = [0; 8];
                        stream.read_exact(&mut back).unwrap();
                        assert_eq!(u64::from_be_bytes(back), text);
                    };
                    echo(i as u64);
                    ready.send(()).unwrap();
                    // Wait until all of them are there.
                    assert!(gone.recv().is_err());
                    echo(!(i as u64));
                })
            })
            .collect();
        for _ in 0..wanted {
            all_ready.recv().unwrap();
        }
        let each = resident().saturating_sub(before) / wanted;
        eprintln!("{wanted} at once: {each} bytes of memory for both sides of a connection");
        drop(go);
        clients.into_iter().for_each(|c| c.join().unwrap());
        server.join().unwrap();
    });
}

/// Most of the default stack is left to the program, even in a debug build, which uses the most.
#[test]
fn a_handshake_fits_into_48_kib_of_stack() {
    within(LIMIT, || {
        let output = Command::new(env!("CARGO_BIN_EXE_handshake"))
            .arg("48")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    });
}
