//! The echo programs of Ktor's page, tested with each other and with real clients.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use std_net_tests::{LIMIT, Server, example, tool, within};

#[test]
fn the_client_prints_what_the_server_sends_back() {
    within(LIMIT, || {
        let server = Server::start("ktor_echo_server", &["127.0.0.1:0"]);
        let mut client = Command::new(example("ktor_echo_client"))
            .arg(server.address.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = client.stdin.take().unwrap();
        let mut stdout = BufReader::new(client.stdout.take().unwrap());
        for line in ["one\n", "\n", "grüß dich\n"] {
            stdin.write_all(line.as_bytes()).unwrap();
            let mut back = String::new();
            stdout.read_line(&mut back).unwrap();
            assert_eq!(back, line);
        }
        drop(stdin);
        assert!(client.wait().unwrap().success());
    });
}

#[test]
fn whoever_types_a_line_gets_it_back() {
    within(LIMIT, || {
        let server = Server::start("ktor_echo_server", &["127.0.0.1:0"]);
        let (host, port) = (
            server.address.ip().to_string(),
            server.address.port().to_string(),
        );
        let tcp = format!("TCP:{}", server.address);
        for (name, args) in [
            ("socat", vec!["-t5", "-", &tcp]),
            ("telnet", vec![&*host, &*port]),
        ] {
            let Some(program) = tool(name) else { continue };
            let mut client = Command::new(program)
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = client.stdin.take().unwrap();
            let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
            for text in ["hello", "and again"] {
                writeln!(stdin, "{text}").unwrap();
                // Before the answer, telnet prints lines about itself.
                assert!(lines.any(|line| line.unwrap().trim_end() == text), "{name}");
            }
            drop(stdin);
            // telnet ends silently when its input ends.
            client.wait().unwrap();
        }
    });
}
