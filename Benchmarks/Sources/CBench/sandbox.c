// The run lives in namespaces of its own, so that nothing it starts can outlive it or be seen from outside: the child
// of bench_supervise is process 1 of a process namespace, and the kernel kills that namespace's processes with it.
#define _GNU_SOURCE
#include "CBench.h"
#include "groups.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t supervised;

static void forward(int signal_number) {
    if (supervised > 0) kill(supervised, signal_number);
}

int bench_supervise(int isolate) {
    if (isolate && unshare(CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS) != 0) return -errno;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) return -errno;
    if (child > 0) return child;

    // Also when the parent is killed outright. It may be gone already: look once after asking.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!isolate && getppid() != parent) _exit(1);
    if (isolate) {
        // /proc must show the new process namespace, and only to us.
        if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) _exit(1);
        if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) _exit(1);
    }
    return 0;
}

int bench_supervise_wait(pid_t child) {
    supervised = child;
    struct sigaction action = {.sa_handler = forward, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int bench_loopback_up(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    int result = ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? 0 : -errno;
    close(fd);
    return result;
}

static void leave(int signal_number) {
    bench_kill_groups();
    _exit(128 + signal_number);
}

void bench_exit_on_signals(void) {
    // Process 1 of a namespace ignores signals it has no handler for.
    struct sigaction action = {.sa_handler = leave};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}
