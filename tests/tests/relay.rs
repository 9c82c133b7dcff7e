//! Does a relay end if and only if both directions are silent? Does it count the bytes that it has
//! copied, and does it work with TLS?

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use std_net::channel::{Connected, Over};
use std_net::process;
use std_net::socket::TcpStream;
use std_net::tls::{ClientConfig, ServerConfig, TlsAcceptor, TlsCause, TlsError};
use std_net::unix::UnixStream;
use std_net::{Connection, Relay, copy, copy_bidirectional};
use std_net_tests::certificates::Authority;
use std_net_tests::{LIMIT, both, in_time, tcp_pair};

const SHORT: Duration = Duration::from_millis(40);

#[test]
fn silence_of_both_ways_ends_it() {
    fn check<S: Connection + Read>(pair: impl Fn() -> (S, S)) {
        in_time(SHORT, |limit| {
            let ((client, a), (b, mut server)) = (pair(), pair());
            let relay = Relay::new().idle_limit(limit);
            let counts = relay.counts();
            client.write_chunk(b"ping").unwrap();
            let proxy = process::spawn(move || relay.run(&a, &b));
            let error = proxy.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            if counts.a_to_b() == 0 {
                // This machine was too slow to copy anything within the limit.
                return None;
            }
            assert_eq!((counts.a_to_b(), counts.b_to_a()), (4, 0));
            // Neither side is left waiting.
            let mut buf = [0; 4];
            if server.read_exact(&mut buf).is_ok() {
                assert_eq!(&buf, b"ping");
            }
            assert!(!matches!(server.read(&mut buf), Ok(1..)));
            Some(())
        });
    }
    both(|| {
        check(tcp_pair);
        check(|| UnixStream::pair().unwrap());
    });
}

/// A download takes many times the limit, while nothing is sent in the other direction.
#[test]
fn one_way_that_is_busy_keeps_the_other() {
    /// Returns whether the relay went on. It may end only if nothing was sent for the limit.
    fn goes_on(limit: Duration) -> bool {
        let (client, a) = tcp_pair();
        let (b, server) = tcp_pair();
        let mut last = Instant::now();
        let proxy = process::spawn(move || Relay::new().idle_limit(limit).run(&a, &b));
        for _ in 0..12 {
            let now = Instant::now();
            let sent = server.write_string("tick");
            if sent
                .and_then(|()| client.read_string(8))
                .unwrap_or_default()
                != "tick"
            {
                assert!(last.elapsed() >= limit, "after {:?}", last.elapsed());
                return false;
            }
            last = now;
            process::sleep(limit / 8);
        }
        drop(server);
        let mut rest = String::new();
        let ended = (&client).read_to_string(&mut rest);
        if ended.is_err() || client.shutdown(Shutdown::Write).is_err() {
            assert!(last.elapsed() >= limit, "after {:?}", last.elapsed());
            return false;
        }
        match proxy.join().unwrap() {
            Ok(counts) => assert_eq!(counts, (0, 48)),
            Err(error) => {
                assert!(last.elapsed() >= limit, "{error}");
                return false;
            }
        }
        true
    }
    both(|| {
        in_time(Duration::from_millis(200), |limit| {
            goes_on(limit).then_some(())
        })
    });
}

#[test]
fn counts_grow_while_it_goes_on() {
    both(|| {
        let (client, a) = tcp_pair();
        let (b, server) = tcp_pair();
        let relay = Relay::new().idle_limit(LIMIT);
        let counts = relay.counts();
        let proxy = process::spawn(move || relay.run(&a, &b));
        for round in 1..=3 {
            client.write_string("12345").unwrap();
            assert_eq!(server.read_string(8).unwrap(), "12345");
            server.write_string("67").unwrap();
            assert_eq!(client.read_string(8).unwrap(), "67");
            // Bytes are counted when the kernel of the other side has them, which is before they are
            // read.
            while counts.b_to_a() < 2 * round || counts.a_to_b() < 5 * round {
                process::yield_now();
            }
        }
        drop((client, server));
        assert_eq!(proxy.join().unwrap().unwrap(), (15, 6));
        assert_eq!((counts.a_to_b(), counts.b_to_a()), (15, 6));
    });
}

/// A proxy that ends TLS: the client uses TLS, and the server does not.
#[test]
fn between_tls_and_plain() {
    both(|| {
        let ca = Authority::new();
        let me = ca.issue(&["localhost"]);
        let (client, front) = tcp_pair();
        let (back, server) = tcp_pair();
        let proxy = process::spawn(move || {
            let config = ServerConfig::builder(&*me.chain, &*me.key).build().unwrap();
            let front = TlsAcceptor::new(config).accept(front).unwrap();
            copy_bidirectional(&front, &back)
        });
        let echo = process::spawn(move || {
            let mut all = Vec::new();
            (&server).read_to_end(&mut all).unwrap();
            (&server).write_all(&all).unwrap();
        });
        let config = ClientConfig::builder().root_pem(&*ca.pem).build().unwrap();
        let mut client = config.connect(client, "localhost").unwrap();
        let data: Vec<u8> = (0..300_000_u32).map(|i| (i / 7) as u8).collect();
        let reader = {
            let reading = client.try_clone();
            process::spawn(move || {
                let mut all = Vec::new();
                (&reading).read_to_end(&mut all).map(|_| all)
            })
        };
        client.write_all(&data).unwrap();
        // The end of one direction is passed on, as a close_notify and as a FIN.
        client.shutdown(Shutdown::Write).unwrap();
        let got = reader.join().unwrap().unwrap();
        assert!(got == data);
        echo.join().unwrap();
        assert_eq!(proxy.join().unwrap().unwrap(), (300_000, 300_000));
    });
}

/// An end without a close_notify must not become a clean end on the other side.
#[test]
fn a_truncated_tls_is_not_carried_over_as_an_end() {
    both(|| {
        let ca = Authority::new();
        let me = ca.issue(&["localhost"]);
        let (client, front) = UnixStream::pair().unwrap();
        let raw = client.try_clone().unwrap();
        let (back, _server) = UnixStream::pair().unwrap();
        let proxy = process::spawn(move || {
            let config = ServerConfig::builder(&*me.chain, &*me.key).build().unwrap();
            let front = TlsAcceptor::new(config).accept(front).unwrap();
            copy_bidirectional(&front, &back)
        });
        let config = ClientConfig::builder().root_pem(&*ca.pem).build().unwrap();
        let mut client = config.connect(client, "localhost").unwrap();
        client.write_all(b"half").unwrap();
        raw.shutdown(Shutdown::Write).unwrap();
        let error = proxy.join().unwrap().unwrap_err();
        assert_eq!(
            TlsError::of(&error).map(TlsError::cause),
            Some(TlsCause::Truncated)
        );
    });
}

#[test]
fn a_copy_from_anything_to_anything() {
    both(|| {
        let (a, b) = tcp_pair();
        let from = Over::new(&b"out of memory"[..], io::sink());
        assert_eq!(copy(&from, &a).unwrap(), 13);
        drop(a);
        let to = Over::new(io::empty(), Vec::new());
        assert_eq!(copy(&b, &to).unwrap(), 13);
        assert_eq!(to.into_inner().unwrap().1, b"out of memory");
        // A relay must not read data that belong to a channel.
        let from = Over::new(&b"x"[..], io::sink());
        let _read = from.open_read_channel().unwrap();
        let to: (TcpStream, TcpStream) = tcp_pair();
        let error = copy(&from, &to.0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    });
}
