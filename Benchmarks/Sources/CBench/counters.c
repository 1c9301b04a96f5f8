// Counters shared between the load generator and the backend: what arrived is counted where it arrives, and read by
// the process that keeps the time.
#include "CBench.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

enum { size = 4096, line = 64 };

void *bench_counters_map(const char *path, int create) {
    int fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
    if (fd < 0) return NULL;
    if (create && ftruncate(fd, size) != 0) {
        close(fd);
        return NULL;
    }
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return base == MAP_FAILED ? NULL : base;
}

static uint64_t *slot_of(void *base, int slot) { return (uint64_t *)((char *)base + (size_t)slot * line); }

void bench_counter_add(void *base, int slot, uint64_t amount) {
    __atomic_fetch_add(slot_of(base, slot), amount, __ATOMIC_RELAXED);
}

uint64_t bench_counter_read(void *base, int slot) { return __atomic_load_n(slot_of(base, slot), __ATOMIC_RELAXED); }

void bench_counter_set(void *base, int slot, uint64_t value) {
    __atomic_store_n(slot_of(base, slot), value, __ATOMIC_RELAXED);
}
