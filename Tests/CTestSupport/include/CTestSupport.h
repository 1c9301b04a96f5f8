/* What tests need of C: calls that Glibc's module lacks, and a count of allocations. */
#ifndef C_TEST_SUPPORT_H
#define C_TEST_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Moves the calling thread into the network namespace that `fd` refers to; 0, or -1 and errno. */
int test_enter_network(int fd);

/* unshare(2): gives the calling thread descriptors, or a network, of its own; 0, or -1 and errno. */
int test_own_descriptors(void);
int test_own_network(void);

/* Has the address sanitizer not look for leaks when this process ends. */
void test_skip_leak_check(void);

/* Whether allocations can be counted: not under a sanitizer, which has an allocator of its own. */
bool test_counts_allocations(void);

/* How often the calling thread has asked malloc and its kin for memory. */
uint64_t test_allocations(void);

#endif
