#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Programs that see other files. All that happens between fork and exec is here, in C: of a process with threads the
 * child has only the one that forked, and whatever another one has locked stays locked in it. So nothing below
 * allocates. */

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 4
#endif
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200 /* Linux 6.5 */
#endif

/* What the child says: that it waits (code 0), or which step failed. */
typedef struct {
    int step, code;
} report;

static int write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    ssize_t written = write(fd, text, strlen(text));
    int code = written < 0 ? errno : 0;
    close(fd);
    return -code;
}

/* A mount namespace of its own. Root has the right to one; anybody else gets it in a new user namespace, where user and
 * group are what they were: only so may an ordinary user say what they are. `user` and `group` are those lines. */
static int separate(const char *user, const char *group) {
    if (geteuid() == 0) {
        if (unshare(CLONE_NEWNS) < 0) return -errno;
    } else {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return -errno;
        /* A program with capabilities of its file has its part of /proc belong to root, which is nobody in here. The
         * capabilities are gone by now. */
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        int code = write_file("/proc/self/setgroups", "deny");
        if (code == 0) code = write_file("/proc/self/uid_map", user);
        if (code == 0) code = write_file("/proc/self/gid_map", group);
        if (code < 0) return code;
    }
    /* What the system mounts later is seen in there too, and nothing of it outside. */
    return mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;
}

static int cover(const portico_cover *cover) {
    return mount(cover->file, cover->place, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* No moment without one: the new cover goes beneath the old one, which is then taken away. Kernels before 6.5 cannot do
 * that. To put the new one on top is no way out: the file of the old one has no name any more, and on such a file
 * nothing can be mounted; and each would keep its file. So the old one is taken away first: a reader who comes in that
 * very moment finds the file that the system has in the place, which is whole, and has only the new lines missing. To
 * write the new text into the file that is mounted would be worse: readers would get half of the one and half of the
 * other. */
static int cover_anew(const portico_cover *next, int beneath) {
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, next->file, OPEN_TREE_CLONE | O_CLOEXEC);
    /* Nothing is taken away for a file that is not there. */
    if (tree < 0 && access(next->file, F_OK) < 0) return -errno;
    int flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH;
    if (tree >= 0 && beneath && syscall(SYS_move_mount, tree, "", AT_FDCWD, next->place, flags) == 0) {
        return umount2(next->place, MNT_DETACH) < 0 ? -errno : 0;
    }
    umount2(next->place, MNT_DETACH);
    /* A mount that is made already leaves the place bare for less. */
    if (tree >= 0 && syscall(SYS_move_mount, tree, "", AT_FDCWD, next->place, MOVE_MOUNT_F_EMPTY_PATH) == 0) return 0;
    return cover(next);
}

/* As posix_spawn leaves them: handlers would be this process's code in the child. */
static void reset_signals(uint64_t defaults) {
    struct sigaction action;
    sigset_t none;
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (sigaction(number, NULL, &action) < 0) continue;
        if (action.sa_handler != SIG_IGN || defaults >> (number - 1) & 1) signal(number, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void start_child(const portico_start_request *request, int fd, const char *user, const char *group) {
    report said = {.step = PORTICO_SEPARATING};
    if (request->cover_count > 0) {
        said.code = separate(user, group);
        for (int i = 0; i < request->cover_count && said.code == 0; i++) {
            said.step = PORTICO_COVERING;
            said.code = cover(&request->covers[i]);
        }
        char go;
        if (write(fd, &said, sizeof said) != sizeof said || said.code < 0 || read(fd, &go, 1) != 1) _exit(127);
    }
    reset_signals(request->default_signals);
    said.step = PORTICO_ENTERING;
    if (request->folder == NULL || chdir(request->folder) == 0) {
        said.step = PORTICO_EXECUTING;
        execvpe(request->arguments[0], request->arguments, request->environment);
    }
    said.code = -errno;
    if (write(fd, &said, sizeof said) < 0) _exit(126);
    _exit(127);
}

static int open_namespace(int pid, const char *kind) {
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void close_namespaces(int namespaces[2]) {
    for (int i = 0; i < 2; i++) {
        if (namespaces[i] >= 0) close(namespaces[i]);
        namespaces[i] = -1;
    }
}

/* What the child says next; nothing, which is a step of -1, once it is the program. */
static report hear(int fd) {
    report said;
    ssize_t count;
    do count = read(fd, &said, sizeof said);
    while (count < 0 && errno == EINTR);
    return count == sizeof said ? said : (report){.step = -1};
}

/* The child waits in its namespaces: they are kept, and it goes on. */
static report let_go(int fd, int pid, int namespaces[2]) {
    namespaces[0] = geteuid() == 0 ? -1 : open_namespace(pid, "user");
    namespaces[1] = open_namespace(pid, "mnt");
    int failed = geteuid() != 0 && namespaces[0] < 0 ? namespaces[0] : namespaces[1];
    if (failed < 0) return (report){.step = PORTICO_SEPARATING, .code = failed};
    if (write(fd, "g", 1) != 1) return (report){.step = PORTICO_SEPARATING, .code = -errno};
    return hear(fd);
}

int portico_start(const portico_start_request *request, int namespaces[2], int *step) {
    int ends[2];
    char user[48], group[48];
    sigset_t all, before;
    namespaces[0] = namespaces[1] = -1;
    *step = PORTICO_STARTING;
    snprintf(user, sizeof user, "%u %u 1", geteuid(), geteuid());
    snprintf(group, sizeof group, "%u %u 1", getegid(), getegid());
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    int forked = pid < 0 ? -errno : 0;
    if (pid == 0) {
        close(ends[0]);
        start_child(request, ends[1], user, group);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    report said = {.step = -1};
    if (pid > 0) said = hear(ends[0]);
    if (pid > 0 && said.step >= 0 && said.code == 0) said = let_go(ends[0], pid, namespaces);
    close(ends[0]);
    if (forked < 0) return forked;
    if (said.step < 0) return pid;
    /* With its end of the socket closed it ends by itself. */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    close_namespaces(namespaces);
    *step = said.step;
    return said.code;
}

int portico_cover_anew(const int namespaces[2], const portico_cover *next, int beneath) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    int forked = pid < 0 ? -errno : 0;
    if (pid == 0) {
        /* A process with threads cannot enter a user namespace; this one has a single thread. */
        if (namespaces[0] >= 0 && setns(namespaces[0], CLONE_NEWUSER) < 0) _exit(errno);
        if (setns(namespaces[1], CLONE_NEWNS) < 0) _exit(errno);
        _exit(-cover_anew(next, beneath));
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (forked < 0) return forked;
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return -errno;
    }
    /* Errors of these calls are below 256. */
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}
