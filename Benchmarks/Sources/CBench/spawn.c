// Starting and ending programs. Each is the leader of a process group, so that workers it forks end with it.
#define _GNU_SOURCE
#include "CBench.h"
#include "groups.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// A fixed table: the signal handler walks it and can't allocate or lock.
enum { capacity = 256 };
static volatile pid_t groups[capacity];

static void remember(pid_t leader) {
    for (int i = 0; i < capacity; i++) {
        if (groups[i] == 0) {
            groups[i] = leader;
            return;
        }
    }
}

static void forget(pid_t leader) {
    for (int i = 0; i < capacity; i++) {
        if (groups[i] == leader) groups[i] = 0;
    }
}

void bench_kill_groups(void) {
    for (int i = 0; i < capacity; i++) {
        if (groups[i] > 0) kill(-groups[i], SIGKILL);
    }
}

pid_t bench_spawn(const char *path, char *const argv[], int in, int out, int err, int cpu, int keep_descriptors) {
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) return -errno;
    if (child > 0) {
        // Both sides set it: whoever runs first, the group exists before anybody signals it.
        setpgid(child, child);
        remember(child);
        return child;
    }

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(127);
    if (!keep_descriptors) close_range(3, ~0U, 0);
    if (cpu >= 0) bench_pin(0, cpu);
    execv(path, argv);
    _exit(127);
}

void bench_end(pid_t leader) {
    kill(-leader, SIGKILL);
    while (waitpid(leader, NULL, 0) < 0 && errno == EINTR) {}
    forget(leader);
    // Workers orphaned by their master come to us when we are process 1.
    while (waitpid(-leader, NULL, WNOHANG) > 0) {}
}

int bench_pin(pid_t thread, int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu >= 0) {
        CPU_SET(cpu, &set);
    } else {
        for (int i = 0; i < CPU_SETSIZE; i++) CPU_SET(i, &set);
    }
    return sched_setaffinity(thread, sizeof set, &set) == 0 ? 0 : -errno;
}

int bench_cpus(int *cpus, int limit) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -errno;
    int count = 0;
    for (int i = 0; i < CPU_SETSIZE && count < limit; i++) {
        if (CPU_ISSET(i, &set)) cpus[count++] = i;
    }
    return count;
}

int64_t bench_cpu_nanoseconds(pid_t process) {
    // The process's CPU clock counts to the nanosecond; utime and stime of /proc/PID/stat tick in 10 ms.
    clockid_t clock;
    int error = clock_getcpuclockid(process, &clock);
    if (error != 0) return -error;
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) return -errno;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bench_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -errno;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return -errno;
    return (int64_t)limit.rlim_cur;
}
