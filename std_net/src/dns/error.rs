//! [`Error`]: why a lookup has no answer.

use std::error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::mem;

use std_net_ip::ParseError;
use std_net_runtime::lookup::Failure;

/// The reason why a lookup has no answer. Every variant but the last holds the name (or address) that
/// was looked up.
///
/// It can be found again inside the [`io::Error`] of a connect:
///
/// ```
/// use std::io;
/// use std_net::dns::Error;
///
/// fn is_no_such_name(error: &io::Error) -> bool {
///     let error = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
///     matches!(error, Some(Error::NoSuchName(_)))
/// }
///
/// let error = io::Error::from(Error::NoSuchName("example.invalid".into()));
/// assert!(is_no_such_name(&error));
/// assert_eq!(error.kind(), io::ErrorKind::NotFound);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no such name: `NXDOMAIN` of DNS, `EAI_NONAME`.
    /// [`NotFound`](io::ErrorKind::NotFound) as an [`io::Error`].
    NoSuchName(String),
    /// There is such a name, but it has no address of the kind asked for: an empty answer of DNS,
    /// `EAI_NODATA`. [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) as an [`io::Error`].
    NoAddress(String),
    /// There is such a name, but it has no record of the type asked for (SRV, MX or TXT).
    /// [`NotFound`](io::ErrorKind::NotFound) as an [`io::Error`].
    NoRecord(String),
    /// The servers failed or could not be asked, so the answer is not known: `SERVFAIL` of DNS, no
    /// network, `EAI_AGAIN`. The second field has the reason. [`Other`](io::ErrorKind::Other) as an
    /// [`io::Error`].
    ServerFailed(String, Box<dyn error::Error + Send + Sync>),
    /// The deadline has passed, or the resolver has given up. [`TimedOut`](io::ErrorKind::TimedOut) as
    /// an [`io::Error`].
    TimedOut(String),
    /// This cannot be a name: it is empty, too long, or has a zero byte.
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) as an [`io::Error`].
    InvalidName(String),
    /// The text must be an address, because its last part is a number and no name ends so. But it is
    /// not a valid address. No resolver was asked. [`InvalidInput`](io::ErrorKind::InvalidInput) as an
    /// [`io::Error`].
    InvalidAddress(String, Box<ParseError>),
    /// A system call failed, or the process was cancelled. As an [`io::Error`] it is this error.
    Io(io::Error),
}

impl Error {
    /// Returns the name or address that was looked up.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Error::NoSuchName(name)
            | Error::NoAddress(name)
            | Error::NoRecord(name)
            | Error::ServerFailed(name, _)
            | Error::TimedOut(name)
            | Error::InvalidAddress(name, _)
            | Error::InvalidName(name) => Some(name),
            Error::Io(_) => None,
        }
    }

    pub(super) fn from_libc(name: &str, failure: Failure) -> Error {
        let owned = name.to_owned();
        match failure {
            Failure::NoSuchName => Error::NoSuchName(owned),
            Failure::NoAddress => Error::NoAddress(owned),
            Failure::TimedOut => Error::TimedOut(owned),
            Failure::Failed(code) => Error::ServerFailed(owned, code.into()),
            Failure::Io(error) => Error::Io(error),
            other => Error::ServerFailed(owned, format!("{other:?}").into()),
        }
    }
}

/// Two errors are equal if they have the same kind, the same name and the same text.
impl PartialEq for Error {
    fn eq(&self, other: &Error) -> bool {
        mem::discriminant(self) == mem::discriminant(other)
            && self.name() == other.name()
            && self.to_string() == other.to_string()
    }
}

impl Eq for Error {}

impl Hash for Error {
    fn hash<H: Hasher>(&self, state: &mut H) {
        mem::discriminant(self).hash(state);
        self.to_string().hash(state);
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Error::InvalidAddress(name, reason) = self {
            return write!(f, "{name:?}: {reason}");
        }
        if let Some(name) = self.name() {
            write!(f, "lookup of {name:?}: ")?;
        }
        match self {
            Error::NoSuchName(_) => f.write_str("no such name"),
            Error::NoAddress(_) => f.write_str("no address of that kind"),
            Error::NoRecord(_) => f.write_str("no record of that type"),
            Error::ServerFailed(_, reason) => write!(f, "the resolver failed: {reason}"),
            Error::TimedOut(_) => f.write_str("no answer in time"),
            Error::InvalidName(_) => f.write_str("not a name"),
            Error::InvalidAddress(_, reason) => reason.fmt(f),
            Error::Io(error) => error.fmt(f),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Error::ServerFailed(_, reason) => Some(&**reason),
            Error::InvalidAddress(_, reason) => Some(reason),
            Error::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match error {
            Error::NoSuchName(_) | Error::NoRecord(_) => io::ErrorKind::NotFound,
            Error::NoAddress(_) => io::ErrorKind::AddrNotAvailable,
            Error::ServerFailed(..) => io::ErrorKind::Other,
            Error::TimedOut(_) => io::ErrorKind::TimedOut,
            Error::InvalidName(_) | Error::InvalidAddress(..) => io::ErrorKind::InvalidInput,
            Error::Io(error) => return error,
        };
        io::Error::new(kind, error)
    }
}
