//! The halves of a connection. A half can be claimed only once, whichever handle claims it: a channel
//! that buffers what it reads must be the only reader. The runtime enforces this.

use std::any::Any;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use std_net_runtime::Io;

pub(crate) use std_net_runtime::halves::{READ, WRITE};

/// The handle that the claimed halves of a socket share while one of them lives.
#[derive(Default)]
struct Common(Mutex<Option<Weak<dyn Any + Send + Sync>>>);

/// Returns the one handle that the claimed halves of a socket share. If there is none, `make` makes it.
/// It lives as long as a half holds it.
///
/// # Errors
///
/// The error of `make`.
pub(super) fn common<T: Any + Send + Sync>(
    io: &Io,
    make: impl FnOnce() -> io::Result<T>,
) -> io::Result<Arc<T>> {
    let cell = &io.extension::<Common>().0;
    let mut common = cell.lock().unwrap_or_else(PoisonError::into_inner);
    let there = common.as_ref().and_then(Weak::upgrade);
    if let Some(Ok(there)) = there.map(Arc::downcast) {
        return Ok(there);
    }
    let new = Arc::new(make()?);
    let weak: Weak<T> = Arc::downgrade(&new);
    *common = Some(weak);
    Ok(new)
}

#[cfg(test)]
mod tests {
    use std_net_runtime::AsIo;

    use super::*;
    use crate::unix::UnixStream;

    #[test]
    fn a_half_is_claimed_once_for_all_handles() {
        let (a, _b) = UnixStream::pair().unwrap();
        let clone = a.try_clone().unwrap();
        assert!(a.as_io().claim(READ));
        assert!(!clone.as_io().claim(READ));
        assert!(!clone.as_io().claim(READ | WRITE), "one of them is taken");
        assert!(clone.as_io().claim(WRITE));
        let other = UnixStream::pair().unwrap().0;
        assert!(other.as_io().claim(READ | WRITE));
    }

    #[test]
    fn the_common_handle_lives_as_long_as_a_half() {
        let (a, _b) = UnixStream::pair().unwrap();
        let first = common(a.as_io(), || Ok(1u8)).unwrap();
        let second = common(a.as_io(), || Ok(2u8)).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        drop((first, second));
        assert_eq!(*common(a.as_io(), || Ok(3u8)).unwrap(), 3);
        let error = common::<u16>(a.as_io(), || Err(io::ErrorKind::Other.into()));
        assert!(error.is_err());
    }
}
