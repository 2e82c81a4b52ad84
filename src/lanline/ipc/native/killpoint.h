/* A place where the tests may kill the process: one stands after every store that others can see
 * (scripts/kill-points says where one is missing).
 *
 * Outside the test build it is nothing at all. In the test build (-DKILL_POINTS) the tests are told of
 * each passage, and may answer with a SIGKILL: no handler, no unwinding, no flush.
 */
#ifndef LANLINE_KILLPOINT_H
#define LANLINE_KILLPOINT_H

#ifdef KILL_POINTS
void kill_point(const char *file, int line);
#define KILL_POINT() kill_point(__FILE__, __LINE__)
#else
#define KILL_POINT() ((void)0)
#endif

#endif
