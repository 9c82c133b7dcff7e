//! The PROXY protocol, versions 1 and 2. With its header a load balancer tells a server which client
//! has connected. Needs the feature `proxy-protocol`. This module finds the header in the stream; the
//! crate `ppp` parses and builds it. See <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>.
//!
//! # Examples
//!
//! ```
//! use std_net::process;
//! use std_net::proxy_protocol::{self, Header, Proxied};
//! use std_net::socket::{TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! // The load balancer sends the header:
//! let proxy = process::spawn(move || -> std::io::Result<()> {
//!     let server = TcpStream::connect(address)?;
//!     let source = "203.0.113.7:40000".parse().unwrap();
//!     let destination = "198.51.100.1:443".parse().unwrap();
//!     proxy_protocol::write_v2(&server, &Header::proxied(source, destination))?;
//!     server.write_string("hello")
//! });
//! // The server reads it, but only from a load balancer that it knows:
//! let (stream, peer) = listener.accept()?;
//! assert!(peer.ip().is_loopback());
//! let header = proxy_protocol::read(&stream)?;
//! assert_eq!(header.source(), "203.0.113.7:40000".parse().ok());
//! assert_eq!(stream.read_string(16)?, "hello");
//! proxy.join().unwrap()?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io;
use std::net::SocketAddr;

use memchr::memmem;
use ppp::{v1, v2};
use std_net_runtime::{Deadline, retry_interrupted};

use crate::channel::halves::READ;
use crate::channel::{Connected, taken};

/// The longest header of version 1 in bytes, including its line end.
const LONGEST_V1: usize = 107;
/// The bytes that a header of version 1 begins with.
const BEGINS_V1: &[u8] = b"PROXY ";
/// The length of the first part of a header of version 2: the signature, and the length of the rest.
const FIXED_V2: usize = 16;
/// A longer header of version 2 is refused as an attack. Its addresses take 216 bytes. The rest is for
/// the certificate of a client and a few short values.
const LONGEST_V2: usize = FIXED_V2 + 16 * 1024;

/// What a proxy says about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which client has connected, and to which address.
    pub proxied: Proxied,
    /// Further values with their types. Only version 2 has them.
    pub tlvs: Vec<(u8, Vec<u8>)>,
}

/// Which client has connected to a proxy, and to which address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxied {
    /// The proxy itself has connected, to check that the server is alive. The addresses of the
    /// connection are the real ones.
    Local,
    /// The proxy does not say.
    Unknown,
    /// A connection over IP.
    Ip {
        /// The address of the client.
        source: SocketAddr,
        /// The address of the proxy to which the client has connected.
        destination: SocketAddr,
    },
    /// A connection over a Unix socket. The paths have no zero bytes at the end.
    Unix {
        /// The address of the client. It is mostly empty.
        source: Vec<u8>,
        /// The address to which the client has connected.
        destination: Vec<u8>,
    },
}

impl Header {
    /// Makes the header of a connection over IP.
    #[must_use]
    pub fn proxied(source: SocketAddr, destination: SocketAddr) -> Header {
        Header {
            proxied: Proxied::Ip {
                source,
                destination,
            },
            tlvs: Vec::new(),
        }
    }

    /// Makes the header of a connection that the proxy makes for itself.
    #[must_use]
    pub fn local() -> Header {
        Header {
            proxied: Proxied::Local,
            tlvs: Vec::new(),
        }
    }

    /// Returns the address of the client, if the header has one and it is an IP address.
    #[must_use]
    pub fn source(&self) -> Option<SocketAddr> {
        match self.proxied {
            Proxied::Ip { source, .. } => Some(source),
            _ => None,
        }
    }

    /// Returns the address to which the client has connected, if the header has one and it is an IP
    /// address.
    #[must_use]
    pub fn destination(&self) -> Option<SocketAddr> {
        match self.proxied {
            Proxied::Ip { destination, .. } => Some(destination),
            _ => None,
        }
    }
}

/// Reads the header, of either version, at the beginning of a connection. The next read of the
/// connection gets the bytes behind it, as usual. Set a deadline for the connection, because a client
/// may send nothing.
///
/// **Believe only a proxy**: every other client that can connect can claim any address. Behind a proxy,
/// a connection without a header must be refused, and this function does so: the protocol forbids
/// guessing.
///
/// # Errors
///
/// [`InvalidData`](io::ErrorKind::InvalidData) if there is no header, with nothing taken;
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the connection ends within the header;
/// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if a channel reads the connection; otherwise the
/// errors of a read.
pub fn read<S: Connected>(stream: &S) -> io::Result<Header> {
    read_deadline(stream, Deadline::NEVER)
}

/// Like [`read`], with a deadline for this call only. A `Duration` counts from now.
///
/// # Errors
///
/// The errors of [`read`], and [`TimedOut`](io::ErrorKind::TimedOut) past the deadline.
pub fn read_deadline<S: Connected>(
    stream: &S,
    deadline: impl Into<Deadline>,
) -> io::Result<Header> {
    if !stream.claim(READ) {
        return Err(taken());
    }
    let mut bytes = Vec::new();
    let header = receive(stream, &mut bytes, deadline.into());
    // Give back the bytes behind the header, or all of them if there is no header.
    let used = header.as_ref().map_or(0, |(_, len)| *len);
    stream.release(READ, &bytes[used..]);
    header.map(|(header, _)| header)
}

/// Sends a header of version 1, a line of text. It has room only for IP addresses.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for [`Proxied::Local`], a Unix connection or further
/// values, because version 1 cannot express them; otherwise the errors of a write.
pub fn write_v1<S: Connected>(stream: &S, header: &Header) -> io::Result<()> {
    let addresses = match header.proxied {
        Proxied::Ip {
            source,
            destination,
        } if header.tlvs.is_empty() => v1::Addresses::from(same_family(source, destination)),
        Proxied::Unknown if header.tlvs.is_empty() => v1::Addresses::Unknown,
        _ => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "version 1 of the PROXY protocol has no form for this header",
            ));
        }
    };
    stream.write_chunk(addresses.to_string().as_bytes())
}

/// Sends a header of version 2.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path of more than 108 bytes, or for more values
/// than a header can hold (64 KiB); otherwise the errors of a write.
pub fn write_v2<S: Connected>(stream: &S, header: &Header) -> io::Result<()> {
    let (command, protocol, addresses) = match &header.proxied {
        Proxied::Local => (
            v2::Command::Local,
            v2::Protocol::Unspecified,
            v2::Addresses::Unspecified,
        ),
        Proxied::Unknown => (
            v2::Command::Proxy,
            v2::Protocol::Unspecified,
            v2::Addresses::Unspecified,
        ),
        Proxied::Ip {
            source,
            destination,
        } => (
            v2::Command::Proxy,
            v2::Protocol::Stream,
            v2::Addresses::from(same_family(*source, *destination)),
        ),
        Proxied::Unix {
            source,
            destination,
        } => (
            v2::Command::Proxy,
            v2::Protocol::Stream,
            v2::Unix::new(path(source)?, path(destination)?).into(),
        ),
    };
    let too_long = |e: io::Error| io::Error::new(io::ErrorKind::InvalidInput, e);
    let version = v2::Version::Two | command;
    let mut builder = v2::Builder::with_addresses(version, protocol, addresses);
    for (kind, value) in &header.tlvs {
        builder = builder.write_tlv(*kind, value).map_err(too_long)?;
    }
    stream.write_chunk(&builder.build().map_err(too_long)?)
}

/// Receives a whole header and returns its length. In all cases the received bytes are in `bytes`.
fn receive<S: Connected>(
    stream: &S,
    bytes: &mut Vec<u8>,
    deadline: Deadline,
) -> io::Result<(Header, usize)> {
    loop {
        if let Some(len) = length(bytes)? {
            let whole = &bytes[..len];
            let header = if whole.starts_with(BEGINS_V1) {
                parse_v1(whole)
            } else {
                parse_v2(whole)
            };
            return header.map(|header| (header, len));
        }
        let mut buf = [0; 512];
        let n = retry_interrupted(|| stream.recv(&mut buf, deadline))?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buf[..n]);
    }
}

/// Returns the length of the header that begins with these bytes, or `None` if more bytes are needed.
fn length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let begins = |with: &[u8]| {
        let known = bytes.len().min(with.len());
        bytes[..known] == with[..known]
    };
    if begins(BEGINS_V1) && !bytes.is_empty() {
        let line = &bytes[..bytes.len().min(LONGEST_V1)];
        return match memmem::find(line, b"\r\n") {
            Some(at) => Ok(Some(at + 2)),
            None if line.len() == LONGEST_V1 => Err(invalid("the line is too long")),
            None => Ok(None),
        };
    }
    if !begins(v2::PROTOCOL_PREFIX) {
        return Err(invalid("it does not begin like one"));
    }
    let Some(rest) = bytes.get(FIXED_V2 - 2..FIXED_V2) else {
        return Ok(None);
    };
    let len = FIXED_V2 + usize::from(u16::from_be_bytes([rest[0], rest[1]]));
    if len > LONGEST_V2 {
        return Err(invalid(format!(
            "its length is {len} bytes, which is too long"
        )));
    }
    Ok((bytes.len() >= len).then_some(len))
}

fn parse_v1(line: &[u8]) -> io::Result<Header> {
    let header = v1::Header::try_from(line).map_err(|e| invalid(e.to_string()))?;
    let proxied = match header.addresses {
        v1::Addresses::Unknown => Proxied::Unknown,
        v1::Addresses::Tcp4(ip) => Proxied::Ip {
            source: (ip.source_address, ip.source_port).into(),
            destination: (ip.destination_address, ip.destination_port).into(),
        },
        v1::Addresses::Tcp6(ip) => Proxied::Ip {
            source: (ip.source_address, ip.source_port).into(),
            destination: (ip.destination_address, ip.destination_port).into(),
        },
    };
    Ok(Header {
        proxied,
        tlvs: Vec::new(),
    })
}

fn parse_v2(bytes: &[u8]) -> io::Result<Header> {
    let header = v2::Header::try_from(bytes).map_err(|e| invalid(e.to_string()))?;
    let proxied = match (header.command, header.addresses) {
        (v2::Command::Local, _) => Proxied::Local,
        (_, v2::Addresses::Unspecified) => Proxied::Unknown,
        (_, v2::Addresses::IPv4(ip)) => Proxied::Ip {
            source: (ip.source_address, ip.source_port).into(),
            destination: (ip.destination_address, ip.destination_port).into(),
        },
        (_, v2::Addresses::IPv6(ip)) => Proxied::Ip {
            source: (ip.source_address, ip.source_port).into(),
            destination: (ip.destination_address, ip.destination_port).into(),
        },
        (_, v2::Addresses::Unix(unix)) => Proxied::Unix {
            source: without_zeros(&unix.source),
            destination: without_zeros(&unix.destination),
        },
    };
    // The protocol says to skip what follows a local header, or one that says nothing.
    let tlvs = match header.address_family() {
        v2::AddressFamily::Unspecified => Vec::new(),
        _ => header
            .tlvs()
            .map(|tlv| tlv.map(|tlv| (tlv.kind, tlv.value.into_owned())))
            .collect::<Result<_, _>>()
            .map_err(|e| invalid(e.to_string()))?,
    };
    Ok(Header { proxied, tlvs })
}

/// Turns both into IPv6 if one of them is IPv6.
fn same_family(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    let mapped = |addr: SocketAddr| match addr {
        SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
        v6 => v6,
    };
    if source.is_ipv4() == destination.is_ipv4() {
        (source, destination)
    } else {
        (mapped(source), mapped(destination))
    }
}

fn path(bytes: &[u8]) -> io::Result<[u8; 108]> {
    let mut path = [0; 108];
    let room = path.get_mut(..bytes.len()).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a path has {} bytes; the limit is 108", bytes.len()),
        )
    })?;
    room.copy_from_slice(bytes);
    Ok(path)
}

/// Removes the zero bytes at the end. A path ends at its first zero byte. An abstract name begins with
/// a zero byte, and ends with its last byte that is not zero.
fn without_zeros(bytes: &[u8]) -> Vec<u8> {
    let end = if bytes[0] == 0 {
        bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1)
    } else {
        bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len())
    };
    bytes[..end].to_vec()
}

fn invalid(why: impl AsRef<str>) -> io::Error {
    let text = format!("no header of the PROXY protocol: {}", why.as_ref());
    io::Error::new(io::ErrorKind::InvalidData, text)
}
