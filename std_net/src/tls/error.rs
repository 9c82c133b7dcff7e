//! [`TlsError`]: the errors of TLS, sorted by what a program can do about them.

use std::error;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// An error of TLS. It is found inside the [`io::Error`] that the operations return.
///
/// # Examples
///
/// ```
/// use std_net::process;
/// use std_net::tls::{ClientConfig, TlsCause, TlsError};
/// use std_net::unix::UnixStream;
///
/// let (a, b) = UnixStream::pair()?;
/// // This server does not speak TLS.
/// process::spawn(move || b.write_string("HTTP/1.1 400 Bad Request\r\n\r\n"));
/// let config = ClientConfig::builder().dangerous_skip_verification().build()?;
/// let error = config.connect(a, "example.org").unwrap_err();
/// assert_eq!(TlsError::of(&error).unwrap().cause(), TlsCause::Protocol);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct TlsError {
    cause: TlsCause,
    by_peer: bool,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Rustls(Error),
    Io(io::Error),
    Text(&'static str),
}

/// The kind of a TLS error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsCause {
    /// The certificate is wrong: it has expired, its issuer is unknown, it was requested but not sent,
    /// ...
    Certificate,
    /// The certificate is valid, but for another name; or the server does not know the requested name.
    Name,
    /// The protocol is wrong: there is no common version, cipher or application protocol, or it is not
    /// TLS at all.
    Protocol,
    /// The handshake had not ended by the deadline.
    Timeout,
    /// The stream ended without a `close_notify`, so some data may be missing.
    Truncated,
}

impl TlsError {
    /// Returns the TLS error inside an I/O error, if there is one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&TlsError> {
        error.get_ref()?.downcast_ref()
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn cause(&self) -> TlsCause {
        self.cause
    }

    /// Returns whether the peer found the error and reported it by an alert.
    #[must_use]
    pub fn is_by_peer(&self) -> bool {
        self.by_peer
    }

    /// Returns the error of rustls, which has the details.
    #[must_use]
    pub fn rustls(&self) -> Option<&Error> {
        match &self.inner {
            Inner::Rustls(error) => Some(error),
            _ => None,
        }
    }

    pub(super) fn io(error: Error) -> io::Error {
        let by_peer = matches!(error, Error::AlertReceived(_));
        let cause = cause(&error);
        let inner = Inner::Rustls(error);
        TlsError {
            cause,
            by_peer,
            inner,
        }
        .wrap(io::ErrorKind::InvalidData)
    }

    pub(super) fn truncated() -> io::Error {
        TlsError {
            cause: TlsCause::Truncated,
            by_peer: false,
            inner: Inner::Text("the stream ended without a close_notify"),
        }
        .wrap(io::ErrorKind::UnexpectedEof)
    }

    /// Converts an error of the connection during a handshake. A timeout becomes a [`TlsError`].
    pub(super) fn in_handshake(error: io::Error) -> io::Error {
        let kind = error.kind();
        if kind != io::ErrorKind::TimedOut || error.get_ref().is_some_and(|e| e.is::<TlsError>()) {
            return error;
        }
        TlsError {
            cause: TlsCause::Timeout,
            by_peer: false,
            inner: Inner::Io(error),
        }
        .wrap(kind)
    }

    fn wrap(self, kind: io::ErrorKind) -> io::Error {
        io::Error::new(kind, self)
    }
}

fn cause(error: &Error) -> TlsCause {
    match error {
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )
        | Error::AlertReceived(AlertDescription::UnrecognisedName) => TlsCause::Name,
        Error::InvalidCertificate(_)
        | Error::NoCertificatesPresented
        | Error::InvalidCertRevocationList(_) => TlsCause::Certificate,
        Error::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::NoCertificate
            | AlertDescription::CertificateRequired,
        ) => TlsCause::Certificate,
        _ => TlsCause::Protocol,
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.cause {
            TlsCause::Certificate => "certificate",
            TlsCause::Name => "name",
            TlsCause::Protocol => "protocol",
            TlsCause::Timeout => "timeout in the handshake",
            TlsCause::Truncated => "truncated",
        };
        write!(f, "TLS: {what}: ")?;
        match &self.inner {
            Inner::Rustls(error) => error.fmt(f),
            Inner::Io(error) => error.fmt(f),
            Inner::Text(text) => text.fmt(f),
        }
    }
}

impl error::Error for TlsError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.inner {
            Inner::Rustls(error) => Some(error),
            Inner::Io(error) => Some(error),
            Inner::Text(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_word_it_is() {
        let error = TlsError::io(Error::AlertReceived(AlertDescription::UnknownCA));
        let tls = TlsError::of(&error).unwrap();
        assert!(tls.is_by_peer());
        assert_eq!(tls.cause(), TlsCause::Certificate);
        assert!(tls.rustls().is_some());
        let error = TlsError::io(Error::InvalidCertificate(CertificateError::Expired));
        let tls = TlsError::of(&error).unwrap();
        assert!(!tls.is_by_peer());
        assert_eq!(
            error.to_string(),
            format!("TLS: certificate: {}", tls.rustls().unwrap())
        );
    }

    #[test]
    fn only_a_timeout_changes_in_a_handshake() {
        let reset = TlsError::in_handshake(io::ErrorKind::ConnectionReset.into());
        assert!(TlsError::of(&reset).is_none());
        let late = TlsError::in_handshake(io::ErrorKind::TimedOut.into());
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        assert_eq!(TlsError::of(&late).unwrap().cause(), TlsCause::Timeout);
    }
}
