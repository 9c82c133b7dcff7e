//! The servers: the same echo, written as each peer's users would write it. Each server is an OS process of its own.

mod blocking;
mod epoll;
mod http;
mod may;
mod monoio;
mod ours;
mod smol;
mod threads;
mod tokio;

use std::fmt;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;

use crate::load::Net;
use crate::place;

/// The kinds of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A hand-written epoll loop, which the others are compared with.
    Epoll,
    /// std_net, with the code of `echo_server`.
    Ours,
    /// std_net. Each connection has a buffer of its own.
    OursOwn,
    /// std_net, with batched writes.
    OursBatched,
    /// std_net, with its `Server`.
    OursServer,
    Tokio,
    TokioCt,
    Monoio,
    May,
    Smol,
    Threads,
    Go,
    /// std_net in threadlike processes.
    Threadlike,
    /// Plain threads, with `std_net_interpose` linked in.
    Interposed,
    /// HTTP by httparse on `Read + Write`, in processes of std_net.
    HttpOurs,
    /// The same code on threads.
    HttpThreads,
    /// HTTP by hyper in processes of std_net.
    HyperOurs,
    HyperTokio,
    HyperTokioCt,
    /// HTTP by Go's net/http.
    HttpGo,
    Nginx,
}

impl Kind {
    /// Its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Kind::Epoll => "epoll loop",
            Kind::Ours => "std_net",
            Kind::OursOwn => "std_net, own buffers",
            Kind::OursBatched => "std_net, batched",
            Kind::OursServer => "std_net, Server",
            Kind::Tokio => "tokio",
            Kind::TokioCt => "tokio current-thread",
            Kind::Monoio => "monoio",
            Kind::May => "may",
            Kind::Smol => "smol",
            Kind::Threads => "std threads",
            Kind::Go => "Go",
            Kind::Threadlike => "std_net, threadlike",
            Kind::Interposed => "std threads, interposed",
            Kind::HttpOurs => "std_net, httparse",
            Kind::HttpThreads => "threads, httparse",
            Kind::HyperOurs => "std_net, hyper",
            Kind::HyperTokio => "tokio, hyper",
            Kind::HyperTokioCt => "tokio ct, hyper",
            Kind::HttpGo => "Go net/http",
            Kind::Nginx => "nginx",
        }
    }

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Epoll => "epoll",
            Kind::Ours => "ours",
            Kind::OursOwn => "ours-own",
            Kind::OursBatched => "ours-batched",
            Kind::OursServer => "ours-server",
            Kind::Tokio => "tokio",
            Kind::TokioCt => "tokio-ct",
            Kind::Monoio => "monoio",
            Kind::May => "may",
            Kind::Smol => "smol",
            Kind::Threads => "threads",
            Kind::Go => "go",
            Kind::Threadlike => "threadlike",
            Kind::Interposed => "interposed",
            Kind::HttpOurs => "http-ours",
            Kind::HttpThreads => "http-threads",
            Kind::HyperOurs => "hyper-ours",
            Kind::HyperTokio => "hyper-tokio",
            Kind::HyperTokioCt => "hyper-tokio-ct",
            Kind::HttpGo => "http-go",
            Kind::Nginx => "nginx",
        }
    }
}

/// The arguments of a server.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Service {
    #[arg(long)]
    pub(crate) kind: Kind,
    #[arg(long, default_value = "tcp")]
    pub(crate) net: Net,
    /// The path, for Unix sockets. Other addresses are chosen by the kernel and printed.
    #[arg(long, default_value = "")]
    pub(crate) path: String,
    /// The size of a connection's buffer in bytes.
    #[arg(long, default_value_t = 4096)]
    pub(crate) buffer: usize,
    #[arg(long, default_value_t = 1)]
    pub(crate) workers: usize,
    /// The core it runs on. Without it, the server runs on all cores.
    #[arg(long)]
    pub(crate) cpu: Option<usize>,
    /// Keeps the usual scheduling policy.
    #[arg(long)]
    pub(crate) no_batch: bool,
}

/// The size of the buffer for small messages, in bytes. For every peer, a larger buffer is on the heap.
pub(crate) const SMALL: usize = 4096;

pub(crate) fn run(service: &Service) -> io::Result<()> {
    place::take(service.cpu, !service.no_batch)?;
    match service.kind {
        Kind::Epoll => epoll::run(service),
        Kind::Ours => ours::run(service, ours::Manner::Plain),
        Kind::OursOwn => ours::run(service, ours::Manner::OwnBuffers),
        Kind::OursBatched => ours::run(service, ours::Manner::BatchedWrites),
        Kind::OursServer => ours::run(service, ours::Manner::Server),
        Kind::Tokio => tokio::run(service, true),
        Kind::TokioCt => tokio::run(service, false),
        Kind::Monoio => monoio::run(service),
        Kind::May => may::run(service),
        Kind::Smol => smol::run(service),
        Kind::Threads => threads::run(service),
        Kind::Go => Err(io::Error::other("run bench/go/echo.go instead")),
        Kind::HttpOurs => http::ours(service),
        Kind::HttpThreads => http::threads(),
        Kind::HyperOurs => http::hyper_ours(service),
        Kind::HyperTokio => http::hyper_tokio(service, true),
        Kind::HyperTokioCt => http::hyper_tokio(service, false),
        Kind::HttpGo => Err(io::Error::other("run bench/go/http.go instead")),
        Kind::Nginx => http::nginx(&service.path),
        other => Err(io::Error::other(format!("no server is {}", other.name()))),
    }
}

const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// Tells the load where to connect.
fn listening(addr: impl fmt::Display) -> io::Result<()> {
    println!("{addr}");
    io::stdout().flush()
}

fn listening_at(path: &str) -> io::Result<()> {
    listening(Path::new(path).display())
}
