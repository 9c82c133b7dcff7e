//! Does an error name what it concerns: the address, the part of a text, the variable, the process?

use std::io::{self, ErrorKind};
use std::net::TcpListener as StdListener;

use std_net::dns;
use std_net::process;
use std_net::runtime;
use std_net::socket::{
    AddressError, TcpBuilder, TcpListener, TcpStream, ToSocketAddrs, UdpSocket, os_code,
};
use std_net::unix::{self, UnixDatagram, UnixListener, UnixStream};
use std_net_tests::{TempPath, again, both, is_again};

#[track_caller]
fn names<T>(result: io::Result<T>, kind: ErrorKind, code: i32, text: &str) {
    let Err(error) = result else {
        panic!("it worked");
    };
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(os_code(&error), Some(code), "{error}");
    assert!(
        error.to_string().starts_with(text),
        "{error} does not begin with {text}"
    );
    let inner = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<AddressError>());
    let inner = inner.expect("it has the address");
    assert!(text.contains(inner.address()), "{}", inner.address());
}

#[test]
fn binds_and_connects_carry_the_address() {
    both(|| {
        let taken = StdListener::bind("127.0.0.1:0").unwrap();
        let addr = taken.local_addr().unwrap();
        let text = format!("listen on {addr}: ");
        names(
            TcpListener::bind(addr),
            ErrorKind::AddrInUse,
            libc::EADDRINUSE,
            &text,
        );
        names(
            TcpBuilder::new().listen(addr),
            ErrorKind::AddrInUse,
            libc::EADDRINUSE,
            &text,
        );
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = udp.local_addr().unwrap();
        let text = format!("bind to {addr}: ");
        names(
            UdpSocket::bind(addr),
            ErrorKind::AddrInUse,
            libc::EADDRINUSE,
            &text,
        );
        let closed = {
            let listener = StdListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        let refused = ErrorKind::ConnectionRefused;
        let text = format!("connect to {closed}: Connection refused (os error 111)");
        names(
            TcpStream::connect(closed),
            refused,
            libc::ECONNREFUSED,
            &text,
        );
        let wait = std::time::Duration::from_secs(9);
        names(
            TcpStream::connect_timeout(&closed, wait),
            refused,
            libc::ECONNREFUSED,
            &text,
        );
        names(
            TcpBuilder::new().connect(closed),
            refused,
            libc::ECONNREFUSED,
            &text,
        );

        let path = TempPath::new();
        let _listener = UnixListener::bind(&*path).unwrap();
        let shown = path.display().to_string();
        let text = format!("listen on {shown}: ");
        names(
            UnixListener::bind(&*path),
            ErrorKind::AddrInUse,
            libc::EADDRINUSE,
            &text,
        );
        let text = format!("bind to {shown}: ");
        names(
            UnixDatagram::bind(&*path),
            ErrorKind::AddrInUse,
            libc::EADDRINUSE,
            &text,
        );
        let none = TempPath::new();
        let text = format!("connect to {}: ", none.display());
        names(
            UnixStream::connect(&*none),
            ErrorKind::NotFound,
            libc::ENOENT,
            &text,
        );
        let unbound = UnixDatagram::unbound().unwrap();
        names(
            unbound.connect(&*none),
            ErrorKind::NotFound,
            libc::ENOENT,
            &text,
        );
        let addr = unix::SocketAddr::from_pathname(&*none).unwrap();
        names(
            unix::UnixSeqpacket::connect_addr(&addr),
            ErrorKind::NotFound,
            libc::ENOENT,
            &text,
        );
    });
}

#[test]
fn a_cancel_stays_what_it_is() {
    both(|| {
        let silent = std_net_tests::Silent::new();
        let addr = silent.addr;
        let connecting = process::spawn(move || TcpStream::connect(addr).unwrap_err());
        connecting.cancel();
        assert!(process::is_cancelled(&connecting.join().unwrap()));
    });
}

#[test]
fn text_that_is_no_address_says_why_and_asks_nobody() {
    both(|| {
        for (text, part) in [
            ("127.0.0.256:80", "octet over 255"),
            ("127.0.0.1.5:80", "127.0.0.1.5"),
            ("10.0.0.0.:80", "10.0.0.0."),
            ("[::12345]:80", "group of more than four digits"),
            ("[::1:80", "unexpected end"),
            ("localhost", "port missing"),
            ("127.0.0.1", "port missing"),
            ("::1", "port missing, as in [::1]:80"),
            ("[::1]", "port missing"),
            ("localhost:", "port missing"),
            ("", "port missing"),
            ("localhost:http", "port \"http\""),
            ("localhost:65536", "port \"65536\""),
        ] {
            let error = text.to_socket_addrs().unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
            let expected = match text {
                "10.0.0.0.:80" => continue, // This is a name with a dot at its end.
                _ => ErrorKind::InvalidInput,
            };
            assert_eq!(error.kind(), expected, "{text}: {error}");
        }
        // The tuple and the resolver give this error too.
        let error = ("127.0.0.256", 80).to_socket_addrs().unwrap_err();
        assert!(error.to_string().contains("octet over 255"), "{error}");
        let error = dns::Resolver::new().lookup("1.2.3.400").unwrap_err();
        assert!(matches!(error, dns::Error::InvalidAddress(..)), "{error}");
        // Old forms of IPv4 addresses still work.
        assert_eq!(
            "127.1:80"
                .to_socket_addrs()
                .unwrap()
                .next()
                .unwrap()
                .to_string(),
            "127.0.0.1:80"
        );
    });
}

#[test]
fn a_variable_that_makes_no_sense_is_named_at_the_start() {
    if is_again() {
        let error = runtime::Builder::new().start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        println!("said: {error}");
        return;
    }
    for (variable, value, reason) in [
        (
            "STD_NET_STACK_SIZE",
            "1",
            "STD_NET_STACK_SIZE is 1: a stack size of 1 bytes",
        ),
        (
            "STD_NET_STACK_SIZE",
            "big",
            "STD_NET_STACK_SIZE is \"big\", which is not a number",
        ),
        (
            "STD_NET_WORKERS",
            "0",
            "STD_NET_WORKERS is 0: 0 workers are not within",
        ),
        (
            "STD_NET_WORKERS",
            "-1",
            "STD_NET_WORKERS is \"-1\", which is not a number",
        ),
        (
            "STD_NET_WATCHDOG",
            "5s",
            "STD_NET_WATCHDOG is \"5s\", which is not a number",
        ),
    ] {
        let name = "a_variable_that_makes_no_sense_is_named_at_the_start";
        let output = again(name, &[(variable, value)]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(&format!("said: {reason}")), "{text}");
    }
}

#[test]
fn a_panic_names_its_process() {
    if is_again() {
        let named = process::Builder::new().name("the unlucky one");
        let place = line!() + 1;
        let process = named.spawn(|| panic!("with these words")).unwrap();
        println!("line {place}, number {}", process.process().id());
        process.join().unwrap_err();
        // The message of a plain thread is std's own.
        std::thread::spawn(|| panic!("elsewhere"))
            .join()
            .unwrap_err();
        return;
    }
    let output = again("a_panic_names_its_process", &[]);
    let (text, said) = (
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout),
    );
    let line = said.lines().find(|line| line.contains("line ")).unwrap();
    let (_, numbers) = line.split_once("line ").unwrap();
    let (place, id) = numbers.split_once(", number ").unwrap();
    let named = format!(
        "std_net: process {id} 'the unlucky one' (spawned at tests/tests/errors_name.rs:{place}:"
    );
    assert!(text.contains(&named), "{text} has no {named}");
    assert!(text.contains("with these words"), "{text}");
    assert_eq!(text.matches("std_net: process").count(), 1, "{text}");
}

#[test]
fn an_overflow_names_the_size_and_what_makes_it_larger() {
    #[allow(unconditional_recursion, reason = "it must overflow")]
    fn deeper(n: u64) -> u64 {
        std::hint::black_box([n; 64])[0] + deeper(n + 1)
    }
    if is_again() {
        process::spawn(|| deeper(0)).join().unwrap();
        return;
    }
    let name = "an_overflow_names_the_size_and_what_makes_it_larger";
    let output = again(name, &[("STD_NET_STACK_SIZE", "65536")]);
    let text = String::from_utf8_lossy(&output.stderr);
    let size = text.split("has overflowed its stack of ").nth(1);
    let size: usize = size
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .unwrap_or(0);
    assert!((65536..65536 + 3 * 4096).contains(&size), "{text}");
    assert!(text.contains("STD_NET_STACK_SIZE"), "{text}");
}
