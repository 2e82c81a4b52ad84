/* What an emptied queue has no use for goes back to the system: fallocate(2), FALLOC_FL_PUNCH_HOLE.
 *
 * A message's blocks lie anywhere among all that were ever used, so memory is given back when there is no
 * message, and with redelivery none in anybody's hands either. */
#include <errno.h>
#include <fcntl.h>

#include "queue_inner.h"

static uint32_t to_chunk(const queue *q, uint32_t blocks)
{
    uint64_t rounded = ((uint64_t)blocks + CHUNK - 1) / CHUNK * CHUNK;
    return rounded < q->blocks ? (uint32_t)rounded : q->blocks;
}

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

bool queue_begin_anew(queue *q)
{
    queue_control *shared = q->shared;
    uint32_t kept = larger(GET(shared->kept), GET(shared->touched));
    if (kept < QUEUE_TRIM_BLOCKS)
        return false;
    uint64_t now = clock_ns();
    if (now - GET(shared->trimmed_ns) < QUEUE_TRIM_NS)
        return false;
    SET(shared->trimmed_ns, now);
    SET(shared->kept, to_chunk(q, kept));
    SET(shared->free, 0);
    SET(shared->touched, 0);
    __atomic_store_n(&q->spare, true, __ATOMIC_RELAXED);
    return true;
}

/* One slice. OK: there is nothing more to give back. FULL: there is. */
static result give_back_slice(queue *q)
{
    queue_control *shared = q->shared;
    __atomic_store_n(&q->spare, false, __ATOMIC_RELAXED);
    uint32_t touched = GET(shared->touched), kept = GET(shared->kept);
    if (touched > q->blocks || kept > q->blocks)
        return RESULT_CORRUPT;
    uint32_t least = larger(to_chunk(q, touched), QUEUE_TRIM_BLOCKS / 4);
    if (kept <= least)
        return RESULT_OK;
    uint32_t from = kept - least > QUEUE_TRIM_SLICE ? to_chunk(q, kept - QUEUE_TRIM_SLICE) : least;
    int failed;
    do
        failed = fallocate(q->members.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                           (off_t)(FIRST_BLOCK + (uint64_t)from * QUEUE_BLOCK),
                           (off_t)((uint64_t)(kept - from) * QUEUE_BLOCK));
    while (failed && errno == EINTR);
    KILL_POINT();
    SET(shared->kept, failed ? 0 : from); /* a file system without holes keeps what it has */
    return RESULT_FULL;
}

result queue_trim(queue *q)
{
    result answer = RESULT_FULL;
    /* Not for as long as a hostile one says that there is more. */
    for (uint32_t slices = q->blocks / QUEUE_TRIM_SLICE + 1; slices && answer == RESULT_FULL; slices--) {
        answer = queue_take(q, clock_ns() + QUEUE_LOOK_UP_NS);
        if (answer != RESULT_OK)
            break;
        answer = give_back_slice(q);
        queue_release(q);
    }
    return answer == RESULT_CORRUPT ? answer : RESULT_OK;
}
