#include "ring_dropping.h"

#include <sched.h>

#include "killpoint.h"
#include "words.h"

#define TRIES 1000 /* of a reader whose writer is always faster */

void ring_drop_oldest(ring *r)
{
    r->unusual |= RING_DROPS;
    atomic_store_explicit(&r->shared->rule, RING_DROPS, memory_order_relaxed); /* tail carries it */
    KILL_POINT();
}

bool ring_learn(ring *r)
{
    /* Relaxed: the load of the tail, an acquire of what was stored before it, carries it. */
    r->unusual |= atomic_load_explicit(&r->shared->rule, memory_order_relaxed) & RING_DROPS;
    return r->unusual & RING_DROPS;
}

static uint64_t span(uint64_t size)
{
    return RING_NUMBERED + ((size + 7) & ~UINT64_C(7));
}

static uint64_t span_of(uint64_t head)
{
    return head >> 32 & RING_LARGE ? RING_NUMBERED : span((uint32_t)head);
}

/* --- the writer */

static bool has_room(const ring *r, uint64_t head, uint64_t size)
{
    uint64_t left = r->capacity - (r->position - head);
    if (ring_is_large(r, size))
        return left >= RING_NUMBERED && head >= r->large_after[0];
    return left >= span(size);
}

/* Go from `head` past as many records as are in the way. */
static result pass_oldest(ring *r, uint64_t size, uint64_t *head, uint64_t *count)
{
    for (*count = 0; !has_room(r, *head, size); ++*count) {
        uint64_t word = atomic_load_explicit(ring_head_at(r, *head), memory_order_relaxed);
        if (span_of(word) > r->position - *head)
            return ring_corrupt(r);
        *head += span_of(word);
    }
    return RESULT_OK;
}

/* Until the reader has done with what it claimed, or for as long as it may take. The head as it is then. */
static uint64_t await_copy(const ring *r, uint64_t claimed)
{
    uint64_t word = atomic_load_explicit(ring_head_at(r, claimed & ~RING_CLAIMED), memory_order_relaxed);
    uint64_t most = RING_COPY_NS + (uint32_t)word, began = clock_ns(), head;
    if (most > RING_COPY_MOST_NS)
        most = RING_COPY_MOST_NS;
    while ((head = atomic_load(&r->shared->head)) == claimed && clock_ns() - began < most) {
        processor_relax();
        sched_yield(); /* the reader may be waiting for this very processor */
    }
    return head;
}

static result make_room(ring *r, uint64_t size, bool wait)
{
    bool waited = false;
    uint64_t head = atomic_load(&r->shared->head);
    for (;;) {
        uint64_t at = head & ~RING_CLAIMED, next = at, count;
        bool claimed = head & RING_CLAIMED;
        /* What was claimed is taken and not let go; so each turn of this loop is nearer to its end. */
        if (r->position - at > r->capacity || at % 8 || at < r->seen
            || (at == r->seen && r->claimed && !claimed))
            return ring_corrupt(r);
        r->seen = at;
        r->claimed = claimed;
        if (has_room(r, at, size))
            return RESULT_OK;
        if (claimed && !waited) {
            if (!wait)
                return RESULT_FULL;
            head = await_copy(r, head);
            waited = true;
            continue;
        }
        if (pass_oldest(r, size, &next, &count) != RESULT_OK)
            return RESULT_CORRUPT;
        if (atomic_compare_exchange_strong(&r->shared->head, &head, next)) {
            KILL_POINT();
            r->dropped += count;
            r->seen = next;
            r->claimed = false;
            return RESULT_OK;
        }
    }
}

result ring_put_dropping(ring *r, const void *bytes, uint64_t size, uint32_t kind, bool wait)
{
    bool large = ring_is_large(r, size);
    if (r->unusual & RING_CORRUPT)
        return RESULT_CORRUPT;
    if (large && size > r->large_size)
        return RESULT_TOO_LARGE;
    if (!has_room(r, r->seen, size)) {
        result answer = make_room(r, size, wait);
        if (answer != RESULT_OK)
            return answer;
    }
    _Atomic uint64_t *record = ring_head_at(r, r->position);
    kind = (kind & ~RING_OURS) | (large ? RING_LARGE : 0);
    atomic_store_explicit(record, (uint64_t)kind << 32 | size, memory_order_release);
    KILL_POINT();
    atomic_store_explicit(record + 1, r->number++, memory_order_release);
    KILL_POINT();
    words_store(large ? (_Atomic uint64_t *)(void *)r->large : record + 2, bytes, size);
    r->position += large ? RING_NUMBERED : span(size);
    if (large)
        r->large_after[0] = r->position;
    return RESULT_OK;
}

/* --- the reader */

/* EMPTY: there cannot be such a record. */
static result read_record(ring *r, ring_record *record)
{
    uint64_t left = r->seen - r->position;
    if (left > r->capacity || left < RING_NUMBERED)
        return RESULT_EMPTY;
    _Atomic uint64_t *place = ring_head_at(r, r->position);
    uint64_t word = atomic_load_explicit(place, memory_order_acquire);
    record->number = atomic_load_explicit(place + 1, memory_order_acquire);
    record->size = (uint32_t)word;
    record->kind = (uint32_t)(word >> 32);
    record->after = r->position + span_of(word);
    record->bytes = (unsigned char *)(place + 2);
    if (record->kind & RING_LARGE)
        record->bytes = r->large;
    if (record->kind & RING_LARGE ? record->size > r->large_size : span(record->size) > left)
        return RESULT_EMPTY;
    return record->number >= r->number ? RESULT_OK : RESULT_EMPTY;
}

result ring_claim(ring *r, ring_record *record)
{
    if (r->unusual & RING_CORRUPT)
        return RESULT_CORRUPT;
    uint64_t head = atomic_load(&r->shared->head);
    for (int try = 0; try < TRIES; try++) {
        uint64_t at = head & ~RING_CLAIMED;
        bool ours = r->claimed && at == r->position;
        if (at % 8 || at < r->position || (head & RING_CLAIMED && !ours))
            return ring_corrupt(r);
        r->claimed = head & RING_CLAIMED;
        r->position = at;
        if (at >= r->seen) {
            uint64_t tail = atomic_load(&r->shared->tail);
            if (tail % 8 || tail < at)
                return ring_corrupt(r);
            r->seen = tail;
            if (tail == at)
                return RESULT_EMPTY;
        }
        if (!r->claimed) {
            if (!atomic_compare_exchange_strong(&r->shared->head, &head, at | RING_CLAIMED))
                continue;
            KILL_POINT();
            r->claimed = true;
        }
        if (read_record(r, record) == RESULT_OK)
            return RESULT_OK;
        /* It was dropped while we looked at it; or not, and then nobody keeps to the rules. */
        head = atomic_load(&r->shared->head);
        if (head == (at | RING_CLAIMED))
            return ring_corrupt(r);
        r->claimed = false;
    }
    return RESULT_EMPTY;
}

void ring_copy(const ring_record *record, void *to)
{
    words_load(to, (const _Atomic uint64_t *)(const void *)record->bytes, record->size);
}

bool ring_take(ring *r, const ring_record *record)
{
    uint64_t claimed = r->position | RING_CLAIMED;
    bool taken = atomic_compare_exchange_strong(&r->shared->head, &claimed, record->after);
    KILL_POINT();
    r->claimed = false;
    if (taken) {
        r->position = record->after;
        r->dropped += record->number - r->number;
        r->number = record->number + 1;
    }
    return taken;
}

bool ring_is_left(ring *r)
{
    uint64_t head = atomic_load(&r->shared->head); /* first: see ring_dropping.h */
    return atomic_load(&r->shared->tail) != (head & ~RING_CLAIMED);
}
