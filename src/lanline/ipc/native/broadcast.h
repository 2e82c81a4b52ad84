/* One writer, many readers: the writer never waits, and each reader knows exactly what it missed.
 *
 * The records lie in a ring that the writer goes round. Before it writes over the oldest ones it
 * moves `oldest` past them; a reader copies a record out and then looks whether `oldest` has
 * overtaken it, and if so throws the copy away and goes on from `oldest`. Every record carries its
 * number, so what lies between is counted and not guessed.
 *
 * A record is made of whole words: its number, its size, its bytes. It may run over the end of the
 * ring. The stores and loads are releases and acquires, as in value.h and for the same reason.
 *
 * The writer is whoever holds the lock, for as long as it likes; when it dies another inherits the
 * lock and goes on behind what was published. A reader's death is nobody's business.
 */
#ifndef LANLINE_BROADCAST_H
#define LANLINE_BROADCAST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lock.h"
#include "memory.h"
#include "patience.h"
#include "sentry.h"

#define BROADCAST_HEAD 2 /* words before the bytes */

typedef struct {
    _Alignas(CACHE_LINE) _Atomic uint64_t tail;   /* behind the last record, in words for ever */
    _Alignas(CACHE_LINE) _Atomic uint64_t oldest; /* the first record that is still whole */
    _Atomic uint64_t number;                      /* of the next record; may be one behind */
    _Alignas(CACHE_LINE) _Atomic uint32_t lock;   /* the writer's */
    _Alignas(CACHE_LINE) _Atomic uint32_t asleep;
    _Atomic uint32_t turn;
    _Alignas(CACHE_LINE) _Atomic uint64_t words[];
} broadcast_shared;

/* A reader or the writer, privately. */
typedef struct {
    broadcast_shared *shared;
    uint64_t capacity; /* words, a power of two */
    uint64_t position;
    uint64_t number; /* of the next record */
    uint64_t oldest; /* the writer's own */
    int fd;          /* the writer's, of the file */
    patience patience;
} broadcast;

/* Bytes of one message at most. */
uint64_t broadcast_limit(const broadcast *b);

/* Become the writer. TIMED_OUT: another is, and lives. A dead one is followed. */
result broadcast_claim(broadcast *b, const roster *members);
void broadcast_disclaim(broadcast *b);
/* Begin as the writer, after broadcast_claim: behind what was published. */
result broadcast_write_from(broadcast *b);
/* TOO_LARGE: over the limit. CORRUPT: somebody else has written there. */
result broadcast_write(broadcast *b, const void *bytes, uint64_t size);

/* Begin as a reader: with what comes next. TIMED_OUT: the writer is too fast for so small a ring.
 * CORRUPT: the ring was never a writer's. */
result broadcast_read_from(broadcast *b);
/* The next message. EMPTY: none yet. TOO_LARGE: `room` does not do, `size` says what would.
 * `missed`: how many were overwritten before this one was read. */
result broadcast_read(broadcast *b, void *bytes, uint64_t room, uint64_t *size, uint64_t *missed);

/* Spin, then sleep, until something is there, the deadline, or a look. `w` is one wait of one thread, which
 * has a sentry when it takes long. */
void broadcast_sleep(broadcast *b, sentry_wait *w, uint64_t deadline_ns);
/* Let everybody look, because a handle is being closed under some of them. */
void broadcast_wake_all(broadcast *b);
/* Ask to be rung by the file (watch.h) for the next message. False: one is there. */
bool broadcast_watch(broadcast *b);

#endif
