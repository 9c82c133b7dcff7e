//! Threadlike processes: each function that `std_net_interpose` defines, called by C code. It parks the process, and it
//! has the result, the `errno` and the data that it has on a plain thread.
//!
//! Each row runs four times: on a plain thread and in a process, called by its own name and by the name that fortified
//! code uses. All processes are on one worker, and the code that wakes a waiting process is itself in a process there.
//! So if a call did not park, its test would hang.

// On other systems a process cannot be threadlike.
#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(std_net_portable)
))]

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::{CString, c_int};
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};
use std_net_interpose as _;
use std_net_tests::calls::{Calls, FORTIFIED, Function, Given, LIBRARY, Outcome, compile};
use std_net_tests::threadlike::{run, spawn, until_it_waits, waits};
use std_net_tests::{LIMIT, again, in_time, is_again, tree, within};

/// What a call is made with, and what ends its wait.
struct Scene {
    given: Given,
    wake: Option<Box<dyn FnOnce()>>,
    /// Kept until the call has returned.
    _keep: Box<dyn Any>,
}

fn scene(given: Given, keep: impl Any) -> Scene {
    Scene {
        given,
        wake: None,
        _keep: Box::new(keep),
    }
}

impl Scene {
    fn and(self, wake: impl FnOnce() + 'static) -> Scene {
        Scene {
            wake: Some(Box::new(wake)),
            ..self
        }
    }
}

/// Both builds of the library, and the names that a test has called.
struct Table {
    ways: [(&'static str, Calls); 2],
    called: RefCell<BTreeSet<&'static str>>,
}

/// Builds the library in both ways, once for all tests.
fn ways() -> [(&'static str, Calls); 2] {
    static WAYS: OnceLock<[(&str, Calls); 2]> = OnceLock::new();
    *WAYS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let load = |name: &str, options: &[&str]| {
            let own = folder.path().join(name);
            fs::create_dir(&own).unwrap();
            Calls::load(&own, options)
        };
        [
            ("plain", load("plain", &["-O1", "-U_FORTIFY_SOURCE"])),
            ("fortified", load("fortified", FORTIFIED)),
        ]
    })
}

impl Table {
    fn new() -> Table {
        // `select(2)` looks at no descriptor that the kernel's table has never had room for. This one is not open.
        let room = io::stdin().as_raw_fd();
        // SAFETY: the call gives a new descriptor, above this number.
        drop(unsafe { OwnedFd::from_raw_fd(libc::fcntl(room, libc::F_DUPFD_CLOEXEC, 1_000)) });
        Table {
            ways: ways(),
            called: RefCell::default(),
        }
    }

    /// Makes the call in all four ways. Each must come to the same outcome, which is returned.
    fn same(&self, name: &'static str, what: &str, scene: impl Fn() -> Scene) -> Option<Outcome> {
        self.called.borrow_mut().insert(name);
        let mut first: Option<Outcome> = None;
        for (way, calls) in self.ways {
            let Some(function) = calls.function(name) else {
                eprintln!("SKIPPED: this C library has no {name}");
                return None;
            };
            let on_thread = on_thread(function, scene());
            let expected = first.get_or_insert_with(|| on_thread.clone());
            assert_eq!(&on_thread, expected, "{name} ({way}), {what}, on a thread");
            let in_process = in_process(function, scene(), &format!("{name} ({way}), {what}"));
            assert_eq!(
                &in_process, expected,
                "{name} ({way}), {what}, in a process"
            );
        }
        first
    }

    /// Like `same`, and checks the result on success.
    fn gives(&self, name: &'static str, what: &str, result: i64, scene: impl Fn() -> Scene) {
        if let Some(outcome) = self.same(name, what, scene) {
            assert_eq!(
                (outcome.result, outcome.errno),
                (result, 0),
                "{name}, {what}"
            );
        }
    }

    /// Like `same`, and checks the error.
    fn fails(&self, name: &'static str, what: &str, errno: c_int, scene: impl Fn() -> Scene) {
        if let Some(outcome) = self.same(name, what, scene) {
            assert_eq!(
                (outcome.result, outcome.errno),
                (-1, errno),
                "{name}, {what}"
            );
        }
    }
}

/// Gives a call on a plain thread the time to begin its wait. Its outcome does not depend on it.
const HEAD_START: Duration = Duration::from_millis(2);

fn on_thread(function: Function, scene: Scene) -> Outcome {
    let given = scene.given;
    let thread = thread::spawn(move || {
        let given = given;
        function.call(given)
    });
    if let Some(wake) = scene.wake {
        thread::sleep(HEAD_START);
        wake();
    }
    thread.join().unwrap()
}

fn in_process(function: Function, scene: Scene, what: &str) -> Outcome {
    let given = scene.given;
    let process = spawn(move || {
        let given = given;
        function.call(given)
    });
    if let Some(wake) = scene.wake {
        assert!(waits(&process), "{what}: the process did not park");
        wake();
    }
    process.join().unwrap()
}

fn fd(of: &impl AsRawFd) -> i64 {
    i64::from(of.as_raw_fd())
}

fn given(fd: i64, len: i64) -> Given {
    Given {
        fd,
        len,
        ..Given::default()
    }
}

#[test]
fn receiving() {
    run(|| {
        let table = Table::new();
        let names = ["read", "recv", "recvfrom", "readv", "recvmsg", "recvmmsg"];
        for name in names {
            // Of these the result is a number of messages.
            let got = if name == "recvmmsg" { 1 } else { 5 };
            let end = if name == "recvmmsg" { 1 } else { 0 };
            let pair = || UnixStream::pair().unwrap();
            table.gives(name, "data are there", got, || {
                let (a, mut b) = pair();
                b.write_all(b"hello").unwrap();
                scene(given(fd(&a), 16), (a, b))
            });
            table.gives(name, "data come later", got, || {
                let (a, b) = pair();
                let mut wakes = b.try_clone().unwrap();
                scene(given(fd(&a), 16), (a, b)).and(move || wakes.write_all(b"hello").unwrap())
            });
            table.gives(name, "over TCP", got, || {
                let (a, mut b) = std_net_tests::threadlike::pair();
                scene(given(fd(&a), 16), a).and(move || {
                    b.write_all(b"hello").unwrap();
                })
            });
            table.gives(name, "the peer has gone", end, || {
                let (a, _) = pair();
                scene(given(fd(&a), 16), a)
            });
            table.gives(name, "the peer goes later", end, || {
                let (a, b) = pair();
                scene(given(fd(&a), 16), a).and(move || drop(b))
            });
            table.gives(name, "it is shut down", end, || {
                let (a, b) = pair();
                a.shutdown(std::net::Shutdown::Read).unwrap();
                scene(given(fd(&a), 16), (a, b))
            });
            table.fails(name, "no descriptor", libc::EBADF, || {
                scene(given(-1, 16), ())
            });
            table.fails(name, "O_NONBLOCK", libc::EAGAIN, || {
                let (a, b) = pair();
                a.set_nonblocking(true).unwrap();
                scene(given(fd(&a), 16), (a, b))
            });
            table.fails(name, "SO_RCVTIMEO", libc::EAGAIN, || {
                let (a, b) = pair();
                a.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
                scene(given(fd(&a), 16), (a, b))
            });
            table.fails(name, "not connected", libc::ENOTCONN, || {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                scene(given(fd(&socket), 16), socket)
            });
            if name.starts_with("recv") {
                table.fails(name, "MSG_DONTWAIT", libc::EAGAIN, || {
                    let (a, b) = pair();
                    let other = i64::from(libc::MSG_DONTWAIT);
                    scene(
                        Given {
                            other,
                            ..given(fd(&a), 16)
                        },
                        (a, b),
                    )
                });
                table.fails(name, "a pipe", libc::ENOTSOCK, || {
                    let (a, b) = io::pipe().unwrap();
                    scene(given(fd(&a), 16), (a, b))
                });
            } else {
                table.gives(name, "a pipe", 5, || {
                    let (a, mut b) = io::pipe().unwrap();
                    scene(given(fd(&a), 16), a).and(move || b.write_all(b"hello").unwrap())
                });
                table.gives(name, "a pipe ends", 0, || {
                    let (a, b) = io::pipe().unwrap();
                    scene(given(fd(&a), 16), a).and(move || drop(b))
                });
                table.gives(name, "an eventfd", 8, || {
                    // SAFETY: the call has no preconditions, and gives a new descriptor.
                    let event = unsafe { OwnedFd::from_raw_fd(libc::eventfd(0, 0)) };
                    let mut wakes = File::from(event.try_clone().unwrap());
                    scene(given(fd(&event), 16), event)
                        .and(move || wakes.write_all(&7_u64.to_ne_bytes()).unwrap())
                });
                table.fails(name, "a folder", libc::EISDIR, || {
                    let folder = File::open("/").unwrap();
                    scene(given(fd(&folder), 16), folder)
                });
                table.fails(name, "only for writing", libc::EBADF, || {
                    let (a, b) = io::pipe().unwrap();
                    scene(given(fd(&b), 16), (a, b))
                });
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "some text").unwrap();
        for name in ["pread", "pread64", "read", "readv"] {
            let all = if name.starts_with("pread") { 8 } else { 9 };
            let path = &path;
            table.gives(name, "a file", all, move || {
                let file = File::open(path).unwrap();
                scene(given(fd(&file), 16), file)
            });
        }
        for name in ["pread", "pread64"] {
            table.fails(name, "no descriptor", libc::EBADF, || {
                scene(given(-1, 16), ())
            });
            table.fails(name, "a pipe", libc::ESPIPE, || {
                let (a, b) = io::pipe().unwrap();
                scene(given(fd(&a), 16), (a, b))
            });
        }
    });
}

/// A pair whose first end has no room left.
fn full() -> (UnixStream, UnixStream) {
    let (a, b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    for size in [4096, 1] {
        while (&a).write(&[1; 4096][..size]).is_ok() {}
    }
    a.set_nonblocking(false).unwrap();
    (a, b)
}

/// Reads all that comes, on a thread of its own.
fn drains(mut from: UnixStream) -> impl FnOnce() {
    move || {
        thread::spawn(move || io::copy(&mut from, &mut io::sink()));
    }
}

#[test]
fn sending() {
    run(|| {
        let table = Table::new();
        const MUCH: i64 = 700_000;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, vec![5; 1 << 20]).unwrap();
        let names = [
            "write",
            "send",
            "sendto",
            "writev",
            "sendmsg",
            "sendmmsg",
            "sendfile",
            "sendfile64",
        ];
        for name in names {
            let file = || {
                name.starts_with("sendfile")
                    .then(|| File::open(&path).unwrap())
            };
            let given = |to: &UnixStream, len, from: &Option<File>| Given {
                other: from.as_ref().map_or(0, fd),
                ..given(fd(to), len)
            };
            // Of this one the result is a number of messages, and it sends two of them.
            let sent = |n: i64| if name == "sendmmsg" { 2 } else { n };
            table.gives(name, "there is room", sent(5), || {
                let ((a, b), file) = (UnixStream::pair().unwrap(), file());
                scene(given(&a, 5, &file), (a, b, file))
            });
            table.gives(name, "there is room later", sent(5), || {
                let ((a, b), file) = (full(), file());
                scene(given(&a, 5, &file), (a, file)).and(drains(b))
            });
            // A socket has room for a whole file of this size, since it refers to the pages that the file has in memory.
            // The test `a_file_goes_to_a_slow_socket` is about that.
            if !name.starts_with("sendfile") {
                table.gives(name, "more than there is room for", sent(MUCH), || {
                    let ((a, b), file) = (UnixStream::pair().unwrap(), file());
                    scene(given(&a, MUCH, &file), (a, file)).and(drains(b))
                });
            }
            table.fails(name, "the peer has gone", libc::EPIPE, || {
                let ((a, _), file) = (UnixStream::pair().unwrap(), file());
                scene(given(&a, 5, &file), (a, file))
            });
            // A call that waits in the kernel finds the reset, and a call that is made anew finds the end.
            for (way, calls) in table.ways {
                let gone = |outcome: Outcome| {
                    let known = [libc::EPIPE, libc::ECONNRESET].contains(&outcome.errno);
                    assert!(outcome.result == -1 && known, "{name} ({way}): {outcome:?}");
                };
                let make = || {
                    let ((a, b), file) = (full(), file());
                    scene(given(&a, 5, &file), (a, file)).and(move || drop(b))
                };
                let function = calls.function(name).unwrap();
                gone(on_thread(function, make()));
                gone(in_process(function, make(), name));
            }
            table.fails(name, "O_NONBLOCK", libc::EAGAIN, || {
                let ((a, b), file) = (full(), file());
                a.set_nonblocking(true).unwrap();
                scene(given(&a, 5, &file), (a, b, file))
            });
            table.fails(name, "SO_SNDTIMEO", libc::EAGAIN, || {
                let ((a, b), file) = (full(), file());
                a.set_write_timeout(Some(Duration::from_millis(5))).unwrap();
                scene(given(&a, 5, &file), (a, b, file))
            });
            table.fails(name, "no descriptor", libc::EBADF, || {
                let file = file();
                let other = file.as_ref().map_or(0, fd);
                scene(
                    Given {
                        other,
                        ..self::given(-1, 5)
                    },
                    file,
                )
            });
            if name.starts_with("send") && !name.starts_with("sendfile") {
                table.fails(name, "MSG_DONTWAIT", libc::EAGAIN, || {
                    let (a, b) = full();
                    let other = i64::from(libc::MSG_DONTWAIT);
                    scene(
                        Given {
                            other,
                            ..self::given(fd(&a), 5)
                        },
                        (a, b),
                    )
                });
                table.fails(name, "a pipe", libc::ENOTSOCK, || {
                    let (a, b) = io::pipe().unwrap();
                    scene(self::given(fd(&b), 5), (a, b))
                });
            }
        }
        for name in ["write", "writev"] {
            table.gives(name, "a pipe", MUCH, || {
                let (mut a, b) = io::pipe().unwrap();
                scene(given(fd(&b), MUCH), b).and(move || {
                    thread::spawn(move || io::copy(&mut a, &mut io::sink()));
                })
            });
            table.fails(name, "only for reading", libc::EBADF, || {
                let (a, b) = io::pipe().unwrap();
                scene(given(fd(&a), 5), (a, b))
            });
        }
        let splice = |from: &io::PipeReader, to: i64| Given {
            other: fd(from),
            ..given(to, 5)
        };
        table.gives("splice", "data are there", 5, || {
            let ((reader, mut writer), (a, b)) = (io::pipe().unwrap(), UnixStream::pair().unwrap());
            writer.write_all(b"hello").unwrap();
            scene(splice(&reader, fd(&a)), (reader, writer, a, b))
        });
        table.gives("splice", "data come later", 5, || {
            let ((reader, mut writer), (a, b)) = (io::pipe().unwrap(), UnixStream::pair().unwrap());
            scene(splice(&reader, fd(&a)), (reader, a, b))
                .and(move || writer.write_all(b"hello").unwrap())
        });
        table.gives("splice", "there is room later", 5, || {
            let ((reader, mut writer), (a, b)) = (io::pipe().unwrap(), full());
            writer.write_all(b"hello").unwrap();
            scene(splice(&reader, fd(&a)), (reader, writer, a)).and(drains(b))
        });
        table.gives("splice", "the pipe ends", 0, || {
            let ((reader, writer), (a, b)) = (io::pipe().unwrap(), UnixStream::pair().unwrap());
            scene(splice(&reader, fd(&a)), (reader, a, b)).and(move || drop(writer))
        });
        table.fails("splice", "no descriptor", libc::EBADF, || {
            let (reader, writer) = io::pipe().unwrap();
            scene(splice(&reader, -1), (reader, writer))
        });
    });
}

fn connect(socket: &Socket, to: &SockAddr) -> Given {
    // SAFETY: an address is readable for its length.
    let bytes = unsafe { std::slice::from_raw_parts(to.as_ptr().cast::<u8>(), to.len() as usize) };
    given(fd(socket), 0).with_data(bytes)
}

/// A listener with a queue of one place, which is taken.
fn full_listener(folder: &Path) -> (Socket, SockAddr, Vec<Socket>) {
    let addr = SockAddr::unix(folder.join("listener")).unwrap();
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&addr).unwrap();
    listener.listen(0).unwrap();
    let mut held = Vec::new();
    loop {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        if socket.connect(&addr).is_err() {
            return (listener, addr, held);
        }
        held.push(socket);
    }
}

#[test]
fn connecting_and_accepting() {
    run(|| {
        let table = Table::new();
        let tcp = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let unix = || Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        let listens = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let addr = SockAddr::from(listener.local_addr().unwrap());
            (listener, addr)
        };
        table.gives("connect", "to a listener", 0, || {
            let ((listener, addr), socket) = (listens(), tcp());
            scene(connect(&socket, &addr), (listener, socket))
        });
        table.fails("connect", "refused", libc::ECONNREFUSED, || {
            let ((_, addr), socket) = (listens(), tcp());
            scene(connect(&socket, &addr), socket)
        });
        table.fails("connect", "twice", libc::EISCONN, || {
            let ((listener, addr), socket) = (listens(), tcp());
            socket.connect(&addr).unwrap();
            scene(connect(&socket, &addr), (listener, socket))
        });
        table.same("connect", "O_NONBLOCK", || {
            // Port 9 of an address for documentation: no answer comes, or there is no way to it.
            let addr = std::net::SocketAddr::from(([192, 0, 2, 1], 9)).into();
            let socket = tcp();
            socket.set_nonblocking(true).unwrap();
            scene(connect(&socket, &addr), socket)
        });
        let folder = tempfile::tempdir().unwrap();
        let none = SockAddr::unix(folder.path().join("none")).unwrap();
        table.fails("connect", "no such file", libc::ENOENT, || {
            let socket = unix();
            scene(connect(&socket, &none), socket)
        });
        table.gives("connect", "the queue has room later", 0, || {
            let folder = tempfile::tempdir().unwrap();
            let ((listener, addr, held), socket) = (full_listener(folder.path()), unix());
            let wakes = listener.try_clone().unwrap();
            scene(connect(&socket, &addr), (listener, held, socket, folder))
                .and(move || drop(wakes.accept().unwrap()))
        });
        table.fails("connect", "SO_SNDTIMEO", libc::EAGAIN, || {
            let folder = tempfile::tempdir().unwrap();
            let ((listener, addr, held), socket) = (full_listener(folder.path()), unix());
            socket
                .set_write_timeout(Some(Duration::from_millis(5)))
                .unwrap();
            scene(connect(&socket, &addr), (listener, held, socket, folder))
        });
        table.fails("connect", "no descriptor", libc::EBADF, || {
            let ((listener, addr), socket) = (listens(), tcp());
            let given = connect(&socket, &addr);
            scene(Given { fd: -1, ..given }, listener)
        });

        for name in ["accept", "accept4"] {
            let given = |of: &TcpListener| given(fd(of), 0);
            table.gives(name, "one is there", 0, || {
                let (listener, _) = listens();
                let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                scene(given(&listener), (listener, client))
            });
            table.gives(name, "one comes later", 0, || {
                let (listener, _) = listens();
                let addr = listener.local_addr().unwrap();
                scene(given(&listener), listener)
                    .and(move || drop(TcpStream::connect(addr).unwrap()))
            });
            table.gives(name, "one comes later to a Unix listener", 0, || {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("listener");
                let listener = UnixListener::bind(&path).unwrap();
                scene(self::given(fd(&listener), 0), (listener, folder))
                    .and(move || drop(UnixStream::connect(path).unwrap()))
            });
            table.fails(name, "O_NONBLOCK", libc::EAGAIN, || {
                let (listener, _) = listens();
                listener.set_nonblocking(true).unwrap();
                scene(given(&listener), listener)
            });
            table.fails(name, "SO_RCVTIMEO", libc::EAGAIN, || {
                let (listener, _) = listens();
                let socket = Socket::from(listener.try_clone().unwrap());
                socket
                    .set_read_timeout(Some(Duration::from_millis(5)))
                    .unwrap();
                scene(given(&listener), listener)
            });
            table.fails(name, "no listener", libc::EINVAL, || {
                let socket = tcp();
                scene(self::given(fd(&socket), 0), socket)
            });
            table.fails(name, "no descriptor", libc::EBADF, || {
                scene(self::given(-1, 0), ())
            });
            table.fails(name, "shut down later", libc::EINVAL, || {
                let (listener, _) = listens();
                let socket = Socket::from(listener.try_clone().unwrap());
                scene(given(&listener), listener)
                    .and(move || socket.shutdown(std::net::Shutdown::Both).unwrap())
            });
        }
    });
}

#[test]
fn waiting_for_descriptors() {
    run(|| {
        let table = Table::new();
        let names = [
            "poll",
            "ppoll",
            "select",
            "pselect",
            "epoll_wait",
            "epoll_pwait",
            "epoll_pwait2",
        ];
        for name in names {
            let epolls = name.starts_with("epoll");
            let make = move |a: &UnixStream, timeout: i64| {
                let mut given = Given {
                    timeout,
                    other: -1,
                    ..given(fd(a), 2)
                };
                // SAFETY: the call has no preconditions, and gives a new descriptor.
                let epoll = unsafe { OwnedFd::from_raw_fd(libc::epoll_create1(0)) };
                if epolls {
                    let mut event = libc::epoll_event {
                        events: libc::EPOLLIN as u32,
                        u64: 0,
                    };
                    let (epoll, watched) = (epoll.as_raw_fd(), a.as_raw_fd());
                    // SAFETY: both descriptors are open, and the event is live.
                    let added = unsafe {
                        libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, watched, &raw mut event)
                    };
                    assert_eq!(added, 0);
                    given.other = i64::from(epoll);
                }
                (given, epoll)
            };
            table.gives(name, "ready", 1, || {
                let (a, mut b) = UnixStream::pair().unwrap();
                b.write_all(b"x").unwrap();
                let (given, epoll) = make(&a, -1);
                scene(given, (a, b, epoll))
            });
            table.gives(name, "ready later", 1, || {
                let (a, b) = UnixStream::pair().unwrap();
                let mut wakes = b.try_clone().unwrap();
                let (given, epoll) = make(&a, -1);
                scene(given, (a, b, epoll)).and(move || wakes.write_all(b"x").unwrap())
            });
            table.gives(name, "ready before its timeout", 1, || {
                let (a, b) = UnixStream::pair().unwrap();
                let mut wakes = b.try_clone().unwrap();
                // If nothing but the timeout ended the wait, the watchdog would be first.
                let (given, epoll) = make(&a, 1_000_000);
                scene(given, (a, b, epoll)).and(move || wakes.write_all(b"x").unwrap())
            });
            table.gives(name, "the peer goes later", 1, || {
                let (a, b) = UnixStream::pair().unwrap();
                let (given, epoll) = make(&a, -1);
                scene(given, (a, epoll)).and(move || drop(b))
            });
            for timeout in [0, 5] {
                table.gives(name, "the timeout passes", 0, || {
                    let (a, b) = UnixStream::pair().unwrap();
                    let (given, epoll) = make(&a, timeout);
                    scene(given, (a, b, epoll))
                });
            }
            table.same(name, "no descriptor", || {
                scene(
                    Given {
                        other: -1,
                        timeout: 5,
                        ..given(-1, 2)
                    },
                    (),
                )
            });
            table.same(name, "of a count that is out of range", || {
                let (a, b) = UnixStream::pair().unwrap();
                let (given, epoll) = make(&a, -1);
                let len = if name.ends_with("poll") { 1 << 30 } else { -1 };
                // A fortified program ends here, since the array is shorter. So let it know no length.
                let given = match name {
                    "poll" | "ppoll" => Given {
                        timeout: 0,
                        len: 0,
                        ..given
                    },
                    _ => Given { len, ..given },
                };
                scene(given, (a, b, epoll))
            });
        }
    });
}

#[test]
fn sleeping_and_yielding() {
    run(|| {
        let table = Table::new();
        for name in ["clock_nanosleep", "nanosleep", "usleep", "sleep"] {
            let first = Duration::from_millis(if name == "sleep" { 1000 } else { 20 });
            let sleep = |time: Duration| Given {
                timeout: time.as_millis().try_into().unwrap(),
                ..Given::default()
            };
            table.called.borrow_mut().insert(name);
            // All ways at the same time.
            in_time(first, |time| {
                let calls = table.ways.map(|(_, calls)| {
                    let function = calls.function(name).unwrap();
                    move || {
                        let begun = Instant::now();
                        let outcome = function.call(sleep(time));
                        (outcome.result, outcome.errno, begun.elapsed())
                    }
                });
                let threads = calls.map(thread::spawn);
                let processes = calls.map(spawn);
                // While it lasts, this process sees it wait.
                let seen = processes.iter().all(waits);
                let outcomes = threads
                    .map(|thread| thread.join().unwrap())
                    .into_iter()
                    .chain(processes.map(|process| process.join().unwrap()));
                for (result, errno, took) in outcomes {
                    assert_eq!((result, errno), (0, 0), "{name}");
                    assert!(took >= time, "nothing ends {name} early: {took:?}");
                }
                seen.then_some(())
            });
        }
        let wrong = || Given {
            timeout: 0,
            ..Given::default()
        };
        table.gives("nanosleep", "no time at all", 0, || scene(wrong(), ()));
        table.gives("clock_nanosleep", "no time at all", 0, || {
            scene(wrong(), ())
        });
        // The process spins until another process of its worker has run.
        for (way, calls) in table.ways {
            let go = Arc::new(AtomicI32::new(0));
            let function = calls.function("sched_yield").unwrap();
            let pointer = Arc::as_ptr(&go).cast_mut().cast();
            let given = Given {
                pointer,
                ..Given::default()
            };
            let spins = spawn(move || {
                let given = given;
                function.call(given)
            });
            std_net::process::yield_now();
            assert!(!spins.is_finished(), "{way}");
            go.store(1, Ordering::SeqCst);
            assert_eq!(spins.join().unwrap().result, 0, "{way}");
        }
        table.called.borrow_mut().insert("sched_yield");
    });
}

#[test]
fn locks_of_rust() {
    run(|| {
        let table = Table::new();
        let word = || Arc::new(AtomicI32::new(7));
        let given = |word: &Arc<AtomicI32>, expected: i64, timeout: i64| Given {
            len: expected,
            timeout,
            pointer: Arc::as_ptr(word).cast_mut().cast(),
            ..Given::default()
        };
        table.gives("syscall", "a futex that is woken", 0, || {
            let word = word();
            let wakes = Arc::clone(&word);
            scene(given(&word, 7, -1), word).and(move || {
                let mut woken = 0;
                // A wait on a thread may not have begun.
                while woken == 0 {
                    // SAFETY: the word is live.
                    woken = unsafe {
                        libc::syscall(
                            libc::SYS_futex,
                            wakes.as_ptr(),
                            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                            1,
                        )
                    };
                    thread::yield_now();
                }
            })
        });
        table.fails("syscall", "another value", libc::EAGAIN, || {
            let word = word();
            scene(given(&word, 8, -1), word)
        });
        table.fails("syscall", "a timeout", libc::ETIMEDOUT, || {
            let word = word();
            scene(given(&word, 7, 5), word)
        });
    });
}

#[test]
fn names() {
    run(|| {
        let table = Table::new();
        let called =
            |text: &'static [u8], len: i64| move || scene(given(-1, len).with_data(text), ());
        let before = std_net_interpose::waits();
        table.gives("getaddrinfo", "an address", 0, called(b"127.0.0.1", 1));
        table.gives("getaddrinfo", "a name", 0, called(b"localhost", 0));
        table.same("getaddrinfo", "no address", called(b"localhost", 1));
        table.gives("getnameinfo", "an address", 0, called(b"", 16));
        table.same("getnameinfo", "too short", called(b"", 3));
        for name in [
            "gethostbyname",
            "gethostbyname2",
            "gethostbyname_r",
            "gethostbyname2_r",
        ] {
            table.gives(name, "a name", 0, called(b"localhost", 0));
            table.gives(name, "an address", 0, called(b"127.0.0.1", 0));
        }
        for name in ["gethostbyaddr", "gethostbyaddr_r"] {
            table.gives(name, "an address", 0, called(b"", 4));
            table.same(name, "too short", called(b"", 3));
        }
        // Each call in a process was made on the pool while the process was parked: 17 rows in two builds. Other tests
        // run beside this one.
        assert!(std_net_interpose::waits() - before >= 2 * 17);
    });
}

/// Another owner's lock of the first byte of the file, and how it is released.
fn locked(path: &Path) -> impl FnOnce() + use<> {
    let file = File::options().read(true).write(true).open(path).unwrap();
    // SAFETY: zeros are a lock of nothing, and the call reads a live lock.
    let taken = unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = libc::F_WRLCK as i16;
        lock.l_len = 1;
        // This kind of lock belongs to the open file, so that this OS process may be kept waiting too.
        libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock)
    };
    assert_eq!(taken, 0, "{}", io::Error::last_os_error());
    move || drop(file)
}

#[test]
fn files() {
    run(|| {
        let table = Table::new();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "some text").unwrap();
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        for name in ["flock", "lockf", "lockf64", "fcntl", "fcntl64"] {
            let holds = || -> Box<dyn FnOnce()> {
                if name == "flock" {
                    let file = open();
                    file.lock().unwrap();
                    return Box::new(move || drop(file));
                }
                Box::new(locked(&path))
            };
            // Closing any descriptor of the file gives up the locks of this OS process, so each is closed after its call.
            table.gives(name, "nobody has it", 0, || {
                let file = open();
                scene(given(fd(&file), 0), file)
            });
            table.gives(name, "it is released later", 0, || {
                let (file, release) = (open(), holds());
                scene(given(fd(&file), 0), file).and(release)
            });
            table.same(name, "it does not want to wait", || {
                let (file, release) = (open(), holds());
                let other = if name == "flock" {
                    i64::from(libc::LOCK_NB)
                } else {
                    1
                };
                scene(
                    Given {
                        other,
                        ..given(fd(&file), 0)
                    },
                    (file, release),
                )
            });
            table.fails(name, "no descriptor", libc::EBADF, || {
                scene(given(-1, 0), ())
            });
        }
        for name in ["fsync", "fdatasync"] {
            table.gives(name, "a file", 0, || {
                let file = open();
                scene(given(fd(&file), 0), file)
            });
            table.fails(name, "a pipe", libc::EINVAL, || {
                let (a, b) = io::pipe().unwrap();
                scene(given(fd(&a), 0), (a, b))
            });
            table.fails(name, "no descriptor", libc::EBADF, || {
                scene(given(-1, 0), ())
            });
        }
        table.gives("dlopen", "the C library", 0, || {
            scene(given(-1, 0).with_data(b"libc.so.6"), ())
        });
        let outcome = table.same("dlopen", "no such library", || {
            scene(given(-1, 0).with_data(b"/there/is/none.so"), ())
        });
        assert_eq!(outcome.unwrap().result, -1);
    });
}

#[test]
fn opening() {
    run(|| {
        let table = Table::new();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (file, fifo, link) = (path("file"), path("fifo"), path("link"));
        fs::write(&file, "some text").unwrap();
        let name = CString::new(fifo.as_str()).unwrap();
        // SAFETY: the name ends with a zero byte.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        std::os::unix::fs::symlink(&fifo, &link).unwrap();
        let flags = |path: &str, flags: c_int| {
            let other = i64::from(flags);
            let fd = i64::from(libc::AT_FDCWD);
            Given {
                other,
                ..given(fd, 0)
            }
            .with_data(path.as_bytes())
        };
        for name in [
            "open",
            "open64",
            "openat",
            "openat64",
            "open_2",
            "open64_2",
            "openat_2",
            "openat64_2",
        ] {
            table.gives(name, "a file", 0, || scene(flags(&file, libc::O_RDWR), ()));
            table.fails(name, "no such file", libc::ENOENT, || {
                scene(flags("/there/is/none", libc::O_RDONLY), ())
            });
            if !name.ends_with("_2") {
                table.gives(name, "a new file", 0, || {
                    let new = path("new");
                    let _ = fs::remove_file(&new);
                    scene(
                        flags(&new, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL),
                        (),
                    )
                });
            }
            for (fifo, what) in [(&fifo, "a fifo"), (&link, "a link to one")] {
                table.gives(name, what, 0, || {
                    let path = fifo.clone();
                    let opens = move || drop(File::options().write(true).open(path).unwrap());
                    scene(flags(fifo, libc::O_RDONLY), ()).and(opens)
                });
                table.gives(name, what, 0, || {
                    let path = fifo.clone();
                    let opens = move || drop(File::open(path).unwrap());
                    scene(flags(fifo, libc::O_WRONLY), ()).and(opens)
                });
            }
            table.fails(name, "nobody reads the fifo", libc::ENXIO, || {
                scene(flags(&fifo, libc::O_WRONLY | libc::O_NONBLOCK), ())
            });
            table.gives(name, "both sides at once", 0, || {
                scene(flags(&fifo, libc::O_RDWR), ())
            });
            table.fails(name, "a link is not followed", libc::ELOOP, || {
                scene(flags(&link, libc::O_RDONLY | libc::O_NOFOLLOW), ())
            });
        }
    });
}

/// A child that ends with the status 7 when the writer is dropped.
#[expect(
    clippy::zombie_processes,
    reason = "the function under test waits for it"
)]
fn child() -> (i64, std::process::ChildStdin) {
    let mut child = Command::new("sh")
        .args(["-c", "read line; exit 7"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    (i64::from(child.id()), child.stdin.take().unwrap())
}

#[test]
fn children_and_threads() {
    // `wait(2)` takes the child of any other test, so this test has an OS process of its own.
    const NAME: &str = "children_and_threads";
    if !is_again() {
        let output = again(NAME, &[]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    run(|| {
        let table = Table::new();
        for name in ["wait", "waitpid", "wait3", "wait4", "waitid"] {
            let result = if name == "waitid" { 0 } else { 1 };
            let given = |pid, other| Given {
                other,
                ..given(-1, pid)
            };
            table.gives(name, "it ends later", result, || {
                let (pid, ends) = child();
                scene(given(pid, 0), ()).and(move || drop(ends))
            });
            table.fails(name, "there is none", libc::ECHILD, || {
                scene(given(1, 0), ())
            });
            if name != "wait" {
                table.gives(name, "it does not want to wait", 0, || {
                    let (pid, ends) = child();
                    let end = End {
                        pid,
                        ends: Some(ends),
                    };
                    scene(given(pid, i64::from(libc::WNOHANG)), end)
                });
            }
        }
        table.gives("pthread_join", "it ends later", 101, || {
            let (reader, mut writer) = io::pipe().unwrap();
            scene(given(fd(&reader), 0), reader).and(move || writer.write_all(b"x").unwrap())
        });
    });

    /// Ends a child, and takes it away.
    struct End {
        pid: i64,
        ends: Option<std::process::ChildStdin>,
    }
    impl Drop for End {
        fn drop(&mut self) {
            self.ends = None;
            // SAFETY: null means that the status is not asked for.
            unsafe { libc::waitpid(self.pid as c_int, std::ptr::null_mut(), 0) };
        }
    }
}

#[test]
fn closing() {
    run(|| {
        let table = Table::new();
        for name in ["close", "close_range", "dup2", "dup3"] {
            // Another wait for the descriptor ends, and a call for a descriptor that is not open fails.
            for (way, calls) in table.ways {
                let (Some(function), Some(recv)) = (calls.function(name), calls.function("recv"))
                else {
                    eprintln!("SKIPPED: this C library has no {name}");
                    continue;
                };
                let (a, b) = UnixStream::pair().unwrap();
                let (source, _peer) = UnixStream::pair().unwrap();
                let number = a.as_raw_fd();
                std::mem::forget(a);
                let reader = spawn(move || recv.call(given(i64::from(number), 16)));
                until_it_waits(&reader);
                let closes = if name.starts_with("dup") {
                    Given {
                        other: i64::from(number),
                        ..given(fd(&source), 0)
                    }
                } else {
                    given(i64::from(number), 0)
                };
                assert_eq!(function.call(closes).result, 0, "{name} ({way})");
                let ended = reader.join().unwrap();
                assert_eq!(
                    (ended.result, ended.errno),
                    (-1, libc::EBADF),
                    "{name} ({way})"
                );
                if name.starts_with("dup") {
                    // SAFETY: the number is ours.
                    drop(unsafe { OwnedFd::from_raw_fd(number) });
                }
                drop(b);
            }
            let errno = if name == "close_range" {
                0
            } else {
                libc::EBADF
            };
            let outcome = table.same(name, "no descriptor", || {
                scene(
                    Given {
                        other: 1_000,
                        ..given(1_001, 0)
                    },
                    (),
                )
            });
            assert!(
                outcome.is_none_or(|outcome| outcome.errno == errno),
                "{name}"
            );
        }
        table.gives("pthread_key_create", "and delete", 0, || {
            scene(Given::default(), ())
        });
        table.gives(
            "pthread_key_delete",
            "no key",
            i64::from(libc::EINVAL),
            || scene(given(-1, 100_000), ()),
        );
    });
}

#[test]
fn a_plain_thread_that_waits_can_be_cancelled() {
    // `pthread_cancel(3)` ends a thread that waits in the C library, with and without this crate.
    within(LIMIT, || {
        let table = Table::new();
        const LONG: i64 = 3_600_000;
        let folder = tempfile::tempdir().unwrap();
        let (quiet, _peer) = UnixStream::pair().unwrap();
        let (full, _reader) = full();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (_queue, addr, _held) = full_listener(folder.path());
        let client = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        let fifo = CString::new(folder.path().join("fifo").to_str().unwrap()).unwrap();
        // SAFETY: the name ends with a zero byte.
        assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
        // SAFETY: the call passes no memory.
        let epoll = unsafe { OwnedFd::from_raw_fd(libc::epoll_create1(libc::EPOLL_CLOEXEC)) };
        let waiting = |name: &str| match name {
            "accept" | "accept4" => given(fd(&listener), 0),
            "connect" => connect(&client, &addr),
            "poll" | "ppoll" | "select" | "pselect" => Given {
                other: -1,
                ..given(fd(&quiet), 1)
            },
            "epoll_wait" | "epoll_pwait" => Given {
                other: fd(&epoll),
                ..given(-1, 1)
            },
            "clock_nanosleep" | "nanosleep" | "usleep" | "sleep" => Given {
                timeout: LONG,
                ..given(-1, 0)
            },
            "open" | "open64" | "openat" | "openat64" => Given {
                other: i64::from(libc::O_RDONLY),
                ..given(i64::from(libc::AT_FDCWD), 0)
            }
            .with_data(fifo.as_bytes()),
            "write" | "writev" | "send" | "sendto" | "sendmsg" | "sendmmsg" => given(fd(&full), 16),
            _ => given(fd(&quiet), 16),
        };
        for name in [
            "read",
            "recv",
            "recvfrom",
            "readv",
            "recvmsg",
            "recvmmsg",
            "write",
            "writev",
            "send",
            "sendto",
            "sendmsg",
            "sendmmsg",
            "accept",
            "accept4",
            "connect",
            "poll",
            "ppoll",
            "select",
            "pselect",
            "epoll_wait",
            "epoll_pwait",
            "clock_nanosleep",
            "nanosleep",
            "usleep",
            "sleep",
            "open",
            "open64",
            "openat",
            "openat64",
        ] {
            for (way, calls) in table.ways {
                let function = calls.function(name).unwrap();
                let cancelled = calls.cancels(function, waiting(name), HEAD_START);
                assert!(cancelled, "{name} ({way})");
            }
        }
    });
}

#[test]
fn a_buffer_that_would_overflow_ends_the_program() {
    const NAME: &str = "a_buffer_that_would_overflow_ends_the_program";
    let names = [
        "read", "recv", "recvfrom", "pread", "pread64", "poll", "ppoll",
    ];
    if is_again() {
        let name = std::env::var("STD_NET_FUNCTION").unwrap();
        let library = std::env::var_os("STD_NET_LIBRARY").unwrap();
        run(move || {
            let calls = Calls::open(library.as_ref());
            let _ = calls.function(&name).unwrap().call(Given {
                timeout: 0,
                ..given(0, 17)
            });
        });
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libcalls.so");
    compile(&library, &[LIBRARY, FORTIFIED].concat());
    let library = library.to_str().unwrap();
    for name in names {
        let env = [("STD_NET_FUNCTION", name), ("STD_NET_LIBRARY", library)];
        let output = again(NAME, &env);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("buffer overflow detected"),
            "{name}: {output:?}"
        );
    }
}

/// The names that the crate defines, from its source.
fn defined() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let name = |line: &str| {
        line.split("fn ")
            .nth(1)?
            .split('(')
            .next()
            .map(str::to_owned)
    };
    for path in tree::sources(&["interpose"]) {
        let text = fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line == "on_the_pool! {" {
                // Each function that this macro makes is declared in a line of its own.
                let made = lines.by_ref().take_while(|line| *line != "}");
                names.extend(
                    made.filter(|line| line.starts_with("    fn "))
                        .filter_map(name),
                );
            } else if line == "#[unsafe(no_mangle)]" {
                names.extend(lines.find(|line| line.contains("fn ")).and_then(name));
            }
        }
    }
    names
}

#[test]
fn no_function_is_forgotten() {
    let here =
        fs::read_to_string(tree::root().join("tests/tests/threadlike_functions.rs")).unwrap();
    let page = fs::read_to_string(tree::root().join("docs/threadlike.md")).unwrap();
    let table = page
        .split("### Functions")
        .nth(1)
        .unwrap()
        .split("These are left out")
        .next()
        .unwrap();
    let defined = defined();
    assert!(defined.len() > 60, "{defined:?}");
    for name in &defined {
        let called = name.trim_start_matches('_').trim_end_matches("_chk");
        assert!(
            here.contains(&format!("\"{called}\"")),
            "no test here calls {name}"
        );
        let listed = table
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|word| word == name || *name == format!("{word}64") || name.ends_with("_r"));
        assert!(listed, "docs/threadlike.md does not list {name}");
    }
}
