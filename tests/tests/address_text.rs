//! Text with zones in binds, connects and sends; Unix addresses in maps; comparison of lookup errors.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::ErrorKind;
use std::net::SocketAddr;

use std_net::dns::{self, Error, Resolver};
use std_net::socket::{TcpBuilder, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std_net::unix::{self, AddrKey, AddrText, UnixDatagram};
use std_net_tests::{TempPath, both};

#[test]
fn a_zone_is_an_interface_by_name_or_number() {
    both(|| {
        let one = |text: &str| -> SocketAddr {
            let mut all = text.to_socket_addrs().unwrap();
            let addr = all.next().unwrap();
            assert!(all.next().is_none());
            addr
        };
        let SocketAddr::V6(named) = one("[fe80::1%lo]:80") else {
            panic!("not IPv6");
        };
        assert_eq!(
            (named.port(), *named.ip()),
            (80, "fe80::1".parse().unwrap())
        );
        assert_ne!(named.scope_id(), 0);
        let number = format!("[fe80::1%{}]:80", named.scope_id());
        assert_eq!(one(&number), named.into());
        for bad in [
            "[fe80::1%no-such-interface]:80",
            "[fe80::1%lo]",
            "[fe80::1%lo:80",
            "[127.0.0.1%lo]:80",
            "[example%org]:80",
        ] {
            let error = bad.to_socket_addrs().map(drop).unwrap_err();
            let kind = error.kind();
            let told = kind == ErrorKind::InvalidInput || kind == ErrorKind::NotFound;
            assert!(told, "{bad}: {error}");
        }
        // The text must be accepted everywhere. Only the address that it names may fail.
        let text = "[fe80::1%lo]:9";
        let socket = UdpSocket::bind("[::]:0");
        let mut errors = vec![
            TcpListener::bind(text).map(drop),
            UdpSocket::bind(text).map(drop),
            TcpBuilder::new().listen(text).map(drop),
            TcpStream::connect_deadline(text, std::time::Duration::from_millis(20)).map(drop),
        ];
        if let Ok(socket) = socket {
            errors.push(socket.send_to(b"x", text).map(drop));
            errors.push(socket.connect(text));
        }
        for error in errors.into_iter().filter_map(Result::err) {
            assert_ne!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert_ne!(error.kind(), ErrorKind::NotFound, "{error}");
        }
    });
}

#[test]
fn unix_addresses_are_keys() {
    both(|| {
        let (one, two) = (TempPath::new(), TempPath::new());
        let server = UnixDatagram::bind(&one).unwrap();
        let client = UnixDatagram::bind(&two).unwrap();
        let mut seen: HashMap<AddrKey, u32> = HashMap::new();
        for _ in 0..3 {
            client.send_to(b"x", &one).unwrap();
            UnixDatagram::unbound()
                .unwrap()
                .send_to(b"y", &one)
                .unwrap();
        }
        for _ in 0..6 {
            let (_, from) = server.recv_from(&mut [0; 8]).unwrap();
            *seen.entry(AddrKey::from(&from)).or_default() += 1;
        }
        assert_eq!(seen[&AddrKey::Path(two.to_path_buf())], 3);
        assert_eq!(seen[&AddrKey::Unnamed], 3);
        assert_eq!(seen.len(), 2);
        let name = unix::SocketAddr::from_text("@a\0b").unwrap();
        let key = AddrKey::from(&name);
        assert_eq!(key, AddrKey::Abstract(b"a\0b".to_vec()));
        for key in [key, AddrKey::Unnamed, AddrKey::Path("/tmp/x".into())] {
            let back = unix::SocketAddr::try_from(&key).unwrap();
            assert_eq!(AddrKey::from(&back), key);
        }
        let long = AddrKey::Path("x".repeat(200).into());
        let error = unix::SocketAddr::try_from(&long).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let ordered: BTreeSet<AddrKey> = seen.into_keys().collect();
        assert_eq!(ordered.len(), 2);
    });
}

#[test]
fn errors_of_lookups_are_compared() {
    both(|| {
        let resolver = Resolver::libc();
        let (a, b) = (resolver.lookup(""), resolver.lookup(""));
        assert_eq!(a, b);
        assert_eq!(a, Err(Error::InvalidName(String::new())));
        assert_ne!(a, resolver.lookup("a\0b"));
        assert_ne!(
            Error::NoSuchName("a".into()),
            Error::NoAddress("a".into()),
            "of another kind"
        );
        assert_ne!(Error::NoSuchName("a".into()), Error::NoSuchName("b".into()));
        let failed = |why: &str| Error::ServerFailed("a".into(), why.into());
        assert_eq!(failed("SERVFAIL"), failed("SERVFAIL"));
        assert_ne!(failed("SERVFAIL"), failed("REFUSED"));
        let seen: HashSet<Error> = [failed("x"), failed("x"), failed("y")].into();
        assert_eq!(seen.len(), 2);
    });
}

#[test]
fn the_name_of_this_host() {
    both(|| {
        let known = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(dns::hostname().to_string_lossy(), known.trim_end());
    });
}
