//! Threadlike processes: errors of other libraries that replace C functions, which must not occur here.
//! Each test names its subject. `docs/threadlike.md` has the list.

// On other systems a process cannot be threadlike.
#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(std_net_portable)
))]

use std::cell::Cell;
use std::ffi::{CString, c_int, c_void};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process;
use std_net_interpose as _;
use std_net_tests::threadlike::{pair, run, spawn, start, until_it_waits};
use std_net_tests::{LIMIT, again, is_again, tool, within};

const NAP: Duration = Duration::from_micros(300);

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap()
}

/// Calls `recv(2)` for one byte. Also returns `errno` if it failed.
fn recv_one(fd: c_int) -> (isize, i32) {
    let mut byte = 0_u8;
    // SAFETY: there is memory for a byte.
    let n = unsafe { libc::recv(fd, (&raw mut byte).cast(), 1, 0) };
    (n, if n < 0 { errno() } else { 0 })
}

// Closing descriptors

#[test]
fn who_waits_for_a_descriptor_finds_it_closed_and_never_reads_another() {
    run(|| {
        let (a, _b) = pair();
        let fd = a.as_raw_fd();
        let reader = spawn(move || recv_one(fd));
        until_it_waits(&reader);
        drop(a);
        // A connection that has data to read gets the same number at once.
        let (c, mut d) = pair();
        d.write_all(b"not yours").unwrap();
        assert_eq!(reader.join().unwrap(), (-1, libc::EBADF));
        let mut all = [0; 9];
        (&c).read_exact(&mut all).unwrap();
        assert_eq!(&all, b"not yours");
    });
}

#[test]
fn dup2_over_a_descriptor_is_a_close() {
    run(|| {
        let (a, _b) = pair();
        let (c, mut d) = pair();
        let fd = a.into_raw_fd();
        let reader = spawn(move || recv_one(fd));
        until_it_waits(&reader);
        // SAFETY: both descriptors are open.
        assert_eq!(unsafe { libc::dup2(c.as_raw_fd(), fd) }, fd);
        d.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), (-1, libc::EBADF));
        // A new wait for this number concerns the new socket.
        assert_eq!(recv_one(fd), (1, 0));
        // SAFETY: the descriptor is ours, because of `into_raw_fd`.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    });
}

// The system call is made directly, so that the library cannot see it.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_descriptor_that_was_closed_behind_our_back_is_found_out() {
    run(|| {
        for _ in 0..3 {
            let (a, mut b) = pair();
            let fd = a.into_raw_fd();
            // The reader registers the descriptor, and it stays registered.
            let reader = spawn(move || recv_one(fd));
            until_it_waits(&reader);
            b.write_all(b"x").unwrap();
            assert_eq!(reader.join().unwrap(), (1, 0));
            let closed: i32;
            // SAFETY: the descriptor is ours. The library does not learn about this close.
            unsafe {
                std::arch::asm!("syscall", inlateout("rax") libc::SYS_close as i32 => closed,
                    in("rdi") fd, lateout("rcx") _, lateout("r11") _);
            }
            assert_eq!(closed, 0);
        }
    });
}

// State that a call leaves behind

#[test]
fn errno_is_touched_by_failures_only_and_is_each_ones_own() {
    run(|| {
        let (a, mut b) = pair();
        let reader = spawn(move || {
            // SAFETY: `errno` belongs to this process.
            unsafe { *libc::__errno_location() = 77 };
            assert_eq!(recv_one(a.as_raw_fd()), (1, 0));
            thread::sleep(NAP);
            errno()
        });
        until_it_waits(&reader);
        // Meanwhile another process of the worker fails.
        assert_eq!(recv_one(-1), (-1, libc::EBADF));
        b.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), 77);
    });
}

#[test]
fn a_connect_that_times_out_is_no_success() {
    run(|| {
        // The queue of this listener has one place, and it is taken.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // SAFETY: the listener is open.
        unsafe { libc::listen(listener.as_raw_fd(), 0) };
        let addr = listener.local_addr().unwrap();
        let mut held = Vec::new();
        let error = loop {
            match TcpStream::connect_timeout(&addr, Duration::from_millis(100)) {
                Ok(stream) => held.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn the_processes_deadline_ends_its_waits() {
    within(LIMIT, || {
        start();
        let (a, _b) = pair();
        let reader = process::Builder::new()
            .threadlike(true)
            .deadline(Duration::from_millis(20))
            .spawn(move || (&a).read(&mut [0; 1]).unwrap_err().kind())
            .unwrap();
        assert_eq!(reader.join().unwrap(), ErrorKind::TimedOut);
    });
}

// Locks

#[test]
fn a_wake_up_reaches_threads_processes_and_workers_that_block() {
    // Threads, threadlike processes and ordinary processes use one lock. The worker of an ordinary
    // process waits in the kernel.
    static SUM: Mutex<u64> = Mutex::new(0);
    const EACH: u64 = 200;
    run(|| {
        let work = || {
            for _ in 0..EACH {
                let mut sum = SUM.lock().unwrap();
                std::hint::spin_loop();
                *sum += 1;
                drop(sum);
                process::yield_now();
            }
        };
        let threads: Vec<_> = (0..2).map(|_| thread::spawn(work)).collect();
        let ordinary: Vec<_> = (0..4).map(|_| process::spawn(work)).collect();
        let threadlike: Vec<_> = (0..4).map(|_| spawn(work)).collect();
        for process in ordinary.into_iter().chain(threadlike) {
            process.join().unwrap();
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*SUM.lock().unwrap(), 10 * EACH);
    });
}

#[test]
fn an_error_checking_lock_of_c_knows_its_owner() {
    // A thread id tells the owner of the lock, so two processes of a thread must not have the same id.
    run(|| {
        let mut attributes = mem::MaybeUninit::uninit();
        let mut lock = Box::new(mem::MaybeUninit::<libc::pthread_mutex_t>::uninit());
        // SAFETY: there is memory for each, and it is initialised before its use.
        unsafe {
            libc::pthread_mutexattr_init(attributes.as_mut_ptr());
            libc::pthread_mutexattr_settype(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_RECURSIVE);
            libc::pthread_mutex_init(lock.as_mut_ptr(), attributes.as_ptr());
        }
        let address = lock.as_mut_ptr() as usize;
        let (end, ends) = mpsc::channel();
        let holder = spawn(move || {
            let lock = address as *mut libc::pthread_mutex_t;
            // SAFETY: the lock is live.
            assert_eq!(unsafe { libc::pthread_mutex_lock(lock) }, 0);
            ends.recv().unwrap();
            // SAFETY: this process holds the lock.
            assert_eq!(unsafe { libc::pthread_mutex_unlock(lock) }, 0);
        });
        until_it_waits(&holder);
        // SAFETY: the lock is live.
        let taken = unsafe { libc::pthread_mutex_trylock(address as *mut libc::pthread_mutex_t) };
        assert_eq!(taken, libc::EBUSY);
        end.send(()).unwrap();
        holder.join().unwrap();
    });
}

// Waits for several descriptors, and the function names that fortified programs use

#[test]
fn poll_select_and_epoll_wait_for_what_they_are_asked() {
    run(|| {
        let (a, mut b) = pair();
        let (c, _d) = pair();
        let (fa, fc) = (a.as_raw_fd(), c.as_raw_fd());
        let asks = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let polls = spawn(move || {
            let mut fds = [asks(fa), asks(fc), asks(-1)];
            // SAFETY: there are three pollfds.
            let n = unsafe { libc::poll(fds.as_mut_ptr(), 3, -1) };
            (n, fds.map(|poll| poll.revents))
        });
        let selects = spawn(move || {
            let mut set = mem::MaybeUninit::<libc::fd_set>::zeroed();
            // SAFETY: the set is empty, and the descriptors are below its size.
            unsafe {
                libc::FD_SET(fa, set.as_mut_ptr());
                libc::FD_SET(fc, set.as_mut_ptr());
                let null = ptr::null_mut();
                let n = libc::select(
                    fa.max(fc) + 1,
                    set.as_mut_ptr(),
                    null,
                    null,
                    ptr::null_mut(),
                );
                (
                    n,
                    libc::FD_ISSET(fa, set.as_ptr()),
                    libc::FD_ISSET(fc, set.as_ptr()),
                )
            }
        });
        let epolls = spawn(move || {
            let mut event = libc::epoll_event {
                events: libc::EPOLLIN as u32,
                u64: 7,
            };
            // SAFETY: the epoll is ours, and the events are live.
            unsafe {
                let epoll = libc::epoll_create1(libc::EPOLL_CLOEXEC);
                libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fa, &raw mut event);
                event.u64 = 0;
                let n = libc::epoll_wait(epoll, &raw mut event, 1, -1);
                libc::close(epoll);
                (n, event.u64)
            }
        });
        until_it_waits(&polls);
        until_it_waits(&selects);
        until_it_waits(&epolls);
        b.write_all(b"x").unwrap();
        assert_eq!(polls.join().unwrap(), (1, [libc::POLLIN, 0, 0]));
        assert_eq!(selects.join().unwrap(), (1, true, false));
        assert_eq!(epolls.join().unwrap(), (1, 7));
        // No data come on this one.
        let begun = Instant::now();
        let mut none = [asks(fc)];
        // SAFETY: there is one pollfd.
        assert_eq!(unsafe { libc::poll(none.as_mut_ptr(), 1, 20) }, 0);
        assert!(begun.elapsed() >= Duration::from_millis(20));
    });
}

#[test]
fn fortified_names_park_too() {
    unsafe extern "C" {
        fn __read_chk(fd: c_int, buf: *mut c_void, len: usize, room: usize) -> isize;
        fn __poll_chk(
            fds: *mut libc::pollfd,
            n: libc::nfds_t,
            timeout: c_int,
            room: usize,
        ) -> c_int;
    }
    run(|| {
        let (a, mut b) = pair();
        let reader = spawn(move || {
            let mut poll = libc::pollfd {
                fd: a.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            let mut buf = [0_u8; 4];
            // SAFETY: there is one pollfd, and memory for four bytes.
            unsafe {
                assert_eq!(
                    __poll_chk(&raw mut poll, 1, -1, size_of::<libc::pollfd>()),
                    1
                );
                __read_chk(a.as_raw_fd(), buf.as_mut_ptr().cast(), 4, 4)
            }
        });
        until_it_waits(&reader);
        b.write_all(b"four").unwrap();
        assert_eq!(reader.join().unwrap(), 4);
    });
}

// Files, pipes, children

#[test]
fn pipes_files_and_locks_of_files() {
    run(|| {
        let (mut reader, mut writer) = io::pipe().unwrap();
        // More bytes than a pipe holds.
        let size = 300 << 10;
        let writes = spawn(move || writer.write_all(&vec![5; size]).unwrap());
        until_it_waits(&writes);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        writes.join().unwrap();
        assert!(all.len() == size && all.iter().all(|b| *b == 5));

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut file = File::create_new(&path).unwrap();
        file.write_all(b"some text").unwrap();
        file.sync_all().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"some text");
        file.lock().unwrap();
        let waits = spawn({
            let path = path.clone();
            move || File::open(path).unwrap().lock().unwrap()
        });
        until_it_waits(&waits);
        file.unlock().unwrap();
        waits.join().unwrap();
    });
}

#[test]
fn children_by_fork_leave_the_parents_waits_alone() {
    run(|| {
        let (a, mut b) = pair();
        let reader = spawn(move || recv_one(a.as_raw_fd()));
        until_it_waits(&reader);
        for _ in 0..5 {
            // With a function before exec, std uses fork. In the child, this function closes the
            // descriptor on which the parent waits, and writes to a full pipe.
            let mut command = Command::new("sh");
            command.args(["-c", "exit 3"]);
            // SAFETY: the function makes only system calls.
            unsafe {
                command.pre_exec(|| {
                    for fd in 3..64 {
                        if libc::fcntl(fd, libc::F_GETFD) & libc::FD_CLOEXEC != 0 && is_socket(fd) {
                            libc::close(fd);
                        }
                    }
                    let time = libc::timespec {
                        tv_sec: 0,
                        tv_nsec: 100_000,
                    };
                    libc::nanosleep(&raw const time, ptr::null_mut());
                    Ok(())
                });
            }
            assert_eq!(command.status().unwrap().code(), Some(3));
        }
        b.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), (1, 0));
    });
}

fn is_socket(fd: c_int) -> bool {
    let mut kind: c_int = 0;
    let mut len = size_of::<c_int>() as libc::socklen_t;
    let at = (&raw mut kind).cast();
    // SAFETY: there is memory for an int, and its length.
    unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_TYPE, at, &raw mut len) == 0 }
}

// Signals

#[test]
fn no_signal_ends_a_wait_and_a_handler_on_its_own_stack_never_parks() {
    static HANDLED: AtomicUsize = AtomicUsize::new(0);
    static FD: AtomicI32 = AtomicI32::new(-1);

    extern "C" fn handler(_: c_int) {
        // The handler runs on the alternate stack that std gives its threads. A wait here may only
        // block the thread.
        let mut poll = libc::pollfd {
            fd: FD.load(Ordering::SeqCst),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: there is one pollfd.
        unsafe { libc::poll(&raw mut poll, 1, 1) };
        HANDLED.fetch_add(1, Ordering::SeqCst);
    }

    run(|| {
        let (a, mut b) = pair();
        FD.store(a.as_raw_fd(), Ordering::SeqCst);
        // SAFETY: the action is zeroed, and its handler makes one system call.
        unsafe {
            let mut action = mem::MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_ONSTACK;
            libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut());
        }
        let reader = spawn(move || recv_one(a.as_raw_fd()));
        until_it_waits(&reader);
        for _ in 0..10 {
            let before = HANDLED.load(Ordering::SeqCst);
            // The signal goes to this worker's thread, on which a process runs.
            // SAFETY: no memory is passed.
            unsafe {
                libc::syscall(
                    libc::SYS_tgkill,
                    libc::getpid(),
                    libc::gettid(),
                    libc::SIGUSR1,
                );
            }
            assert_eq!(HANDLED.load(Ordering::SeqCst), before + 1);
        }
        assert!(!reader.is_finished());
        b.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), (1, 0));
    });
}

#[test]
fn sigpipe_is_raised_as_on_a_thread() {
    const NAME: &str = "sigpipe_is_raised_as_on_a_thread";
    if is_again() {
        // SAFETY: the default action is always valid.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        run(|| {
            let (mut reader, mut writer) = io::pipe().unwrap();
            drop(mem::replace(&mut reader, io::pipe().unwrap().0));
            let _ = writer.write_all(b"nobody reads it");
        });
        return;
    }
    let output = again(NAME, &[]);
    assert_eq!(output.status.signal(), Some(libc::SIGPIPE), "{output:?}");
    // Rust ignores the signal and returns the error.
    run(|| {
        let (a, b) = pair();
        drop(b);
        let mut a = a;
        let error = loop {
            if let Err(error) = a.write_all(b"x") {
                break error;
            }
            thread::sleep(NAP);
        };
        assert!(matches!(
            error.kind(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        ));
    });
}

// Thread-locals of C

#[test]
fn destructors_of_keys_run_as_at_the_end_of_a_thread() {
    static RUN: AtomicUsize = AtomicUsize::new(0);

    unsafe extern "C" fn destructor(value: *mut c_void) {
        RUN.fetch_add(value as usize, Ordering::SeqCst);
    }

    run(|| {
        let mut keys = [0; 40];
        for key in &mut keys {
            // SAFETY: there is memory for a key. These are more keys than the C library keeps in the
            // thread's own block.
            let made = unsafe { libc::pthread_key_create(key, Some(destructor)) };
            assert_eq!(made, 0);
        }
        let all: Vec<_> = (0..10)
            .map(|_| {
                spawn(move || {
                    for key in keys {
                        // SAFETY: the key is live.
                        unsafe {
                            assert!(libc::pthread_getspecific(key).is_null());
                            libc::pthread_setspecific(key, ptr::without_provenance(1));
                        }
                        process::yield_now();
                    }
                })
            })
            .collect();
        for process in all {
            process.join().unwrap();
        }
        assert_eq!(RUN.load(Ordering::SeqCst), 10 * keys.len());
        for key in keys {
            // SAFETY: the key is live.
            unsafe { libc::pthread_key_delete(key) };
        }
    });
}

#[test]
fn a_library_that_is_loaded_while_processes_live_has_its_thread_locals_in_all_of_them() {
    let Some(cc) = tool("cc") else { return };
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("locals.c");
    fs::write(
        &source,
        "static __thread int value = 42;\n\
         static __thread int other[4];\n\
         int next(void) { other[3]++; return value++ + 100 * other[3]; }\n",
    )
    .unwrap();
    let library = dir.path().join("liblocals.so");
    let built = Command::new(cc)
        .args(["-shared", "-fPIC", "-ftls-model=initial-exec", "-o"])
        .args([&library, &source])
        .status()
        .unwrap();
    assert!(built.success());
    run(move || {
        let go = Arc::new(AtomicUsize::new(0));
        let before: Vec<_> = (0..5)
            .map(|_| {
                let go = Arc::clone(&go);
                spawn(move || {
                    while go.load(Ordering::SeqCst) == 0 {
                        thread::sleep(NAP);
                    }
                    call(go.load(Ordering::SeqCst))
                })
            })
            .collect();
        let name = CString::new(library.to_str().unwrap()).unwrap();
        // SAFETY: the library is ours and has no constructors, and the function belongs to it.
        let next = unsafe {
            let handle = libc::dlopen(name.as_ptr(), libc::RTLD_NOW);
            assert!(!handle.is_null());
            libc::dlsym(handle, c"next".as_ptr())
        };
        assert!(!next.is_null());
        let next = next as usize;
        assert_eq!(call(next), [142, 243]);
        go.store(next, Ordering::SeqCst);
        for process in before {
            assert_eq!(process.join().unwrap(), [142, 243]);
        }
        let after = spawn(move || call(next));
        assert_eq!(after.join().unwrap(), [142, 243]);
    });

    fn call(next: usize) -> [i32; 2] {
        // SAFETY: this is the function above.
        let next: extern "C" fn() -> c_int = unsafe { mem::transmute(next) };
        let first = next();
        process::yield_now();
        [first, next()]
    }
}

// Processes beside plain threads

#[test]
fn a_listener_serves_threads_and_processes_at_once() {
    run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        const EACH: usize = 50;
        let accept = |listener: TcpListener| {
            move || {
                for _ in 0..EACH {
                    // The call of a plain thread blocks, whatever a process does to the listener at
                    // that moment.
                    listener.accept().unwrap();
                }
            }
        };
        let threads: Vec<_> = (0..3)
            .map(|_| thread::spawn(accept(listener.try_clone().unwrap())))
            .collect();
        let processes: Vec<_> = (0..3)
            .map(|_| spawn(accept(listener.try_clone().unwrap())))
            .collect();
        for _ in 0..6 * EACH {
            drop(TcpStream::connect(addr).unwrap());
        }
        for process in processes {
            process.join().unwrap();
        }
        for thread in threads {
            thread.join().unwrap();
        }
        // The mode has not changed.
        // SAFETY: no memory is passed.
        let flags = unsafe { libc::fcntl(listener.as_raw_fd(), libc::F_GETFL) };
        assert_eq!(flags & libc::O_NONBLOCK, 0);
    });
}

#[test]
fn standard_output_is_written_without_parking() {
    // std holds a borrow while it writes to standard output.
    run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let others: Vec<_> = (0..5)
            .map(|_| {
                let stop = Arc::clone(&stop);
                spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let mut out = io::stdout().lock();
                        out.write_all(b"").unwrap();
                        out.flush().unwrap();
                        drop(out);
                        thread::sleep(NAP);
                    }
                })
            })
            .collect();
        for _ in 0..100 {
            eprint!("");
            thread::sleep(Duration::from_micros(50));
        }
        stop.store(true, Ordering::Relaxed);
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn a_hundred_thousand_processes_leave_nothing_behind() {
    const NAME: &str = "a_hundred_thousand_processes_leave_nothing_behind";
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Counted(#[allow(dead_code, reason = "it takes memory")] Vec<u8>);
    impl Drop for Counted {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local!(static VALUE: Counted = Counted(vec![1; 100]));
    thread_local!(static PLAIN: Cell<u8> = const { Cell::new(0) });

    if !is_again() {
        let rounds = std::env::var("STD_NET_THREADLIKE_ROUNDS").unwrap_or_else(|_| "10".into());
        let output = again(NAME, &[("STD_NET_THREADLIKE_ROUNDS", &rounds)]);
        assert!(output.status.success(), "{output:?}");
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let resident = || {
        let statm = fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
    };
    let rounds: usize = std::env::var("STD_NET_THREADLIKE_ROUNDS")
        .unwrap()
        .parse()
        .unwrap();
    let mut first = 0;
    for round in 0..rounds {
        for _ in 0..10 {
            let all: Vec<_> = (0..1000)
                .map(|i: usize| {
                    spawn(move || {
                        VALUE.with(|_| ());
                        PLAIN.set(1);
                        let texts: Vec<String> =
                            (0..10).map(|k| "x".repeat(k * 20 + i % 7)).collect();
                        process::yield_now();
                        texts.len()
                    })
                })
                .collect();
            for process in all {
                assert_eq!(process.join().unwrap(), 10);
            }
        }
        let now = resident();
        println!("{} processes, {now} KiB resident", (round + 1) * 10_000);
        if round == 1 {
            first = now;
        }
        assert!(
            round < 2 || now < first + first / 4 + 1024,
            "{now} KiB after {first} KiB"
        );
    }
    assert_eq!(DROPPED.load(Ordering::Relaxed), rounds * 10_000);
}
