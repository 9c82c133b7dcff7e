//! SRV, MX and TXT records: [`Srv`], [`Mx`], and the methods of [`Resolver`] that ask for them.
//!
//! The C library has no call for them that keeps a deadline, so only `systemd-resolved` is asked, by
//! `ResolveRecord` (since version 256 of systemd).

use std::io;

use serde_json::Value;
use std_net_runtime::Deadline;

use super::resolved::{self, Refusal};
use super::{Error, Resolver, check_in_time};

/// Where a service is: an SRV record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Srv {
    /// A client tries the targets with the lowest number first.
    pub priority: u16,
    /// Among targets of the same priority, one with a greater weight is to be chosen more often.
    pub weight: u16,
    /// The port of the service.
    pub port: u16,
    /// The name of the host. `.` means that there is decidedly no such service.
    pub target: String,
}

/// Which host takes the mail of a domain: an MX record (RFC 1035, section 3.3.9).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Mx {
    /// A client tries the hosts with the lowest number first.
    pub preference: u16,
    /// The name of the host. `.` means that the domain takes no mail (RFC 7505).
    pub exchange: String,
}

const MX: u64 = 15;
const TXT: u64 = 16;
const SRV: u64 = 33;

impl Resolver {
    /// Returns where a service is, such as `_imaps._tcp.example.org`, in the order of the priorities. The
    /// choice by weight is left to the caller. Needs the feature `resolved`.
    ///
    /// # Errors
    ///
    /// [`Error::NoRecord`] if the name has no SRV record. [`Error::ServerFailed`] if `systemd-resolved` is
    /// not running or is older than version 256; see [`Error`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use std_net::dns::Resolver;
    /// use std_net::socket::TcpStream;
    ///
    /// let resolver = Resolver::new().timeout(Duration::from_secs(5));
    /// let services = resolver.srv("_xmpp-client._tcp.example.org")?;
    /// let found = services.iter().find_map(|s| TcpStream::connect((&*s.target, s.port)).ok());
    /// println!("{found:?}");
    /// # Ok::<(), std_net::dns::Error>(())
    /// ```
    #[doc(alias = "ResolveRecord")]
    pub fn srv(&self, name: &str) -> Result<Vec<Srv>, Error> {
        self.srv_deadline(name, Deadline::NEVER)
    }

    /// Like [`srv`](Self::srv), within a deadline.
    ///
    /// # Errors
    ///
    /// The errors of [`srv`](Self::srv), and [`Error::TimedOut`] past the deadline.
    pub fn srv_deadline(
        &self,
        name: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<Vec<Srv>, Error> {
        let mut found = self.records(name, SRV, deadline.into(), |rr| {
            Some(Srv {
                priority: number(rr, "priority")?,
                weight: number(rr, "weight")?,
                port: number(rr, "port")?,
                target: rr["name"].as_str()?.to_owned(),
            })
        })?;
        found.sort_by_key(|srv| srv.priority);
        Ok(found)
    }

    /// Returns the hosts that take the mail of a domain, in the order of their preference. Needs the
    /// feature `resolved`.
    ///
    /// # Errors
    ///
    /// [`Error::NoRecord`] if the domain has no MX record. By RFC 5321, section 5.1, its mail then goes to
    /// the address of the domain itself. Otherwise the errors of [`srv`](Self::srv).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net::dns::Resolver;
    ///
    /// let hosts = Resolver::new().mx("example.org")?;
    /// println!("mail goes to {}", hosts[0].exchange);
    /// # Ok::<(), std_net::dns::Error>(())
    /// ```
    pub fn mx(&self, domain: &str) -> Result<Vec<Mx>, Error> {
        self.mx_deadline(domain, Deadline::NEVER)
    }

    /// Like [`mx`](Self::mx), within a deadline.
    ///
    /// # Errors
    ///
    /// The errors of [`mx`](Self::mx), and [`Error::TimedOut`] past the deadline.
    pub fn mx_deadline(
        &self,
        domain: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<Vec<Mx>, Error> {
        let mut found = self.records(domain, MX, deadline.into(), |rr| {
            Some(Mx {
                preference: number(rr, "priority")?,
                exchange: rr["exchange"].as_str()?.to_owned(),
            })
        })?;
        found.sort_by_key(|mx| mx.preference);
        Ok(found)
    }

    /// Returns the TXT records of a name, each with its strings joined, as SPF and DKIM want them (RFC 7208,
    /// section 3.3). They are bytes, because DNS says nothing of their encoding. Needs the feature
    /// `resolved`.
    ///
    /// # Errors
    ///
    /// [`Error::NoRecord`] if the name has no TXT record. Otherwise the errors of [`srv`](Self::srv).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net::dns::Resolver;
    ///
    /// let texts = Resolver::new().txt("example.org")?;
    /// let spf = texts.iter().find(|text| text.starts_with(b"v=spf1"));
    /// # Ok::<(), std_net::dns::Error>(())
    /// ```
    pub fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, Error> {
        self.txt_deadline(name, Deadline::NEVER)
    }

    /// Like [`txt`](Self::txt), within a deadline.
    ///
    /// # Errors
    ///
    /// The errors of [`txt`](Self::txt), and [`Error::TimedOut`] past the deadline.
    pub fn txt_deadline(
        &self,
        name: &str,
        deadline: impl Into<Deadline>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.records(name, TXT, deadline.into(), |rr| {
            let mut text = Vec::new();
            for item in rr["items"].as_array()? {
                unescape(item.as_str()?, &mut text)?;
            }
            Some(text)
        })
    }

    /// Asks for the records of a type. `read` takes one apart.
    fn records<T>(
        &self,
        name: &str,
        ty: u64,
        deadline: Deadline,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        if name.is_empty() || name.contains('\0') {
            return Err(Error::InvalidName(name.to_owned()));
        }
        let deadline = self.until(deadline);
        check_in_time(name, deadline)?;
        let Some(service) = &self.service else {
            let reason = "only systemd-resolved is asked for such records, and this resolver does not ask it";
            let reason = io::Error::new(io::ErrorKind::Unsupported, reason);
            return Err(Error::ServerFailed(name.to_owned(), reason.into()));
        };
        match resolved::records(service, name, ty, deadline, read) {
            Ok(found) if !found.is_empty() => Ok(found),
            Ok(_) | Err(Refusal::NoRecord) => Err(Error::NoRecord(name.to_owned())),
            Err(refusal) => Err(refusal.into_error(name)),
        }
    }
}

fn number(rr: &Value, key: &str) -> Option<u16> {
    u16::try_from(rr[key].as_u64()?).ok()
}

/// Adds the bytes of a string of the service to `out`. It writes other bytes than printable ASCII, the
/// backslash and the quote as a backslash and three octal digits.
fn unescape(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let mut left = text.as_bytes();
    while let Some((&byte, rest)) = left.split_first() {
        if byte != b'\\' {
            out.push(byte);
            left = rest;
            continue;
        }
        let (digits, rest) = rest.split_at_checked(3)?;
        let digits = std::str::from_utf8(digits).ok()?;
        out.push(u8::from_str_radix(digits, 8).ok()?);
        left = rest;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_the_service() {
        let bytes = |text| {
            let mut out = Vec::new();
            unescape(text, &mut out).map(|()| out)
        };
        assert_eq!(bytes("").unwrap(), b"");
        assert_eq!(bytes("v=spf1 -all").unwrap(), b"v=spf1 -all");
        assert_eq!(bytes(r"a\134\042\303\244\000").unwrap(), b"a\\\"\xc3\xa4\0");
        for bad in [r"\", r"\1", r"\12", r"\9ab", r"\777", r"\ä1"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }
}
