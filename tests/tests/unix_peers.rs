//! Do Unix sockets work with other programs at the other end: socat for streams, seqpackets and
//! datagrams, curl for HTTP, OpenBSD's netcat for abstract names?

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use std_net::process;
use std_net::unix::{
    AddrText, SocketAddr, UnixDatagram, UnixListener, UnixSeqpacket, UnixSeqpacketListener,
    UnixStream,
};
use std_net_tests::{TempPath, both, tool};

/// No step here may take longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program whose input and output are connected to the test. It ends when this is dropped.
struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(program: &Path, args: &[&dyn AsRef<OsStr>]) -> Peer {
        let mut child = Command::new(program)
            .args(args.iter().map(|arg| arg.as_ref()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Peer {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn say(&mut self, text: &str) {
        let input = self.input.as_mut().expect("not ended yet");
        input.write_all(text.as_bytes()).unwrap();
    }

    /// Reads on a thread of the pool, because the program may answer another process of this worker.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        process::blocking(|| self.output.read_line(&mut line)).unwrap();
        line
    }

    /// Ends the input of the program. Returns the rest of its output.
    fn end(&mut self) -> String {
        self.input = None;
        let mut rest = String::new();
        process::blocking(|| self.output.read_to_string(&mut rest)).unwrap();
        rest
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects to a program that may not listen yet.
fn connect<T>(connect: impl Fn() -> std::io::Result<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        match connect() {
            Ok(connected) => return connected,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::ConnectionRefused
                ) && Instant::now() < until =>
            {
                process::sleep(Duration::from_millis(5));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Returns a name that nothing else uses.
fn abstract_name(what: &str) -> String {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("std_net-test-{what}-{}-{n}", std::process::id())
}

fn echo(stream: &UnixStream) {
    stream.set_deadline(PATIENCE);
    loop {
        let text = stream.read_string(4096).unwrap();
        if text.is_empty() {
            return;
        }
        stream.write_string(&text).unwrap();
    }
}

#[test]
fn socat_gets_its_lines_back_from_a_listener() {
    let Some(socat) = tool("socat") else { return };
    both(move || {
        let path = TempPath::new();
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_deadline(PATIENCE);
        let connect = format!("UNIX-CONNECT:{}", path.display());
        let mut client = Peer::start(&socat, &[&"-t30", &"-", &connect]);
        client.say("one\ntwo\n");
        let (stream, _) = listener.accept().unwrap();
        assert_eq!(
            stream.peer_cred().unwrap().pid,
            Some(client.child.id().cast_signed())
        );
        let server = process::spawn(move || echo(&stream));
        assert_eq!(client.hear(), "one\n");
        client.say("three without an end");
        assert_eq!(client.end(), "two\nthree without an end");
        server.join().unwrap();
    });
}

#[test]
fn socat_listens_and_echoes() {
    let Some(socat) = tool("socat") else { return };
    both(move || {
        let path = TempPath::new();
        let listen = format!("UNIX-LISTEN:{}", path.display());
        let _server = Peer::start(&socat, &[&listen, &"EXEC:cat"]);
        let stream = connect(|| UnixStream::connect(&path));
        stream.set_deadline(PATIENCE);
        stream.write_string("grüß dich").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = String::new();
        (&stream).read_to_string(&mut all).unwrap();
        assert_eq!(all, "grüß dich");
    });
}

#[test]
fn socat_talks_in_seqpackets() {
    let Some(socat) = tool("socat") else { return };
    both(move || {
        let path = TempPath::new();
        let addr = SocketAddr::from_pathname(&*path).unwrap();
        let listener = UnixSeqpacketListener::bind_addr(&addr).unwrap();
        listener.set_deadline(PATIENCE);
        // The number 5 is SOCK_SEQPACKET.
        let connect = format!("UNIX-CONNECT:{},type=5", path.display());
        let mut client = Peer::start(&socat, &[&"-t30", &"-", &connect]);
        let (connection, _) = listener.accept().unwrap();
        connection.set_deadline(PATIENCE);
        let mut buf = [0; 64];
        for text in ["one\n", "two\n"] {
            client.say(text);
            let n = connection.recv(&mut buf).unwrap();
            assert_eq!(&buf[..n], text.as_bytes());
            // socat receives these two messages one by one.
            connection.send(b"got ").unwrap();
            connection.send(text.as_bytes()).unwrap();
            assert_eq!(client.hear(), format!("got {text}"));
        }
        drop(connection);
        assert_eq!(client.end(), "");
    });
}

#[test]
fn socat_listens_for_seqpackets() {
    let Some(socat) = tool("socat") else { return };
    both(move || {
        let path = TempPath::new();
        let listen = format!("UNIX-LISTEN:{},type=5", path.display());
        let mut server = Peer::start(&socat, &[&listen, &"-"]);
        let addr = SocketAddr::from_pathname(&*path).unwrap();
        let connection = connect(|| UnixSeqpacket::connect_addr(&addr));
        connection.set_deadline(PATIENCE);
        connection.send(b"to ").unwrap();
        connection.send(b"socat\n").unwrap();
        assert_eq!(server.hear(), "to socat\n");
        server.say("and back");
        let mut buf = [0; 64];
        let n = connection.recv(&mut buf).unwrap();
        assert_eq!(&buf[..n], b"and back");
    });
}

#[test]
fn socat_sends_datagrams_and_gets_an_answer() {
    let Some(socat) = tool("socat") else { return };
    both(move || {
        let (path, theirs) = (TempPath::new(), TempPath::new());
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_deadline(PATIENCE);
        let send = format!("UNIX-SENDTO:{},bind={}", path.display(), theirs.display());
        let mut client = Peer::start(&socat, &[&"-t30", &"-", &send]);
        client.say("ping\n");
        let mut buf = [0; 64];
        let (n, from) = socket.recv_from(&mut buf).unwrap();
        assert_eq!(&buf[..n], b"ping\n");
        assert_eq!(from.as_pathname(), Some(&*theirs));
        socket.send_to_addr(b"pong\n", &from).unwrap();
        assert_eq!(client.hear(), "pong\n");
    });
}

/// Answers one HTTP request.
fn hello(listener: &UnixListener) {
    let (stream, _) = listener.accept().unwrap();
    stream.set_deadline(PATIENCE);
    let mut lines = BufReader::new(&stream).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with("GET /hello HTTP/1."), "{first}");
    while !lines.next().unwrap().unwrap().is_empty() {}
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
    stream.write_string(reply).unwrap();
}

#[test]
fn curl_asks_over_a_path_and_an_abstract_name() {
    let Some(curl) = tool("curl") else { return };
    both(move || {
        let path = TempPath::new();
        let name = abstract_name("curl");
        let addr = SocketAddr::from_text(format!("@{name}")).unwrap();
        let cases = [
            (
                UnixListener::bind(&path).unwrap(),
                "--unix-socket",
                path.as_os_str(),
            ),
            (
                UnixListener::bind_addr(&addr).unwrap(),
                "--abstract-unix-socket",
                OsStr::new(&name),
            ),
        ];
        for (listener, option, value) in cases {
            listener.set_deadline(PATIENCE);
            let url = "http://localhost/hello";
            let mut client = Peer::start(&curl, &[&"-sS", &option, &value, &url]);
            hello(&listener);
            assert_eq!(client.end(), "hello\n", "{option}");
            assert!(client.child.wait().unwrap().success());
        }
    });
}

/// Returns OpenBSD's netcat. Other versions have no Unix sockets, or take a leading `@` for a file
/// name.
fn openbsd_netcat() -> Option<std::path::PathBuf> {
    let nc = tool("nc")?;
    let help = Command::new(&nc).arg("-h").output().unwrap();
    let ours = String::from_utf8_lossy(&help.stderr).contains("OpenBSD");
    if !ours {
        eprintln!("SKIPPED: nc is not OpenBSD's");
    }
    ours.then_some(nc)
}

#[test]
fn netcat_connects_to_an_abstract_name() {
    let Some(nc) = openbsd_netcat() else { return };
    both(move || {
        let name = format!("@{}", abstract_name("nc"));
        let listener = UnixListener::bind_addr(&SocketAddr::from_text(&name).unwrap()).unwrap();
        listener.set_deadline(PATIENCE);
        let mut client = Peer::start(&nc, &[&"-N", &"-U", &name]);
        client.say("over an abstract name\n");
        let (stream, _) = listener.accept().unwrap();
        let server = process::spawn(move || echo(&stream));
        assert_eq!(client.hear(), "over an abstract name\n");
        assert_eq!(client.end(), "");
        server.join().unwrap();
    });
}

#[test]
fn netcat_listens_at_an_abstract_name() {
    let Some(nc) = openbsd_netcat() else { return };
    both(move || {
        let name = format!("@{}", abstract_name("nc"));
        let addr = SocketAddr::from_text(&name).unwrap();
        let mut server = Peer::start(&nc, &[&"-l", &"-U", &name]);
        let stream = connect(|| UnixStream::connect_addr(&addr));
        stream.set_deadline(PATIENCE);
        assert_eq!(stream.peer_addr().unwrap().display().to_string(), name);
        stream.write_string("ping\n").unwrap();
        assert_eq!(server.hear(), "ping\n");
        server.say("pong\n");
        assert_eq!(stream.read_string(64).unwrap(), "pong\n");
    });
}
