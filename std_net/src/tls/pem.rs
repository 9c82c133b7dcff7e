//! Reads certificates and private keys from PEM text (RFC 7468). An error names the file, the
//! certificate in it, and what is wrong. Nothing that looks like a certificate is ignored silently.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// PEM text, or the path of a file with it.
pub(super) enum Pem {
    Text(Vec<u8>),
    File(PathBuf),
}

/// The error of wrong certificates and keys. It is found inside the [`io::Error`] of a configuration's
/// `build`, of the kind [`InvalidInput`](io::ErrorKind::InvalidInput).
///
/// # Examples
///
/// ```
/// use std_net::tls::{ClientConfig, PemError, PemProblem};
///
/// let error = ClientConfig::builder().root_pem("nothing of that kind").build().unwrap_err();
/// let pem = PemError::of(&error).unwrap();
/// assert_eq!(pem.problem(), PemProblem::NoCertificate);
/// assert_eq!(pem.path(), None, "it was text");
/// ```
#[derive(Debug)]
pub struct PemError {
    path: Option<PathBuf>,
    problem: PemProblem,
    details: String,
}

/// What is wrong with PEM text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PemProblem {
    /// It is not PEM text: it is DER or UTF-16.
    NotPem,
    /// It has no certificate.
    NoCertificate,
    /// One of its certificates is damaged.
    BadCertificate,
    /// It has no private key.
    NoKey,
    /// The private key is damaged, or its kind is not supported.
    BadKey,
    /// The private key is encrypted.
    EncryptedKey,
    /// The private key does not belong to the certificate.
    KeyMismatch,
}

impl PemError {
    /// Returns the PEM error inside an I/O error, if there is one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&PemError> {
        error.get_ref()?.downcast_ref()
    }

    /// Returns the file, or `None` if the PEM was given as text.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns what is wrong with the PEM.
    #[must_use]
    pub fn problem(&self) -> PemProblem {
        self.problem
    }
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", path.display(), self.details),
            None => write!(f, "PEM text: {}", self.details),
        }
    }
}

impl Error for PemError {}

impl From<PemError> for io::Error {
    fn from(error: PemError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

impl Pem {
    /// Returns the certificates, at least one.
    pub(super) fn certificates(&self) -> io::Result<Vec<CertificateDer<'static>>> {
        let text = self.read()?;
        let begun = self.begun_certificates(&text)?;
        let mut certificates = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let number = certificates.len() + 1;
            let certificate = certificate
                .map_err(|error| self.bad_certificate(number, &reason(error, "a certificate")))?;
            if !is_whole(&certificate) {
                return Err(self.bad_certificate(number, &"its contents are cut off or damaged"));
            }
            certificates.push(certificate);
        }
        if certificates.is_empty() {
            let details = if looks_like_der(&text) {
                return Err(self.error(PemProblem::NotPem, "this is DER; PEM is wanted"));
            } else {
                "there is no certificate in it"
            };
            return Err(self.error(PemProblem::NoCertificate, details));
        }
        if certificates.len() != begun {
            let details = format!(
                "{begun} certificates begin in it, but only {} are complete",
                certificates.len()
            );
            return Err(self.error(PemProblem::BadCertificate, details));
        }
        Ok(certificates)
    }

    /// Adds the certificates to the trusted ones.
    pub(super) fn add_to(&self, roots: &mut RootCertStore) -> io::Result<()> {
        for (i, certificate) in self.certificates()?.into_iter().enumerate() {
            roots
                .add(certificate)
                .map_err(|error| self.bad_certificate(i + 1, &error))?;
        }
        Ok(())
    }

    /// Returns the private key: PKCS #8, PKCS #1 or SEC1.
    pub(super) fn private_key(&self) -> io::Result<PrivateKeyDer<'static>> {
        let text = self.read()?;
        let lines = || text.split(|byte| matches!(byte, b'\n' | b'\r'));
        if lines().any(|line| {
            line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
                || (line.starts_with(b"Proc-Type:")
                    && line.trim_ascii_end().ends_with(b"ENCRYPTED"))
        }) {
            let details =
                "the private key is encrypted; `openssl pkey -in KEY -out PLAIN` decrypts it";
            return Err(self.error(PemProblem::EncryptedKey, details));
        }
        match PrivateKeyDer::from_pem_slice(&text) {
            Ok(key) => Ok(key),
            Err(pem::Error::NoItemsFound) if looks_like_der(&text) => {
                Err(self.error(PemProblem::NotPem, "this is DER; PEM is wanted"))
            }
            Err(pem::Error::NoItemsFound) => {
                let openssh = lines().any(|l| l.starts_with(b"-----BEGIN OPENSSH PRIVATE KEY"));
                let (problem, details) = if openssh {
                    let details =
                        "the private key is in OpenSSH's own format, which TLS cannot use";
                    (PemProblem::BadKey, details)
                } else {
                    (PemProblem::NoKey, "there is no private key in it")
                };
                Err(self.error(problem, details))
            }
            Err(error) => Err(self.error(
                PemProblem::BadKey,
                format!("the private key: {}", reason(error, "the key")),
            )),
        }
    }

    /// Checks the result of rustls for a certificate chain and its key.
    pub(super) fn check_pair<T>(
        chain: &Pem,
        key: &Pem,
        result: Result<T, rustls::Error>,
    ) -> io::Result<T> {
        result.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => key.error(
                PemProblem::KeyMismatch,
                format!("the private key does not belong to the certificate in {chain}"),
            ),
            rustls::Error::InvalidCertificate(_) => chain.bad_certificate(1, &error),
            // All other errors come from the key; rustls reports them only as text.
            error => key.error(PemProblem::BadKey, format!("the private key: {error}")),
        })
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let text = match self {
            Pem::Text(text) => text.clone(),
            Pem::File(path) => fs::read(path)
                .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?,
        };
        if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
            return Err(self.error(PemProblem::NotPem, "this is UTF-16; PEM is ASCII"));
        }
        Ok(without_marks(&text).into_owned())
    }

    /// Returns how many certificates begin in the text.
    fn begun_certificates(&self, text: &[u8]) -> io::Result<usize> {
        let mut count = 0;
        let mut number = 1;
        for line in text.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let here = number;
            number += usize::from(line.ends_with(b"\n"));
            let line = line.trim_ascii_end();
            let inner = line.trim_ascii_start();
            let begins = inner.starts_with(b"-") && contains(inner, b"BEGIN");
            if !begins || !contains(inner, b"CERTIFICATE") || contains(inner, b"REQUEST") {
                continue;
            }
            if line != b"-----BEGIN CERTIFICATE-----" {
                let details = format!(
                    "line {here}: {:?} does not begin a certificate that can be read",
                    String::from_utf8_lossy(line)
                );
                return Err(self.error(PemProblem::BadCertificate, details));
            }
            count += 1;
        }
        Ok(count)
    }

    fn bad_certificate(&self, number: usize, error: &dyn fmt::Display) -> io::Error {
        let details = format!("certificate {number}: {error}");
        self.error(PemProblem::BadCertificate, details)
    }

    fn error(&self, problem: PemProblem, details: impl Into<String>) -> io::Error {
        let path = match self {
            Pem::Text(_) => None,
            Pem::File(path) => Some(path.clone()),
        };
        PemError {
            path,
            problem,
            details: details.into(),
        }
        .into()
    }
}

impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::Text(_) => f.write_str("the PEM text"),
            Pem::File(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Debug for Pem {
    /// Leaves the text out, because it may be a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::Text(text) => write!(f, "{} bytes of PEM", text.len()),
            Pem::File(path) => path.fmt(f),
        }
    }
}

/// Removes the byte order marks of UTF-8. Some editors put one at the beginning of a file, and they
/// stand at the beginning of a line when such files are joined.
fn without_marks(text: &[u8]) -> Cow<'_, [u8]> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if !contains(text, MARK) {
        return Cow::Borrowed(text);
    }
    let mut clean = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        clean.extend_from_slice(line.strip_prefix(MARK).unwrap_or(line));
    }
    Cow::Owned(clean)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// Returns whether the bytes begin with a sequence whose length has the long form. Every certificate
/// and key in DER begins so.
fn looks_like_der(bytes: &[u8]) -> bool {
    matches!(bytes, [0x30, 0x81..=0x84, ..])
}

/// Returns whether the outer sequence of the DER has the length of the data.
fn is_whole(der: &[u8]) -> bool {
    let (header, len) = match der {
        [0x30, len @ 0..=0x7f, ..] => (2, usize::from(*len)),
        [0x30, n @ 0x81..=0x84, rest @ ..] => {
            let n = usize::from(n & 0x7f);
            let Some(bytes) = rest.get(..n) else {
                return false;
            };
            let len = bytes
                .iter()
                .fold(0, |len, byte| len << 8 | usize::from(*byte));
            (2 + n, len)
        }
        _ => return false,
    };
    header + len == der.len()
}

/// Describes an error of the PEM parser.
fn reason(error: pem::Error, what: &str) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            let end = String::from_utf8_lossy(&end_marker).into_owned();
            format!("the line that ends it is missing ({end:?})")
        }
        pem::Error::IllegalSectionStart { line } => {
            let line = String::from_utf8_lossy(&line).into_owned();
            format!("{line:?} is not the beginning of {what}")
        }
        pem::Error::Base64Decode(error) => format!("it is not Base64: {error}"),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_where_a_line_begins() {
        assert_eq!(
            &*without_marks(b"\xef\xbb\xbfab\n\xef\xbb\xbfcd"),
            b"ab\ncd"
        );
        assert_eq!(&*without_marks(b"a\xef\xbb\xbfb"), b"a\xef\xbb\xbfb");
    }

    #[test]
    fn whole_is_as_long_as_it_says() {
        assert!(is_whole(&[0x30, 2, 5, 0]));
        assert!(!is_whole(&[0x30, 2, 5]));
        assert!(!is_whole(&[0x30, 2, 5, 0, 0]));
        let mut long = vec![0x30, 0x82, 1, 0];
        long.resize(260, 7);
        assert!(is_whole(&long));
        assert!(!is_whole(&long[..259]));
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 0x82, 1],
            &[0x31, 0],
            &[0x30, 0x85, 0],
        ] {
            assert!(!is_whole(bad));
        }
    }
}
