// Edge-triggered. Small messages are copied through one buffer; streams are spliced through pipes of 256 KiB, which are
// held only while they hold data. A socket is read at once after accept, and whatever is read is written at once. A
// stream that has more to do after its budget waits for the next turn.
#include "c-limit.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>

enum { chunk = 64 << 10, pipe_size = 256 << 10, budget = 2, backlog = 8192, accepts = 16 };

struct tube {
    int ends[2];
    struct tube *next;
};

/// What comes from one side of a connection, the client's (0) or the endpoint's (1), and goes to the other. At most one
/// of `rest` and `tube` holds data.
struct stream {
    int from, to;
    /// Copied, but not taken by `to`.
    unsigned char *rest;
    uint32_t rest_start, rest_end;
    struct tube *tube;
    uint32_t piped;
    uint8_t side;
    /// Full buffers in a row: two of them make a stream worth splicing.
    uint8_t full;
    /// The last event told of an end: read up to it.
    bool ending;
    bool shut, queued;
    struct stream *next;
};

struct connection {
    struct stream streams[2];
    bool dead;
    struct connection *next;
};

struct relay {
    int epoll;
    unsigned turn;
    struct tube *tubes;
    struct stream *first, *last;
    struct connection *dead;
    unsigned char buffer[chunk];
};

enum { listener_tag = 2, tags = 3 };

static bool take_tube(struct relay *relay, struct stream *stream) {
    if (relay->tubes) {
        stream->tube = relay->tubes;
        relay->tubes = stream->tube->next;
        return true;
    }
    struct tube *tube = allocate(sizeof *tube);
    if (pipe2(tube->ends, O_NONBLOCK | O_CLOEXEC) != 0) {
        free(tube);
        return false;
    }
    fcntl(tube->ends[1], F_SETPIPE_SZ, pipe_size);
    stream->tube = tube;
    return true;
}

static void return_tube(struct relay *relay, struct stream *stream) {
    struct tube *tube = stream->tube;
    stream->tube = NULL;
    if (!tube) return;
    if (stream->piped > 0) {
        // What is left in it belongs to a connection that is no more.
        close(tube->ends[0]);
        close(tube->ends[1]);
        free(tube);
    } else {
        tube->next = relay->tubes;
        relay->tubes = tube;
    }
}

static struct connection *of(struct stream *stream) { return (struct connection *)(stream - stream->side); }

static void end(struct relay *relay, struct connection *connection, bool reset) {
    if (connection->dead) return;
    connection->dead = true;
    for (int side = 0; side < 2; side++) {
        struct stream *stream = &connection->streams[side];
        struct linger linger = {.l_onoff = 1};
        if (reset) setsockopt(stream->from, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        close(stream->from);
        return_tube(relay, stream);
        free(stream->rest);
    }
    connection->next = relay->dead;
    relay->dead = connection;
}

/// Hands on what was read before; false while there is something left, with errno saying why.
static bool flush(struct stream *stream) {
    while (stream->piped > 0) {
        ssize_t put = splice(
            stream->tube->ends[0], NULL, stream->to, NULL, stream->piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (put <= 0) return false;
        stream->piped -= (uint32_t)put;
    }
    while (stream->rest) {
        size_t left = stream->rest_end - stream->rest_start;
        ssize_t put = send(stream->to, stream->rest + stream->rest_start, left, MSG_NOSIGNAL);
        if (put < 0) return false;
        stream->rest_start += (uint32_t)put;
        if ((size_t)put == left) {
            free(stream->rest);
            stream->rest = NULL;
        }
    }
    return true;
}

/// Reads once, into the buffer or into a pipe, and notes what of it `to` did not take.
static ssize_t transfer(struct relay *relay, struct stream *stream) {
    if (stream->full >= 2 && (stream->tube || take_tube(relay, stream))) {
        ssize_t got = splice(
            stream->from, NULL, stream->tube->ends[1], NULL, pipe_size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (got > 0) stream->piped = (uint32_t)got;
        if (got > 0 && got < chunk / 4) stream->full = 0;
        return got;
    }
    return_tube(relay, stream);
    ssize_t got = recv(stream->from, relay->buffer, chunk, 0);
    if (got <= 0) return got;
    stream->full = got == chunk ? stream->full + 1 : 0;
    ssize_t put = send(stream->to, relay->buffer, (size_t)got, MSG_NOSIGNAL);
    if (put == got) return got;
    if (put < 0 && errno != EAGAIN) return -1;
    if (put < 0) put = 0;
    stream->rest_start = 0;
    stream->rest_end = (uint32_t)(got - put);
    stream->rest = malloc(stream->rest_end);
    if (!stream->rest) die("malloc");
    memcpy(stream->rest, relay->buffer + put, stream->rest_end);
    return got;
}

/// Moves what there is, up to the budget; what is left then waits for the next turn.
static void run(struct relay *relay, struct stream *stream) {
    for (int i = 0; i < budget; i++) {
        if (!flush(stream)) {
            if (errno != EAGAIN) end(relay, of(stream), true);
            return;
        }
        ssize_t got = transfer(relay, stream);
        if (got > 0) {
            // Room for it is an edge, too.
            if (stream->rest) return;
            // A short read has emptied the socket: what comes later is another edge.
            if (!stream->tube && got < chunk && !stream->ending) return;
        } else if (got < 0 && errno == EAGAIN) {
            return_tube(relay, stream);
            return;
        } else {
            int error = 0;
            socklen_t length = sizeof error;
            // A splice reports a reset as an end.
            getsockopt(stream->from, SOL_SOCKET, SO_ERROR, &error, &length);
            if (got < 0 || error != 0) return end(relay, of(stream), true);
            if (of(stream)->streams[!stream->side].shut) return end(relay, of(stream), false);
            stream->shut = true;
            shutdown(stream->to, SHUT_WR);
            return_tube(relay, stream);
            return;
        }
    }
    stream->queued = true;
    stream->next = NULL;
    if (relay->first) relay->last->next = stream;
    else relay->first = stream;
    relay->last = stream;
}

static void accept_some(struct relay *relay, int listener) {
    for (int i = 0; i < accepts; i++) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0) return;
        int server = connected(SOCK_STREAM, &relay->turn);
        if (server < 0) {
            close(client);
            continue;
        }
        set(client, IPPROTO_TCP, TCP_NODELAY, 1);
        set(server, IPPROTO_TCP, TCP_NODELAY, 1);
        struct connection *connection = allocate(sizeof *connection);
        connection->streams[0] = (struct stream){.from = client, .to = server};
        connection->streams[1] = (struct stream){.from = server, .to = client, .side = 1};
        run(relay, &connection->streams[0]);
        for (uintptr_t side = 0; side < 2 && !connection->dead; side++) {
            uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
            watch(relay->epoll, connection->streams[side].from, events, connection, side);
        }
    }
}

/// Something happened to the socket of one side.
static void react(struct relay *relay, struct connection *connection, int side, uint32_t events) {
    struct stream *in = &connection->streams[side], *out = &connection->streams[!side];
    if (connection->dead) return;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) in->ending = true;
    if (in->shut && (events & EPOLLERR)) return end(relay, connection, true);
    if (!in->queued && !in->shut && (events & ~(uint32_t)EPOLLOUT)) run(relay, in);
    if (!connection->dead && !out->queued && (events & EPOLLOUT) && (out->rest || out->piped > 0)) run(relay, out);
}

/// Those that used up their budget, each once: what they queue again waits for what happened meanwhile.
static void run_queue(struct relay *relay) {
    struct stream *stream = relay->first;
    relay->first = NULL;
    while (stream) {
        struct stream *next = stream->next;
        stream->queued = false;
        if (!of(stream)->dead) run(relay, stream);
        stream = next;
    }
}

/// Only now may nothing point at a dead connection any more: no event of this turn, and nothing in the queue.
static void bury(struct relay *relay) {
    struct stream **link = &relay->first, *last = NULL;
    while (*link && relay->dead) {
        if (of(*link)->dead) {
            *link = (*link)->next;
        } else {
            last = *link;
            link = &last->next;
        }
    }
    if (last) relay->last = last;
    while (relay->dead) {
        struct connection *connection = relay->dead;
        relay->dead = connection->next;
        free(connection);
    }
}

_Noreturn void *serve_tcp(void *unused) {
    (void)unused;
    struct relay *relay = allocate(sizeof *relay);
    relay->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < listen_count; i++) {
        int fd = bound(SOCK_STREAM, listens[i]);
        if (listen(fd, backlog) != 0) die("listen");
        watch(relay->epoll, fd, EPOLLIN, (void *)((uintptr_t)fd << 2), listener_tag);
    }
    struct epoll_event events[max_events];
    while (true) {
        int count = epoll_wait(relay->epoll, events, max_events, relay->first ? 0 : -1);
        for (int i = 0; i < count; i++) {
            uintptr_t tag = events[i].data.u64 & tags, data = events[i].data.u64 - tag;
            if (tag == listener_tag) accept_some(relay, (int)(data >> 2));
            else react(relay, (struct connection *)data, (int)tag, events[i].events);
        }
        run_queue(relay);
        bury(relay);
    }
}
