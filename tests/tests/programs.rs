//! The example programs against real clients, each in an OS process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use std_net_tests::{LIMIT, Server, example, tool, within};

fn run(name: &str, args: &[&str]) -> String {
    let output = Command::new(example(name)).args(args).output().unwrap();
    assert!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_small_ones_print_what_the_manual_says() {
    within(LIMIT, || {
        assert_eq!(run("hello_udp", &[]), "Hello, world!\n");
        assert_eq!(run("ping_tcp", &[]), "ping\n");
        assert_eq!(run("ping_unix", &[]), "ping\n");
        let zio = run("zio_server", &[]);
        assert!(zio.contains("received: [one] [3]\n"), "{zio}");
        assert!(zio.contains("worker failed: a bad message\n"), "{zio}");
        assert!(zio.contains("received: [t] [1]\n"), "{zio}");
        let parsed = run("parse_ip", &["::1", "10.0.0.0/8"]);
        assert!(
            parsed.contains("Loopback") && parsed.contains("10.255.255.255"),
            "{parsed}"
        );
    });
}

#[test]
fn server_and_client_of_hello_sockets() {
    within(LIMIT, || {
        let mut server = Server::start("tcp_server", &["127.0.0.1:0"]);
        assert_eq!(
            run("tcp_client", &[&server.address.to_string()]),
            "Hello, sockets!\n"
        );
        let mut said = String::new();
        server.output.read_line(&mut said).unwrap();
        assert_eq!(said, "received: Hello, sockets!\n");
    });
}

#[test]
fn curl_and_wrk_get_hello_http_in_both_forms() {
    for args in [&["127.0.0.1:0"][..], &["127.0.0.1:0", "--shared"]] {
        within(LIMIT, || {
            let server = Server::start("http_hello", args);
            let url = format!("http://{}/", server.address);
            if let Some(curl) = tool("curl") {
                let output = Command::new(&curl)
                    .args(["-sS", "-i", &url])
                    .output()
                    .unwrap();
                let text = String::from_utf8(output.stdout).unwrap();
                assert!(
                    output.status.success() && text.starts_with("HTTP/1.1 200 OK"),
                    "{text}"
                );
                assert!(text.ends_with("Hello, HTTP!"), "{text}");
            }
            if let Some(wrk) = tool("wrk") {
                let output = Command::new(wrk)
                    .args(["-t1", "-c32", "-d1s", "--timeout", "60s", &url])
                    .output()
                    .unwrap();
                let text = String::from_utf8(output.stdout).unwrap();
                let line = text.lines().find(|l| l.contains("requests in")).unwrap();
                let requests: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
                assert!(requests > 0, "{text}");
                assert!(!text.contains("Non-2xx"), "{text}");
            }
        });
    }
}

#[test]
fn requests_that_come_together_are_answered_in_their_order() {
    within(LIMIT, || {
        let server = Server::start("httparse_server", &["127.0.0.1:0"]);
        let mut client = TcpStream::connect(&server.address).unwrap();
        client
            .write_all(
                b"GET / HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\n\
                  POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
            )
            .unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).unwrap();
        let codes: Vec<_> = answers
            .split("HTTP/1.1 ")
            .skip(1)
            .map(|answer| &answer[..3])
            .collect();
        assert_eq!(codes, ["200", "404", "413"]);
    });
}

#[test]
fn socat_gets_its_lines_back() {
    let Some(socat) = tool("socat") else { return };
    within(LIMIT, || {
        let server = Server::start("echo_server", &["127.0.0.1:0"]);
        let mut client = Command::new(socat)
            .args(["-t60", "-", &format!("TCP:{}", server.address)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let text = "one\ntwo\nthree without an end";
        client
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let output = client.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
    });
}

#[test]
fn the_echo_client_prints_what_comes_back() {
    within(LIMIT, || {
        let server = Server::start("echo_server", &["127.0.0.1:0"]);
        let mut client = Command::new(example("echo_client"))
            .arg(server.address.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        client
            .stdin
            .take()
            .unwrap()
            .write_all(b"one\ntwo\n")
            .unwrap();
        assert_eq!(client.wait_with_output().unwrap().stdout, b"one\ntwo\n");
    });
}

#[test]
fn socat_through_the_proxy_keeps_half_closes() {
    let Some(socat) = tool("socat") else { return };
    within(LIMIT, || {
        // This server answers only after its client has ended. If the half-close were lost, it would
        // hang.
        let target = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = target.local_addr().unwrap();
        let server = thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = target.accept().unwrap();
                let mut all = Vec::new();
                stream.read_to_end(&mut all).unwrap();
                all.reverse();
                stream.write_all(&all).unwrap();
            }
        });
        let proxy = Server::start("tcp_proxy", &["127.0.0.1:0", &address.to_string()]);
        let clients: Vec<_> = (0..2)
            .map(|i| {
                let mut client = Command::new(&socat)
                    .args(["-t60", "-", &format!("TCP:{}", proxy.address)])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap();
                let text = vec![b'a' + i; 300_000];
                let mut stdin = client.stdin.take().unwrap();
                let writer = thread::spawn(move || stdin.write_all(&text).map(|()| text));
                (client, writer)
            })
            .collect();
        for (client, writer) in clients {
            let mut text = writer.join().unwrap().unwrap();
            text.reverse();
            assert_eq!(client.wait_with_output().unwrap().stdout, text);
        }
        server.join().unwrap();
    });
}

#[test]
fn three_clients_chat() {
    within(LIMIT, || {
        let mut server = Server::start("chat", &["127.0.0.1:0"]);
        let join = || {
            let stream = TcpStream::connect(server.address).unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            (stream.try_clone().unwrap(), BufReader::new(stream).lines())
        };
        // Guests join in the order in which they come, and the others are told.
        let (mut a, mut from_a) = join();
        let (mut b, mut from_b) = join();
        assert_eq!(from_a.next().unwrap().unwrap(), "* guest 2 joined");
        let (c, mut from_c) = join();
        assert_eq!(from_a.next().unwrap().unwrap(), "* guest 3 joined");
        assert_eq!(from_b.next().unwrap().unwrap(), "* guest 3 joined");
        b.write_all("grüß euch\n".as_bytes()).unwrap();
        assert_eq!(from_a.next().unwrap().unwrap(), "<guest 2> grüß euch");
        assert_eq!(from_c.next().unwrap().unwrap(), "<guest 2> grüß euch");
        c.shutdown(Shutdown::Both).unwrap();
        assert_eq!(from_a.next().unwrap().unwrap(), "* guest 3 left");
        assert_eq!(from_b.next().unwrap().unwrap(), "* guest 3 left");
        a.write_all(b"bye\n").unwrap();
        assert_eq!(from_b.next().unwrap().unwrap(), "<guest 1> bye");
        // After Ctrl-C, all guests are told, and then the program ends.
        let mut kill = Command::new("kill");
        let kill = kill.args(["-s", "INT", &server.id().to_string()]);
        assert!(kill.status().unwrap().success());
        for mut lines in [from_a, from_b] {
            assert_eq!(lines.next().unwrap().unwrap(), "* the room closes");
            assert!(lines.next().is_none());
        }
        let mut rest = String::new();
        server.output.read_to_string(&mut rest).unwrap();
    });
}

#[test]
fn nine_thousand_connections_at_once_and_each_is_served_again() {
    let limit = std_net_tests::descriptor_limit();
    let wanted = 9000.min(limit.saturating_sub(500));
    if wanted < 9000 {
        eprintln!("SKIPPED in part: {wanted} connections, the limit of descriptors is {limit}");
    }
    within(LIMIT * 2, || {
        let server = Server::start("echo_server", &["127.0.0.1:0"]);
        let mut all = Vec::with_capacity(wanted);
        for i in 0..wanted {
            let mut stream = TcpStream::connect(server.address).unwrap();
            // Each is served once before the next connects, so the listener's queue never fills.
            let message = i.to_be_bytes();
            stream.write_all(&message).unwrap();
            let mut answer = [0; 8];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(answer, message);
            all.push(stream);
        }
        for (i, stream) in all.iter_mut().enumerate() {
            stream.write_all(&(!i).to_be_bytes()).unwrap();
        }
        for (i, stream) in all.iter_mut().enumerate() {
            let mut answer = [0; 8];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(answer, (!i).to_be_bytes());
        }
        drop(all);
        // The server goes on after all clients have left.
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(b"still there").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, "still there");
    });
}

#[test]
fn lookup_finds_localhost_and_says_what_is_not_there() {
    within(LIMIT, || {
        let said = run("lookup", &["localhost", "127.0.0.1", "localhost"]);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 3, "{said}");
        assert!(lines[0].starts_with("localhost: "), "{said}");
        assert!(
            lines[0].contains("127.0.0.1") || lines[0].contains("::1"),
            "{said}"
        );
        assert!(lines[1].starts_with("127.0.0.1: "), "{said}");
        assert_eq!(lines[2], lines[0]);

        // This is neither an address nor a name, so no resolver is asked.
        let output = Command::new(example("lookup"))
            .args(["a:b", "127.0.0.1"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("no such name"), "{errors}");
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("127.0.0.1: "));
        let output = Command::new(example("lookup")).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "usage");
    });
}

#[test]
fn udp_batch_loses_nothing_in_any_way() {
    within(LIMIT, || {
        let said = run("udp_batch", &["3200"]);
        let names: Vec<&str> = said
            .lines()
            .filter_map(|l| Some(l.split_once(':')?.0))
            .collect();
        assert_eq!(
            names,
            ["one by one", "with one call", "in segments"],
            "{said}"
        );
    });
}
