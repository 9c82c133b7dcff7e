//! Libraries that are loaded while processes live.
//!
//! Thread-locals that a library reaches without asking the loader (`-ftls-model=initial-exec`) lie in the block
//! itself. When such a library is loaded, the C library fills them in for each of its threads, and knows nothing of
//! blocks of processes. So that is done here, when a process calls `dlopen(3)`; the call itself is made on the pool,
//! because it reads the disk and runs the library's constructors. A plain thread's call goes to the C library as
//! it is, which looks at who calls.

use std::arch::naked_asm;
use std::ffi::{c_char, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use std_net_runtime::threadlike::{self, Lock};

use crate::pool::{self, Real};

/// The blocks of all processes, linked through a word that the C library has for its own list.
struct Live(*mut u8);

// SAFETY: blocks are linked and unlinked under the lock.
unsafe impl Send for Live {}

static LIVE: Lock<Live> = Lock::new(Live(ptr::null_mut()));

/// The words of a block's link: next and previous.
fn link(block: *mut u8) -> *mut [*mut u8; 2] {
    block.wrapping_add(crate::block::link_at()).cast()
}

/// A block is about to be used.
pub(crate) fn live(block: *mut u8) {
    if block.is_null() {
        return;
    }
    let mut live = LIVE.lock();
    let first = live.0;
    // SAFETY: the links of this block and of the first are ours, under the lock. A link leads to the link, not
    // to the block, as `fork(2)` expects.
    unsafe {
        let new = link(block);
        if first.is_null() {
            *new = [new.cast(); 2];
        } else {
            let head = link(first);
            let last = (*head)[1].cast::<[*mut u8; 2]>();
            *new = [head.cast(), last.cast()];
            (*last)[0] = new.cast();
            (*head)[1] = new.cast();
        }
    }
    live.0 = block;
}

/// A block is about to be freed.
pub(crate) fn dead(block: *mut u8) {
    let mut live = LIVE.lock();
    // SAFETY: as in `live`; the block is among them.
    unsafe {
        let own = link(block);
        let [next, previous] = *own;
        if ptr::eq(next, own.cast()) {
            live.0 = ptr::null_mut();
            return;
        }
        (*previous.cast::<[*mut u8; 2]>())[0] = next;
        (*next.cast::<[*mut u8; 2]>())[1] = previous;
        if live.0 == block {
            live.0 = next.wrapping_sub(crate::block::link_at());
        }
    }
}

/// `dlopen(3)`. The C library looks at the address that its caller returns to, so a plain thread's call goes on
/// there with nothing in between.
///
/// # Safety
///
/// As the function.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn dlopen(name: *const c_char, flags: c_int) -> *mut c_void {
    naked_asm!(
        "push rdi",
        "push rsi",
        "sub rsp, 8",
        "call {target}",
        "add rsp, 8",
        "pop rsi",
        "pop rdi",
        "jmp rax",
        target = sym target,
    )
}

static REAL: Real = Real::new(c"dlopen");
type Open = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;

extern "C" fn target() -> *mut c_void {
    if threadlike::current().is_some() {
        open_in_process as *mut c_void
    } else {
        REAL.get()
    }
}

unsafe extern "C" fn open_in_process(name: *const c_char, flags: c_int) -> *mut c_void {
    // SAFETY: the library's function of this name has this type.
    let real = unsafe { mem::transmute::<*mut c_void, Open>(REAL.get()) };
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());
    pool::run(&|| {
        let _alone = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let before: Vec<_> = loaded().iter().map(|library| library.key).collect();
        // SAFETY: the caller's, who waits.
        let handle = unsafe { real(name, flags) };
        if !handle.is_null() {
            fill_in(&before);
        }
        handle
    })
}

/// A loaded library with thread-locals.
struct Library {
    /// Where its program headers are, and its number among those with thread-locals.
    key: (usize, usize),
    image: *const u8,
    filled: usize,
    size: usize,
}

/// Thread-locals that lie further below the block were made at their first use.
const FURTHEST: usize = 64 << 10;

impl Library {
    /// How far below the block its thread-locals lie, if they are part of it. On a plain thread, whose block is far
    /// from all else.
    fn offset(&self) -> Option<usize> {
        /// The argument of `__tls_get_addr`, by the ABI: the number of a library, and an offset.
        type Index = [usize; 2];
        // SAFETY: a string that ends with a zero byte.
        let find = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__tls_get_addr".as_ptr()) };
        if find.is_null() {
            return None;
        }
        // SAFETY: the ABI's function of this name.
        let find = unsafe {
            mem::transmute::<*mut c_void, unsafe extern "C" fn(*const Index) -> *mut u8>(find)
        };
        let index: Index = [self.key.1, 0];
        // SAFETY: the number of a library that is loaded; it may not be unloaded before `dlopen` has returned.
        let data = unsafe { find(&raw const index) };
        let offset = (crate::block::current() as usize).wrapping_sub(data as usize);
        (offset <= FURTHEST).then_some(offset)
    }
}

fn loaded() -> Vec<Library> {
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, all: *mut c_void) -> c_int {
        // SAFETY: dl_iterate_phdr passes what it documents, and our own pointer.
        let (info, all) = unsafe { (&*info, &mut *all.cast::<Vec<Library>>()) };
        for i in 0..usize::from(info.dlpi_phnum) {
            // SAFETY: so many program headers.
            let header = unsafe { &*info.dlpi_phdr.add(i) };
            if header.p_type == libc::PT_TLS {
                all.push(Library {
                    key: (info.dlpi_phdr as usize, info.dlpi_tls_modid),
                    image: (info.dlpi_addr + header.p_vaddr) as *const u8,
                    filled: header.p_filesz as usize,
                    size: header.p_memsz as usize,
                });
            }
        }
        0
    }
    let mut all: Vec<Library> = Vec::new();
    // SAFETY: the function takes what it is given here.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut all).cast()) };
    all
}

/// Fills in the thread-locals of libraries that were not there before, in the blocks of all processes. On a plain
/// thread.
fn fill_in(before: &[(usize, usize)]) {
    let all = loaded();
    let live = LIVE.lock();
    for library in all.iter().filter(|library| !before.contains(&library.key)) {
        let Some(offset) = library.offset() else {
            continue;
        };
        let mut block = live.0;
        while !block.is_null() {
            // SAFETY: each block has the library's thread-locals at the same place as this thread's; nobody uses them,
            // since `dlopen` has not returned.
            unsafe {
                let at = block.sub(offset);
                ptr::copy_nonoverlapping(library.image, at, library.filled);
                ptr::write_bytes(at.add(library.filled), 0, library.size - library.filled);
                let next = (*link(block))[0].wrapping_sub(crate::block::link_at());
                block = if next == live.0 {
                    ptr::null_mut()
                } else {
                    next
                };
            }
        }
    }
}
