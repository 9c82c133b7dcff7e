//! `systemd-resolved` over Varlink. Each side sends a JSON object through a Unix socket, ended by a
//! zero byte. See <https://varlink.org/Method-Call> and `varlinkctl introspect` of the socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use std_net_runtime::{Deadline, process};
use std_net_unix::{SocketAddr as UnixAddr, UnixStream};

use super::{Error, Family};

/// The Unix socket on which the service listens.
const SOCKET: &str = "/run/systemd/resolve/io.systemd.Resolve";

/// A lookup without a deadline waits this long. The service's own clients wait for the same time.
const PATIENCE: Duration = Duration::from_secs(120);

/// A reply longer than this cannot be the answer to one question.
const LONGEST: usize = 256 * 1024;

/// Answers have three levels. The parser recurses, and the stacks of processes are small.
const DEEPEST: usize = 16;

/// The socket of a service.
#[derive(Clone, Debug)]
pub(super) struct Service(PathBuf);

impl Service {
    /// Returns the system's service. It may not be running.
    pub(super) fn of_system() -> Option<Service> {
        Some(Service::at(Path::new(SOCKET)))
    }

    pub(super) fn at(path: &Path) -> Service {
        Service(path.to_owned())
    }
}

/// The reason why there is no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// DNS has no such name.
    NoSuchName,
    /// The name has no record of the type.
    NoRecord,
    /// The service says that this cannot be a name.
    InvalidName,
    /// No reply came before the deadline, or the service itself has waited too long for an answer.
    TimedOut,
    /// The service reports why it has no answer.
    Failed(String),
    /// There is no service, or its reply does not follow the protocol.
    Unusable(io::Error),
    /// The process was cancelled.
    Cancelled(io::Error),
}

impl Refusal {
    /// Returns whether it makes sense to ask the C library too.
    pub(super) fn is_unusable(&self) -> bool {
        matches!(self, Refusal::Unusable(_))
    }

    pub(super) fn into_error(self, name: &str) -> Error {
        let name = name.to_owned();
        match self {
            Refusal::NoSuchName => Error::NoSuchName(name),
            Refusal::NoRecord => Error::NoAddress(name),
            Refusal::TimedOut => Error::TimedOut(name),
            Refusal::InvalidName => Error::InvalidName(name),
            Refusal::Failed(said) => Error::ServerFailed(name, said.into()),
            Refusal::Unusable(error) => Error::ServerFailed(name, error.into()),
            Refusal::Cancelled(error) => Error::Io(error),
        }
    }

    fn from_io(error: io::Error) -> Refusal {
        if process::is_cancelled(&error) {
            Refusal::Cancelled(error)
        } else if error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none() {
            Refusal::TimedOut
        } else {
            Refusal::Unusable(error)
        }
    }

    fn nonsense(what: &str) -> Refusal {
        let error = io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        Refusal::Unusable(error)
    }
}

/// Calls `ResolveHostname`: returns the addresses of a host, with port 0.
pub(super) fn addresses(
    service: &Service,
    host: &str,
    family: Family,
    deadline: Deadline,
) -> Result<Vec<SocketAddr>, Refusal> {
    let mut parameters = json!({ "name": host, "flags": 0 });
    if family != Family::Any {
        parameters["family"] = family.number().into();
    }
    let answer = call(service, "ResolveHostname", &parameters, deadline)?;
    let addresses = answer["addresses"].as_array();
    let addresses = addresses.ok_or_else(|| Refusal::nonsense("an answer without addresses"))?;
    let addresses: Option<Vec<SocketAddr>> = addresses.iter().map(address).collect();
    addresses.ok_or_else(|| Refusal::nonsense("a bad address"))
}

/// Calls `ResolveAddress`: returns the names of an address.
pub(super) fn reverse(
    service: &Service,
    ip: IpAddr,
    deadline: Deadline,
) -> Result<Vec<String>, Refusal> {
    let (family, bytes) = match ip {
        IpAddr::V4(ip) => (Family::V4, ip.octets().to_vec()),
        IpAddr::V6(ip) => (Family::V6, ip.octets().to_vec()),
    };
    let parameters = json!({ "family": family.number(), "address": bytes, "flags": 0 });
    let answer = call(service, "ResolveAddress", &parameters, deadline).map_err(|refusal| {
        // An address without a record has no name.
        match refusal {
            Refusal::NoRecord => Refusal::NoSuchName,
            other => other,
        }
    })?;
    let names = answer["names"].as_array().into_iter().flatten();
    let names: Vec<String> = names
        .filter_map(|name| name["name"].as_str().map(str::to_owned))
        .collect();
    if names.is_empty() {
        return Err(Refusal::nonsense("an answer without names"));
    }
    Ok(names)
}

/// Calls `ResolveRecord`: returns the records of a type. The names in between, by which an alias leads to
/// them, are left out.
pub(super) fn records<T>(
    service: &Service,
    name: &str,
    ty: u64,
    deadline: Deadline,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, Refusal> {
    let parameters = json!({ "name": name, "type": ty, "flags": 0 });
    let answer = call(service, "ResolveRecord", &parameters, deadline)?;
    let records = answer["rrs"].as_array();
    let records = records.ok_or_else(|| Refusal::nonsense("an answer without records"))?;
    let wanted = records.iter().map(|record| &record["rr"]);
    let wanted = wanted.filter(|rr| rr["key"]["type"].as_u64() == Some(ty));
    let found: Option<Vec<T>> = wanted.map(read).collect();
    found.ok_or_else(|| Refusal::nonsense("a bad record"))
}

/// Calls a method and returns the parameters of the reply.
fn call(
    service: &Service,
    method: &str,
    parameters: &Value,
    deadline: Deadline,
) -> Result<Value, Refusal> {
    let deadline = if deadline == Deadline::NEVER {
        PATIENCE.into()
    } else {
        deadline
    };
    let call =
        json!({ "method": format!("io.systemd.Resolve.{method}"), "parameters": parameters });
    let reply = exchange(service, call.to_string(), deadline).map_err(Refusal::from_io)?;
    if depth(&reply) > DEEPEST {
        return Err(Refusal::nonsense("a reply with too many levels"));
    }
    let reply: Value = serde_json::from_slice(&reply).map_err(|e| Refusal::from_io(e.into()))?;
    let Value::Object(mut reply) = reply else {
        return Err(Refusal::nonsense("a reply that is not an object"));
    };
    let parameters = reply.remove("parameters").unwrap_or_default();
    match reply.get("error") {
        None => Ok(parameters),
        Some(Value::String(error)) => Err(refusal(error, &parameters)),
        Some(_) => Err(Refusal::nonsense("an error that is not a text")),
    }
}

/// Sends a message and receives the reply, both without the zero byte at the end.
fn exchange(service: &Service, message: String, deadline: Deadline) -> io::Result<Vec<u8>> {
    let stream = UnixStream::connect_deadline(&UnixAddr::from_pathname(&service.0)?, deadline)?;
    stream.set_deadline(deadline);
    let mut message = message.into_bytes();
    message.push(0);
    stream.write_bytes(&message)?;
    let mut reply = Vec::new();
    loop {
        let seen = reply.len();
        if stream.read_bytes(&mut reply, 4096)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = reply[seen..].iter().position(|byte| *byte == 0) {
            reply.truncate(seen + end);
            return Ok(reply);
        }
        if reply.len() > LONGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a reply that is too long",
            ));
        }
    }
}

/// Translates an error of the service. The errors of Varlink itself mean that the service does not know
/// this method.
fn refusal(error: &str, parameters: &Value) -> Refusal {
    const NXDOMAIN: u64 = 3;
    let known = error.strip_prefix("io.systemd.Resolve.");
    match known {
        Some("DNSError") if parameters["rcode"].as_u64() == Some(NXDOMAIN) => Refusal::NoSuchName,
        Some("DNSError") => Refusal::Failed(match parameters["rcode"].as_u64() {
            Some(rcode) => format!("DNS says {}", rcode_text(rcode)),
            None => "DNS says no".to_owned(),
        }),
        Some("NoSuchResourceRecord") => Refusal::NoRecord,
        Some("QueryTimedOut") => Refusal::TimedOut,
        Some(other) => Refusal::Failed(format!("systemd-resolved says {other}")),
        None if error == "org.varlink.service.InvalidParameter" => Refusal::InvalidName,
        None => Refusal::nonsense(error),
    }
}

/// Returns the usual name of a code of RFC 1035, section 4.1.1.
fn rcode_text(rcode: u64) -> String {
    let name = match rcode {
        1 => "FORMERR",
        2 => "SERVFAIL",
        4 => "NOTIMP",
        5 => "REFUSED",
        other => return format!("error {other}"),
    };
    name.to_owned()
}

/// Reads an address of a reply: its family, its bytes as numbers, and its interface.
fn address(value: &Value) -> Option<SocketAddr> {
    let bytes: Option<Vec<u8>> = value["address"]
        .as_array()?
        .iter()
        .map(|byte| u8::try_from(byte.as_u64()?).ok())
        .collect();
    let bytes = bytes?;
    if let Ok(v4) = <[u8; 4]>::try_from(&*bytes) {
        return Some(SocketAddr::new(Ipv4Addr::from(v4).into(), 0));
    }
    let v6 = Ipv6Addr::from(<[u8; 16]>::try_from(&*bytes).ok()?);
    // The interface is part of the address only if the address would be ambiguous without it.
    let zone = if v6.is_unicast_link_local() {
        let index = value["ifindex"].as_u64().unwrap_or(0);
        u32::try_from(index).ok()?
    } else {
        0
    };
    Some(SocketAddrV6::new(v6, 0, 0, zone).into())
}

/// Returns how deep the brackets of a JSON text are nested.
fn depth(json: &[u8]) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                now += 1;
                deepest = deepest.max(now);
            }
            b']' | b'}' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_text() {
        for (json, expected) in [
            ("", 0),
            ("7", 0),
            ("{}", 1),
            (r#"{"a":[1,[2]],"b":{}}"#, 3),
            (r#"{"[[[[":"]\"[[["}"#, 1),
            (r#"["\\",["\\\"["]]"#, 2),
            ("]]]]", 0),
            ("[[[[", 4),
        ] {
            assert_eq!(depth(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn addresses_are_taken_as_they_are_meant() {
        let text = |value: Value| address(&value).map(|a| a.to_string());
        assert_eq!(
            text(json!({"family": 2, "address": [192, 0, 2, 1], "ifindex": 7})).as_deref(),
            Some("192.0.2.1:0")
        );
        let mut bytes = [0; 16];
        (bytes[0], bytes[1], bytes[15]) = (0xfe, 0x80, 1);
        assert_eq!(
            text(json!({"address": bytes, "ifindex": 7})).as_deref(),
            Some("[fe80::1%7]:0")
        );
        bytes[0] = 0x20;
        assert_eq!(
            text(json!({"address": bytes, "ifindex": 7})).as_deref(),
            Some("[2080::1]:0")
        );
        for bad in [
            json!({}),
            json!({"address": []}),
            json!({"address": [1, 2, 3]}),
            json!({"address": [1, 2, 3, 256]}),
            json!({"address": [1, 2, 3, -4]}),
            json!({"address": "1.2.3.4"}),
            json!(7),
        ] {
            assert_eq!(address(&bad), None, "{bad}");
        }
    }
}
