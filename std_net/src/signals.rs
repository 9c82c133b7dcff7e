//! Signals as a channel, with the feature `signals`: over `signal-hook`, with one thread a channel.

use std::io;
use std::thread;

use signal_hook::iterator::Signals;
use std_net_runtime::process::channel::{self, Receiver};

pub use signal_hook::consts::FORBIDDEN;
pub use signal_hook::consts::signal::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
};

/// The numbers of these signals as they come, from now on; what they would do otherwise they do no more.
/// Several channels may have the same signal: each gets it.
///
/// The kernel tells of a signal that comes twice before it is seen once only. What it would do otherwise is
/// not restored when the channel is dropped.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a signal that cannot be taken
/// ([`FORBIDDEN`]), or that is none; the error of making a thread.
///
/// # Examples
///
/// ```no_run
/// use std_net::signals::{self, SIGHUP};
///
/// let reload = signals::channel(&[SIGHUP])?;
/// std_net::process::spawn(move || {
///     for _ in reload {
///         println!("the settings are read anew");
///     }
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn channel(signals: &[i32]) -> io::Result<Receiver<i32>> {
    let is_none = |signal: i32| !(1..=64).contains(&signal) || FORBIDDEN.contains(&signal);
    if let Some(signal) = signals.iter().find(|signal| is_none(**signal)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("signal {signal} cannot be taken"),
        ));
    }
    let mut incoming = Signals::new(signals)
        .map_err(|error| io::Error::new(error.kind(), format!("signals {signals:?}: {error}")))?;
    let (sender, receiver) = channel::unbounded();
    thread::Builder::new()
        .name("std_net-signals".into())
        .spawn(move || {
            for signal in &mut incoming {
                if sender.send(signal).is_err() {
                    break;
                }
            }
        })?;
    Ok(receiver)
}

/// Ctrl-C, and what `kill` and a service manager send to end a program: `SIGINT` and `SIGTERM`.
///
/// # Errors
///
/// The error of making a thread.
///
/// # Examples
///
/// ```no_run
/// # use std_net::signals;
/// // In one line: wait for it.
/// signals::ctrl_c()?.recv()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "ctrlc")]
pub fn ctrl_c() -> io::Result<Receiver<i32>> {
    channel(&[SIGINT, SIGTERM])
}
