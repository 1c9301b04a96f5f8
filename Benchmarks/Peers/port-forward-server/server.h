// The API server of `portico-bench tunnels`: what kubectl and Portico ask of one before a port-forward, and the forward
// itself, for as little CPU as can be had, so that whoever forwards is what is measured.
//
//     port-forward-server LISTEN THREADS PODS TARGET[,TARGET...]             ports on 127.0.0.1
//
// It has one Service, default/web, with the ports 80, 81, ... in front of the targets, and so many pods behind it that
// are always ready; a port of any pod is that port of this machine. SPDY/3.1 is spoken by itself and in a WebSocket.
//
// It is no API server: nobody is authenticated, nothing changes, a watch says nothing, text is the only JSON, and a
// stream that is half closed stays so for as long as it likes. TLS is left out, for everybody alike.
#ifndef PORT_FORWARD_SERVER_H
#define PORT_FORWARD_SERVER_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

enum { input_size = 256 << 10, max_head = 16 << 10, max_control = 64 << 10, max_targets = 16 };

/// Something a worker is to look at: a connection to be read, or a forward whose pod is to be read.
struct task {
    struct task *next;
    void (*run)(struct task *);
    void (*event)(struct task *, uint32_t events);
    bool queued, dead;
};

struct forward;

/// One thread with all that its connections have.
struct worker {
    int epoll;
    struct task *first, *last;
    /// With output that is to leave at the end of a turn.
    struct connection *dirty;
    /// To be freed at the end of a turn, when no event can be about it.
    struct task *graves;
    unsigned char input[input_size];
};

/// A connection of a client: HTTP at first, then maybe port-forwards. All in one place, since an upgrade changes little.
struct connection {
    struct task task;
    struct worker *worker;
    int fd;
    enum { http, watching, spdy, websocket } protocol;
    bool ending;

    /// What the client has yet to take.
    unsigned char *output;
    size_t start, end, capacity;
    bool is_dirty;
    struct connection *next_dirty;
    /// Forwards that have something to read, but found no room.
    struct forward *waiting;
    /// Forwards whose pods do not take what is there: until they do, nothing is read.
    int blocked;

    /// The head of a request; then the header of a message, and a frame's header and block.
    unsigned char *head;
    size_t head_size;
    struct {
        unsigned char header[14], mask[8];
        size_t header_size, left;
    } message;
    struct {
        unsigned char header[8], *block;
        size_t header_size, left, block_size;
    } frame;

    z_stream inflate;
    bool has_replied;
    /// By half their number; two for each.
    struct forward **streams;
    size_t stream_count;
    /// Those whose second stream has yet to come.
    struct forward *halves;
};

/// One port-forward: an error stream, a data stream, and a connection with the pod.
struct forward {
    struct task task;
    struct connection *connection;
    int fd;
    uint32_t error_stream, data_stream;
    char request[24];
    struct forward *next;
    bool is_waiting, ending, pod_ended, client_ended, is_blocked;
    /// What the pod has yet to take.
    unsigned char *rest;
    size_t rest_start, rest_end, rest_capacity;
};

_Noreturn void die(const char *what);
void *allocate(size_t size);

// MARK: main.c

void queue(struct worker *worker, struct task *task);
void bury(struct worker *worker, struct task *task);
void watch(struct worker *worker, int fd, struct task *task);

// MARK: connection.c

void start_connection(struct worker *worker, int fd);
void flush_dirty(struct worker *worker);
void end_connection(struct connection *connection);
/// Room for so many bytes at the end of what is to be sent; `produced` says how many they were.
unsigned char *room(struct connection *connection, size_t size);
void produced(struct connection *connection, size_t size);
/// Whether the client has so much to take that pods have to wait.
bool is_full(const struct connection *connection);

// MARK: http.c

void make_objects(int pods, const uint16_t *targets, int count);
/// Answers a request, whose head ends with a zero. False if this is the end.
bool answer(struct connection *connection, char *head);

// MARK: frames.c

/// Takes bytes of a client that has been upgraded. False if they make no sense.
bool consume(struct connection *connection, unsigned char *bytes, size_t size);
void begin_spdy(struct connection *connection);
void end_spdy(struct connection *connection);
/// Where the bytes of a data frame lie behind what `room` returned; `send_data` puts its head in front of them.
size_t data_offset(const struct connection *connection);
enum { fin = 1 };
void send_data(struct connection *connection, uint32_t stream, size_t size, int flags);
void send_reset(struct connection *connection, uint32_t stream);

// MARK: forward.c

/// A stream has been opened.
void open_stream(
    struct connection *connection, uint32_t stream, const char *type, const char *request, uint16_t port);
/// The client has said something, maybe its last word.
void to_pod(struct forward *forward, const unsigned char *bytes, size_t size, bool is_end);
void end_forward(struct forward *forward);

#endif
