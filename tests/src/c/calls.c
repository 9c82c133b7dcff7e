// The blocking functions of the C library, called as C programs call them. Tests compile this file without and with
// -D_FORTIFY_SOURCE=3. Each buffer has 16 bytes, and the compiler does not know the lengths: so a fortified build calls
// `__recv_chk` instead of `recv`, and so on.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The same as `Given` in tests/src/calls.rs.
struct given {
    long fd;
    long other;
    long len;       // bytes, descriptors, or a child
    long timeout;   // milliseconds; -1 is none
    void *pointer;
    long data_len;
    char data[128]; // an address on the way in; what was received on the way out
};

static char big[1 << 20];

static long keep(struct given *g, const char *buf, long n) {
    if (n > 0) {
        g->data_len = n;
        memcpy(g->data, buf, n);
    }
    return n;
}

static struct timespec *span(struct given *g, struct timespec *time) {
    time->tv_sec = g->timeout / 1000;
    time->tv_nsec = g->timeout % 1000 * 1000000;
    return g->timeout < 0 ? NULL : time;
}

// Receiving

static long do_read(struct given *g) {
    char buf[16];
    return keep(g, buf, read(g->fd, buf, g->len));
}
static long do_recv(struct given *g) {
    char buf[16];
    return keep(g, buf, recv(g->fd, buf, g->len, g->other));
}
static long do_recvfrom(struct given *g) {
    char buf[16];
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    return keep(g, buf, recvfrom(g->fd, buf, g->len, g->other, (struct sockaddr *)&from, &len));
}
static long do_readv(struct given *g) {
    char buf[16];
    struct iovec slices[2] = {{buf, 2}, {buf + 2, g->len - 2}};
    return keep(g, buf, readv(g->fd, slices, 2));
}
static long do_recvmsg(struct given *g) {
    char buf[16];
    struct iovec slice = {buf, g->len};
    struct msghdr message = {.msg_iov = &slice, .msg_iovlen = 1};
    return keep(g, buf, recvmsg(g->fd, &message, g->other));
}
static long do_recvmmsg(struct given *g) {
    char buf[16];
    struct iovec slice = {buf, g->len};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &slice, .msg_iovlen = 1}};
    long n = recvmmsg(g->fd, &message, 1, g->other, NULL);
    if (n == 1) keep(g, buf, message.msg_len);
    return n;
}
static long do_pread(struct given *g) {
    char buf[16];
    return keep(g, buf, pread(g->fd, buf, g->len, 1));
}
static long do_pread64(struct given *g) {
    char buf[16];
    return keep(g, buf, pread64(g->fd, buf, g->len, 1));
}

// Sending

static long do_write(struct given *g) { return write(g->fd, big, g->len); }
static long do_send(struct given *g) { return send(g->fd, big, g->len, g->other); }
static long do_sendto(struct given *g) { return sendto(g->fd, big, g->len, g->other, NULL, 0); }
static long do_writev(struct given *g) {
    struct iovec slices[2] = {{big, 2}, {big, g->len - 2}};
    return writev(g->fd, slices, 2);
}
static long do_sendmsg(struct given *g) {
    struct iovec slice = {big, g->len};
    struct msghdr message = {.msg_iov = &slice, .msg_iovlen = 1};
    return sendmsg(g->fd, &message, g->other);
}
static long do_sendmmsg(struct given *g) {
    struct iovec slice = {big, g->len};
    struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &slice, .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = &slice, .msg_iovlen = 1}}};
    return sendmmsg(g->fd, messages, 2, g->other);
}
static long do_sendfile(struct given *g) {
    off_t at = 0;
    return sendfile(g->fd, g->other, &at, g->len);
}
static long do_sendfile64(struct given *g) {
    off64_t at = 0;
    return sendfile64(g->fd, g->other, &at, g->len);
}
static long do_splice(struct given *g) { return splice(g->other, NULL, g->fd, NULL, g->len, 0); }

// Connections

static long do_connect(struct given *g) {
    socklen_t len = g->data_len;
    g->data_len = 0;
    return connect(g->fd, (struct sockaddr *)g->data, len);
}
static long accepted(long fd) {
    if (fd < 0) return fd;
    close(fd);
    return 0;
}
static long do_accept(struct given *g) {
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    return accepted(accept(g->fd, (struct sockaddr *)&from, &len));
}
static long do_accept4(struct given *g) { return accepted(accept4(g->fd, NULL, NULL, SOCK_CLOEXEC)); }

// Waiting for descriptors: `fd` to read, and `other` to read too if it is not -1

static long told(struct given *g, struct pollfd *fds, long n) {
    g->data_len = 2;
    g->data[0] = fds[0].revents & (POLLIN | POLLHUP);
    g->data[1] = fds[1].revents & (POLLIN | POLLHUP);
    return n;
}
static long do_poll(struct given *g) {
    struct pollfd fds[2] = {{g->fd, POLLIN, 0}, {g->other, POLLIN, 0}};
    return told(g, fds, poll(fds, g->len, g->timeout));
}
static long do_ppoll(struct given *g) {
    struct pollfd fds[2] = {{g->fd, POLLIN, 0}, {g->other, POLLIN, 0}};
    struct timespec time;
    return told(g, fds, ppoll(fds, g->len, span(g, &time), NULL));
}
static void ask(struct given *g, fd_set *set) {
    FD_ZERO(set);
    // A bad descriptor is one that is not open.
    FD_SET(g->fd < 0 ? 1000 : g->fd, set);
}
static long answer(struct given *g, fd_set *set, long n) {
    if (n >= 0) {
        g->data_len = 1;
        g->data[0] = !!FD_ISSET(g->fd, set);
    }
    return n;
}
static long do_select(struct given *g) {
    fd_set set;
    ask(g, &set);
    struct timeval time = {g->timeout / 1000, g->timeout % 1000 * 1000};
    return answer(g, &set, select(g->len < 0 ? -1 : 1024, &set, NULL, NULL, g->timeout < 0 ? NULL : &time));
}
static long do_pselect(struct given *g) {
    fd_set set;
    ask(g, &set);
    struct timespec time;
    return answer(g, &set, pselect(g->len < 0 ? -1 : 1024, &set, NULL, NULL, span(g, &time), NULL));
}
// Here `other` is the epoll descriptor, which watches the socket.
static long happened(struct given *g, struct epoll_event *event, long n) {
    if (n > 0) {
        g->data_len = 1;
        g->data[0] = event->events & (EPOLLIN | EPOLLHUP);
    }
    return n;
}
static long do_epoll_wait(struct given *g) {
    struct epoll_event event;
    return happened(g, &event, epoll_wait(g->other, &event, g->len, g->timeout));
}
static long do_epoll_pwait(struct given *g) {
    struct epoll_event event;
    return happened(g, &event, epoll_pwait(g->other, &event, g->len, g->timeout, NULL));
}
#if __GLIBC_PREREQ(2, 35)
static long do_epoll_pwait2(struct given *g) {
    struct epoll_event event;
    struct timespec time;
    return happened(g, &event, epoll_pwait2(g->other, &event, g->len, span(g, &time), NULL));
}
#endif

// Time

static long do_clock_nanosleep(struct given *g) {
    struct timespec time;
    return clock_nanosleep(CLOCK_MONOTONIC, 0, span(g, &time), NULL);
}
static long do_nanosleep(struct given *g) {
    struct timespec time;
    return nanosleep(span(g, &time), NULL);
}
static long do_usleep(struct given *g) { return usleep(g->timeout * 1000); }
static long do_sleep(struct given *g) { return sleep((g->timeout + 999) / 1000); }
static long do_sched_yield(struct given *g) {
    while (!*(volatile int *)g->pointer) sched_yield();
    return sched_yield();
}

// Locks of Rust

static long do_syscall(struct given *g) {
    struct timespec time;
    return syscall(SYS_futex, g->pointer, FUTEX_WAIT_PRIVATE, (int)g->len, span(g, &time), NULL, 0);
}

// Names. All of these answer without a server.

static long do_getaddrinfo(struct given *g) {
    struct addrinfo hints = {.ai_flags = g->len ? AI_NUMERICHOST : 0, .ai_socktype = SOCK_STREAM, .ai_family = AF_INET};
    struct addrinfo *found;
    long error = getaddrinfo(g->data, "80", &hints, &found);
    if (!error) {
        keep(g, (char *)&((struct sockaddr_in *)found->ai_addr)->sin_addr, 4);
        freeaddrinfo(found);
    }
    return error;
}
static struct sockaddr_in loopback(void) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return addr;
}
static long do_getnameinfo(struct given *g) {
    struct sockaddr_in addr = loopback();
    char host[16];
    long error = getnameinfo((struct sockaddr *)&addr, g->len, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    if (!error) keep(g, host, strlen(host));
    return error;
}
static long entry(struct given *g, struct hostent *found) {
    if (!found) return h_errno;
    keep(g, found->h_addr_list[0], found->h_length);
    return 0;
}
static long do_gethostbyname(struct given *g) { return entry(g, gethostbyname(g->data)); }
static long do_gethostbyname2(struct given *g) { return entry(g, gethostbyname2(g->data, AF_INET)); }
static long do_gethostbyaddr(struct given *g) {
    struct in_addr addr = loopback().sin_addr;
    return entry(g, gethostbyaddr(&addr, g->len, AF_INET));
}
static long do_gethostbyname_r(struct given *g) {
    struct hostent space, *found = NULL;
    char buf[4096];
    int error = 0;
    long result = gethostbyname_r(g->data, &space, buf, sizeof buf, &found, &error);
    return found ? entry(g, found) : 1000 + error + result;
}
static long do_gethostbyname2_r(struct given *g) {
    struct hostent space, *found = NULL;
    char buf[4096];
    int error = 0;
    long result = gethostbyname2_r(g->data, AF_INET, &space, buf, sizeof buf, &found, &error);
    return found ? entry(g, found) : 1000 + error + result;
}
static long do_gethostbyaddr_r(struct given *g) {
    struct in_addr addr = loopback().sin_addr;
    struct hostent space, *found = NULL;
    char buf[4096];
    int error = 0;
    long result = gethostbyaddr_r(&addr, g->len, AF_INET, &space, buf, sizeof buf, &found, &error);
    return found ? entry(g, found) : 1000 + error + result;
}

// Files. `open`: the path is in the data, and the flags in `other`.

static long opened(struct given *g, long fd) {
    g->data_len = 0;
    if (fd < 0) return fd;
    close(fd);
    return 0;
}
#define OPENS(name)                                                                                                    \
    static long do_##name(struct given *g) {                                                                           \
        int flags = g->other;                                                                                          \
        return opened(g, flags & O_CREAT ? name(g->data, flags, 0600) : name(g->data, flags));                         \
    }
#define OPENS_AT(name)                                                                                                 \
    static long do_##name(struct given *g) {                                                                           \
        int flags = g->other;                                                                                          \
        return opened(g, flags & O_CREAT ? name(g->fd, g->data, flags, 0600) : name(g->fd, g->data, flags));           \
    }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

// What fortified code calls when it passes no mode.
#if __USE_FORTIFY_LEVEL > 0
#define do_open_2 do_open
#define do_open64_2 do_open64
#define do_openat_2 do_openat
#define do_openat64_2 do_openat64
#else
int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);
static long do_open_2(struct given *g) { return opened(g, __open_2(g->data, g->other)); }
static long do_open64_2(struct given *g) { return opened(g, __open64_2(g->data, g->other)); }
static long do_openat_2(struct given *g) { return opened(g, __openat_2(g->fd, g->data, g->other)); }
static long do_openat64_2(struct given *g) { return opened(g, __openat64_2(g->fd, g->data, g->other)); }
#endif

static long do_flock(struct given *g) { return flock(g->fd, LOCK_EX | g->other); }
static long do_lockf(struct given *g) { return lockf(g->fd, g->other ? F_TLOCK : F_LOCK, 1); }
static long do_lockf64(struct given *g) { return lockf64(g->fd, g->other ? F_TLOCK : F_LOCK, 1); }
static long do_fcntl(struct given *g) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    return fcntl(g->fd, g->other ? F_SETLK : F_SETLKW, &lock);
}
static long do_fcntl64(struct given *g) {
    struct flock64 lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
#if __GLIBC_PREREQ(2, 28)
    int fcntl64(int, int, ...);
    return fcntl64(g->fd, g->other ? F_SETLK64 : F_SETLKW64, &lock);
#else
    return fcntl(g->fd, g->other ? F_SETLK64 : F_SETLKW64, &lock);
#endif
}
static long do_fsync(struct given *g) { return fsync(g->fd); }
static long do_fdatasync(struct given *g) { return fdatasync(g->fd); }
static long do_dlopen(struct given *g) {
    void *library = dlopen(g->data, RTLD_NOW);
    if (!library) return -1;
    return dlclose(library);
}

// Children and threads. `len` is the child, and `other` are flags.

static long reaped(struct given *g, long pid, int status) {
    if (pid <= 0) return pid;
    g->data_len = 1;
    g->data[0] = WEXITSTATUS(status);
    return pid == g->len ? 1 : pid;
}
static long do_wait(struct given *g) {
    int status = 0;
    return reaped(g, wait(&status), status);
}
static long do_waitpid(struct given *g) {
    int status = 0;
    return reaped(g, waitpid(g->len, &status, g->other), status);
}
static long do_wait3(struct given *g) {
    int status = 0;
    struct rusage usage;
    return reaped(g, wait3(&status, g->other, &usage), status);
}
static long do_wait4(struct given *g) {
    int status = 0;
    struct rusage usage;
    return reaped(g, wait4(g->len, &status, g->other, &usage), status);
}
static long do_waitid(struct given *g) {
    siginfo_t info;
    info.si_pid = 0;
    long result = waitid(P_PID, g->len, &info, WEXITED | g->other);
    if (!result && info.si_pid) keep(g, (char *)&info.si_status, 1);
    return result;
}
static void *reads_one(void *fd) {
    char byte;
    return (void *)syscall(SYS_read, (int)(long)fd, &byte, 1);
}
static long do_pthread_join(struct given *g) {
    pthread_t thread;
    void *result;
    if (pthread_create(&thread, NULL, reads_one, (void *)g->fd)) return -2;
    long error = pthread_join(thread, &result);
    return error ? error : 100 + (long)result;
}

// To be told

static long do_close(struct given *g) { return close(g->fd); }
static long do_close_range(struct given *g) {
#if __GLIBC_PREREQ(2, 34)
    return close_range(g->fd, g->fd, g->len);
#else
    return syscall(SYS_close_range, g->fd, g->fd, g->len);
#endif
}
static long do_dup2(struct given *g) { return dup2(g->fd, g->other) == g->other ? 0 : -1; }
static long do_dup3(struct given *g) { return dup3(g->fd, g->other, g->len) == g->other ? 0 : -1; }
static long do_pthread_key_create(struct given *g) {
    pthread_key_t key;
    long error = pthread_key_create(&key, NULL);
    if (error) return error;
    if (pthread_setspecific(key, g)) return -2;
    if (pthread_getspecific(key) != g) return -3;
    return pthread_key_delete(key);
}
static long do_pthread_key_delete(struct given *g) { return pthread_key_delete(g->len); }

#define ROW(name) {#name, do_##name}
static const struct {
    const char *name;
    long (*function)(struct given *);
} rows[] = {
    ROW(read), ROW(recv), ROW(recvfrom), ROW(readv), ROW(recvmsg), ROW(recvmmsg), ROW(pread), ROW(pread64),
    ROW(write), ROW(send), ROW(sendto), ROW(writev), ROW(sendmsg), ROW(sendmmsg), ROW(sendfile), ROW(sendfile64),
    ROW(open), ROW(open64), ROW(openat), ROW(openat64), ROW(open_2), ROW(open64_2), ROW(openat_2), ROW(openat64_2),
    ROW(splice), ROW(connect), ROW(accept), ROW(accept4), ROW(poll), ROW(ppoll), ROW(select), ROW(pselect),
    ROW(epoll_wait), ROW(epoll_pwait),
#if __GLIBC_PREREQ(2, 35)
    ROW(epoll_pwait2),
#endif
    ROW(clock_nanosleep), ROW(nanosleep), ROW(usleep), ROW(sleep), ROW(sched_yield), ROW(syscall), ROW(getaddrinfo),
    ROW(getnameinfo), ROW(gethostbyname), ROW(gethostbyname2), ROW(gethostbyaddr), ROW(gethostbyname_r),
    ROW(gethostbyname2_r), ROW(gethostbyaddr_r), ROW(flock), ROW(lockf), ROW(lockf64), ROW(fcntl), ROW(fcntl64),
    ROW(fsync), ROW(fdatasync), ROW(dlopen), ROW(wait), ROW(waitpid), ROW(wait3), ROW(wait4), ROW(waitid),
    ROW(pthread_join), ROW(close), ROW(close_range), ROW(dup2), ROW(dup3), ROW(pthread_key_create),
    ROW(pthread_key_delete),
};

// The function of a row, or null.
void *function_named(const char *name) {
    for (unsigned long i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name)) return rows[i].function;
    return NULL;
}

// Calls the function of a row on a thread of its own, and cancels this thread. Returns 1 if the cancel ended it.
struct cancelled {
    long (*function)(struct given *);
    struct given *given;
};
static void *waits(void *arg) {
    struct cancelled *c = arg;
    c->function(c->given);
    return NULL;
}
long cancels(long (*function)(struct given *), struct given *g, useconds_t head_start) {
    struct cancelled c = {function, g};
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, waits, &c)) return -1;
    usleep(head_start);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    return result == PTHREAD_CANCELED;
}

// A program that makes each kind of call, also such that fail or wait, between two marks for strace.
void scenario(void) {
    char buf[16];
    int pair[2], pipes[2], status;
    struct timespec time = {0, 1000000};
    struct timeval short_time = {0, 1000};
    struct sockaddr_in addr = loopback();
    socklen_t len = sizeof addr;
    write(-1, "begin", 5);
    // A connection, and its data
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&addr, sizeof addr);
    listen(listener, 5);
    getsockname(listener, (struct sockaddr *)&addr, &len);
    connect(client, (struct sockaddr *)&addr, sizeof addr);
    int server = accept(listener, NULL, NULL);
    write(client, "hello", 5);
    read(server, buf, 5);
    send(client, "hello", 5, 0);
    recv(server, buf, 5, 0);
    sendto(client, "hello", 5, 0, NULL, 0);
    recvfrom(server, buf, 5, 0, NULL, NULL);
    struct iovec slices[2] = {{buf, 2}, {buf + 2, 3}};
    writev(client, slices, 2);
    readv(server, slices, 2);
    struct mmsghdr message = {.msg_hdr = {.msg_iov = slices, .msg_iovlen = 2}};
    sendmsg(client, &message.msg_hdr, 0);
    recvmsg(server, &message.msg_hdr, 0);
    sendmmsg(client, &message, 1, 0);
    recvmmsg(server, &message, 1, 0, NULL);
    // Waits that time out, and modes
    setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time);
    recv(server, buf, 5, 0);
    read(server, buf, 5);
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time);
    accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    fcntl(server, F_SETFL, fcntl(server, F_GETFL) | O_NONBLOCK);
    recv(server, buf, 5, 0);
    struct pollfd poll_one = {server, POLLIN, 0};
    poll(&poll_one, 1, 1);
    ppoll(&poll_one, 1, &time, NULL);
    fd_set set;
    FD_ZERO(&set);
    select(0, &set, NULL, NULL, &short_time);
    pselect(0, &set, NULL, NULL, &time, NULL);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event);
    epoll_wait(epoll, &event, 1, 1);
    epoll_pwait(epoll, &event, 1, 1, NULL);
    nanosleep(&time, NULL);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    usleep(1);
    sleep(0);
    sched_yield();
    // The end of a connection
    shutdown(client, SHUT_WR);
    recv(server, buf, 5, 0);
    close(client);
    close(client);
    // Pipes and pairs
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pipe(pipes);
    write(pipes[1], "hello", 5);
    splice(pipes[0], NULL, pair[0], NULL, 5, 0);
    read(pair[1], buf, 16);
    dup2(pair[0], pipes[0]);
    dup3(pair[0], pipes[1], 0);
    close(pair[1]);
    send(pair[0], "x", 1, MSG_NOSIGNAL);
    // Errors
    recv(-1, buf, 1, 0);
    recv(epoll, buf, 1, 0);
    send(-1, buf, 1, 0);
    connect(-1, (struct sockaddr *)&addr, sizeof addr);
    accept(-1, NULL, NULL);
    dup2(-1, 3);
    pread(-1, buf, 1, 0);
    sendfile(server, -1, NULL, 1);
    flock(-1, LOCK_EX);
    close(open("/dev/null", O_RDONLY));
    close(openat(AT_FDCWD, "/dev/null", O_WRONLY | O_CREAT, 0600));
    open("/nowhere/at/all", O_RDONLY);
    lockf(-1, F_LOCK, 1);
    fsync(-1);
    fdatasync(-1);
    // Names without a server
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found;
    if (!getaddrinfo("127.0.0.1", "80", &hints, &found)) freeaddrinfo(found);
    // Children and futexes
    waitpid(getpid(), &status, 0);
    siginfo_t info;
    waitid(P_PID, getpid(), &info, WEXITED);
    int word = 0;
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &time, NULL, 0);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    int rest[] = {listener, server, epoll, pair[0], pipes[0], pipes[1]};
    for (unsigned long i = 0; i < sizeof rest / sizeof *rest; i++) close(rest[i]);
    write(-1, "end", 3);
}

#ifdef MAIN
int main(void) {
    scenario();
    return 0;
}
#endif
