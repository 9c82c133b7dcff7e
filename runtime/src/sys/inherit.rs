//! Descriptors that come from the parent OS process, and descriptors that go to a child, in the manner of
//! `sd_listen_fds(3)`: they are numbered from 3 on, and the environment describes them. What they are is in
//! `std_net::activation`.

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};
use std::ptr;
use std::sync::Mutex;
use std::sync::PoisonError;

use socket2::{SockAddr, SockRef};

use super::platform::thread::{exec, is_only_thread};
use crate::sys::cvt;
use crate::sys::lock::Lock;

/// The first descriptor: `SD_LISTEN_FDS_START`.
const FIRST: RawFd = 3;
/// More descriptors than an OS process can have.
const MOST: RawFd = 1 << 16;

const VARIABLES: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// Takes the descriptors that were passed to this OS process, and their names, if there are any and they are meant for
/// it. A second call returns none.
///
/// The descriptors become close-on-exec. The variables are removed from the environment only if this is known to be the
/// only thread (on Linux this can be known). Otherwise another thread may be reading the environment. A child that this
/// OS process starts never takes them for its own, because `LISTEN_PID` is not its number.
///
/// # Errors
///
/// [`InvalidData`](io::ErrorKind::InvalidData) if the variables make no sense. `EBADF` if a descriptor is not open.
pub fn take() -> io::Result<Vec<(OwnedFd, Option<String>)>> {
    static TAKEN: Mutex<bool> = Mutex::new(false);
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    if *taken {
        return Ok(Vec::new());
    }
    let [pid, count, names] = VARIABLES.map(env::var_os);
    let (Some(pid), Some(count)) = (pid, count) else {
        return Ok(Vec::new());
    };
    if number(&pid)? != i64::from(process::id()) {
        return Ok(Vec::new());
    }
    let count = RawFd::try_from(number(&count)?).unwrap_or(-1);
    if !(0..MOST).contains(&count) {
        return Err(invalid(format!("LISTEN_FDS is {count}")));
    }
    let names = names.and_then(|names| names.into_string().ok());
    let mut names = names.as_deref().map(|names| names.split(':'));
    for fd in FIRST..FIRST + count {
        // SAFETY: the call passes no memory. It fails if the descriptor is not open.
        cvt(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    }
    *taken = true;
    remove_variables();
    let mut all = Vec::new();
    for fd in FIRST..FIRST + count {
        // SAFETY: the descriptor is open, as the loop above has checked. The program that set the variables gave it to
        // this OS process, and it is taken only once.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let name = names.as_mut().and_then(Iterator::next);
        all.push((fd, name.filter(|n| !n.is_empty()).map(str::to_owned)));
    }
    Ok(all)
}

/// Whether a socket listens: `SO_ACCEPTCONN`. `None` on macOS, which does not report it.
///
/// # Errors
///
/// The error of `getsockopt(2)`.
pub fn listens(fd: BorrowedFd<'_>) -> io::Result<Option<bool>> {
    #[cfg(not(target_vendor = "apple"))]
    return Ok(Some(rustix::net::sockopt::socket_acceptconn(fd)?));
    #[cfg(target_vendor = "apple")]
    {
        let _ = fd;
        Ok(None)
    }
}

fn number(text: &OsStr) -> io::Result<i64> {
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| invalid(format!("{text:?} is not a number")))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn remove_variables() {
    if is_only_thread() {
        for name in VARIABLES {
            // SAFETY: there is no other thread that could use the environment.
            unsafe { env::remove_var(name) };
        }
    }
}

/// Makes `command` start its program with these descriptors, from 3 on, and with the variables that describe them. The
/// program is executed here and not by `Command`, because only the new OS process knows its own number.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a NUL byte in an argument, a variable or a name, or for a colon in
/// a name.
pub fn pass(command: &mut Command, fds: Vec<(OwnedFd, String)>) -> io::Result<()> {
    let input = |message: &str| io::Error::new(io::ErrorKind::InvalidInput, message.to_owned());
    if fds.iter().any(|(_, name)| name.contains(':')) {
        return Err(input("a colon in the name of a descriptor"));
    }
    let c_string = |text: &OsStr| {
        CString::new(text.as_bytes()).map_err(|_| input("a NUL byte in an argument or variable"))
    };
    let program = c_string(command.get_program())?;
    let mut arguments = vec![program.clone()];
    for argument in command.get_args() {
        arguments.push(c_string(argument)?);
    }
    let names: Vec<&str> = fds.iter().map(|(_, name)| &**name).collect();
    let mut environment = Vec::new();
    for (name, value) in variables(command, fds.len(), &names.join(":")) {
        let mut text = name;
        text.push("=");
        text.push(value);
        environment.push(c_string(&text)?);
    }
    // The child writes its number after the `=`.
    let own = b"LISTEN_PID=\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    {
        let mut passed = PASSED.lock();
        passed.extend(fds.iter().filter_map(|(fd, _)| identity(fd.as_fd())));
    }
    let sources: Vec<OwnedFd> = fds.into_iter().map(|(fd, _)| fd).collect();
    let mut child = Child {
        program,
        arguments: pointers(&arguments),
        environment: pointers(&environment),
        _texts: (arguments, environment),
        moved: vec![-1; sources.len()],
        sources,
        own,
    };
    // SAFETY: `exec` calls only async-signal-safe functions and allocates nothing.
    unsafe { command.pre_exec(move || Err(child.exec())) };
    Ok(())
}

/// The sockets that were passed from this OS process.
static PASSED: Lock<Vec<(libc::ino_t, SockAddr)>> = Lock::new(Vec::new());

/// Whether another OS process also has this socket. That one may need the present mode.
pub(crate) fn was_passed(fd: BorrowedFd<'_>) -> bool {
    let passed = PASSED.lock();
    !passed.is_empty() && identity(fd).is_some_and(|this| passed.contains(&this))
}

/// Two values that all descriptors of a socket have in common. On macOS and FreeBSD every TCP socket has the inode 0,
/// so the inode alone says nothing there.
fn identity(fd: BorrowedFd<'_>) -> Option<(libc::ino_t, SockAddr)> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: there is room for the answer.
    cvt(unsafe { libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) }).ok()?;
    // SAFETY: the call succeeded, so the value is complete.
    let inode = unsafe { stat.assume_init() }.st_ino;
    Some((inode, SockRef::from(&fd).local_addr().ok()?))
}

/// The environment of the child: this one, changed as `command` says, with the variables added.
fn variables(command: &Command, count: usize, names: &str) -> Vec<(OsString, OsString)> {
    let mut all: Vec<(OsString, OsString)> = env::vars_os().collect();
    for (name, value) in command.get_envs() {
        all.retain(|(n, _)| n != name);
        if let Some(value) = value {
            all.push((name.to_owned(), value.to_owned()));
        }
    }
    all.retain(|(name, _)| !VARIABLES.iter().any(|v| name == v));
    all.push(("LISTEN_FDS".into(), count.to_string().into()));
    all.push(("LISTEN_FDNAMES".into(), names.into()));
    all
}

/// The pointers to these texts and a null pointer, with room for one more pointer before the null.
fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    let mut pointers: Vec<_> = texts.iter().map(|text| text.as_ptr()).collect();
    pointers.extend([ptr::null(), ptr::null()]);
    pointers
}

/// All values that the new OS process needs. They are made before the fork.
struct Child {
    program: CString,
    arguments: Vec<*const libc::c_char>,
    environment: Vec<*const libc::c_char>,
    _texts: (Vec<CString>, Vec<CString>),
    sources: Vec<OwnedFd>,
    /// The numbers of the descriptors before they move to their places.
    moved: Vec<RawFd>,
    own: Vec<u8>,
}

// SAFETY: the pointers lead to texts that this value owns and that no code changes.
unsafe impl Send for Child {}
// SAFETY: the reason is the same as for Send.
unsafe impl Sync for Child {}

impl Child {
    /// Runs in the new OS process. It returns only if it fails.
    fn exec(&mut self) -> io::Error {
        let count = self.sources.len() as RawFd;
        // First all descriptors move out of the range of places, and then into their places. The second move clears
        // close-on-exec.
        for (source, moved) in self.sources.iter().zip(&mut self.moved) {
            // SAFETY: the call passes no memory.
            let fd =
                unsafe { libc::fcntl(source.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST + count) };
            match cvt(fd) {
                Ok(fd) => *moved = fd,
                Err(e) => return e,
            }
        }
        for (i, moved) in self.moved.iter().enumerate() {
            // SAFETY: the call passes no memory. The descriptor that had this number belonged to this OS process alone,
            // and it is about to become another program.
            if let Err(e) = cvt(unsafe { libc::dup2(*moved, FIRST + i as RawFd) }) {
                return e;
            }
        }
        // SAFETY: the call has no preconditions.
        let mut pid = unsafe { libc::getpid() }.unsigned_abs();
        let mut digits = [0; 10];
        let mut at = digits.len();
        while pid > 0 {
            at -= 1;
            digits[at] = b'0' + (pid % 10) as u8;
            pid /= 10;
        }
        let digits = &digits[at..];
        let start = "LISTEN_PID=".len();
        self.own[start..start + digits.len()].copy_from_slice(digits);
        let last = self.environment.len() - 2;
        self.environment[last] = self.own.as_ptr().cast();
        // SAFETY: these are null-terminated arrays of C strings. They live until the program is replaced.
        unsafe {
            exec(
                self.program.as_ptr(),
                self.arguments.as_ptr(),
                self.environment.as_ptr(),
            );
        }
        io::Error::last_os_error()
    }
}
