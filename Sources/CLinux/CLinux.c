#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t result(ssize_t returned) { return returned < 0 ? -errno : returned; }

/* --- addresses --- */

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} socket_address;

static socklen_t to_kernel(const portico_address *from, socket_address *to) {
    memset(to, 0, sizeof *to);
    if (from->family == AF_INET) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(from->port);
        to->v4.sin_addr.s_addr = htonl((uint32_t)from->low);
        return sizeof to->v4;
    }
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = htons(from->port);
    to->v6.sin6_scope_id = from->scope;
    for (int i = 0; i < 8; i++) {
        to->v6.sin6_addr.s6_addr[i] = (uint8_t)(from->high >> (56 - 8 * i));
        to->v6.sin6_addr.s6_addr[8 + i] = (uint8_t)(from->low >> (56 - 8 * i));
    }
    return sizeof to->v6;
}

static void from_kernel(const socket_address *from, portico_address *to) {
    memset(to, 0, sizeof *to);
    to->family = from->any.sa_family;
    if (from->any.sa_family == AF_INET) {
        to->port = ntohs(from->v4.sin_port);
        to->low = ntohl(from->v4.sin_addr.s_addr);
    } else if (from->any.sa_family == AF_INET6) {
        to->port = ntohs(from->v6.sin6_port);
        to->scope = from->v6.sin6_scope_id;
        for (int i = 0; i < 8; i++) {
            to->high = to->high << 8 | from->v6.sin6_addr.s6_addr[i];
            to->low = to->low << 8 | from->v6.sin6_addr.s6_addr[8 + i];
        }
    }
}

/* --- sockets --- */

int portico_tcp_socket(int family) {
    return result(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
}

int portico_udp_socket(int family) {
    return result(socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
}

int portico_bind(int fd, const portico_address *address) {
    socket_address kernel;
    socklen_t length = to_kernel(address, &kernel);
    return result(bind(fd, &kernel.any, length));
}

int portico_connect(int fd, const portico_address *address) {
    socket_address kernel;
    socklen_t length = to_kernel(address, &kernel);
    return result(connect(fd, &kernel.any, length));
}

int portico_listen(int fd, int backlog) { return result(listen(fd, backlog)); }

int portico_accept(int fd, portico_address *peer) {
    socket_address kernel;
    socklen_t length = sizeof kernel;
    memset(&kernel, 0, sizeof kernel);
    int accepted = accept4(fd, &kernel.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) return -errno;
    from_kernel(&kernel, peer);
    return accepted;
}

int portico_local_address(int fd, portico_address *address) {
    socket_address kernel;
    socklen_t length = sizeof kernel;
    memset(&kernel, 0, sizeof kernel);
    if (getsockname(fd, &kernel.any, &length) < 0) return -errno;
    from_kernel(&kernel, address);
    return 0;
}

int portico_shutdown_write(int fd) { return result(shutdown(fd, SHUT_WR)); }

int portico_set_option(int fd, int level, int option, int value) {
    return result(setsockopt(fd, level, option, &value, sizeof value));
}

int portico_get_option(int fd, int level, int option, int *value) {
    socklen_t length = sizeof *value;
    return result(getsockopt(fd, level, option, value, &length));
}

int portico_socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
    return error;
}

int portico_reset_on_close(int fd) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    return result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now));
}

int portico_tcp_options(int fd) {
    int on = 1, idle = 15, interval = 15, probes = 9;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) < 0) return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) < 0) return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval) < 0) return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes) < 0) return -errno;
    return 0;
}

int portico_dial_state(int fd) {
    struct pollfd socket = {.fd = fd, .events = POLLOUT};
    if (poll(&socket, 1, 0) < 0) return -errno;
    if (socket.revents & (POLLERR | POLLHUP)) {
        int error = portico_socket_error(fd);
        return error ? -error : -ECONNRESET;
    }
    return socket.revents & POLLOUT ? 1 : 0;
}

/* --- moving bytes --- */

ssize_t portico_read(int fd, void *buffer, size_t count) { return result(recv(fd, buffer, count, 0)); }

ssize_t portico_send(int fd, const void *buffer, size_t count) {
    return result(send(fd, buffer, count, MSG_NOSIGNAL));
}

ssize_t portico_splice(int from, int to, size_t count) {
    return result(splice(from, NULL, to, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
}

int portico_pipe(int capacity, int *read_end, int *write_end) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return -errno;
    int granted = fcntl(ends[1], F_SETPIPE_SZ, capacity);
    if (granted < 0) granted = fcntl(ends[1], F_GETPIPE_SZ);
    if (granted < 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        return -error;
    }
    *read_end = ends[0];
    *write_end = ends[1];
    return granted;
}

int portico_close(int fd) { return result(close(fd)); }

/* --- epoll --- */

struct portico_events {
    int capacity;
    struct epoll_event items[];
};

static uint32_t interest_bits(uint32_t interest) {
    return (interest & PORTICO_READABLE ? EPOLLIN : 0) | (interest & PORTICO_WRITABLE ? EPOLLOUT : 0) |
           (interest & PORTICO_PEER_DONE ? EPOLLRDHUP : 0) | (interest & PORTICO_EDGE ? EPOLLET : 0);
}

static int control(int epoll, int operation, int fd, uint64_t token, uint32_t interest) {
    struct epoll_event event = {.events = interest_bits(interest), .data.u64 = token};
    return result(epoll_ctl(epoll, operation, fd, &event));
}

int portico_epoll(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

int portico_epoll_add(int epoll, int fd, uint64_t token, uint32_t interest) {
    return control(epoll, EPOLL_CTL_ADD, fd, token, interest);
}

int portico_epoll_modify(int epoll, int fd, uint64_t token, uint32_t interest) {
    return control(epoll, EPOLL_CTL_MOD, fd, token, interest);
}

int portico_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

portico_events *portico_events_new(int capacity) {
    portico_events *events = calloc(1, sizeof *events + (size_t)capacity * sizeof events->items[0]);
    if (events) events->capacity = capacity;
    return events;
}

void portico_events_free(portico_events *events) { free(events); }

int portico_epoll_wait(int epoll, portico_events *events, int timeout) {
    int count = epoll_wait(epoll, events->items, events->capacity, timeout);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    return count;
}

uint64_t portico_event_token(const portico_events *events, int index) { return events->items[index].data.u64; }

uint32_t portico_event_readiness(const portico_events *events, int index) {
    uint32_t bits = events->items[index].events;
    return (bits & EPOLLIN ? PORTICO_READABLE : 0) | (bits & EPOLLOUT ? PORTICO_WRITABLE : 0) |
           (bits & EPOLLRDHUP ? PORTICO_PEER_DONE : 0) | (bits & EPOLLHUP ? PORTICO_HANGUP : 0) |
           (bits & EPOLLERR ? PORTICO_FAILED : 0);
}

/* --- threads --- */

void portico_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
