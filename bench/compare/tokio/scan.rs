//! Finds the open ports of a host.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

const AT_ONCE: usize = 500;
const PATIENCE: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, host, first, last] = &args[..] else {
        panic!("usage: scan HOST FIRST LAST");
    };
    let (first, last) = (first.parse().unwrap(), last.parse().unwrap());
    for port in scan(host.as_str().into(), first, last).await {
        println!("{port}");
    }
}

async fn scan(host: Arc<str>, first: u16, last: u16) -> Vec<u16> {
    let limit = Arc::new(Semaphore::new(AT_ONCE));
    let mut probes = JoinSet::new();
    for port in first..=last {
        let permit = Arc::clone(&limit).acquire_owned().await.unwrap();
        let host = Arc::clone(&host);
        probes.spawn(async move {
            let _permit = permit;
            probe(&host, port).await.is_ok().then_some(port)
        });
    }
    let mut open: Vec<u16> = probes.join_all().await.into_iter().flatten().collect();
    open.sort_unstable();
    open
}

async fn probe(host: &str, port: u16) -> io::Result<TcpStream> {
    timeout(PATIENCE, TcpStream::connect((host, port))).await?
}
