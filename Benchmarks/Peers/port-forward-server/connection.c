// A client's connection as bytes: what comes in, and what is to go out.
#include "server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { high_water = 128 << 10, early = 64 << 10, turns = 4 };

static void read_connection(struct task *task);
static void connection_event(struct task *task, uint32_t events);

void start_connection(struct worker *worker, int fd) {
    struct connection *connection = allocate(sizeof *connection);
    connection->task.run = read_connection;
    connection->task.event = connection_event;
    connection->worker = worker;
    connection->fd = fd;
    // From here on it is the worker's.
    watch(worker, fd, &connection->task);
}

// MARK: Out

unsigned char *room(struct connection *connection, size_t size) {
    if (connection->capacity - connection->end < size) {
        size_t pending = connection->end - connection->start;
        if (connection->start > 0) memmove(connection->output, connection->output + connection->start, pending);
        connection->start = 0;
        connection->end = pending;
        size_t capacity = connection->capacity ? connection->capacity : 1024;
        while (capacity - pending < size) capacity *= 2;
        if (capacity != connection->capacity) connection->output = realloc(connection->output, capacity);
        if (!connection->output) die("realloc");
        connection->capacity = capacity;
    }
    return connection->output + connection->end;
}

static void flush(struct connection *connection) {
    while (connection->start < connection->end) {
        ssize_t put = send(
            connection->fd, connection->output + connection->start, connection->end - connection->start, MSG_NOSIGNAL);
        if (put < 0 && errno == EAGAIN) return;
        if (put < 0) {
            connection->ending = true;
            connection->end = connection->start;
            queue(connection->worker, &connection->task);
            return;
        }
        connection->start += (size_t)put;
    }
    connection->start = connection->end = 0;
    while (connection->waiting) {
        struct forward *forward = connection->waiting;
        connection->waiting = forward->next;
        forward->is_waiting = false;
        queue(connection->worker, &forward->task);
    }
}

void produced(struct connection *connection, size_t size) {
    connection->end += size;
    if (connection->end - connection->start >= early) flush(connection);
    if (connection->is_dirty || connection->end == connection->start) return;
    connection->is_dirty = true;
    connection->next_dirty = connection->worker->dirty;
    connection->worker->dirty = connection;
}

/// Many small answers of a turn leave by one call.
void flush_dirty(struct worker *worker) {
    while (worker->dirty) {
        struct connection *connection = worker->dirty;
        worker->dirty = connection->next_dirty;
        connection->is_dirty = false;
        if (!connection->task.dead) flush(connection);
    }
}

bool is_full(const struct connection *connection) { return connection->end - connection->start > high_water; }

// MARK: In

/// Collects the head of a request, and answers it; what follows an upgrade is the new protocol's.
static bool take(struct connection *connection, unsigned char *bytes, size_t size) {
    while (size > 0 && connection->protocol == http) {
        if (!connection->head) connection->head = allocate(max_head + 1);
        if (connection->head_size == max_head) return false;
        connection->head[connection->head_size++] = *bytes++;
        size--;
        if (connection->head_size < 4) continue;
        if (memcmp(connection->head + connection->head_size - 4, "\r\n\r\n", 4) != 0) continue;
        connection->head[connection->head_size] = 0;
        connection->head_size = 0;
        if (!answer(connection, (char *)connection->head)) return false;
    }
    if (connection->protocol != http) {
        free(connection->head);
        connection->head = NULL;
    }
    return connection->protocol < spdy || consume(connection, bytes, size);
}

static void read_connection(struct task *task) {
    struct connection *connection = (struct connection *)task;
    struct worker *worker = connection->worker;
    for (int turn = 0; turn < turns; turn++) {
        if (connection->blocked > 0 && !connection->ending) return;
        ssize_t got = recv(connection->fd, worker->input, input_size, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0 || !take(connection, worker->input, (size_t)got)) return end_connection(connection);
        // A short read has emptied the socket: what comes later is another edge.
        if (got < input_size && !connection->ending) return;
    }
    queue(worker, task);
}

static void connection_event(struct task *task, uint32_t events) {
    struct connection *connection = (struct connection *)task;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) connection->ending = true;
    if (events & ~(uint32_t)EPOLLOUT) queue(connection->worker, task);
    if (events & EPOLLOUT) flush(connection);
}

void end_connection(struct connection *connection) {
    if (connection->task.dead) return;
    flush(connection);
    if (connection->protocol >= spdy) end_spdy(connection);
    close(connection->fd);
    free(connection->head);
    free(connection->output);
    connection->output = NULL;
    connection->start = connection->end = connection->capacity = 0;
    bury(connection->worker, &connection->task);
}
