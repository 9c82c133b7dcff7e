//! An error with the address that it is about.

use std::error::Error;
use std::fmt;
use std::io;

use crate::sched::stop::is_cancelled;

/// An error with its address. It is inside the [`io::Error`] of a bind or a connect, and that error has the kind of the
/// system's error.
///
/// An [`io::Error`] has either a code of the system or an inner error. So [`raw_os_error`](io::Error::raw_os_error) of
/// the outer error is `None`. This value has the code, and [`os_code`] finds it.
///
/// # Examples
///
/// ```
/// use std_net::socket::{AddressError, os_code};
///
/// let refused = std::io::Error::from_raw_os_error(111);
/// let error = AddressError::wrap("connect to", "127.0.0.1:9", refused);
/// assert_eq!(
///     error.to_string(),
///     "connect to 127.0.0.1:9: Connection refused (os error 111)"
/// );
/// assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
/// assert_eq!(os_code(&error), Some(111));
/// let inner = error.get_ref().and_then(|e| e.downcast_ref::<AddressError>()).unwrap();
/// assert_eq!(inner.address(), "127.0.0.1:9");
/// assert_eq!(inner.raw_os_error(), Some(111));
/// ```
#[derive(Debug)]
pub struct AddressError {
    operation: &'static str,
    address: Box<str>,
    error: io::Error,
}

impl AddressError {
    /// Adds the address to `error`, for an operation with this name. A cancel stays unchanged, and so does an error
    /// that already names an address.
    #[cold]
    #[doc(hidden)]
    pub fn wrap(
        operation: &'static str,
        address: impl fmt::Display,
        error: io::Error,
    ) -> io::Error {
        if is_cancelled(&error) || error.get_ref().is_some_and(|e| e.is::<AddressError>()) {
            return error;
        }
        let kind = error.kind();
        let address = address.to_string().into_boxed_str();
        io::Error::new(
            kind,
            AddressError {
                operation,
                address,
                error,
            },
        )
    }

    /// The address as text.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The code of the system's error (`errno`).
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        self.error.raw_os_error()
    }

    /// The system's error.
    #[must_use]
    pub fn into_inner(self) -> io::Error {
        self.error
    }
}

/// The code of the system's error (`errno`), even if the error names an address. For std's sockets,
/// [`raw_os_error`](io::Error::raw_os_error) returns the same.
#[must_use]
pub fn os_code(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| {
        let inner: Option<&AddressError> = error.get_ref()?.downcast_ref();
        inner?.raw_os_error()
    })
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.operation, self.address, self.error)
    }
}

impl Error for AddressError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
