#include "patience.h"

#include <sched.h>

void patience_start(patience *p)
{
    cpu_set_t set;
    p->alone = sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1;
    p->budget_ns = PATIENCE_MOST_NS; /* hopeful */
    p->interval = p->left = PATIENCE_TRY_AFTER;
    p->waited = 0;
}

uint64_t patience_budget(patience *p)
{
    if (p->alone)
        return 0;
    if (p->budget_ns < PATIENCE_LEAST_NS && --p->left == 0)
        p->budget_ns = PATIENCE_MOST_NS;
    return p->budget_ns < PATIENCE_LEAST_NS ? 0 : p->budget_ns;
}

void patience_learn(patience *p, uint64_t took_ns, bool caught)
{
    if (caught) {
        uint64_t enough = took_ns > PATIENCE_MOST_NS / 4 ? PATIENCE_MOST_NS : took_ns * 4;
        p->budget_ns = enough < PATIENCE_GOOD_NS ? PATIENCE_GOOD_NS : (uint32_t)enough;
        p->interval = PATIENCE_TRY_AFTER;
    } else if (p->budget_ns == PATIENCE_MOST_NS) {
        p->budget_ns = 0; /* a full spin in vain: wait for the next try */
        p->interval = p->interval < PATIENCE_TRY_LATEST ? p->interval * 2 : PATIENCE_TRY_LATEST;
    } else {
        p->budget_ns /= 2;
    }
    p->left = p->interval;
}
