//! TLS 1.2 and 1.3 over any connection, by [rustls]. Needs the feature `tls`.
//!
//! | type | what it is |
//! |---|---|
//! | [`Tls`] | `stream.tls("example.org")` |
//! | [`TlsStream`] | a connection with TLS |
//! | [`ClientConfig`], [`ServerConfig`] | roots, certificates, versions, ALPN |
//! | [`TlsAcceptor`] | the server's side of a handshake |
//! | [`PendingServer`] | a handshake of which only the client hello is known |
//! | [`TlsError`], [`PemError`] | what went wrong in a handshake, or in a file of certificates |
//!
//! The cryptography is that of `ring`. By default a client trusts the roots of the system, through
//! `rustls-native-certs`. On Linux, `rustls-platform-verifier` reads the same roots, but has ten times
//! as many dependencies. `SSL_CERT_FILE` and `SSL_CERT_DIR` work as with OpenSSL.
//!
//! rustls runs on the stack of the thread, not on the stack of the process. So a process that does
//! handshakes needs 16 KiB of stack in a release build, and 24 KiB in a debug build. Your own verifier
//! or session store runs on the thread's stack too, and must not wait.
//!
//! [rustls]: https://docs.rs/rustls/0.23
//!
//! # Examples
//!
//! ```no_run
//! use std::io::{Read, Write};
//! use std_net::socket::TcpStream;
//!
//! let mut stream = TcpStream::connect("example.org:443")?.tls("example.org")?;
//! stream.write_all(b"GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer)?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod client;
mod error;
mod pem;
mod server;
// The work of rustls, without I/O.
mod session;
mod stream;

use std::io;

pub use client::{ClientConfig, ClientConfigBuilder};
pub use error::{TlsCause, TlsError};
pub use pem::{PemError, PemProblem};
pub use server::{PendingServer, ServerConfig, ServerConfigBuilder, TlsAcceptor};
pub use stream::TlsStream;

/// The crate rustls itself, for settings that [`ClientConfig`] and [`ServerConfig`] do not offer: both
/// can be made from its configurations. Its version is part of this API.
pub use rustls;

use rustls::crypto::CryptoProvider;
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use crate::channel::halves::{READ, WRITE};
use crate::channel::{Connected, taken};

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// TLS 1.2, RFC 5246.
    Tls12,
    /// TLS 1.3, RFC 8446.
    Tls13,
}

/// TLS on a connection: [`TcpStream`](crate::socket::TcpStream),
/// [`UnixStream`](crate::unix::UnixStream), and a TLS stream itself.
pub trait Tls: Connected {
    /// Becomes the TLS client of this connection, with the roots of the system. `server_name` is a DNS
    /// name or an IP address. It returns when the handshake is done.
    ///
    /// # Errors
    ///
    /// The errors of [`ClientConfig::connect`]; [`NotFound`](io::ErrorKind::NotFound) if the system has no roots.
    fn tls(self, server_name: &str) -> io::Result<TlsStream<Self>> {
        ClientConfig::system()?.connect(self, server_name)
    }

    /// Like [`tls`](Self::tls), with the given configuration.
    ///
    /// # Errors
    ///
    /// The errors of [`ClientConfig::connect`].
    fn tls_with(self, server_name: &str, config: &ClientConfig) -> io::Result<TlsStream<Self>> {
        config.connect(self, server_name)
    }
}

impl<S: Connected> Tls for S {}

/// Returns the versions from `min` to `max`, as rustls wants them.
fn versions(min: Version, max: Version) -> io::Result<Vec<&'static SupportedProtocolVersion>> {
    let all = [
        (Version::Tls12, &rustls::version::TLS12),
        (Version::Tls13, &rustls::version::TLS13),
    ];
    let some: Vec<_> = all
        .into_iter()
        .filter(|(version, _)| (min..=max).contains(version))
        .map(|(_, version)| version)
        .collect();
    if some.is_empty() {
        return Err(invalid("no version of TLS is allowed"));
    }
    Ok(some)
}

/// Returns the cryptography, with all cipher suites or only with these.
fn provider(names: Option<&[String]>) -> io::Result<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    let Some(names) = names else {
        return Ok(provider);
    };
    let all = provider.cipher_suites;
    let name = |suite: &SupportedCipherSuite| suite.suite().as_str().unwrap_or_default();
    let wanted = names.iter().map(|wanted| {
        let found = all.iter().find(|suite| name(suite) == wanted);
        found.copied().ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(name).collect();
            invalid(format!(
                "{wanted:?} is not a supported cipher suite; the supported ones are {}",
                known.join(", ")
            ))
        })
    });
    provider.cipher_suites = wanted.collect::<io::Result<_>>()?;
    Ok(provider)
}

/// Claims both halves of a connection for TLS: no other caller may read it or open a channel, because
/// its bytes are encrypted.
fn claim(stream: &impl Connected) -> io::Result<()> {
    if stream.claim(READ | WRITE) {
        Ok(())
    } else {
        Err(taken())
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
