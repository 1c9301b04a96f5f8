// A connected socket per flow. Datagrams are received in batches, and what one flow sent in equal sizes is joined into
// one UDP_SEGMENT send.
#include "c-limit.h"

#include <netinet/udp.h>
#include <string.h>
#include <time.h>

enum { batch = 64, slot = 2048, overflow = 64 << 10, buckets = 4096, idle_seconds = 60, joined_bytes = 65000 };

struct flow {
    int fd;
    /// How many datagrams the next receive asks for: one costs least where one is all there is.
    int wanted;
    /// For a flow, where its answers go and by which listener; a listener has no client.
    struct sockaddr_in client;
    struct flow *listener;
    time_t used;
    struct flow *next;
};

struct switchboard {
    int epoll;
    unsigned turn;
    time_t now;
    struct flow *flows[buckets];
    struct mmsghdr messages[batch];
    /// A slot, and behind it room for the rare datagram that is larger.
    struct iovec vectors[batch][2];
    struct sockaddr_in senders[batch];
    unsigned char slots[batch][slot];
    unsigned char overflows[batch][overflow];
};

static int receive(struct switchboard *board, struct flow *flow) {
    for (int i = 0; i < flow->wanted; i++) {
        board->vectors[i][0] = (struct iovec){board->slots[i], slot};
        board->vectors[i][1] = (struct iovec){board->overflows[i], overflow};
        board->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &board->senders[i], .msg_namelen = sizeof board->senders[i], .msg_iov = board->vectors[i],
            .msg_iovlen = 2};
    }
    int count = recvmmsg(flow->fd, board->messages, (unsigned)flow->wanted, MSG_DONTWAIT, NULL);
    if (count == flow->wanted) flow->wanted = count * 2 < batch ? count * 2 : batch;
    else flow->wanted = count > 1 ? count : 1;
    return count;
}

/// Sends datagrams of one flow, `to` NULL for a connected socket: equal ones together, the last may be shorter.
static void send_runs(struct switchboard *board, int fd, struct sockaddr_in *to, int start, int stop) {
    while (start < stop) {
        unsigned size = board->messages[start].msg_len, bytes = size;
        struct iovec parts[batch] = {{board->slots[start], size < slot ? size : slot}};
        size_t count = 1;
        if (size > slot) parts[count++] = (struct iovec){board->overflows[start], size - slot};
        int run = 1;
        for (bool equal = size > 0 && size <= slot; equal && start + run < stop; run++) {
            unsigned length = board->messages[start + run].msg_len;
            if (length == 0 || length > size || bytes + length > joined_bytes) break;
            parts[count++] = (struct iovec){board->slots[start + run], length};
            bytes += length;
            equal = length == size;
        }
        struct msghdr message = {
            .msg_name = to, .msg_namelen = to ? sizeof *to : 0, .msg_iov = parts, .msg_iovlen = count};
        union {
            struct cmsghdr header;
            char space[CMSG_SPACE(sizeof(uint16_t))];
        } control = {0};
        if (run > 1) {
            message.msg_control = &control;
            message.msg_controllen = sizeof control.space;
            control.header.cmsg_level = SOL_UDP;
            control.header.cmsg_type = UDP_SEGMENT;
            control.header.cmsg_len = CMSG_LEN(sizeof(uint16_t));
            uint16_t segment = (uint16_t)size;
            memcpy(CMSG_DATA(&control.header), &segment, sizeof segment);
        }
        if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0 && run > 1 && (errno == EINVAL || errno == EIO)) {
            // This path can't join: one by one.
            for (int i = 0; i < run; i++)
                sendto(fd, parts[i].iov_base, parts[i].iov_len, 0, message.msg_name, message.msg_namelen);
        }
        start += run;
    }
}

static bool same(const struct sockaddr_in *one, const struct sockaddr_in *other) {
    return one->sin_port == other->sin_port && one->sin_addr.s_addr == other->sin_addr.s_addr;
}

static struct flow *flow_of(struct switchboard *board, struct flow *listener, const struct sockaddr_in *client) {
    uint32_t hash = (client->sin_addr.s_addr ^ (uint32_t)client->sin_port << 16 ^ (uint32_t)listener->fd) * 2654435761U;
    struct flow **bucket = &board->flows[hash >> 20];
    for (struct flow *flow = *bucket; flow; flow = flow->next)
        if (flow->listener == listener && same(&flow->client, client)) return flow;
    int fd = connected(SOCK_DGRAM, &board->turn);
    if (fd < 0) return NULL;
    set(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer);
    struct flow *flow = allocate(sizeof *flow);
    *flow = (struct flow){.fd = fd, .wanted = 1, .client = *client, .listener = listener, .next = *bucket};
    *bucket = flow;
    watch(board->epoll, fd, EPOLLIN, flow, 0);
    return flow;
}

static void pass(struct switchboard *board, struct flow *source) {
    int count = receive(board, source);
    if (source->listener) {
        source->used = board->now;
        send_runs(board, source->listener->fd, &source->client, 0, count);
        return;
    }
    for (int start = 0, stop; start < count; start = stop) {
        for (stop = start + 1; stop < count && same(&board->senders[start], &board->senders[stop]);) stop++;
        struct flow *flow = flow_of(board, source, &board->senders[start]);
        if (!flow) continue;
        flow->used = board->now;
        send_runs(board, flow->fd, NULL, start, stop);
    }
}

static void expire(struct switchboard *board) {
    for (int i = 0; i < buckets; i++) {
        for (struct flow **link = &board->flows[i]; *link;) {
            struct flow *flow = *link;
            if (board->now - flow->used < idle_seconds) {
                link = &flow->next;
                continue;
            }
            *link = flow->next;
            close(flow->fd);
            free(flow);
        }
    }
}

_Noreturn void *serve_udp(void *unused) {
    (void)unused;
    struct switchboard *board = allocate(sizeof *board);
    board->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < listen_count; i++) {
        struct flow *listener = allocate(sizeof *listener);
        *listener = (struct flow){.fd = bound(SOCK_DGRAM, listens[i]), .wanted = 1};
        if (setsockopt(listener->fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){receive_buffer}, sizeof(int)) != 0)
            set(listener->fd, SOL_SOCKET, SO_RCVBUF, receive_buffer);
        watch(board->epoll, listener->fd, EPOLLIN, listener, 0);
    }
    struct epoll_event events[max_events];
    time_t swept = time(NULL);
    while (true) {
        int count = epoll_wait(board->epoll, events, max_events, 1000 * idle_seconds);
        board->now = time(NULL);
        for (int i = 0; i < count; i++) pass(board, events[i].data.ptr);
        if (board->now - swept < idle_seconds) continue;
        swept = board->now;
        expire(board);
    }
}
