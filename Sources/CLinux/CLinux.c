#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
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

int portico_unacknowledged(int fd) {
    int bytes = 0;
    return ioctl(fd, SIOCOUTQ, &bytes) < 0 ? -errno : bytes;
}

int portico_reset_on_close(int fd) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    return result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now));
}

int portico_keep_alive(int fd) {
    int on = 1, idle = 15, interval = 15, probes = 9;
    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) < 0) return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) < 0) return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval) < 0) return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes) < 0) return -errno;
    return 0;
}

int portico_listener_options(int fd) {
    int refused = portico_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (refused < 0) return refused;
    refused = portico_set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
    return refused < 0 ? refused : portico_keep_alive(fd);
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

/* A call that a signal interrupted has not found the descriptor wanting: readiness, which is reported once, would never
 * be reported again. splice looks for signals before it looks at the pipe, so it does happen without blocking. */
#define UNINTERRUPTED(call)                            \
    ssize_t returned;                                  \
    do returned = (call);                              \
    while (returned < 0 && errno == EINTR);            \
    return result(returned)

ssize_t portico_read(int fd, void *buffer, size_t count) { UNINTERRUPTED(recv(fd, buffer, count, 0)); }

/* recv is for sockets alone. */
ssize_t portico_read_pipe(int fd, void *buffer, size_t count) { UNINTERRUPTED(read(fd, buffer, count)); }

ssize_t portico_send(int fd, const void *buffer, size_t count) {
    UNINTERRUPTED(send(fd, buffer, count, MSG_NOSIGNAL));
}

ssize_t portico_splice(int from, int to, size_t count) {
    UNINTERRUPTED(splice(from, NULL, to, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
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

void portico_give_back_memory(void) { malloc_trim(0); }

/* The value that it has anyway, but for good: glibc raises its own with every large piece that is freed. Once it is set
 * glibc leaves M_TRIM_THRESHOLD alone as well (mallopt(3)), so that the end of the heap goes back as early as at the
 * start. */
void portico_map_large_memory(void) { mallopt(M_MMAP_THRESHOLD, 128 * 1024); }

/* glibc has a name for it since 2.36 only. */
int portico_process_descriptor(int pid) { return result((int)syscall(SYS_pidfd_open, pid, 0)); }

int portico_close_on_exec_from(int first) {
    /* CLOSE_RANGE_CLOEXEC is younger than the headers of some systems whose kernel has it. */
    return result((int)syscall(SYS_close_range, (unsigned)first, ~0U, 1U << 2));
}

int portico_duplicate(int fd) { return result(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

/* --- datagrams --- */

ssize_t portico_receive_from(int fd, void *buffer, size_t count, portico_address *sender) {
    socket_address kernel;
    socklen_t length = sizeof kernel;
    memset(&kernel, 0, sizeof kernel);
    ssize_t received = recvfrom(fd, buffer, count, 0, &kernel.any, &length);
    if (received < 0) return -errno;
    from_kernel(&kernel, sender);
    return received;
}

ssize_t portico_send_to(int fd, const void *buffer, size_t count, const portico_address *receiver) {
    socket_address kernel;
    socklen_t length = to_kernel(receiver, &kernel);
    return result(sendto(fd, buffer, count, MSG_NOSIGNAL, &kernel.any, length));
}

enum { LARGEST_DATAGRAM = 65536, CONTROL_SIZE = 128 };

struct portico_batch {
    int slots;
    struct mmsghdr *messages;
    struct iovec *vectors;
    socket_address *peers;
    unsigned char *control;
    unsigned char *bytes;
};

portico_batch *portico_batch_new(int slots) {
    portico_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    batch->slots = slots;
    batch->messages = calloc((size_t)slots, sizeof *batch->messages);
    batch->vectors = calloc((size_t)slots, sizeof *batch->vectors);
    batch->peers = calloc((size_t)slots, sizeof *batch->peers);
    batch->control = calloc((size_t)slots, CONTROL_SIZE);
    /* Not touched here: a page becomes resident when the first datagram that needs it arrives. */
    batch->bytes = malloc((size_t)slots * LARGEST_DATAGRAM);
    if (!batch->messages || !batch->vectors || !batch->peers || !batch->control || !batch->bytes) {
        portico_batch_free(batch);
        return NULL;
    }
    for (int i = 0; i < slots; i++) {
        batch->vectors[i].iov_base = batch->bytes + (size_t)i * LARGEST_DATAGRAM;
        batch->vectors[i].iov_len = LARGEST_DATAGRAM;
        batch->messages[i].msg_hdr.msg_iov = &batch->vectors[i];
        batch->messages[i].msg_hdr.msg_iovlen = 1;
        batch->messages[i].msg_hdr.msg_name = &batch->peers[i];
        batch->messages[i].msg_hdr.msg_control = batch->control + (size_t)i * CONTROL_SIZE;
    }
    return batch;
}

void portico_batch_free(portico_batch *batch) {
    if (!batch) return;
    free(batch->messages);
    free(batch->vectors);
    free(batch->peers);
    free(batch->control);
    free(batch->bytes);
    free(batch);
}

int portico_batch_receive(portico_batch *batch, int fd) {
    for (int i = 0; i < batch->slots; i++) {
        /* The kernel overwrites these with what it used. */
        batch->messages[i].msg_hdr.msg_namelen = sizeof batch->peers[i];
        batch->messages[i].msg_hdr.msg_controllen = CONTROL_SIZE;
    }
    return result(recvmmsg(fd, batch->messages, (unsigned)batch->slots, MSG_DONTWAIT, NULL));
}

int portico_batch_length(const portico_batch *batch, int slot) { return (int)batch->messages[slot].msg_len; }

void portico_batch_peer(const portico_batch *batch, int slot, portico_address *peer) {
    from_kernel(&batch->peers[slot], peer);
}

const void *portico_batch_bytes(const portico_batch *batch, int slot) { return batch->vectors[slot].iov_base; }

void portico_batch_destination(const portico_batch *batch, int slot, portico_address *destination) {
    memset(destination, 0, sizeof *destination);
    struct msghdr *message = &batch->messages[slot].msg_hdr;
    socket_address address;
    memset(&address, 0, sizeof address);
    for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item; item = CMSG_NXTHDR(message, item)) {
        if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            address.v4.sin_family = AF_INET;
            address.v4.sin_addr = info.ipi_addr;
            from_kernel(&address, destination);
        } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            address.v6.sin6_family = AF_INET6;
            address.v6.sin6_addr = info.ipi6_addr;
            /* A link-local source needs the interface that the datagram came in by. */
            if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) address.v6.sin6_scope_id = info.ipi6_ifindex;
            from_kernel(&address, destination);
        }
    }
}

static void *add_control(struct msghdr *message, int level, int type, const void *value, size_t size) {
    struct cmsghdr *item = (struct cmsghdr *)((unsigned char *)message->msg_control + message->msg_controllen);
    item->cmsg_level = level;
    item->cmsg_type = type;
    item->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(item), value, size);
    message->msg_controllen += CMSG_SPACE(size);
    return item;
}

int portico_batch_send(
    portico_batch *batch, int fd, const uint16_t *slots, int count, const portico_address *peer,
    const portico_address *source) {
    enum { MOST = 64 };
    struct iovec vectors[MOST];
    _Alignas(struct cmsghdr) unsigned char control[CONTROL_SIZE];
    socket_address to, from;
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = (size_t)count, .msg_control = control};
    if (count < 1 || count > MOST) return -EINVAL;
    for (int i = 0; i < count; i++) {
        vectors[i].iov_base = batch->vectors[slots[i]].iov_base;
        vectors[i].iov_len = batch->messages[slots[i]].msg_len;
    }
    if (peer) {
        message.msg_name = &to;
        message.msg_namelen = to_kernel(peer, &to);
    }
    if (source && source->family == AF_INET) {
        to_kernel(source, &from);
        struct in_pktinfo info = {.ipi_spec_dst = from.v4.sin_addr};
        add_control(&message, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else if (source && source->family == AF_INET6) {
        to_kernel(source, &from);
        struct in6_pktinfo info = {.ipi6_addr = from.v6.sin6_addr, .ipi6_ifindex = source->scope};
        add_control(&message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
    if (count > 1) {
        uint16_t segment = (uint16_t)vectors[0].iov_len;
        add_control(&message, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
    }
    if (message.msg_controllen == 0) message.msg_control = NULL;
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int portico_batch_send_after(portico_batch *batch, int fd, int slot, const void *header, size_t header_length) {
    struct iovec vectors[2] = {
        {.iov_base = (void *)header, .iov_len = header_length},
        {.iov_base = batch->vectors[slot].iov_base, .iov_len = batch->messages[slot].msg_len},
    };
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = 2};
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int portico_batch_fill(portico_batch *batch, int slot, const void *bytes, size_t count) {
    if (count > LARGEST_DATAGRAM) return -EMSGSIZE;
    memcpy(batch->vectors[slot].iov_base, bytes, count);
    batch->messages[slot].msg_len = (unsigned)count;
    return 0;
}

int portico_report_destination(int fd, int family) {
    if (family == AF_INET) return portico_set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    return portico_set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

void portico_receive_buffer(int fd, int bytes) {
    if (portico_set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) < 0)
        portico_set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

/* --- epoll --- */

struct portico_events {
    int capacity;
    struct epoll_event items[];
};

static uint32_t interest_bits(uint32_t interest) {
    return (interest & PORTICO_READABLE ? EPOLLIN : 0) | (interest & PORTICO_WRITABLE ? EPOLLOUT : 0) |
           (interest & PORTICO_PEER_DONE ? EPOLLRDHUP : 0) | (interest & PORTICO_URGENT ? EPOLLPRI : 0) |
           (interest & PORTICO_EDGE ? EPOLLET : 0);
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

int portico_epoll_remove(int epoll, int fd) { return result(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL)); }

portico_events *portico_events_new(int capacity) {
    portico_events *events = calloc(1, sizeof *events + (size_t)capacity * sizeof events->items[0]);
    if (events) events->capacity = capacity;
    return events;
}

void portico_events_free(portico_events *events) { free(events); }

int portico_epoll_wait(int epoll, portico_events *events, int timeout) {
    int count = epoll_wait(epoll, events->items, events->capacity, timeout);
    /* A process that was stopped and goes on is interrupted: what has come meanwhile is seen before deadlines that are
     * over. */
    if (count < 0 && errno == EINTR) count = epoll_wait(epoll, events->items, events->capacity, 0);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    return count;
}

uint64_t portico_event_token(const portico_events *events, int index) { return events->items[index].data.u64; }

uint32_t portico_event_readiness(const portico_events *events, int index) {
    uint32_t bits = events->items[index].events;
    return (bits & EPOLLIN ? PORTICO_READABLE : 0) | (bits & EPOLLOUT ? PORTICO_WRITABLE : 0) |
           (bits & EPOLLRDHUP ? PORTICO_PEER_DONE : 0) | (bits & EPOLLHUP ? PORTICO_HANGUP : 0) |
           (bits & EPOLLERR ? PORTICO_FAILED : 0) | (bits & EPOLLPRI ? PORTICO_URGENT : 0);
}

/* --- messages between processes --- */

static int unix_address(const char *path, struct sockaddr_un *address) {
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address->sun_path) return -ENAMETOOLONG;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    return 0;
}

int portico_message_socket(void) { return result(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)); }

int portico_message_bind(int fd, const char *path) {
    struct sockaddr_un address;
    int refused = unix_address(path, &address);
    if (refused < 0) return refused;
    /* The file gets the socket's own mode, so there is no moment at which others may connect, as there were with a
     * chmod after it; and unlike the umask this touches nothing else of the process. */
    if (fchmod(fd, 0600) < 0) return -errno;
    return result(bind(fd, (struct sockaddr *)&address, sizeof address));
}

int portico_message_connect(int fd, const char *path) {
    struct sockaddr_un address;
    int refused = unix_address(path, &address);
    if (refused < 0) return refused;
    UNINTERRUPTED(connect(fd, (struct sockaddr *)&address, sizeof address));
}

int portico_message_accept(int fd) { UNINTERRUPTED(accept4(fd, NULL, NULL, SOCK_CLOEXEC)); }

int portico_message_limit(int fd, int64_t milliseconds) {
    struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0) return -errno;
    return result(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
}

int portico_message_peer(int fd, uint32_t *user, int32_t *process) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -errno;
    *user = peer.uid;
    *process = peer.pid;
    return 0;
}

/* Room for the descriptors of one message, aligned as control messages must be. */
typedef union {
    struct cmsghdr header;
    unsigned char bytes[CMSG_SPACE(PORTICO_MOST_DESCRIPTORS * sizeof(int))];
} descriptor_control;

int portico_message_send(int fd, const void *bytes, size_t count, const int *descriptors, int descriptor_count) {
    descriptor_control control;
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (descriptor_count < 0 || descriptor_count > PORTICO_MOST_DESCRIPTORS) return -EINVAL;
    if (descriptor_count > 0) {
        size_t size = (size_t)descriptor_count * sizeof(int);
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *item = CMSG_FIRSTHDR(&message);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(item), descriptors, size);
    }
    ssize_t sent;
    do sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

ssize_t portico_message_receive(int fd, void *bytes, size_t count, int *descriptors, int *descriptor_count) {
    descriptor_control control;
    struct iovec vector = {.iov_base = bytes, .iov_len = count};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control};
    *descriptor_count = 0;
    ssize_t received;
    do received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0) return -errno;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
        size_t size = item->cmsg_len - CMSG_LEN(0);
        memcpy(descriptors + *descriptor_count, CMSG_DATA(item), size);
        *descriptor_count += (int)(size / sizeof(int));
    }
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        for (int i = 0; i < *descriptor_count; i++) close(descriptors[i]);
        *descriptor_count = 0;
        return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : -EMFILE;
    }
    return received;
}

void portico_message_end(int fd) { shutdown(fd, SHUT_RDWR); }

/* --- threads --- */

void portico_take_process_priority(void) {
    errno = 0;
    int priority = getpriority(PRIO_PROCESS, (id_t)getpid());
    if (priority != -1 || errno == 0) (void)setpriority(PRIO_PROCESS, 0, priority);
}

void portico_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
