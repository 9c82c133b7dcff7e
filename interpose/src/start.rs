//! What runs before `main`, and what is checked before the first threadlike process.

use std::ffi::{CStr, c_void};
use std::mem;
use std::sync::OnceLock;

use std_net_runtime::threadlike::{self, Interposer};

use crate::{block, connect, descriptors, futex, keys, library, poll, pool, receive, send, sleep};

static INTERPOSER: Interposer = Interposer {
    check,
    room: block::room,
    make: block::make_at,
    begin: block::begin,
    end: block::end,
    free: block::free,
};

/// The loader runs this function before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    library::find_all();
    threadlike::install(&INTERPOSER);
    // SAFETY: the registered function only writes two variables.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}

unsafe extern "C" fn in_child() {
    threadlike::in_child();
}

/// Whether processes can be threadlike in this program. The check runs only once.
pub(crate) fn check() -> Result<(), String> {
    static CHECKED: OnceLock<Result<(), String>> = OnceLock::new();
    CHECKED
        .get_or_init(|| {
            defined_here()?;
            block::check()
        })
        .clone()
}

/// Checks that these names lead every other part of the program to the functions of this crate.
fn defined_here() -> Result<(), String> {
    let functions: [(&CStr, *const ()); 12] = [
        (c"recv", receive::recv as *const ()),
        (c"read", receive::read as *const ()),
        (c"send", send::send as *const ()),
        (c"write", send::write as *const ()),
        (c"connect", connect::connect as *const ()),
        (c"accept4", connect::accept4 as *const ()),
        (c"close", descriptors::close as *const ()),
        (c"poll", poll::poll as *const ()),
        (c"clock_nanosleep", sleep::clock_nanosleep as *const ()),
        (c"getaddrinfo", pool::getaddrinfo as *const ()),
        (c"syscall", futex::syscall as *const ()),
        (c"pthread_key_create", keys::pthread_key_create as *const ()),
    ];
    for (name, here) in functions {
        // SAFETY: the string ends with a zero byte.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        if !std::ptr::eq(found.cast_const().cast(), here) {
            return Err(format!(
                "`{}` is defined by {}",
                name.to_string_lossy(),
                owner(found)
            ));
        }
    }
    Ok(())
}

fn owner(address: *mut c_void) -> String {
    let mut info = mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `dladdr` accepts any address, and there is room for its answer.
    let info = unsafe {
        if libc::dladdr(address, info.as_mut_ptr()) == 0 {
            return "no loaded library".into();
        }
        info.assume_init()
    };
    if info.dli_fname.is_null() {
        return "an unknown library".into();
    }
    // SAFETY: this is the name of a loaded library, which ends with a zero byte.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    format!("{} (are symbols hidden?)", name.to_string_lossy())
}
