//! Descriptors that wake a thread. The thread waits for such a descriptor together with a socket.

use std::cell::OnceCell;
use std::io;
use std::sync::Arc;

pub(crate) use super::platform::wake_fd::WakeFd;

thread_local! {
    static OWN: OnceCell<Arc<WakeFd>> = const { OnceCell::new() };
}

impl WakeFd {
    /// The descriptor of the calling thread.
    pub(crate) fn of_thread() -> io::Result<Arc<WakeFd>> {
        let own = OWN.try_with(|cell| match cell.get() {
            Some(own) => Ok(Arc::clone(own)),
            None => {
                let new = Arc::new(WakeFd::new()?);
                Ok(Arc::clone(cell.get_or_init(|| new)))
            }
        });
        // When a thread ends, its thread-locals are dropped one after another, and the last one may still wait.
        own.unwrap_or_else(|_| WakeFd::new().map(Arc::new))
    }
}
