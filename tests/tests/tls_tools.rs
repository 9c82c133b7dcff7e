//! TLS with OpenSSL and curl, in both directions.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use std_net::process;
use std_net::socket::{SocketAddr, TcpListener, TcpStream};
use std_net::tls::{
    ClientConfig, ClientConfigBuilder, ServerConfig, ServerConfigBuilder, TlsAcceptor, TlsCause,
    TlsError, TlsStream, Version,
};
use std_net_tests::certificates::{Authority, Identity, self_signed};
use std_net_tests::{LIMIT, Server, both, example, tool, within};

/// PEM files of an authority and some certificates. The folder is removed when this is dropped.
struct Files {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Files {
        let files = Files {
            folder: tempfile::tempdir().unwrap(),
            authority: Authority::new(),
        };
        fs::write(files.path("ca.pem"), &files.authority.pem).unwrap();
        files.write("localhost", &files.localhost());
        files
    }

    fn localhost(&self) -> Identity {
        self.authority.issue(&["localhost", "127.0.0.1"])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, identity: &Identity) {
        fs::write(self.path(&format!("{name}.pem")), &identity.chain).unwrap();
        fs::write(self.path(&format!("{name}.key")), &identity.key).unwrap();
    }

    fn client(&self) -> ClientConfigBuilder {
        ClientConfig::builder().root_file(self.path("ca.pem"))
    }

    fn server(&self) -> ServerConfigBuilder {
        ServerConfig::builder_from_files(self.path("localhost.pem"), self.path("localhost.key"))
    }
}

/// Where the server of a test runs. The test itself waits for programs, which would block a worker.
#[derive(Clone, Copy)]
enum Place {
    Thread,
    Process,
}

/// Runs a test with its server in each place.
fn in_both(test: impl Fn(Place)) {
    for place in [Place::Thread, Place::Process] {
        within(LIMIT, || test(place));
    }
}

impl Place {
    fn run<T: Send + 'static>(self, f: impl FnOnce() -> T + Send + 'static) -> mpsc::Receiver<T> {
        let (result, receiver) = mpsc::channel();
        let f = move || {
            // If the test has failed, the receiver is gone.
            let _ = result.send(f());
        };
        match self {
            Place::Thread => drop(thread::spawn(f)),
            Place::Process => drop(process::spawn(f)),
        }
        receiver
    }
}

/// Sends lines back over TLS, and returns the result of each connection.
fn echo_server(
    place: Place,
    config: ServerConfigBuilder,
    connections: usize,
) -> (SocketAddr, mpsc::Receiver<Vec<io::Result<()>>>) {
    let acceptor = TlsAcceptor::new(config.build().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = place.run(move || {
        let serve = || {
            let (stream, _) = listener.accept()?;
            let (mut read, mut write) = acceptor.accept(stream)?.into_channels(true)?;
            while let Some(line) = read.read_utf8_line(1000)? {
                write.write_line(line)?;
            }
            write.flush_and_close()
        };
        (0..connections).map(|_| serve()).collect()
    });
    (address, server)
}

/// `openssl s_client`. It ends when this is dropped.
struct SClient {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl SClient {
    fn start(openssl: &Path, address: SocketAddr, args: &[&str]) -> SClient {
        let mut child = Command::new(openssl)
            .args(["s_client", "-connect", &address.to_string()])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        SClient {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn say(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Reads up to a line that contains this text. Returns everything that came.
    fn until(&mut self, what: &str) -> String {
        let mut all = String::new();
        loop {
            let from = all.len();
            let n = self.stdout.read_line(&mut all).unwrap();
            if n == 0 || all[from..].contains(what) {
                assert!(n > 0, "no {what:?} in: {all}");
                return all;
            }
        }
    }

    fn end(mut self) -> String {
        drop(self.stdin.take());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for SClient {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `openssl s_server`, which sends each line back reversed.
struct SServer {
    child: Child,
    port: u16,
}

impl SServer {
    fn start(openssl: &Path, files: &Files, name: &str, args: &[&str]) -> SServer {
        let mut child = Command::new(openssl)
            .args(["s_server", "-accept", "127.0.0.1:0", "-rev"])
            .arg("-cert")
            .arg(files.path(&format!("{name}.pem")))
            .arg("-key")
            .arg(files.path(&format!("{name}.key")))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("it says where").unwrap();
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.rsplit_once(':').unwrap().1.parse().unwrap();
            }
        };
        // Read its output, so that the pipe never fills.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        SServer { child, port }
    }

    fn connect(&self, config: &ClientConfig, name: &str) -> io::Result<TlsStream<TcpStream>> {
        TcpStream::connect(("127.0.0.1", self.port))?.tls_with(name, config)
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a line and gets it back reversed.
fn reversed(stream: &TlsStream<TcpStream>) {
    let mut read = stream.open_read_channel().unwrap();
    (&*stream).write_all(b"hello\n").unwrap();
    assert_eq!(read.read_utf8_line(80).unwrap(), Some("olleh"));
}

fn cause(error: &io::Error) -> TlsCause {
    TlsError::of(error)
        .unwrap_or_else(|| panic!("{error:?}"))
        .cause()
}

#[test]
fn s_client_gets_its_lines_back_in_both_versions() {
    let Some(openssl) = tool("openssl") else {
        return;
    };
    within(LIMIT, || {
        let files = Files::new();
        let (cert, key) = (files.text("localhost.pem"), files.text("localhost.key"));
        let server = Server::start("tls_echo_server", &[&*cert, &key, "127.0.0.1:0"]);
        let ca = files.text("ca.pem");
        for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
            let args = [
                "-CAfile",
                &ca,
                "-verify_return_error",
                "-verify_hostname",
                "localhost",
                flag,
            ];
            let mut client = SClient::start(&openssl, server.address, &args);
            let head = client.until("Verify return code");
            assert!(head.contains(version), "{head}");
            assert!(head.contains("Verify return code: 0 (ok)"), "{head}");
            client.say("hello\n");
            client.until("hello");
            client.say("grüß dich\n");
            client.until("grüß dich");
            client.end();
            // The certificate is valid, but not for this name.
            let args = [
                "-CAfile",
                &ca,
                "-verify_return_error",
                "-verify_hostname",
                "example.org",
                flag,
            ];
            let client = SClient::start(&openssl, server.address, &args);
            let all = client.end();
            assert!(all.contains("hostname mismatch"), "{all}");
        }
    });
}

#[test]
fn s_client_is_told_the_application_protocol_and_resumes() {
    let Some(openssl) = tool("openssl") else {
        return;
    };
    in_both(|place| {
        let files = Files::new();
        let config = files.server().alpn(["http/1.1", "echo"]);
        let (address, server) = echo_server(place, config, 4);
        for version in ["-tls1_2", "-tls1_3"] {
            let session = files.text(&format!("session{version}"));
            let mut client = SClient::start(
                &openssl,
                address,
                &[version, "-alpn", "echo", "-sess_out", &session],
            );
            let head = client.until("Verify return code");
            assert!(head.contains("ALPN protocol: echo"), "{head}");
            assert!(head.contains("New, TLS"), "{head}");
            // When a line has come back, the tickets have arrived too.
            client.say("hello\n");
            client.until("hello");
            client.end();
            let client = SClient::start(
                &openssl,
                address,
                &[version, "-alpn", "echo", "-sess_in", &session],
            );
            let head = client.end();
            assert!(head.contains("Reused, TLS"), "{head}");
        }
        assert!(server.recv().unwrap().iter().all(Result::is_ok));
        let config = files.server().alpn(["h2"]);
        let (address, server) = echo_server(place, config, 1);
        let client = SClient::start(&openssl, address, &["-alpn", "imap"]);
        client.end();
        let results = server.recv().unwrap();
        assert_eq!(cause(results[0].as_ref().unwrap_err()), TlsCause::Protocol);
    });
}

#[test]
fn s_client_with_a_certificate_without_and_with_a_wrong_one() {
    let Some(openssl) = tool("openssl") else {
        return;
    };
    in_both(|place| {
        let files = Files::new();
        files.write("me", &files.authority.issue(&["me"]));
        files.write("other", &Authority::new().issue(&["me"]));
        for version in ["-tls1_2", "-tls1_3"] {
            let config = files.server().client_root_file(files.path("ca.pem"));
            let (address, server) = echo_server(place, config, 3);
            let (cert, key) = (files.text("me.pem"), files.text("me.key"));
            let mut client =
                SClient::start(&openssl, address, &[version, "-cert", &cert, "-key", &key]);
            client.say("hello\n");
            client.until("hello");
            client.end();
            SClient::start(&openssl, address, &[version]).end();
            let (cert, key) = (files.text("other.pem"), files.text("other.key"));
            SClient::start(&openssl, address, &[version, "-cert", &cert, "-key", &key]).end();
            let results = server.recv().unwrap();
            assert!(results[0].is_ok(), "{results:?}");
            for result in &results[1..] {
                let error = result.as_ref().unwrap_err();
                assert_eq!(cause(error), TlsCause::Certificate, "{error}");
            }
        }
    });
}

#[test]
fn s_server_in_both_versions() {
    let Some(openssl) = tool("openssl") else {
        return;
    };
    both(move || {
        let files = Files::new();
        let server = SServer::start(&openssl, &files, "localhost", &[]);
        for version in [Version::Tls12, Version::Tls13] {
            let config = files.client().max_version(version).build().unwrap();
            for resumed in [false, true] {
                let stream = server.connect(&config, "localhost").unwrap();
                assert_eq!(stream.version(), version);
                reversed(&stream);
                assert_eq!(stream.is_resumed(), resumed, "{version:?}");
                stream.close().unwrap();
            }
            let error = server.connect(&config, "example.org").unwrap_err();
            assert_eq!(cause(&error), TlsCause::Name);
        }
        let only_1_2 = SServer::start(&openssl, &files, "localhost", &["-tls1_2"]);
        let config = files.client().min_version(Version::Tls13).build().unwrap();
        let error = only_1_2.connect(&config, "localhost").unwrap_err();
        assert_eq!(cause(&error), TlsCause::Protocol);
    });
}

#[test]
fn s_server_with_a_bad_certificate() {
    let Some(openssl) = tool("openssl") else {
        return;
    };
    both(move || {
        let files = Files::new();
        files.write("expired", &files.authority.issue_expired(&["localhost"]));
        files.write("self", &self_signed(&["localhost"]));
        let config = files.client().build().unwrap();
        for name in ["expired", "self"] {
            let server = SServer::start(&openssl, &files, name, &[]);
            let error = server.connect(&config, "localhost").unwrap_err();
            assert_eq!(cause(&error), TlsCause::Certificate, "{error}");
            let any = ClientConfig::builder().dangerous_skip_verification();
            reversed(&server.connect(&any.build().unwrap(), "localhost").unwrap());
        }
    });
}

#[test]
fn s_server_that_asks_for_a_certificate_and_chooses_a_protocol() {
    let Some(openssl) = tool("openssl") else {
        return;
    };
    both(move || {
        let files = Files::new();
        files.write("me", &files.authority.issue(&["me"]));
        let ca = files.text("ca.pem");
        let args = [
            "-CAfile",
            &ca,
            "-Verify",
            "1",
            "-verify_return_error",
            "-alpn",
            "a,b",
        ];
        let server = SServer::start(&openssl, &files, "localhost", &args);
        for version in [Version::Tls12, Version::Tls13] {
            let config = || files.client().max_version(version).alpn(["b"]);
            let good = config().certificate_files(files.path("me.pem"), files.path("me.key"));
            let stream = server.connect(&good.build().unwrap(), "localhost").unwrap();
            assert_eq!(stream.alpn().as_deref(), Some(&b"b"[..]));
            reversed(&stream);
            drop(stream);
            let without = config().build().unwrap();
            let error = server
                .connect(&without, "localhost")
                .and_then(|mut stream| stream.read(&mut [0; 8]))
                .unwrap_err();
            assert!(TlsError::of(&error).unwrap().is_by_peer(), "{error}");
        }
    });
}

#[test]
fn s_server_that_is_killed_leaves_a_truncated_stream() {
    let Some(openssl) = tool("openssl") else {
        return;
    };
    both(move || {
        let files = Files::new();
        let mut server = SServer::start(&openssl, &files, "localhost", &[]);
        let config = files.client().build().unwrap();
        let stream = server.connect(&config, "localhost").unwrap();
        let mut read = stream.open_read_channel().unwrap();
        (&stream).write_all(b"hello\n").unwrap();
        assert_eq!(read.read_utf8_line(80).unwrap(), Some("olleh"));
        server.child.kill().unwrap();
        let error = read.read_utf8_line(80).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(cause(&error), TlsCause::Truncated);
    });
}

/// Runs an HTTPS server that answers this many connections.
fn https_server(
    place: Place,
    config: ServerConfigBuilder,
    connections: usize,
) -> (SocketAddr, mpsc::Receiver<()>) {
    let acceptor = TlsAcceptor::new(config.build().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = place.run(move || {
        let answer = || -> io::Result<()> {
            let stream = acceptor.accept(listener.accept()?.0)?;
            let version = stream.version();
            let (mut read, mut write) = stream.into_channels(false)?;
            let request = read.read_utf8_line(1000)?.unwrap_or_default().to_owned();
            while read.read_line(1000)?.is_some_and(|line| !line.is_empty()) {}
            let body = format!("{request} over {version:?}");
            let length = body.len();
            write!(
                write,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
            )?;
            write.flush_and_close()
        };
        for _ in 0..connections {
            // Some clients hang up when they have seen the certificate.
            if let Err(error) = answer() {
                eprintln!("{error}");
            }
        }
    });
    (address, server)
}

#[test]
fn curl_with_our_authority() {
    let Some(curl) = tool("curl") else { return };
    in_both(|place| {
        let files = Files::new();
        let (address, server) = https_server(place, files.server().alpn(["http/1.1"]), 5);
        let url = |host: &str| format!("https://{host}:{}/path", address.port());
        let run = |args: &[&str]| -> Output {
            Command::new(&curl)
                .args([
                    "-sS",
                    "--resolve",
                    &format!("example.org:{}:127.0.0.1", address.port()),
                ])
                .args(args)
                .output()
                .unwrap()
        };
        let ca = files.text("ca.pem");
        for (max, version) in [("1.2", "Tls12"), ("1.3", "Tls13")] {
            let output = run(&["--cacert", &ca, "--tls-max", max, &url("127.0.0.1")]);
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(text, format!("GET /path HTTP/1.1 over {version}"));
            assert!(output.status.success());
        }
        let output = run(&["--cacert", &ca, &url("example.org")]);
        assert_eq!(
            output.status.code(),
            Some(60),
            "the name is not in the certificate"
        );
        let other = files.text("localhost.pem");
        let output = run(&["--cacert", &other, &url("example.org")]);
        assert_eq!(output.status.code(), Some(60));
        let output = run(&["--insecure", &url("example.org")]);
        assert!(output.status.success());
        server.recv().unwrap();
    });
}

#[test]
fn the_client_program_gets_an_answer() {
    within(LIMIT, || {
        let files = Files::new();
        let (address, server) = https_server(Place::Process, files.server(), 4);
        let run = |args: &[&str]| {
            Command::new(example("tls_client"))
                .args(args)
                .output()
                .unwrap()
        };
        let url = format!("https://127.0.0.1:{}/", address.port());
        let ca = files.text("ca.pem");
        let output = run(&["--ca", &ca, &url]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text, "GET / HTTP/1.1 over Tls13");
        let head = String::from_utf8(output.stderr).unwrap();
        assert!(head.contains("HTTP/1.1 200 OK"), "{head}");
        let output = run(&["--insecure", &url]);
        assert!(output.status.success());
        // One set of roots does not contain our authority, and one set is empty. The roots of this
        // machine are not used, because they are unknown.
        let run_with_roots = |roots: &str| {
            let output = Command::new(example("tls_client"))
                .arg(&url)
                .env("SSL_CERT_FILE", roots)
                .env_remove("SSL_CERT_DIR")
                .output()
                .unwrap();
            assert!(!output.status.success());
            String::from_utf8(output.stderr).unwrap()
        };
        let said = run_with_roots(&Files::new().text("ca.pem"));
        assert!(said.contains("Certificate"), "{said}");
        let said = run_with_roots("/dev/null");
        assert!(said.contains("no root certificates"), "{said}");
        server.recv().unwrap();
    });
}
