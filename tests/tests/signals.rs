//! Do signals come as values, does Ctrl-C end a server, and does a signal print the list of processes?
//! Each test runs in an OS process of its own, because a signal goes to the whole OS process.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use std_net::process;
use std_net::runtime::Builder;
use std_net::server::Server;
use std_net::signals::{self, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use std_net::socket::{TcpListener, TcpStream};
use std_net_tests::{LIMIT, again, both, is_again, within};

fn raise(signal: i32) {
    // SAFETY: no memory is passed.
    assert_eq!(unsafe { libc::kill(libc::getpid(), signal) }, 0);
}

/// Runs the test again in an OS process of its own, and checks that it succeeds. Returns its standard
/// error.
fn alone(name: &str) -> String {
    let output = again(name, &[]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{errors}");
    errors
}

#[test]
fn each_signal_comes_to_each_channel() {
    if !is_again() {
        alone("each_signal_comes_to_each_channel");
        return;
    }
    both(|| {
        let one = signals::channel(&[SIGHUP, SIGUSR1]).unwrap();
        let other = signals::channel(&[SIGUSR1]).unwrap();
        raise(SIGHUP);
        assert_eq!(one.recv(), Ok(SIGHUP));
        raise(SIGUSR1);
        assert_eq!((one.recv(), other.recv()), (Ok(SIGUSR1), Ok(SIGUSR1)));
        let end = signals::ctrl_c().unwrap();
        for signal in [SIGINT, SIGTERM] {
            raise(signal);
            assert_eq!(end.recv(), Ok(signal));
        }
        let came = process::select! {
            recv(end) -> signal => signal.unwrap(),
            after(Duration::from_millis(5)) => 0,
        };
        assert_eq!(came, Ok(0));
    });
}

#[test]
fn what_cannot_be_taken_is_an_error_that_names_it() {
    for signal in [libc::SIGKILL, libc::SIGSEGV, -1, 4000] {
        let error = signals::channel(&[signal]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(&signal.to_string()), "{error}");
    }
}

#[test]
fn a_signal_ends_a_server_and_a_second_one_at_once() {
    if !is_again() {
        alone("a_signal_ends_a_server_and_a_second_one_at_once");
        return;
    }
    both(|| {
        for twice in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = Server::new(listener).unwrap();
            let handle = server.handle();
            handle
                .shutdown_on_signals(Duration::from_secs(3600))
                .unwrap();
            let client = process::spawn(move || {
                let mut client = TcpStream::connect(address).unwrap();
                client.write_all(b"ping").unwrap();
                client.read_exact(&mut [0; 4]).unwrap();
                raise(SIGTERM);
                while !handle.is_shutdown_begun() {
                    process::yield_now();
                }
                if twice {
                    raise(SIGINT);
                    assert_eq!(client.read(&mut [0]).unwrap(), 0);
                } else {
                    client.write_all(b"pong").unwrap();
                    client.read_exact(&mut [0; 4]).unwrap();
                }
            });
            let end = server
                .run(|mut stream: TcpStream| {
                    let mut buf = [0; 4];
                    loop {
                        stream.read_exact(&mut buf)?;
                        stream.write_all(&buf)?;
                    }
                    #[allow(unreachable_code, reason = "for its type")]
                    Ok::<(), std::io::Error>(())
                })
                .unwrap();
            assert_eq!((end.served, end.cancelled), (1, u64::from(twice)));
            client.join().unwrap();
        }
    });
}

/// Runs the test of this name in an OS process of its own, and sends it signals until it has printed two lists, one of
/// them with backtraces. Returns the line that it says, and its standard error.
fn list_processes_on_signals(name: &str) -> (String, String) {
    let errors = tempfile::NamedTempFile::new().unwrap();
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("STD_NET_AGAIN", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors.reopen().unwrap())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let line = loop {
        let line = lines.next().expect("it says a line").unwrap();
        // The harness may have begun this line.
        if let Some((_, line)) = line.split_once("line ") {
            break line.to_owned();
        }
    };
    // The third list begins when the second one is complete. A process that is slow may be missing in a list.
    for lists in 1.. {
        let pid = program.id().cast_signed();
        // SAFETY: no memory is passed.
        assert_eq!(unsafe { libc::kill(pid, SIGQUIT) }, 0);
        let text = loop {
            let text = fs::read_to_string(errors.path()).unwrap();
            if text.matches("std_net: 2 processes").count() >= lists {
                break text;
            }
            thread::sleep(Duration::from_millis(1));
        };
        if lists > 2 && text.contains(&format!("{name}::{{{{closure}}}}")) {
            break;
        }
    }
    drop(program.stdin.take());
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    let text = fs::read_to_string(errors.path()).unwrap();
    assert!(program.wait().unwrap().success(), "{rest:?}{text}");
    (line, text)
}

#[test]
fn a_signal_lists_the_processes() {
    if is_again() {
        Builder::new().dump_on(SIGQUIT).start().unwrap();
        let named = process::Builder::new().name("the sleeper");
        let place = line!() + 1;
        let sleeper = named.spawn(|| process::sleep(Duration::MAX)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let acceptor = process::spawn(move || listener.accept().map(drop));
        let waits = |state: &str| {
            let all = process::list();
            all.iter()
                .any(|p| format!("{:?}", p.state).starts_with(state))
        };
        while !(waits("Sleeping") && waits("Readable")) {
            thread::yield_now();
        }
        println!("line {place}");
        // The program goes on until its input ends. Meanwhile signals come.
        io::stdin().read_to_end(&mut Vec::new()).unwrap();
        sleeper.cancel();
        acceptor.cancel();
        sleeper.join().unwrap();
        acceptor.join().unwrap().unwrap_err();
        return;
    }
    let (place, errors) = within(LIMIT, || {
        list_processes_on_signals("a_signal_lists_the_processes")
    });
    let place = format!("tests/tests/signals.rs:{place}");
    let sleeper = errors.lines().find(|l| l.contains("the sleeper")).unwrap();
    assert!(
        sleeper.contains("Sleeping for") && sleeper.contains(&place),
        "{sleeper}"
    );
    assert!(errors.lines().any(|l| l.contains("Readable(")), "{errors}");
    // The backtraces follow. They begin in the program's own code, or a little above it.
    assert!(
        errors.matches("std_net: backtraces of").count() >= 2,
        "{errors}"
    );
    assert!(
        !errors.contains("stopped_or_asked") && !errors.contains("corosensei"),
        "{errors}"
    );
}
