//! HTTP by `ureq` over streams of std_net, in ordinary processes. It needs no threadlike processes, and no thread for
//! each request.
//!
//! ```sh
//! cargo run -p std_net_ecosystem --example ureq_connector
//! ```
//!
//! `ureq` calls these traits "unversioned": they may change in any release of it.

use std::time::{Duration, Instant};

use std_net::process;
use std_net::runtime;

// [guide]
use std::io::{Read, Write};

use std_net::socket::TcpStream;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

/// Makes connections of std_net.
#[derive(Debug)]
struct StdNet;

impl Connector for StdNet {
    type Out = Stream;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Stream>, ureq::Error> {
        let limit = details.timeout.not_zero().map(|limit| *limit);
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for addr in &details.addrs {
            let connected = match limit {
                Some(limit) => TcpStream::connect_timeout(addr, limit),
                None => TcpStream::connect(addr),
            };
            match connected {
                Ok(stream) => {
                    let (input, output) = (
                        details.config.input_buffer_size(),
                        details.config.output_buffer_size(),
                    );
                    let buffers = LazyBuffers::new(input, output);
                    return Ok(Some(Stream { stream, buffers }));
                }
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }
}

#[derive(Debug)]
struct Stream {
    stream: TcpStream,
    buffers: LazyBuffers,
}

/// Turns an error of the stream into one of `ureq`.
fn told(error: std::io::Error, timeout: NextTimeout) -> ureq::Error {
    match error.kind() {
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => {
            ureq::Error::Timeout(timeout.reason)
        }
        _ => error.into(),
    }
}

impl Transport for Stream {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let timeout = timeout.for_write();
        let limit = timeout.not_zero().map(|limit| *limit);
        self.stream.set_write_timeout(limit)?;
        let written = self.stream.write_all(&self.buffers.output()[..amount]);
        written.map_err(|error| told(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let timeout = timeout.for_read();
        let limit = timeout.not_zero().map(|limit| *limit);
        self.stream.set_read_timeout(limit)?;
        let read = self.stream.read(self.buffers.input_append_buf());
        let n = read.map_err(|error| told(error, timeout))?;
        self.buffers.input_appended(n);
        Ok(n > 0)
    }

    fn is_open(&mut self) -> bool {
        // Between two requests a server sends nothing. If there is something to read, it is the end or an error.
        let silent = self.stream.try_read(&mut [0]);
        silent.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

/// Looks names up with the C library. This blocks, so it runs on a thread of the pool.
#[derive(Debug)]
struct Names;

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        process::blocking(|| DefaultResolver::default().resolve(uri, config, timeout))
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::with_parts(ureq::config::Config::default(), StdNet, Names)
}
// [/guide]

const CLIENTS: u32 = 100;
const WAIT: Duration = Duration::from_millis(200);

fn main() -> std::io::Result<()> {
    runtime::Builder::new().workers(1).start()?;
    let url = format!("http://localhost:{}/", std_net_ecosystem::slow_http(WAIT));
    let agent = agent();
    let begun = Instant::now();
    let all: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (agent, url) = (agent.clone(), url.clone());
            process::spawn(move || {
                let mut answer = agent.get(&url).call()?;
                answer.body_mut().read_to_string()
            })
        })
        .collect();
    for one in all {
        assert_eq!(one.join().unwrap().expect("an answer"), "hello");
    }
    let took = begun.elapsed();
    println!("{CLIENTS} requests of {WAIT:?} in {took:?}, on one worker");
    assert!(
        took < WAIT * CLIENTS / 2,
        "they have waited one after another"
    );
    Ok(())
}
