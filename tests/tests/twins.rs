//! `socket` and `unix` are twins: they have the same files, with the same methods, signatures and
//! order. This file lists what only one side can have and what must differ, with the reasons. It reads
//! the source, because only the source has the order.

use std::fs;
use std::path::Path;

use std_net_tests::tree::root;

/// The files that both sides have.
const FILES: [&str; 9] = [
    "addr",
    "ancillary",
    "batch",
    "builder",
    "datagram",
    "listener",
    "options",
    "socket",
    "stream",
];

/// Types and names that mean the same on both sides, first for IP, then for Unix.
const SAME: [(&str, &str); 8] = [
    ("TcpStream", "UnixStream"),
    ("TcpListener", "UnixListener"),
    ("UdpSocket", "UnixDatagram"),
    ("TcpBuilder", "UnixBuilder"),
    // High-level sockets connect to names and addresses, or to paths.
    ("A:ToSocketAddrs", "P:AsRef<Path>"),
    ("addr:A", "path:P"),
    // The address of the low-level socket.
    ("implInto<SockAddr>", "&SocketAddr"),
    ("SockAddr", "SocketAddr"),
];

/// Methods (`Type::name`) that only one side has, by file, with the reason.
type Only = (&'static str, &'static [&'static str], &'static str);

const ONLY_SOCKET: &[Only] = &[
    (
        "ancillary",
        &[
            "Ancillary::source",
            "Ancillary::interface",
            "Ancillary::ttl",
            "Ancillary::tos",
            "Ancillary::segment_size",
            "Received::segments",
            "UnixDatagram::set_recv_error",
            "UnixDatagram::recv_error",
            "UnixDatagram::set_recv_packet_info",
            "UnixDatagram::recv_packet_info",
            "UnixDatagram::set_recv_tos",
            "UnixDatagram::recv_tos",
            "UnixDatagram::set_recv_ttl",
            "UnixDatagram::recv_ttl",
        ],
        "what comes beside an IP packet",
    ),
    (
        "builder",
        &[
            "UnixBuilder::bind_device",
            "UnixBuilder::freebind",
            "UnixBuilder::mark",
            "UnixBuilder::only_v6",
            "UnixBuilder::reuse_address",
            "UnixBuilder::reuse_port",
            "UnixBuilder::tos",
            "UnixBuilder::ttl",
            "UnixBuilder::defer_accept",
            "UnixBuilder::fast_open",
            "UnixBuilder::keepalive",
            "UnixBuilder::keepalive_times",
            "UnixBuilder::linger",
            "UnixBuilder::multipath",
            "UnixBuilder::nodelay",
            "UnixBuilder::user_timeout",
            "UdpBuilder::new",
            "UdpBuilder::bind_device",
            "UdpBuilder::freebind",
            "UdpBuilder::mark",
            "UdpBuilder::only_v6",
            "UdpBuilder::recv_buffer_size",
            "UdpBuilder::reuse_address",
            "UdpBuilder::reuse_port",
            "UdpBuilder::send_buffer_size",
            "UdpBuilder::tos",
            "UdpBuilder::ttl",
            "UdpBuilder::broadcast",
            "UdpBuilder::bind",
        ],
        "options of IP and TCP, UDP, and a deadline for connects",
    ),
    (
        "datagram",
        &[
            "UnixDatagram::set_broadcast",
            "UnixDatagram::broadcast",
            "UnixDatagram::set_multicast_loop_v4",
            "UnixDatagram::multicast_loop_v4",
            "UnixDatagram::set_multicast_loop_v6",
            "UnixDatagram::multicast_loop_v6",
            "UnixDatagram::set_multicast_ttl_v4",
            "UnixDatagram::multicast_ttl_v4",
            "UnixDatagram::set_ttl",
            "UnixDatagram::ttl",
            "UnixDatagram::join_multicast_v4",
            "UnixDatagram::join_multicast_v6",
            "UnixDatagram::leave_multicast_v4",
            "UnixDatagram::leave_multicast_v6",
        ],
        "options of IP, and multicast",
    ),
    (
        "listener",
        &[
            "UnixListener::into_incoming",
            "UnixListener::set_ttl",
            "UnixListener::ttl",
            "UnixListener::set_only_v6",
            "UnixListener::only_v6",
        ],
        "options of IP; std's UnixListener has no into_incoming",
    ),
    (
        "options",
        &[
            "Socket::set_broadcast",
            "Socket::broadcast",
            "Socket::set_keepalive",
            "Socket::keepalive",
            "Socket::set_linger",
            "Socket::linger",
            "Socket::set_oob_inline",
            "Socket::oob_inline",
            "Socket::set_reuse_address",
            "Socket::reuse_address",
            "Socket::set_reuse_port",
            "Socket::reuse_port",
            "Socket::set_busy_poll",
            "Socket::busy_poll",
            "Socket::set_incoming_cpu",
            "Socket::incoming_cpu",
            "Socket::set_priority",
            "Socket::priority",
            "Socket::set_recv_timestamp",
            "Socket::recv_timestamp",
            "Socket::set_bind_device",
            "Socket::bind_device",
            "Socket::domain",
            "Socket::protocol",
            "Socket::set_bind_address_no_port",
            "Socket::bind_address_no_port",
            "Socket::set_freebind",
            "Socket::freebind",
            "Socket::set_multicast_all_v4",
            "Socket::multicast_all_v4",
            "Socket::set_multicast_loop_v4",
            "Socket::multicast_loop_v4",
            "Socket::set_multicast_ttl_v4",
            "Socket::multicast_ttl_v4",
            "Socket::set_tos",
            "Socket::tos",
            "Socket::set_ttl",
            "Socket::ttl",
            "Socket::set_recv_error",
            "Socket::recv_error",
            "Socket::set_recv_packet_info",
            "Socket::recv_packet_info",
            "Socket::set_recv_tos",
            "Socket::recv_tos",
            "Socket::set_recv_ttl",
            "Socket::recv_ttl",
            "Socket::set_multicast_if_v4",
            "Socket::multicast_if_v4",
            "Socket::join_multicast_v4",
            "Socket::leave_multicast_v4",
            "Socket::join_source_multicast_v4",
            "Socket::leave_source_multicast_v4",
            "Socket::set_freebind_v6",
            "Socket::freebind_v6",
            "Socket::set_multicast_hops_v6",
            "Socket::multicast_hops_v6",
            "Socket::set_multicast_if_v6",
            "Socket::multicast_if_v6",
            "Socket::set_multicast_loop_v6",
            "Socket::multicast_loop_v6",
            "Socket::set_only_v6",
            "Socket::only_v6",
            "Socket::set_traffic_class",
            "Socket::traffic_class",
            "Socket::set_unicast_hops_v6",
            "Socket::unicast_hops_v6",
            "Socket::set_recv_error_v6",
            "Socket::recv_error_v6",
            "Socket::set_recv_hops_v6",
            "Socket::recv_hops_v6",
            "Socket::set_recv_packet_info_v6",
            "Socket::recv_packet_info_v6",
            "Socket::set_recv_traffic_class",
            "Socket::recv_traffic_class",
            "Socket::join_multicast_v6",
            "Socket::leave_multicast_v6",
            "Socket::join_source_multicast_v6",
            "Socket::leave_source_multicast_v6",
            "Socket::set_cork",
            "Socket::cork",
            "Socket::set_mss",
            "Socket::mss",
            "Socket::set_nodelay",
            "Socket::nodelay",
            "Socket::set_quickack",
            "Socket::quickack",
            "Socket::set_user_timeout",
            "Socket::user_timeout",
            "Socket::set_defer_accept",
            "Socket::defer_accept",
            "Socket::set_fast_open",
            "Socket::fast_open",
            "Socket::set_fast_open_connect",
            "Socket::fast_open_connect",
            "Socket::set_keepalive_interval",
            "Socket::keepalive_interval",
            "Socket::set_keepalive_retries",
            "Socket::keepalive_retries",
            "Socket::set_keepalive_time",
            "Socket::keepalive_time",
            "Socket::set_congestion",
            "Socket::congestion",
            "Socket::set_notsent_lowat",
            "Socket::notsent_lowat",
            "Socket::set_transparent",
            "Socket::transparent",
            "Socket::set_transparent_v6",
            "Socket::transparent_v6",
            "Socket::original_dst",
            "Socket::original_dst_v6",
            "Socket::attach_filter",
            "Socket::detach_filter",
            "Socket::set_gro",
            "Socket::gro",
            "Socket::set_segment_size",
            "Socket::segment_size",
        ],
        "options of IP, TCP, UDP, and of sockets in a network",
    ),
    (
        "socket",
        &["Socket::raw"],
        "Unix sockets have no protocols to be raw about",
    ),
    (
        "stream",
        &[
            "UnixStream::connect_timeout",
            "UnixStream::set_nodelay",
            "UnixStream::nodelay",
            "UnixStream::set_linger",
            "UnixStream::linger",
            "UnixStream::set_ttl",
            "UnixStream::ttl",
            "UnixStream::set_quickack",
            "UnixStream::quickack",
            "UnixStream::open_read_channel",
            "UnixStream::open_write_channel",
            "UnixStream::into_channels",
            "UnixStream::tls",
            "UnixStream::tls_with",
        ],
        "options of TCP; std's UnixStream has no connect_timeout; channels and TLS are above `unix`, and come to its streams by a trait",
    ),
];
const ONLY_UNIX: &[Only] = &[
    (
        "ancillary",
        &[
            "Ancillary::descriptor",
            "Ancillary::descriptors",
            "Ancillary::credentials",
            "UnixStream::send_ancillary",
            "UnixStream::recv_ancillary",
            "UnixSeqpacket::send_ancillary",
            "UnixSeqpacket::recv_ancillary",
        ],
        "descriptors and credentials; streams carry them too",
    ),
    (
        "batch",
        &["RecvBatch::with_descriptors", "RecvBatch::iter_mut"],
        "descriptors to take out",
    ),
    (
        "builder",
        &[
            "UnixBuilder::mode",
            "UnixBuilder::rebind_stale",
            "UnixBuilder::unlink_on_drop",
            "UnixBuilder::listen_addr",
            "UnixBuilder::connect_addr",
            "UnixBuilder::connect_seqpacket",
            "UnixBuilder::listen_seqpacket",
            "UnixBuilder::datagram",
        ],
        "files, and the kinds of Unix sockets",
    ),
    (
        "datagram",
        &[
            "UnixDatagram::bind_addr",
            "UnixDatagram::unbound",
            "UnixDatagram::pair",
            "UnixDatagram::connect_addr",
            "UnixDatagram::send_to_addr",
            "UnixDatagram::shutdown",
        ],
        "an address that is not a path, pairs, a shutdown",
    ),
    (
        "listener",
        &["UnixListener::bind_addr"],
        "an address that is not a path",
    ),
    (
        "options",
        &[
            "Socket::set_passcred",
            "Socket::passcred",
            "Socket::set_passpidfd",
            "Socket::passpidfd",
            "Socket::set_passrights",
            "Socket::passrights",
        ],
        "what comes beside messages",
    ),
    (
        "socket",
        &[
            "Socket::seqpacket",
            "Socket::pair",
            "Socket::peer_cred",
            "Socket::peer_pidfd",
        ],
        "what Unix sockets have more",
    ),
    (
        "stream",
        &[
            "UnixStream::connect_addr",
            "UnixStream::pair",
            "UnixStream::peer_cred",
            "UnixStream::peer_pidfd",
        ],
        "an address that is not a path, pairs, who the peer is",
    ),
];

/// Methods of both sides whose signatures differ, by file, with the reason.
const DIFFER: &[Only] = &[
    (
        "ancillary",
        &[
            "UnixDatagram::send_ancillary_to",
            "UnixDatagram::recv_ancillary",
            "Socket::recv_message",
        ],
        "names are looked up for IP only; descriptors come over Unix sockets only, and their number has a \
         limit",
    ),
    (
        "batch",
        &["SendBatch::push_to", "SendBatch::push_ancillary"],
        "an IP address is copied and always fits; a Unix address is a path, and may be none that can be \
         sent to",
    ),
    (
        "socket",
        &["Socket::new", "Socket::stream", "Socket::datagram"],
        "Unix sockets are of one domain, without protocols",
    ),
    (
        "stream",
        &["UnixStream::connect_deadline"],
        "takes any address, for Unix also one that is not a path",
    ),
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Method {
    /// `Type::name`, with the Unix name of the type.
    name: String,
    signature: String,
}

/// Returns the public methods of a file, in order.
fn methods(file: &Path) -> Vec<Method> {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut found = Vec::new();
    let mut owner = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("impl") {
            owner = line
                .trim_end_matches([' ', '{'])
                .rsplit(' ')
                .next()
                .unwrap()
                .split('<')
                .next()
                .unwrap()
                .to_owned();
        }
        let Some(rest) = line.strip_prefix("    pub fn ") else {
            continue;
        };
        let mut signature = rest.to_owned();
        while !signature.ends_with('{') {
            signature.push_str(lines.next().unwrap().trim());
        }
        let name = rest.split(['(', '<']).next().unwrap();
        found.push(Method {
            name: common(&format!("{owner}::{name}")),
            signature: common(
                &signature
                    .trim_end_matches([' ', '{'])
                    .replace(",)", ")")
                    .replace(", ", ",")
                    .replace(' ', ""),
            ),
        });
    }
    found
}

/// Replaces all names that both sides have by the Unix names.
fn common(text: &str) -> String {
    let mut text = text.to_owned();
    for (socket, unix) in SAME {
        text = text.replace(socket, unix);
    }
    // The data beside a message over a Unix socket borrow descriptors. Over IP there are none.
    text.replace("<'fd>", "").replace("<'_>", "")
}

fn of<'a>(list: &'a [Only], file: &str) -> Vec<&'a str> {
    list.iter()
        .filter(|(f, ..)| *f == file)
        .flat_map(|(_, names, _)| names.iter().copied())
        .collect()
}

fn without(all: &[Method], file: &str, exceptions: &[Only]) -> Vec<Method> {
    let only = of(exceptions, file);
    for name in &only {
        assert!(
            all.iter().any(|m| m.name == *name),
            "{file}: the exception {name} is gone"
        );
    }
    all.iter()
        .filter(|m| !only.contains(&m.name.as_str()))
        .cloned()
        .collect()
}

fn both(file: &str) -> (Vec<Method>, Vec<Method>) {
    let name = format!("{file}.rs");
    let socket = methods(&root().join("std_net/src/socket").join(&name));
    let unix = methods(&root().join("unix/src").join(&name));
    assert!(
        !socket.is_empty() && !unix.is_empty() || file == "addr",
        "{file}: methods are not found"
    );
    (
        without(&socket, file, ONLY_SOCKET),
        without(&unix, file, ONLY_UNIX),
    )
}

#[test]
fn the_same_files() {
    for file in FILES {
        for folder in ["std_net/src/socket", "unix/src"] {
            let path = root().join(folder).join(file).with_extension("rs");
            assert!(path.is_file(), "{} is missing", path.display());
        }
    }
}

#[test]
fn the_same_methods_in_the_same_order() {
    for file in FILES {
        let (socket, unix) = both(file);
        let names = |all: &[Method]| all.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            names(&socket),
            names(&unix),
            "{file}.rs of socket, and of unix"
        );
    }
}

#[test]
fn the_same_signatures() {
    let mut faults = Vec::new();
    for file in FILES {
        let (socket, unix) = both(file);
        let may_differ = of(DIFFER, file);
        for (a, b) in socket.iter().zip(&unix) {
            let differ = a.signature != b.signature;
            if differ != may_differ.contains(&a.name.as_str()) {
                faults.push(format!(
                    "{file}: {}\n  {}\n  {}",
                    a.name, a.signature, b.signature
                ));
            }
        }
        for name in may_differ {
            assert!(
                socket.iter().any(|m| m.name == name),
                "{file}: the exception {name} is gone"
            );
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
