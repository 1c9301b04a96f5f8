// What Swift's Glibc module does not offer: calls behind _GNU_SOURCE, calls with variadic or macro arguments, and
// code that runs between fork and exec, where nothing of the Swift runtime may be touched.
//
// Functions return 0 or a value >= 0 on success and -errno on failure, so that no caller reads errno too late.
#ifndef PORTICO_CBENCH_H
#define PORTICO_CBENCH_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

// MARK: sandbox.c

/// Forks; the child goes on, the parent waits for it and exits in bench_supervise_wait.
/// With `isolate` the child has its own network, process and mount namespaces: when it ends, for whatever reason,
/// the kernel ends everything it started and the network namespace vanishes with it.
/// Returns the child's id in the parent, 0 in the child.
int bench_supervise(int isolate);

/// Waits for the child, passing on SIGINT and SIGTERM; returns its exit status as a shell would give it.
int bench_supervise_wait(pid_t child);

/// Sets the loopback interface of this network namespace up.
int bench_loopback_up(void);

/// Ends all process groups started by bench_spawn when SIGINT or SIGTERM arrives, then exits with 128 + signal.
void bench_exit_on_signals(void);

// MARK: spawn.c

/// Starts a program in a process group of its own that dies with the caller.
/// `cpu` pins it (-1: not); descriptors 3 and up are closed unless `keep_descriptors`.
pid_t bench_spawn(const char *path, char *const argv[], int in, int out, int err, int cpu, int keep_descriptors);

/// Kills the process group and waits for its leader.
void bench_end(pid_t leader);

/// Pins one thread to one CPU, or lets it go everywhere again with -1.
int bench_pin(pid_t thread, int cpu);

/// The first `capacity` CPUs this process may use; returns how many.
int bench_cpus(int *cpus, int capacity);

/// User and system time of a process in nanoseconds: all threads, those that ended included. -errno if it is gone.
int64_t bench_cpu_nanoseconds(pid_t process);

/// Lets this thread's sleeps end on time instead of up to 50 microseconds late.
void bench_precise_sleep(void);

/// Raises the soft limit of descriptors to the hard one and returns it.
int64_t bench_raise_descriptor_limit(void);

// MARK: sockets.c

int bench_tcp_listen(uint16_t port, int backlog);
/// Connects to 127.0.0.1. Non-blocking sockets may return while the handshake is under way.
int bench_tcp_connect(uint16_t port, int nonblocking);
int bench_tcp_accept(int listener, int nonblocking);
/// The socket's pending error, or 0.
int bench_socket_error(int fd);
/// Makes the next close send a reset.
void bench_linger_zero(int fd);
int bench_udp_bind(uint16_t port, int receive_buffer);
int bench_udp_connect(uint16_t port, int receive_buffer);

/// Sends `count` datagrams of `size` bytes with one call; returns how many went out.
int bench_udp_send_many(int fd, const void *bytes, uint32_t size, int count);
/// Receives and forgets up to 64 datagrams with one call; waits for the first.
int bench_udp_receive_many(int fd);
/// Receives up to 64 datagrams and sends each back where it came from; waits for the first.
int bench_udp_echo_many(int fd);
/// The same, but sends back only those below `size` bytes; returns how many were not.
int bench_udp_echo_smaller(int fd, uint32_t size);

// MARK: counters.c

/// Counters in a file both roles map, each on a cache line of its own. Relaxed: they are statistics.
void *bench_counters_map(const char *path, int create);
void bench_counter_add(void *base, int slot, uint64_t amount);
uint64_t bench_counter_read(void *base, int slot);
void bench_counter_set(void *base, int slot, uint64_t value);

#endif
