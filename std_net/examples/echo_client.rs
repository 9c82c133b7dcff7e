//! Shows a client with a buffer for lines, the other half of `echo_server`: sends the lines of standard input and
//! prints what comes back.
//!
//! Usage: `echo_client [ADDRESS]`, 127.0.0.1:7777 by default.

use std::env;
use std::io::{self, BufRead, BufReader, Write};

use std_net::socket::TcpStream;

fn main() -> io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7777".into());
    let stream = TcpStream::connect(address)?;
    let mut answers = BufReader::new(&stream);
    let mut answer = String::new();
    for line in io::stdin().lock().lines() {
        let line = line? + "\n";
        (&stream).write_all(line.as_bytes())?;
        answer.clear();
        answers.read_line(&mut answer)?;
        print!("{answer}");
    }
    Ok(())
}
