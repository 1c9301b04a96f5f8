#define _GNU_SOURCE
#include "CTestSupport.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>

int test_own_descriptors(void) { return unshare(CLONE_FILES); }

int test_own_network(void) { return unshare(CLONE_NEWNET); }

int test_enter_network(int fd) { return setns(fd, CLONE_NEWNET); }

static int skips_leak_check;

void test_skip_leak_check(void) { skips_leak_check = 1; }

/* The sanitizer asks for this by name. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return skips_leak_check; }

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static _Thread_local uint64_t allocations;

uint64_t test_allocations(void) { return allocations; }

#ifdef SANITIZED

bool test_counts_allocations(void) { return false; }

#else

bool test_counts_allocations(void) { return true; }

/* The program's own malloc goes before libc's, for all libraries too. These count and leave the work to glibc, whose
 * implementation has these other names. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    allocations++;
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    allocations++;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    *memory = memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

void free(void *memory) { __libc_free(memory); }

#endif
