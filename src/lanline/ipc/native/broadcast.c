#include "broadcast.h"

#include "killpoint.h"
#include "turn.h"
#include "watch.h"
#include "words.h"

#define TRIES 1000

static _Atomic uint64_t *word(const broadcast *b, uint64_t position)
{
    return &b->shared->words[position & (b->capacity - 1)];
}

static uint64_t span(uint64_t size)
{
    return BROADCAST_HEAD + words_for(size);
}

uint64_t broadcast_limit(const broadcast *b)
{
    return (b->capacity - BROADCAST_HEAD) * 8;
}

/* The bytes up to the end of the ring, and the rest from its beginning. */
static uint64_t first_part(const broadcast *b, uint64_t position, uint64_t size)
{
    uint64_t to_end = (b->capacity - (position & (b->capacity - 1))) * 8;
    return size < to_end ? size : to_end;
}

/* Has the writer overtaken this position? Ordered behind acquires of the record's words. */
static bool overtaken(const broadcast *b, uint64_t position)
{
    uint64_t oldest = atomic_load_explicit(&b->shared->oldest, memory_order_relaxed);
    return (int64_t)(position - oldest) < 0;
}

/* The number of the next record, from the last one: a writer may have died between publishing a
 * record and counting it. TIMED_OUT: the writer came round meanwhile. */
static result count_to(broadcast *b, uint64_t at, uint64_t tail)
{
    b->number = atomic_load(&b->shared->number);
    /* Nothing lies there: then it is the next one's, unless that was published before it was loaded. */
    if (at == tail && atomic_load(&b->shared->tail) != tail)
        return RESULT_TIMED_OUT;
    while (at != tail) {
        uint64_t number = atomic_load_explicit(word(b, at), memory_order_acquire);
        uint64_t size = atomic_load_explicit(word(b, at + 1), memory_order_acquire);
        if (overtaken(b, at))
            return RESULT_TIMED_OUT;
        if (size > broadcast_limit(b) || span(size) > tail - at)
            return RESULT_CORRUPT;
        b->number = number + 1;
        at += span(size);
    }
    return RESULT_OK;
}

result broadcast_claim(broadcast *b, const roster *members)
{
    b->fd = members->fd;
    return lock_try(&b->shared->lock, members) == LOCK_BUSY ? RESULT_TIMED_OUT : RESULT_OK;
}

void broadcast_disclaim(broadcast *b)
{
    lock_release(&b->shared->lock);
}

result broadcast_write_from(broadcast *b)
{
    b->position = atomic_load(&b->shared->tail);
    b->oldest = atomic_load(&b->shared->oldest);
    if (b->position - b->oldest > b->capacity)
        return RESULT_CORRUPT;
    result answer = count_to(b, b->oldest, b->position);
    if (answer == RESULT_OK) {
        /* Ours now: the one before us may have died before it counted its last. */
        atomic_store_explicit(&b->shared->number, b->number, memory_order_release);
        KILL_POINT();
    }
    return answer;
}

/* Give up the oldest records until the new one fits. */
static result make_room(broadcast *b, uint64_t needed)
{
    if (b->capacity - (b->position - b->oldest) >= needed)
        return RESULT_OK;
    while (b->capacity - (b->position - b->oldest) < needed) {
        uint64_t size = atomic_load_explicit(word(b, b->oldest + 1), memory_order_relaxed);
        if (size > broadcast_limit(b) || span(size) > b->position - b->oldest)
            return RESULT_CORRUPT;
        b->oldest += span(size);
    }
    /* Before any word of the new record: those are releases, so whoever sees one sees this. And behind
     * the last record's number, for whoever begins when nothing is left. */
    atomic_store_explicit(&b->shared->oldest, b->oldest, memory_order_release);
    KILL_POINT();
    return RESULT_OK;
}

result broadcast_write(broadcast *b, const void *bytes, uint64_t size)
{
    broadcast_shared *shared = b->shared;
    if (size > broadcast_limit(b))
        return RESULT_TOO_LARGE;
    if (make_room(b, span(size)) != RESULT_OK)
        return RESULT_CORRUPT;
    uint64_t at = b->position + BROADCAST_HEAD, first = first_part(b, at, size);
    atomic_store_explicit(word(b, b->position), b->number, memory_order_release);
    KILL_POINT();
    atomic_store_explicit(word(b, b->position + 1), size, memory_order_release);
    KILL_POINT();
    words_store(word(b, at), bytes, first);
    if (first < size)
        words_store(shared->words, (const unsigned char *)bytes + first, size - first);
    b->position += span(size);
    b->number++;
    atomic_store(&shared->tail, b->position); /* published; and see value_set for the order */
    KILL_POINT();
    /* Whoever sees it sees the tail, too: see count_to. */
    atomic_store_explicit(&shared->number, b->number, memory_order_release);
    KILL_POINT();
    if (atomic_load(&shared->asleep)) {
        uint32_t who = atomic_exchange(&shared->asleep, 0);
        KILL_POINT();
        turn_wake(&shared->turn, TURN_ALL);
        if (who & ASLEEP_ON_FILE)
            watch_ring(b->fd);
    }
    return RESULT_OK;
}

result broadcast_read_from(broadcast *b)
{
    result answer = RESULT_TIMED_OUT;
    for (int try = 0; try < TRIES && answer == RESULT_TIMED_OUT; try++) {
        uint64_t oldest = atomic_load(&b->shared->oldest);
        b->position = atomic_load(&b->shared->tail);
        if (b->position - oldest <= b->capacity)
            answer = count_to(b, oldest, b->position);
        else if (atomic_load(&b->shared->oldest) == oldest)
            answer = RESULT_CORRUPT; /* it did not move meanwhile, so no writer keeps to that */
    }
    return answer;
}

result broadcast_read(broadcast *b, void *bytes, uint64_t room, uint64_t *size, uint64_t *missed)
{
    for (int try = 0; try < TRIES; try++) {
        uint64_t tail = atomic_load_explicit(&b->shared->tail, memory_order_acquire);
        if (tail == b->position)
            return RESULT_EMPTY;
        if (overtaken(b, b->position)) {
            b->position = atomic_load_explicit(&b->shared->oldest, memory_order_acquire);
            if (b->position == tail)
                return RESULT_EMPTY; /* all were given up for one that is being written */
        }
        uint64_t at = b->position;
        uint64_t number = atomic_load_explicit(word(b, at), memory_order_acquire);
        uint64_t length = atomic_load_explicit(word(b, at + 1), memory_order_acquire);
        bool possible = length <= broadcast_limit(b) && span(length) <= tail - at
                        && tail - at <= b->capacity;
        if (possible && length <= room) {
            uint64_t first = first_part(b, at + BROADCAST_HEAD, length);
            words_load(bytes, word(b, at + BROADCAST_HEAD), first);
            words_load((unsigned char *)bytes + first, b->shared->words, length - first);
        }
        if (overtaken(b, at))
            continue; /* the copy is spoilt; from the oldest, then */
        if (!possible) {
            /* Unless the tail was older than the position that we took from `oldest`. */
            if (atomic_load(&b->shared->tail) != tail)
                continue;
            return RESULT_CORRUPT;
        }
        *size = length;
        if (length > room)
            return RESULT_TOO_LARGE;
        *missed = number - b->number;
        b->number = number + 1;
        b->position = at + span(length);
        return RESULT_OK;
    }
    return RESULT_TIMED_OUT;
}

void broadcast_sleep(broadcast *b, sentry_wait *w, uint64_t deadline_ns)
{
    uint64_t began = clock_ns(), now = began, budget = patience_budget(&b->patience);
    bool caught = false;
    while (!caught && now - began < budget) {
        for (int look = 0; look < 32 && !caught; look++) {
            processor_relax();
            caught = atomic_load_explicit(&b->shared->tail, memory_order_relaxed) != b->position;
        }
        now = clock_ns();
    }
    if (budget)
        patience_learn(&b->patience, now - began, caught);
    if (caught || now >= deadline_ns)
        return;
    uint32_t turn = atomic_load(&b->shared->turn);
    atomic_fetch_or(&b->shared->asleep, ASLEEP_ON_WORD);
    KILL_POINT();
    if (atomic_load(&b->shared->tail) != b->position) /* see value_sleep */
        return;
    turn_sleep(&b->shared->turn, turn, w, now, deadline_ns);
}

void broadcast_wake_all(broadcast *b)
{
    turn_wake(&b->shared->turn, TURN_ALL);
}

bool broadcast_watch(broadcast *b)
{
    atomic_fetch_or(&b->shared->asleep, ASLEEP_ON_FILE);
    KILL_POINT();
    return atomic_load(&b->shared->tail) == b->position;
}
