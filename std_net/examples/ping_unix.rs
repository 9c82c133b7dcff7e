//! "Sockets" of the Inko manual: a Unix server and its client in one program. It prints `ping`.

use std::env;
use std::io;
use std::process;

use std_net::unix::{UnixBuilder, UnixStream};

fn main() -> io::Result<()> {
    let path = env::temp_dir().join(format!("ping-{}.sock", process::id()));
    let server = UnixBuilder::new().unlink_on_drop(true).listen(&path)?;
    let client = UnixStream::connect(&path)?;
    client.write_string("ping")?;
    let (connection, _) = server.accept()?;
    println!("{}", connection.read_string(4)?);
    Ok(())
}
