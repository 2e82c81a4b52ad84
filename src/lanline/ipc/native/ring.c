#include "ring.h"

#include "killpoint.h"

void ring_start(ring *r, void *control, void *data, uint64_t capacity)
{
    r->shared = control;
    r->data = data;
    r->capacity = capacity;
    r->position = 0;
    r->seen = 0;
    r->corrupt = false;
    patience_start(&r->patience);
}

static result corrupt(ring *r)
{
    r->corrupt = true;
    return RESULT_CORRUPT;
}

/* A record's head: size in the low half, kind in the high one; one word, so that it is read once. */
static _Atomic uint64_t *head_at(const ring *r, uint64_t position)
{
    return (_Atomic uint64_t *)(void *)(r->data + (position & (r->capacity - 1)));
}

/* Writer: how far the reader has come. It can be nowhere but behind the writer, by at most a ring. */
static result see_head(ring *r, memory_order order)
{
    uint64_t head = atomic_load_explicit(&r->shared->head, order);
    if (r->position - head > r->capacity || head % 8 || head < r->seen)
        return corrupt(r);
    r->seen = head;
    return RESULT_OK;
}

/* Reader: how far the writer has come. It can be nowhere but ahead, by at most a ring. */
static result see_tail(ring *r, memory_order order)
{
    uint64_t tail = atomic_load_explicit(&r->shared->tail, order);
    if (tail - r->position > r->capacity || tail % 8 || tail < r->seen)
        return corrupt(r);
    r->seen = tail;
    return RESULT_OK;
}

static inline bool room(const ring *r, uint64_t span)
{
    return r->capacity - (r->position - r->seen) >= span;
}

result ring_reserve(ring *r, uint64_t size, ring_record *record)
{
    if (r->corrupt)
        return RESULT_CORRUPT;
    if (size > r->capacity - RING_HEAD)
        return RESULT_TOO_LARGE;
    uint64_t span = ring_span(size);
    if (!room(r, span)) {
        /* Acquire: the reader's copies out of these bytes are over before we write over them. */
        if (see_head(r, memory_order_acquire) != RESULT_OK)
            return RESULT_CORRUPT;
        if (!room(r, span))
            return RESULT_FULL;
    }
    record->bytes = (unsigned char *)head_at(r, r->position) + RING_HEAD;
    record->size = (uint32_t)size;
    record->kind = 0;
    record->after = r->position + span;
    return RESULT_OK;
}

void ring_append(ring *r, ring_record *record, uint32_t size, uint32_t kind)
{
    /* Relaxed: the release store of tail carries it. */
    atomic_store_explicit(head_at(r, r->position), (uint64_t)kind << 32 | size,
                          memory_order_relaxed);
    KILL_POINT();
    record->size = size;
    record->kind = kind;
    record->after = r->position + ring_span(size);
    r->position = record->after;
}

/* Clear ASLEEP; true for the one who cleared it, and so must ring. */
static bool wake(_Atomic uint32_t *flags)
{
    if (!(atomic_load(flags) & RING_ASLEEP))
        return false;
    bool ours = atomic_fetch_and(flags, ~RING_ASLEEP) & RING_ASLEEP;
    KILL_POINT();
    return ours;
}

bool ring_publish(ring *r)
{
    atomic_store(&r->shared->tail, r->position); /* sequentially consistent: see ring.h */
    KILL_POINT();
    return wake(&r->shared->reader_flags);
}

result ring_look(ring *r, ring_record *record)
{
    uint64_t position = r->position;
    if (r->corrupt)
        return RESULT_CORRUPT;
    if (position == r->seen) {
        if (see_tail(r, memory_order_acquire) != RESULT_OK)
            return RESULT_CORRUPT;
        if (position == r->seen)
            return RESULT_EMPTY;
    }
    uint64_t head = atomic_load_explicit(head_at(r, position), memory_order_relaxed);
    uint64_t size = head & UINT32_MAX;
    /* Positions are multiples of 8, so at least a head is there. */
    if (ring_span(size) > r->seen - position)
        return corrupt(r);
    record->bytes = (unsigned char *)head_at(r, position) + RING_HEAD;
    record->size = (uint32_t)size;
    record->kind = (uint32_t)(head >> 32);
    record->after = position + ring_span(size);
    return RESULT_OK;
}

void ring_pass(ring *r, const ring_record *record)
{
    r->position = record->after;
}

bool ring_release(ring *r, uint64_t position)
{
    atomic_store(&r->shared->head, position); /* sequentially consistent: see ring.h */
    KILL_POINT();
    return wake(&r->shared->writer_flags);
}

bool ring_readable(ring *r)
{
    /* A broken ring is "readable": the read then says so. */
    return r->corrupt || see_tail(r, memory_order_seq_cst) != RESULT_OK || r->seen != r->position;
}

bool ring_writable(ring *r, uint64_t size)
{
    return r->corrupt || see_head(r, memory_order_seq_cst) != RESULT_OK || room(r, ring_span(size));
}

bool ring_reader_asleep(ring *r)
{
    atomic_fetch_or(&r->shared->reader_flags, RING_ASLEEP);
    KILL_POINT();
    if (!ring_readable(r) && !ring_writer_closed(r))
        return true;
    ring_reader_awake(r);
    return false;
}

bool ring_writer_asleep(ring *r, uint64_t size)
{
    atomic_fetch_or(&r->shared->writer_flags, RING_ASLEEP);
    KILL_POINT();
    if (!ring_writable(r, size) && !ring_reader_closed(r))
        return true;
    ring_writer_awake(r);
    return false;
}

void ring_reader_awake(ring *r)
{
    atomic_fetch_and(&r->shared->reader_flags, ~RING_ASLEEP);
    KILL_POINT();
}

void ring_writer_awake(ring *r)
{
    atomic_fetch_and(&r->shared->writer_flags, ~RING_ASLEEP);
    KILL_POINT();
}

/* The clock is read only now and then: it costs as much as many looks. A look is one load from the
 * own cache until the other side stores. */
#define LOOKS_PER_CLOCK 32

bool ring_reader_spin(ring *r)
{
    uint64_t end = 0;
    uint64_t budget = patience_budget_ns(&r->patience);
    while (budget) {
        for (int look = 0; look < LOOKS_PER_CLOCK; look++) {
            if (atomic_load_explicit(&r->shared->tail, memory_order_relaxed) != r->position)
                return true;
            processor_relax();
        }
        uint64_t now = clock_ns();
        if (!end)
            end = now + budget;
        if (now >= end)
            break;
    }
    return false;
}

bool ring_writer_spin(ring *r, uint64_t size)
{
    uint64_t end = 0;
    uint64_t budget = patience_budget_ns(&r->patience);
    while (budget) {
        for (int look = 0; look < LOOKS_PER_CLOCK; look++) {
            if (ring_writable(r, size))
                return true;
            processor_relax();
        }
        uint64_t now = clock_ns();
        if (!end)
            end = now + budget;
        if (now >= end)
            break;
    }
    return false;
}

void ring_reader_close(ring *r)
{
    atomic_fetch_or(&r->shared->reader_flags, RING_CLOSED);
    KILL_POINT();
}

void ring_writer_close(ring *r)
{
    atomic_fetch_or(&r->shared->writer_flags, RING_CLOSED);
    KILL_POINT();
}

bool ring_reader_closed(const ring *r)
{
    return atomic_load(&r->shared->reader_flags) & RING_CLOSED;
}

bool ring_writer_closed(const ring *r)
{
    return atomic_load(&r->shared->writer_flags) & RING_CLOSED;
}
