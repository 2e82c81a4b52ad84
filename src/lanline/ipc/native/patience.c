#include "patience.h"

#include <sched.h>

void patience_start(patience *p)
{
    cpu_set_t set;
    p->average_ns = 0; /* hopeful: the first wait spins a little */
    p->alone = sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1;
}
