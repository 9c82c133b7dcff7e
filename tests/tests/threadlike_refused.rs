//! Where one of the things is missing that threadlike processes need, `spawn` says which, and nothing is half on.
//!
//! A preloaded library of C plays the missing thing: a processor without FSGSBASE, a sanitizer, a C library whose blocks
//! of thread-locals cannot be had.

// Elsewhere `threadlike_elsewhere` asks the same.
#![cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_env = "gnu",
    not(std_net_portable)
))]

use std::cell::Cell;
use std::fs;
use std::io::ErrorKind;
use std::process::Command;
use std::sync::Arc;

use std_net::process;
use std_net_interpose as _;
use std_net_tests::threadlike::start;
use std_net_tests::{LIMIT, again, is_again, within};

/// What the library says, and what the error must then say.
const CASES: [(&str, &str); 4] = [
    (
        "#define _GNU_SOURCE\n#include <dlfcn.h>\n\
         unsigned long getauxval(unsigned long type) {\n\
         \x20   unsigned long (*real)(unsigned long) = (unsigned long (*)(unsigned long))dlsym(RTLD_NEXT, \"getauxval\");\n\
         \x20   return type == 26 ? real(type) & ~2UL : real(type);\n\
         }\n",
        "FSGSBASE",
    ),
    (
        "void __asan_init(void) {}\n",
        "a sanitizer is linked (__asan_init)",
    ),
    (
        // Real threads, which the C library itself starts, have their blocks.
        "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <string.h>\n\
         void *_dl_allocate_tls(void *memory) {\n\
         \x20   void *(*real)(void *) = (void *(*)(void *))dlsym(RTLD_NEXT, \"_dl_allocate_tls\");\n\
         \x20   Dl_info caller;\n\
         \x20   int program = dladdr(__builtin_return_address(0), &caller) && strstr(caller.dli_fname, \"threadlike_refused\");\n\
         \x20   return program ? 0 : real(memory);\n\
         }\n",
        "there is no memory for a block",
    ),
    (
        // The library itself does not call this function.
        "#define _GNU_SOURCE\n#include <dlfcn.h>\n\
         void _dl_get_tls_static_info(unsigned long *size, unsigned long *align) {\n\
         \x20   ((void (*)(unsigned long *, unsigned long *))dlsym(RTLD_NEXT, \"_dl_get_tls_static_info\"))(size, align);\n\
         \x20   *size -= 2048;\n\
         }\n",
        "a thread's block takes more memory than the C library says",
    ),
];

#[test]
fn the_error_names_what_is_missing_and_nothing_is_half_on() {
    const NAME: &str = "the_error_names_what_is_missing_and_nothing_is_half_on";
    thread_local!(static CELL: Cell<u32> = const { Cell::new(0) });
    if is_again() {
        let reason = std::env::var("STD_NET_REASON").unwrap();
        within(LIMIT, || {
            start();
            assert!(std_net_interpose::unsupported().unwrap().contains(&reason));
            // The second answer is the same as the first.
            for _ in 0..2 {
                let held = Arc::new(());
                let captured = Arc::clone(&held);
                let builder = process::Builder::new().threadlike(true);
                let error = builder.spawn(move || drop(captured)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                assert!(error.to_string().contains(&reason), "{error}");
                assert_eq!(Arc::strong_count(&held), 1);
            }
            // Processes are ordinary ones: they share the thread-locals of their worker, and no call of theirs parks.
            process::spawn(|| CELL.set(5)).join().unwrap();
            let shared = process::spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(1));
                CELL.get()
            });
            assert_eq!(shared.join().unwrap(), 5);
            assert_eq!(std_net_interpose::waits(), 0);
        });
        return;
    }
    for (code, reason) in CASES {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("missing.c");
        let library = folder.path().join("libmissing.so");
        fs::write(&source, code).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        let env = [
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("STD_NET_REASON", reason),
            // Where they cannot be had, the runtime of a program that wants them for all processes does not start.
            ("STD_NET_THREADLIKE", "0"),
        ];
        let output = again(NAME, &env);
        assert!(output.status.success(), "{reason}: {output:?}");
    }
}
