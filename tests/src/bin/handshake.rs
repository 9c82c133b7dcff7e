//! Does TLS handshakes as client and as server, in processes whose stacks have the given size in KiB,
//! and sends some text both ways: `handshake KIB`. If the stack is too small, it overflows, and the OS
//! process aborts.

use std::env;
use std::error::Error;
use std::io::{Read, Write};

use std_net::process::Builder;
use std_net::tls::{ClientConfig, ServerConfig, TlsAcceptor, Version};
use std_net::unix::UnixStream;
use std_net_tests::certificates::Authority;

fn main() -> Result<(), Box<dyn Error>> {
    let kib: usize = env::args().nth(1).ok_or("usage: handshake KIB")?.parse()?;
    let stack = || Builder::new().stack_size(kib * 1024);
    let ca = Authority::new();
    let identity = ca.issue(&["localhost"]);
    let server = ServerConfig::builder(&*identity.chain, &*identity.key)
        .client_root_pem(&*ca.pem)
        .build()?;
    for version in [Version::Tls12, Version::Tls13] {
        let client = ClientConfig::builder()
            .root_pem(&*ca.pem)
            .certificate_pem(&*identity.chain, &*identity.key)
            .max_version(version)
            .build()?;
        // The first handshake is a full one, and the second resumes its session.
        for _ in 0..2 {
            let (a, b) = UnixStream::pair()?;
            let (client, server) = (client.clone(), server.clone());
            let accept = stack().spawn(move || {
                let mut stream = TlsAcceptor::new(server).accept(b)?;
                let mut text = [0; 5];
                stream.read_exact(&mut text)?;
                stream.write_all(&text)?;
                stream.close()
            })?;
            let connect = stack().spawn(move || {
                let mut stream = client.connect(a, "localhost")?;
                stream.write_all(b"hello")?;
                let mut text = String::new();
                stream.read_to_string(&mut text)?;
                assert_eq!(text, "hello");
                std::io::Result::Ok(())
            })?;
            connect.join().map_err(|_| "the client panicked")??;
            accept.join().map_err(|_| "the server panicked")??;
        }
    }
    println!("{kib} KiB are enough");
    Ok(())
}
