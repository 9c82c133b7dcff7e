//! Code that the tests of existing crates share: real servers on free ports in temporary folders, a
//! slow HTTP server and a small SMTP server of our own, and the comparison of threadlike processes with
//! OS threads.
//!
//! Each test is a program of its own with one worker, so a client that blocks the worker blocks all
//! others.

#![allow(clippy::missing_panics_doc, reason = "panics are how tests fail")]

pub mod allocator;

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process;
use std_net::runtime;
use std_net_interpose as _;
use tempfile::TempDir;

/// Returns the path of a tool. If there is none, it prints that the test is skipped, and returns
/// `None`.
#[must_use]
pub fn tool(names: &[&str]) -> Option<PathBuf> {
    let mut dirs: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    dirs.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    // Debian keeps each version of PostgreSQL in its own folder.
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        let mut bins: Vec<_> = versions
            .flatten()
            .map(|version| version.path().join("bin"))
            .collect();
        bins.sort();
        dirs.splice(..0, bins.into_iter().rev());
    }
    let found = names
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {} is not installed", names[0]);
    }
    found
}

/// Returns a port that is free at this moment.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A server that ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The port on which it listens.
    pub port: u16,
    /// The folder with its files.
    pub dir: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // This signal makes the server end cleanly, and PostgreSQL's child processes end too.
        // SAFETY: this is our child, and it has not been waited for.
        unsafe { libc::kill(self.child.id().cast_signed(), libc::SIGINT) };
        let begun = Instant::now();
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if begun.elapsed() > Duration::from_secs(5) {
                let _ = self.child.kill();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Server {
    /// Starts the server, and waits until it accepts connections. If it does not, prints a message and
    /// returns `None`.
    fn start(mut command: Command, port: u16, dir: TempDir) -> Option<Server> {
        let log = fs::File::create(dir.path().join("server.log")).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command.spawn().expect("the server can be executed");
        let mut server = Server { child, port, dir };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().unwrap();
            if ended.is_some() || begun.elapsed() > Duration::from_secs(30) {
                let log = fs::read_to_string(server.dir.path().join("server.log"));
                eprintln!("SKIPPED: the server does not start: {command:?}: {log:?}");
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
        Some(server)
    }
}

/// Starts `redis-server`, with an empty database in memory.
#[must_use]
pub fn redis() -> Option<Server> {
    let program = tool(&["redis-server"])?;
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let mut command = Command::new(program);
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args([
            "--save",
            "",
            "--appendonly",
            "no",
            "--maxclients",
            "20000",
            "--tcp-backlog",
            "4096",
        ])
        .current_dir(dir.path());
    Server::start(command, port, dir)
}

/// Makes a server that refuses to run as root run as another user.
fn not_root(command: &mut Command, user: &str, dir: &Path) -> Option<()> {
    // SAFETY: there are no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        return Some(());
    }
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let Some(line) = passwd
        .lines()
        .find(|line| line.starts_with(&format!("{user}:")))
    else {
        eprintln!("SKIPPED: there is no user {user}, and the server refuses to be root");
        return None;
    };
    let mut ids = line.split(':').skip(2).map(|id| id.parse::<u32>());
    let (uid, gid) = (ids.next()?.ok()?, ids.next()?.ok()?);
    std::os::unix::fs::chown(dir, Some(uid), Some(gid)).ok()?;
    command.uid(uid).gid(gid);
    Some(())
}

/// Starts PostgreSQL with the user `postgres` and no password, for 300 connections, with TLS.
#[must_use]
pub fn postgres() -> Option<Server> {
    let (server, initdb) = (tool(&["postgres"])?, tool(&["initdb"])?);
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let data = dir.path().join("data");
    let mut init = Command::new(initdb);
    init.args(["-U", "postgres", "-A", "trust", "--no-sync", "-D"])
        .arg(&data)
        .current_dir(dir.path());
    not_root(&mut init, "postgres", dir.path())?;
    let made = init.output().unwrap();
    if !made.status.success() {
        eprintln!("SKIPPED: initdb: {}", String::from_utf8_lossy(&made.stderr));
        return None;
    }
    let tls = certificate(&data, "postgres");
    let mut command = Command::new(server);
    command
        .args(["-p", &port.to_string(), "-D"])
        .arg(&data)
        .args(["-h", "127.0.0.1", "-k", "", "-N", "300", "-F"])
        .args(["-c", if tls { "ssl=on" } else { "ssl=off" }])
        .current_dir(dir.path());
    not_root(&mut command, "postgres", dir.path())?;
    let is_ready = tool(&["pg_isready"])?;
    let server = Server::start(command, port, dir)?;
    // It accepts connections before it can serve them.
    let mut ask = Command::new(is_ready);
    ask.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
    let begun = Instant::now();
    while !ask.status().unwrap().success() && begun.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(20));
    }
    Some(server)
}

/// Makes `server.crt` and `server.key` with openssl.
fn certificate(dir: &Path, owner: &str) -> bool {
    let Some(openssl) = tool(&["openssl"]) else {
        return false;
    };
    let mut make = Command::new(openssl);
    make.args(["req", "-new", "-x509", "-days", "2", "-nodes", "-batch"])
        .args([
            "-subj",
            "/CN=localhost",
            "-out",
            "server.crt",
            "-keyout",
            "server.key",
        ])
        .current_dir(dir);
    let _ = not_root(&mut make, owner, dir);
    make.output().is_ok_and(|made| made.status.success())
}

/// An `sshd` for the user that runs the test. The user logs in with the key `key` in its folder.
#[must_use]
pub fn sshd() -> Option<Server> {
    let (program, keygen) = (tool(&["sshd"])?, tool(&["ssh-keygen"])?);
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    for name in ["host", "key"] {
        // libssh2 reads the older form of private keys with all of its backends.
        let made = Command::new(&keygen)
            .args(["-q", "-t", "ecdsa", "-m", "PEM", "-N", "", "-f", name])
            .current_dir(dir.path())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: ssh-keygen makes no key");
            return None;
        }
    }
    // It insists on this folder when it is root.
    // SAFETY: no preconditions.
    if unsafe { libc::geteuid() } == 0 {
        let _ = fs::create_dir_all("/run/sshd");
    }
    let mut command = Command::new(program);
    command
        .args(["-D", "-e", "-f", "/dev/null", "-p", &port.to_string()])
        .arg("-h")
        .arg(dir.path().join("host"))
        .args(["-o", "ListenAddress=127.0.0.1", "-o", "UsePAM=no"])
        .args(["-o", "StrictModes=no", "-o", "PidFile=none"])
        .args(["-o", "MaxStartups=500", "-o", "PermitRootLogin=yes"])
        .arg("-o")
        .arg(format!(
            "AuthorizedKeysFile={}",
            dir.path().join("key.pub").display()
        ))
        .current_dir(dir.path());
    Server::start(command, port, dir)
}

/// Starts MariaDB with the user `test` and no password.
#[must_use]
pub fn mariadb() -> Option<Server> {
    let (server, install) = (
        tool(&["mariadbd", "mysqld"])?,
        tool(&["mariadb-install-db", "mysql_install_db"])?,
    );
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let data = dir.path().join("data");
    let made = Command::new(install)
        .args(["--no-defaults", "--auth-root-authentication-method=normal"])
        .arg(format!("--datadir={}", data.display()))
        .args(["--skip-test-db", "--user=root"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    if !made.status.success() {
        eprintln!(
            "SKIPPED: mariadb-install-db: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        return None;
    }
    let mut command = Command::new(server);
    command
        .args(["--no-defaults", "--user=root", "--bind-address=127.0.0.1"])
        .arg(format!("--port={port}"))
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--socket={}", dir.path().join("socket").display()))
        .args([
            "--max-connections=400",
            "--skip-name-resolve",
            "--skip-grant-tables",
        ])
        .args(["--skip-networking=0", "--innodb-flush-log-at-trx-commit=0"])
        .current_dir(dir.path());
    Server::start(command, port, dir)
}

/// Starts an HTTP server that answers `hello` after a while. It runs on plain threads with small
/// stacks, and waits for all clients at once: a server on std_net in this program would share the
/// worker with the clients.
#[must_use]
pub fn slow_http(wait: Duration) -> u16 {
    serve(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                thread::sleep(wait);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
                if stream.write_all(answer).is_err() {
                    return;
                }
            }
        }
    })
}

/// Starts a server that sends back what it gets, after a while.
#[must_use]
pub fn slow_echo(wait: Duration) -> u16 {
    serve(move |mut stream| {
        let mut buf = [0; 512];
        while let Ok(n @ 1..) = stream.read(&mut buf) {
            thread::sleep(wait);
            if stream.write_all(&buf[..n]).is_err() {
                return;
            }
        }
    })
}

/// Starts an SMTP server that accepts each message after a while. Also returns its count of messages.
#[must_use]
pub fn slow_smtp(wait: Duration) -> (u16, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let port = serve(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let _ = stream.write_all(b"220 localhost ESMTP\r\n");
        let mut in_data = false;
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let answer = match line.trim_end() {
                "." if in_data => {
                    in_data = false;
                    thread::sleep(wait);
                    count.fetch_add(1, Ordering::SeqCst);
                    "250 taken\r\n"
                }
                _ if in_data => continue,
                "DATA" => {
                    in_data = true;
                    "354 go on\r\n"
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 localhost\r\n",
            };
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    (port, taken)
}

/// An IMAP server that answers each command after a while. There are 42 messages in each mailbox.
#[must_use]
pub fn slow_imap(wait: Duration) -> u16 {
    serve(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let _ = stream.write_all(b"* OK ready\r\n");
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            thread::sleep(wait);
            let mut words = line.split_whitespace();
            let (tag, command) = (words.next().unwrap_or("*"), words.next().unwrap_or(""));
            let first = match command {
                "SELECT" => "* 42 EXISTS\r\n",
                "LOGOUT" => "* BYE until later\r\n",
                _ => "",
            };
            let answer = format!("{first}{tag} OK done\r\n");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    })
}

fn serve(f: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = std_net::socket::TcpBuilder::new()
        .backlog(4096)
        .listen("127.0.0.1:0")
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    let listener = TcpListener::from(std::os::fd::OwnedFd::from(listener));
    let f = Arc::new(f);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let f = Arc::clone(&f);
            thread::Builder::new()
                .stack_size(64 << 10)
                .spawn(move || f(stream))
                .unwrap();
        }
    });
    port
}

/// The time and memory that a number of clients took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// The time from the first start to the last end.
    pub time: Duration,
    /// The CPU time of this program, user and system.
    pub cpu: Duration,
    /// How much its resident memory grew at most, in bytes. It is 0 if it did not grow.
    pub memory: u64,
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} s, {:.2} s CPU, {:.1} MB",
            self.time.as_secs_f64(),
            self.cpu.as_secs_f64(),
            self.memory as f64 / 1e6
        )
    }
}

fn measured(f: impl FnOnce()) -> Took {
    let (cpu, memory, begun) = (cpu(), resident(), Instant::now());
    let peak = Arc::new(AtomicUsize::new(0));
    let watch = Arc::clone(&peak);
    let stop = Arc::new(AtomicUsize::new(0));
    let watcher = thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while stop.load(Ordering::Relaxed) == 0 {
                watch.fetch_max(resident() as usize, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        }
    });
    f();
    let time = begun.elapsed();
    stop.store(1, Ordering::Relaxed);
    watcher.join().unwrap();
    Took {
        time,
        cpu: self::cpu() - cpu,
        memory: (peak.load(Ordering::Relaxed) as u64).saturating_sub(memory),
    }
}

fn cpu() -> Duration {
    // SAFETY: all-zero is a valid rusage, and the call writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let time = |t: libc::timeval| {
        Duration::from_secs(t.tv_sec.cast_unsigned())
            + Duration::from_micros(t.tv_usec.cast_unsigned())
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// Starts the runtime with one worker, which all clients share.
pub fn start() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        runtime::Builder::new()
            .workers(1)
            .stack_size(256 << 10)
            .start()
            .unwrap();
    });
}

/// Runs `client` this many times at once, in threadlike processes of one worker.
pub fn in_processes(clients: usize, client: impl Fn(usize) + Send + Sync + 'static) -> Took {
    start();
    let client = Arc::new(client);
    measured(|| {
        let all: Vec<_> = (0..clients)
            .map(|i| {
                let client = Arc::clone(&client);
                process::Builder::new()
                    .threadlike(true)
                    .spawn(move || client(i))
                    .expect("processes can be threadlike here")
            })
            .collect();
        for one in all {
            one.join().expect("no client panics");
        }
    })
}

/// Like `in_processes`, on OS threads.
pub fn on_threads(clients: usize, client: impl Fn(usize) + Send + Sync + 'static) -> Took {
    let client = Arc::new(client);
    measured(|| {
        let all: Vec<_> = (0..clients)
            .map(|i| {
                let client = Arc::clone(&client);
                thread::spawn(move || client(i))
            })
            .collect();
        for one in all {
            one.join().expect("no client panics");
        }
    })
}

/// Runs the clients in processes of one worker and on threads, and prints both results. It fails if the
/// processes have waited one after another; `wait` is how long each client waits for its server.
pub fn compare(
    what: &str,
    clients: usize,
    wait: Duration,
    client: impl Fn(usize) + Send + Sync + Clone + 'static,
) {
    let waits = std_net_interpose::waits();
    let processes = in_processes(clients, client.clone());
    assert!(
        std_net_interpose::waits() >= waits + clients as u64,
        "{what}: nothing has parked"
    );
    println!("{what}, {clients} clients in processes: {processes}");
    let threads = on_threads(clients, client);
    println!("{what}, {clients} clients on threads:   {threads}");
    let one_after_another = wait * clients as u32;
    assert!(
        processes.time < one_after_another / 4,
        "{what}: {processes}, which is no better than one after another ({one_after_another:?})"
    );
}
