#include "value.h"

#include "killpoint.h"
#include "patience.h"
#include "turn.h"
#include "watch.h"
#include "words.h"

#define TRIES 1000

static uint64_t place_words(uint64_t most)
{
    return 1 + words_for(most); /* the size, then the bytes */
}

size_t value_size(uint64_t most)
{
    return sizeof(value_shared) + VALUE_PLACES * place_words(most) * sizeof(uint64_t);
}

static _Atomic uint64_t *place(const value *v, uint64_t version)
{
    return &v->shared->words[version % VALUE_PLACES * place_words(v->most)];
}

result value_get(const value *v, void *bytes, uint64_t *size, uint64_t *version)
{
    for (int try = 0; try < TRIES; try++) {
        uint64_t current = atomic_load_explicit(&v->shared->version, memory_order_acquire);
        if (current == 0)
            return RESULT_EMPTY;
        _Atomic uint64_t *words = place(v, current);
        uint64_t length = atomic_load_explicit(words, memory_order_acquire);
        bool possible = length <= v->most;
        if (possible)
            words_load(bytes, words + 1, length);
        /* Ordered behind the loads above, because they are acquires. */
        uint64_t now = atomic_load_explicit(&v->shared->version, memory_order_relaxed);
        if (now - current >= VALUE_PLACES - 1)
            continue;
        if (!possible)
            return RESULT_CORRUPT;
        *size = length;
        *version = current;
        return RESULT_OK;
    }
    return RESULT_TIMED_OUT;
}

result value_lock_until(value *v, uint64_t deadline_ns)
{
    /* An inherited lock needs no repair: the dead writer's store was made, or was not. */
    lock_answer answer = lock_take_until(&v->shared->lock, v->members, deadline_ns);
    return answer == LOCK_BUSY ? RESULT_TIMED_OUT : RESULT_OK;
}

result value_lock(value *v, bool sleep)
{
    return value_lock_until(v, sleep ? UINT64_MAX : LOCK_AT_ONCE);
}

void value_unlock(value *v)
{
    lock_release(&v->shared->lock);
}

result value_set(value *v, const void *bytes, uint64_t size)
{
    if (size > v->most)
        return RESULT_TOO_LARGE;
    uint64_t next = atomic_load_explicit(&v->shared->version, memory_order_relaxed) + 1;
    _Atomic uint64_t *words = place(v, next);
    atomic_store_explicit(words, size, memory_order_release);
    KILL_POINT();
    words_store(words + 1, bytes, size);
    /* Sequentially consistent, as the load of `asleep` is: whoever is about to sleep sees this
     * version, or we see that it sleeps. */
    atomic_store(&v->shared->version, next);
    KILL_POINT();
    if (atomic_load(&v->shared->asleep)) {
        uint32_t who = atomic_exchange(&v->shared->asleep, 0);
        KILL_POINT();
        turn_wake(&v->shared->turn, TURN_ALL);
        if (who & ASLEEP_ON_FILE)
            watch_ring(v->members->fd);
    }
    return RESULT_OK;
}

void value_sleep(value *v, uint64_t seen, sentry_wait *w, uint64_t deadline_ns)
{
    uint32_t turn = atomic_load(&v->shared->turn);
    atomic_fetch_or(&v->shared->asleep, ASLEEP_ON_WORD);
    KILL_POINT();
    uint64_t now = clock_ns();
    if (atomic_load(&v->shared->version) != seen || now >= deadline_ns)
        return;
    turn_sleep(&v->shared->turn, turn, w, now, deadline_ns);
}

void value_wake_all(value *v)
{
    turn_wake(&v->shared->turn, TURN_ALL);
}

bool value_watch(value *v, uint64_t seen)
{
    atomic_fetch_or(&v->shared->asleep, ASLEEP_ON_FILE);
    KILL_POINT();
    return atomic_load(&v->shared->version) == seen;
}
