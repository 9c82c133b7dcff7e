//! Lookups of names and addresses by the C library: `getaddrinfo(3)` and `getnameinfo(3)`, with the meanings of their
//! error codes. The choice of a resolver is in `dns` of `std_net`.

use std::error::Error;
use std::ffi::{CStr, CString, OsString};
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::thread;

use libc::c_int;
use socket2::{SockAddr, SockAddrStorage};

use crate::deadline::{Deadline, Nanos};
use crate::sched::park::{self, Unparker};
use crate::sched::stop::{self, Stopped};
use crate::sched::task::{self, Waiting};
use crate::sched::threads::{self, Ticket};
use crate::sys::clear_errno;
use crate::sys::lock::Lock;
use crate::sys::wake_fd::WakeFd;

/// Codes of `netdb.h` that the crate `libc` does not have for every C library. Those of Linux (glibc and musl) are
/// negative, and those of BSD are positive.
#[cfg(target_os = "linux")]
const EAI_NODATA: c_int = -5;
#[cfg(target_os = "linux")]
const EAI_ADDRFAMILY: c_int = -9;
#[cfg(not(target_os = "linux"))]
const EAI_NODATA: c_int = 7;
#[cfg(not(target_os = "linux"))]
const EAI_ADDRFAMILY: c_int = 1;

/// The reason why the C library has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// There is no such name, or no name for the address: `EAI_NONAME`.
    NoSuchName,
    /// The name exists, but it has no address of this kind: `EAI_NODATA`, `EAI_ADDRFAMILY`.
    NoAddress,
    /// The lookup failed: `EAI_AGAIN`, `EAI_FAIL`, ...
    Failed(Code),
    /// A system call failed, the process was cancelled, or the name contains a zero byte
    /// ([`InvalidInput`](io::ErrorKind::InvalidInput)).
    Io(io::Error),
    /// There was no answer before the deadline.
    TimedOut,
}

impl Failure {
    /// The meaning of a code from `getaddrinfo` or `getnameinfo`.
    fn new(code: c_int) -> Failure {
        match code {
            libc::EAI_NONAME => Failure::NoSuchName,
            EAI_NODATA | EAI_ADDRFAMILY => Failure::NoAddress,
            libc::EAI_SYSTEM => Failure::Io(io::Error::last_os_error()),
            libc::EAI_MEMORY => Failure::Io(io::ErrorKind::OutOfMemory.into()),
            code => Failure::Failed(Code(code)),
        }
    }
}

/// A code of `getaddrinfo(3)`. It is displayed in the words of the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub c_int);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: gai_strerror accepts any number, and its text lives for ever.
        let text = unsafe { CStr::from_ptr(libc::gai_strerror(self.0)) };
        f.write_str(&text.to_string_lossy())
    }
}

impl Error for Code {}

/// The threads on which the C library is asked when the caller does not want to wait for it to the end. A caller that
/// names no pool on a plain thread waits on this thread, and has no deadline.
#[derive(Clone, Copy)]
pub struct Pool(&'static dyn threads::Pool);

impl Pool {
    /// The pool for lookups, the same one for all.
    #[must_use]
    pub fn shared() -> Pool {
        Pool(&threads::LOOKUPS)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

/// The addresses of a host, of one family (`AF_INET`, `AF_INET6`) or of both (`AF_UNSPEC`), with port 0, in the order
/// of RFC 6724. The lookup runs on a thread of the pool, so it does not block a worker. After the deadline this call
/// returns, and the C library's call goes on until it ends by itself.
///
/// # Errors
///
/// See [`Failure`].
pub fn addresses(
    host: &str,
    family: c_int,
    deadline: Deadline,
    pool: Option<Pool>,
) -> Result<Vec<SockAddr>, Failure> {
    let host = c_string(host)?;
    on_the_pool(deadline, pool, move || getaddrinfo(&host, family, 0))
}

/// The index of a network interface. Corresponds to `if_nametoindex(3)`.
///
/// # Errors
///
/// `ENODEV` if there is no interface of this name. [`InvalidInput`](io::ErrorKind::InvalidInput) for a name with a zero
/// byte.
pub fn interface_index(name: &str) -> io::Result<u32> {
    let name = CString::new(name)?;
    // SAFETY: the string ends with a zero byte.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// The name of a network interface. Corresponds to `if_indextoname(3)`.
///
/// # Errors
///
/// `ENXIO` if there is no interface with this index.
pub fn interface_name(index: u32) -> io::Result<String> {
    let mut name = [0_u8; libc::IFNAMSIZ];
    // SAFETY: there is room for IFNAMSIZ bytes, and IF_NAMESIZE is the same number.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr().cast()) };
    if found.is_null() {
        return Err(io::Error::last_os_error());
    }
    let name = CStr::from_bytes_until_nul(&name).unwrap_or_default();
    Ok(name.to_string_lossy().into_owned())
}

/// The name of this host. Corresponds to `gethostname(2)`.
#[must_use]
pub fn hostname() -> OsString {
    let name = rustix::system::uname().nodename().to_bytes().to_vec();
    OsString::from_vec(name)
}

/// The address of a text that is a number, in any form that the C library knows (for example with a zone as an
/// interface name, or an IPv4 address with fewer parts). No server is asked.
///
/// # Errors
///
/// [`Failure::NoSuchName`] if the text is not a number. See [`Failure`] for the others.
pub fn number(text: &str, family: c_int) -> Result<Vec<SockAddr>, Failure> {
    getaddrinfo(&c_string(text)?, family, libc::AI_NUMERICHOST)
}

/// The name of an address. Everything else is as in [`addresses`].
///
/// # Errors
///
/// See [`Failure`].
pub fn name(addr: SockAddr, deadline: Deadline, pool: Option<Pool>) -> Result<String, Failure> {
    on_the_pool(deadline, pool, move || getnameinfo(&addr))
}

fn c_string(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|error| Failure::Io(error.into()))
}

/// Runs `f`, which may block. On a plain thread without a deadline it runs directly, and otherwise on the pool. If the
/// caller no longer waits, the result is dropped there.
///
/// # Errors
///
/// The errors of `f`. [`Failure::Io`] if no thread can be made. `f` does not run directly then, because it could not be
/// ended and would block the worker for as long as the C library takes.
fn on_the_pool<T: Send + 'static>(
    deadline: Deadline,
    pool: Option<Pool>,
    f: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    debug_assert!(pool.is_some() || deadline == Deadline::NEVER);
    let pool = match (task::current(), pool) {
        (Some(task), _) => task.worker().pools.lookups,
        (None, Some(Pool(pool))) if deadline != Deadline::NEVER => pool,
        (None, _) => return f(),
    };
    /// Gives the job up, however the wait ends.
    struct GiveUp(&'static dyn threads::Pool, Arc<Ticket>);

    impl Drop for GiveUp {
        fn drop(&mut self) {
            self.0.give_up(&self.1);
        }
    }

    let answer = Arc::new(Answer {
        result: Lock::default(),
        unparker: park::unparker(),
    });
    let given = Arc::clone(&answer);
    let job = Box::new(move || given.set(catch_unwind(AssertUnwindSafe(f))));
    let ticket = pool.run(job).map_err(|(_, error)| Failure::Io(error))?;
    let _give_up = GiveUp(pool, ticket);
    let until = Nanos::from_deadline(deadline);
    let result = park::wait_until(Waiting::Blocking, until, stop::current, || {
        answer.result.lock().take()
    });
    match result {
        Ok(result) => {
            result.unwrap_or_else(|_| Err(Failure::Io(io::Error::other("the lookup panicked"))))
        }
        Err(Stopped::TimedOut) => Err(Failure::TimedOut),
        Err(Stopped::Cancelled) => Err(Failure::Io(Stopped::Cancelled.into())),
    }
}

/// The result of a job on the pool, and its caller. It is not a channel, because every program that names an address by
/// text contains this.
struct Answer<T> {
    result: Lock<Option<thread::Result<T>>>,
    unparker: Unparker,
}

impl<T> Answer<T> {
    fn set(&self, result: thread::Result<T>) {
        *self.result.lock() = Some(result);
        self.unparker.unpark();
    }
}

fn getaddrinfo(host: &CStr, family: c_int, flags: c_int) -> Result<Vec<SockAddr>, Failure> {
    // SAFETY: all-zero is a valid addrinfo for hints.
    let mut hints: libc::addrinfo = unsafe { MaybeUninit::zeroed().assume_init() };
    hints.ai_family = family;
    hints.ai_flags = flags;
    // Without this, each address would be returned once for every socket type.
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list = ptr::null_mut();
    clear_errno();
    // SAFETY: the string ends with a zero byte, and the hints and the place for the list are live.
    let code =
        unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &raw const hints, &raw mut list) };
    if code != 0 {
        let error = io::Error::last_os_error();
        let asked = flags & libc::AI_NUMERICHOST == 0;
        return Err(if asked {
            failure(code, error)
        } else {
            Failure::new(code)
        });
    }
    let mut addrs = Vec::new();
    let mut next = list;
    // SAFETY: the list ends with a null pointer, and it is freed only at the end.
    while let Some(info) = unsafe { next.as_ref() } {
        let mut storage = SockAddrStorage::zeroed();
        if info.ai_addrlen <= storage.size_of() && !info.ai_addr.is_null() {
            // SAFETY: there are this many bytes of an address, and they fit into the storage.
            unsafe {
                ptr::copy_nonoverlapping(
                    info.ai_addr.cast::<u8>(),
                    (&raw mut storage).cast::<u8>(),
                    info.ai_addrlen as usize,
                );
            }
            // SAFETY: the storage has `ai_addrlen` bytes of an address.
            addrs.push(unsafe { SockAddr::new(storage, info.ai_addrlen) });
        }
        next = info.ai_next;
    }
    // SAFETY: the list is from getaddrinfo, it is freed once, and nothing points into it any more.
    unsafe { libc::freeaddrinfo(list) };
    Ok(addrs)
}

/// The meaning of a code, after the library had to open files and ask servers. Without free descriptors it can do
/// neither, and it then returns "no such name", although nothing was looked up.
fn failure(code: c_int, error: io::Error) -> Failure {
    let is_shortage = |e: &io::Error| matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
    if is_shortage(&error) {
        return Failure::Io(error);
    }
    match WakeFd::new() {
        Err(shortage) if is_shortage(&shortage) => Failure::Io(shortage),
        _ if code == libc::EAI_SYSTEM => Failure::Io(error),
        _ => Failure::new(code),
    }
}

fn getnameinfo(addr: &SockAddr) -> Result<String, Failure> {
    /// `NI_MAXHOST` of `netdb.h`.
    const MAX: usize = 1025;
    let mut name = [0_u8; MAX];
    clear_errno();
    // SAFETY: the address is live and its length is right, and the buffer is writable with this length. No service is
    // asked for.
    let code = unsafe {
        libc::getnameinfo(
            addr.as_ptr().cast(),
            addr.len(),
            name.as_mut_ptr().cast(),
            MAX as _,
            ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if code != 0 {
        return Err(failure(code, io::Error::last_os_error()));
    }
    let name = CStr::from_bytes_until_nul(&name).map_err(|_| Failure::NoSuchName)?;
    Ok(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process;
    use std::sync::mpsc;
    use std::time::Duration;

    fn texts(result: Result<Vec<SockAddr>, Failure>) -> Vec<String> {
        let addrs = result.unwrap();
        addrs
            .iter()
            .map(|a| a.as_socket().unwrap().to_string())
            .collect()
    }

    #[test]
    fn numbers_in_every_form_ask_nobody() {
        assert_eq!(texts(number("127.1", libc::AF_UNSPEC)), ["127.0.0.1:0"]);
        assert_eq!(texts(number("::1", libc::AF_UNSPEC)), ["[::1]:0"]);
        let scoped = number("fe80::1%lo", libc::AF_UNSPEC).unwrap();
        assert_ne!(scoped[0].as_socket_ipv6().unwrap().scope_id(), 0);
        for (text, family) in [("localhost", libc::AF_UNSPEC), ("1.2.3.4.5", libc::AF_INET)] {
            let failure = number(text, family).unwrap_err();
            assert!(matches!(failure, Failure::NoSuchName), "{failure:?}");
        }
        let failure = number("127.0.0.1", libc::AF_INET6).unwrap_err();
        assert!(matches!(failure, Failure::NoAddress), "{failure:?}");
        let failure = number("a\0b", libc::AF_UNSPEC).unwrap_err();
        assert!(matches!(failure, Failure::Io(_)), "{failure:?}");
    }

    #[test]
    fn localhost_is_known_and_has_a_name() {
        for deadline in [Deadline::NEVER, Duration::from_secs(30).into()] {
            let addrs = addresses("localhost", libc::AF_INET, deadline, Some(Pool::shared()));
            assert!(texts(addrs).contains(&"127.0.0.1:0".to_owned()));
            let addr = number("127.0.0.1", libc::AF_INET).unwrap().remove(0);
            assert!(
                !name(addr, deadline, Some(Pool::shared()))
                    .unwrap()
                    .is_empty()
            );
        }
    }

    #[test]
    fn codes_are_told_apart() {
        assert!(matches!(
            Failure::new(libc::EAI_NONAME),
            Failure::NoSuchName
        ));
        assert!(matches!(Failure::new(EAI_NODATA), Failure::NoAddress));
        assert!(matches!(Failure::new(EAI_ADDRFAMILY), Failure::NoAddress));
        for code in [libc::EAI_AGAIN, libc::EAI_FAIL] {
            let Failure::Failed(code) = Failure::new(code) else {
                panic!("{code}");
            };
            assert!(!code.to_string().is_empty());
        }
        assert_ne!(
            Code(libc::EAI_AGAIN).to_string(),
            Code(libc::EAI_FAIL).to_string()
        );
    }

    /// A job that the deadline finds before it has begun never begins. So the time grows until one has begun in it.
    #[test]
    fn a_lookup_past_its_deadline_ends_by_itself() {
        let body = || {
            let mut time = Duration::from_millis(10);
            loop {
                let (go, wait) = mpsc::channel::<()>();
                let (done, ended) = mpsc::channel();
                let result: Result<(), Failure> =
                    on_the_pool(time.into(), Some(Pool::shared()), move || {
                        wait.recv().unwrap();
                        done.send(()).unwrap();
                        Ok(())
                    });
                assert!(matches!(result, Err(Failure::TimedOut)), "{result:?}");
                if go.send(()).is_ok() && ended.recv().is_ok() {
                    break;
                }
                time *= 2;
                assert!(time < Duration::from_secs(60), "no job has begun");
            }
        };
        body();
        process::spawn(body).join().unwrap();
    }

    #[test]
    fn a_cancel_ends_the_wait() {
        let (go, wait) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let handle = process::spawn(move || {
            on_the_pool(Deadline::NEVER, None, move || {
                begun.send(()).unwrap();
                let _ = wait.recv();
                Ok(())
            })
        });
        begins.recv().unwrap();
        handle.cancel();
        match handle.join().unwrap() {
            Err(Failure::Io(error)) => assert!(process::is_cancelled(&error)),
            other => panic!("{other:?}"),
        }
        drop(go);
    }
}
