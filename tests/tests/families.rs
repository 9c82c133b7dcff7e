//! Do the address families beside TCP and UDP work through the low-level `Socket`: ICMP, raw, and
//! vsock? If the kernel does not allow one, the test prints this, and the error must be clear.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use std_net::process;
use std_net::socket::{Domain, Protocol, SockAddr, Socket, Type};
use std_net_tests::{both, example, tool};

/// Returns the Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    u16::try_from(!folded & 0xffff).unwrap().to_be_bytes()
}

#[test]
fn a_raw_socket_pings_loopback() {
    both(|| {
        let socket = match Socket::raw(Domain::IPV4, Protocol::ICMPV4) {
            Ok(socket) => socket,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
                eprintln!("SKIPPED: no raw sockets without CAP_NET_RAW: {error}");
                return;
            }
        };
        socket.set_deadline(Duration::from_secs(20));
        // This identifier belongs to the test. Replies to other programs on this machine are ignored.
        let id = u16::try_from(std::process::id() & 0xffff)
            .unwrap()
            .to_be_bytes();
        let mut packet = [8, 0, 0, 0, id[0], id[1], 0, 77];
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum);
        socket
            .send_to(&packet, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
        let mut buf = [0; 256];
        loop {
            let (n, from) = socket.recv_from(&mut buf).unwrap();
            // The IP header comes too. Its length in words is in its first byte.
            let header = usize::from(buf[0] & 15) * 4;
            let icmp = &buf[header..n];
            if icmp[0] == 0 && icmp[4..8] == packet[4..8] {
                assert_eq!(from.as_socket_ipv4().unwrap().ip(), &Ipv4Addr::LOCALHOST);
                break;
            }
        }
    });
}

#[test]
fn the_ping_example_works_or_says_what_is_missing() {
    let output = Command::new(example("ping"))
        .args(["127.0.0.1", "2"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("of 2 answered"), "{text}");
    } else {
        assert!(errors.contains("ping_group_range"), "{errors}");
        eprintln!("SKIPPED: {errors}");
    }
}

/// This runs in a network namespace of its own, in which the test may change the kernel's setting.
#[test]
fn the_ping_example_pings_both_families() {
    let (Some(unshare), Some(ip)) = (tool("unshare"), tool("ip")) else {
        return;
    };
    let script = format!(
        "{} link set lo up && echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range || exit 77
        \"$0\" 127.0.0.1 2 || exit 1
        test ! -e /proc/net/if_inet6 || \"$0\" ::1 2 || exit 2",
        ip.display()
    );
    let output = Command::new(unshare)
        .args(["--net", "sh", "-c", &script])
        .arg(example("ping"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || errors.contains("unshare:") {
        eprintln!("SKIPPED: cannot make a network namespace: {errors}");
        return;
    }
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("of 2 answered"), "{text}");
}

/// The local address of a vsock, `VMADDR_CID_LOCAL`.
const LOCAL: u32 = 1;

#[test]
fn vsock_echoes_on_loopback() {
    both(|| {
        let listener = match Socket::stream(Domain::VSOCK) {
            Ok(socket) => socket,
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EAFNOSUPPORT), "{error}");
                eprintln!("SKIPPED: this kernel has no vsock: {error}");
                return;
            }
        };
        // Bind to any port, on loopback only.
        if let Err(error) = listener.bind(SockAddr::vsock(LOCAL, u32::MAX)) {
            assert_eq!(error.kind(), ErrorKind::AddrNotAvailable, "{error}");
            eprintln!("SKIPPED: vsock_loopback is not loaded: {error}");
            return;
        }
        listener.listen(1).unwrap();
        let addr = listener.local_addr().unwrap();
        listener.set_deadline(Duration::from_secs(20));
        let server = process::spawn(move || {
            let (mut stream, peer) = listener.accept().unwrap();
            assert_eq!(peer.as_vsock_address().unwrap().0, LOCAL);
            let mut buf = [0; 64];
            let n = stream.read(&mut buf).unwrap();
            stream.write_all(&buf[..n]).unwrap();
        });
        let mut client = Socket::stream(Domain::VSOCK).unwrap();
        client.set_deadline(Duration::from_secs(20));
        client.connect(addr).unwrap();
        client.write_all(b"vsock").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "vsock");
        server.join().unwrap();
    });
}

#[test]
fn what_a_kernel_lacks_is_a_clear_error() {
    both(|| {
        let error = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::UDP)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPROTONOSUPPORT));
        let error = Socket::new(Domain::from(-1), Type::STREAM, None).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EAFNOSUPPORT));
    });
}
