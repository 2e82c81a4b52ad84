/* Sleep on a word of shared memory, and wake who sleeps on it. See futex(2). */
#ifndef LANLINE_FUTEX_H
#define LANLINE_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleep while the word is `expected`, for at most `most_ns`. Returns for any reason: look again. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t most_ns)
{
    struct timespec most = {(time_t)(most_ns / 1000000000u), (long)(most_ns % 1000000000u)};
    syscall(SYS_futex, word, FUTEX_WAIT, expected, &most, NULL, 0);
}

static inline void futex_wake(_Atomic uint32_t *word, int most)
{
    syscall(SYS_futex, word, FUTEX_WAKE, most, NULL, NULL, 0);
}

#endif
