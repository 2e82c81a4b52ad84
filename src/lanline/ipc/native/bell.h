/* What wakes whoever sleeps for long: a byte on one end of a Unix stream socket pair.
 *
 * A futex wakes faster, but does not tell of the peer's death, so it is for the first moment of a
 * sleep only (ring.h, "Sleep"). An eventfd beside the socket tells, but a hostile peer can fill it and
 * make our write block, because O_NONBLOCK belongs to both. A socket says both on one descriptor: a
 * byte is a wake-up, the end of the stream is death, and MSG_DONTWAIT is ours alone.
 */
#ifndef LANLINE_BELL_H
#define LANLINE_BELL_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BELL_RANG,
    BELL_GONE,        /* nobody holds the other end any more */
    BELL_TIMED_OUT,
    BELL_INTERRUPTED, /* a signal came */
} bell_answer;

#define BELL_FOR_EVER UINT64_MAX

void bell_ring(int fd);

/* Sleep until it rings, or until `deadline_ns` on the monotonic clock. Rings are taken in. */
bell_answer bell_wait(int fd, uint64_t deadline_ns);

/* Take in what rang so far. Does not sleep. False: the other end is gone. */
bool bell_take(int fd);

/* Is the other end gone? Does not sleep and takes nothing in. */
bool bell_gone(int fd);

/* The same, but at most once in a tick of the coarse clock (1-10 ms), so that it may be asked with
 * every message: `last` is the caller's, zero at first. */
bool bell_gone_lately(int fd, uint64_t *last);

#endif
