//! [`ServerConfig`], [`TlsAcceptor`], and [`PendingServer`], which knows the name in the client's
//! request before it chooses its certificate.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::server::{Acceptor, UnbufferedServerConnection, WebPkiClientVerifier};
use std_net_runtime::buffers::pool::RECORDS;
use std_net_runtime::buffers::queue::ByteQueue;
use std_net_runtime::process::on_thread_stack;
use std_net_runtime::{Deadline, retry_interrupted};

use super::pem::Pem;
use super::session::Connection;
use super::{TlsError, TlsStream, Version, claim, invalid, provider, versions};
use crate::channel::Connected;
use crate::channel::halves::{READ, WRITE};

/// A longer message cannot be a client hello.
const MAX_HELLO: usize = 3 * RECORDS;

/// The settings of a TLS server: its certificate, its protocols, the clients that it accepts. A clone
/// refers to the same settings.
#[derive(Clone)]
pub struct ServerConfig(Arc<rustls::ServerConfig>);

/// Makes a [`ServerConfig`].
#[derive(Debug)]
#[must_use = "settings do nothing until `build`"]
pub struct ServerConfigBuilder {
    certificate: (Pem, Pem),
    client_roots: Vec<Pem>,
    client_optional: bool,
    alpn: Vec<Vec<u8>>,
    cipher_suites: Option<Vec<String>>,
    versions: (Version, Version),
    resumption: bool,
}

/// Makes TLS servers of accepted connections, all with the same configuration.
///
/// # Examples
///
/// ```no_run
/// use std::io::Write;
/// use std_net::process;
/// use std_net::socket::TcpListener;
/// use std_net::tls::{ServerConfig, TlsAcceptor};
///
/// let config = ServerConfig::from_pem_files("server.pem", "server.key")?;
/// let acceptor = TlsAcceptor::new(config);
/// let listener = TcpListener::bind("0.0.0.0:8443")?;
/// for stream in listener.incoming() {
///     let (stream, acceptor) = (stream?, acceptor.clone());
///     // The handshake runs in its own process, so that a slow client does not delay the others.
///     process::spawn(move || acceptor.accept(stream)?.write_all(b"hello\n"));
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TlsAcceptor {
    config: ServerConfig,
}

/// A server that has read the client hello, but has not answered yet.
///
/// # Examples
///
/// ```no_run
/// use std::collections::HashMap;
/// use std::io;
/// use std_net::socket::TcpStream;
/// use std_net::tls::{PendingServer, ServerConfig, TlsStream};
///
/// fn serve(
///     stream: TcpStream,
///     configs: &HashMap<String, ServerConfig>,
/// ) -> io::Result<TlsStream<TcpStream>> {
///     let pending = PendingServer::read(stream)?;
///     let config = pending.server_name().and_then(|name| configs.get(name));
///     match config {
///         Some(config) => pending.accept(config),
///         None => Err(io::ErrorKind::NotFound.into()),
///     }
/// }
/// ```
pub struct PendingServer<S: Connected> {
    stream: S,
    records: ByteQueue,
    name: Option<Box<str>>,
    alpn: Vec<Vec<u8>>,
    deadline: Deadline,
}

impl ServerConfig {
    /// Makes a configuration from PEM files: the certificate, followed by those up to the root, and its
    /// private key.
    ///
    /// # Errors
    ///
    /// The errors of [`ServerConfigBuilder::build`].
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> io::Result<Self> {
        ServerConfig::builder_from_files(chain, key).build()
    }

    /// Begins with a certificate and its key as PEM text. Clients are not asked for a certificate,
    /// there is no ALPN, and the versions are TLS 1.2 and 1.3.
    pub fn builder(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> ServerConfigBuilder {
        ServerConfigBuilder::new(Pem::Text(chain.into()), Pem::Text(key.into()))
    }

    /// Like [`builder`](Self::builder), from files.
    pub fn builder_from_files(
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> ServerConfigBuilder {
        ServerConfigBuilder::new(
            Pem::File(chain.as_ref().into()),
            Pem::File(key.as_ref().into()),
        )
    }

    /// Returns the same configuration with other application protocols (ALPN). It is for a server that
    /// chooses them by the client's request, with [`PendingServer`].
    #[must_use]
    pub fn with_alpn<P: AsRef<[u8]>>(
        &self,
        protocols: impl IntoIterator<Item = P>,
    ) -> ServerConfig {
        let mut config = rustls::ServerConfig::clone(&self.0);
        config.alpn_protocols = protocols.into_iter().map(|p| p.as_ref().into()).collect();
        ServerConfig(Arc::new(config))
    }

    fn connection(&self) -> io::Result<Connection> {
        on_thread_stack(|| UnbufferedServerConnection::new(Arc::clone(&self.0)))
            .map(Connection::Server)
            .map_err(TlsError::io)
    }
}

impl ServerConfigBuilder {
    fn new(chain: Pem, key: Pem) -> ServerConfigBuilder {
        ServerConfigBuilder {
            certificate: (chain, key),
            client_roots: Vec::new(),
            client_optional: false,
            alpn: Vec::new(),
            cipher_suites: None,
            versions: (Version::Tls12, Version::Tls13),
            resumption: true,
        }
    }

    /// Asks clients for a certificate, and refuses a client without one. A certificate in this PEM text
    /// must have issued the client's certificate.
    pub fn client_root_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.client_roots.push(Pem::Text(pem.into()));
        self
    }

    /// Like [`client_root_pem`](Self::client_root_pem), from a file.
    pub fn client_root_file(mut self, path: impl AsRef<Path>) -> Self {
        self.client_roots.push(Pem::File(path.as_ref().into()));
        self
    }

    /// Sets whether a client without a certificate is accepted too, although one is asked for. This is
    /// off by default.
    pub fn client_certificate_optional(mut self, yes: bool) -> Self {
        self.client_optional = yes;
        self
    }

    /// Sets the application protocols of the server, the preferred one first (ALPN). A client that
    /// offers only other protocols is refused.
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.alpn = protocols.into_iter().map(|p| p.as_ref().into()).collect();
        self
    }

    /// Sets which cipher suites are allowed, the preferred one first. The names are those of the IANA,
    /// as [`cipher_suite`](super::TlsStream::cipher_suite) returns them. By default all supported
    /// suites are allowed, and all of them are good.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::tls::ServerConfig;
    ///
    /// let builder = ServerConfig::builder_from_files("server.pem", "server.key")
    ///     .cipher_suites(["TLS13_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]);
    /// ```
    pub fn cipher_suites<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.cipher_suites = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the lowest version that is accepted. The default is TLS 1.2.
    pub fn min_version(mut self, version: Version) -> Self {
        self.versions.0 = version;
        self
    }

    /// Sets the highest version that is accepted. The default is TLS 1.3.
    pub fn max_version(mut self, version: Version) -> Self {
        self.versions.1 = version;
        self
    }

    /// Sets whether clients can resume their sessions. This is on by default. It uses tickets, which
    /// are encrypted with a key of this configuration.
    pub fn resumption(mut self, yes: bool) -> Self {
        self.resumption = yes;
        self
    }

    /// Makes the configuration.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) with a [`PemError`](super::PemError) inside if
    /// something is missing in the PEM text, or a key does not fit the certificate; the error of
    /// reading a file.
    pub fn build(self) -> io::Result<ServerConfig> {
        let provider = Arc::new(provider(self.cipher_suites.as_deref())?);
        let config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(self.versions.0, self.versions.1)?)
            .map_err(invalid)?;
        let config = if self.client_roots.is_empty() {
            config.with_no_client_auth()
        } else {
            let mut roots = RootCertStore::empty();
            for pem in &self.client_roots {
                pem.add_to(&mut roots)?;
            }
            let mut verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            if self.client_optional {
                verifier = verifier.allow_unauthenticated();
            }
            config.with_client_cert_verifier(verifier.build().map_err(invalid)?)
        };
        let (chain, key) = &self.certificate;
        let (certificates, private) = (chain.certificates()?, key.private_key()?);
        let paired = config.with_single_cert(certificates, private);
        let mut config = Pem::check_pair(chain, key, paired)?;
        config.alpn_protocols = self.alpn;
        if self.resumption {
            config.ticketer = ring::Ticketer::new().map_err(invalid)?;
        } else {
            config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(ServerConfig(Arc::new(config)))
    }
}

impl TlsAcceptor {
    /// Makes an acceptor with this configuration.
    #[must_use]
    pub fn new(config: ServerConfig) -> TlsAcceptor {
        TlsAcceptor { config }
    }

    /// Becomes the TLS server of a connection. It returns when the handshake is done. The deadline of
    /// the connection counts.
    ///
    /// # Errors
    ///
    /// The following errors hold a [`TlsError`]: [`InvalidData`](io::ErrorKind::InvalidData) if the
    /// client's certificate or the protocol is wrong, or if the client says this of the server,
    /// [`TimedOut`](io::ErrorKind::TimedOut) past the deadline,
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the client hung up. Otherwise the error of
    /// the connection.
    pub fn accept<S: Connected>(&self, stream: S) -> io::Result<TlsStream<S>> {
        self.accept_deadline(stream, Deadline::NEVER)
    }

    /// Like [`accept`](Self::accept), with a deadline for the handshake only. A `Duration` counts from
    /// now.
    ///
    /// # Errors
    ///
    /// The errors of [`accept`](Self::accept).
    pub fn accept_deadline<S: Connected>(
        &self,
        stream: S,
        deadline: impl Into<Deadline>,
    ) -> io::Result<TlsStream<S>> {
        let connection = self.config.connection()?;
        claim(&stream)?;
        // The hello is parsed separately only if a caller asks for the name in it.
        let name = Name::InHello(Vec::new());
        TlsStream::handshake(
            stream,
            connection,
            ByteQueue::default(),
            name,
            deadline.into(),
        )
    }
}

impl<S: Connected> PendingServer<S> {
    /// Waits for the client hello of a connection.
    ///
    /// # Errors
    ///
    /// The errors of [`TlsAcceptor::accept`].
    pub fn read(stream: S) -> io::Result<PendingServer<S>> {
        PendingServer::read_deadline(stream, Deadline::NEVER)
    }

    /// Like [`read`](Self::read), with a deadline for the whole handshake.
    ///
    /// # Errors
    ///
    /// The errors of [`TlsAcceptor::accept`].
    pub fn read_deadline(stream: S, deadline: impl Into<Deadline>) -> io::Result<PendingServer<S>> {
        let deadline = deadline.into();
        claim(&stream)?;
        let mut parser = Parser::default();
        let mut records = ByteQueue::default();
        loop {
            let (buffer, n) = match retry_interrupted(|| stream.recv_lent(RECORDS, deadline)) {
                Ok((_, 0)) => return Err(TlsError::truncated()),
                Ok(received) => received,
                Err(e) => return Err(TlsError::in_handshake(e)),
            };
            // The parser works on its own copy of the bytes. The original bytes are for the connection.
            let hello = on_thread_stack(|| parser.parse(&buffer.bytes()[..n]));
            let hello = hello.map_err(|(error, alert)| {
                // Tell the client the reason, if this is possible without waiting.
                let _ = stream.try_send(&alert);
                error
            })?;
            if records.is_empty() {
                records = ByteQueue::from_parts(buffer, n);
            } else {
                records.push(&buffer.bytes()[..n], RECORDS);
            }
            if let Some(Hello { name, alpn }) = hello {
                return Ok(PendingServer {
                    stream,
                    records,
                    name,
                    alpn,
                    deadline,
                });
            }
            if records.len() > MAX_HELLO {
                return Err(TlsError::io(rustls::Error::PeerSentOversizedRecord));
            }
        }
    }

    /// Returns the name that the client asks for (SNI).
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the application protocols that the client offers, its preferred one first (ALPN).
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        self.alpn.iter().map(Vec::as_slice)
    }

    /// Returns the connection, for its addresses and options.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Gives the connection back. The next read gets the client hello again. This is for a proxy that
    /// chooses the destination by the name, and lets the other end do the TLS.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::io;
    /// use std_net::socket::TcpStream;
    /// use std_net::tls::PendingServer;
    ///
    /// fn route(client: TcpStream) -> io::Result<()> {
    ///     let pending = PendingServer::read(client)?;
    ///     let name = pending.server_name().ok_or(io::ErrorKind::NotFound)?.to_owned();
    ///     let client = pending.into_stream();
    ///     let server = TcpStream::connect((name, 8443))?;
    ///     std_net::copy_bidirectional(&client, &server)?;
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn into_stream(self) -> S {
        self.stream.release(READ | WRITE, self.records.bytes());
        self.stream
    }

    /// Answers the client, and does the rest of the handshake.
    ///
    /// # Errors
    ///
    /// The errors of [`TlsAcceptor::accept`].
    pub fn accept(self, config: &ServerConfig) -> io::Result<TlsStream<S>> {
        let connection = config.connection()?;
        let name = Name::Known(self.name);
        TlsStream::handshake(self.stream, connection, self.records, name, self.deadline)
    }
}

/// The name that a client has asked for.
pub(super) enum Name {
    Known(Option<Box<str>>),
    /// The name is in these records, which begin with the client hello. It is parsed only on request,
    /// because parsing costs time and few callers ask.
    InHello(Vec<u8>),
}

impl Name {
    pub(super) fn find(&self) -> Option<Box<str>> {
        match self {
            Name::Known(name) => name.clone(),
            Name::InHello(records) => {
                let hello = on_thread_stack(|| Parser::default().parse(records));
                hello.ok()??.name
            }
        }
    }
}

/// Reads a client hello, and nothing else.
#[derive(Default)]
struct Parser(Acceptor);

/// What a client hello says.
struct Hello {
    name: Option<Box<str>>,
    alpn: Vec<Vec<u8>>,
}

impl Parser {
    /// Parses more bytes. An error comes with the alert that tells it to the client.
    fn parse(&mut self, mut bytes: &[u8]) -> Result<Option<Hello>, (io::Error, Vec<u8>)> {
        while !bytes.is_empty() {
            self.0
                .read_tls(&mut bytes)
                .map_err(|error| (error, Vec::new()))?;
            let accepted = self.0.accept().map_err(|(error, mut alert)| {
                let mut bytes = Vec::new();
                // A write into memory does not fail.
                let _ = alert.write_all(&mut bytes);
                (TlsError::io(error), bytes)
            })?;
            if let Some(accepted) = accepted {
                let hello = accepted.client_hello();
                let alpn = hello.alpn().into_iter().flatten();
                return Ok(Some(Hello {
                    name: hello.server_name().map(Into::into),
                    alpn: alpn.map(<[u8]>::to_vec).collect(),
                }));
            }
        }
        Ok(None)
    }
}

impl From<Arc<rustls::ServerConfig>> for ServerConfig {
    fn from(config: Arc<rustls::ServerConfig>) -> ServerConfig {
        ServerConfig(config)
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig").finish_non_exhaustive()
    }
}

impl<S: Connected + fmt::Debug> fmt::Debug for PendingServer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingServer")
            .field("stream", &self.stream)
            .field("server_name", &self.name)
            .finish_non_exhaustive()
    }
}
