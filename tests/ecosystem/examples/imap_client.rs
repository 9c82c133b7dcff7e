//! Mail by `imap` over streams of std_net, in ordinary processes: the crate takes any `Read + Write`.
//!
//! ```sh
//! cargo run -p std_net_ecosystem --example imap_client
//! ```

use std::time::{Duration, Instant};

use std_net::process;
use std_net::runtime;

// [guide]
use std_net::socket::TcpStream;

/// The number of messages in the inbox.
fn count_mail(server: &str) -> imap::error::Result<u32> {
    let mut client = imap::Client::new(TcpStream::connect(server)?);
    client.read_greeting()?;
    let mut session = client
        .login("user", "password")
        .map_err(|(error, _)| error)?;
    let inbox = session.select("INBOX")?;
    session.logout()?;
    Ok(inbox.exists)
}
// [/guide]

const CLIENTS: u32 = 100;
const WAIT: Duration = Duration::from_millis(50);

fn main() -> std::io::Result<()> {
    runtime::Builder::new().workers(1).start()?;
    let server = format!("127.0.0.1:{}", std_net_ecosystem::slow_imap(WAIT));
    let begun = Instant::now();
    let all: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let server = server.clone();
            process::spawn(move || count_mail(&server))
        })
        .collect();
    for one in all {
        assert_eq!(one.join().unwrap().expect("a count"), 42);
    }
    let took = begun.elapsed();
    println!("{CLIENTS} sessions of 3 answers after {WAIT:?} each in {took:?}, on one worker");
    assert!(took < WAIT * CLIENTS, "they have waited one after another");
    Ok(())
}
