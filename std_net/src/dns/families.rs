//! One lookup for each family, side by side (RFC 8305, section 3): a wrong or slow answer about IPv6
//! must not delay the answer about IPv4.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use std_net_runtime::Deadline;
use std_net_runtime::process::channel::{self, Receiver, RecvError};
use std_net_runtime::process::{self, JoinHandle};

use super::{Error, Family, Resolver};

/// How much later than the answer about IPv4 the answer about IPv6 may come: the Resolution Delay that
/// RFC 8305, section 3, recommends.
pub(super) const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

type Addresses = Result<Vec<SocketAddr>, Error>;

/// The lookup about IPv6 that was too slow. It ends when this value is dropped.
#[derive(Debug)]
pub(crate) struct Late {
    host: String,
    port: u16,
    answers: Receiver<(Family, Addresses)>,
    _asking: Asking,
}

impl Late {
    /// Waits for the answer.
    pub(crate) fn wait(self, deadline: Deadline) -> Addresses {
        let (_, answer) = receive(&self.answers, &self.host, deadline)?;
        let mut addrs = answer?;
        for addr in &mut addrs {
            addr.set_port(self.port);
        }
        Ok(addrs)
    }
}

/// The processes of the two lookups.
#[derive(Debug)]
struct Asking(Vec<JoinHandle<()>>);

impl Drop for Asking {
    fn drop(&mut self) {
        for process in &self.0 {
            process.cancel();
        }
    }
}

/// The wish of a resolver to ask for both families at once. It holds the function that does this. So a program in which no
/// resolver has the wish contains neither the function nor the runtime that it needs.
#[derive(Clone)]
pub(super) struct Wish {
    delay: Duration,
    ask: Ask,
}

type Ask = fn(&Resolver, &str, u16, Deadline, Duration) -> Addresses;

impl Wish {
    pub(super) fn new(delay: Duration) -> Wish {
        Wish {
            delay,
            ask: |resolver, host, port, deadline, delay| {
                side_by_side(resolver, host, port, deadline, delay).map(|(addrs, _)| addrs)
            },
        }
    }

    pub(super) fn ask(
        &self,
        resolver: &Resolver,
        host: &str,
        port: u16,
        deadline: Deadline,
    ) -> Addresses {
        (self.ask)(resolver, host, port, deadline, self.delay)
    }
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.delay.fmt(f)
    }
}

/// Asks for both families. After an answer about IPv4, the answer about IPv6 may take `delay` more. In
/// all other cases it waits for both. If one family has no answer, the answer of the other is used.
pub(super) fn side_by_side(
    resolver: &Resolver,
    host: &str,
    port: u16,
    deadline: Deadline,
    delay: Duration,
) -> Result<(Vec<SocketAddr>, Option<Late>), Error> {
    let (reporter, answers) = channel::unbounded();
    let mut asking = Asking(Vec::new());
    for family in [Family::V6, Family::V4] {
        let (resolver, reporter) = (resolver.clone(), reporter.clone());
        let name = host.to_owned();
        let process = process::Builder::new().name("lookup").spawn(move || {
            let answer = resolver.of_family(&name, family, deadline);
            // This fails if the caller has stopped waiting.
            let _ = reporter.send((family, answer));
        });
        asking.0.push(process.map_err(Error::Io)?);
    }
    drop(reporter);

    let (family, first) = receive(&answers, host, deadline)?;
    let usable = first.as_ref().is_ok_and(|addrs| !addrs.is_empty());
    if family == Family::V4 && usable {
        let lag = deadline.min((Instant::now() + delay).into());
        return match (first, receive(&answers, host, lag)) {
            (first, Ok((_, second))) => Ok((merge(second, first)?, None)),
            // The answer is not late: the process was cancelled.
            (_, Err(error @ Error::Io(_))) => Err(error),
            (first, Err(_)) => {
                let late = Late {
                    host: host.to_owned(),
                    port,
                    answers,
                    _asking: asking,
                };
                Ok((first?, Some(late)))
            }
        };
    }
    let second = match receive(&answers, host, deadline) {
        Ok((_, second)) => second,
        Err(error @ Error::Io(_)) => return Err(error),
        // The answer that came before the deadline is still used.
        Err(error) => Err(error),
    };
    let (v6, v4) = if family == Family::V6 {
        (first, second)
    } else {
        (second, first)
    };
    Ok((merge(v6, v4)?, None))
}

/// Puts the answers of both families together, IPv6 first. If neither has an address, it returns the
/// error that says more. That is the error about IPv4, unless it only says that there is no address of
/// that family.
fn merge(v6: Addresses, v4: Addresses) -> Addresses {
    match (v6, v4) {
        (Ok(mut v6), Ok(v4)) => {
            v6.extend(v4);
            Ok(v6)
        }
        (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => Ok(found),
        (Err(error), Err(Error::NoAddress(_)) | Ok(_)) | (_, Err(error)) => Err(error),
    }
}

fn receive(
    answers: &Receiver<(Family, Addresses)>,
    host: &str,
    deadline: Deadline,
) -> Result<(Family, Addresses), Error> {
    answers
        .recv_deadline(deadline)
        .map_err(|error| match (error, process::check_cancelled()) {
            (_, Err(cancelled)) => Error::Io(cancelled),
            (RecvError::TimedOut, Ok(())) => Error::TimedOut(host.to_owned()),
            (error, Ok(())) => Error::ServerFailed(host.to_owned(), io::Error::other(error).into()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_family_is_enough_and_the_better_error_is_told() {
        let v6: Vec<SocketAddr> = vec!["[::1]:0".parse().unwrap()];
        let v4: Vec<SocketAddr> = vec!["127.0.0.1:0".parse().unwrap()];
        let no_address = || Err(Error::NoAddress("x".into()));
        let timed_out = || Err(Error::TimedOut("x".into()));
        let no_name = || Err(Error::NoSuchName("x".into()));
        let all = merge(Ok(v6.clone()), Ok(v4.clone())).unwrap();
        assert_eq!(all, [v6[0], v4[0]]);
        assert_eq!(merge(timed_out(), Ok(v4.clone())).unwrap(), v4);
        assert_eq!(merge(Ok(v6.clone()), timed_out()).unwrap(), v6);
        assert_eq!(merge(timed_out(), no_address()), timed_out());
        assert_eq!(merge(no_address(), timed_out()), timed_out());
        assert_eq!(merge(no_address(), no_name()), no_name());
        assert_eq!(merge(timed_out(), Ok(Vec::new())), timed_out());
        assert_eq!(merge(Ok(Vec::new()), timed_out()), timed_out());
    }
}
