/* futex(2) as Relacy has threads: a sleep has no time-out here, so a wake-up that is lost is a deadlock. */
#ifndef LANLINE_FUTEX_H
#define LANLINE_FUTEX_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The kernel compares with the last store, and falls asleep in the same step. */
static inline int futex_wait(shared_u32 *word, uint32_t expected, uint64_t most_ns)
{
    (void)most_ns;
    rl::context &here = rl::ctx();
    here.sched();
    if (word->debug_value() != expected)
        return EAGAIN;
    word->wait(here, false, false, RL_INFO);
    return 0;
}

static inline long futex_wake(shared_u32 *word, int most)
{
    rl::context &here = rl::ctx();
    here.sched();
    return (long)word->wake(here, (rl::thread_id_t)(most > 9 ? 9 : most), RL_INFO);
}

#endif
