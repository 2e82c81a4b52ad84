/* A word that is changed whenever those who sleep on it are to look, and the sleep on it of whoever waits
 * for nothing but a store: of a value, of a broadcast.
 */
#ifndef LANLINE_TURN_H
#define LANLINE_TURN_H

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>

#include "futex.h"
#include "killpoint.h"
#include "sentry.h"

#define TURN_ALL INT_MAX

#ifndef LOOK_UP_NS
#define LOOK_UP_NS 500000000u /* a writer may die between its store and its wake-up: then a sentry */
#endif

/* Changed first, so that nobody falls asleep behind it. */
static inline void turn_wake(_Atomic uint32_t *turn, int most)
{
    atomic_fetch_add(turn, 1);
    KILL_POINT();
    futex_wake(turn, most);
}

/* Sleep while it is `seen`. What there is to look at was looked at after it was seen. */
static inline void turn_sleep(_Atomic uint32_t *turn, uint32_t seen, sentry_wait *w, uint64_t now,
                              uint64_t deadline_ns)
{
    if (!w->began)
        sentry_begin(w, now, LOOK_UP_NS);
    sentry_is_time(w, now);
    sentry_sleep(w, turn, seen, now, deadline_ns);
}

#endif
