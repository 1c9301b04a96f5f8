#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

void die(const char *what) {
    perror(what);
    exit(1);
}

void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) die("calloc");
    return memory;
}

void queue(struct worker *worker, struct task *task) {
    if (task->queued || task->dead) return;
    task->queued = true;
    task->next = NULL;
    if (worker->first) worker->last->next = task;
    else worker->first = task;
    worker->last = task;
}

void bury(struct worker *worker, struct task *task) {
    task->dead = true;
    // One that is queued is buried by the queue.
    if (task->queued) return;
    task->next = worker->graves;
    worker->graves = task;
}

void watch(struct worker *worker, int fd, struct task *task) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = task};
    if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

/// What was queued before this turn, each once: what queues itself again waits for the events of the next.
static void run_queue(struct worker *worker) {
    struct task *task = worker->first;
    worker->first = NULL;
    while (task) {
        struct task *next = task->next;
        task->queued = false;
        if (task->dead) bury(worker, task);
        else task->run(task);
        task = next;
    }
}

static void *work(void *argument) {
    struct worker *worker = argument;
    struct epoll_event events[128];
    while (true) {
        int count = epoll_wait(worker->epoll, events, 128, worker->first ? 0 : -1);
        for (int i = 0; i < count; i++) {
            struct task *task = events[i].data.ptr;
            if (!task->dead) task->event(task, events[i].events);
        }
        run_queue(worker);
        flush_dirty(worker);
        while (worker->graves) {
            struct task *task = worker->graves;
            worker->graves = task->next;
            free(task);
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    uint16_t targets[max_targets];
    int count = 0;
    if (argc != 5) {
        fprintf(stderr, "port-forward-server LISTEN THREADS PODS TARGET[,TARGET...]\n");
        return 64;
    }
    for (char *word = strtok(argv[4], ","); word && count < max_targets; word = strtok(NULL, ","))
        targets[count++] = (uint16_t)atoi(word);
    make_objects(atoi(argv[3]), targets, count);

    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) die("bind");
    if (listen(listener, 4096) != 0) die("listen");

    int threads = atoi(argv[2]) > 0 ? atoi(argv[2]) : 1;
    struct worker **workers = allocate(sizeof *workers * (size_t)threads);
    for (int i = 0; i < threads; i++) {
        workers[i] = allocate(sizeof *workers[i]);
        workers[i]->epoll = epoll_create1(EPOLL_CLOEXEC);
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, workers[i]) != 0) die("pthread_create");
    }
    // In turn, so that a few connections that carry much are never all with one worker.
    for (int turn = 0;; turn++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno != ECONNABORTED && errno != EINTR) usleep(1000);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        start_connection(workers[turn % threads], fd);
    }
}
