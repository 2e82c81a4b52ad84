#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bell.h"
#include "futex.h"
#include "killpoint.h"

#define MAGIC UINT64_C(0x31657565755120a0) /* also says the layout's version */
#define CONTROL 4096
#define FIRST_BLOCK (CONTROL + sizeof(roster_table))
#define MOST_BLOCKS (UINT32_C(1) << 30)
#define CHUNK 1024 /* blocks for which memory is asked at a time */

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

static result repair(queue *q);

_Static_assert(sizeof(queue_control) <= CONTROL, "the control fits its page");
_Static_assert(sizeof(queue_block) == QUEUE_BLOCK, "a block is as long as it says");

uint64_t queue_file_size(uint64_t bytes)
{
    uint64_t blocks = bytes / QUEUE_BLOCK;
    return blocks < 1 || blocks > MOST_BLOCKS ? 0 : FIRST_BLOCK + blocks * QUEUE_BLOCK;
}

result queue_make(int fd, uint64_t bytes, uint32_t capacity, bool redeliver)
{
    uint64_t size = queue_file_size(bytes);
    if (!size)
        return RESULT_TOO_LARGE;
    /* The first pages for certain; the blocks get memory as they are used (see touch). */
    if (ftruncate(fd, (off_t)size)
        || (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, FIRST_BLOCK) && errno != EOPNOTSUPP))
        return RESULT_SYSTEM;
    queue_control *shared = memory_map(fd, 0, CONTROL);
    if (!shared)
        return RESULT_SYSTEM;
    shared->blocks = bytes / QUEUE_BLOCK;
    shared->capacity = capacity;
    shared->redeliver = redeliver;
    KILL_POINT();
    /* The door orders this for everybody else; the fence keeps the compiler from moving it. */
    atomic_thread_fence(memory_order_release);
    shared->magic = MAGIC;
    memory_unmap(shared, CONTROL);
    return RESULT_OK;
}

static queue_block *at(queue *q, uint32_t index)
{
    return &q->block[index - 1];
}

/* May this index, read from the file, be followed? */
static bool known(queue *q, uint32_t index)
{
    return index - 1 < q->blocks;
}

static uint32_t blocks_for(uint64_t size)
{
    return size ? (uint32_t)((size + QUEUE_BODY - 1) / QUEUE_BODY) : 1;
}

result queue_open(queue *q, int fd)
{
    memset(q, 0, sizeof *q);
    struct stat file;
    if (fstat(fd, &file))
        return RESULT_SYSTEM;
    if ((uint64_t)file.st_size < FIRST_BLOCK + QUEUE_BLOCK)
        return RESULT_CORRUPT;
    q->size = (size_t)file.st_size;
    q->mapping = memory_map(fd, 0, q->size);
    if (!q->mapping)
        return RESULT_SYSTEM;
    q->shared = q->mapping;
    q->block = (queue_block *)((char *)q->mapping + FIRST_BLOCK);
    uint64_t blocks = q->shared->blocks, capacity = q->shared->capacity;
    result answer = RESULT_CORRUPT;
    if (q->shared->magic == MAGIC && blocks >= 1 && capacity <= UINT32_MAX
        && blocks <= (q->size - FIRST_BLOCK) / QUEUE_BLOCK && blocks <= MOST_BLOCKS) {
        q->blocks = (uint32_t)blocks;
        q->capacity = (uint32_t)capacity;
        q->redeliver = q->shared->redeliver != 0;
        q->members.shared = (roster_table *)((char *)q->mapping + CONTROL);
        q->members.fd = fd;
        patience_start(&q->patience);
        bool inherited;
        answer = roster_join(&q->members, &inherited);
        if (answer == RESULT_OK && inherited && (answer = queue_take(q, true)) == RESULT_OK) {
            answer = repair(q);
            queue_release(q);
        }
    }
    if (answer != RESULT_OK) {
        memory_unmap(q->mapping, q->size);
        q->mapping = NULL;
    }
    return answer;
}

result queue_take(queue *q, bool sleep)
{
    switch (lock_take(&q->shared->lock, &q->members, sleep)) {
    case LOCK_TAKEN:
        break;
    case LOCK_BUSY:
        return RESULT_TIMED_OUT;
    case LOCK_INHERITED:
        result answer = repair(q);
        if (answer != RESULT_OK)
            lock_abandon(&q->shared->lock);
        return answer;
    }
    return RESULT_OK;
}

void queue_release(queue *q)
{
    int items = q->wake_items, room = q->wake_room, finished = q->wake_finished;
    q->wake_items = q->wake_room = q->wake_finished = 0;
    lock_release(&q->shared->lock);
    if (items)
        futex_wake(&q->shared->items.turn, items);
    if (room)
        futex_wake(&q->shared->room.turn, room);
    if (finished)
        futex_wake(&q->shared->finished.turn, finished);
}

/* Let one (or all) of those who sleep on it look. They are woken when the lock is released. */
static void call(queue_bench *bench, int *wake, int how_many)
{
    if (!GET(bench->asleep))
        return;
    SET(bench->asleep, 0);
    SET(bench->turn, GET(bench->turn) + 1);
    if (*wake < how_many)
        *wake = how_many;
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
    if (fresh > q->blocks - touched || (fresh && !touch(q, touched, fresh)))
        return RESULT_FULL;
    SET(shared->free, index);
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
    if (size > (uint64_t)q->blocks * QUEUE_BODY || size > UINT32_MAX)
        return RESULT_TOO_LARGE;
    if (q->capacity && GET(shared->count) >= q->capacity)
        return RESULT_FULL;
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

static void finished_one(queue *q)
{
    uint64_t unfinished = GET(q->shared->unfinished);
    if (unfinished)
        SET(q->shared->unfinished, unfinished - 1);
    if (unfinished <= 1)
        call(&q->shared->finished, &q->wake_finished, INT_MAX);
}

/* The first message leaves the order. */
static result unlink_first(queue *q, const queue_message *message)
{
    queue_control *shared = q->shared;
    uint32_t behind = GET(at(q, message->index)->behind);
    if (behind && !known(q, behind))
        return RESULT_CORRUPT;
    SET(shared->first, behind);
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
    if (back) {
        SET(head->deliveries, GET(head->deliveries) + 1);
        COMMIT(head->state, BLOCK_READY);
        return repair(q); /* it belongs in the order by its sequence: rare, so made anew */
    }
    uint32_t size = GET(head->size);
    if (size > (uint64_t)q->blocks * QUEUE_BODY)
        return RESULT_CORRUPT;
    COMMIT(head->state, BLOCK_FREE);
    finished_one(q);
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
    finished_one(q);
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
    finished_one(q);
    return give_back(q, message.index, message.size);
}

/* --- repair: everything made anew from the states */

static int by_sequence(const void *left, const void *right)
{
    const queue_message *a = left, *b = right;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

/* What a dead consumer had is READY again, or dropped. */
static uint32_t settle(queue *q, uint32_t index)
{
    queue_block *head = at(q, index);
    uint32_t state = GET(head->state);
    if (state == BLOCK_TAKEN && roster_dead(&q->members, GET(head->owner))) {
        SET(head->deliveries, GET(head->deliveries) + 1);
        SET(q->shared->redelivered, GET(q->shared->redelivered) + 1);
        COMMIT(head->state, BLOCK_READY);
        state = BLOCK_READY;
    }
    return state;
}

/* Mark the chain of a message as used. False: its links lead astray. */
static bool mark_chain(queue *q, uint32_t first, uint32_t touched, unsigned char *used)
{
    uint32_t size = GET(at(q, first)->size);
    if (size > (uint64_t)q->blocks * QUEUE_BODY)
        return false;
    uint32_t index = first;
    for (uint32_t left = blocks_for(size); left; left--) {
        if (index - 1 >= touched || used[index - 1])
            return false;
        used[index - 1] = 1;
        index = GET(at(q, index)->next);
    }
    return true;
}

static void relink(queue *q, queue_message *ready, uint32_t count)
{
    queue_control *shared = q->shared;
    qsort(ready, count, sizeof *ready, by_sequence);
    for (uint32_t i = 0; i < count; i++)
        SET(at(q, ready[i].index)->behind, i + 1 < count ? ready[i + 1].index : 0);
    SET(shared->first, count ? ready[0].index : 0);
    SET(shared->last, count ? ready[count - 1].index : 0);
    SET(shared->count, count);
}

static uint64_t held_by_the_living(queue *q)
{
    uint64_t held = 0;
    for (uint32_t place = 1; place < ROSTER_PLACES; place++) {
        roster_entry *entry = &q->members.shared->entries[place];
        uint32_t tag = atomic_load(&entry->tag);
        if (!tag)
            continue;
        if (roster_dead(&q->members, tag)) {
            SET(entry->held, 0);
            SET(entry->tag, 0);
        } else {
            held += atomic_load(&entry->held);
        }
    }
    return held;
}

static result repair(queue *q)
{
    queue_control *shared = q->shared;
    uint32_t touched = GET(shared->touched);
    if (touched > q->blocks)
        return RESULT_CORRUPT;
    unsigned char *used = calloc((size_t)touched + 1, 1);
    queue_message *ready = malloc(((size_t)touched + 1) * sizeof *ready);
    result answer = used && ready ? RESULT_OK : RESULT_SYSTEM;
    uint32_t count = 0, spare = 0;
    uint64_t taken = 0, newest = GET(shared->sequence);
    for (uint32_t index = 1; answer == RESULT_OK && index <= touched; index++) {
        uint32_t state = settle(q, index);
        if (state == BLOCK_FREE)
            continue;
        uint64_t sequence = GET(at(q, index)->sequence);
        if (state == BLOCK_READY)
            ready[count++] = (queue_message){.index = index, .sequence = sequence};
        else if (state == BLOCK_TAKEN)
            taken++;
        if (sequence > newest)
            newest = sequence;
        if (state > BLOCK_TAKEN || !mark_chain(q, index, touched, used))
            answer = RESULT_CORRUPT;
    }
    if (answer == RESULT_OK) {
        relink(q, ready, count);
        for (uint32_t index = touched; index; index--) {
            if (used[index - 1])
                continue;
            SET(at(q, index)->next, spare);
            spare = index;
        }
        SET(shared->free, spare);
        SET(shared->sequence, newest);
        SET(shared->unfinished, count + taken + held_by_the_living(q));
        SET(shared->repairs, GET(shared->repairs) + 1);
        /* Whoever waited for the dead looks again. */
        SET(shared->items.asleep, 1);
        SET(shared->room.asleep, 1);
        SET(shared->finished.asleep, 1);
        call(&shared->items, &q->wake_items, INT_MAX);
        call(&shared->room, &q->wake_room, INT_MAX);
        call(&shared->finished, &q->wake_finished, INT_MAX);
    }
    free(used);
    free(ready);
    return answer;
}

void queue_close(queue *q, bool *last, bool *empty)
{
    *empty = false;
    if (queue_take(q, true) == RESULT_OK) {
        for (uint32_t held = GET(roster_of(&q->members, q->members.tag)->held); held; held--)
            finished_one(q);
        roster_leave(&q->members); /* from here on what is tagged as ours is a dead one's */
        if (q->redeliver)
            repair(q);
        *empty = GET(q->shared->count) == 0;
        queue_release(q);
    }
    *last = !roster_others(&q->members);
    memory_unmap(q->mapping, q->size);
    q->mapping = NULL;
}

result queue_clear_dead(queue *q)
{
    if (!roster_find_dead(&q->members))
        return RESULT_OK;
    result answer = queue_take(q, true);
    if (answer == RESULT_OK) {
        answer = repair(q);
        queue_release(q);
    }
    return answer;
}

/* --- sleeping */

static queue_bench *bench_of(queue *q, queue_event event)
{
    return event == QUEUE_ITEMS  ? &q->shared->items
           : event == QUEUE_ROOM ? &q->shared->room
                                 : &q->shared->finished;
}

uint32_t queue_asleep(queue *q, queue_event event)
{
    queue_bench *bench = bench_of(q, event);
    SET(bench->asleep, 1);
    return GET(bench->turn);
}

void queue_pass_on(queue *q, queue_event event)
{
    queue_control *shared = q->shared;
    queue_bench *bench = bench_of(q, event);
    SET(bench->asleep, 1); /* others may sleep as we did */
    if (event == QUEUE_ITEMS && GET(shared->count))
        call(bench, &q->wake_items, 1);
    else if (event == QUEUE_ROOM && (!q->capacity || GET(shared->count) < q->capacity))
        call(bench, &q->wake_room, 1);
}

void queue_sleep(queue *q, queue_event event, uint32_t turn, uint64_t deadline_ns)
{
    _Atomic uint32_t *word = &bench_of(q, event)->turn;
    uint64_t began = clock_ns(), now = began;
    uint64_t budget = patience_budget_ns(&q->patience);
    while (now - began < budget && atomic_load(word) == turn) {
        for (int look = 0; look < 32 && GET(*word) == turn; look++)
            processor_relax();
        now = clock_ns();
    }
    if (atomic_load(word) == turn && now < deadline_ns) {
        uint64_t most = deadline_ns - now;
        futex_wait(word, turn, most < QUEUE_LOOK_UP_NS ? most : QUEUE_LOOK_UP_NS);
    }
    patience_learn(&q->patience, clock_ns() - began);
}
