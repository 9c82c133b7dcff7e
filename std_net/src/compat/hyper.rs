//! What hyper needs of a runtime: its traits for connections, an executor, a timer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Executor, Read, ReadBufCursor, Sleep, Timer, Write};
use std_net_runtime::AsIo;

use super::Compat;
use crate::process::{self, Delay};

impl<S: AsIo + Unpin> Read for Compat<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // hyper's own buffer is not initialised, and only unsafe code may write to it. So the data are
        // copied from a buffer that all connections of the worker use in turn.
        let received = ready!(self.0.poll_recv_lent(cx, buf.remaining()))?;
        buf.put_slice(&received);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsIo + Unpin> Write for Compat<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_send(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_send_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Self::poll_flushed()
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_shut()
    }
}

/// hyper's executor. It runs each future in a process of its own.
///
/// # Examples
///
/// ```
/// use hyper::rt::Executor;
/// use std_net::compat::ProcessExecutor;
/// use std_net::process;
///
/// let (sender, receiver) = process::channel::bounded(1);
/// ProcessExecutor.execute(async move { sender.send(42) });
/// assert_eq!(receiver.recv(), Ok(42));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessExecutor;

impl<F> Executor<F> for ProcessExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        process::spawn(move || process::block_on(future));
    }
}

/// hyper's timer. Wait for its futures with [`process::block_on`], as for those of [`ProcessExecutor`].
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use hyper::rt::Timer;
/// use std_net::compat::ProcessTimer;
/// use std_net::process;
///
/// let start = Instant::now();
/// process::block_on(ProcessTimer.sleep(Duration::from_millis(5)));
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessTimer;

/// A [`Delay`] in the form that hyper wants.
struct Sleeping(Delay);

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Sleep for Sleeping {}

impl Timer for ProcessTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Sleeping(process::delay(duration)))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Sleeping(process::delay(deadline)))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, new_deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleeping>() {
            Some(mut sleeping) => sleeping.0.reset(new_deadline),
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}
