/* The shim of `python -m gauntlets syscalls`: notes the system calls on a workspace's files, or lets one kind fail.
 *
 *     RF_SHIM_ROOT    the workspace; a call elsewhere is never touched
 *     RF_SHIM_SWITCH  the shim acts while this file exists
 *     RF_SHIM_FAULT   call|pattern|errno: what fails then (EINTR: each second time); unset, nothing fails
 *     RF_SHIM_BOOK    where a line is written for each call that failed; for every call, if nothing is to fail
 *
 * It acts in daemons, zygotes and supervisors only; the user's commands and the forked training are left alone.
 * Its own work is done by bare system calls, so that it never meets itself.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOWHERE "-" /* the path of a call that has none */
#define MOST_NOTES 200

enum kind { OTHER, DAEMON, ZYGOTE, SUPERVISOR };
static const char *const names[] = {"other", "daemon", "zygote", "supervisor"};

static enum kind kind = OTHER;
static char root[PATH_MAX], book[PATH_MAX], switched[PATH_MAX];
static char call_wanted[32], pattern[PATH_MAX];
static int number, calls, notes;

static void copy(char *target, size_t size, const char *variable) {
    const char *value = getenv(variable);
    snprintf(target, size, "%s", value ? value : "");
}

static void forked(void) {
    kind = kind == ZYGOTE ? SUPERVISOR : kind == SUPERVISOR ? OTHER : kind;
    notes = 0;
}

__attribute__((constructor)) static void begin(void) {
    static char words[8192], fault[PATH_MAX + 64];
    long file = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    long got = file < 0 ? 0 : syscall(SYS_read, file, words, sizeof words - 1);
    if (file >= 0)
        syscall(SYS_close, file);
    for (long i = 0; i < got; i += (long)strlen(words + i) + 1) {
        if (!strcmp(words + i, "gauntlets.syscalls_daemon"))
            kind = DAEMON;
        if (!strcmp(words + i, "runforge.supervise.zygote"))
            kind = ZYGOTE;
    }
    copy(root, sizeof root, "RF_SHIM_ROOT");
    copy(book, sizeof book, "RF_SHIM_BOOK");
    copy(switched, sizeof switched, "RF_SHIM_SWITCH");
    copy(fault, sizeof fault, "RF_SHIM_FAULT");
    if (*fault && sscanf(fault, "%31[^|]|%4000[^|]|%d", call_wanted, pattern, &number) != 3)
        kind = OTHER;
    if (!*root || !*book)
        kind = OTHER;
    pthread_atfork(NULL, NULL, forked);
}

static void note(const char *call, const char *path) {
    char line[PATH_MAX + 128];
    int size = snprintf(line, sizeof line, "%s %s %s\n", names[kind], call, path);
    long file = syscall(SYS_openat, AT_FDCWD, book, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0) {
        syscall(SYS_write, file, line, size);
        syscall(SYS_close, file);
    }
}

/* Note the call or decide whether it fails; sets errno if so. `path` is absolute. */
static int judge(const char *call, const char *path) {
    size_t length = strlen(root);
    int kept = errno;
    if (strcmp(path, NOWHERE)) {
        if (strncmp(path, root, length) || (path[length] && path[length] != '/'))
            return 0;
        path += length + (path[length] == '/');
    }
    if (!*path)
        path = ".";
    int hit = !*call_wanted || !fnmatch(pattern, path, FNM_PATHNAME);
    hit = hit && syscall(SYS_faccessat, AT_FDCWD, switched, F_OK) == 0 && !(number == EINTR && calls++ % 2);
    if (hit && (!*call_wanted || notes++ < MOST_NOTES))
        note(call, path);
    hit = hit && *call_wanted;
    errno = hit ? number : kept;
    return hit;
}

static int is_wanted(const char *call) {
    return kind != OTHER && (!*call_wanted || !strcmp(call, call_wanted));
}

static int of_descriptor(int descriptor, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    long length = syscall(SYS_readlinkat, AT_FDCWD, descriptor == AT_FDCWD ? "/proc/self/cwd" : link, path, size - 1);
    path[length > 0 ? length : 0] = 0;
    return length > 0;
}

static int fails_at(const char *call, int folder, const char *name) {
    char path[2 * PATH_MAX] = "";
    int kept = errno;
    if (!is_wanted(call) || !name)
        return 0;
    if (*name != '/') {
        if (!of_descriptor(folder, path, PATH_MAX)) {
            errno = kept;
            return 0;
        }
        if (*name)
            strcat(path, "/");
    }
    strncat(path, name, PATH_MAX - 1);
    errno = kept;
    return judge(call, path);
}

static int fails(const char *call, const char *path) { return fails_at(call, AT_FDCWD, path); }

static int fails_on(const char *call, int descriptor) {
    char path[PATH_MAX];
    int kept = errno;
    if (!is_wanted(call))
        return 0;
    int known = descriptor >= 0 && of_descriptor(descriptor, path, sizeof path);
    errno = kept;
    return known && judge(call, path);
}

static int fails_nowhere(const char *call) { return is_wanted(call) && judge(call, NOWHERE); }

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) \
        real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define UNLESS(failing, name, ...) \
    REAL(name); \
    return (failing) ? -1 : real(__VA_ARGS__)

/* --- opening ---------------------------------------------------------------------------------- */

#define OPENING(flags) ((flags) & (O_CREAT | O_WRONLY | O_RDWR) ? "create" : "open")
#define MODE(flags) \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = (flags) & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more)
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        MODE(flags); \
        UNLESS(fails(OPENING(flags), path), name, path, flags, mode); \
    }
#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        MODE(flags); \
        UNLESS(fails_at(OPENING(flags), folder, path), name, folder, path, flags, mode); \
    }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)

DIR *opendir(const char *path) {
    REAL(opendir);
    return fails("list", path) ? NULL : real(path);
}

/* --- reading, writing, syncing ------------------------------------------------------------------ */

ssize_t read(int file, void *data, size_t size) { UNLESS(fails_on("read", file), read, file, data, size); }
ssize_t write(int file, const void *data, size_t size) { UNLESS(fails_on("write", file), write, file, data, size); }
#define AT(name, call, constant, offset) \
    ssize_t name(int file, constant void *data, size_t size, offset at) { \
        UNLESS(fails_on(call, file), name, file, data, size, at); \
    }
AT(pread, "read", , off_t) AT(pread64, "read", , off64_t)
AT(pwrite, "write", const, off_t) AT(pwrite64, "write", const, off64_t)
int fsync(int file) { UNLESS(fails_on("fsync", file), fsync, file); }
int fdatasync(int file) { UNLESS(fails_on("fsync", file), fdatasync, file); }
int ftruncate(int file, off_t size) { UNLESS(fails_on("truncate", file), ftruncate, file, size); }
int ftruncate64(int file, off64_t size) { UNLESS(fails_on("truncate", file), ftruncate64, file, size); }
int posix_fallocate(int file, off_t from, off_t size) {
    REAL(posix_fallocate);
    return fails_on("allocate", file) ? errno : real(file, from, size);
}
int posix_fallocate64(int file, off64_t from, off64_t size) {
    REAL(posix_fallocate64);
    return fails_on("allocate", file) ? errno : real(file, from, size);
}
void *mmap64(void *where, size_t size, int rights, int flags, int file, off64_t from) {
    REAL(mmap64);
    return file >= 0 && fails_on("map", file) ? MAP_FAILED : real(where, size, rights, flags, file, from);
}

/* There is no AIO: so RunForge syncs each file by fsync(), which is noted or fails. */
long syscall(long which, ...) {
    long more[6];
    va_list given;
    va_start(given, which);
    for (int i = 0; i < 6; i++)
        more[i] = va_arg(given, long);
    va_end(given);
    REAL(syscall);
    if (which == SYS_io_setup) {
        errno = ENOSYS;
        return -1;
    }
    return real(which, more[0], more[1], more[2], more[3], more[4], more[5]);
}

/* --- names -------------------------------------------------------------------------------------- */

int rename(const char *from, const char *to) { UNLESS(fails("rename", to), rename, from, to); }
int renameat(int a, const char *from, int b, const char *to) {
    UNLESS(fails_at("rename", b, to), renameat, a, from, b, to);
}
int link(const char *from, const char *to) { UNLESS(fails("link", to), link, from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    UNLESS(fails_at("link", b, to), linkat, a, from, b, to, flags);
}
int mkdir(const char *path, mode_t mode) { UNLESS(fails("mkdir", path), mkdir, path, mode); }
int mkdirat(int a, const char *path, mode_t mode) { UNLESS(fails_at("mkdir", a, path), mkdirat, a, path, mode); }
int rmdir(const char *path) { UNLESS(fails("rmdir", path), rmdir, path); }
int unlink(const char *path) { UNLESS(fails("unlink", path), unlink, path); }
int unlinkat(int a, const char *path, int flags) {
    UNLESS(fails_at(flags & AT_REMOVEDIR ? "rmdir" : "unlink", a, path), unlinkat, a, path, flags);
}

/* --- looking ------------------------------------------------------------------------------------ */

#define LOOK(name, type) \
    int name(const char *path, struct type *found) { UNLESS(fails("stat", path), name, path, found); }
LOOK(stat, stat) LOOK(lstat, stat) LOOK(stat64, stat64) LOOK(lstat64, stat64)
int fstatat64(int a, const char *path, struct stat64 *found, int flags) {
    UNLESS(fails_at("stat", a, path), fstatat64, a, path, found, flags);
}
int fstat64(int file, struct stat64 *found) { UNLESS(fails_on("fstat", file), fstat64, file, found); }
int access(const char *path, int rights) { UNLESS(fails("stat", path), access, path, rights); }
int faccessat(int a, const char *path, int rights, int flags) {
    UNLESS(fails_at("stat", a, path), faccessat, a, path, rights, flags);
}
int statvfs64(const char *path, struct statvfs64 *found) { UNLESS(fails("statvfs", path), statvfs64, path, found); }
/* What was built against a glibc before 2.33 calls these. */
int __xstat64(int version, const char *path, struct stat64 *found);
int __lxstat64(int version, const char *path, struct stat64 *found);
int __fxstat64(int version, int file, struct stat64 *found);
int __xstat64(int version, const char *path, struct stat64 *found) {
    UNLESS(fails("stat", path), __xstat64, version, path, found);
}
int __lxstat64(int version, const char *path, struct stat64 *found) {
    UNLESS(fails("stat", path), __lxstat64, version, path, found);
}
int __fxstat64(int version, int file, struct stat64 *found) {
    UNLESS(fails_on("fstat", file), __fxstat64, version, file, found);
}

/* --- locks -------------------------------------------------------------------------------------- */

/* Giving a lock back never fails. */
int flock(int file, int how) { UNLESS(!(how & LOCK_UN) && fails_on("flock", file), flock, file, how); }
static int takes(int what, const void *value) {
    int is_lock = what == F_SETLK || what == F_SETLKW || what == F_OFD_SETLK || what == F_OFD_SETLKW;
    return is_lock && ((const struct flock *)value)->l_type != F_UNLCK;
}
#define FCNTL(name) \
    int name(int file, int what, ...) { \
        va_list more; \
        va_start(more, what); \
        void *value = va_arg(more, void *); \
        va_end(more); \
        UNLESS(takes(what, value) && fails_on("lock", file), name, file, what, value); \
    }
FCNTL(fcntl) FCNTL(fcntl64)

/* --- processes and what joins them -------------------------------------------------------------- */

pid_t fork(void) { UNLESS(fails_nowhere("fork"), fork); }
int pipe2(int ends[2], int flags) { UNLESS(fails_nowhere("pipe"), pipe2, ends, flags); }
int socketpair(int a, int b, int c, int ends[2]) { UNLESS(fails_nowhere("socketpair"), socketpair, a, b, c, ends); }
int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
    const posix_spawnattr_t *attributes, char *const *words, char *const *environment) {
    REAL(posix_spawn);
    return fails_nowhere("spawn") ? errno : real(pid, path, actions, attributes, words, environment);
}
