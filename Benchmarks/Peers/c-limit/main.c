#include "c-limit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

uint16_t listens[max_ports], endpoints[max_ports];
int listen_count, endpoint_count;

void die(const char *what) {
    perror(what);
    exit(1);
}

void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) die("calloc");
    return memory;
}

void set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

static struct sockaddr_in loopback(uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int bound(int type, uint16_t port) {
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    struct sockaddr_in address = loopback(port);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) die("bind");
    return fd;
}

int connected(int type, unsigned *turn) {
    struct sockaddr_in address = loopback(endpoints[(*turn)++ % (unsigned)endpoint_count]);
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS) return fd;
    close(fd);
    return -1;
}

void watch(int epoll, int fd, uint32_t events, void *data, uintptr_t tag) {
    struct epoll_event event = {.events = events, .data.u64 = (uintptr_t)data | tag};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

static int parse(char *list, uint16_t *ports) {
    int count = 0;
    for (char *word = strtok(list, ","); word && count < max_ports; word = strtok(NULL, ","))
        ports[count++] = (uint16_t)strtoul(word, NULL, 10);
    return count;
}

int main(int argc, char **argv) {
    int threads = argc == 5 ? atoi(argv[2]) : 0;
    if (threads > 0) {
        listen_count = parse(argv[3], listens);
        endpoint_count = parse(argv[4], endpoints);
    }
    if (listen_count == 0 || endpoint_count == 0) {
        fprintf(stderr, "usage: c-limit tcp|udp THREADS LISTEN[,LISTEN...] ENDPOINT[,ENDPOINT...]\n");
        return 2;
    }
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    void *(*serve)(void *) = strcmp(argv[1], "udp") == 0 ? serve_udp : serve_tcp;
    pthread_t thread;
    for (int i = 1; i < threads; i++)
        if (pthread_create(&thread, NULL, serve, NULL) != 0) die("pthread_create");
    serve(NULL);
}
