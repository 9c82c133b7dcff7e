//! Code that the tests share: running a body on a thread and in a process, a watchdog against hangs,
//! both address families, tools that may be missing, and descriptor counts.

#![allow(clippy::missing_panics_doc, reason = "panics are how tests fail")]

#[cfg(feature = "interpose")]
use std_net_interpose as _;

pub mod api;
pub mod calls;
pub mod certificates;
pub mod documents;
pub mod parity;
pub mod threadlike;
pub mod tree;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use std_net::process;
use std_net::socket::{TcpBuilder, TcpListener, TcpStream};

/// The factor for limits on a slow machine, from the variable `STD_NET_SLOW`. It is 1 by default.
fn slow() -> u32 {
    std::env::var("STD_NET_SLOW").map_or(1, |text| {
        text.parse()
            .expect("STD_NET_SLOW is a whole number, by which limits are multiplied")
    })
}

/// If a test takes longer than this, it hangs. It is many times what a test takes on a slow machine under load.
pub const LIMIT: Duration = Duration::from_secs(180);

/// Tries with a time that doubles until `attempt` returns a result. It is for what must happen within a time: a thread
/// may not run for longer than that, and then the attempt shows nothing.
///
/// # Panics
///
/// If a minute is not enough.
pub fn in_time<T>(first: Duration, mut attempt: impl FnMut(Duration) -> Option<T>) -> T {
    let mut time = first;
    loop {
        if let Some(result) = attempt(time) {
            return result;
        }
        time *= 2;
        assert!(time < Duration::from_secs(60), "not within {time:?} either");
    }
}

/// Runs `body` with a limit of time. After it, the test binary reports a hang, lists the processes and
/// aborts, because a hang cannot be unwound. On an emulator all takes longer: the limit is multiplied by
/// `STD_NET_SLOW`, if that is set.
pub fn within<T>(limit: Duration, body: impl FnOnce() -> T) -> T {
    let limit = limit * slow();
    let (done, watch) = mpsc::channel::<()>();
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let watchdog = thread::spawn(move || {
        let building = || *BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut built, mut left) = (building(), limit);
        while watch.recv_timeout(left) == Err(mpsc::RecvTimeoutError::Timeout) {
            let now = building();
            left = now - built;
            built = now;
            if left > Duration::ZERO {
                // An example was built meanwhile. That time does not count.
                continue;
            }
            // `eprintln!` would not work here: the test harness prints its text only at the end of the
            // test, and this test never ends.
            let mut err = io::stderr();
            let _ = writeln!(err, "{name} hangs: more than {limit:?}");
            for process in process::list() {
                let _ = writeln!(err, "  {process}");
            }
            std::process::abort();
        }
    });
    let result = body();
    drop(done);
    watchdog.join().expect("the watchdog does not panic");
    result
}

/// Runs the test of this name in an OS process of its own, in which [`is_again`] returns true. It is
/// for tests that end the program, or that need a runtime which has not been started.
#[must_use]
pub fn again(name: &str, env: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().expect("a test knows where it is"))
        .args(["--exact", name, "--nocapture"])
        .env("STD_NET_AGAIN", "1")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("a test can be started")
}

/// Returns whether [`again`] has started this test.
#[must_use]
pub fn is_again() -> bool {
    std::env::var_os("STD_NET_AGAIN").is_some()
}

/// Runs `body` on a plain thread, and then inside a process, each within [`LIMIT`].
pub fn both(body: impl Fn() + Send + Sync + 'static) {
    let body = std::sync::Arc::new(body);
    within(LIMIT, || body());
    within(LIMIT, move || match process::spawn(move || body()).join() {
        Ok(()) => {}
        Err(panic) => std::panic::resume_unwind(panic),
    });
}

/// Checks that `round` leaves no descriptor open. It runs `round` on a thread and in a process, alone,
/// until the runtime has all descriptors that it keeps. Then it runs `round` again, until the number of
/// descriptors stays the same, a few times at most.
pub fn keeps_the_count(round: fn()) {
    keeps_the_count_over(1, round);
}

/// Like [`keeps_the_count`], with this many rounds between the two counts.
pub fn keeps_the_count_over(rounds: usize, round: fn()) {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    within(LIMIT, || {
        let both = || {
            round();
            process::spawn(round).join().unwrap();
        };
        both();
        // Each worker makes some descriptors when it first needs them, and any worker may get a process. What is
        // left over by a round makes the number grow each time.
        let mut counts = vec![descriptors()];
        for _ in 0..SETTLES {
            for _ in 0..rounds {
                both();
            }
            counts.push(descriptors());
            if counts[counts.len() - 1] == counts[counts.len() - 2] {
                return;
            }
        }
        panic!("descriptors are left over: {counts:?}");
    });
}

/// How often [`keeps_the_count`] compares two numbers, until they are the same.
const SETTLES: usize = 5;

/// Calls `f` with a loopback address and port 0: for IPv4, and for IPv6 if the machine has it.
pub fn each_ip(f: impl Fn(SocketAddr)) {
    f((Ipv4Addr::LOCALHOST, 0).into());
    if has_ipv6() {
        f((Ipv6Addr::LOCALHOST, 0).into());
    } else {
        eprintln!("SKIPPED the IPv6 half: this machine has no ::1");
    }
}

/// Returns whether `::1` can be bound.
pub fn has_ipv6() -> bool {
    std::net::TcpListener::bind((IpAddr::V6(Ipv6Addr::LOCALHOST), 0)).is_ok()
}

/// Returns the path of a tool. If there is none, it prints that the test is skipped, and returns
/// `None`.
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .map(|dir| dir.join(name))
            .find(|file| file.is_file())
    });
    if found.is_none() {
        eprintln!("SKIPPED: {name} is not installed");
    }
    found
}

/// Returns whether the kernel has `io_uring(7)` and lets this program use it. If not, it prints the
/// reason.
pub fn has_io_uring() -> bool {
    if cfg!(std_net_portable) {
        eprintln!("SKIPPED: the runtime uses no io_uring with the portable reactor");
        return false;
    }
    let mut params = [0u8; 120];
    // SAFETY: this is memory for a `struct io_uring_params`. It is all zero, which asks for nothing
    // special.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, params.as_mut_ptr()) };
    if ring >= 0 {
        let nothing = std::ptr::null::<u8>();
        // Memory for the answer of `IORING_REGISTER_PROBE` about 256 operations.
        let mut probe = [0u8; 16 + 8 * 256];
        let probe = probe.as_mut_ptr();
        // SAFETY: this submits nothing, and only asks which operations exist.
        let allowed = unsafe {
            libc::syscall(libc::SYS_io_uring_enter, ring, 0, 0, 0, nothing, 0) == 0
                && libc::syscall(libc::SYS_io_uring_register, ring, 8, probe, 256) == 0
        };
        // SAFETY: the call above made the descriptor, and it has no other owner.
        unsafe { libc::close(ring as i32) };
        if allowed {
            return true;
        }
    }
    eprintln!("SKIPPED: no io_uring: {}", io::Error::last_os_error());
    false
}

/// Returns how many descriptors this OS process has open. It does not count the rings that workers make
/// when they first need one.
pub fn descriptors() -> usize {
    let is_ring =
        |link: io::Result<PathBuf>| link.is_ok_and(|l| l.ends_with("anon_inode:[io_uring]"));
    fs::read_dir("/proc/self/fd")
        .expect("Linux has /proc")
        .filter(|entry| {
            !entry
                .as_ref()
                .is_ok_and(|e| is_ring(fs::read_link(e.path())))
        })
        .count()
}

/// Returns the resident memory of this OS process in bytes.
pub fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmRSS:"))
        .expect("it has this line");
    let kib = line
        .split_whitespace()
        .next()
        .and_then(|n| n.parse::<usize>().ok());
    kib.expect("a number of KiB") * 1024
}

/// Returns the soft limit of open descriptors.
pub fn descriptor_limit() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux has /proc");
    let line = limits
        .lines()
        .find_map(|l| l.strip_prefix("Max open files"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok())
        .expect("a line of limits")
}

/// Runs `body`, which waits, and checks that it uses almost no processor time. A body that tries again
/// and again in a loop would use all of it. It measures the whole OS process, so use it in a test that
/// [`again`] runs alone. With `STD_NET_SLOW` it may use more, at most half: an emulator translates code when
/// that first runs, and this costs tens of milliseconds.
pub fn rests<T>(body: impl FnOnce() -> T) -> T {
    let (begin, before) = (Instant::now(), processor_time());
    let result = body();
    let (used, took) = (processor_time() - before, begin.elapsed());
    let allowed = took * slow().min(5) / 10;
    assert!(used < allowed, "{used:?} of {took:?}");
    result
}

/// Returns the processor time that this OS process has used.
fn processor_time() -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: this is memory for the result, and all-zero is a valid value of its type.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |t: libc::timeval| {
        Duration::from_secs(t.tv_sec.unsigned_abs())
            + Duration::from_micros(t.tv_usec.unsigned_abs())
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// A lock for tests that count things of the whole OS process.
pub static ALONE: Mutex<()> = Mutex::new(());

/// A path for a socket that nothing else uses. The file is removed when this is dropped.
#[derive(Debug)]
pub struct TempPath(PathBuf);

impl TempPath {
    /// Makes a new path.
    #[allow(clippy::new_without_default, reason = "each call makes a new one")]
    pub fn new() -> TempPath {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("std_net-test-{}-{n}", std::process::id());
        TempPath(std::env::temp_dir().join(name))
    }
}

impl AsRef<Path> for TempPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl std::ops::Deref for TempPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempPath {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A TCP listener whose queue is full: a client that connects gets no answer.
#[derive(Debug)]
pub struct Silent {
    /// The listener. After an accept it answers again.
    pub listener: TcpListener,
    /// Its address.
    pub addr: SocketAddr,
    _first: TcpStream,
}

impl Silent {
    /// Makes a new listener on 127.0.0.1.
    #[allow(clippy::new_without_default, reason = "each call makes a new one")]
    pub fn new() -> Silent {
        let listener = TcpBuilder::new().backlog(0).listen("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let first = TcpStream::connect(addr).unwrap();
        // A queue of length 0 has one place. It is taken when the listener is readable.
        process::select! { readable(listener) -> ready => ready.unwrap() }.unwrap();
        Silent {
            listener,
            addr,
            _first: first,
        }
    }
}

/// Returns the two ends of a TCP connection, first the client's end.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Repeats `write` until it fails.
pub fn until_error(mut write: impl FnMut() -> io::Result<usize>) -> io::Error {
    loop {
        if let Err(error) = write() {
            return error;
        }
    }
}

/// Returns the folder of this build, such as `target/debug`.
#[must_use]
pub fn profile() -> PathBuf {
    let exe = std::env::current_exe().expect("a test knows where it is");
    // target/PROFILE/deps/test -> target/PROFILE
    let profile = exe.parent().and_then(Path::parent);
    profile.expect("tests are in deps").to_owned()
}

/// How long this test program has built examples. It is locked during a build.
static BUILDING: Mutex<Duration> = Mutex::new(Duration::ZERO);

/// Returns the path of an example program of `std_net`. `cargo test` builds it beside the tests. The variable
/// `STD_NET_EXAMPLES` may name another folder that has it: `.ci/threadlike` builds examples that link `std_net_interpose`.
pub fn example(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("STD_NET_EXAMPLES") {
        let path = Path::new(&folder).join(name);
        assert!(path.is_file(), "STD_NET_EXAMPLES: there is no {path:?}");
        return path;
    }
    let profile = profile();
    let path = profile.join("examples").join(name);
    let mut building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    if !path.is_file() {
        let begin = Instant::now();
        // With `cargo test -p std_net_tests` only this package was built, so build the example now.
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--package",
            "std_net",
            "--example",
            name,
            // Some examples need these features, and so do the tests.
            "--features",
            "hyper,signals,tls",
        ]);
        build
            .arg("--target-dir")
            .arg(profile.parent().expect("profiles are in a target folder"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(
            build.status().expect("cargo runs").success(),
            "cannot build the example {name}"
        );
        *building += begin.elapsed();
    }
    path
}

/// A server in an OS process of its own. The process ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The address that the server printed in its first line.
    pub address: SocketAddr,
    /// The rest of its output.
    pub output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts an example with these arguments and waits until it prints `listening on ADDRESS`.
    pub fn start<S: AsRef<OsStr>>(name: &str, args: &[S]) -> Server {
        let mut child = Command::new(example(name))
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the example prints");
        let address = line
            .strip_prefix("listening on ")
            .and_then(|rest| rest.trim().parse().ok())
            .unwrap_or_else(|| panic!("{name} said {line:?}"));
        Server {
            child,
            address,
            output,
        }
    }

    /// Returns the id of its OS process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
