//! [`ClientConfig`]: the settings of a TLS client, and the certificates that it trusts.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, UnbufferedClientConnection};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use std_net_runtime::Deadline;
use std_net_runtime::buffers::queue::ByteQueue;
use std_net_runtime::process::on_thread_stack;

use super::pem::Pem;
use super::server::Name;
use super::session::Connection;
use super::{TlsError, TlsStream, Version, claim, invalid, provider, versions};
use crate::channel::Connected;

/// The settings of a TLS client. A clone refers to the same settings. Sessions are resumed only among
/// connections with one configuration.
///
/// # Examples
///
/// ```no_run
/// use std_net::socket::TcpStream;
/// use std_net::tls::{ClientConfig, Version};
///
/// let config = ClientConfig::builder()
///     .root_file("our-ca.pem")
///     .alpn(["http/1.1"])
///     .min_version(Version::Tls13)
///     .build()?;
/// let stream = TcpStream::connect("server.internal:443")?;
/// let stream = stream.tls_with("server.internal", &config)?;
/// assert_eq!(stream.version(), Version::Tls13);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "SSLContext")]
pub struct ClientConfig(Arc<rustls::ClientConfig>);

/// Makes a [`ClientConfig`].
#[derive(Debug)]
#[must_use = "settings do nothing until `build`"]
#[doc(alias = "TLSConfigBuilder")]
pub struct ClientConfigBuilder {
    roots: Vec<Pem>,
    system_roots: Option<bool>,
    certificate: Option<(Pem, Pem)>,
    alpn: Vec<Vec<u8>>,
    cipher_suites: Option<Vec<String>>,
    versions: (Version, Version),
    skip_verification: bool,
    resumption: bool,
}

impl ClientConfig {
    /// Makes a configuration that trusts the roots of the system, with TLS 1.2 and 1.3. The first call
    /// reads the roots, and later calls use them again.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if the system has no roots.
    pub fn system() -> io::Result<ClientConfig> {
        static SYSTEM: Mutex<Option<ClientConfig>> = Mutex::new(None);
        let mut system = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = &*system {
            return Ok(config.clone());
        }
        let config = ClientConfig::builder().build()?;
        Ok(system.insert(config).clone())
    }

    /// Begins with the roots of the system, without a certificate of the client and without ALPN, with
    /// TLS 1.2 and 1.3.
    pub fn builder() -> ClientConfigBuilder {
        ClientConfigBuilder {
            roots: Vec::new(),
            system_roots: None,
            certificate: None,
            alpn: Vec::new(),
            cipher_suites: None,
            versions: (Version::Tls12, Version::Tls13),
            skip_verification: false,
            resumption: true,
        }
    }

    /// Returns the same configuration with other application protocols to offer (ALPN). It is for a
    /// program that speaks several protocols, one in each connection. Sessions are resumed among all
    /// these configurations.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net::socket::TcpStream;
    /// use std_net::tls::ClientConfig;
    ///
    /// let config = ClientConfig::system()?;
    /// let stream = TcpStream::connect("example.org:443")?;
    /// let stream = config.with_alpn(["h2"]).connect(stream, "example.org")?;
    /// assert_eq!(stream.alpn().as_deref(), Some(&b"h2"[..]));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn with_alpn<P: AsRef<[u8]>>(
        &self,
        protocols: impl IntoIterator<Item = P>,
    ) -> ClientConfig {
        let mut config = rustls::ClientConfig::clone(&self.0);
        config.alpn_protocols = protocols.into_iter().map(|p| p.as_ref().into()).collect();
        ClientConfig(Arc::new(config))
    }

    /// Becomes the TLS client of a connection. `server_name` is a DNS name or an IP address. It returns
    /// when the handshake is done. The deadline of the connection counts.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for text that is not a name.
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if a half of the connection is open as a
    /// channel, because the channel may have read bytes ahead that belong to TLS; call
    /// [`reunite`](crate::channel::ReadChannel::reunite) first. The following errors hold a
    /// [`TlsError`]: [`InvalidData`](io::ErrorKind::InvalidData) if the server's certificate, its name
    /// or the protocol is wrong, [`TimedOut`](io::ErrorKind::TimedOut) past the deadline,
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the server hung up. Otherwise the error of
    /// the connection.
    pub fn connect<S: Connected>(&self, stream: S, server_name: &str) -> io::Result<TlsStream<S>> {
        self.connect_deadline(stream, server_name, Deadline::NEVER)
    }

    /// Like [`connect`](Self::connect), with a deadline for the handshake only. A `Duration` counts
    /// from now.
    ///
    /// # Errors
    ///
    /// The errors of [`connect`](Self::connect).
    pub fn connect_deadline<S: Connected>(
        &self,
        stream: S,
        server_name: &str,
        deadline: impl Into<Deadline>,
    ) -> io::Result<TlsStream<S>> {
        let name = ServerName::try_from(server_name).map_err(|_| no_name(server_name))?;
        let name = name.to_owned();
        let connection =
            on_thread_stack(|| UnbufferedClientConnection::new(Arc::clone(&self.0), name))
                .map_err(TlsError::io)?;
        claim(&stream)?;
        TlsStream::handshake(
            stream,
            Connection::Client(connection),
            ByteQueue::default(),
            Name::Known(Some(server_name.into())),
            deadline.into(),
        )
    }
}

impl ClientConfigBuilder {
    /// Trusts the certificates in this PEM text. The roots of the system are then trusted only if
    /// [`system_roots`](Self::system_roots) is set.
    pub fn root_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(Pem::Text(pem.into()));
        self
    }

    /// Like [`root_pem`](Self::root_pem), from a file.
    pub fn root_file(mut self, path: impl AsRef<Path>) -> Self {
        self.roots.push(Pem::File(path.as_ref().into()));
        self
    }

    /// Sets whether the roots of the system are trusted. By default they are trusted only if no other
    /// roots are set.
    pub fn system_roots(mut self, yes: bool) -> Self {
        self.system_roots = Some(yes);
        self
    }

    /// Sets the certificate of the client, followed by those up to the root, and its private key, as
    /// PEM text.
    pub fn certificate_pem(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.certificate = Some((Pem::Text(chain.into()), Pem::Text(key.into())));
        self
    }

    /// Like [`certificate_pem`](Self::certificate_pem), from files.
    pub fn certificate_files(mut self, chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        self.certificate = Some((
            Pem::File(chain.as_ref().into()),
            Pem::File(key.as_ref().into()),
        ));
        self
    }

    /// Sets the application protocols to offer, the preferred one first (ALPN).
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
    /// use std_net::tls::ClientConfig;
    ///
    /// let builder = ClientConfig::builder()
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

    /// Sets the highest version that is offered. The default is TLS 1.3.
    pub fn max_version(mut self, version: Version) -> Self {
        self.versions.1 = version;
        self
    }

    /// Sets whether sessions are resumed, which shortens a handshake. This is on by default.
    pub fn resumption(mut self, yes: bool) -> Self {
        self.resumption = yes;
        self
    }

    /// **Dangerous.** Accepts any certificate for any name. An attacker between the two sides can read
    /// and change everything. Use it for tests, or if something else proves the identity of the peer.
    pub fn dangerous_skip_verification(mut self) -> Self {
        self.skip_verification = true;
        self
    }

    /// Makes the configuration.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) with a [`PemError`](super::PemError) inside if
    /// something is missing in the PEM text, or a key does not fit;
    /// [`NotFound`](io::ErrorKind::NotFound) if there are no roots; the error of reading a file.
    pub fn build(self) -> io::Result<ClientConfig> {
        let provider = Arc::new(provider(self.cipher_suites.as_deref())?);
        let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(self.versions.0, self.versions.1)?)
            .map_err(invalid)?;
        let config = if self.skip_verification {
            config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(NoVerification(provider)))
        } else {
            config.with_root_certificates(self.roots()?)
        };
        let mut config = match &self.certificate {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let (certificates, private) = (chain.certificates()?, key.private_key()?);
                let paired = config.with_client_auth_cert(certificates, private);
                Pem::check_pair(chain, key, paired)?
            }
        };
        config.alpn_protocols = self.alpn;
        if !self.resumption {
            config.resumption = Resumption::disabled();
        }
        Ok(ClientConfig(Arc::new(config)))
    }

    fn roots(&self) -> io::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        for pem in &self.roots {
            pem.add_to(&mut roots)?;
        }
        if self.system_roots.unwrap_or(self.roots.is_empty()) {
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 {
                let why = found.errors.first();
                let why = why.map_or_else(String::new, |error| format!(": {error}"));
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("the system has no root certificates{why}"),
                ));
            }
        }
        Ok(roots)
    }
}

impl From<Arc<rustls::ClientConfig>> for ClientConfig {
    fn from(config: Arc<rustls::ClientConfig>) -> ClientConfig {
        ClientConfig(config)
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig").finish_non_exhaustive()
    }
}

/// Names in DNS are ASCII. Other letters are written in the form `xn--...`.
fn no_name(text: &str) -> io::Error {
    let hint = if text.is_ascii() {
        ""
    } else {
        "; a name with letters outside ASCII must be written in the form `xn--...`"
    };
    invalid(format!(
        "{text:?} is neither a DNS name nor an IP address{hint}"
    ))
}

/// A verifier that accepts any certificate, but the peer must have its key.
#[derive(Debug)]
struct NoVerification(Arc<CryptoProvider>);

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
