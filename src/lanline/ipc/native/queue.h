/* A queue of messages of any size in a file mapped by any number of producers and consumers.
 *
 * The file is a page of control, the roster (roster.h), and blocks of 256 bytes. A message is a chain
 * of blocks; the first one's head says all about it. One lock (lock.h) guards everything; it is held
 * for tens of nanoseconds, or for the copy of a long message.
 *
 * What makes it safe against death at any instruction is that exactly one word per message commits:
 * the `state` in its first block. It is stored last of all when a message is put, and first of all
 * when it is given up. Everything else that is shared (the order, the free blocks, the counts) can be
 * made anew from the states alone, and is, by whoever inherits the lock from a dead holder. So there
 * is no journal and no half-done operation: a put has happened or not, and so has a get.
 *
 *     FREE --put--> READY --get--> FREE                      (the consumer's death drops its items)
 *                   READY --get--> TAKEN --done--> FREE      (redelivery: what a dead consumer had
 *                     ^-------------'  the consumer died      not finished is READY again, counted)
 *
 * Sleeping. Whoever finds nothing (or no room) says so under the lock and sleeps on a word that is
 * changed, under the lock, by whoever brings it; so nothing comes between. One is woken at a time, and
 * passes it on when there is more. A sleeper that is woken and killed before it takes would leave the
 * others asleep, and what a dead consumer had is to come again: therefore sleepers look up, and those
 * who sleep long have a sentry, which tells them of every death (sentry.h). They clear away the dead.
 *
 * Terms. How much it holds, and whether it redelivers, is settled by who makes it. Who makes it without
 * saying so leaves that open, for programs may start in any order: then who says so first settles it, or the
 * first message that is put, by one store of a word that has all of it.
 *
 * Shutting down is one word as well: from then on nothing can be put, and whoever would wait for a message
 * is told instead, once nothing is left that could come. With redelivery what others have in hand could;
 * so who has nothing in hand waits for them, and who has something does not, lest two wait for each other.
 * At once means that what is left is thrown away, by whoever comes by.
 *
 * Memory. Blocks get memory as they are first used. When a queue that has used much becomes empty, all its
 * blocks count as never used again, and whoever emptied it gives their memory back to the system, from the
 * end and a slice at a time, with the lock let go between (queue_trim); at most once a second, because
 * what is given back has to be asked for again.
 *
 * Trust: every index and size that is read from the file is checked before it is followed, and every
 * walk has an end. The file can be truncated by its owner's other processes, and then a read is a bus
 * error; nobody else can open it.
 */
#ifndef LANLINE_QUEUE_H
#define LANLINE_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lock.h"
#include "memory.h"
#include "patience.h"
#include "result.h"
#include "roster.h"
#include "sentry.h"

#define QUEUE_BLOCK 256
#define QUEUE_HEAD 40
#define QUEUE_BODY (QUEUE_BLOCK - QUEUE_HEAD)
#ifndef QUEUE_LOOK_UP_NS
#define QUEUE_LOOK_UP_NS 500000000u /* the first look of one who waits for nobody in particular */
#endif
#ifndef QUEUE_TRIM_BLOCKS
#define QUEUE_TRIM_BLOCKS 65536 /* 16 MiB: who uses less keeps it */
#endif
#ifndef QUEUE_TRIM_SLICE
#define QUEUE_TRIM_SLICE 16384 /* blocks under one taking of the lock: 4 MiB, about 0.2 ms */
#endif
#ifndef QUEUE_TRIM_NS
#define QUEUE_TRIM_NS 1000000000u
#endif
#define QUEUE_LEAVE_NS UINT64_C(2000000000) /* a stopped holder of the lock keeps nobody from leaving */

/* Capacity, redelivery and blocks in one word, which is not 0. */
#define QUEUE_TERMS(blocks, capacity, redeliver) \
    ((uint64_t)(capacity) << 32 | (uint64_t)((redeliver) ? 1 : 0) << 31 | (uint64_t)(blocks))

typedef enum { QUEUE_OPEN = 0, QUEUE_SHUT_DOWN, QUEUE_SHUT_DOWN_AT_ONCE } queue_end;

typedef enum { BLOCK_FREE = 0, BLOCK_READY, BLOCK_TAKEN } block_state;

typedef struct {
    _Atomic uint32_t state;  /* in a first block; else FREE */
    _Atomic uint32_t owner;  /* TAKEN: by whom */
    _Atomic uint32_t next;   /* the rest of this message, or the next free block; 0: none */
    _Atomic uint32_t behind; /* the first block of the next message */
    _Atomic uint32_t size;
    _Atomic uint32_t kind;
    _Atomic uint32_t deliveries; /* how often it has been taken before */
    uint32_t reserved;
    _Atomic uint64_t sequence;
    unsigned char body[QUEUE_BODY];
} queue_block;

typedef struct {
    _Atomic uint32_t asleep;  /* somebody may be */
    _Atomic uint32_t watched; /* some of them are event loops: see watch.h */
    _Atomic uint32_t turn;   /* what they sleep on; changes when they are to look */
} queue_bench;

typedef struct {
    _Atomic uint64_t magic;
    _Atomic uint64_t blocks;   /* what the file has room for */
    _Atomic uint64_t capacity; /* messages; 0: only the bytes bound it */
    _Atomic uint32_t redeliver;
    uint32_t reserved;
    _Atomic uint64_t settled; /* what holds instead of the three: QUEUE_TERMS; 0: it is open so far */
    _Alignas(CACHE_LINE) _Atomic uint32_t lock;
    _Alignas(CACHE_LINE) _Atomic uint32_t free;  /* the first of the free blocks */
    _Atomic uint32_t touched;                    /* blocks that have ever been used */
    _Atomic uint32_t first, last;                /* of the messages that are READY */
    _Atomic uint32_t count;                      /* how many are READY */
    _Atomic uint32_t end;                        /* queue_end */
    _Atomic uint64_t unfinished;                 /* READY, or taken and not yet done with */
    _Atomic uint64_t sequence;                   /* the last one given */
    _Atomic uint64_t put, got, redelivered, dropped, repairs;
    _Atomic uint64_t trimmed_ns;                 /* when memory was last given back (monotonic clock) */
    _Atomic uint32_t kept;                       /* blocks that may have memory, and are to give it back */
    _Alignas(CACHE_LINE) queue_bench items, room, finished;
} queue_control;

typedef struct {
    queue_control *shared;
    queue_block *block; /* index 0 is block 1 */
    roster members;
    /* Copied once and checked; what the file says afterwards changes nothing. */
    uint32_t blocks;
    uint32_t capacity;
    bool redeliver;
    bool settled; /* the three are; else queue_take looks whether they are by now */
    void *mapping;
    size_t size;
    bool inherited; /* somebody died in our place before us, and that is not repaired so far */
    bool watching; /* we wait on event loops */
    bool spare; /* there is memory to give back: queue_trim. For our threads alone */
    uint32_t in_hand; /* with redelivery: what we have taken and not finished */
    bool leaving; /* what we hold is to be treated as a dead one's */
    patience patience;
    sentry sentry;
    /* Whom to wake when the lock is released. */
    int wake_items, wake_room, wake_finished;
} queue;

typedef struct {
    uint32_t index;
    uint32_t size;
    uint32_t kind;
    uint32_t deliveries;
    uint64_t sequence;
} queue_message;

typedef enum { QUEUE_ITEMS, QUEUE_ROOM, QUEUE_FINISHED } queue_event;

/* The size of a file for `bytes` of messages, counted in whole blocks; 0: more than can be. */
uint64_t queue_file_size(uint64_t bytes);

/* Make the empty file behind `fd` a queue. The door must be held (roster.h). */
result queue_make(int fd, uint64_t bytes, uint32_t capacity, bool redeliver);
/* The same, but what it holds and does is open: who says it first settles it. */
result queue_make_open(int fd, uint64_t bytes, uint32_t capacity, bool redeliver);
/* Read its control without taking part, for people to look at. CORRUPT: it is not a queue. */
result queue_look(int fd, queue_control *control);
/* Map it and join. The door must be held. `fd` stays the caller's and must outlive the queue; the
 * struct must not move. CORRUPT: it is not a queue. FULL: too many participants. */
result queue_open(queue *q, int fd);
/* Give back what this participant holds, leave and unmap. The door must be held. `last` says that
 * nobody else takes part and `empty` that no message is left. */
void queue_close(queue *q, bool *last, bool *empty);
/* Unmap it and nothing else; with the descriptor closed too, this is as good as dead. */
void queue_abandon(queue *q);

/* Everything from here to queue_release needs the lock. OK, CORRUPT, or TIMED_OUT when it was not to be
 * had until `deadline_ns` on the monotonic clock (LOCK_AT_ONCE: in a moment). */
result queue_take(queue *q, uint64_t deadline_ns);
/* Without the lock: has anybody settled how much it holds by now? */
void queue_follow(queue *q);
/* Settle it, if it is open and the file is large enough; what holds then stands in `q`. */
result queue_settle(queue *q, uint32_t blocks, uint32_t capacity, bool redeliver, uint64_t until);
/* Release it, and wake whom the changes concern. */
void queue_release(queue *q);

/* FULL: no room now. TOO_LARGE: can never fit. SYSTEM: the file system has no more memory. SHUT_DOWN. */
result queue_put(queue *q, const void *bytes, uint64_t size, uint32_t kind);
/* The oldest message that nobody has taken. EMPTY: there is none. */
result queue_first(queue *q, queue_message *message);
/* Copy its bytes out; `bytes` has room for its size. */
result queue_copy(queue *q, const queue_message *message, void *bytes);
/* Take it: gone, or ours until queue_done. */
result queue_get(queue *q, const queue_message *message);
/* Finished with a message that was taken: `index` and `sequence` as they were given. With `back` it
 * is READY again, for whoever comes next. */
result queue_done(queue *q, uint32_t index, uint64_t sequence, bool back);
/* Throw the oldest away, counted. */
result queue_drop(queue *q);

/* Whoever has slept and got what it wanted passes the wake-up on. Needs the lock. */
void queue_pass_on(queue *q, queue_event event);
/* Nothing is left, and nothing will come: SHUT_DOWN is the answer to whoever wants a message. */
bool queue_is_over(queue *q);
/* If it was shut down at once, throw away what is left. */
result queue_drain(queue *q);
/* Say that somebody goes to sleep; the turn to sleep on. Needs the lock. */
uint32_t queue_asleep(queue *q, queue_event event);
/* Without the lock: spin, then sleep, until the turn has changed, the deadline, or a look. True: it is
 * time for queue_clear_dead. `w` is one wait of one thread, which has a sentry when it takes long. */
bool queue_sleep(queue *q, queue_event event, uint32_t turn, sentry_wait *w, uint64_t deadline_ns);
/* Without the lock: repair after participants that the kernel says are dead; later, if somebody who
 * lives keeps the lock. */
result queue_clear_dead(queue *q);

/* Without the lock: give back to the system what an emptied queue has no use for. Ends when somebody who
 * lives keeps the lock; whoever empties it next goes on. */
result queue_trim(queue *q);

/* Whole operations, which take the lock and release it. */

typedef struct {
    const void *bytes;
    uint64_t size;
    uint32_t kind;
} queue_parcel;

/* How to try, and what came of it. */
typedef struct {
    uint64_t until;   /* for the lock, as in queue_take; past it TIMED_OUT, and nothing was done */
    bool slept;       /* we have slept for this, so pass the wake-up on */
    bool drop_oldest; /* make room by throwing away */
    uint32_t turn;    /* FULL or EMPTY: what to queue_sleep on before the next try */
    uint32_t done;    /* messages put or received */
} queue_try;

/* Put them in order. Anything but OK: `done` of them were put, and this is about the next. */
result queue_send(queue *q, const queue_parcel *parcels, uint32_t count, queue_try *try);
/* Receive up to `most` messages, their bytes one behind the other, as far as there is `room`. OK: at
 * least one. TOO_LARGE: there is not room for the first, whose size stands in `messages`. */
result queue_receive(queue *q, queue_message *messages, uint32_t most, void *bytes, uint64_t room,
                     queue_try *try);
/* queue_done. */
result queue_finish(queue *q, uint32_t index, uint64_t sequence, bool back, uint64_t until);
/* OK: every message has been taken and is done with. FULL: not yet. */
result queue_all_finished(queue *q, queue_try *try);
/* Nothing can be put any more; with `at_once` what is left is thrown away, counted. */
result queue_shut_down(queue *q, bool at_once, uint64_t until);
/* Let everybody who sleeps look, because a handle is being closed under some of them. */
void queue_wake_all(queue *q);

#endif
