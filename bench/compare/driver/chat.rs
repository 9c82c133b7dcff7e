//! `chat ADDRESS`: the first line of a client is its name. Each further line goes to all clients, the sender too, as
//! `NAME: LINE`. `* NAME joined` and `* NAME left` tell who is there. A line of more than 1024 bytes ends its client. A
//! client that is 256 lines behind loses lines.

use std::collections::HashSet;
use std::io;

use std_net::channel::{ReadChannel, WriteChannel};
use std_net::process;
use std_net::socket::TcpStream;

use crate::program::{LIMIT, Program, Server, ensure, loaded};
use crate::results::Figures;

/// The load: this many clients, which say this many lines each. In a round every client says a line and waits for those
/// of all others, so nobody is ever two rounds behind.
const CLIENTS: usize = 50;
const ROUNDS: usize = 40;

struct Client {
    receive: ReadChannel<TcpStream>,
    send: WriteChannel<TcpStream>,
}

impl Client {
    /// Joins, and waits until the room has said so.
    fn join(server: &Server, name: &str) -> io::Result<Client> {
        let (mut receive, mut send) = server.connect()?.into_channels(true)?;
        receive.set_deadline(LIMIT);
        send.set_deadline(LIMIT);
        let mut client = Client { receive, send };
        client.send.write_line(name)?;
        client.hears(&format!("* {name} joined"))?;
        Ok(client)
    }

    fn line(&mut self) -> io::Result<&str> {
        let line = self.receive.read_utf8_line(4096)?;
        line.ok_or_else(|| io::Error::other("the room has closed"))
    }

    fn hears(&mut self, expected: &str) -> io::Result<()> {
        let line = self.line()?;
        ensure(
            line == expected,
            &format!("a client got {line:?} instead of {expected:?}"),
        )
    }
}

pub(crate) fn check(program: Program) -> io::Result<()> {
    let server = program.serve(&["127.0.0.1:0"])?;
    let mut ann = Client::join(&server, "ann")?;
    let mut bob = Client::join(&server, "bob")?;
    ann.hears("* bob joined")?;
    for line in ["hello", "", &"x".repeat(1000)] {
        bob.send.write_line(line)?;
        let expected = format!("bob: {line}");
        ann.hears(&expected)?;
        bob.hears(&expected)?;
    }
    // Two lines at once, and a line in two pieces.
    ann.send.write_str("one\ntwo\nth")?;
    bob.hears("ann: one")?;
    bob.hears("ann: two")?;
    ann.send.write_str("ree\n")?;
    bob.hears("ann: three")?;
    // A line without an end must not fill the memory.
    let mut mallory = Client::join(&server, "mallory")?;
    bob.hears("* mallory joined")?;
    mallory.send.write_str(&"x".repeat(3000))?;
    bob.hears("* mallory left")?;
    drop(ann);
    bob.hears("* ann left")?;
    server.end()?;
    Ok(())
}

pub(crate) fn load(program: Program) -> io::Result<Figures> {
    let units = CLIENTS * CLIENTS * ROUNDS;
    loaded(program, &["127.0.0.1:0"], units as u64, |server| {
        let mut clients = Vec::new();
        for i in 0..CLIENTS {
            let name = format!("n{i}");
            clients.push(Client::join(server, &name)?);
            let joined = format!("* {name} joined");
            for other in &mut clients[..i] {
                other.hears(&joined)?;
            }
        }
        process::scope(|scope| {
            let talking: Vec<_> = clients
                .iter_mut()
                .map(|client| scope.spawn(|| talk(client)))
                .collect();
            talking
                .into_iter()
                .try_for_each(|client| client.join().unwrap())
        })?;
        server.peak()
    })
}

fn talk(client: &mut Client) -> io::Result<()> {
    for round in 0..ROUNDS {
        let said = format!("round {round}");
        client.send.write_line(&said)?;
        let mut heard = HashSet::new();
        for _ in 0..CLIENTS {
            let line = client.line()?;
            match line.split_once(": ") {
                Some((name, text)) if text == said => {
                    ensure(heard.insert(name.to_owned()), "a client got a line twice")?;
                }
                _ => return Err(io::Error::other(format!("{line:?} in {said}"))),
            }
        }
    }
    Ok(())
}
