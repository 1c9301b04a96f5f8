// Sockets on 127.0.0.1, and datagrams in batches. Batches keep the load generator and the backend far cheaper than
// the proxy between them, which takes datagrams one flow at a time.
#define _GNU_SOURCE
#include "CBench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { batch = 64, datagram_capacity = 2048 };

static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int fail(int fd) {
    int error = errno;
    if (fd >= 0) close(fd);
    return -error;
}

static void set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

int bench_tcp_listen(uint16_t port, int backlog) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    struct sockaddr_in address = loopback(port);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return fail(fd);
    if (listen(fd, backlog) != 0) return fail(fd);
    return fd;
}

int bench_tcp_connect(uint16_t port, int nonblocking) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
    if (fd < 0) return -errno;
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    struct sockaddr_in address = loopback(port);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) return fail(fd);
    return fd;
}

int bench_tcp_accept(int listener, int nonblocking) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0));
    if (fd < 0) return -errno;
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
}

int bench_socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

void bench_linger_zero(int fd) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static int datagram_socket(int receive_buffer) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    // Past rmem_max where we may, up to it where we may not.
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) != 0)
        set(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer);
    return fd;
}

int bench_udp_bind(uint16_t port, int receive_buffer) {
    int fd = datagram_socket(receive_buffer);
    if (fd < 0) return fd;
    struct sockaddr_in address = loopback(port);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return fail(fd);
    return fd;
}

int bench_udp_connect(uint16_t port, int receive_buffer) {
    int fd = datagram_socket(receive_buffer);
    if (fd < 0) return fd;
    struct sockaddr_in address = loopback(port);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return fail(fd);
    return fd;
}

int bench_udp_send_many(int fd, const void *bytes, uint32_t size, int count) {
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = size};
    struct mmsghdr messages[batch];
    if (count > batch) count = batch;
    memset(messages, 0, sizeof messages[0] * (size_t)count);
    for (int i = 0; i < count; i++) {
        messages[i].msg_hdr.msg_iov = &vector;
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int sent = sendmmsg(fd, messages, (unsigned)count, 0);
    return sent < 0 ? -errno : sent;
}

struct inbox {
    struct mmsghdr messages[batch];
    struct iovec vectors[batch];
    struct sockaddr_in senders[batch];
    unsigned char bytes[batch][datagram_capacity];
};

// One per thread: the backend's threads each serve one socket.
static _Thread_local struct inbox inbox;

static int receive(int fd) {
    for (int i = 0; i < batch; i++) {
        inbox.vectors[i] = (struct iovec){.iov_base = inbox.bytes[i], .iov_len = datagram_capacity};
        inbox.messages[i].msg_hdr = (struct msghdr){
            .msg_name = &inbox.senders[i],
            .msg_namelen = sizeof inbox.senders[i],
            .msg_iov = &inbox.vectors[i],
            .msg_iovlen = 1,
        };
    }
    int received = recvmmsg(fd, inbox.messages, batch, MSG_WAITFORONE, NULL);
    return received < 0 ? -errno : received;
}

int bench_udp_receive_many(int fd) { return receive(fd); }

int bench_udp_echo_many(int fd) {
    int received = receive(fd);
    if (received <= 0) return received;
    for (int i = 0; i < received; i++) inbox.vectors[i].iov_len = inbox.messages[i].msg_len;
    int sent = 0;
    while (sent < received) {
        int count = sendmmsg(fd, inbox.messages + sent, (unsigned)(received - sent), 0);
        // One refused datagram must not hold up the rest.
        sent += count > 0 ? count : 1;
    }
    return received;
}

int bench_udp_echo_smaller(int fd, uint32_t size) {
    int received = receive(fd);
    if (received <= 0) return received;
    int kept = 0;
    for (int i = 0; i < received; i++) {
        unsigned length = inbox.messages[i].msg_len;
        if (length >= size) {
            kept++;
        } else {
            const struct msghdr *from = &inbox.messages[i].msg_hdr;
            sendto(fd, inbox.bytes[i], length, 0, from->msg_name, from->msg_namelen);
        }
    }
    return kept;
}
