//! Descriptors to wake by: what a thread waits for together with a socket.

use std::cell::OnceCell;
use std::io;
use std::sync::Arc;

pub(crate) use super::platform::wake_fd::WakeFd;

thread_local! {
    static OWN: OnceCell<Arc<WakeFd>> = const { OnceCell::new() };
}

impl WakeFd {
    /// The calling thread's own.
    pub(crate) fn of_thread() -> io::Result<Arc<WakeFd>> {
        let own = OWN.try_with(|cell| match cell.get() {
            Some(own) => Ok(Arc::clone(own)),
            None => {
                let new = Arc::new(WakeFd::new()?);
                Ok(Arc::clone(cell.get_or_init(|| new)))
            }
        });
        // The values of a thread that ends are gone one after another, and the last may still wait.
        own.unwrap_or_else(|_| WakeFd::new().map(Arc::new))
    }
}
