//! The thread-locals of a process. They are in a block of the GNU C library like the one that `pthread_create(3)` makes
//! for a thread, but there is no thread. As for a thread, the block lies next to the stack: the process touches both, so
//! they share pages.
//!
//! On x86-64 the thread pointer points to the library's `struct pthread`. Below it are the thread-locals of the program
//! and of the libraries that were loaded at its start. A vector in the struct leads to the thread-locals of libraries
//! that were loaded later. `_dl_allocate_tls` initialises the former and makes the latter. This module fills in the other fields that the library needs
//! to take the process for a thread.
//!
//! The library does not promise any of this layout. So this module searches for each field and does not assume its
//! place. If something is not as expected, threadlike processes are unsupported.
//!
//! | in the block | what the process has |
//! |---|---|
//! | pointers to itself | its own address, so `pthread_self(3)` returns its own value |
//! | canary, pointer guard | the thread's, because the whole program shares them |
//! | thread id | a number above all real ones, so that locks know their owner |
//! | link in the list of threads | points to itself, because `fork(2)` unlinks it in the child |
//! | robust locks | an empty list |
//! | restartable sequences | the value for "not registered" |
//! | the allocator's cache and arena | the thread's: only one process of a worker runs at a time |

use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::keys;

/// Functions that the C library keeps for its own use, and places in a block that were found by a search.
#[derive(Debug)]
struct Library {
    /// `void *_dl_allocate_tls(void *)`. With the address of a struct, it makes the vector and initialises the
    /// thread-locals below the struct. Returns null if there is no memory for the vector.
    allocate: unsafe extern "C" fn(*mut c_void) -> *mut u8,
    /// `void _dl_deallocate_tls(void *, bool)`. With false it frees the vector and what the vector leads to.
    deallocate: unsafe extern "C" fn(*mut u8, bool),
    size: Size,
    /// `void __call_tls_dtors(void)`. It runs the destructors that `__cxa_thread_atexit_impl` has recorded.
    call_destructors: unsafe extern "C" fn(),
    /// `void __ctype_init(void)`. It sets the thread's character tables.
    init_ctype: unsafe extern "C" fn(),
    /// The place of the thread id in the block. The list link is just before it, and the robust list just behind it.
    tid: usize,
    /// The place of the area for restartable sequences, if there is one.
    rseq: Option<isize>,
    /// The places (below the block) of the words that say which memory the allocator gives to the thread first.
    allocator: Vec<isize>,
    /// The place and the number of the tables for `pthread_setspecific(3)`. Tables after the first one hold keys above
    /// 31.
    specific: Option<(usize, usize)>,
}

/// How much memory a block takes.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// The bytes below the thread pointer. Some of them are for libraries that will be loaded.
    below: usize,
    /// The bytes of `struct pthread`, at the thread pointer.
    pthread: usize,
    /// The alignment of the thread pointer, at least [`PLACE`].
    align: usize,
}

/// The alignment of the memory that the runtime gives for a block.
const PLACE: usize = 64;

impl Size {
    /// The bytes that a block needs at an address that is a multiple of [`PLACE`].
    fn room(self) -> usize {
        self.below + self.pthread + (self.align - PLACE)
    }

    /// The thread pointer of a block in the memory at `place`.
    fn pointer(self, place: *mut u8) -> *mut u8 {
        let lowest = place.wrapping_add(self.below);
        lowest.wrapping_add(lowest.align_offset(self.align))
    }
}

static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();

// The ABI or all compilers rely on these offsets.
const SELF: [usize; 2] = [0x00, 0x10];
/// `multiple_threads` has four bytes.
const MULTIPLE_THREADS: usize = 0x18;
/// `sysinfo`, the stack canary and the pointer guard.
const SHARED: [usize; 3] = [0x20, 0x28, 0x30];
/// Which protections of the processor are on. This field has four bytes.
const FEATURES: usize = 0x48;
const SHADOW_STACK: u32 = 2;

/// `FUTEX_TID_MASK` has 30 bits, and a real thread id has at most 22. So ids from here on belong to no thread.
const PROCESS_TIDS: u64 = 1 << 29;

/// A thread-local for a test: every block must have its own copy.
mod probe {
    use std::cell::Cell;

    thread_local! {
        pub(super) static PROBE: Cell<u64> = const { Cell::new(0x5eed) };
    }
}

/// Whether processes can have blocks in this program.
pub(crate) fn check() -> Result<(), String> {
    library().map(drop)
}

fn library() -> Result<&'static Library, String> {
    LIBRARY.get_or_init(look).as_ref().map_err(String::clone)
}

/// The place of the link for the library's list of threads in a block.
pub(crate) fn link_at() -> usize {
    library().map_or(0, |library| library.tid - 16)
}

/// The block of the calling thread or process.
pub(crate) fn current() -> *mut u8 {
    let pointer;
    // SAFETY: by the ABI, this is the first word of a thread's block, and it holds the address of the block.
    unsafe {
        std::arch::asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly));
    }
    pointer
}

/// # Safety
///
/// The block is complete and no other thread uses it. The calling function touches no thread-local. The runtime's
/// switch has the same contract.
#[inline(always)]
unsafe fn set_current(block: *mut u8) {
    // SAFETY: the caller keeps this function's contract.
    unsafe { std::arch::asm!("wrfsbase {}", in(reg) block, options(nostack, preserves_flags)) };
}

fn find(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the string ends with a zero byte.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

fn need(name: &CStr) -> Result<*mut c_void, String> {
    find(name).ok_or_else(|| format!("the C library has no {}", name.to_string_lossy()))
}

/// Checks the processor, the C library and the calling thread's block.
fn look() -> Result<Library, String> {
    // SAFETY: the call has no preconditions.
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
    // SAFETY: the word is within the block of a running thread, which has more than 1 KiB.
    let word = |at: usize| unsafe { block.add(at).cast::<usize>().read_unaligned() };
    if SELF.iter().any(|&at| word(at) != block as usize) {
        return Err("a thread's block does not point to itself".into());
    }
    if word(FEATURES) as u32 & SHADOW_STACK != 0 {
        return Err("the processor keeps a shadow stack".into());
    }
    let tid = find_tid(block)?;
    // SAFETY: the library has had these internal functions under these names since glibc 2.25. Their types are at the
    // fields of `Library`.
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
            size: find_size()?,
            tid,
            // `rseq(2)` documents this symbol, since glibc 2.35.
            rseq: find(c"__rseq_offset").map(|offset| offset.cast::<isize>().read()),
            allocator: Vec::new(),
            specific: find_specific(),
        }
    };
    library.allocator = find_allocator(&library)?;
    try_out(&library)?;
    Ok(library)
}

/// Finds the thread id. It lies between the link in the library's list of threads and the list of robust locks. A place
/// where all three are found must be the right one.
fn find_tid(block: *mut u8) -> Result<usize, String> {
    // SAFETY: the call has no preconditions.
    let tid = unsafe { libc::gettid() };
    let mut found = (0x200..0x400).step_by(8).filter(|&at| {
        // SAFETY: the words are within the block, which is larger than 0x400 bytes.
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
        // The neighbours in the list point back to this link: the next one by its second word, the previous one by its
        // first word.
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
            // SAFETY: there is room for a word. If the remote address is not mapped, the call fails with an error and
            // there is no fault.
            let read = unsafe {
                libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0)
            };
            read == mem::size_of::<usize>() as isize && back == own - 16
        };
        id == tid && robust == own + 16 && points_back(link[0], 8) && points_back(link[1], 0)
    });
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        _ => Err("no thread id was found in a thread's block".into()),
    }
}

/// Finds out how much memory a block takes.
fn find_size() -> Result<Size, String> {
    let ask = need(c"_dl_get_tls_static_info")?;
    let (mut all, mut align) = (0_usize, 0_usize);
    // SAFETY: the library has this function for sanitizers. It writes the size of a block with its struct, and its
    // alignment.
    unsafe {
        let ask = mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut usize, *mut usize)>(ask);
        ask(&raw mut all, &raw mut align);
    }
    let on_stack = thread::Builder::new()
        .spawn(struct_on_stack)
        .map_err(|error| format!("no thread can be started for a look at its block: {error}"))?
        .join()
        .unwrap_or(None);
    let strange = || format!("a thread's block is not as expected ({all} {align} {on_stack:?})");
    let align = align.max(PLACE);
    let on_stack = on_stack.filter(|bytes| (0x400..all).contains(bytes));
    let on_stack = on_stack.ok_or_else(strange)?;
    if !align.is_power_of_two() || align > 1 << 20 || all > 1 << 30 {
        return Err(strange());
    }
    // The struct with what its alignment has left free has `on_stack` bytes. All below it is a multiple of the
    // alignment.
    let below = (all - on_stack).next_multiple_of(align);
    let pthread = all.checked_sub(below).filter(|&bytes| bytes >= 0x400);
    Ok(Size {
        below,
        pthread: pthread.ok_or_else(strange)?,
        align,
    })
}

/// The number of bytes from the calling thread's struct to the end of its stack. The library puts the struct there.
fn struct_on_stack() -> Option<usize> {
    let mut attributes = mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut lowest, mut len) = (ptr::null_mut(), 0);
    // SAFETY: there is room for each answer. The attributes are initialised when the first call has succeeded.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lowest, &raw mut len);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    (lowest as usize + len).checked_sub(current() as usize)
}

/// Reads what the library publishes for debuggers. `_thread_db_pthread_specific` holds the size of an entry in bits,
/// the number of entries, and the place of the first one.
fn find_specific() -> Option<(usize, usize)> {
    let described = find(c"_thread_db_pthread_specific")?.cast::<[u32; 3]>();
    // SAFETY: the symbol leads to three numbers, as glibc's `nptl_db` documents.
    let [bits, count, at] = unsafe { described.read() };
    (bits == 64 && count <= 64 && at < 0x900).then_some((at as usize, count as usize))
}

/// Where the library's own thread-locals lie, as offsets from the block: `(from, to)`.
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
        // SAFETY: dl_iterate_phdr passes the documented structure and our own pointer.
        let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
        if info.dlpi_addr as usize != search.base || size < mem::size_of::<libc::dl_phdr_info>() {
            return 0;
        }
        for i in 0..usize::from(info.dlpi_phnum) {
            // SAFETY: `i` is below the number of program headers.
            let header = unsafe { &*info.dlpi_phdr.add(i) };
            if header.p_type == libc::PT_TLS && !info.dlpi_tls_data.is_null() {
                search.found = Some((info.dlpi_tls_data as usize, header.p_memsz as usize));
            }
        }
        1
    }

    let mut whose = mem::MaybeUninit::<libc::Dl_info>::zeroed();
    let version = find(c"gnu_get_libc_version")?;
    // SAFETY: the address is in the library, and there is room for the answer.
    let base = unsafe {
        if libc::dladdr(version, whose.as_mut_ptr()) == 0 {
            return None;
        }
        whose.assume_init().dli_fbase as usize
    };
    // Another library's `malloc` keeps its state elsewhere.
    let malloc = find(c"malloc")?;
    // SAFETY: the address is in a loaded library, and there is room for the answer.
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
    // SAFETY: `visit` gets the pointer that it expects.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    let (at, len) = search.found?;
    let from = at as isize - current() as isize;
    Some((from, from + len as isize))
}

/// A block for a trial. Its memory is full of a byte before, as it is after another process. On both sides of it are
/// such bytes too, which must not change.
struct Trial<'l> {
    library: &'l Library,
    memory: Vec<u8>,
    block: *mut u8,
}

impl<'l> Trial<'l> {
    const FILLED: u8 = 0xa5;
    /// The bytes on each side, a multiple of [`PLACE`].
    const MARGIN: usize = 4096;

    fn new(library: &'l Library, allocator: &[isize]) -> Result<Trial<'l>, String> {
        let len = library.size.room() + 2 * Self::MARGIN + PLACE;
        let mut memory = vec![Self::FILLED; len];
        let place = memory.as_mut_ptr().wrapping_add(Self::MARGIN);
        let place = place.wrapping_add(place.align_offset(PLACE));
        // SAFETY: the memory from `place` on is long enough, and it belongs to this value until its end.
        let block = unsafe { make(library, place, 1, allocator) };
        if block.is_null() {
            return Err("there is no memory for a block".into());
        }
        Ok(Trial {
            library,
            memory,
            block,
        })
    }

    /// Frees the block, which is no longer current.
    fn end(self) -> Result<(), String> {
        // SAFETY: the block was made in `new`, and the caller has left it.
        unsafe { (self.library.deallocate)(self.block, false) };
        let filled = |bytes: &[u8]| bytes.iter().all(|&byte| byte == Self::FILLED);
        let (before, behind) = (
            &self.memory[..Self::MARGIN],
            &self.memory[self.memory.len() - Self::MARGIN..],
        );
        if filled(before) && filled(behind) {
            Ok(())
        } else {
            Err("a thread's block takes more memory than the C library says".into())
        }
    }
}

/// Finds the words among the library's thread-locals that the first allocation changes. They are pointers to the
/// thread's cache and arena. The processes of a worker share these two with its thread. The result is empty if the
/// program uses another allocator: for that one, each process is a thread.
fn find_allocator(library: &Library) -> Result<Vec<isize>, String> {
    let Some((from, to)) = library_locals() else {
        return Ok(Vec::new());
    };
    let trial = Trial::new(library, &[])?;
    let block = trial.block;
    let words = || -> Vec<(isize, usize)> {
        (from..to - 7)
            .step_by(8)
            .map(|at| {
                // SAFETY: the word is within the library's part of the block.
                let word = unsafe { block.offset(at).cast::<usize>().read_unaligned() };
                (at, word)
            })
            .collect()
    };
    let before = words();
    // SAFETY: the block is complete, and only this function uses it.
    unsafe { allocate_in(block) };
    let after = words();
    let changed: Vec<isize> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before.1 != after.1)
        .map(|(before, _)| before.0)
        .collect();
    // This leaks what the first allocation has made, once in a program.
    trial.end()?;
    if changed.len() > 4 {
        return Err(format!(
            "the first allocation of a thread changes {} of its words, where 2 were expected",
            changed.len()
        ));
    }
    let this = current();
    // SAFETY: the word is within the running thread's block.
    let is_pointer =
        |at: &isize| unsafe { this.offset(*at).cast::<usize>().read_unaligned() } > 0xffff;
    if !changed.iter().all(is_pointer) {
        return Err("the words that the allocator keeps for a thread are not pointers".into());
    }
    Ok(changed)
}

/// # Safety
///
/// The block is complete, and no other thread uses it.
#[inline(never)]
unsafe fn allocate_in(block: *mut u8) {
    let this = current();
    // SAFETY: the caller keeps this function's contract. Between the two switches only the allocator runs, and it is
    // not inlined here.
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

/// Runs code in a block and checks that it behaves as on a thread.
fn try_out(library: &Library) -> Result<(), String> {
    static OUTCOME: AtomicUsize = AtomicUsize::new(0);

    #[inline(never)]
    fn inside(block: *mut u8) -> usize {
        let mut wrong = 0;
        // SAFETY: the call has no preconditions.
        let own = unsafe { libc::pthread_self() };
        wrong |= usize::from(own as usize != block as usize);
        wrong |= usize::from(probe::PROBE.get() != 0x5eed) << 1;
        probe::PROBE.set(1);
        let mut error_check = mem::MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let mut mutex = mem::MaybeUninit::<libc::pthread_mutex_t>::uninit();
        // SAFETY: there is room for each value, and it is initialised before its use.
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
        // The process must be the owner of the lock. The owner is word 2 of the library's mutex, `__owner`. SAFETY: the
        // mutex is initialised.
        let owner = unsafe { mutex.as_ptr().cast::<u32>().add(2).read() };
        wrong |= usize::from(owner != tid_of(1).cast_unsigned()) << 3;
        // SAFETY: the mutex is initialised, and this process has locked it.
        unsafe { libc::pthread_mutex_unlock(mutex.as_mut_ptr()) };
        wrong
    }

    #[inline(never)]
    unsafe fn enter(block: *mut u8) -> usize {
        let this = current();
        // SAFETY: the caller keeps this function's contract. This function touches no thread-local.
        unsafe {
            set_current(block);
            let wrong = inside(std::hint::black_box(block));
            set_current(this);
            wrong
        }
    }

    let trial = Trial::new(library, &library.allocator)?;
    // SAFETY: the block is complete, and only this function uses it.
    let wrong = unsafe { enter(trial.block) };
    let kept = probe::PROBE.get() == 0x5eed;
    trial.end()?;
    if wrong != 0 || !kept {
        return Err(format!(
            "code with a block of its own does not run as on a thread (trial {wrong:#x}, {kept})"
        ));
    }
    Ok(())
}

/// The thread id for the process with this number. Two live processes can have the same id only if 2^29 others were
/// spawned between them.
fn tid_of(process: u64) -> c_int {
    (PROCESS_TIDS | (process % PROCESS_TIDS)) as c_int
}

/// Makes a block at `place`, for a process that runs on the calling thread. Returns null if there is no memory for its
/// vector.
///
/// # Safety
///
/// `place` is a multiple of [`PLACE`], and `library.size.room()` bytes there belong to the block until it is freed.
unsafe fn make(library: &Library, place: *mut u8, process: u64, allocator: &[isize]) -> *mut u8 {
    let this = current();
    let block = library.size.pointer(place);
    // SAFETY: the struct, and the thread-locals below it, are within the memory that the caller gives. The library
    // expects a struct of zeros. It initialises the thread-locals itself.
    unsafe {
        block.write_bytes(0, library.size.pthread);
        if (library.allocate)(block.cast()).is_null() {
            return ptr::null_mut();
        }
    }
    // SAFETY: all these places lie within the new block or within the running thread's block. `look` has found the
    // offsets.
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
            // The value -2 for `cpu_id` is RSEQ_CPU_ID_REGISTRATION_FAILED.
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
/// Both blocks have a `T` at this offset.
unsafe fn copy<T: Copy>(from: *mut u8, to: *mut u8, at: isize) {
    // SAFETY: the caller keeps this function's contract.
    unsafe {
        let value = from.offset(at).cast::<T>().read_unaligned();
        to.offset(at).cast::<T>().write_unaligned(value);
    }
}

// The functions that the runtime calls.

/// The bytes that a block needs at an address that is a multiple of 64.
pub(crate) fn room() -> usize {
    library().map_or(0, |library| library.size.room())
}

/// # Safety
///
/// `place` is a multiple of 64, and [`room`] bytes there belong to the block until [`free`].
pub(crate) unsafe fn make_at(process: u64, place: *mut u8) -> *mut u8 {
    let Ok(library) = library() else {
        return ptr::null_mut();
    };
    // SAFETY: the caller keeps this function's contract, which is the same.
    let block = unsafe { make(library, place, process, &library.allocator) };
    crate::dl::live(block);
    block
}

/// Runs in the process, before its own code.
pub(crate) fn begin() {
    if let Ok(library) = library() {
        // SAFETY: the library calls this function at the start of each thread, and this is the start of a process.
        unsafe { (library.init_ctype)() };
    }
}

/// Runs in the process, after its own code. It runs the destructors of the thread-locals.
pub(crate) fn end() {
    if let Ok(library) = library() {
        // SAFETY: the library calls this function at the end of each thread, and this is the end of a process.
        unsafe { (library.call_destructors)() };
        keys::run_destructors();
    }
}

/// # Safety
///
/// The block is from [`make_at`], and its process has ended.
pub(crate) unsafe fn free(block: *mut u8) {
    let Ok(library) = library() else {
        return;
    };
    crate::dl::dead(block);
    if let Some((at, count)) = library.specific {
        for i in 1..count {
            // SAFETY: these are the library's tables for keys. They come from `calloc`, and no other code uses them any
            // more. The first table is part of the block, so the loop skips it.
            unsafe { libc::free(block.add(at + 8 * i).cast::<*mut c_void>().read()) };
        }
    }
    // SAFETY: the caller keeps this function's contract.
    unsafe { (library.deallocate)(block, false) };
}
