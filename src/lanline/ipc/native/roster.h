/* Who takes part in a named object, and the kernel's word on who is dead.
 *
 * Each participant holds a lock on one byte of the object's file, by an open file description of its
 * own (fcntl(2), "Open file description locks"). The kernel releases it when the participant dies,
 * however it dies, and not before: a stopped process keeps it, and a new process with the same pid
 * has never had it. What a participant holds is tagged with its place and the generation of that
 * place, so that whoever gets the place next is not mistaken for it.
 *
 * The door is one more such byte. It is held while somebody comes, leaves, makes or removes the file.
 */
#ifndef LANLINE_ROSTER_H
#define LANLINE_ROSTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "result.h"

#define ROSTER_PLACES 1024 /* place 0 is nobody's */
#define ROSTER_PLACE_BITS 10
#define ROSTER_TAG_MASK UINT32_C(0x7fffffff) /* the lock keeps its own flag in the top bit */

typedef struct {
    _Atomic uint32_t tag;        /* who has the place; 0: nobody */
    _Atomic uint32_t generation; /* how many have had it */
    _Atomic uint32_t held;       /* items taken and not yet done with, where nothing else says so */
    _Atomic uint32_t process;    /* for people to read; nothing is decided by it */
} roster_entry;

typedef struct {
    roster_entry entries[ROSTER_PLACES];
} roster_table;

typedef struct {
    roster_table *shared;
    int fd;
    uint32_t tag;
} roster;

/* Hold the door; OK, TIMED_OUT (deadline on the monotonic clock) or SYSTEM. */
result roster_enter_door(int fd, uint64_t deadline_ns);
void roster_leave_door(int fd);

/* Take a place; the door must be held. FULL: there is none. `inherited` says that whoever had the
 * place before died in it, so that things tagged as its may lie about. */
result roster_join(roster *r, bool *inherited);
/* Give the place back. Nothing may be tagged as ours any more. */
void roster_leave(roster *r);

/* Is the participant with this tag dead for certain? */
bool roster_dead(const roster *r, uint32_t tag);
/* Does anybody else take part? The door must be held, or the answer is old at once. */
bool roster_others(const roster *r);
/* A place whose participant is dead but has not been cleared: its tag, or 0. */
uint32_t roster_find_dead(const roster *r);
/* What the one with this tag, proven dead, held has been settled: its place is free. Whoever comes
 * meanwhile must be kept from holding anything (the lock that guards `held` must be held). */
void roster_clear(const roster *r, uint32_t tag);
/* How many live participants there are, ourselves included. */
uint32_t roster_count(const roster *r);
/* The process ids of the live participants of the file `fd`, whose table lies at `offset`, for
 * whoever does not take part; `processes` has room for ROSTER_PLACES. How many there are. */
uint32_t roster_processes(int fd, int64_t offset, uint32_t *processes);

static inline roster_entry *roster_of(const roster *r, uint32_t tag)
{
    return &r->shared->entries[tag & (ROSTER_PLACES - 1)];
}

#endif
