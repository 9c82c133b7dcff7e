/* A preload library that pretends that pages are of PAGE_SIZE bytes: it says so, and refuses, as a
 * kernel with such pages does, what is not aligned to them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static uintptr_t page(void) {
    const char *text = getenv("PAGE_SIZE");
    return text ? strtoul(text, NULL, 10) : 65536;
}

static size_t whole(size_t len) { return (len + page() - 1) / page() * page(); }

long sysconf(int name) {
    static long (*next)(int);
    if (!next) next = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");
    return name == _SC_PAGESIZE ? (long)page() : next(name);
}

static int refuse(void *start) {
    if ((uintptr_t)start % page() == 0) return 0;
    errno = EINVAL;
    return 1;
}

int madvise(void *start, size_t len, int advice) {
    return refuse(start) ? -1 : (int)syscall(SYS_madvise, start, whole(len), advice);
}

int mprotect(void *start, size_t len, int protection) {
    return refuse(start) ? -1 : (int)syscall(SYS_mprotect, start, whole(len), protection);
}

/* One more page is mapped, so that the start can be moved up to a multiple of the pretended size. */
void *mmap(void *start, size_t len, int protection, int flags, int fd, off_t offset) {
    if (start || fd != -1)
        return (void *)syscall(SYS_mmap, start, len, protection, flags, fd, offset);
    char *base = (char *)syscall(SYS_mmap, NULL, whole(len) + page(), protection, flags, fd, offset);
    if (base == MAP_FAILED) return base;
    return (void *)(((uintptr_t)base + page() - 1) / page() * page());
}

void *mmap64(void *start, size_t len, int protection, int flags, int fd, off_t offset) {
    return mmap(start, len, protection, flags, fd, offset);
}
