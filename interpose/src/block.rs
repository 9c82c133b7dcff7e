//! A process's own thread-locals: a block of the GNU C library's, as `pthread_create(3)` makes it for a
//! thread, with no thread behind it.
//!
//! On x86-64 the thread pointer points to the library's `struct pthread`. Below it lie the thread-locals of the
//! program and of the libraries that were loaded at its start; a vector in it leads to those of libraries that
//! were loaded later. `_dl_allocate_tls` makes both. What else there must be, so that the library takes the
//! process for a thread, is filled in here.
//!
//! None of this is promised by the library, so it is looked for, not assumed. What does not look as
//! expected makes processes unsupported.
//!
//! | in the block | what the process has |
//! |---|---|
//! | pointers to itself | its own address: `pthread_self(3)` is its own |
//! | canary, pointer guard | the thread's, which are the program's |
//! | thread id | a number of its own above all real ones, by which locks know their owner |
//! | link in the list of threads | leads to itself: `fork(2)` takes it out of the list in the child |
//! | robust locks | an empty list |
//! | restartable sequences | "not registered" |
//! | the allocator's cache and arena | the thread's, which no two processes use at once |

use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::keys;

/// Names that the C library keeps for its own parts, and what was found by looking.
#[derive(Debug)]
struct Library {
    /// `void *_dl_allocate_tls(void *)`: with null it allocates all.
    allocate: unsafe extern "C" fn(*mut c_void) -> *mut u8,
    /// `void _dl_deallocate_tls(void *, bool)`: with true it frees all.
    deallocate: unsafe extern "C" fn(*mut u8, bool),
    /// `void __call_tls_dtors(void)`: what `__cxa_thread_atexit_impl` has noted.
    call_destructors: unsafe extern "C" fn(),
    /// `void __ctype_init(void)`: the thread's tables of characters.
    init_ctype: unsafe extern "C" fn(),
    /// Where the thread id lies in the block; before it the link, behind it the robust list.
    tid: usize,
    /// Where the area of restartable sequences lies, if there is one.
    rseq: Option<isize>,
    /// Words below the block that say which memory the allocator gives the thread first.
    allocator: Vec<isize>,
    /// Where the tables of `pthread_setspecific(3)` beyond the first 32 keys lie, and how many.
    specific: Option<(usize, usize)>,
}

static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();

// Offsets that the ABI or all compilers rely on.
const SELF: [usize; 2] = [0x00, 0x10];
/// `multiple_threads`, four bytes.
const MULTIPLE_THREADS: usize = 0x18;
/// `sysinfo`, the canary of stacks, the pointer guard.
const SHARED: [usize; 3] = [0x20, 0x28, 0x30];
/// Which of the processor's protections are on, four bytes.
const FEATURES: usize = 0x48;
const SHADOW_STACK: u32 = 2;

/// `FUTEX_TID_MASK` has 30 bits; real ids have 22.
const PROCESS_TIDS: u64 = 1 << 29;

/// A thread-local that every block must have for itself.
mod probe {
    use std::cell::Cell;

    thread_local! {
        pub(super) static PROBE: Cell<u64> = const { Cell::new(0x5eed) };
    }
}

/// Whether blocks can be had here.
pub(crate) fn check() -> Result<(), String> {
    library().map(drop)
}

fn library() -> Result<&'static Library, String> {
    LIBRARY.get_or_init(look).as_ref().map_err(String::clone)
}

/// Where the link for the library's list of threads lies in a block.
pub(crate) fn link_at() -> usize {
    library().map_or(0, |library| library.tid - 16)
}

/// The block of the calling thread, or process.
pub(crate) fn current() -> *mut u8 {
    let pointer;
    // SAFETY: the first word of a thread's block, by the ABI.
    unsafe {
        std::arch::asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly));
    }
    pointer
}

/// # Safety
///
/// As the runtime's: a complete block that nobody else uses; the calling function touches no thread-local.
#[inline(always)]
unsafe fn set_current(block: *mut u8) {
    // SAFETY: the caller's.
    unsafe { std::arch::asm!("wrfsbase {}", in(reg) block, options(nostack, preserves_flags)) };
}

fn find(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a string that ends with a zero byte.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

fn need(name: &CStr) -> Result<*mut c_void, String> {
    find(name).ok_or_else(|| format!("the C library has no {}", name.to_string_lossy()))
}

/// Looks at the processor, the C library and the calling thread's block.
fn look() -> Result<Library, String> {
    // SAFETY: no preconditions.
    let features = unsafe { libc::getauxval(libc::AT_HWCAP2) };
    if features & 2 == 0 {
        return Err("the processor, or the kernel, has no FSGSBASE".into());
    }
    if find(c"gnu_get_libc_version").is_none() {
        return Err("the C library is not GNU's".into());
    }
    for name in [c"__asan_init", c"__tsan_init", c"__msan_init"] {
        if find(name).is_some() {
            return Err(format!(
                "a sanitizer is linked ({})",
                name.to_string_lossy()
            ));
        }
    }
    let block = current();
    // SAFETY: within the block of a running thread, which has more than a KiB.
    let word = |at: usize| unsafe { block.add(at).cast::<usize>().read_unaligned() };
    if SELF.iter().any(|&at| word(at) != block as usize) {
        return Err("a thread's block does not point to itself".into());
    }
    if word(FEATURES) as u32 & SHADOW_STACK != 0 {
        return Err("the processor keeps a shadow stack".into());
    }
    let tid = find_tid(block)?;
    // SAFETY: these are the library's own parts, of these names since glibc 2.25; their types stand above.
    let mut library = unsafe {
        Library {
            allocate: mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void) -> *mut u8>(
                need(c"_dl_allocate_tls")?,
            ),
            deallocate: mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut u8, bool)>(need(
                c"_dl_deallocate_tls",
            )?),
            call_destructors: mem::transmute::<*mut c_void, unsafe extern "C" fn()>(need(
                c"__call_tls_dtors",
            )?),
            init_ctype: mem::transmute::<*mut c_void, unsafe extern "C" fn()>(need(
                c"__ctype_init",
            )?),
            tid,
            // Documented: `rseq(2)`, glibc 2.35.
            rseq: find(c"__rseq_offset").map(|offset| offset.cast::<isize>().read()),
            allocator: Vec::new(),
            specific: find_specific(),
        }
    };
    library.allocator = find_allocator(&library)?;
    try_out(&library)?;
    Ok(library)
}

/// The thread id stands between the link in the library's list of threads and the list of robust locks:
/// where all three are, it is that.
fn find_tid(block: *mut u8) -> Result<usize, String> {
    // SAFETY: no preconditions.
    let tid = unsafe { libc::gettid() };
    let mut found = (0x200..0x400).step_by(8).filter(|&at| {
        // SAFETY: within the block, which is larger.
        let (id, link, robust) = unsafe {
            (
                block.add(at).cast::<c_int>().read(),
                [
                    block.add(at - 16).cast::<usize>().read(),
                    block.add(at - 8).cast::<usize>().read(),
                ],
                block.add(at + 16).cast::<usize>().read(),
            )
        };
        let own = block as usize + at;
        // The neighbours in the list point back: the next one's second word, the previous one's first.
        let points_back = |neighbour: usize, field: usize| {
            let mut back = 0_usize;
            let local = libc::iovec {
                iov_base: (&raw mut back).cast(),
                iov_len: mem::size_of::<usize>(),
            };
            let remote = libc::iovec {
                iov_base: neighbour.wrapping_add(field) as *mut c_void,
                iov_len: mem::size_of::<usize>(),
            };
            // SAFETY: room for a word. What is no memory of ours makes an error and no fault.
            let read = unsafe {
                libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0)
            };
            read == mem::size_of::<usize>() as isize && back == own - 16
        };
        id == tid && robust == own + 16 && points_back(link[0], 8) && points_back(link[1], 0)
    });
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        _ => Err("a thread's block has no thread id where it is looked for".into()),
    }
}

/// What the library tells debuggers: `_thread_db_pthread_specific` is the size of an entry in bits, how many
/// there are, and where they begin.
fn find_specific() -> Option<(usize, usize)> {
    let described = find(c"_thread_db_pthread_specific")?.cast::<[u32; 3]>();
    // SAFETY: three numbers, by glibc's `nptl_db`.
    let [bits, count, at] = unsafe { described.read() };
    (bits == 64 && count <= 64 && at < 0x900).then_some((at as usize, count as usize))
}

/// The library's thread-locals, as offsets from the block: `(from, to)`.
fn library_locals() -> Option<(isize, isize)> {
    struct Search {
        base: usize,
        found: Option<(usize, usize)>,
    }

    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        size: usize,
        search: *mut c_void,
    ) -> c_int {
        // SAFETY: dl_iterate_phdr passes what it documents, and our own pointer.
        let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
        if info.dlpi_addr as usize != search.base || size < mem::size_of::<libc::dl_phdr_info>() {
            return 0;
        }
        for i in 0..usize::from(info.dlpi_phnum) {
            // SAFETY: so many program headers.
            let header = unsafe { &*info.dlpi_phdr.add(i) };
            if header.p_type == libc::PT_TLS && !info.dlpi_tls_data.is_null() {
                search.found = Some((info.dlpi_tls_data as usize, header.p_memsz as usize));
            }
        }
        1
    }

    let mut whose = mem::MaybeUninit::<libc::Dl_info>::zeroed();
    let version = find(c"gnu_get_libc_version")?;
    // SAFETY: an address in the library, and room for what is known of it.
    let base = unsafe {
        if libc::dladdr(version, whose.as_mut_ptr()) == 0 {
            return None;
        }
        whose.assume_init().dli_fbase as usize
    };
    // Somebody else's `malloc` keeps its state elsewhere.
    let malloc = find(c"malloc")?;
    // SAFETY: as above.
    let malloc_base = unsafe {
        if libc::dladdr(malloc, whose.as_mut_ptr()) == 0 {
            return None;
        }
        whose.assume_init().dli_fbase as usize
    };
    if malloc_base != base {
        return None;
    }
    let mut search = Search { base, found: None };
    // SAFETY: the function takes what it is given here.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    let (at, len) = search.found?;
    let from = at as isize - current() as isize;
    Some((from, from + len as isize))
}

/// The words of the library's thread-locals that a first allocation fills: pointers to the thread's cache and
/// arena. Processes of a worker share its thread's. None for an allocator that is not the library's own: to that
/// one each process is a thread.
fn find_allocator(library: &Library) -> Result<Vec<isize>, String> {
    let Some((from, to)) = library_locals() else {
        return Ok(Vec::new());
    };
    let block = make(library, 1, &[]);
    if block.is_null() {
        return Err("there is no memory for a block".into());
    }
    let words = || -> Vec<(isize, usize)> {
        (from..to - 7)
            .step_by(8)
            .map(|at| {
                // SAFETY: within the block's part for the library.
                let word = unsafe { block.offset(at).cast::<usize>().read_unaligned() };
                (at, word)
            })
            .collect()
    };
    let before = words();
    // SAFETY: a complete block of our own.
    unsafe { allocate_in(block) };
    let after = words();
    let changed: Vec<isize> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before.1 != after.1)
        .map(|(before, _)| before.0)
        .collect();
    // It leaks what the first allocation has made, once in a program.
    // SAFETY: made above, and no longer in force.
    unsafe { (library.deallocate)(block, true) };
    if changed.len() > 4 {
        return Err(format!(
            "a first allocation changes {} words of a thread's, where 2 were expected",
            changed.len()
        ));
    }
    let this = current();
    // SAFETY: within the running thread's block.
    let is_pointer =
        |at: &isize| unsafe { this.offset(*at).cast::<usize>().read_unaligned() } > 0xffff;
    if !changed.iter().all(is_pointer) {
        return Err("the allocator's words of a thread are no pointers".into());
    }
    Ok(changed)
}

/// # Safety
///
/// A complete block that nobody else uses.
#[inline(never)]
unsafe fn allocate_in(block: *mut u8) {
    let this = current();
    // SAFETY: the caller's; between the two only the allocator runs, which is a function of its own.
    unsafe {
        set_current(block);
        for size in [24, 200, 2000, 24] {
            libc::free(std::hint::black_box(libc::malloc(std::hint::black_box(
                size,
            ))));
        }
        set_current(this);
    }
}

/// Runs something in a block, and sees that it is like a thread.
fn try_out(library: &Library) -> Result<(), String> {
    static OUTCOME: AtomicUsize = AtomicUsize::new(0);

    #[inline(never)]
    fn inside(block: *mut u8) -> usize {
        let mut wrong = 0;
        // SAFETY: no preconditions.
        let own = unsafe { libc::pthread_self() };
        wrong |= usize::from(own as usize != block as usize);
        wrong |= usize::from(probe::PROBE.get() != 0x5eed) << 1;
        probe::PROBE.set(1);
        let mut error_check = mem::MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let mut mutex = mem::MaybeUninit::<libc::pthread_mutex_t>::uninit();
        // SAFETY: room for each, initialised before its use.
        let locked = unsafe {
            libc::pthread_mutexattr_init(error_check.as_mut_ptr());
            libc::pthread_mutexattr_settype(
                error_check.as_mut_ptr(),
                libc::PTHREAD_MUTEX_ERRORCHECK,
            );
            libc::pthread_mutex_init(mutex.as_mut_ptr(), error_check.as_ptr());
            let first = libc::pthread_mutex_trylock(mutex.as_mut_ptr());
            OUTCOME.store(mutex.as_ptr() as usize, Ordering::Relaxed);
            first
        };
        wrong |= usize::from(locked != 0) << 2;
        // The owner is the process: word 2 of a lock of this library, `__owner`.
        // SAFETY: as above.
        let owner = unsafe { mutex.as_ptr().cast::<u32>().add(2).read() };
        wrong |= usize::from(owner != tid_of(1).cast_unsigned()) << 3;
        // SAFETY: as above.
        unsafe { libc::pthread_mutex_unlock(mutex.as_mut_ptr()) };
        wrong
    }

    #[inline(never)]
    unsafe fn enter(block: *mut u8) -> usize {
        let this = current();
        // SAFETY: the caller's; no thread-local is touched here.
        unsafe {
            set_current(block);
            let wrong = inside(std::hint::black_box(block));
            set_current(this);
            wrong
        }
    }

    let block = make(library, 1, &library.allocator);
    if block.is_null() {
        return Err("there is no memory for a block".into());
    }
    // SAFETY: a complete block of our own.
    let wrong = unsafe { enter(block) };
    let kept = probe::PROBE.get() == 0x5eed;
    // SAFETY: made above, and no longer in force.
    unsafe { (library.deallocate)(block, true) };
    if wrong != 0 || !kept {
        return Err(format!(
            "code does not run as a thread's with a block of its own (trial {wrong:#x}, {kept})"
        ));
    }
    Ok(())
}

/// The thread id of the process of this number. No two that live have the same unless 2^29 were spawned in
/// between.
fn tid_of(process: u64) -> c_int {
    (PROCESS_TIDS | (process % PROCESS_TIDS)) as c_int
}

/// Makes a block for a process that runs on the calling thread.
fn make(library: &Library, process: u64, allocator: &[isize]) -> *mut u8 {
    let this = current();
    // SAFETY: it allocates all it needs.
    let block = unsafe { (library.allocate)(ptr::null_mut()) };
    if block.is_null() {
        return block;
    }
    // SAFETY: all of this lies within the new block, or within the running thread's; the offsets were
    // looked for in `look`.
    unsafe {
        for at in SELF {
            block.add(at).cast::<*mut u8>().write(block);
        }
        copy::<u32>(this, block, MULTIPLE_THREADS as isize);
        copy::<u32>(this, block, FEATURES as isize);
        for at in SHARED {
            copy::<u64>(this, block, at as isize);
        }
        block
            .add(library.tid)
            .cast::<c_int>()
            .write(tid_of(process));
        let link = block.add(library.tid - 16);
        link.cast::<[*mut u8; 2]>().write([link; 2]);
        let robust = block.add(library.tid + 16);
        robust.cast::<*mut u8>().write(robust);
        if let Some(rseq) = library.rseq {
            // `cpu_id` is RSEQ_CPU_ID_REGISTRATION_FAILED.
            block
                .offset(rseq)
                .add(4)
                .cast::<c_int>()
                .write_unaligned(-2);
        }
        for &at in allocator {
            copy::<u64>(this, block, at);
        }
    }
    block
}

/// # Safety
///
/// There is a `T` at this offset of both.
unsafe fn copy<T: Copy>(from: *mut u8, to: *mut u8, at: isize) {
    // SAFETY: the caller's.
    unsafe {
        let value = from.offset(at).cast::<T>().read_unaligned();
        to.offset(at).cast::<T>().write_unaligned(value);
    }
}

// For the runtime.

pub(crate) fn allocate(process: u64) -> *mut u8 {
    match library() {
        Ok(library) => {
            let block = make(library, process, &library.allocator);
            crate::dl::live(block);
            block
        }
        Err(_) => ptr::null_mut(),
    }
}

/// In the process, before all else.
pub(crate) fn begin() {
    if let Ok(library) = library() {
        // SAFETY: as at the beginning of a thread.
        unsafe { (library.init_ctype)() };
    }
}

/// In the process, after all else: the destructors of its thread-locals.
pub(crate) fn end() {
    if let Ok(library) = library() {
        // SAFETY: as at the end of a thread.
        unsafe { (library.call_destructors)() };
        keys::run_destructors();
    }
}

/// # Safety
///
/// From [`allocate`], and the process has ended.
pub(crate) unsafe fn free(block: *mut u8) {
    let Ok(library) = library() else {
        return;
    };
    crate::dl::dead(block);
    if let Some((at, count)) = library.specific {
        for i in 1..count {
            // SAFETY: the library's tables of keys, from `calloc`, of which nobody knows any more. The first is
            // part of the block.
            unsafe { libc::free(block.add(at + 8 * i).cast::<*mut c_void>().read()) };
        }
    }
    // SAFETY: the caller's.
    unsafe { (library.deallocate)(block, true) };
}
