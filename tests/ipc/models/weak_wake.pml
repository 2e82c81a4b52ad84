/* The handshake of who sleeps and who wakes under weak memory (ring.h "Memory order", weak.inc): nobody
 * sleeps while what it waits for is there.
 *
 * It is the same one at the ring (tail or head, and the flags), at a value and a broadcast (version or tail,
 * and `asleep`) and at the permits (a permit, and `asleep`). The kernel's own comparison sees the last store,
 * as futex(2) promises. Who sleeps sleeps until it is woken: no naps, no look-ups, no deaths (wake.pml).
 *
 *   here                   there
 *   sleeper: FLAG, COME    ring_reader_asleep: fetch_or, then ring_see_tail
 *   sleeper: the kernel    futex_wait compares and falls asleep in one step
 *   bringer: COME, FLAG    ring_publish: store; ring_wake: load, fetch_and, futex_wake
 *
 * mutation COME_STORED_RELEASE: what is waited for is stored with release only
 * mutation COME_LOADED_ACQUIRE: the second look is an acquire only
 * mutation FLAG_SET_ACQ_REL: the flag is set with acquire and release only
 * mutation FLAG_LOADED_ACQUIRE: the flag is looked at with acquire only
 */
#define WORDS 2
#define STORES 16
#define THREADS 2
#define MESSAGES 2
#include "weak.inc"

#define COME 0
#define FLAG 1

#ifdef COME_STORED_RELEASE
#define COME_STORE RELEASE
#else
#define COME_STORE SEQ_CST
#endif
#ifdef COME_LOADED_ACQUIRE
#define COME_LOAD ACQUIRE
#else
#define COME_LOAD SEQ_CST
#endif
#ifdef FLAG_SET_ACQ_REL
#define FLAG_SET RELEASE
#else
#define FLAG_SET SEQ_CST
#endif
#ifdef FLAG_LOADED_ACQUIRE
#define FLAG_LOAD ACQUIRE
#else
#define FLAG_LOAD SEQ_CST
#endif

bool asleep; /* in the kernel */

proctype bringer()
{
    byte number, flag, was, each, which;
    do
    :: number == MESSAGES -> break
    :: else ->
        number++;
        store(0, COME, COME_STORE, number);
        load(0, FLAG, FLAG_LOAD, flag);
        if
        :: flag ->
            rmw(0, FLAG, SEQ_CST, was, 0);
            asleep = false
        :: else
        fi
    od
}

proctype sleeper()
{
    byte number, come, was, each, which;
    do
    :: number == MESSAGES -> break
    :: else ->
        load(1, COME, ACQUIRE, come);
        if
        :: come > number -> number++
        :: else ->
            rmw(1, FLAG, FLAG_SET, was, 1);
            load(1, COME, COME_LOAD, come);
            if
            :: come > number
            :: else ->
                atomic { asleep = word[FLAG].at[word[FLAG].last].value };
                !asleep
            fi;
            rmw(1, FLAG, SEQ_CST, was, 0)
        fi
    od
}

init { atomic { run bringer(); run sleeper() } }
