//! The halves of a connection. Each can be claimed once, for all handles to it: a channel that buffers
//! what it reads must be the only one to read.

use std::any::Any;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use std_net_runtime::Io;

/// The half that reads, and the one that writes, as bits.
pub(crate) const READ: u8 = 1;
pub(crate) const WRITE: u8 = 2;

/// The halves that are taken.
#[derive(Default)]
pub(crate) struct Claimed(AtomicU8);

impl Claimed {
    /// Takes these halves for good. False, and none taken, if one of them is taken already.
    pub(crate) fn claim(&self, halves: u8) -> bool {
        let free = |taken| (taken & halves == 0).then_some(taken | halves);
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, free)
            .is_ok()
    }
}

/// What all handles to a socket have in common.
#[derive(Default)]
struct Halves {
    claimed: Claimed,
    /// The handle that the claimed halves share, while one of them lives.
    common: Mutex<Option<Weak<dyn Any + Send + Sync>>>,
}

/// Takes these halves of a socket, for all handles to it; see [`Claimed::claim`].
pub(super) fn claim(io: &Io, halves: u8) -> bool {
    io.extension::<Halves>().claimed.claim(halves)
}

/// The one handle that the claimed halves of a socket have in common. It is made by `make` if there is
/// none, and kept as long as a half holds it.
///
/// # Errors
///
/// The error of `make`.
pub(super) fn common<T: Any + Send + Sync>(
    io: &Io,
    make: impl FnOnce() -> io::Result<T>,
) -> io::Result<Arc<T>> {
    let cell = &io.extension::<Halves>().common;
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
        assert!(claim(a.as_io(), READ));
        assert!(!claim(clone.as_io(), READ));
        assert!(!claim(clone.as_io(), READ | WRITE), "one of them is taken");
        assert!(claim(clone.as_io(), WRITE));
        let other = UnixStream::pair().unwrap().0;
        assert!(claim(other.as_io(), READ | WRITE));
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
