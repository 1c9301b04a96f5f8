// One port-forward: a TCP connection with a "pod", which is a port of this machine.
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/// As much is read, and sent in a frame, as the servers of Kubernetes do. A pod that has not taken so much of what the
/// client sends stops the client, as there.
enum { chunk = 32 << 10, most_unsent = 256 << 10, turns = 4 };

static void read_pod(struct task *task);
static void forward_event(struct task *task, uint32_t events);

static void set_stream(struct connection *connection, uint32_t stream, struct forward *forward) {
    size_t at = stream >> 1, count = connection->stream_count ? connection->stream_count : 8;
    while (count <= at) count *= 2;
    if (count > connection->stream_count) {
        connection->streams = realloc(connection->streams, count * sizeof *connection->streams);
        if (!connection->streams) die("realloc");
        memset(connection->streams + connection->stream_count, 0,
            (count - connection->stream_count) * sizeof *connection->streams);
        connection->stream_count = count;
    }
    connection->streams[at] = forward;
}

static void unlink_from(struct forward **link, struct forward *forward) {
    while (*link && *link != forward) link = &(*link)->next;
    if (*link) *link = forward->next;
}

/// The pod is not there, or is no more.
static void fail(struct forward *forward) {
    send_reset(forward->connection, forward->data_stream);
    send_data(forward->connection, forward->error_stream, 0, fin);
    end_forward(forward);
}

static void connect_pod(struct forward *forward, uint16_t port) {
    forward->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (forward->fd < 0) return fail(forward);
    setsockopt(forward->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(forward->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        return fail(forward);
    watch(forward->connection->worker, forward->fd, &forward->task);
}

void open_stream(
    struct connection *connection, uint32_t stream, const char *type, const char *request, uint16_t port) {
    struct forward *forward;
    if (strcmp(type, "error") == 0) {
        forward = allocate(sizeof *forward);
        forward->task.run = read_pod;
        forward->task.event = forward_event;
        forward->connection = connection;
        forward->fd = -1;
        forward->error_stream = stream;
        strcpy(forward->request, request);
        forward->next = connection->halves;
        connection->halves = forward;
        return set_stream(connection, stream, forward);
    }
    for (forward = connection->halves; forward && strcmp(forward->request, request) != 0;) forward = forward->next;
    if (!forward) return send_reset(connection, stream);
    unlink_from(&connection->halves, forward);
    forward->data_stream = stream;
    set_stream(connection, stream, forward);
    connect_pod(forward, port);
}

void end_forward(struct forward *forward) {
    struct connection *connection = forward->connection;
    if (forward->task.dead) return;
    connection->streams[forward->error_stream >> 1] = NULL;
    if (forward->data_stream) connection->streams[forward->data_stream >> 1] = NULL;
    else unlink_from(&connection->halves, forward);
    if (forward->is_waiting) unlink_from(&connection->waiting, forward);
    if (forward->is_blocked && --connection->blocked == 0) queue(connection->worker, &connection->task);
    // A client that went away in the middle is a reset for the pod.
    if (!forward->pod_ended || !forward->client_ended)
        setsockopt(forward->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    if (forward->fd >= 0) close(forward->fd);
    free(forward->rest);
    forward->rest = NULL;
    bury(connection->worker, &forward->task);
}

// MARK: To the pod

static void client_is_done(struct forward *forward) {
    if (!forward->client_ended || forward->rest_end > 0) return;
    if (forward->pod_ended) end_forward(forward);
    else shutdown(forward->fd, SHUT_WR);
}

/// Sends as much as the pod takes; -1 if the connection has broken.
static ssize_t send_some(struct forward *forward, const unsigned char *bytes, size_t size) {
    ssize_t put = send(forward->fd, bytes, size, MSG_NOSIGNAL);
    return put >= 0 ? put : errno == EAGAIN ? 0 : -1;
}

void to_pod(struct forward *forward, const unsigned char *bytes, size_t size, bool is_end) {
    if (forward->client_ended) return;
    ssize_t put = size > 0 && forward->rest_end == 0 ? send_some(forward, bytes, size) : 0;
    if (put < 0) return fail(forward);
    if ((size_t)put < size) {
        size_t left = size - (size_t)put;
        size_t needed = forward->rest_end + left;
        if (needed > forward->rest_capacity) forward->rest = realloc(forward->rest, needed * 2);
        if (needed > forward->rest_capacity) forward->rest_capacity = needed * 2;
        if (!forward->rest) die("realloc");
        memcpy(forward->rest + forward->rest_end, bytes + put, left);
        forward->rest_end += left;
        if (!forward->is_blocked && needed - forward->rest_start > most_unsent) {
            forward->is_blocked = true;
            forward->connection->blocked++;
        }
    }
    forward->client_ended = is_end;
    client_is_done(forward);
}

static void flush_to_pod(struct forward *forward) {
    ssize_t put = send_some(forward, forward->rest + forward->rest_start, forward->rest_end - forward->rest_start);
    if (put < 0) return fail(forward);
    forward->rest_start += (size_t)put;
    if (forward->rest_start < forward->rest_end) return;
    free(forward->rest);
    forward->rest = NULL;
    forward->rest_start = forward->rest_end = forward->rest_capacity = 0;
    if (forward->is_blocked && --forward->connection->blocked == 0)
        queue(forward->connection->worker, &forward->connection->task);
    forward->is_blocked = false;
    client_is_done(forward);
}

// MARK: From the pod

static void read_pod(struct task *task) {
    struct forward *forward = (struct forward *)task;
    struct connection *connection = forward->connection;
    for (int turn = 0; turn < turns && !forward->pod_ended; turn++) {
        if (is_full(connection)) {
            if (forward->is_waiting) return;
            forward->is_waiting = true;
            forward->next = connection->waiting;
            connection->waiting = forward;
            return;
        }
        size_t offset = data_offset(connection);
        ssize_t got = recv(forward->fd, room(connection, offset + chunk) + offset, chunk, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got < 0) return fail(forward);
        send_data(connection, forward->data_stream, (size_t)got, got == 0 ? fin : 0);
        if (got == 0) {
            forward->pod_ended = true;
            send_data(connection, forward->error_stream, 0, fin);
            return client_is_done(forward);
        }
        // A short read has emptied the socket: what comes later is another edge.
        if (got < chunk && !forward->ending) return;
    }
    if (!forward->pod_ended) queue(connection->worker, task);
}

static void forward_event(struct task *task, uint32_t events) {
    struct forward *forward = (struct forward *)task;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) forward->ending = true;
    if (events & ~(uint32_t)EPOLLOUT) queue(forward->connection->worker, task);
    if (events & EPOLLOUT && forward->rest_end > 0) flush_to_pod(forward);
}
