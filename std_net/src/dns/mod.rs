//! Finds the addresses of a name, and the names of an address. Only this module asks a resolver.
//!
//! The C library is asked, by `getaddrinfo(3)`. With the feature `resolved`, `systemd-resolved` is asked
//! instead where it is running, over its Varlink socket, because it tells the reasons of a failure apart.
//! In both cases a process parks meanwhile, and a deadline is kept. Text that is an address needs no lookup.
//!
//! A name with letters outside ASCII is passed on unchanged. `systemd-resolved` turns it into the form
//! that DNS uses (`xn--...`). The C library does not, and so finds nothing. TLS also wants that form.
//! The crate `idna` makes it.
//!
//! | type | what it is |
//! |---|---|
//! | [`Resolver`] | what is asked, and for how long |
//! | [`Error`] | why there is no answer |
//! | `Srv`, `Mx` | records that say where a service is, and which host takes mail (feature `resolved`) |
//!
//! # Examples
//!
//! ```
//! use std::net::IpAddr;
//! use std::time::Duration;
//! use std_net::dns::{Error, Resolver};
//!
//! let resolver = Resolver::new().timeout(Duration::from_secs(5));
//! let addresses = resolver.lookup("localhost")?;
//! assert!(addresses.iter().all(IpAddr::is_loopback));
//!
//! match resolver.lookup("no-such-name.invalid") {
//!     Ok(addresses) => println!("{addresses:?}"),
//!     Err(Error::NoSuchName(name)) => println!("there is no {name}"),
//!     Err(error) => println!("it could not be found out: {error}"),
//! }
//! # Ok::<(), Error>(())
//! ```

mod error;
// One lookup for each family, side by side.
mod families;
// `no_service` stands in for `resolved` without that feature.
#[cfg(not(feature = "resolved"))]
mod no_service;
// SRV, MX and TXT records.
#[cfg(feature = "resolved")]
mod records;
// `systemd-resolved` over Varlink.
#[cfg(feature = "resolved")]
mod resolved;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "resolved")]
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::SockAddr;
use std_net_ip::ParseError;
use std_net_runtime::Deadline;
use std_net_runtime::lookup::{self, Failure};

pub use error::Error;
#[cfg(feature = "resolved")]
pub use records::{Mx, Srv};

pub(crate) use families::Late;
use families::RESOLUTION_DELAY;

#[cfg(not(feature = "resolved"))]
use no_service as resolved;
use resolved::{Refusal, Service};

/// Which addresses to look for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// Addresses of both families.
    #[default]
    Any,
    /// Addresses of IPv4 only: `A` records.
    V4,
    /// Addresses of IPv6 only: `AAAA` records.
    V6,
}

impl Family {
    /// Returns the number that the C library and `systemd-resolved` use.
    fn number(self) -> libc::c_int {
        match self {
            Family::Any => libc::AF_UNSPEC,
            Family::V4 => libc::AF_INET,
            Family::V6 => libc::AF_INET6,
        }
    }

    fn has(self, ip: IpAddr) -> bool {
        match self {
            Family::Any => true,
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
        }
    }
}

/// Looks names up, as the system does.
///
/// The addresses come in the order of the system's resolver, which follows RFC 6724. A connect to a
/// name begins with IPv6 and then tries the two families in turn. A slow answer about IPv6 does not
/// delay IPv4 (RFC 8305; see [`resolution_delay`](Resolver::resolution_delay)).
///
/// The [module](self) has an example.
#[derive(Clone, Debug)]
#[doc(alias = "getaddrinfo")]
#[must_use]
pub struct Resolver {
    service: Option<Service>,
    fallback: bool,
    family: Family,
    timeout: Option<Duration>,
    resolution_delay: Option<families::Wish>,
    /// Where the C library is asked if there is a deadline.
    pool: Option<lookup::Pool>,
}

impl Default for Resolver {
    fn default() -> Resolver {
        Resolver::new()
    }
}

impl Resolver {
    /// Makes the resolver of the system: with the feature `resolved`, `systemd-resolved` if it is running;
    /// else the C library.
    pub fn new() -> Resolver {
        Resolver {
            pool: Some(lookup::Pool::shared()),
            ..Resolver::patient()
        }
    }

    /// Makes the resolver of the system for lookups without a deadline. A program that has only these does not contain
    /// the threads that wait for the C library.
    pub(crate) fn patient() -> Resolver {
        Resolver {
            service: Service::of_system(),
            fallback: true,
            family: Family::Any,
            timeout: None,
            resolution_delay: None,
            pool: None,
        }
    }

    /// Makes a resolver that asks only the C library.
    pub fn libc() -> Resolver {
        Resolver {
            service: None,
            ..Resolver::new()
        }
    }

    /// Asks a service at another socket than `/run/systemd/resolve/io.systemd.Resolve`. It must speak
    /// `io.systemd.Resolve` over Varlink. Needs the feature `resolved`.
    #[cfg(feature = "resolved")]
    pub fn service(mut self, path: impl AsRef<Path>) -> Resolver {
        self.service = Some(Service::at(path.as_ref()));
        self
    }

    /// Sets whether the C library is asked if the service cannot be: because it is not there, or its
    /// reply makes no sense. This is on by default. An error that the service reports is an answer, so
    /// the C library is not asked then. Needs the feature `resolved`.
    #[cfg(feature = "resolved")]
    pub fn fallback(mut self, on: bool) -> Resolver {
        self.fallback = on;
        self
    }

    /// Looks for addresses of one family only.
    pub fn family(mut self, family: Family) -> Resolver {
        self.family = family;
        self
    }

    /// Sets how long a lookup may take. Without it there is no limit except the deadline of the lookup.
    /// With both, the earlier one counts.
    pub fn timeout(mut self, timeout: Duration) -> Resolver {
        self.timeout = Some(timeout);
        self
    }

    /// Asks for IPv4 and IPv6 side by side. Once there is an answer about IPv4, it waits no longer than
    /// this time for the answer about IPv6 (RFC 8305, section 3). A later answer is left out. If one
    /// family fails, the addresses of the other are still returned.
    ///
    /// A connect to a name does this with the 50 milliseconds that the RFC recommends, and still uses
    /// later addresses. A lookup without a delay also asks for both at once, but waits for both,
    /// because its caller wants all addresses. If a [`family`](Self::family) is set, the delay changes
    /// nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use std_net::dns::Resolver;
    ///
    /// let resolver = Resolver::new().resolution_delay(Duration::from_millis(50));
    /// assert!(!resolver.lookup("localhost")?.is_empty());
    /// # Ok::<(), std_net::dns::Error>(())
    /// ```
    pub fn resolution_delay(mut self, delay: Duration) -> Resolver {
        self.resolution_delay = Some(families::Wish::new(delay));
        self
    }

    /// Returns the addresses of `host`, at least one. If the text is an address, it returns that
    /// address.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn lookup(&self, host: &str) -> Result<Vec<IpAddr>, Error> {
        self.lookup_deadline(host, Deadline::NEVER)
    }

    /// Like [`lookup`](Self::lookup), within a deadline. If the C library is asked, the lookup goes on
    /// past the deadline, on a thread of the pool of [`process::blocking`](crate::process::blocking),
    /// until the library gives up. Its result is dropped then.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] as soon as the deadline passes, even if the resolver is still busy; see
    /// [`Error`].
    pub fn lookup_deadline(
        &self,
        host: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<Vec<IpAddr>, Error> {
        let addrs = self.lookup_port(host, 0, deadline)?;
        Ok(addrs.iter().map(SocketAddr::ip).collect())
    }

    /// Returns the socket addresses of `host` with `port`. Addresses that have a zone keep it.
    ///
    /// # Errors
    ///
    /// The errors of [`lookup_deadline`](Self::lookup_deadline).
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::Deadline;
    /// use std_net::dns::Resolver;
    ///
    /// let addrs = Resolver::new().lookup_port("fe80::1%lo", 80, Deadline::NEVER)?;
    /// assert!(addrs[0].is_ipv6() && addrs[0].port() == 80);
    /// # Ok::<(), std_net::dns::Error>(())
    /// ```
    pub fn lookup_port(
        &self,
        host: &str,
        port: u16,
        deadline: impl Into<Deadline>,
    ) -> Result<Vec<SocketAddr>, Error> {
        let deadline = self.until(deadline.into());
        let addrs = match self.without_lookup(host)? {
            Some(addrs) => addrs,
            None => match (self.family, &self.resolution_delay) {
                (Family::Any, Some(both)) => both.ask(self, host, port, deadline)?,
                (family, _) => self.of_family(host, family, deadline)?,
            },
        };
        with_port(host, addrs, port)
    }

    /// Like `lookup_port` with the resolution delay that the RFC recommends. It also returns the lookup about IPv6 if
    /// that took longer.
    pub(crate) fn lookup_early(
        &self,
        host: &str,
        port: u16,
        deadline: Deadline,
    ) -> Result<(Vec<SocketAddr>, Option<Late>), Error> {
        let (addrs, late) = match self.without_lookup(host)? {
            Some(addrs) => (addrs, None),
            None => families::side_by_side(self, host, port, deadline, RESOLUTION_DELAY)?,
        };
        Ok((with_port(host, addrs, port)?, late))
    }

    /// Returns the names of an address, at least one, the main name first. Corresponds to
    /// `getnameinfo(3)`.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchName`] if the address has no name; see [`Error`].
    pub fn reverse(&self, ip: IpAddr) -> Result<Vec<String>, Error> {
        self.reverse_deadline(ip, Deadline::NEVER)
    }

    /// Like [`reverse`](Self::reverse), within a deadline.
    ///
    /// # Errors
    ///
    /// The errors of [`reverse`](Self::reverse), and [`Error::TimedOut`] past the deadline.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use std_net::dns::Resolver;
    ///
    /// let localhost = "127.0.0.1".parse().unwrap();
    /// let names = Resolver::new().reverse_deadline(localhost, Duration::from_secs(5))?;
    /// println!("{}", names[0]);
    /// # Ok::<(), std_net::dns::Error>(())
    /// ```
    pub fn reverse_deadline(
        &self,
        ip: IpAddr,
        deadline: impl Into<Deadline>,
    ) -> Result<Vec<String>, Error> {
        let deadline = self.until(deadline.into());
        let name = ip.to_string();
        if let Some(answer) = self.ask(&name, deadline, |service| {
            resolved::reverse(service, ip, deadline)
        })? {
            return Ok(answer);
        }
        let addr = SocketAddr::new(ip, 0).into();
        match lookup::name(addr, deadline, self.pool) {
            Ok(found) => Ok(vec![found]),
            Err(failure) => Err(Error::from_libc(&name, failure)),
        }
    }

    /// Returns the addresses if the text is an address, and `None` for a name.
    fn without_lookup(&self, host: &str) -> Result<Option<Vec<SocketAddr>>, Error> {
        if host.is_empty() || host.contains('\0') {
            return Err(Error::InvalidName(host.to_owned()));
        }
        let v6 = |_| std_net_ip::parse_v6(host).map(IpAddr::V6);
        if let Ok(ip) = std_net_ip::parse_v4(host).map(IpAddr::V4).or_else(v6) {
            return if self.family.has(ip) {
                Ok(Some(vec![SocketAddr::new(ip, 0)]))
            } else {
                Err(Error::NoAddress(host.to_owned()))
            };
        }
        let colon = host.contains(':');
        if colon || host.starts_with(|c: char| c.is_ascii_digit()) {
            // The text may be `fe80::1%eth0`, or a form such as `127.1` that old programs take for
            // IPv4. No host name has a colon.
            match lookup::number(host, self.family.number()) {
                Err(Failure::NoSuchName) if !colon => {
                    if let Some(reason) = not_an_address(host) {
                        return Err(Error::InvalidAddress(host.to_owned(), Box::new(reason)));
                    }
                }
                number => return from_libc(host, number).map(Some),
            }
        }
        Ok(None)
    }

    /// Asks for the addresses of a name that belong to one family.
    fn of_family(
        &self,
        host: &str,
        family: Family,
        deadline: Deadline,
    ) -> Result<Vec<SocketAddr>, Error> {
        let answer = self.ask(host, deadline, |service| {
            resolved::addresses(service, host, family, deadline)
        })?;
        let mut addrs = match answer {
            Some(addrs) => addrs,
            None => from_libc(
                host,
                lookup::addresses(host, family.number(), deadline, self.pool),
            )?,
        };
        addrs.retain(|addr| family.has(addr.ip()));
        Ok(addrs)
    }

    /// Returns the answer of the service, or `None` if the C library must be asked.
    fn ask<T>(
        &self,
        name: &str,
        deadline: Deadline,
        call: impl FnOnce(&Service) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Error> {
        check_in_time(name, deadline)?;
        let Some(service) = &self.service else {
            return Ok(None);
        };
        match call(service) {
            Ok(answer) => Ok(Some(answer)),
            Err(refusal) if self.fallback && refusal.is_unusable() => Ok(None),
            Err(refusal) => Err(refusal.into_error(name)),
        }
    }

    /// Returns the earlier of a deadline and the resolver's own limit.
    fn until(&self, deadline: Deadline) -> Deadline {
        let Some(own) = self.timeout.and_then(|t| Deadline::from(t).instant()) else {
            return deadline;
        };
        deadline.instant().map_or(own, |at| at.min(own)).into()
    }
}

/// Sets the port of the addresses, of which there must be one.
fn with_port(host: &str, mut addrs: Vec<SocketAddr>, port: u16) -> Result<Vec<SocketAddr>, Error> {
    if addrs.is_empty() {
        return Err(Error::NoAddress(host.to_owned()));
    }
    for addr in &mut addrs {
        addr.set_port(port);
    }
    Ok(addrs)
}

fn check_in_time(name: &str, deadline: Deadline) -> Result<(), Error> {
    match deadline.instant() {
        Some(at) if at <= Instant::now() => Err(Error::TimedOut(name.to_owned())),
        _ => Ok(()),
    }
}

/// Returns why the text is not a valid address, if it cannot be a name: the last part of a name is
/// never a number (RFC 3696, section 2).
fn not_an_address(host: &str) -> Option<ParseError> {
    let last = host.rsplit('.').next()?;
    let number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    number.then(|| std_net_ip::parse_v4(host).err()).flatten()
}

/// Returns the name of this host, as it was given to the system. It asks no resolver, and DNS need not
/// know the name. Corresponds to `gethostname(2)`.
///
/// # Examples
///
/// ```
/// assert!(!std_net::dns::hostname().is_empty());
/// ```
#[must_use]
pub fn hostname() -> OsString {
    lookup::hostname()
}

fn from_libc(name: &str, result: Result<Vec<SockAddr>, Failure>) -> Result<Vec<SocketAddr>, Error> {
    match result {
        Ok(addrs) => Ok(addrs.iter().filter_map(SockAddr::as_socket).collect()),
        Err(failure) => Err(Error::from_libc(name, failure)),
    }
}
