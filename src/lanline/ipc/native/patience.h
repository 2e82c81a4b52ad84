/* How long to spin before sleeping: as long as it has lately paid.
 *
 * To sleep and be woken costs some tens of microseconds. Spinning is worth it exactly when what is
 * waited for comes sooner than that (Karlin et al., "Competitive randomized algorithms for
 * non-uniform problems", 1990: spin for about as long as the sleep would cost). So the average of
 * recent waits decides: short waits are spun through, long ones are slept through at once, and a
 * pair that has nothing to say uses no processor at all. On one processor nobody spins, because
 * whoever is waited for could not run.
 */
#ifndef LANLINE_PATIENCE_H
#define LANLINE_PATIENCE_H

#include <stdint.h>
#include <time.h>

#define PATIENCE_MOST_NS 100000  /* never spin longer: about three sleeps and wakes */
#define PATIENCE_LEAST_NS 1000   /* a look that costs less than the system call */
#define PATIENCE_MEMORY_NS 400000 /* longer waits count as this, so that a change is learnt quickly */

typedef struct {
    uint64_t average_ns;
    int alone; /* one processor only */
} patience;

static inline uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void processor_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

void patience_start(patience *p);

static inline uint64_t patience_budget_ns(const patience *p)
{
    if (p->alone)
        return 0;
    if (p->average_ns > PATIENCE_MOST_NS)
        return PATIENCE_LEAST_NS;
    uint64_t budget = PATIENCE_LEAST_NS * 10 + 2 * p->average_ns;
    return budget < PATIENCE_MOST_NS ? budget : PATIENCE_MOST_NS;
}

static inline void patience_learn(patience *p, uint64_t waited_ns)
{
    if (waited_ns > PATIENCE_MEMORY_NS)
        waited_ns = PATIENCE_MEMORY_NS;
    p->average_ns = (p->average_ns * 3 + waited_ns) / 4;
}

#endif
