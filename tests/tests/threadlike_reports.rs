//! Threadlike processes: cases from bug reports about programs that replace C functions, or that have threads of their
//! own. `docs/threadlike.md` has the reports. Each case runs on a plain thread and in a process, where a thread can
//! have it; the result is the same.

// On other systems a process cannot be threadlike.
#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(std_net_portable)
))]

use std::ffi::{CString, c_int};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use std_net_interpose as _;
use std_net_tests::threadlike::{pair, run, spawn, until_it_waits};
use std_net_tests::{LIMIT, again, is_again, within};

/// Runs `body` on a plain thread, and then in a threadlike process.
fn both(body: fn()) {
    within(LIMIT, body);
    run(body);
}

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap()
}

/// The result of a C function, or its error number.
fn told(result: isize) -> Result<isize, i32> {
    if result < 0 { Err(errno()) } else { Ok(result) }
}

fn owned(fd: c_int) -> OwnedFd {
    assert!(fd >= 0, "{}", io::Error::last_os_error());
    // SAFETY: the caller has just made it, and no other code owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn reads(fd: c_int) -> libc::pollfd {
    libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    }
}

// Closed descriptors

#[test]
fn a_poll_whose_descriptor_is_closed_does_not_say_that_its_time_is_over() {
    run(|| {
        let (quiet, _other) = UnixStream::pair().unwrap();
        let (own, _peer) = UnixStream::pair().unwrap();
        let (fd, other) = (own.as_raw_fd(), quiet.as_raw_fd());
        let polls = spawn(move || {
            let mut all = [reads(other), reads(fd)];
            // SAFETY: there are two pollfds.
            let n = unsafe { libc::poll(all.as_mut_ptr(), 2, -1) };
            (n, all.map(|one| one.revents))
        });
        let selects = spawn(move || {
            let mut set = mem::MaybeUninit::<libc::fd_set>::zeroed();
            let null = ptr::null_mut();
            // SAFETY: all zeros is an empty set, and the descriptor is below its size.
            let n = unsafe {
                libc::FD_SET(fd, set.as_mut_ptr());
                libc::select(fd + 1, set.as_mut_ptr(), null, null, null.cast())
            };
            told(n as isize)
        });
        until_it_waits(&polls);
        until_it_waits(&selects);
        // The number leads to a socket without data at once.
        let (again, _its_peer) = UnixStream::pair().unwrap();
        // SAFETY: both descriptors are open.
        assert_eq!(unsafe { libc::dup2(again.as_raw_fd(), fd) }, fd);
        assert_eq!(polls.join().unwrap(), (1, [0, libc::POLLNVAL]));
        assert_eq!(selects.join().unwrap(), Err(libc::EBADF));
    });
}

#[test]
fn a_dup2_that_fails_closes_nothing() {
    run(|| {
        let (own, mut peer) = UnixStream::pair().unwrap();
        let fd = own.as_raw_fd();
        let reader = spawn(move || (&own).read(&mut [0]).map_err(|e| e.to_string()));
        until_it_waits(&reader);
        // SAFETY: no memory is passed. 1 << 20 is no open descriptor.
        unsafe {
            assert_eq!(told(libc::dup2(1 << 20, fd) as isize), Err(libc::EBADF));
            assert_eq!(told(libc::dup3(1 << 20, fd, 0) as isize), Err(libc::EBADF));
            assert_eq!(told(libc::dup3(1, fd, 1) as isize), Err(libc::EINVAL));
            let from = fd.cast_unsigned();
            let ranges = libc::syscall(libc::SYS_close_range, from, from, 1 << 20);
            assert_eq!(told(ranges as isize), Err(libc::EINVAL));
            assert_eq!(
                told(libc::close_range(from, from, 1 << 20) as isize),
                Err(libc::EINVAL)
            );
        }
        assert!(!reader.is_finished());
        peer.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), Ok(1));
    });
}

// The mode that descriptors share

#[test]
fn the_mode_that_other_programs_share_is_left_alone() {
    run(|| {
        let mode = |fd: c_int| {
            // SAFETY: no memory is passed.
            (unsafe { libc::fcntl(fd, libc::F_GETFL) }) & libc::O_NONBLOCK
        };
        let (reader, writer) = io::pipe().unwrap();
        let (fd_in, fd_out) = (reader.as_raw_fd(), writer.as_raw_fd());
        let mut shared = reader.try_clone().unwrap();
        let mut kept = writer.try_clone().unwrap();
        let reads = spawn(move || {
            let mut text = [0; 5];
            (&reader).read_exact(&mut text).unwrap();
            text
        });
        until_it_waits(&reads);
        assert_eq!((mode(fd_in), mode(fd_out)), (0, 0));
        // Another program reads and writes the same pipe. It would end at `EAGAIN`.
        let child = Command::new("sh")
            .args(["-c", "printf hello"])
            .stdout(writer)
            .status()
            .unwrap();
        assert!(child.success());
        assert_eq!(&reads.join().unwrap(), b"hello");
        let writes = spawn(move || kept.write_all(&vec![1; 200_000]).unwrap());
        until_it_waits(&writes);
        assert_eq!(mode(shared.as_raw_fd()), 0);
        let mut all = vec![0; 200_000];
        shared.read_exact(&mut all).unwrap();
        writes.join().unwrap();
    });
}

// fork

#[test]
fn after_fork_the_child_has_no_other_process() {
    run(|| {
        // One byte for each run of a process: the id of its OS process.
        let (mut seen, marks) = io::pipe().unwrap();
        let mark = move |marks: &io::PipeWriter| {
            (&*marks)
                .write_all(&std::process::id().to_ne_bytes())
                .unwrap();
        };
        let stop = Arc::new(AtomicBool::new(false));
        let others: Vec<_> = (0..3)
            .map(|_| {
                let (stop, marks) = (Arc::clone(&stop), marks.try_clone().unwrap());
                spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        mark(&marks);
                        thread::sleep(Duration::from_millis(1));
                    }
                })
            })
            .collect();
        others.iter().for_each(until_it_waits);
        let (own, peer) = UnixStream::pair().unwrap();
        // SAFETY: the child makes system calls only, and ends by `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // Each of these parks a process in the parent.
            thread::sleep(Duration::from_millis(20));
            thread::yield_now();
            let read = (&own).read(&mut [0]);
            // SAFETY: the call does not return.
            unsafe { libc::_exit(if matches!(read, Ok(1)) { 0 } else { 1 }) };
        }
        assert!(child > 0);
        thread::sleep(Duration::from_millis(20));
        (&peer).write_all(b"x").unwrap();
        let mut status = -1;
        // SAFETY: the status is live.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
        stop.store(true, Ordering::SeqCst);
        for other in others {
            other.join().unwrap();
        }
        drop((marks, mark));
        let mut all = Vec::new();
        seen.read_to_end(&mut all).unwrap();
        let own = std::process::id().to_ne_bytes();
        assert!(all.len() >= 12 && all.chunks(4).all(|id| id == own));
    });
}

// Several descriptors

#[test]
fn select_names_descriptors_beyond_the_size_of_its_type() {
    both(|| {
        let (own, mut peer) = UnixStream::pair().unwrap();
        raise_the_limit(2048);
        // SAFETY: the descriptor is open.
        let high = owned(unsafe { libc::fcntl(own.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 1500) });
        drop(own);
        let fd = high.as_raw_fd();
        assert!(fd >= 1500);
        let teller = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            peer.write_all(b"x").unwrap();
            peer
        });
        let mut set = [0_u64; 32];
        set[fd as usize / 64] |= 1 << (fd % 64);
        let null = ptr::null_mut();
        // SAFETY: the set has 2048 bits, more than the count says.
        let n = unsafe { libc::select(fd + 1, set.as_mut_ptr().cast(), null, null, null.cast()) };
        assert_eq!(n, 1);
        assert_eq!(set[fd as usize / 64], 1 << (fd % 64));
        teller.join().unwrap();
        drop(high);
        // A set with a closed descriptor is an error, and so is a time that cannot be.
        let mut time = libc::timeval {
            tv_sec: 5,
            tv_usec: -1,
        };
        // SAFETY: as above.
        unsafe {
            let n = libc::select(fd + 1, set.as_mut_ptr().cast(), null, null, null.cast());
            assert_eq!(told(n as isize), Err(libc::EBADF));
            let n = libc::select(0, null, null, null, &raw mut time);
            assert_eq!(told(n as isize), Err(libc::EINVAL));
        }
    });
}

/// Allows at least this many descriptors.
fn raise_the_limit(count: u64) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the limit is live.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        if limit.rlim_cur < count {
            assert!(limit.rlim_max >= count, "the hard limit is too low");
            limit.rlim_cur = count;
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
        }
    }
}

fn epoll() -> OwnedFd {
    // SAFETY: the call passes no memory.
    owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
}

/// Adds a descriptor to an epoll.
fn watch(epoll: &OwnedFd, fd: c_int) -> Result<isize, i32> {
    let mut event = libc::epoll_event {
        events: libc::EPOLLIN as u32,
        u64: fd as u64,
    };
    // SAFETY: the event is live.
    told(
        unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) }
            as isize,
    )
}

/// Waits for an event of this epoll. The result is the number of events, or an error number.
fn wait_for(epoll: c_int, timeout: c_int) -> Result<isize, i32> {
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: there is room for one event.
    told(unsafe { libc::epoll_wait(epoll, &raw mut event, 1, timeout) } as isize)
}

#[test]
fn an_epoll_within_epolls_as_deep_as_the_kernel_lets_them_be() {
    both(|| {
        let (own, mut peer) = UnixStream::pair().unwrap();
        let mut all = vec![epoll()];
        watch(&all[0], own.as_raw_fd()).unwrap();
        loop {
            let next = epoll();
            if watch(&next, all[all.len() - 1].as_raw_fd()).is_err() {
                break;
            }
            all.push(next);
        }
        assert!(all.len() > 2, "{}", all.len());
        let outermost = all[all.len() - 1].as_raw_fd();
        assert_eq!(wait_for(outermost, 5), Ok(0));
        let teller = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            peer.write_all(b"x").unwrap();
            peer
        });
        assert_eq!(wait_for(outermost, -1), Ok(1));
        teller.join().unwrap();
    });
}

#[test]
fn one_descriptor_in_more_epolls_than_the_kernel_lets_be_within_others() {
    // The kernel allows 1,000 epolls for one descriptor, but only 500 of them may be within another epoll.
    const EPOLLS: usize = 700;
    run(|| {
        raise_the_limit(2 * EPOLLS as u64 + 300);
        // SAFETY: the call passes no memory.
        let event = Arc::new(owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) }));
        let waiting: Vec<_> = (0..EPOLLS)
            .map(|i| {
                let event = Arc::clone(&event);
                spawn(move || {
                    let epoll = epoll();
                    watch(&epoll, event.as_raw_fd()).unwrap();
                    if i % 2 == 0 {
                        return wait_for(epoll.as_raw_fd(), -1);
                    }
                    let mut one = reads(epoll.as_raw_fd());
                    // SAFETY: there is one pollfd.
                    told(unsafe { libc::poll(&raw mut one, 1, -1) } as isize)
                })
            })
            .collect();
        let last: Vec<_> = waiting.iter().filter(|p| !p.is_finished()).collect();
        last.into_iter().for_each(until_it_waits);
        let one = 1_u64.to_ne_bytes();
        // SAFETY: the value is live.
        let told = unsafe { libc::write(event.as_raw_fd(), one.as_ptr().cast(), 8) };
        assert_eq!(told, 8);
        for process in waiting {
            assert_eq!(process.join().unwrap(), Ok(1));
        }
    });
}

// Parts of data and times

fn receive_all(fd: c_int, buf: &mut [u8], flags: c_int) -> Result<isize, i32> {
    // SAFETY: the buffer is writable for its length.
    told(unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), buf.len(), flags) })
}

/// `recvmsg(2)` with two slices.
fn receive_message(fd: c_int, buf: &mut [u8], flags: c_int) -> Result<isize, i32> {
    let (a, b) = buf.split_at_mut(3);
    let mut slices = [a, b].map(|part| libc::iovec {
        iov_base: part.as_mut_ptr().cast(),
        iov_len: part.len(),
    });
    // SAFETY: all zeros is a message, and the slices are live.
    unsafe {
        let mut message: libc::msghdr = mem::zeroed();
        message.msg_iov = slices.as_mut_ptr();
        message.msg_iovlen = 2;
        told(libc::recvmsg(fd, &raw mut message, flags))
    }
}

/// Writes one byte after another, with pauses, until the other side is gone.
fn trickle(mut to: impl Write + Send + 'static, pause: Duration) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for byte in 0..=u8::MAX {
            if to.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(pause);
        }
    })
}

#[test]
fn waitall_waits_for_all_and_a_timeout_gives_the_part() {
    type Receive = fn(c_int, &mut [u8], c_int) -> Result<isize, i32>;
    both(|| {
        for receive in [receive_all as Receive, receive_message] {
            let (own, peer) = pair();
            let fd = own.as_raw_fd();
            let teller = trickle(peer.try_clone().unwrap(), Duration::from_millis(1));
            let mut buf = [0xff; 10];
            assert_eq!(receive(fd, &mut buf, libc::MSG_WAITALL), Ok(10));
            assert_eq!(buf, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
            // What is only looked at stays.
            let peek = libc::MSG_PEEK | libc::MSG_WAITALL;
            assert_eq!(receive(fd, &mut buf, peek), Ok(10));
            assert_eq!(receive(fd, &mut buf, libc::MSG_WAITALL), Ok(10));
            assert_eq!(buf[0], 10);
            drop(own);
            teller.join().unwrap();

            let (own, mut peer) = pair();
            let fd = own.as_raw_fd();
            own.set_read_timeout(Some(Duration::from_millis(20)))
                .unwrap();
            peer.write_all(b"part").unwrap();
            assert_eq!(receive(fd, &mut buf, libc::MSG_WAITALL), Ok(4));
            assert_eq!(
                receive(fd, &mut buf, libc::MSG_WAITALL),
                Err(libc::EWOULDBLOCK)
            );
            peer.write_all(b"end").unwrap();
            drop(peer);
            assert_eq!(receive(fd, &mut buf, libc::MSG_WAITALL), Ok(3));
            assert_eq!(receive(fd, &mut buf, libc::MSG_WAITALL), Ok(0));
        }
    });
}

#[test]
fn a_timeout_is_one_for_the_whole_call() {
    // Each byte comes in time, but not all of them.
    both(|| {
        let (own, peer) = pair();
        own.set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let teller = trickle(peer, Duration::from_millis(20));
        let mut buf = [0; 256];
        let n = receive_all(own.as_raw_fd(), &mut buf, libc::MSG_WAITALL);
        assert_ne!(n, Ok(256));
        drop(own);
        teller.join().unwrap();

        // The same for a writer with a slow reader.
        let (own, peer) = pair();
        own.set_write_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let size = 256 << 20;
        let data = vec![0_u8; size];
        let stop = Arc::new(AtomicBool::new(false));
        let reader = {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut buf = vec![0; 256 << 10];
                while !stop.load(Ordering::SeqCst) {
                    let _ = (&peer).read(&mut buf).unwrap();
                    thread::sleep(Duration::from_millis(20));
                }
            })
        };
        // SAFETY: the data are live.
        let n = told(unsafe { libc::send(own.as_raw_fd(), data.as_ptr().cast(), size, 0) });
        let n = n.unwrap();
        assert!(n > 0 && n.cast_unsigned() < size, "{n}");
        stop.store(true, Ordering::SeqCst);
        drop(own);
        reader.join().unwrap();
    });
}

#[test]
fn the_longest_times_are_no_time_in_the_past() {
    both(|| {
        let longest = Duration::from_secs(i64::MAX as u64);
        let (own, mut peer) = pair();
        own.set_read_timeout(Some(longest)).unwrap();
        let teller = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            peer.write_all(b"xy").unwrap();
            peer
        });
        let mut one = reads(own.as_raw_fd());
        let time = libc::timespec {
            tv_sec: i64::MAX,
            tv_nsec: 999_999_999,
        };
        // SAFETY: there is one pollfd, and the time is live.
        unsafe {
            assert_eq!(libc::poll(&raw mut one, 1, c_int::MAX), 1);
            assert_eq!(
                libc::ppoll(&raw mut one, 1, &raw const time, ptr::null()),
                1
            );
        }
        (&own).read_exact(&mut [0; 2]).unwrap();
        let (sender, receiver) = mpsc::channel();
        let teller_2 = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            sender.send(7).unwrap();
        });
        assert_eq!(receiver.recv_timeout(longest), Ok(7));
        teller_2.join().unwrap();
        teller.join().unwrap();
        let here = thread::current();
        let teller_3 = thread::spawn(move || here.unpark());
        thread::park_timeout(Duration::MAX);
        teller_3.join().unwrap();
    });
}

// Files and pipes

#[test]
fn a_fifo_that_has_no_other_side_yet_keeps_nobody_waiting() {
    both(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        let name = CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the name ends with a zero byte.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let open = |write: bool| File::options().read(!write).write(write).open(&path);
        let text = if std_net::process::current().is_some() {
            // Both sides are processes of one worker.
            let reads = spawn({
                let path = path.clone();
                move || fs::read_to_string(path).unwrap()
            });
            until_it_waits(&reads);
            open(true).unwrap().write_all(b"by a fifo").unwrap();
            reads.join().unwrap()
        } else {
            let reads = thread::spawn({
                let path = path.clone();
                move || fs::read_to_string(path).unwrap()
            });
            open(true).unwrap().write_all(b"by a fifo").unwrap();
            reads.join().unwrap()
        };
        assert_eq!(text, "by a fifo");
        // Without waiting, as always.
        let flags = libc::O_WRONLY | libc::O_NONBLOCK;
        // SAFETY: the name ends with a zero byte.
        let opened = unsafe { libc::open(name.as_ptr(), flags) };
        assert_eq!(told(opened as isize), Err(libc::ENXIO));
    });
}

#[test]
fn a_reader_that_always_finds_data_lets_others_run() {
    run(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let greedy = {
            let stop = Arc::clone(&stop);
            spawn(move || {
                let mut zeros = File::open("/dev/zero").unwrap();
                let mut sink = File::create("/dev/null").unwrap();
                let mut buf = [1; 64];
                while !stop.load(Ordering::SeqCst) {
                    zeros.read_exact(&mut buf).unwrap();
                    sink.write_all(&buf).unwrap();
                }
            })
        };
        for _ in 0..10 {
            thread::sleep(Duration::from_micros(100));
        }
        stop.store(true, Ordering::SeqCst);
        greedy.join().unwrap();
    });
}

// Locks

/// `futex(2)` with this operation, for this word.
fn futex(word: &AtomicU32, operation: c_int, value: u32, bits: u32) -> Result<isize, i32> {
    let (operation, null) = (operation | libc::FUTEX_PRIVATE_FLAG, ptr::null::<u32>());
    // SAFETY: the word is live.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            operation,
            value,
            null,
            null,
            bits,
        )
    };
    told(result as isize)
}

#[test]
fn rarer_waits_for_a_futex_wait_and_are_woken() {
    /// `struct futex_waitv` of `linux/futex.h`.
    #[repr(C)]
    struct Word {
        value: u64,
        address: u64,
        flags: u32,
        reserved: u32,
    }
    const FUTEX2_PRIVATE_U32: u32 = 128 | 2;
    both(|| {
        let words = Arc::new([AtomicU32::new(1), AtomicU32::new(2)]);
        // No bit can be woken.
        let none = futex(&words[0], libc::FUTEX_WAIT_BITSET, 1, 0);
        assert_eq!(none, Err(libc::EINVAL));
        let tells = Arc::clone(&words);
        let teller = thread::spawn(move || {
            while futex(&tells[1], libc::FUTEX_WAKE, 1, 0) != Ok(1) {
                thread::yield_now();
            }
        });
        let all = [(&words[0], 1), (&words[1], 2)].map(|(word, value)| Word {
            value,
            address: word.as_ptr() as u64,
            flags: FUTEX2_PRIVATE_U32,
            reserved: 0,
        });
        let none = ptr::null::<libc::timespec>();
        // SAFETY: there are two words, and they are live.
        let which = unsafe { libc::syscall(libc::SYS_futex_waitv, all.as_ptr(), 2, 0, none, 0) };
        match told(which as isize) {
            Err(libc::ENOSYS) => {
                eprintln!("SKIPPED: this kernel has no futex_waitv");
                // The teller needs somebody to wake.
                let _ = futex(&words[1], libc::FUTEX_WAIT, 2, 0);
            }
            which => assert_eq!(which, Ok(1)),
        }
        teller.join().unwrap();
    });
}

// Preloaded libraries

#[test]
fn a_preloaded_library_keeps_its_part_on_plain_threads() {
    const NAME: &str = "a_preloaded_library_keeps_its_part_on_plain_threads";
    if is_again() {
        // SAFETY: the calls have no preconditions.
        let yields = || unsafe { libc::sched_yield() };
        assert_eq!(yields(), 77);
        assert_eq!(run(yields), 0);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("own.c"), folder.path().join("libown.so"));
    fs::write(&source, "int sched_yield(void) { return 77; }\n").unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    let output = again(NAME, &[("LD_PRELOAD", library.to_str().unwrap())]);
    assert!(output.status.success(), "{output:?}");
}
