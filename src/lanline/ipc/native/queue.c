#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "futex.h"
#include "queue_inner.h"
#include "watch.h"

#define MAGIC UINT64_C(0x31657565755120a1) /* also says the layout's version */
#define MOST_BLOCKS (UINT32_C(1) << 30)

_Static_assert(sizeof(queue_control) <= WATCH_BYTE, "the control fits its page");
_Static_assert(sizeof(queue_block) == QUEUE_BLOCK, "a block is as long as it says");

uint64_t queue_file_size(uint64_t bytes)
{
    uint64_t blocks = bytes / QUEUE_BLOCK;
    return blocks < 1 || blocks > MOST_BLOCKS ? 0 : FIRST_BLOCK + blocks * QUEUE_BLOCK;
}

static result make(int fd, uint64_t bytes, uint32_t capacity, bool redeliver, bool settled)
{
    uint64_t size = queue_file_size(bytes);
    if (!size)
        return RESULT_TOO_LARGE;
    /* The first pages for certain, and before the file is as long as a queue's, which whoever comes next
     * would look into; the blocks get memory as they are used (see touch). */
    if ((fallocate(fd, 0, 0, FIRST_BLOCK) && errno != EOPNOTSUPP) || ftruncate(fd, (off_t)size))
        return RESULT_SYSTEM;
    queue_control *shared = memory_map_apart(fd, 0, CONTROL);
    if (!shared)
        return RESULT_SYSTEM;
    SET(shared->blocks, bytes / QUEUE_BLOCK);
    SET(shared->capacity, capacity);
    SET(shared->redeliver, redeliver);
    if (settled)
        SET(shared->settled, QUEUE_TERMS(bytes / QUEUE_BLOCK, capacity, redeliver));
    COMMIT(shared->magic, MAGIC);
    memory_unmap(shared, CONTROL);
    return RESULT_OK;
}

result queue_make(int fd, uint64_t bytes, uint32_t capacity, bool redeliver)
{
    return make(fd, bytes, capacity, redeliver, true);
}

result queue_make_open(int fd, uint64_t bytes, uint32_t capacity, bool redeliver)
{
    return make(fd, bytes, capacity, redeliver, false);
}

#define BLOCKS_OF(terms) ((uint32_t)(terms) & (UINT32_MAX >> 1))
#define CAPACITY_OF(terms) ((uint32_t)((terms) >> 32))
#define REDELIVERS(terms) (((terms) >> 31 & 1) != 0)

void queue_follow(queue *q)
{
    if (q->settled)
        return;
    uint64_t terms = atomic_load_explicit(&q->shared->settled, memory_order_relaxed);
    uint32_t blocks = BLOCKS_OF(terms);
    if (!blocks || blocks > q->blocks)
        return;
    q->blocks = blocks;
    q->capacity = CAPACITY_OF(terms);
    q->redeliver = REDELIVERS(terms);
    q->settled = true;
}

/* Needs the lock. */
static void settle(queue *q, uint32_t blocks, uint32_t capacity, bool redeliver)
{
    if (q->settled || blocks > q->blocks)
        return;
    COMMIT(q->shared->settled, QUEUE_TERMS(blocks, capacity, redeliver));
    queue_follow(q);
}

result queue_settle(queue *q, uint32_t blocks, uint32_t capacity, bool redeliver, uint64_t until)
{
    result answer = queue_take(q, until);
    if (answer == RESULT_OK) {
        settle(q, blocks, capacity, redeliver);
        queue_release(q);
    }
    return answer;
}

result queue_look(int fd, queue_control *control)
{
    ssize_t size = pread(fd, control, sizeof *control, 0);
    if (size < 0)
        return RESULT_SYSTEM;
    uint64_t terms = size == (ssize_t)sizeof *control ? control->settled : 0;
    if (terms) {
        control->blocks = BLOCKS_OF(terms);
        control->capacity = CAPACITY_OF(terms);
        control->redeliver = REDELIVERS(terms);
    }
    return size == (ssize_t)sizeof *control && control->magic == MAGIC ? RESULT_OK : RESULT_CORRUPT;
}

result queue_open(queue *q, int fd)
{
    memset(q, 0, sizeof *q);
    struct stat file;
    queue_control control;
    if (fstat(fd, &file))
        return RESULT_SYSTEM;
    /* Read, and not in the mapping: there, a hole in the file of a full file system is a bus error. */
    if ((uint64_t)file.st_size < FIRST_BLOCK + QUEUE_BLOCK)
        return RESULT_CORRUPT;
    result answer = queue_look(fd, &control);
    if (answer != RESULT_OK)
        return answer;
    q->size = (size_t)file.st_size;
    q->mapping = memory_map_apart(fd, 0, q->size);
    if (!q->mapping)
        return RESULT_SYSTEM;
    q->shared = q->mapping;
    q->block = (queue_block *)((char *)q->mapping + FIRST_BLOCK);
    uint64_t blocks = GET(q->shared->blocks), capacity = GET(q->shared->capacity);
    answer = RESULT_CORRUPT;
    if (GET(q->shared->magic) == MAGIC && blocks >= 1 && capacity <= UINT32_MAX
        && blocks <= (q->size - FIRST_BLOCK) / QUEUE_BLOCK && blocks <= MOST_BLOCKS) {
        q->blocks = (uint32_t)blocks;
        q->capacity = (uint32_t)capacity;
        q->redeliver = GET(q->shared->redeliver) != 0;
        queue_follow(q);
        q->members.shared = (roster_table *)((char *)q->mapping + CONTROL);
        q->members.fd = fd;
        patience_start(&q->patience);
        bool inherited;
        answer = roster_join(&q->members, &inherited);
        q->inherited = inherited; /* to be repaired after, as soon as we have the lock */
    }
    if (answer != RESULT_OK) {
        memory_unmap(q->mapping, q->size);
        q->mapping = NULL;
    }
    return answer;
}

result queue_take(queue *q, uint64_t deadline_ns)
{
    lock_answer had = lock_take_until(&q->shared->lock, &q->members, deadline_ns);
    if (had == LOCK_BUSY)
        return RESULT_TIMED_OUT;
    queue_follow(q);
    if (had == LOCK_TAKEN && !q->inherited)
        return RESULT_OK;
    result answer = queue_repair(q);
    if (answer != RESULT_OK)
        lock_abandon(&q->shared->lock);
    return answer;
}

static bool take_watched(queue_bench *bench, int wake)
{
    if (!wake || !GET(bench->watched))
        return false;
    SET(bench->watched, 0);
    return true;
}

void queue_release(queue *q)
{
    int items = q->wake_items, room = q->wake_room, finished = q->wake_finished;
    q->wake_items = q->wake_room = q->wake_finished = 0;
    bool ring = take_watched(&q->shared->items, items) | take_watched(&q->shared->room, room)
                | take_watched(&q->shared->finished, finished);
    lock_release(&q->shared->lock);
    if (ring)
        watch_ring(q->members.fd);
    if (items)
        futex_wake(&q->shared->items.turn, items);
    if (room)
        futex_wake(&q->shared->room.turn, room);
    if (finished)
        futex_wake(&q->shared->finished.turn, finished);
}

/* Memory for blocks that were never used, so that a full file system is an answer here and not a
 * bus error later. */
static bool touch(queue *q, uint32_t from, uint32_t count)
{
    if (from / CHUNK == (from + count) / CHUNK && from % CHUNK)
        return true;
    uint64_t first = FIRST_BLOCK + (uint64_t)from * QUEUE_BLOCK;
    uint64_t end = FIRST_BLOCK + (uint64_t)((from + count) / CHUNK + 1) * CHUNK * QUEUE_BLOCK;
    if (end > q->size)
        end = q->size;
    int failed;
    do
        failed = fallocate(q->members.fd, FALLOC_FL_KEEP_SIZE, (off_t)first, (off_t)(end - first));
    while (failed && errno == EINTR);
    return !failed || errno == EOPNOTSUPP;
}

/* This block is the next to be written or read: whoever does it, mostly this process again, finds what
 * another processor wrote there last. Fetched when it is asked for, it would be waited for with the lock held. */
static void fetch_ahead(queue *q, uint32_t index)
{
    if (!known(q, index))
        return;
    __builtin_prefetch(at(q, index), 1);
    __builtin_prefetch(&at(q, index)->body[64], 1); /* the line after the head's */
}

/* A chain of free blocks, taken off the free ones. */
static result allocate(queue *q, uint32_t count, uint32_t *first)
{
    queue_control *shared = q->shared;
    uint32_t head = GET(shared->free), touched = GET(shared->touched);
    uint32_t chain = 0, from_list = 0;
    if (touched > q->blocks)
        return RESULT_CORRUPT;
    uint32_t index = head;
    while (from_list < count && index) {
        if (!known(q, index))
            return RESULT_CORRUPT;
        chain = index;
        index = GET(at(q, index)->next);
        from_list++;
    }
    uint32_t fresh = count - from_list;
    if (fresh > q->blocks - touched)
        return RESULT_FULL;
    if (fresh && !touch(q, touched, fresh))
        return RESULT_SYSTEM;
    SET(shared->free, index);
    fetch_ahead(q, index);
    SET(shared->touched, touched + fresh);
    /* The fresh ones behind the listed ones. */
    for (uint32_t i = 0; i < fresh; i++) {
        uint32_t block = touched + i + 1;
        SET(at(q, block)->next, i + 1 < fresh ? block + 1 : 0);
    }
    if (fresh && chain)
        SET(at(q, chain)->next, touched + 1);
    *first = from_list ? head : touched + 1;
    return RESULT_OK;
}

result queue_put(queue *q, const void *bytes, uint64_t size, uint32_t kind)
{
    queue_control *shared = q->shared;
    if (GET(shared->end))
        return RESULT_SHUT_DOWN;
    if (size > (uint64_t)q->blocks * QUEUE_BODY || size > UINT32_MAX)
        return RESULT_TOO_LARGE;
    if (q->capacity && GET(shared->count) >= q->capacity)
        return RESULT_FULL;
    settle(q, q->blocks, q->capacity, q->redeliver);
    uint32_t first;
    result answer = allocate(q, blocks_for(size), &first);
    if (answer != RESULT_OK)
        return answer;
    const unsigned char *from = bytes;
    uint64_t left = size;
    for (uint32_t index = first;;) {
        queue_block *block = at(q, index);
        uint64_t part = left < QUEUE_BODY ? left : QUEUE_BODY;
        memcpy(block->body, from, part);
        KILL_POINT();
        from += part;
        left -= part;
        uint32_t next = GET(block->next);
        if (!left) {
            /* What was behind stays free: the chain ends here. */
            SET(block->next, 0);
            break;
        }
        if (!known(q, next))
            return RESULT_CORRUPT;
        index = next;
    }
    queue_block *head = at(q, first);
    SET(head->behind, 0);
    SET(head->owner, 0);
    SET(head->size, (uint32_t)size);
    SET(head->kind, kind);
    SET(head->deliveries, 0);
    SET(head->sequence, GET(shared->sequence) + 1);
    SET(shared->sequence, GET(shared->sequence) + 1);
    COMMIT(head->state, BLOCK_READY); /* from here on it has been put */
    uint32_t last = GET(shared->last);
    if (last && !known(q, last))
        return RESULT_CORRUPT;
    if (last)
        SET(at(q, last)->behind, first);
    else
        SET(shared->first, first);
    SET(shared->last, first);
    SET(shared->count, GET(shared->count) + 1);
    SET(shared->unfinished, GET(shared->unfinished) + 1);
    SET(shared->put, GET(shared->put) + 1);
    call(&shared->items, &q->wake_items, 1);
    return RESULT_OK;
}

result queue_first(queue *q, queue_message *message)
{
    uint32_t index = GET(q->shared->first);
    if (!index)
        return RESULT_EMPTY;
    if (!known(q, index))
        return RESULT_CORRUPT;
    queue_block *head = at(q, index);
    message->index = index;
    message->size = GET(head->size);
    message->kind = GET(head->kind);
    message->deliveries = GET(head->deliveries);
    message->sequence = GET(head->sequence);
    if (GET(head->state) != BLOCK_READY
        || message->size > (uint64_t)q->blocks * QUEUE_BODY)
        return RESULT_CORRUPT;
    return RESULT_OK;
}

result queue_copy(queue *q, const queue_message *message, void *bytes)
{
    unsigned char *to = bytes;
    uint32_t left = message->size;
    for (uint32_t index = message->index; left;) {
        if (!known(q, index))
            return RESULT_CORRUPT;
        queue_block *block = at(q, index);
        uint32_t part = left < QUEUE_BODY ? left : QUEUE_BODY;
        memcpy(to, block->body, part);
        to += part;
        left -= part;
        index = GET(block->next);
    }
    return RESULT_OK;
}

/* Put a message's blocks among the free ones. It must have been committed FREE. */
static result give_back(queue *q, uint32_t first, uint32_t size)
{
    uint64_t left_over = q->redeliver ? GET(q->shared->unfinished) : GET(q->shared->count);
    if (!left_over && queue_begin_anew(q)) {
        call(&q->shared->room, &q->wake_room, 1);
        return RESULT_OK;
    }
    uint32_t last = first;
    for (uint32_t left = blocks_for(size); left > 1; left--) {
        last = GET(at(q, last)->next);
        if (!known(q, last))
            return RESULT_CORRUPT;
    }
    SET(at(q, last)->next, GET(q->shared->free));
    SET(q->shared->free, first);
    call(&q->shared->room, &q->wake_room, 1);
    return RESULT_OK;
}

/* The first message leaves the order. */
static result unlink_first(queue *q, const queue_message *message)
{
    queue_control *shared = q->shared;
    uint32_t behind = GET(at(q, message->index)->behind);
    if (behind && !known(q, behind))
        return RESULT_CORRUPT;
    SET(shared->first, behind);
    fetch_ahead(q, behind);
    if (!behind)
        SET(shared->last, 0);
    SET(shared->count, GET(shared->count) - 1);
    return RESULT_OK;
}

result queue_get(queue *q, const queue_message *message)
{
    queue_block *head = at(q, message->index);
    roster_entry *me = roster_of(&q->members, q->members.tag);
    if (q->redeliver) {
        SET(head->owner, q->members.tag);
        COMMIT(head->state, BLOCK_TAKEN);
    } else {
        SET(me->held, GET(me->held) + 1); /* counted off if we die: see repair */
        COMMIT(head->state, BLOCK_FREE);
    }
    if (unlink_first(q, message) != RESULT_OK)
        return RESULT_CORRUPT;
    SET(q->shared->got, GET(q->shared->got) + 1);
    if (q->redeliver) {
        q->in_hand++;
        if (GET(q->shared->end)) /* threads of ours that have nothing in hand need wait no longer */
            call_all(&q->shared->items, &q->wake_items);
        call(&q->shared->room, &q->wake_room, 1);
        return RESULT_OK;
    }
    return give_back(q, message->index, message->size);
}

static result done_with_taken(queue *q, uint32_t index, uint64_t sequence, bool back)
{
    if (!known(q, index))
        return RESULT_CORRUPT;
    queue_block *head = at(q, index);
    if (GET(head->state) != BLOCK_TAKEN || GET(head->owner) != q->members.tag
        || GET(head->sequence) != sequence)
        return RESULT_EMPTY;
    if (q->in_hand)
        q->in_hand--;
    if (back) {
        SET(head->deliveries, GET(head->deliveries) + 1);
        COMMIT(head->state, BLOCK_READY);
        return queue_repair(q); /* it belongs in the order by its sequence: rare, so made anew */
    }
    uint32_t size = GET(head->size);
    if (size > (uint64_t)q->blocks * QUEUE_BODY)
        return RESULT_CORRUPT;
    COMMIT(head->state, BLOCK_FREE);
    finished(q, 1);
    return give_back(q, index, size);
}

result queue_done(queue *q, uint32_t index, uint64_t sequence, bool back)
{
    if (q->redeliver)
        return done_with_taken(q, index, sequence, back);
    roster_entry *me = roster_of(&q->members, q->members.tag);
    uint32_t held = GET(me->held);
    if (!held)
        return RESULT_EMPTY;
    SET(me->held, held - 1);
    finished(q, 1);
    return RESULT_OK;
}

result queue_drop(queue *q)
{
    queue_message message;
    result answer = queue_first(q, &message);
    if (answer != RESULT_OK)
        return answer;
    COMMIT(at(q, message.index)->state, BLOCK_FREE);
    if (unlink_first(q, &message) != RESULT_OK)
        return RESULT_CORRUPT;
    SET(q->shared->dropped, GET(q->shared->dropped) + 1);
    finished(q, 1);
    return give_back(q, message.index, message.size);
}
