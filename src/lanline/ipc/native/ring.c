#include "ring.h"

#include <limits.h>
#include <sched.h>

#include "futex.h"
#include "killpoint.h"
#include "ring_dropping.h"

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
    for (int place = 0; place < RING_PLACES; place++)
        r->large_after[place] = 0;
    r->number = r->dropped = 0;
    r->unusual = 0;
    r->unheard = r->over = r->claimed = false;
    patience_start(&r->patience);
}

static inline bool readable(ring *r)
{
    /* A broken ring is "readable": the read then says so. */
    if (r->unusual)
        return ring_unusual(r) == RESULT_CORRUPT || ring_is_left(r);
    return ring_see_tail(r, memory_order_seq_cst) != RESULT_OK || r->seen != r->position;
}

bool ring_readable(ring *r)
{
    return readable(r);
}

bool ring_writable(ring *r, uint64_t size)
{
    return r->unusual || ring_see_head(r, memory_order_seq_cst) != RESULT_OK || ring_room(r, size);
}

uint32_t ring_reader_asleep(ring *r, uint32_t how)
{
    uint32_t word = atomic_fetch_or(&r->shared->reader_flags, how) | how;
    KILL_POINT();
    if (!readable(r) && !ring_writer_closed(r))
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
static inline bell_answer nap(_Atomic uint32_t *flags, uint32_t word, uint64_t deadline_ns)
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

/* Whoever was woken finds it cleared. */
static void awake(_Atomic uint32_t *flags)
{
    if (atomic_load_explicit(flags, memory_order_relaxed) & RING_ASLEEP) {
        atomic_fetch_and(flags, ~RING_ASLEEP);
        KILL_POINT();
    }
}

void ring_reader_awake(ring *r)
{
    awake(&r->shared->reader_flags);
}

void ring_writer_awake(ring *r)
{
    awake(&r->shared->writer_flags);
}

/* The clock is read only now and then: it costs as much as many looks. A look is one load from the
 * own cache until the other side stores. */
#define LOOKS_PER_CLOCK 32

typedef bool (*come)(ring *r, uint64_t size);

static inline bool spin(ring *r, uint64_t size, come come)
{
    uint64_t budget = patience_budget(&r->patience);
    if (!budget)
        return false;
    uint64_t began = clock_ns(), took = 0;
    bool caught = false;
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
    ring_wake(r, other);
}

void ring_reader_close(ring *r)
{
    close_side(r, &r->shared->reader_flags, &r->shared->writer_flags);
}

void ring_writer_close(ring *r)
{
    close_side(r, &r->shared->writer_flags, &r->shared->reader_flags);
}
