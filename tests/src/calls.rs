//! The blocking functions of the C library, called by C code: `c/calls.c`, compiled by the tests that call them.

use std::ffi::{CString, c_long, c_void};
use std::io;
use std::path::Path;
use std::process::Command;
use std::ptr;
use std::time::Duration;

/// The arguments of a call, and what it received. The same as `struct given` in `c/calls.c`.
#[repr(C)]
#[derive(Debug)]
pub struct Given {
    /// The descriptor.
    pub fd: c_long,
    /// A second descriptor, or flags.
    pub other: c_long,
    /// A number of bytes or of descriptors, or a child.
    pub len: c_long,
    /// Milliseconds; -1 is none.
    pub timeout: c_long,
    /// A word to wait for.
    pub pointer: *mut c_void,
    /// How much of `data` is used.
    pub data_len: c_long,
    /// An address or a text on the way in; what was received on the way out.
    pub data: [u8; 128],
}

// SAFETY: the pointer leads to memory that the test keeps until the call has returned, and that is written by atomic
// operations alone.
unsafe impl Send for Given {}

impl Default for Given {
    fn default() -> Given {
        Given {
            fd: -1,
            other: 0,
            len: 0,
            timeout: -1,
            pointer: ptr::null_mut(),
            data_len: 0,
            data: [0; 128],
        }
    }
}

impl Given {
    /// Puts these bytes into the data, which are an address or a text for the function.
    #[must_use]
    pub fn with_data(mut self, bytes: &[u8]) -> Given {
        self.data[..bytes.len()].copy_from_slice(bytes);
        self.data_len = bytes.len() as c_long;
        self
    }
}

/// What a call returned, its `errno` if it failed, and what it received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the function returned.
    pub result: c_long,
    /// `errno` after the call. It was 0 before.
    pub errno: i32,
    /// What the call received.
    pub data: Vec<u8>,
}

/// A function of `c/calls.c`.
#[derive(Clone, Copy, Debug)]
pub struct Function(extern "C" fn(*mut Given) -> c_long);

impl Function {
    /// Calls the function on the thread or in the process that this is.
    #[must_use]
    pub fn call(self, mut given: Given) -> Outcome {
        // SAFETY: every thread and every threadlike process has an `errno`.
        unsafe { *libc::__errno_location() = 0 };
        let result = (self.0)(&raw mut given);
        // A call that succeeds does not touch it, so it must still be 0 then.
        let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
        let len = if result >= 0 { given.data_len } else { 0 };
        Outcome {
            result,
            errno,
            data: given.data[..len as usize].to_vec(),
        }
    }
}

/// The loaded library.
#[derive(Clone, Copy, Debug)]
pub struct Calls(*mut c_void);

// SAFETY: the library is never unloaded, and a look-up of a name may be made on any thread.
unsafe impl Send for Calls {}
// SAFETY: the same.
unsafe impl Sync for Calls {}

impl Calls {
    /// Compiles the library with these options, in this folder, and loads it. With [`FORTIFIED`] its functions call
    /// `__recv_chk` instead of `recv`, and so on.
    ///
    /// # Panics
    ///
    /// If there is no C compiler: whatever links Rust programs needs one.
    #[must_use]
    pub fn load(folder: &Path, options: &[&str]) -> Calls {
        let library = folder.join("libcalls.so");
        compile(&library, &[LIBRARY, options].concat());
        Calls::open(&library)
    }

    /// Loads the library from this file.
    ///
    /// # Panics
    ///
    /// If it cannot be loaded.
    #[must_use]
    pub fn open(library: &Path) -> Calls {
        let name =
            CString::new(library.to_str().expect("a path in UTF-8")).expect("it has no zero");
        // SAFETY: the library is ours, and it has no constructors.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
        assert!(!handle.is_null(), "{} cannot be loaded", library.display());
        Calls(handle)
    }

    /// The function that makes each kind of call.
    ///
    /// # Panics
    ///
    /// Never: the library has it.
    #[must_use]
    pub fn scenario(self) -> Scenario {
        // SAFETY: the function is in `c/calls.c`, with this type.
        unsafe {
            let found = libc::dlsym(self.0, c"scenario".as_ptr());
            assert!(!found.is_null());
            Scenario(std::mem::transmute::<*mut c_void, extern "C" fn()>(found))
        }
    }

    /// Calls the function on a thread of C that is cancelled after this time. Returns whether the cancel ended the thread.
    ///
    /// # Panics
    ///
    /// If there can be no thread.
    #[must_use]
    pub fn cancels(self, function: Function, mut given: Given, head_start: Duration) -> bool {
        type Cancels =
            extern "C" fn(extern "C" fn(*mut Given) -> c_long, *mut Given, u32) -> c_long;
        // SAFETY: the function is in `c/calls.c`, with this type.
        let cancels = unsafe {
            let found = libc::dlsym(self.0, c"cancels".as_ptr());
            assert!(!found.is_null());
            std::mem::transmute::<*mut c_void, Cancels>(found)
        };
        let micros = u32::try_from(head_start.as_micros()).expect("it is short");
        let cancelled = cancels(function.0, &raw mut given, micros);
        assert!(cancelled >= 0, "there is no thread");
        cancelled == 1
    }

    /// The function of this name, or `None` if this C library has none.
    #[must_use]
    pub fn function(self, name: &str) -> Option<Function> {
        let name = CString::new(name).expect("it has no zero");
        // SAFETY: both functions are in `c/calls.c`, with these types.
        unsafe {
            let find = libc::dlsym(self.0, c"function_named".as_ptr());
            let find: extern "C" fn(*const libc::c_char) -> *mut c_void = std::mem::transmute(find);
            let found = find(name.as_ptr());
            type Row = extern "C" fn(*mut Given) -> c_long;
            let row = |found| Function(std::mem::transmute::<*mut c_void, Row>(found));
            (!found.is_null()).then(|| row(found))
        }
    }
}

/// The function `scenario` of `c/calls.c`.
#[derive(Clone, Copy, Debug)]
pub struct Scenario(extern "C" fn());

impl Scenario {
    /// Makes its calls, between two marks for strace.
    pub fn run(self) {
        (self.0)();
    }
}

/// Options with which the compiler makes a library.
pub const LIBRARY: &[&str] = &["-shared", "-fPIC"];

/// Options with which the compiler checks the sizes of buffers.
pub const FORTIFIED: &[&str] = &["-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3"];

/// Compiles `c/calls.c` to this file.
///
/// # Panics
///
/// If the compiler fails.
pub fn compile(to: &Path, options: &[&str]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/c/calls.c");
    let output = Command::new("cc")
        .args(options)
        .arg("-o")
        .args([to, &source])
        .args(["-lpthread", "-ldl"])
        .output()
        .expect("cc can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
