//! The table of public methods. It puts ours, from the dump of the public API, beside those of std and
//! Inko, which are lists here. It writes `docs/api-table.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use crate::tree::root;

/// Types that belong together: our types for IP and for Unix, and std's types if std has them.
struct Twins {
    title: &'static str,
    socket: &'static str,
    unix: &'static str,
    /// The stable methods of `std::net` and `std::os::unix::net` in std 1.89.
    std: &'static [&'static str],
    std_unix: &'static [&'static str],
}

const TWINS: [Twins; 4] = [
    Twins {
        title: "Connections",
        socket: "TcpStream",
        unix: "UnixStream",
        std: &[
            "connect",
            "connect_timeout",
            "local_addr",
            "nodelay",
            "peek",
            "peer_addr",
            "read_timeout",
            "set_nodelay",
            "set_nonblocking",
            "set_read_timeout",
            "set_ttl",
            "set_write_timeout",
            "shutdown",
            "take_error",
            "try_clone",
            "ttl",
            "write_timeout",
        ],
        std_unix: &[
            "connect",
            "connect_addr",
            "local_addr",
            "pair",
            "peer_addr",
            "read_timeout",
            "set_nonblocking",
            "set_read_timeout",
            "set_write_timeout",
            "shutdown",
            "take_error",
            "try_clone",
            "write_timeout",
        ],
    },
    Twins {
        title: "Listeners",
        socket: "TcpListener",
        unix: "UnixListener",
        std: &[
            "accept",
            "bind",
            "incoming",
            "local_addr",
            "only_v6",
            "set_nonblocking",
            "set_only_v6",
            "set_ttl",
            "take_error",
            "try_clone",
            "ttl",
        ],
        std_unix: &[
            "accept",
            "bind",
            "bind_addr",
            "incoming",
            "local_addr",
            "set_nonblocking",
            "take_error",
            "try_clone",
        ],
    },
    Twins {
        title: "Datagrams",
        socket: "UdpSocket",
        unix: "UnixDatagram",
        std: &[
            "bind",
            "broadcast",
            "connect",
            "join_multicast_v4",
            "join_multicast_v6",
            "leave_multicast_v4",
            "leave_multicast_v6",
            "local_addr",
            "multicast_loop_v4",
            "multicast_loop_v6",
            "multicast_ttl_v4",
            "peek",
            "peek_from",
            "peer_addr",
            "read_timeout",
            "recv",
            "recv_from",
            "send",
            "send_to",
            "set_broadcast",
            "set_multicast_loop_v4",
            "set_multicast_loop_v6",
            "set_multicast_ttl_v4",
            "set_nonblocking",
            "set_read_timeout",
            "set_ttl",
            "set_write_timeout",
            "take_error",
            "try_clone",
            "ttl",
            "write_timeout",
        ],
        std_unix: &[
            "bind",
            "bind_addr",
            "connect",
            "connect_addr",
            "local_addr",
            "pair",
            "peer_addr",
            "read_timeout",
            "recv",
            "recv_from",
            "send",
            "send_to",
            "send_to_addr",
            "set_nonblocking",
            "set_read_timeout",
            "set_write_timeout",
            "shutdown",
            "take_error",
            "try_clone",
            "unbound",
            "write_timeout",
        ],
    },
    Twins {
        title: "The low-level socket",
        socket: "Socket",
        unix: "Socket",
        std: &[],
        std_unix: &[],
    },
];

/// What Inko offers (`std.net.socket`, `dns`, `tls` and `ip`, as of July 2026), and what corresponds to
/// it here. That is `Type::method` of the tables above, with `unix ` before types of the module `unix`,
/// or a description in words.
const INKO: &[(&str, Result<&str, &str>)] = &[
    ("Socket.stream", Ok("Socket::stream")),
    ("Socket.datagram", Ok("Socket::datagram")),
    ("Socket.raw", Ok("Socket::raw")),
    ("Socket.bind", Ok("Socket::bind")),
    ("Socket.connect", Ok("Socket::connect")),
    ("Socket.listen", Ok("Socket::listen")),
    ("Socket.accept", Ok("Socket::accept")),
    ("Socket.send_to", Ok("Socket::send_to")),
    ("Socket.receive_from", Ok("Socket::recv_from")),
    ("Socket.local_address", Ok("Socket::local_addr")),
    ("Socket.peer_address", Ok("Socket::peer_addr")),
    ("Socket.ttl=", Ok("Socket::set_ttl")),
    ("Socket.only_ipv6=", Ok("Socket::set_only_v6")),
    ("Socket.no_delay=", Ok("Socket::set_nodelay")),
    ("Socket.no_delay?", Ok("Socket::nodelay")),
    ("Socket.broadcast=", Ok("Socket::set_broadcast")),
    ("Socket.linger=", Ok("Socket::set_linger")),
    ("Socket.linger", Ok("Socket::linger")),
    (
        "Socket.receive_buffer_size=",
        Ok("Socket::set_recv_buffer_size"),
    ),
    (
        "Socket.send_buffer_size=",
        Ok("Socket::set_send_buffer_size"),
    ),
    ("Socket.keepalive=", Ok("Socket::set_keepalive")),
    ("Socket.keepalive_time=", Ok("Socket::set_keepalive_time")),
    (
        "Socket.keepalive_interval=",
        Ok("Socket::set_keepalive_interval"),
    ),
    ("Socket.reuse_address=", Ok("Socket::set_reuse_address")),
    ("Socket.reuse_port=", Ok("Socket::set_reuse_port")),
    ("Socket.try_clone", Ok("Socket::try_clone")),
    (
        "Shutdown: shutdown, shutdown_read, shutdown_write",
        Ok("TcpStream::shutdown"),
    ),
    ("Deadline: timeout_after=", Ok("TcpStream::set_deadline")),
    ("Deadline: reset_deadline", Ok("TcpStream::reset_deadline")),
    ("SendFile: send_file", Ok("TcpStream::send_file")),
    ("Read: read", Ok("TcpStream::read_bytes")),
    ("Write: write", Ok("TcpStream::write_string")),
    ("SocketAddress", Err("std's `SocketAddr`")),
    ("TcpClient.new", Ok("TcpStream::connect")),
    ("TcpClient.with_timeout", Ok("TcpStream::connect_deadline")),
    ("TcpClient.local_address", Ok("TcpStream::local_addr")),
    ("TcpClient.peer_address", Ok("TcpStream::peer_addr")),
    ("TcpClient.try_clone", Ok("TcpStream::try_clone")),
    ("TcpServer.new", Ok("TcpListener::bind")),
    ("TcpServer.accept", Ok("TcpListener::accept")),
    ("TcpServer.local_address", Ok("TcpListener::local_addr")),
    ("TcpServer.try_clone", Ok("TcpListener::try_clone")),
    ("TcpServer.notifier", Ok("TcpListener::notifier")),
    ("Notifier.notify", Err("`Notifier::notify`")),
    ("UdpSocket.new", Ok("UdpSocket::bind")),
    ("UdpSocket.connect", Ok("UdpSocket::connect")),
    ("UdpSocket.send_to", Ok("UdpSocket::send_to")),
    ("UdpSocket.receive_from", Ok("UdpSocket::recv_from")),
    ("UdpSocket.local_address", Ok("UdpSocket::local_addr")),
    ("UdpSocket.try_clone", Ok("UdpSocket::try_clone")),
    ("UnixSocket.stream", Ok("unix Socket::stream")),
    ("UnixSocket.datagram", Ok("unix Socket::datagram")),
    ("UnixSocket.bind", Ok("unix Socket::bind")),
    ("UnixSocket.connect", Ok("unix Socket::connect")),
    ("UnixSocket.listen", Ok("unix Socket::listen")),
    ("UnixSocket.accept", Ok("unix Socket::accept")),
    ("UnixSocket.send_to", Ok("unix Socket::send_to")),
    ("UnixSocket.receive_from", Ok("unix Socket::recv_from")),
    ("UnixSocket.local_address", Ok("unix Socket::local_addr")),
    ("UnixSocket.peer_address", Ok("unix Socket::peer_addr")),
    (
        "UnixSocket.receive_buffer_size=",
        Ok("unix Socket::set_recv_buffer_size"),
    ),
    (
        "UnixSocket.send_buffer_size=",
        Ok("unix Socket::set_send_buffer_size"),
    ),
    ("UnixSocket.try_clone", Ok("unix Socket::try_clone")),
    ("UnixClient.new", Ok("UnixStream::connect")),
    (
        "UnixClient.with_timeout",
        Ok("UnixStream::connect_deadline"),
    ),
    ("UnixClient.local_address", Ok("UnixStream::local_addr")),
    ("UnixClient.peer_address", Ok("UnixStream::peer_addr")),
    ("UnixClient.try_clone", Ok("UnixStream::try_clone")),
    ("UnixServer.new", Ok("UnixListener::bind")),
    ("UnixServer.accept", Ok("UnixListener::accept")),
    ("UnixServer.local_address", Ok("UnixListener::local_addr")),
    ("UnixServer.try_clone", Ok("UnixListener::try_clone")),
    ("UnixServer.notifier", Ok("UnixListener::notifier")),
    ("UnixDatagram.new", Ok("UnixDatagram::bind")),
    ("UnixDatagram.connect", Ok("UnixDatagram::connect")),
    ("UnixDatagram.send_to", Ok("UnixDatagram::send_to")),
    ("UnixDatagram.receive_from", Ok("UnixDatagram::recv_from")),
    ("UnixDatagram.local_address", Ok("UnixDatagram::local_addr")),
    ("UnixDatagram.try_clone", Ok("UnixDatagram::try_clone")),
    (
        "UnixAddress.to_path",
        Err("std's `SocketAddr::as_pathname`"),
    ),
    ("UnixAddress.abstract?", Err("`AddrText::is_abstract`")),
    (
        "UnixAddress.unnamed?",
        Err("std's `SocketAddr::is_unnamed`"),
    ),
    (
        "UnixAddress.to_string, to_readable_string",
        Err("`AddrText::display`"),
    ),
    ("UnixAddress ==, hash", Err("`unix::AddrKey`")),
    (
        "try_ips",
        Err("`TcpStream::connect` with several addresses (RFC 8305)"),
    ),
    ("dns Resolver.new", Err("`dns::Resolver::new`")),
    ("dns Resolver.resolve", Err("`dns::Resolver::lookup`")),
    (
        "dns Resolver.timeout_after=",
        Err("`dns::Resolver::lookup_deadline`, `timeout`"),
    ),
    ("dns Error", Err("`dns::Error`")),
    (
        "tls ClientConfig.builder",
        Err("`tls::ClientConfig::builder`"),
    ),
    (
        "tls ClientConfigBuilder.alpn",
        Err("`tls::ClientConfigBuilder::alpn`"),
    ),
    (
        "tls ClientConfigBuilder.with_certificate",
        Err("`tls::ClientConfigBuilder::root_pem`"),
    ),
    ("tls Client.new", Err("`tls::ClientConfig::connect`")),
    (
        "tls Client.with_alpn",
        Err("`tls::ClientConfig::with_alpn`"),
    ),
    ("tls Client.alpn", Err("`tls::TlsStream::alpn`")),
    (
        "tls ServerConfigBuilder.new",
        Err("`tls::ServerConfig::builder`"),
    ),
    (
        "tls ServerConfigBuilder.from_files",
        Err("`tls::ServerConfig::from_pem_files`"),
    ),
    (
        "tls ServerConfigError",
        Err("`tls::PemError`, `tls::PemProblem`"),
    ),
    ("tls Server.new", Err("`tls::TlsAcceptor::accept`")),
    ("tls Server.alpn", Err("`tls::TlsStream::alpn`")),
    (
        "tls Server.server_name",
        Err("`tls::TlsStream::server_name`"),
    ),
    ("tls PendingServer.new", Err("`tls::PendingServer::read`")),
    (
        "tls PendingServer.socket",
        Err("`tls::PendingServer::stream`"),
    ),
    (
        "tls PendingServer.server_name",
        Err("`tls::PendingServer::server_name`"),
    ),
    (
        "tls PendingServer.into_server",
        Err("`tls::PendingServer::accept`"),
    ),
    (
        "tls ClientError, ServerError",
        Err("`tls::TlsError`, `tls::TlsCause`"),
    ),
    (
        "ip IpAddress.parse, Ipv4Address.parse, Ipv6Address.parse",
        Err("`ip::parse`, `ip::parse_v4`, `ip::parse_v6`"),
    ),
    (
        "ip documentation?, loopback?, private?, ...",
        Err("std's `is_loopback`, ...; `ip::classify` by the registries of the IANA"),
    ),
];

/// The reason why a method is on one side only.
const WHY: [(&[&str], &str); 21] = [
    (
        &["tls", "tls_with"],
        "TLS on a connection, with the feature `tls`",
    ),
    (
        &[
            "accept_from",
            "try_accept_from",
            "wait_acceptable",
            "set_idle_timeout",
        ],
        "methods of the trait `server::Listener`, which both sides implement",
    ),
    (
        &["connect_addr", "bind_addr", "send_to_addr"],
        "an address that is not a path",
    ),
    (
        &[
            "pair",
            "unbound",
            "seqpacket",
            "peer_cred",
            "peer_pidfd",
            "passcred",
            "passpidfd",
            "passrights",
        ],
        "Unix sockets only",
    ),
    (
        &["set_passcred", "set_passpidfd", "set_passrights"],
        "Unix sockets only",
    ),
    (
        &["raw", "mptcp", "original_dst", "protocol", "domain"],
        "Unix sockets have one protocol",
    ),
    (&["into_incoming"], "std's UnixListener has none"),
    (
        &["connect_timeout"],
        "std's UnixStream has none; `connect_deadline` does it",
    ),
    (
        &[
            "nodelay",
            "quickack",
            "linger",
            "cork",
            "maxseg",
            "mss",
            "user_timeout",
            "keepalive",
            "congestion",
            "notsent_lowat",
            "tcp_info",
        ],
        "of TCP",
    ),
    (
        &[
            "ttl",
            "only_v6",
            "tos",
            "broadcast",
            "multicast",
            "freebind",
            "transparent",
            "bind_address_no_port",
            "original_dst",
            "filter",
        ],
        "of IP",
    ),
    (&["join_", "leave_"], "multicast is of IP"),
    (&["take_queued_error"], "Unix sockets have no error queue"),
    (&["gro", "gso", "segment", "checksum"], "of UDP"),
    (
        &["into_packet_channels", "packets", "receive", "transmit"],
        "for all by the trait `channel::Packets`",
    ),
    (
        &["chunk", "channel"],
        "for all by the trait `channel::Connected`",
    ),
    (
        &["recv_ancillary", "send_ancillary"],
        "nothing travels beside the bytes of TCP",
    ),
    (
        &[
            "recv_error",
            "packet_info",
            "hops",
            "timestamp",
            "traffic_class",
        ],
        "of IP",
    ),
    (
        &["bind_device", "busy_poll", "incoming_cpu", "priority"],
        "of network devices",
    ),
    (&["defer_accept", "fast_open", "oob_inline"], "of TCP"),
    (
        &["reuse_address", "reuse_port"],
        "for paths there is `UnixBuilder::rebind_stale`",
    ),
    (&["shutdown"], "as std: UdpSocket has none"),
];

/// Returns the stable methods of std's type of this name.
#[must_use]
pub fn of_std(name: &str) -> &'static [&'static str] {
    let of = |twins: &Twins| {
        if twins.socket == name {
            Some(twins.std)
        } else {
            (twins.unix == name).then_some(twins.std_unix)
        }
    };
    TWINS.iter().find_map(of).unwrap_or_default()
}

/// Returns the methods of each type in a dump of the public API. The types are `Type` of the module
/// `path`.
fn methods(dump: &str, path: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("docs/public-api").join(dump))
        .unwrap_or_else(|e| panic!("docs/public-api/{dump}: {e}"));
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        let Some(rest) = line
            .strip_prefix("pub fn ")
            .or_else(|| line.strip_prefix("pub unsafe fn "))
            .and_then(|line| line.strip_prefix(path))
        else {
            continue;
        };
        let name = rest.split(['(', '<']).next().unwrap_or(rest);
        if let Some((ty, method)) = name.split_once("::")
            && !TRAIT_METHODS.contains(&method)
        {
            types.entry(ty.into()).or_default().insert(method.into());
        }
    }
    types
}

/// Methods of traits, which the dump lists beside a type's own methods.
const TRAIT_METHODS: [&str; 18] = [
    "fmt",
    "from",
    "as_fd",
    "as_raw_fd",
    "into_raw_fd",
    "from_raw_fd",
    "read",
    "read_vectored",
    "write",
    "write_vectored",
    "flush",
    "is_read_vectored",
    "as_io",
    "drop",
    "clone",
    "shutdown_connection",
    "next",
    "into_iter",
];

/// Returns the whole page.
#[must_use]
pub fn page() -> String {
    let socket = methods("std_net.txt", "std_net::socket::");
    let unix = methods("std_net_unix.txt", "std_net_unix::");
    let mut out = String::from(
        "# Every method, beside std's and Inko's\n\n\
         This page lists our methods from the dump of the public API (`docs/public-api`), those of std 1.89, and those of \
         Inko of July 2026. A dot means that the method exists under this name. `cargo run -p std_net_tests --bin \
         api_table` writes this page, and a test compares it with the sources.\n\nTraits (`Read`, `Write`, `AsFd`, \
         conversions from and to std's types, ...) are not listed: each type has the traits of std's type.\n",
    );
    let empty = BTreeSet::new();
    for twins in &TWINS {
        let (ours, theirs) = (
            socket.get(twins.socket).unwrap_or(&empty),
            unix.get(twins.unix).unwrap_or(&empty),
        );
        let (std, std_unix) = (
            twins.std.iter().copied().collect::<BTreeSet<_>>(),
            twins.std_unix.iter().copied().collect::<BTreeSet<_>>(),
        );
        let _ = writeln!(
            out,
            "\n## {}\n\n| method | `socket::{}` | `unix::{}` | std::net | std::os::unix::net | why not |\n|---|---|---|---|---|---|",
            twins.title, twins.socket, twins.unix
        );
        let all: BTreeSet<&str> = ours
            .iter()
            .chain(theirs)
            .map(String::as_str)
            .chain(std.iter().copied())
            .chain(std_unix.iter().copied())
            .collect();
        for method in all {
            let dot = |has: bool| if has { "•" } else { "" };
            let (here, there) = (ours.contains(method), theirs.contains(method));
            let why = if here && there { "" } else { why(method) };
            let _ = writeln!(
                out,
                "| `{method}` | {} | {} | {} | {} | {why} |",
                dot(here),
                dot(there),
                dot(std.contains(method)),
                dot(std_unix.contains(method)),
            );
        }
    }
    out.push_str("\n## Inko\n\n| Inko | here |\n|---|---|\n");
    for (theirs, ours) in INKO {
        let _ = match ours {
            Ok(ours) => writeln!(out, "| `{theirs}` | `{ours}` |"),
            Err(why) => writeln!(out, "| `{theirs}` | {why} |"),
        };
    }
    out
}

fn why(method: &str) -> &'static str {
    let bare = method.strip_prefix("set_").unwrap_or(method);
    WHY.iter()
        .find(|(names, _)| {
            names
                .iter()
                .any(|n| bare == *n || method == *n || bare.contains(n))
        })
        .map_or("", |(_, why)| why)
}

/// Returns what is wrong with the lists here: methods of std that we lack, names that do not exist, and
/// methods on one side only without a reason.
#[must_use]
pub fn faults() -> Vec<String> {
    let socket = methods("std_net.txt", "std_net::socket::");
    let unix = methods("std_net_unix.txt", "std_net_unix::");
    let mut faults = Vec::new();
    let empty = BTreeSet::new();
    for twins in &TWINS {
        let (ours, theirs) = (
            socket.get(twins.socket).unwrap_or(&empty),
            unix.get(twins.unix).unwrap_or(&empty),
        );
        for method in twins.std.iter().filter(|m| !ours.contains(**m)) {
            faults.push(format!("{} has no {method}, std's has", twins.socket));
        }
        for method in twins.std_unix.iter().filter(|m| !theirs.contains(**m)) {
            faults.push(format!("{} has no {method}, std's has", twins.unix));
        }
        for method in ours.symmetric_difference(theirs) {
            if why(method).is_empty() {
                faults.push(format!(
                    "{}/{}: {method} is on one side only; say why in `WHY`",
                    twins.socket, twins.unix
                ));
            }
        }
    }
    for (_, ours) in INKO {
        let Ok(ours) = ours else { continue };
        let (first, name) = match ours.strip_prefix("unix ") {
            Some(name) => (&unix, name),
            None => (&socket, *ours),
        };
        let (ty, method) = name.split_once("::").unwrap_or((name, ""));
        let known = first.get(ty).or_else(|| unix.get(ty));
        if !known.is_some_and(|methods| methods.contains(method)) {
            faults.push(format!("there is no {ours}"));
        }
    }
    faults
}
