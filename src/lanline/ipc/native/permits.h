/* A counting semaphore in shared memory whose permits come back when their holder is killed.
 *
 * Each permit is one word: 0 while it is free, or the tag of its holder (roster.h). To acquire is one
 * compare-and-swap from 0 to our tag, and to release is one from our tag to 0. So there is no count
 * beside the permits that a death could leave wrong, no lock, and no half-done operation: at every
 * instruction a permit is somebody's or nobody's. A permit of a holder that the kernel says is dead is
 * taken by compare-and-swap on the very tag, and whoever takes it so is told, because what the permit
 * guards may be half done. A lock is a semaphore with one permit.
 *
 * Sleeping. Whoever finds no permit says so in `asleep`, looks once more, and sleeps on `turn`; whoever
 * frees one looks at `asleep` afterwards, clears it, changes `turn` and wakes one sleeper. The woken
 * one says again that somebody sleeps before it looks, because others may sleep on, and wakes the next
 * when there is more to take. Event loops sleep on the file (watch.h); a ring wakes all of them, so
 * none of them has to wake the next.
 *
 * Deaths. Sleepers look up and ask the kernel about the holders, and whoever has slept for a tenth of a
 * second has a sentry (sentry.h), which tells of every death. One that is killed between its waking and its
 * looking would leave the others asleep: they, too, are told of its death.
 *
 * Order. Whoever comes at the right moment takes a free permit, before those who sleep: that is what
 * makes it fast. But one that has slept for long says so (`ASLEEP_OVERDUE`), and whoever gives a
 * permit back then gives way: before it takes one again it lets that one be taken, or 2 ms pass. That
 * is a courtesy and no more: nothing is wrong if somebody has it not, or dies.
 */
#ifndef LANLINE_PERMITS_H
#define LANLINE_PERMITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lock.h"
#include "memory.h"
#include "patience.h"
#include "roster.h"
#include "sentry.h"

#define PERMITS_MOST 65536
/* Who has waited for so long is overdue; whoever gives way does it for so long at most. */
#define PERMITS_OVERDUE_NS LOCK_CHECK_NS
#define PERMITS_WAY_NS 2000000
#define PERMITS_WAY_LOOK_US 50
#define ASLEEP_OVERDUE 4u

typedef struct {
    _Alignas(CACHE_LINE) _Atomic uint32_t asleep; /* who may be: ASLEEP_ON_WORD, ASLEEP_ON_FILE (watch.h) */
    _Atomic uint32_t turn;                        /* what they sleep on */
    _Alignas(CACHE_LINE) _Atomic uint32_t permit[];
} permits_shared;

/* One participant. Threads may share it. */
typedef struct {
    permits_shared *shared;
    roster *members;
    uint32_t count;
    uint32_t hint; /* the permit that was taken or released last: for our threads alone */
    uint64_t way_until; /* give way to one that is overdue; 0: to nobody */
    sentry sentry;
} permits;

typedef enum {
    PERMITS_TAKEN,
    PERMITS_INHERITED, /* taken from a dead holder */
    PERMITS_BUSY,      /* all are held */
} permits_answer;

/* One wait of one thread: zero at first but for these two. Who waits long has a sentry: sentry_come. */
typedef struct {
    uint64_t deadline_ns;
    patience patience; /* a copy; the caller keeps what it has learnt */
    bool spun;
    bool over; /* the deadline has passed, and none was to be had */
    sentry_wait wait;
    uint32_t dead; /* INHERITED: the process that had it; 0: not known any more */
} permits_waiter;

/* Bytes of memory, all zero at first. */
size_t permits_size(uint32_t count);
/* How many permits that many bytes are for; 0: they are not a semaphore's. */
uint32_t permits_count(size_t size);
/* Take part: what was held under a tag that is nobody's any more is marked as a dead one's. */
void permits_open(permits *p, permits_shared *shared, roster *members, uint32_t count);
/* Before leaving: what we hold is marked as a dead one's. */
void permits_close(permits *p);

/* Is the permit that was given back last to be left to one that is overdue? Ask again soon. */
bool permits_must_give_way(permits *p);
/* Give way, for PERMITS_WAY_NS at most. */
void permits_give_way(permits *p);
/* Take a permit that is free. Never waits and asks the kernel nothing. */
permits_answer permits_try(permits *p, uint32_t *dead);
/* Take one that is free, or that a dead one holds. Never waits. */
permits_answer permits_try_all(permits *p, uint32_t *dead);
/* Wait once: spin, or sleep until something may have changed. BUSY: again, unless it is over. */
permits_answer permits_wait(permits *p, permits_waiter *w);

/* For event loops: ask for the file to be rung; `overdue`: after PERMITS_OVERDUE_NS. Look once more
 * after it, before sleeping. */
void permits_asleep_on_file(permits *p, bool overdue);
/* Whoever may have been woken and does not look: the next one is, if there is anything to take. */
void permits_decline(permits *p);
/* Let everybody look, because a handle is being closed under some of them. */
void permits_wake_all(permits *p);

/* Give one back. False: this participant holds none. */
bool permits_release(permits *p);
/* The same, but the next holder is told as after a death. */
bool permits_abandon(permits *p);

typedef enum { PERMIT_FREE, PERMIT_HELD, PERMIT_DEAD } permit_state;
/* What becomes of one permit just now, and the process that holds it (0: not known). */
permit_state permits_look(const permits *p, uint32_t index, uint32_t *process);

#endif
