//! Shows TLS as a client: an HTTPS GET. It prints the head of the answer to standard error and the body
//! to standard output.
//!
//! Usage: `tls_client [--ca FILE] [--insecure] URL`

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use std_net::socket::TcpStream;
use std_net::tls::ClientConfig;

fn main() -> Result<(), Box<dyn Error>> {
    let mut config = ClientConfig::builder().alpn(["http/1.1"]);
    let mut url = None;
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        match &*arg {
            "--ca" => config = config.root_file(args.next().ok_or("--ca needs a file")?),
            "--insecure" => config = config.dangerous_skip_verification(),
            _ => url = Some(arg),
        }
    }
    let url = url.ok_or("usage: tls_client [--ca FILE] [--insecure] URL")?;
    let rest = url.strip_prefix("https://").ok_or("only https")?;
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    // An IPv6 address contains colons, so it stands in brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse()?),
        _ => (authority, 443),
    };
    let name = host.trim_start_matches('[').trim_end_matches(']');

    let stream = TcpStream::connect((name, port))?;
    stream.set_deadline(Duration::from_secs(30));
    let stream = stream.tls_with(name, &config.build()?)?;
    eprintln!(
        "{:?}, {}",
        stream.version(),
        stream.cipher_suite().unwrap_or("?")
    );

    let (mut receive, mut send) = stream.into_channels(false)?;
    write!(send, "GET {path} HTTP/1.1\r\nHost: {authority}\r\n")?;
    write!(send, "User-Agent: std_net\r\nConnection: close\r\n\r\n")?;
    send.flush()?;

    let mut length = None;
    while let Some(line) = receive.read_utf8_line(64 * 1024)? {
        if line.is_empty() {
            break;
        }
        eprintln!("{line}");
        if let Some((key, value)) = line.split_once(':')
            && key.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse::<u64>()?);
        }
    }
    // If the answer has a length, that length marks the end of the body. Otherwise the `close_notify`
    // does.
    let body = io::copy(
        &mut io::Read::take(&mut receive, length.unwrap_or(u64::MAX)),
        &mut io::stdout(),
    )?;
    if length.is_some_and(|length| body < length) {
        return Err("the body is cut off".into());
    }
    Ok(())
}
