/* A clock that goes on by a millisecond with each look; spinning gives way. */
#ifndef LANLINE_PATIENCE_H
#define LANLINE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdatomic.h>
#include <time.h>

typedef struct {
    uint32_t budget_ns;
} patience;

extern uint64_t now_ns;
static inline uint64_t clock_ns(void) { return now_ns += 1000000; }
static inline void processor_relax(void) { rl::yield(1, RL_INFO); }
static inline void patience_start(patience *p) { p->budget_ns = 0; }
static inline uint64_t patience_budget(patience *p) { return p->budget_ns; }
static inline bool patience_rested(patience *p) { return (void)p, true; }
static inline void patience_learn(patience *p, uint64_t took, bool caught)
{
    (void)p, (void)took, (void)caught;
}

#endif
