/* Stands between the program and the C library and counts what it writes: into the files of one
 * folder, and into sockets of the Internet. After the n-th of these calls it ends the program as
 * `kill -9` does, or it lets the n-th fail as a full or broken disk does.
 *
 * Compiled and preloaded by `shim.rs` (Linux with glibc), steered by variables of the environment:
 *
 *   SHIM_DIR     only files below this folder count
 *   SHIM_LOG     each call that counts is written there, one line each: number, call, object, size
 *   SHIM_KIND    which calls count: f (writes to files), y (syncs), d (names), s (sockets); else all
 *   SHIM_KILL    end the program right after the call of this number
 *   SHIM_TEAR    instead of the call of this number do half of it, then end the program
 *   SHIM_FAIL    let the call of this number fail, and with SHIM_LASTING all later ones too
 *   SHIM_ERRNO   with this error
 *   SHIM_NOLOCKS locks on files of the folder are refused, as on some network file systems
 *   SHIM_CLOCK   the clock is so many seconds off
 *
 * It must never change what a call does that is not named by a number. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/file.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PATHS 4096

static char folder[PATHS];
static size_t folder_size;
static char kinds[8] = "fyds";
static atomic_long calls;
static long kill_at = -1, tear_at = -1, fail_at = -1;
static int fail_errno = EIO, fail_lasting, log_fd = -1, has_no_locks;
static long clock_off;

static long number(const char *name) {
    const char *text = getenv(name);
    return text && *text ? strtol(text, NULL, 10) : -1;
}

__attribute__((constructor)) static void begin(void) {
    const char *dir = getenv("SHIM_DIR"), *log = getenv("SHIM_LOG"), *kind = getenv("SHIM_KIND");
    if (dir && strlen(dir) < sizeof folder) {
        strcpy(folder, dir);
        folder_size = strlen(folder);
    }
    if (kind && *kind && strlen(kind) < sizeof kinds) strcpy(kinds, kind);
    if (log) log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    kill_at = number("SHIM_KILL");
    tear_at = number("SHIM_TEAR");
    fail_at = number("SHIM_FAIL");
    has_no_locks = number("SHIM_NOLOCKS") > 0;
    const char *off = getenv("SHIM_CLOCK");
    clock_off = off ? strtol(off, NULL, 10) : 0;
    fail_lasting = number("SHIM_LASTING") > 0;
    if (number("SHIM_ERRNO") > 0) fail_errno = (int)number("SHIM_ERRNO");
    /* What the program starts is left alone. */
    unsetenv("LD_PRELOAD");
}

static int is_inside(const char *path) {
    return folder_size && !strncmp(path, folder, folder_size) && (path[folder_size] == '/' || !path[folder_size]);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATHS - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return 1;
}

/* 's' for a socket of the Internet, 'f' for a file of the folder, 0 for what does not count. */
static char sort_of(int fd, char *path) {
    struct stat st;
    int saved = errno;
    char sort = 0;
    if (!fstat(fd, &st)) {
        if (S_ISSOCK(st.st_mode)) {
            struct sockaddr_storage at;
            socklen_t size = sizeof at;
            if (!getsockname(fd, (struct sockaddr *)&at, &size) &&
                (at.ss_family == AF_INET || at.ss_family == AF_INET6)) {
                strcpy(path, "server");
                sort = 's';
            }
        } else if ((S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) && path_of(fd, path) && is_inside(path)) {
            sort = 'f';
        }
    }
    errno = saved;
    return sort;
}

/* Where a call takes a name: absolute, or made so. */
static int named(int dirfd, const char *name, char *path) {
    char base[PATHS];
    if (!name) return 0;
    if (name[0] == '/') {
        snprintf(path, PATHS, "%s", name);
    } else {
        if (dirfd == AT_FDCWD ? !getcwd(base, sizeof base) : !path_of(dirfd, base)) return 0;
        if (snprintf(path, PATHS, "%s/%s", base, name) >= PATHS) return 0;
    }
    return is_inside(path);
}

static void note(long n, const char *call, const char *path, size_t size, const void *bytes) {
    if (log_fd < 0) return;
    char line[512], text[49];
    size_t shown = 0;
    for (; bytes && shown < size && shown < sizeof text - 1; shown++) {
        unsigned char c = ((const unsigned char *)bytes)[shown];
        text[shown] = c < ' ' || c > '~' ? ' ' : (char)c;
    }
    text[shown] = 0;
    const char *object = is_inside(path) ? path + folder_size + (path[folder_size] == '/') : path;
    int n_chars = snprintf(line, sizeof line, "%ld %s %s %zu %s\n", n, call, object, size, text);
    if (n_chars > 0) {
        size_t length = (size_t)n_chars < sizeof line ? (size_t)n_chars : sizeof line - 1;
        if (syscall(SYS_write, log_fd, line, length) < 0) return;
    }
}

static void end_now(void) {
    syscall(SYS_kill, (long)getpid(), (long)SIGKILL);
    for (;;) pause();
}

/* Counts a call; its number, or 0 where it does not count. */
static long count(char kind, const char *call, const char *path, size_t size, const void *bytes) {
    if (!strchr(kinds, kind)) return 0;
    int saved = errno;
    long n = atomic_fetch_add(&calls, 1) + 1;
    note(n, call, path, size, bytes);
    errno = saved;
    return n;
}

static int is_failing(long n) {
    if (!n || fail_at < 0 || !(n == fail_at || (fail_lasting && n > fail_at))) return 0;
    errno = fail_errno;
    return 1;
}

static void after(long n) {
    if (n && n == kill_at) end_now();
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* A call that writes `size` bytes from `bytes`: `whole` does all of it, `half` a part of it. */
#define WRITES(call, fd, size, bytes, whole, half) \
    char path[PATHS]; \
    char sort = sort_of(fd, path); \
    long n = sort ? count(sort, call, path, size, bytes) : 0; \
    if (is_failing(n)) return -1; \
    if (n && n == tear_at) { \
        if ((half) < 0) end_now(); \
        end_now(); \
    } \
    __typeof__(whole) done = whole; \
    after(n); \
    return done

/* A call on an open file, or on a name, that is done wholly or not at all. */
#define DOES(kind, call, is_meant, size, whole) \
    long n = (is_meant) ? count(kind, call, path, size, NULL) : 0; \
    if (is_failing(n)) return -1; \
    if (n && n == tear_at) end_now(); \
    __typeof__(whole) done = whole; \
    after(n); \
    return done

ssize_t write(int fd, const void *bytes, size_t size) {
    REAL(write);
    WRITES("write", fd, size, bytes, real(fd, bytes, size), real(fd, bytes, size / 2));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
    REAL(pwrite);
    WRITES("pwrite", fd, size, bytes, real(fd, bytes, size, at), real(fd, bytes, size / 2, at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    REAL(pwrite64);
    WRITES("pwrite", fd, size, bytes, real(fd, bytes, size, at), real(fd, bytes, size / 2, at));
}

static size_t sum(const struct iovec *parts, int count_of) {
    size_t size = 0;
    for (int i = 0; i < count_of; i++) size += parts[i].iov_len;
    return size;
}

ssize_t writev(int fd, const struct iovec *parts, int count_of) {
    REAL(writev);
    const void *first = count_of > 0 ? parts[0].iov_base : NULL;
    size_t shown = count_of > 0 ? parts[0].iov_len : 0;
    WRITES("writev", fd, shown, first, real(fd, parts, count_of), real(fd, parts, count_of / 2));
}

ssize_t pwritev(int fd, const struct iovec *parts, int count_of, off_t at) {
    REAL(pwritev);
    WRITES("pwritev", fd, sum(parts, count_of), NULL, real(fd, parts, count_of, at),
           real(fd, parts, count_of / 2, at));
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count_of, off64_t at) {
    REAL(pwritev64);
    WRITES("pwritev", fd, sum(parts, count_of), NULL, real(fd, parts, count_of, at),
           real(fd, parts, count_of / 2, at));
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
    REAL(send);
    WRITES("send", fd, size, bytes, real(fd, bytes, size, flags), real(fd, bytes, size / 2, flags));
}

ssize_t sendto(int fd, const void *bytes, size_t size, int flags, const struct sockaddr *to, socklen_t to_size) {
    REAL(sendto);
    WRITES("sendto", fd, size, bytes, real(fd, bytes, size, flags, to, to_size),
           real(fd, bytes, size / 2, flags, to, to_size));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(sendmsg);
    const struct iovec *parts = message->msg_iov;
    size_t shown = message->msg_iovlen ? parts[0].iov_len : 0;
    const void *first = message->msg_iovlen ? parts[0].iov_base : NULL;
    WRITES("sendmsg", fd, shown, first, real(fd, message, flags), 0);
}

ssize_t sendfile(int to, int from, off_t *at, size_t size) {
    REAL(sendfile);
    WRITES("sendfile", to, size, NULL, real(to, from, at, size), real(to, from, at, size / 2));
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t size) {
    REAL(sendfile64);
    WRITES("sendfile", to, size, NULL, real(to, from, at, size), real(to, from, at, size / 2));
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags) {
    REAL(copy_file_range);
    WRITES("copy_file_range", to, size, NULL, real(from, from_at, to, to_at, size, flags),
           real(from, from_at, to, to_at, size / 2, flags));
}

int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    char path[PATHS];
    DOES('f', "ftruncate", sort_of(fd, path) == 'f', (size_t)size, real(fd, size));
}

int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64);
    char path[PATHS];
    DOES('f', "ftruncate", sort_of(fd, path) == 'f', (size_t)size, real(fd, size));
}

int fallocate(int fd, int mode, off_t at, off_t size) {
    REAL(fallocate);
    char path[PATHS];
    DOES('f', "fallocate", sort_of(fd, path) == 'f', (size_t)size, real(fd, mode, at, size));
}

int fallocate64(int fd, int mode, off64_t at, off64_t size) {
    REAL(fallocate64);
    char path[PATHS];
    DOES('f', "fallocate", sort_of(fd, path) == 'f', (size_t)size, real(fd, mode, at, size));
}

int fsync(int fd) {
    REAL(fsync);
    char path[PATHS];
    DOES('y', "fsync", sort_of(fd, path) == 'f', 0, real(fd));
}

int fdatasync(int fd) {
    REAL(fdatasync);
    char path[PATHS];
    DOES('y', "fdatasync", sort_of(fd, path) == 'f', 0, real(fd));
}

int rename(const char *from, const char *to) {
    REAL(rename);
    char path[PATHS];
    DOES('d', "rename", named(AT_FDCWD, to, path), 0, real(from, to));
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    REAL(renameat);
    char path[PATHS];
    DOES('d', "rename", named(to_at, to, path), 0, real(from_at, from, to_at, to));
}

int link(const char *from, const char *to) {
    REAL(link);
    char path[PATHS];
    DOES('d', "link", named(AT_FDCWD, to, path), 0, real(from, to));
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    REAL(linkat);
    char path[PATHS];
    DOES('d', "link", named(to_at, to, path), 0, real(from_at, from, to_at, to, flags));
}

int unlink(const char *name) {
    REAL(unlink);
    char path[PATHS];
    DOES('d', "unlink", named(AT_FDCWD, name, path), 0, real(name));
}

int unlinkat(int at, const char *name, int flags) {
    REAL(unlinkat);
    char path[PATHS];
    DOES('d', "unlink", named(at, name, path), 0, real(at, name, flags));
}

int mkdir(const char *name, mode_t mode) {
    REAL(mkdir);
    char path[PATHS];
    DOES('d', "mkdir", named(AT_FDCWD, name, path), 0, real(name, mode));
}

/* Opening counts where it makes a file. */
static int is_making(int at, const char *name, int flags, char *path) {
    if (!(flags & O_CREAT) || !named(at, name, path)) return 0;
    struct stat st;
    int saved = errno, is_new = stat(path, &st) != 0;
    errno = saved;
    return is_new;
}

#define MODE() \
    mode_t mode = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *name, int flags, ...) {
    REAL(open);
    MODE();
    char path[PATHS];
    DOES('d', "create", is_making(AT_FDCWD, name, flags, path), 0, real(name, flags, mode));
}

int open64(const char *name, int flags, ...) {
    REAL(open64);
    MODE();
    char path[PATHS];
    DOES('d', "create", is_making(AT_FDCWD, name, flags, path), 0, real(name, flags, mode));
}

int openat(int at, const char *name, int flags, ...) {
    REAL(openat);
    MODE();
    char path[PATHS];
    DOES('d', "create", is_making(at, name, flags, path), 0, real(at, name, flags, mode));
}

int openat64(int at, const char *name, int flags, ...) {
    REAL(openat64);
    MODE();
    char path[PATHS];
    DOES('d', "create", is_making(at, name, flags, path), 0, real(at, name, flags, mode));
}

/* Locks: of the kinds that SQLite and Rust use. */
static int is_unlockable(int fd) {
    char path[PATHS];
    if (!has_no_locks || sort_of(fd, path) != 'f') return 0;
    errno = ENOLCK;
    return 1;
}

#define LOCKS() \
    va_list rest; \
    va_start(rest, command); \
    void *argument = va_arg(rest, void *); \
    va_end(rest); \
    int is_lock = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW; \
    if (is_lock && is_unlockable(fd)) return -1; \
    return real(fd, command, argument)

int fcntl(int fd, int command, ...) {
    REAL(fcntl);
    LOCKS();
}

int fcntl64(int fd, int command, ...) {
    REAL(fcntl64);
    LOCKS();
}

int flock(int fd, int how) {
    REAL(flock);
    return is_unlockable(fd) ? -1 : real(fd, how);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    REAL(clock_gettime);
    int done = real(which, now);
    if (!done && which == CLOCK_REALTIME) now->tv_sec += clock_off;
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL(gettimeofday);
    int done = real(now, zone);
    if (!done) now->tv_sec += clock_off;
    return done;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
