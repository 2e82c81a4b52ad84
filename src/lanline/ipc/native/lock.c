#include "lock.h"

#include "futex.h"
#include "killpoint.h"
#include "patience.h"

/* About as long as several critical sections; longer only keeps a preempted holder from running. */
#define LOOKS 100

static bool take_over(_Atomic uint32_t *word, uint32_t seen, const roster *r)
{
    if (!roster_dead(r, seen & ROSTER_TAG_MASK)
        || !atomic_compare_exchange_strong(word, &seen, r->tag | LOCK_AWAITED))
        return false;
    KILL_POINT();
    return true;
}

lock_answer lock_take_until(_Atomic uint32_t *word, const roster *r, uint64_t deadline_ns)
{
    uint32_t seen = 0;
    for (int look = 0; look < LOOKS; look++) {
        seen = 0;
        if (atomic_load_explicit(word, memory_order_relaxed) == 0
            && atomic_compare_exchange_strong(word, &seen, r->tag)) {
            KILL_POINT();
            return LOCK_TAKEN;
        }
        processor_relax();
    }
    if (deadline_ns == LOCK_AT_ONCE)
        return LOCK_BUSY;
    for (;;) {
        seen = atomic_load(word);
        if (seen == 0) {
            /* Others may sleep on: whoever has slept takes it as awaited. */
            if (atomic_compare_exchange_strong(word, &seen, r->tag | LOCK_AWAITED)) {
                KILL_POINT();
                return LOCK_TAKEN;
            }
            continue;
        }
        uint64_t began = clock_ns();
        if (began >= deadline_ns)
            return take_over(word, seen, r) ? LOCK_INHERITED : LOCK_BUSY;
        if (!(seen & LOCK_AWAITED)) {
            if (!atomic_compare_exchange_strong(word, &seen, seen | LOCK_AWAITED))
                continue;
            KILL_POINT();
        }
        seen |= LOCK_AWAITED;
        uint64_t left = deadline_ns - began;
        futex_wait(word, seen, left < LOCK_CHECK_NS ? left : LOCK_CHECK_NS);
        /* A holder that dies after letting go and before waking is covered by the time-out too. */
        if (atomic_load(word) == seen && clock_ns() - began >= LOCK_CHECK_NS
            && take_over(word, seen, r))
            return LOCK_INHERITED;
    }
}

lock_answer lock_try(_Atomic uint32_t *word, const roster *r)
{
    uint32_t seen = 0;
    if (atomic_compare_exchange_strong(word, &seen, r->tag)) {
        KILL_POINT();
        return LOCK_TAKEN;
    }
    return take_over(word, seen, r) ? LOCK_INHERITED : LOCK_BUSY;
}

void lock_release(_Atomic uint32_t *word)
{
    uint32_t had = atomic_exchange(word, 0);
    KILL_POINT();
    if (had & LOCK_AWAITED)
        futex_wake(word, 1);
}

void lock_abandon(_Atomic uint32_t *word)
{
    atomic_store(word, LOCK_ABANDONED | LOCK_AWAITED);
    KILL_POINT();
}
