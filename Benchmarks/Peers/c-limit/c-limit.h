// The least a userspace proxy can do: what is left of one when everything goes that a user would miss. It is the
// yardstick in a run: who is slower spends time on features, or wastes it.
//
//     c-limit tcp|udp THREADS LISTEN[,LISTEN...] ENDPOINT[,ENDPOINT...]      ports on 127.0.0.1
//
// One thread per core, each with SO_REUSEPORT sockets and an epoll of its own. Connections and flows go to the
// endpoints in turn.
#ifndef C_LIMIT_H
#define C_LIMIT_H

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { max_ports = 64, max_events = 64, receive_buffer = 4 << 20 };

extern uint16_t listens[max_ports], endpoints[max_ports];
extern int listen_count, endpoint_count;

_Noreturn void *serve_tcp(void *unused);
_Noreturn void *serve_udp(void *unused);

void die(const char *what);
void *allocate(size_t size);
void set(int fd, int level, int option, int value);
/// A socket that is bound to 127.0.0.1, beside those of the other threads.
int bound(int type, uint16_t port);
/// A socket that is connected, or about to be, to the next endpoint in turn.
int connected(int type, unsigned *turn);
void watch(int epoll, int fd, uint32_t events, void *data, uintptr_t tag);

#endif
