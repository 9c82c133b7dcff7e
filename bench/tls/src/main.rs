//! Compares a TLS server of std_net with one of tokio-rustls. Each runs in an OS process of its own with
//! two workers. The load is the same: a thousand connections at once, from processes of std_net.
//!
//!     cargo run --release -p std_net_bench_tls [CONNECTIONS [ROUNDS]]
//!
//! For each server it measures full handshakes a second, the memory of an idle connection, and bulk data
//! in both directions. Rates are also given for each second of the server's CPU time, because the load
//! itself cannot distort that.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Instant;

use std_net::process;
use std_net::socket::{SocketAddr, TcpListener, TcpStream};
use std_net::tls::rustls::pki_types::pem::PemObject;
use std_net::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std_net::tls::rustls::{self, crypto::ring};
use std_net::tls::{ClientConfig, ServerConfig, TlsAcceptor, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type Any = Box<dyn Error + Send + Sync>;

/// Bytes per read and write of both servers.
const BLOCK: usize = 16 * 1024;

/// Bytes that each connection moves in each direction.
const BULK: usize = 1 << 20;

fn main() -> Result<(), Any> {
    let mut args = env::args().skip(1);
    match args.next().as_deref() {
        Some("serve") => {
            let which = args.next().ok_or("serve WHICH CERTIFICATE KEY")?;
            let chain = args.next().ok_or("no certificate")?;
            let key = args.next().ok_or("no key")?;
            let config = config(&chain, &key)?;
            match &*which {
                "std_net" => ours(config),
                _ => tokios(config),
            }
        }
        connections => {
            let connections = connections.map_or(Ok(1000), str::parse)?;
            let rounds = args.next().map_or(Ok(3), |n| n.parse())?;
            compare(connections, rounds)
        }
    }
}

/// Returns the configuration of both servers. The client does not resume sessions, so each handshake is a full one.
fn config(chain: &str, key: &str) -> Result<Arc<rustls::ServerConfig>, Any> {
    let provider = Arc::new(ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(chain)?],
            PrivateKeyDer::from_pem_file(key)?,
        )?;
    Ok(Arc::new(config))
}

// The servers. A request is one byte. After `u` the client sends the bulk, and the server answers with one byte.
// After `d` the server sends the bulk.

fn ours(config: Arc<rustls::ServerConfig>) -> Result<(), Any> {
    fn serve(mut stream: TlsStream<TcpStream>) -> io::Result<()> {
        let mut request = [0];
        loop {
            if stream.read(&mut request)? == 0 {
                return Ok(());
            }
            let mut block = vec![0; BLOCK];
            let mut left = BULK;
            if request == *b"d" {
                while left > 0 {
                    stream.write_all(&block)?;
                    left -= BLOCK;
                }
            } else {
                while left > 0 {
                    left -= stream.read(&mut block)?;
                }
                stream.write_all(b"k")?;
            }
            stream.flush()?;
        }
    }
    let acceptor = TlsAcceptor::new(ServerConfig::from(config));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let accepting = process::spawn(move || -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            let acceptor = acceptor.clone();
            process::spawn(move || serve(acceptor.accept(stream)?));
        }
    });
    Ok(accepting.join().map_err(|_| "a panic")??)
}

fn tokios(config: Arc<rustls::ServerConfig>) -> Result<(), Any> {
    type Stream = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
    async fn serve(mut stream: Stream) -> io::Result<()> {
        let mut request = [0];
        loop {
            if stream.read(&mut request).await? == 0 {
                return Ok(());
            }
            let mut block = vec![0; BLOCK];
            let mut left = BULK;
            if request == *b"d" {
                while left > 0 {
                    stream.write_all(&block).await?;
                    left -= BLOCK;
                }
            } else {
                while left > 0 {
                    left -= stream.read(&mut block).await?;
                }
                stream.write_all(b"k").await?;
            }
            stream.flush().await?;
        }
    }
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        // Spawn it, so that it runs on a worker, as ours does.
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let acceptor = acceptor.clone();
                tokio::spawn(async move { serve(acceptor.accept(stream).await?).await });
            }
        });
        accepting.await?
    })
}

/// A server in its OS process.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(which: &str, chain: &str, key: &str) -> Result<Server, Any> {
        let mut child = Command::new(env::current_exe()?)
            .args(["serve", which, chain, key])
            .env("STD_NET_WORKERS", "2")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("it is piped")?).read_line(&mut line)?;
        let address = line.trim().parse()?;
        Ok(Server { child, address })
    }

    /// Returns the CPU time that its threads have used, in seconds.
    fn cpu(&self) -> Result<f64, Any> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
            nanos += stat.split(' ').next().unwrap_or("").parse::<u64>()?;
        }
        Ok(nanos as f64 / 1e9)
    }

    /// Returns its resident memory in bytes.
    fn memory(&self) -> Result<f64, Any> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let kib = line
            .and_then(|l| l.split_whitespace().next())
            .ok_or("no VmRSS")?;
        Ok(kib.parse::<f64>()? * 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The results of one round, in the order of [`NAMES`].
type Round = [f64; 7];

const NAMES: [&str; 7] = [
    "handshakes/s",
    "handshakes/CPU s",
    "bytes/idle connection",
    "down MB/s",
    "down MB/CPU s",
    "up MB/s",
    "up MB/CPU s",
];

fn compare(connections: usize, rounds: usize) -> Result<(), Any> {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let folder = env::temp_dir().join(format!("std_net_bench_tls-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (chain, key) = (path("chain.pem"), path("key.pem"));
    fs::write(&chain, signed.cert.pem())?;
    fs::write(&key, signed.signing_key.serialize_pem())?;
    let client = ClientConfig::builder()
        .root_pem(signed.cert.pem())
        .resumption(false)
        .build()?;

    let servers = ["std_net", "tokio-rustls"];
    let mut measured: [Vec<Round>; 2] = Default::default();
    for _ in 0..rounds {
        for (which, rounds) in servers.iter().zip(&mut measured) {
            rounds.push(round(
                &Server::start(which, &chain, &key)?,
                &client,
                connections,
            )?);
        }
    }
    fs::remove_dir_all(&folder)?;
    println!("{connections} connections, {rounds} rounds in turn, medians");
    println!(
        "{:24}{:>14}{:>14}{:>8}",
        "", servers[0], servers[1], "ratio"
    );
    for (at, name) in NAMES.iter().enumerate() {
        let median = |rounds: &[Round]| {
            let mut values: Vec<f64> = rounds.iter().map(|round| round[at]).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let (a, b) = (median(&measured[0]), median(&measured[1]));
        println!("{name:24}{a:>14.0}{b:>14.0}{:>8.2}", a / b);
    }
    Ok(())
}

fn round(server: &Server, client: &ClientConfig, connections: usize) -> Result<Round, Any> {
    // Connect once before, so that both sides have done what they do only once.
    connect(server.address, client)?;
    let (memory, cpu, begin) = (server.memory()?, server.cpu()?, Instant::now());
    // This many processes are in their handshake at a time, so that the server is always busy.
    let (done, streams) = mpsc::channel();
    let address = server.address;
    let connecting: Vec<_> = (0..32)
        .map(|i| {
            let (client, done) = (client.clone(), done.clone());
            process::spawn(move || -> io::Result<()> {
                for _ in (i..connections).step_by(32) {
                    // This cannot fail, because the receiver lives to the end of the function.
                    let _ = done.send(connect(address, &client)?);
                }
                Ok(())
            })
        })
        .collect();
    for process in connecting {
        process.join().map_err(|_| "a panic")??;
    }
    drop(done);
    let seconds = begin.elapsed().as_secs_f64();
    let handshakes = connections as f64;
    let of_cpu = handshakes / (server.cpu()? - cpu);
    let streams: Vec<TlsStream<TcpStream>> = streams.iter().collect();
    let idle = (server.memory()? - memory) / handshakes;
    let (down, down_cpu) = bulk(server, &streams, b'd')?;
    let (up, up_cpu) = bulk(server, &streams, b'u')?;
    Ok([
        handshakes / seconds,
        of_cpu,
        idle,
        down,
        down_cpu,
        up,
        up_cpu,
    ])
}

fn connect(address: SocketAddr, client: &ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.tls_with("localhost", client)
}

/// Moves the bulk on all connections at once. Returns MB/s, and MB for each CPU second of the server.
fn bulk(
    server: &Server,
    streams: &[TlsStream<TcpStream>],
    direction: u8,
) -> Result<(f64, f64), Any> {
    let (cpu, begin) = (server.cpu()?, Instant::now());
    let moving: Vec<_> = streams
        .iter()
        .map(|stream| {
            let stream = stream.try_clone();
            process::spawn(move || -> io::Result<()> {
                let mut stream = &stream;
                stream.write_all(&[direction])?;
                let mut block = vec![0; 2 * BLOCK];
                let mut left = BULK;
                if direction == b'd' {
                    while left > 0 {
                        match stream.read(&mut block)? {
                            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                            n => left -= n,
                        }
                    }
                } else {
                    while left > 0 {
                        stream.write_all(&block)?;
                        left -= block.len();
                    }
                    stream.read_exact(&mut [0])?;
                }
                Ok(())
            })
        })
        .collect();
    for process in moving {
        process.join().map_err(|_| "a panic")??;
    }
    let megabytes = (streams.len() * BULK) as f64 / 1e6;
    let seconds = begin.elapsed().as_secs_f64();
    Ok((megabytes / seconds, megabytes / (server.cpu()? - cpu)))
}
