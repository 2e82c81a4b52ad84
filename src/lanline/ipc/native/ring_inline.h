/* What a message passes through, inline: the calls between files cost as much as what they do. The contract
 * is in ring.h, which includes this. */
#ifndef LANLINE_RING_INLINE_H
#define LANLINE_RING_INLINE_H

#include <string.h>

#include "futex.h"
#include "killpoint.h"

/* The compiler inlines by size, and would call these by and by: some nanoseconds for each message. */
#define INLINED __attribute__((always_inline))

/* Not inline: what nobody comes by lies elsewhere, and the rest takes fewer cache lines. */
__attribute__((cold, noinline, unused)) static void ring_break(ring *r)
{
    r->unusual |= RING_CORRUPT;
}

static inline result ring_corrupt(ring *r)
{
    ring_break(r);
    return RESULT_CORRUPT;
}

static inline result ring_unusual(const ring *r)
{
    return r->unusual & RING_CORRUPT ? RESULT_CORRUPT : RESULT_DROPS;
}

/* A record's head: size in the low half, kind in the high one; one word, so that it is read once. */
static inline _Atomic uint64_t *ring_head_at(const ring *r, uint64_t position)
{
    return (_Atomic uint64_t *)(void *)(r->data + (position & (r->capacity - 1)));
}

/* Writer: how far the reader has come. It can be nowhere but behind the writer, by at most a ring. */
static inline result ring_see_head(ring *r, memory_order order)
{
    uint64_t head = atomic_load_explicit(&r->shared->head, order);
    if (r->position - head > r->capacity || head % 8 || head < r->seen)
        return ring_corrupt(r);
    r->seen = head;
    return RESULT_OK;
}

/* Reader: how far the writer has come. It can be nowhere but ahead, by at most a ring. */
static inline result ring_see_tail(ring *r, memory_order order)
{
    uint64_t tail = atomic_load_explicit(&r->shared->tail, order);
    if (__builtin_expect(r->seen == 0, 0) && tail && ring_learn(r))
        return RESULT_DROPS;
    if (tail - r->position > r->capacity || tail % 8 || tail < r->seen)
        return ring_corrupt(r);
    r->seen = tail;
    return RESULT_OK;
}

static inline uint64_t ring_span(uint64_t size)
{
    return RING_HEAD + ((size + 7) & ~UINT64_C(7));
}

static inline bool ring_is_large(const ring *r, uint64_t size)
{
    return size > r->capacity / 2;
}

static inline unsigned char *ring_large_at(const ring *r, uint32_t kind)
{
    return r->large + (kind & RING_SECOND ? r->large_size : 0);
}

/* Is there room, as far as we have seen? */
static inline bool ring_room(const ring *r, uint64_t size)
{
    uint64_t left = r->capacity - (r->position - r->seen);
    if (ring_is_large(r, size))
        return left >= RING_HEAD && (r->seen >= r->large_after[0] || r->seen >= r->large_after[1]);
    return left >= ring_span(size);
}

INLINED static inline result ring_reserve(ring *r, uint64_t size, ring_record *record)
{
    if (__builtin_expect(r->unusual, 0))
        return ring_unusual(r);
    bool large = ring_is_large(r, size);
    if (large && size > r->large_size)
        return RESULT_TOO_LARGE;
    if (!ring_room(r, size) || (large && r->seen < r->large_after[0])) {
        /* Acquire: the reader's copies out of these bytes are over before we write over them. */
        if (ring_see_head(r, memory_order_acquire) != RESULT_OK)
            return RESULT_CORRUPT;
        if (!ring_room(r, size))
            return RESULT_FULL;
    }
    record->size = (uint32_t)size;
    if (large) {
        record->kind = RING_LARGE | (r->seen < r->large_after[0] ? RING_SECOND : 0);
        record->bytes = ring_large_at(r, record->kind);
    } else {
        record->kind = 0;
        record->bytes = (unsigned char *)ring_head_at(r, r->position) + RING_HEAD;
    }
    return RESULT_OK;
}

static inline void ring_append(ring *r, ring_record *record, uint32_t size, uint32_t kind)
{
    record->size = size;
    record->kind = (record->kind & RING_OURS) | (kind & ~RING_OURS);
    record->after = r->position + (record->kind & RING_LARGE ? RING_HEAD : ring_span(size));
    /* Relaxed: the store of tail carries it. */
    atomic_store_explicit(ring_head_at(r, r->position), (uint64_t)record->kind << 32 | size,
                          memory_order_relaxed);
    KILL_POINT();
    r->position = record->after;
    if (record->kind & RING_LARGE)
        r->large_after[record->kind & RING_SECOND ? 1 : 0] = r->position;
}

/* Clear what says that the other side sleeps; whoever cleared it wakes. True: by its bell, which is
 * the caller's to ring. */
static inline bool ring_wake(ring *r, _Atomic uint32_t *flags)
{
    if (!(atomic_load(flags) & RING_ASLEEP))
        return false;
    uint32_t was = atomic_fetch_and(flags, ~RING_ASLEEP);
    KILL_POINT();
    if (was & RING_ON_WORD && !futex_wake(flags, 1))
        r->unheard = true;
    return was & RING_ON_BELL;
}

static inline bool ring_publish(ring *r)
{
    atomic_store(&r->shared->tail, r->position); /* sequentially consistent: see ring.h */
    KILL_POINT();
    return ring_wake(r, &r->shared->reader_flags);
}

INLINED static inline result ring_look(ring *r, ring_record *record)
{
    uint64_t position = r->position;
    if (__builtin_expect(r->unusual, 0))
        return ring_unusual(r);
    if (position == r->seen) {
        if (ring_see_tail(r, memory_order_acquire) != RESULT_OK)
            return ring_unusual(r);
        if (position == r->seen)
            return RESULT_EMPTY;
    }
    uint64_t head = atomic_load_explicit(ring_head_at(r, position), memory_order_relaxed);
    record->size = (uint32_t)head;
    record->kind = (uint32_t)(head >> 32);
    if (record->kind & RING_LARGE) {
        if (record->size > r->large_size)
            return ring_corrupt(r);
        record->bytes = ring_large_at(r, record->kind);
        record->after = position + RING_HEAD; /* positions are multiples of 8, so it is there */
        return RESULT_OK;
    }
    if (ring_span(record->size) > r->seen - position)
        return ring_corrupt(r);
    record->bytes = (unsigned char *)ring_head_at(r, position) + RING_HEAD;
    record->after = position + ring_span(record->size);
    return RESULT_OK;
}

static inline void ring_pass(ring *r, const ring_record *record)
{
    r->position = record->after;
}

static inline bool ring_release(ring *r, uint64_t position)
{
    atomic_store(&r->shared->head, position); /* sequentially consistent: see ring.h */
    KILL_POINT();
    return ring_wake(r, &r->shared->writer_flags);
}

static inline bool ring_rested(ring *r)
{
    return patience_rested(&r->patience);
}

static inline bool ring_reader_naps(const ring *r)
{
    return atomic_load_explicit(&r->shared->reader_flags, memory_order_relaxed) & RING_ON_WORD;
}

static inline bool ring_see_closed(ring *r, _Atomic uint32_t *flags)
{
    if (__builtin_expect(atomic_load(flags) & RING_CLOSED, 0))
        r->over = true;
    return r->over;
}

static inline bool ring_reader_closed(ring *r)
{
    return ring_see_closed(r, &r->shared->reader_flags);
}

static inline bool ring_writer_closed(ring *r)
{
    return ring_see_closed(r, &r->shared->writer_flags);
}

static inline void ring_copy_small(void *to, const void *bytes, uint64_t size)
{
    if (size > 256) {
        memcpy(to, bytes, size);
        return;
    }
    unsigned char *at = to;
    const unsigned char *from = bytes;
    for (; size >= 16; size -= 16, at += 16, from += 16)
        memcpy(at, from, 16);
    for (; size; size--)
        *at++ = *from++;
}

#endif
