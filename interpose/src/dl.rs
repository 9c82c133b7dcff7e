//! Libraries that are loaded while processes run.
//!
//! A library built with `-ftls-model=initial-exec` reaches its thread-locals without asking the loader. These
//! thread-locals lie in the block itself. When such a library is loaded, the C library initialises them for each of its
//! threads, but it does not know the blocks of processes. So this module initialises them when a process calls
//! `dlopen(3)`. The call itself runs on the pool, because it reads the disk and runs the library's constructors. A
//! plain thread's call goes straight to the C library, which looks at its caller's address.

use std::arch::naked_asm;
use std::ffi::{c_char, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use std_net_runtime::threadlike::{self, Lock};

use crate::library::Real;
use crate::pool;

/// The blocks of all processes, in a linked list. The link is in the words that the C library uses for its own list of
/// threads.
struct Live(*mut u8);

// SAFETY: blocks are linked and unlinked only under the lock.
unsafe impl Send for Live {}

static LIVE: Lock<Live> = Lock::new(Live(ptr::null_mut()));

/// The link of a block: the pointer to the next one and the one to the previous one.
fn link(block: *mut u8) -> *mut [*mut u8; 2] {
    block.wrapping_add(crate::block::link_at()).cast()
}

/// Adds a block to the list. Call this before the block is used.
pub(crate) fn live(block: *mut u8) {
    if block.is_null() {
        return;
    }
    let mut live = LIVE.lock();
    let first = live.0;
    // SAFETY: the links of this block and of the first one belong to this module, and the lock is held. A link points
    // to the next link and not to the next block, as `fork(2)` of the C library expects.
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

/// Takes a block out of the list. Call this before the block is freed.
pub(crate) fn dead(block: *mut u8) {
    let mut live = LIVE.lock();
    // SAFETY: the reason is the same as in `live`. The block is in the list.
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

/// `dlopen(3)`. The C library looks at the return address of its caller. So this function jumps to the C library on a
/// plain thread, and leaves no frame of its own in between.
///
/// # Safety
///
/// The same as for the function.
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
        // SAFETY: the caller keeps this function's contract, and it waits until this call has returned.
        let handle = unsafe { real(name, flags) };
        if !handle.is_null() {
            fill_in(&before);
        }
        handle
    })
}

/// A loaded library with thread-locals.
struct Library {
    /// The address of its program headers, and its module number in the loader's list of libraries with thread-locals.
    key: (usize, usize),
    image: *const u8,
    filled: usize,
    size: usize,
}

/// Thread-locals further below the block than this were allocated on their first use, so they are not part of the
/// block.
const FURTHEST: usize = 64 << 10;

impl Library {
    /// How far below the block its thread-locals lie, or `None` if they are not part of the block. Call this on a plain
    /// thread: a thread's block is far from all other memory.
    fn offset(&self) -> Option<usize> {
        /// The argument of `__tls_get_addr` in the ABI: a module number and an offset.
        type Index = [usize; 2];
        // SAFETY: the string ends with a zero byte.
        let find = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__tls_get_addr".as_ptr()) };
        if find.is_null() {
            return None;
        }
        // SAFETY: the ABI defines the type of this function.
        let find = unsafe {
            mem::transmute::<*mut c_void, unsafe extern "C" fn(*const Index) -> *mut u8>(find)
        };
        let index: Index = [self.key.1, 0];
        // SAFETY: the number belongs to a loaded library. No code can unload it before `dlopen` has returned.
        let data = unsafe { find(&raw const index) };
        let offset = (crate::block::current() as usize).wrapping_sub(data as usize);
        (offset <= FURTHEST).then_some(offset)
    }
}

fn loaded() -> Vec<Library> {
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, all: *mut c_void) -> c_int {
        // SAFETY: dl_iterate_phdr passes the documented structure and our own pointer.
        let (info, all) = unsafe { (&*info, &mut *all.cast::<Vec<Library>>()) };
        for i in 0..usize::from(info.dlpi_phnum) {
            // SAFETY: `i` is below the number of program headers.
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
    // SAFETY: `visit` gets the pointer that it expects.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut all).cast()) };
    all
}

/// Initialises the thread-locals of all libraries that are not in `before`, in the blocks of all processes. Call this
/// on a plain thread.
fn fill_in(before: &[(usize, usize)]) {
    let all = loaded();
    let live = LIVE.lock();
    for library in all.iter().filter(|library| !before.contains(&library.key)) {
        let Some(offset) = library.offset() else {
            continue;
        };
        let mut block = live.0;
        while !block.is_null() {
            // SAFETY: each block has the library's thread-locals at the same offset as this thread's block. No code
            // uses them yet, since `dlopen` has not returned.
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
