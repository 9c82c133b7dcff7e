//! Signals as a channel. Needs the feature `signals`. The crate `signal-hook` catches the signals, and
//! each channel has one thread.

use std::io;
use std::thread;

use signal_hook::iterator::Signals;
use std_net_runtime::process::channel::{self, Receiver};

pub use signal_hook::consts::FORBIDDEN;
pub use signal_hook::consts::signal::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
};

/// Makes a channel of the numbers of these signals, as they come from now on. From now on they no
/// longer have their default effect. If several channels ask for the same signal, each gets it.
///
/// If a signal comes twice before the first is handled, the kernel reports it only once. The default
/// effect does not come back when the channel is dropped.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a signal that cannot be caught ([`FORBIDDEN`]) or
/// does not exist; the error of making a thread.
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

/// Makes a channel of `SIGINT` (Ctrl-C) and of `SIGTERM`, which `kill` and service managers send to end
/// a program.
///
/// # Errors
///
/// The error of making a thread.
///
/// # Examples
///
/// ```no_run
/// # use std_net::signals;
/// // Wait for the signal:
/// signals::ctrl_c()?.recv()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "ctrlc")]
pub fn ctrl_c() -> io::Result<Receiver<i32>> {
    channel(&[SIGINT, SIGTERM])
}
