/* What the files of the queue share among themselves. */
#ifndef LANLINE_QUEUE_INNER_H
#define LANLINE_QUEUE_INNER_H

#include <limits.h>

#include "killpoint.h"
#include "queue.h"

/* Under the lock nobody else stores, so loads need no order; stores that commit are releases. */
#define GET(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define SET(field, value)                                              \
    do {                                                               \
        atomic_store_explicit(&(field), (value), memory_order_relaxed); \
        KILL_POINT();                                                  \
    } while (0)
#define COMMIT(field, value)                                           \
    do {                                                               \
        atomic_store_explicit(&(field), (value), memory_order_release); \
        KILL_POINT();                                                  \
    } while (0)


#define CONTROL 4096
#define FIRST_BLOCK (CONTROL + sizeof(roster_table))
#define CHUNK 1024 /* blocks for which memory is asked at a time */

static inline queue_block *at(queue *q, uint32_t index)
{
    return &q->block[index - 1];
}

/* May this index, read from the file, be followed? */
static inline bool known(queue *q, uint32_t index)
{
    return index - 1 < q->blocks;
}

static inline uint32_t blocks_for(uint64_t size)
{
    return size ? (uint32_t)((size + QUEUE_BODY - 1) / QUEUE_BODY) : 1;
}

/* Let one (or all) of those who sleep on it look. They are woken when the lock is released. */
static inline void call(queue_bench *bench, int *wake, int how_many)
{
    if (!GET(bench->asleep))
        return;
    SET(bench->asleep, 0);
    SET(bench->turn, GET(bench->turn) + 1);
    if (*wake < how_many)
        *wake = how_many;
}

/* The same for all of them, also where one was woken and did not look yet. */
static inline void call_all(queue_bench *bench, int *wake)
{
    SET(bench->asleep, 1);
    call(bench, wake, INT_MAX);
}

static inline void finished(queue *q, uint64_t how_many)
{
    uint64_t unfinished = GET(q->shared->unfinished);
    uint64_t left = unfinished > how_many ? unfinished - how_many : 0;
    if (left != unfinished)
        SET(q->shared->unfinished, left);
    if (!left)
        call(&q->shared->finished, &q->wake_finished, INT_MAX);
    if (!left && GET(q->shared->end))
        call_all(&q->shared->items, &q->wake_items);
}

/* The last message is given up: if its like took much memory, all blocks are as if never used. Whether they
 * are. Needs the lock. */
bool queue_begin_anew(queue *q);

/* Make everything anew from the states. Needs the lock. */
result queue_repair(queue *q);

#endif
