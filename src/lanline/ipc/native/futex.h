/* Sleep on a word of shared memory, and wake who sleeps on it. See futex(2). */
#ifndef LANLINE_FUTEX_H
#define LANLINE_FUTEX_H

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleep while the word is `expected`, for at most `most_ns`. Returns for any reason: look again. What it
 * was if not a wake-up: ETIMEDOUT, EINTR, or EAGAIN for a word that was another already. */
static inline int futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t most_ns)
{
    struct timespec most = {(time_t)(most_ns / 1000000000u), (long)(most_ns % 1000000000u)};
    return syscall(SYS_futex, word, FUTEX_WAIT, expected, &most, NULL, 0) < 0 ? errno : 0;
}

/* How many were woken. */
static inline long futex_wake(_Atomic uint32_t *word, int most)
{
    return syscall(SYS_futex, word, FUTEX_WAKE, most, NULL, NULL, 0);
}

typedef struct {
    uint64_t expected;
    uint64_t word; /* its address */
    uint32_t flags;
    uint32_t reserved;
} futex_one;

static inline futex_one futex_expect(_Atomic uint32_t *word, uint32_t expected)
{
    return (futex_one){.expected = expected, .word = (uintptr_t)word, .flags = 2 /* FUTEX_32 */};
}

/* Sleep while every one of the words is as expected, until `deadline_ns` on the monotonic clock. Returns
 * for any reason: look again. False: the kernel has it not (before 5.16), or a container forbids it. See
 * futex_waitv(2). */
static inline bool futex_wait_any(const futex_one *ones, uint32_t count, uint64_t deadline_ns)
{
    struct timespec until = {(time_t)(deadline_ns / 1000000000u),
                             (long)(deadline_ns % 1000000000u)};
    return syscall(449 /* SYS_futex_waitv */, ones, count, 0, &until, CLOCK_MONOTONIC) >= 0
           || (errno != ENOSYS && errno != EPERM);
}

#endif
