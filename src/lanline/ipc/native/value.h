/* One value in shared memory that readers never see torn, not even when a writer is killed.
 *
 * There are four places. A writer holds the lock, fills the place after the current one, and then
 * makes it current by one store: a writer that is killed before that store has changed nothing. A
 * reader takes no lock: it copies the current place and looks whether the writers have meanwhile
 * come round to it; only then does it copy again.
 *
 * Memory order. The words of a place are stored with release and loaded with acquire. A reader that
 * has seen a word of version v+4 therefore also sees that v+3 was current before it was written, and
 * knows that its copy of v is spoilt. (Boehm, "Can seqlocks get along with programming language
 * memory models?", 2012; on x86 these orders cost nothing.)
 */
#ifndef LANLINE_VALUE_H
#define LANLINE_VALUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lock.h"
#include "memory.h"
#include "sentry.h"

#define VALUE_PLACES 4

typedef struct {
    _Alignas(CACHE_LINE) _Atomic uint64_t version; /* 0: never set */
    _Alignas(CACHE_LINE) _Atomic uint32_t lock;
    _Alignas(CACHE_LINE) _Atomic uint32_t asleep;
    _Atomic uint32_t turn;
    _Alignas(CACHE_LINE) _Atomic uint64_t words[];
} value_shared;

typedef struct {
    value_shared *shared;
    uint64_t most; /* bytes of a value */
    roster *members;
} value;

/* Bytes of memory for values of up to `most` bytes. */
size_t value_size(uint64_t most);

/* The current value and its version. `bytes` has room for `most`. EMPTY: never set. CORRUPT: its
 * size is impossible. TIMED_OUT: writers came round again and again while it was copied. */
result value_get(const value *v, void *bytes, uint64_t *size, uint64_t *version);

/* The lock is for writers only: take it, perhaps look, set, release. */
result value_lock(value *v, bool sleep);
/* TIMED_OUT: a living writer, perhaps a stopped one, had it until the deadline. */
result value_lock_until(value *v, uint64_t deadline_ns);
void value_unlock(value *v);
/* Needs the lock. TOO_LARGE: over `most`. */
result value_set(value *v, const void *bytes, uint64_t size);

/* Sleep until the version is another than `seen`, the deadline, or a look. `w` is one wait of one thread,
 * which has a sentry when it takes long. */
void value_sleep(value *v, uint64_t seen, sentry_wait *w, uint64_t deadline_ns);
/* Let everybody look, because a handle is being closed under some of them. */
void value_wake_all(value *v);
/* Ask to be rung by the file (watch.h) for the next change. False: it is another than `seen`. */
bool value_watch(value *v, uint64_t seen);

#endif
