/* A lock in shared memory that survives the death of its holder.
 *
 * The word is 0, or the tag of the holder (roster.h), with LOCK_AWAITED when somebody may sleep on it
 * (Drepper, "Futexes are tricky", 2011, mutex 3). Whoever waits longer than a moment asks the kernel
 * about the holder; only when it is proven dead does one waiter, by compare-and-swap on the very tag,
 * become the holder and learn that it must repair. The tag has a generation, so that a place taken
 * by somebody new never looks like the dead one.
 *
 * It is not pthread's robust mutex, because that one keeps list pointers in the shared memory, which
 * a hostile participant could aim anywhere.
 */
#ifndef LANLINE_LOCK_H
#define LANLINE_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "roster.h"

#define LOCK_AWAITED (~ROSTER_TAG_MASK)
#define LOCK_ABANDONED (UINT32_C(1) << ROSTER_PLACE_BITS) /* the tag of nobody, who is dead */
#ifndef LOCK_CHECK_NS
#define LOCK_CHECK_NS 10000000 /* how long to wait before asking the kernel about the holder */
#endif

#define LOCK_AT_ONCE 0

typedef enum {
    LOCK_TAKEN,
    LOCK_INHERITED, /* taken from a dead holder: repair what it guards before you use it */
    LOCK_BUSY,      /* somebody who lives has it, or may have */
} lock_answer;

/* Sleep until it is had, or until `deadline_ns` on the monotonic clock; LOCK_AT_ONCE: only spin a moment.
 * A holder that lives, even a stopped one, keeps it beyond any deadline. */
lock_answer lock_take_until(_Atomic uint32_t *word, const roster *r, uint64_t deadline_ns);
static inline lock_answer lock_take(_Atomic uint32_t *word, const roster *r, bool sleep)
{
    return lock_take_until(word, r, sleep ? UINT64_MAX : LOCK_AT_ONCE);
}
/* Never wait, but ask about the holder at once: BUSY only when it lives. */
lock_answer lock_try(_Atomic uint32_t *word, const roster *r);
void lock_release(_Atomic uint32_t *word);
/* Release it as the dead do: the next one inherits it, and must repair. */
void lock_abandon(_Atomic uint32_t *word);

#endif
