#include "ring.h"

#include <limits.h>
#include <sched.h>

#include "futex.h"
#include "killpoint.h"

void ring_start(ring *r, void *control, void *data, uint64_t capacity, void *large,
                uint64_t large_size)
{
    r->shared = control;
    r->data = data;
    r->capacity = capacity;
    r->position = 0;
    r->seen = 0;
    r->large = large;
    r->large_size = large_size;
    r->large_after = 0;
    r->unheard = r->corrupt = false;
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

static inline uint64_t span_of(uint64_t size)
{
    return RING_HEAD + ((size + 7) & ~UINT64_C(7));
}

static inline bool is_large(const ring *r, uint64_t size)
{
    return size > r->capacity / 2;
}

/* Is there room, as far as we have seen? */
static inline bool room(const ring *r, uint64_t size)
{
    uint64_t left = r->capacity - (r->position - r->seen);
    if (is_large(r, size))
        return left >= RING_HEAD && r->seen >= r->large_after;
    return left >= span_of(size);
}

result ring_reserve(ring *r, uint64_t size, ring_record *record)
{
    if (r->corrupt)
        return RESULT_CORRUPT;
    bool large = is_large(r, size);
    if (large && size > r->large_size)
        return RESULT_TOO_LARGE;
    if (!room(r, size)) {
        /* Acquire: the reader's copies out of these bytes are over before we write over them. */
        if (see_head(r, memory_order_acquire) != RESULT_OK)
            return RESULT_CORRUPT;
        if (!room(r, size))
            return RESULT_FULL;
    }
    record->bytes = large ? r->large : (unsigned char *)head_at(r, r->position) + RING_HEAD;
    record->size = (uint32_t)size;
    record->kind = large ? RING_LARGE : 0;
    return RESULT_OK;
}

void ring_append(ring *r, ring_record *record, uint32_t size, uint32_t kind)
{
    record->size = size;
    record->kind = (record->kind & RING_LARGE) | (kind & ~RING_LARGE);
    record->after = r->position + (record->kind & RING_LARGE ? RING_HEAD : span_of(size));
    /* Relaxed: the store of tail carries it. */
    atomic_store_explicit(head_at(r, r->position), (uint64_t)record->kind << 32 | size,
                          memory_order_relaxed);
    KILL_POINT();
    r->position = record->after;
    if (record->kind & RING_LARGE)
        r->large_after = r->position;
}

/* Clear what says that the other side sleeps; whoever cleared it wakes. True: by its bell, which is
 * the caller's to ring. */
static bool wake(ring *r, _Atomic uint32_t *flags)
{
    if (!(atomic_load(flags) & RING_ASLEEP))
        return false;
    uint32_t was = atomic_fetch_and(flags, ~RING_ASLEEP);
    KILL_POINT();
    if (was & RING_ON_WORD && !futex_wake(flags, 1))
        r->unheard = true;
    return was & RING_ON_BELL;
}

bool ring_publish(ring *r)
{
    atomic_store(&r->shared->tail, r->position); /* sequentially consistent: see ring.h */
    KILL_POINT();
    return wake(r, &r->shared->reader_flags);
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
    record->size = (uint32_t)head;
    record->kind = (uint32_t)(head >> 32);
    if (record->kind & RING_LARGE) {
        if (record->size > r->large_size)
            return corrupt(r);
        record->bytes = r->large;
        record->after = position + RING_HEAD; /* positions are multiples of 8, so it is there */
        return RESULT_OK;
    }
    if (span_of(record->size) > r->seen - position)
        return corrupt(r);
    record->bytes = (unsigned char *)head_at(r, position) + RING_HEAD;
    record->after = position + span_of(record->size);
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
    return wake(r, &r->shared->writer_flags);
}

bool ring_readable(ring *r)
{
    /* A broken ring is "readable": the read then says so. */
    return r->corrupt || see_tail(r, memory_order_seq_cst) != RESULT_OK || r->seen != r->position;
}

bool ring_writable(ring *r, uint64_t size)
{
    return r->corrupt || see_head(r, memory_order_seq_cst) != RESULT_OK || room(r, size);
}

uint32_t ring_reader_asleep(ring *r, uint32_t how)
{
    uint32_t word = atomic_fetch_or(&r->shared->reader_flags, how) | how;
    KILL_POINT();
    if (!ring_readable(r) && !ring_writer_closed(r))
        return word;
    ring_reader_awake(r);
    return 0;
}

uint32_t ring_writer_asleep(ring *r, uint64_t size, uint32_t how)
{
    uint32_t word = atomic_fetch_or(&r->shared->writer_flags, how) | how;
    KILL_POINT();
    if (!ring_writable(r, size) && !ring_reader_closed(r))
        return word;
    ring_writer_awake(r);
    return 0;
}

/* Whoever wakes or closes changes the word first, so that nobody falls asleep behind it. */
static bell_answer nap(_Atomic uint32_t *flags, uint32_t word, uint64_t deadline_ns)
{
    uint64_t most = RING_NAP_NS;
    if (deadline_ns != BELL_FOR_EVER) {
        uint64_t now = clock_ns();
        if (now >= deadline_ns)
            return BELL_TIMED_OUT;
        if (deadline_ns - now < most)
            most = deadline_ns - now;
    }
    switch (futex_wait(flags, word, most)) {
    case ETIMEDOUT: return BELL_TIMED_OUT;
    case EINTR: return BELL_INTERRUPTED;
    default: return BELL_RANG;
    }
}

bell_answer ring_reader_nap(ring *r, uint32_t word, uint64_t deadline_ns)
{
    return nap(&r->shared->reader_flags, word, deadline_ns);
}

bell_answer ring_writer_nap(ring *r, uint32_t word, uint64_t deadline_ns)
{
    return nap(&r->shared->writer_flags, word, deadline_ns);
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

typedef bool (*come)(ring *r, uint64_t size);

static inline bool spin(ring *r, uint64_t size, come come)
{
    uint64_t began = clock_ns(), took = 0;
    uint64_t budget = patience_rested(&r->patience, began) ? 0 : patience_budget(&r->patience);
    bool caught = false;
    if (!budget)
        return false;
    while (!caught && took < budget) {
        for (int look = 0; look < LOOKS_PER_CLOCK && !caught; look++) {
            processor_relax();
            caught = come(r, size);
        }
        if (caught && !took)
            break; /* so soon that the clock would take longer */
        /* The one who is to bring it may be waiting for this very processor: let it run. Otherwise
         * both may stay on one for good, since whoever is woken is put beside its waker. */
        if (!caught)
            sched_yield();
        took = clock_ns() - began;
    }
    patience_learn(&r->patience, took, caught);
    return caught;
}

static inline bool tail_moved(ring *r, uint64_t size)
{
    (void)size;
    return atomic_load_explicit(&r->shared->tail, memory_order_relaxed) != r->position;
}

bool ring_reader_spin(ring *r)
{
    return spin(r, 0, tail_moved);
}

bool ring_writer_spin(ring *r, uint64_t size)
{
    return spin(r, size, ring_writable);
}

/* Say so, and wake who sleeps: on the own word a thread of ours, which then finds out that it was closed;
 * and the other side. Its bell need not be rung: the end of the socket follows. */
static void close_side(ring *r, _Atomic uint32_t *own, _Atomic uint32_t *other)
{
    atomic_fetch_or(own, RING_CLOSED);
    KILL_POINT();
    futex_wake(own, INT_MAX);
    wake(r, other);
}

void ring_reader_close(ring *r)
{
    close_side(r, &r->shared->reader_flags, &r->shared->writer_flags);
}

void ring_writer_close(ring *r)
{
    close_side(r, &r->shared->writer_flags, &r->shared->reader_flags);
}

bool ring_reader_naps(const ring *r)
{
    return atomic_load_explicit(&r->shared->reader_flags, memory_order_relaxed) & RING_ON_WORD;
}

bool ring_reader_closed(const ring *r)
{
    return atomic_load(&r->shared->reader_flags) & RING_CLOSED;
}

bool ring_writer_closed(const ring *r)
{
    return atomic_load(&r->shared->writer_flags) & RING_CLOSED;
}
