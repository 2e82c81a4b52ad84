/* A place where the tests may kill the process: one stands after every store that others can see.
 *
 * Outside the test build it is nothing at all. In the test build (-DKILL_POINTS) the n-th passage,
 * with n counted down in kill_countdown, is a SIGKILL: no handler, no unwinding, no flush.
 */
#ifndef LANLINE_KILLPOINT_H
#define LANLINE_KILLPOINT_H

#ifdef KILL_POINTS
#include <signal.h>
extern _Thread_local long kill_countdown; /* 0: live on; 1: die at the next passage */
extern _Thread_local long kill_passages;  /* how many were passed, so that a test can visit each */
#define KILL_POINT()                              \
    do {                                          \
        kill_passages++;                          \
        if (kill_countdown && --kill_countdown == 0) \
            raise(SIGKILL);                       \
    } while (0)
#else
#define KILL_POINT() ((void)0)
#endif

#endif
