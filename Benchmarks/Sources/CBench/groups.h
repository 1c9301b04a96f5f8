#ifndef PORTICO_CBENCH_GROUPS_H
#define PORTICO_CBENCH_GROUPS_H

/// Kills every process group that is still running. Async-signal-safe.
void bench_kill_groups(void);

#endif
