/* How long to spin before sleeping: as long as it has lately paid.
 *
 * To sleep and be woken costs some tens of microseconds. Spinning is worth it exactly when what is
 * waited for comes sooner than that, and when the one who brings it has a processor to run on; with
 * more to run than processors, a spinner keeps it from coming. Neither can be known, but both are
 * learnt from what spinning did: where it caught what it waited for, the next spin may take a few
 * times as long as that; where it did not, half as long, and soon not at all. Now and then, ever
 * less often while it fails, a full spin is tried, so that a pair that has got busy finds out. A pair
 * that has nothing to say uses no processor. On a single processor nobody spins. Nor does who has not
 * waited for a while (patience_rested): the other side sleeps as well then, and is woken on the very
 * processor that would be spun on.
 */
#ifndef LANLINE_PATIENCE_H
#define LANLINE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define PATIENCE_MOST_NS 100000 /* about three sleeps and wakes; longer never pays */
#define PATIENCE_GOOD_NS 10000  /* at least so long after a spin that paid: four misses undo it */
#define PATIENCE_LEAST_NS 1000  /* below this it is given up */
#define PATIENCE_TRY_AFTER 16   /* waits until the next full spin; doubled by each that fails */
#define PATIENCE_TRY_LATEST 1024
#define PATIENCE_REST 3000000 /* ticks between two waits: the pair is not busy */

typedef struct {
    uint32_t budget_ns;
    uint32_t interval;
    uint32_t left; /* waits until the next full spin */
    bool alone;    /* one processor only */
    uint64_t waited; /* the tick at which the last wait began: patience_rested */
} patience;

static inline uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Time for whoever wants to know about a millisecond and must not pay for the clock, whose code and data
 * are cold for one who comes from idle. On x86 it counts 1 to 5 thousand in a microsecond; elsewhere
 * what the clock says is brought to the same. */
static inline uint64_t patience_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#else
    return 3 * clock_ns();
#endif
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
/* How long the next spin may be; 0: sleep at once. */
uint64_t patience_budget(patience *p);
/* A wait begins: is the last one so long ago, about a millisecond, that a spin is in vain? */
static inline bool patience_rested(patience *p)
{
    uint64_t now = patience_ticks();
    bool rested = now - p->waited > PATIENCE_REST;
    p->waited = now;
    return rested;
}
/* A spin with this budget took so long, and caught what it waited for or not. */
void patience_learn(patience *p, uint64_t took_ns, bool caught);

#endif
