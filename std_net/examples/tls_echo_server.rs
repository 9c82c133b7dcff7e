//! Shows TLS as a server: it sends each line back. Try it with `openssl s_client -connect`.
//!
//! Usage: `tls_echo_server CERTIFICATE KEY [ADDRESS]`, 127.0.0.1:9443 by default. Both files are PEM.

use std::env;
use std::error::Error;
use std::io;
use std::time::Duration;

use std_net::process;
use std_net::socket::{TcpListener, TcpStream};
use std_net::tls::{ServerConfig, TlsAcceptor};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(certificate), Some(key)) = (args.next(), args.next()) else {
        return Err("usage: tls_echo_server CERTIFICATE KEY [ADDRESS]".into());
    };
    let acceptor = TlsAcceptor::new(ServerConfig::from_pem_files(certificate, key)?);
    let listener = TcpListener::bind(args.next().as_deref().unwrap_or("127.0.0.1:9443"))?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => {
                let acceptor = acceptor.clone();
                process::spawn(move || {
                    if let Err(error) = echo(stream, &acceptor) {
                        eprintln!("{error}");
                    }
                });
            }
            Err(error) => {
                // There may be too many descriptors. Some may be closed meanwhile.
                eprintln!("accept: {error}");
                process::sleep(Duration::from_millis(50));
            }
        }
    }
    Ok(())
}

fn echo(stream: TcpStream, acceptor: &TlsAcceptor) -> io::Result<()> {
    // If a client does not finish its handshake in time, the connection is closed.
    let stream = acceptor.accept_deadline(stream, Duration::from_secs(10))?;
    let (mut receive, mut send) = stream.into_channels(true)?;
    while let Some(line) = receive.read_utf8_line(64 * 1024)? {
        send.write_line(line)?;
    }
    send.flush_and_close()
}
