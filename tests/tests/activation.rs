//! Do sockets that are passed to a program arrive, from us and from systemd's tool? Does a server that
//! is replaced lose no connection?

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use std_net::activation;
use std_net::socket::{TcpListener, UdpSocket};
use std_net::unix::{
    SocketAddr as UnixAddr, UnixDatagram, UnixListener, UnixSeqpacketListener, UnixStream,
};
use std_net_tests::{LIMIT, Server, TempPath, both, tool, within};

const INHERITOR: &str = env!("CARGO_BIN_EXE_inheritor");

fn output(mut command: Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_kind_arrives_under_its_name() {
    both(|| {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp =
            UdpSocket::bind("[::1]:0").unwrap_or_else(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
        let (unix_path, seqpacket_path) = (TempPath::new(), TempPath::new());
        let unix = UnixListener::bind(&*unix_path).unwrap();
        let addr = UnixAddr::from_pathname(&*seqpacket_path).unwrap();
        let seqpacket = UnixSeqpacketListener::bind_addr(&addr).unwrap();
        let (datagram, _other) = UnixDatagram::pair().unwrap();
        let null = File::open("/dev/null").unwrap();
        let mut command = Command::new(INHERITOR);
        // The other settings of the command must be kept.
        command
            .env("LISTEN_FDNAMES", "not:these")
            .env_remove("HOME");
        let sockets: [(&str, &dyn AsFd); 6] = [
            ("web", &tcp),
            ("dns", &udp),
            ("local", &unix),
            ("", &seqpacket),
            ("packets", &datagram),
            ("no socket", &null),
        ];
        activation::pass(&mut command, &sockets).unwrap();
        // The program that starts next answers these connections.
        let mut to_tcp = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        let to_unix = UnixStream::connect(&*unix_path).unwrap();
        let text = output(command);
        assert_eq!(
            text,
            "6 sockets\nenvironment cleared\nagain 0\nweb tcp-listener cloexec\ndns udp cloexec\n\
             local unix-listener cloexec\n- unix-seqpacket-listener cloexec\n\
             packets unix-datagram cloexec\nno socket something else cloexec\n"
        );
        let mut hello = String::new();
        to_tcp.read_to_string(&mut hello).unwrap();
        assert_eq!(hello, "hello");
        assert_eq!(to_unix.read_string(100).unwrap(), "hello");
        // The sockets are still open here too.
        assert!(tcp.local_addr().is_ok());
    });
}

#[test]
fn what_is_not_meant_for_this_process_is_left() {
    within(LIMIT, || {
        for (pid, count) in [(Some("1"), Some("1")), (None, Some("1")), (None, None)] {
            let mut command = Command::new(INHERITOR);
            command.env_remove("LISTEN_PID").env_remove("LISTEN_FDS");
            if let Some(pid) = pid {
                command.env("LISTEN_PID", pid);
            }
            if let Some(count) = count {
                command.env("LISTEN_FDS", count);
            }
            assert!(output(command).starts_with("0 sockets\n"));
        }
    });
}

#[test]
fn nonsense_is_an_error() {
    within(LIMIT, || {
        for (pid, count) in [
            ("$$", "x"),
            ("me", "1"),
            ("$$", "-1"),
            ("$$", "1000"),
            ("$$", ""),
        ] {
            let script = format!("LISTEN_PID={pid} LISTEN_FDS={count} exec {INHERITOR}");
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert!(!output.status.success(), "{script}");
        }
    });
}

#[test]
fn bad_names_are_refused() {
    both(|| {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        for name in ["a:b", "a\0b"] {
            let mut command = Command::new(INHERITOR);
            let error = activation::pass(&mut command, &[(name, &tcp)]).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn from_systemds_own_tool() {
    let Some(activate) = tool("systemd-socket-activate") else {
        return;
    };
    within(LIMIT, || {
        // The tool does not accept port 0, so use a port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let address = format!("127.0.0.1:{port}");
        let mut child = Command::new(&activate)
            .args(["--fdname=web", "-l", &address, INHERITOR])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut hello = String::new();
        loop {
            // It may not listen yet.
            if let Ok(mut stream) = TcpStream::connect(&address) {
                stream.read_to_string(&mut hello).unwrap();
                break;
            }
            thread::yield_now();
        }
        assert_eq!(hello, "hello");
        let mut text = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        child.wait().unwrap();
        assert_eq!(
            text,
            "1 sockets\nenvironment cleared\nagain 0\nweb tcp-listener cloexec\n"
        );
    });
}

/// Asks for the id of the OS process that answers.
fn ask(address: SocketAddr) -> std::io::Result<u32> {
    let mut line = String::new();
    BufReader::new(TcpStream::connect(address)?).read_line(&mut line)?;
    line.trim().parse().map_err(std::io::Error::other)
}

#[test]
fn a_server_that_is_replaced_under_load_loses_no_connection() {
    within(LIMIT, || {
        let server = Server::start("restart", &["127.0.0.1:0"]);
        let address = server.address;
        let (stop, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let load: Vec<_> = (0..4)
            .map(|_| {
                let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
                thread::spawn(move || {
                    let mut failed = Vec::new();
                    while !stop.load(Ordering::SeqCst) {
                        if let Err(error) = ask(address) {
                            failed.push(error);
                        }
                        asked.fetch_add(1, Ordering::SeqCst);
                    }
                    failed
                })
            })
            .collect();
        let mut pid = server.id();
        for _ in 0..5 {
            let before = asked.load(Ordering::SeqCst);
            signal("HUP", pid);
            // The new server answers, and then the old one ends.
            let next = loop {
                let next = ask(address).unwrap();
                if next != pid {
                    break next;
                }
            };
            while std::path::Path::new(&format!("/proc/{pid}/exe")).exists() {
                thread::yield_now();
            }
            while asked.load(Ordering::SeqCst) < before + 100 {
                thread::yield_now();
            }
            pid = next;
        }
        stop.store(true, Ordering::SeqCst);
        let failed: Vec<_> = load
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect();
        signal("TERM", pid);
        assert!(failed.is_empty(), "{failed:?}");
        eprintln!("{} connections, none failed", asked.load(Ordering::SeqCst));
    });
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}
