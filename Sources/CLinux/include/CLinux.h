/*
 * CLinux: the system calls of the data plane that Swift's Glibc module lacks or cannot express.
 *
 * One convention throughout: a call returns its result, or -errno. Swift may run reference-counting code between a
 * call and a read of errno, and that code may disturb it; so errno is read here, in the same C function, and nowhere
 * else. None but the two that end in `_new` allocates, none keeps a pointer of its caller's, and none but those under
 * "Messages" and "Programs" blocks: descriptors are non-blocking.
 */
#ifndef PORTICO_CLINUX_H
#define PORTICO_CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* An IP socket address as a value. sockaddr_storage is a 128-byte union that Swift can only reach through pointer
 * casts; this is what is left of it for IPv4 and IPv6. high/low hold the address as one big-endian number (IPv4 in the
 * low 32 bits of low); family is AF_INET or AF_INET6. */
typedef struct {
    uint64_t high, low;
    uint32_t scope;
    uint16_t port;
    uint16_t family;
} portico_address;

/* Sockets. Every descriptor made here is non-blocking and close-on-exec. */
int portico_tcp_socket(int family);
int portico_udp_socket(int family);
int portico_bind(int fd, const portico_address *address);
int portico_connect(int fd, const portico_address *address);
int portico_listen(int fd, int backlog);
int portico_accept(int fd, portico_address *peer);
int portico_local_address(int fd, portico_address *address);
int portico_shutdown_write(int fd);
int portico_set_option(int fd, int level, int option, int value);
int portico_get_option(int fd, int level, int option, int *value);
/* The pending error of a socket (SO_ERROR, which clears it), or 0. */
int portico_socket_error(int fd);
/* Makes the next close of the socket send a reset in place of a FIN (SO_LINGER with a time of 0). */
int portico_reset_on_close(int fd);
/* Bytes that were written and that the peer has not acknowledged yet (SIOCOUTQ), or -errno. */
int portico_unacknowledged(int fd);
/* Keep-alive with 15 s idle, 15 s interval, 9 probes: what kube-proxy's userspace mode had, since Go sets it. */
int portico_keep_alive(int fd);
/* TCP_NODELAY, keep-alive and SO_OOBINLINE for a listener: the accepted sockets inherit them, which saves six calls a
 * connection. */
int portico_listener_options(int fd);

/* How a connect under way stands: 1 connected, 0 still under way, -errno failed. */
int portico_dial_state(int fd);

/* Moving bytes. None of these returns -EINTR. */
ssize_t portico_read(int fd, void *buffer, size_t count);
ssize_t portico_read_pipe(int fd, void *buffer, size_t count);
/* MSG_NOSIGNAL: a peer that is gone is an EPIPE, not a SIGPIPE. */
ssize_t portico_send(int fd, const void *buffer, size_t count);
/* splice is a GNU extension and its flags are macros. Never SPLICE_F_MORE: it corks and costs 200 ms on small
 * messages. */
ssize_t portico_splice(int from, int to, size_t count);
/* A non-blocking, close-on-exec pipe of at least `capacity` bytes if the kernel grants it. Returns the capacity that it
 * has, or -errno with nothing open. An ordinary user over its budget of pipe pages gets a smaller one. */
int portico_pipe(int capacity, int *read_end, int *write_end);
int portico_close(int fd);

/* Gives memory that is not in use back to the system. Swift does not see malloc.h. */
void portico_give_back_memory(void);
/* Has large pieces mapped on their own, so that they go back as soon as they are free. */
void portico_map_large_memory(void);
/* A descriptor that is readable once the process has ended, close-on-exec (pidfd_open, Linux 5.3). */
int portico_process_descriptor(int pid);
/* Has every descriptor from `first` on closed at the next exec (close_range, Linux 5.11): none before that, or
 * -errno. */
int portico_close_on_exec_from(int first);
/* A second descriptor of what `fd` names, close-on-exec. */
int portico_duplicate(int fd);

/* One datagram in one call, with the address of the other side as a value. */
ssize_t portico_receive_from(int fd, void *buffer, size_t count, portico_address *sender);
ssize_t portico_send_to(int fd, const void *buffer, size_t count, const portico_address *receiver);

/* Datagrams, many in one call. A batch owns `slots` buffers, each large enough for any datagram, with the addresses
 * that came along; it is what recvmmsg fills and what sends are gathered from, so a datagram is copied in and out
 * once. */
typedef struct portico_batch portico_batch;
/* NULL when memory is short. */
portico_batch *portico_batch_new(int slots);
void portico_batch_free(portico_batch *batch);
/* Fills slots from 0 on; the number of datagrams, or -errno. */
int portico_batch_receive(portico_batch *batch, int fd);
/* What slot `slot` received: its length in bytes, the sender, and the local address that it was sent to (family 0
 * unless the socket reports it, see portico_report_destination). */
int portico_batch_length(const portico_batch *batch, int slot);
void portico_batch_peer(const portico_batch *batch, int slot, portico_address *peer);
void portico_batch_destination(const portico_batch *batch, int slot, portico_address *destination);
const void *portico_batch_bytes(const portico_batch *batch, int slot);
/* Sends `count` slots (1…64) in one call: one datagram each, all of the first one's length except that the last may
 * be shorter, by UDP_SEGMENT if there are several. `peer` NULL: the socket is connected. `source` NULL or of family 0:
 * the kernel chooses the source address. Returns 0, or -errno with nothing sent. */
int portico_batch_send(
    portico_batch *batch, int fd, const uint16_t *slots, int count, const portico_address *peer,
    const portico_address *source);
/* Sends slot `slot` on a connected socket, as one datagram with `header` before it. Returns 0, or -errno. */
int portico_batch_send_after(portico_batch *batch, int fd, int slot, const void *header, size_t header_length);
/* Puts `bytes` in place of what slot `slot` received; its peer and destination stay. Returns 0, or -EMSGSIZE. */
int portico_batch_fill(portico_batch *batch, int slot, const void *bytes, size_t count);
/* Asks for the destination address of every datagram (IP_PKTINFO, IPV6_RECVPKTINFO): a socket that is bound to the
 * wildcard must answer from the address that the client used, and the kernel would choose another. */
int portico_report_destination(int fd, int family);
/* A receive buffer of `bytes`, by SO_RCVBUFFORCE where permitted, else as much of it as net.core.rmem_max allows. */
void portico_receive_buffer(int fd, int bytes);

/* epoll: epoll_event is packed on x86-64, which Swift does not import, and EPOLLET is beyond a C int. */
typedef struct portico_events portico_events;
enum {
    PORTICO_READABLE = 1,   /* EPOLLIN */
    PORTICO_WRITABLE = 2,   /* EPOLLOUT */
    PORTICO_PEER_DONE = 4,  /* EPOLLRDHUP: the peer will send no more */
    PORTICO_HANGUP = 8,     /* EPOLLHUP: both directions are shut */
    PORTICO_FAILED = 16,    /* EPOLLERR: an error is pending on the socket */
    PORTICO_EDGE = 32,      /* EPOLLET, in interests only */
    PORTICO_URGENT = 64     /* EPOLLPRI: a byte that the peer marked as urgent is under way or waits */
};
int portico_epoll(void);
int portico_epoll_add(int epoll, int fd, uint64_t token, uint32_t interest);
int portico_epoll_modify(int epoll, int fd, uint64_t token, uint32_t interest);
int portico_epoll_remove(int epoll, int fd);
/* NULL when memory is short. */
portico_events *portico_events_new(int capacity);
void portico_events_free(portico_events *events);
/* The number of events, 0 after `timeout` milliseconds (-1: for ever) or an interrupting signal, or -errno. */
int portico_epoll_wait(int epoll, portico_events *events, int timeout);
uint64_t portico_event_token(const portico_events *events, int index);
uint32_t portico_event_readiness(const portico_events *events, int index);

/* Messages between processes, over Unix sockets that keep their boundaries (SOCK_SEQPACKET), with descriptors in them:
 * the control messages of SCM_RIGHTS are laid out by macros. These sockets block, for as long as their time limit
 * says. */
enum { PORTICO_MOST_DESCRIPTORS = 253 }; /* SCM_MAX_FD: more in one message are refused. */
int portico_message_socket(void);
/* -ENAMETOOLONG if the path does not fit into an address. The socket file gets mode 0600. */
int portico_message_bind(int fd, const char *path);
int portico_message_connect(int fd, const char *path);
/* Waits without a limit. */
int portico_message_accept(int fd);
/* How long sending, receiving and connecting may take, in milliseconds; then they return -EAGAIN. 0: for ever. */
int portico_message_limit(int fd, int64_t milliseconds);
/* The user that the other side belonged to as it connected, or listened. */
int portico_message_peer(int fd, uint32_t *user, int32_t *process);
/* Sends one message with duplicates of `descriptors` (at most PORTICO_MOST_DESCRIPTORS). */
int portico_message_send(int fd, const void *bytes, size_t count, const int *descriptors, int descriptor_count);
/* Receives one message; the number of its bytes, 0 at the end. `descriptors` has room for PORTICO_MOST_DESCRIPTORS,
 * which are close-on-exec and the caller's. -EMSGSIZE, with nothing kept, if the message has more than `count` bytes;
 * -EMFILE likewise if this process has no room for all of its descriptors. */
ssize_t portico_message_receive(int fd, void *bytes, size_t count, int *descriptors, int *descriptor_count);
/* Ends both directions, which wakes whoever waits on the socket in any thread. */
void portico_message_end(int fd);

/* Programs that see other files than everybody else, by mounts of their own. posix_spawn runs nothing between fork and
 * exec. */
typedef struct {
    const char *file;  /* What is seen … */
    const char *place; /* … there, in the place of what is there. Both exist, and are absolute. */
} portico_cover;
typedef struct {
    /* The program, which is looked for on PATH, and its arguments; and its environment. Both end with NULL. */
    char *const *arguments;
    char *const *environment;
    /* Where it is to be; NULL for where this process is. */
    const char *folder;
    /* Signals that get their default back, bit n-1 for signal n. No signal is blocked for it. */
    uint64_t default_signals;
    const portico_cover *covers;
    int cover_count;
} portico_start_request;
enum { PORTICO_STARTING, PORTICO_SEPARATING, PORTICO_COVERING, PORTICO_ENTERING, PORTICO_EXECUTING };
/* Starts a program as this process's child, which is like any other but for the covers; without any it is in this
 * process's own namespaces. Waits until it runs. Returns its number, or -errno with nothing left behind and in `step`
 * what could not be done. `namespaces` gets two descriptors, which keep the covers: of its user namespace, -1 for root,
 * who needs none, and of its mount namespace, -1 without covers. */
int portico_start(const portico_start_request *request, int namespaces[2], int *step);
/* Has those in the namespaces see another file at a place that is covered already: who opens it sees the old one or the
 * new one. With `beneath` 0 it is done as by kernels before 6.5, where they may also see the system's own for a
 * moment. */
int portico_cover_anew(const int namespaces[2], const portico_cover *next, int beneath);

/* Threads: a GNU extension. */
void portico_name_thread(const char *name);
/* Gives the calling thread the nice value of the process's first one. A thread inherits that of its creator, and the
 * pool of Swift's concurrency sets those of its threads by its own mind: a process that was started with another one
 * would not have it. */
void portico_take_process_priority(void);

#endif
