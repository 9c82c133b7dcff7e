//! Passes each connection on to another address, both ways.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, address, target] = &args[..] else {
        panic!("usage: proxy ADDRESS TARGET");
    };
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (client, _) = listener.accept().await?;
        let target = target.clone();
        tokio::spawn(async move {
            if let Err(error) = carry(client, &target).await {
                eprintln!("{target}: {error}");
            }
        });
    }
}

async fn carry(mut client: TcpStream, target: &str) -> io::Result<()> {
    let mut server = timeout(PATIENCE, TcpStream::connect(target)).await??;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
