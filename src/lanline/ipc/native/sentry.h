/* Told when somebody of a named thing leaves or dies, without asking again and again.
 *
 * When a process dies, however it dies, the kernel closes its descriptors, and inotify(7) tells of a file
 * that was open for writing and is closed. Nobody can sleep on a word and on a descriptor at once, so a
 * thread sleeps on the descriptor, changes a word of this process, and wakes those who sleep on that
 * word beside the shared one (futex_waitv(2)). It sleeps while nobody comes or goes.
 *
 * It is a hint and proves nothing: the kernel tells of the closing a moment before it releases the
 * lock that is the proof (roster.h). Whoever is woken looks at once, and again a little later.
 *
 * A sentry costs two calls and a thread to begin, and the kernel takes 10 to 25 ms to close what inotify
 * opened. So whoever waits looks up by itself for a moment (SENTRY_LOOK_NS), has one only if it waits for
 * longer, and lets the thread do the closing. One look in ten seconds is left, for one that a
 * debugger freezes between its waking and its looking.
 */
#ifndef LANLINE_SENTRY_H
#define LANLINE_SENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lock.h"

/* Looks while it is soon to have a sentry, or where the system refuses one: the first, the later ones. */
#define SENTRY_LOOK_NS LOCK_CHECK_NS
#define SENTRY_LOOK_SOON_NS (LOCK_CHECK_NS * 2)
#define SENTRY_LOOK_MOST_NS (LOCK_CHECK_NS * 10) /* and whoever has waited for so long has one */
/* With a sentry: after it told of somebody's leaving, and the last. */
#define SENTRY_LOOK_AGAIN_NS (LOCK_CHECK_NS / 10)
#ifndef SENTRY_LOOK_RARELY_NS
#define SENTRY_LOOK_RARELY_NS (UINT64_C(1000) * LOCK_CHECK_NS)
#endif

typedef struct sentry_thread sentry_thread;

/* Of one participant; zero at first. Its threads share the thread that stands while any of them waits long. */
typedef struct sentry {
    sentry_thread *thread;
    uint32_t waits; /* that want it */
    struct sentry *next;
} sentry;

/* One wait of one thread; zero at first. */
typedef struct {
    uint64_t began, first_ns, look_ns, look_at;
    sentry_thread *told_by; /* NULL: it has to look up by itself */
    uint32_t alarm;         /* as it was when this wait last looked */
    bool asked;             /* it has a sentry, or was refused one */
} sentry_wait;

/* The wait begins (again), and looks up for the first time after `first_ns`. */
void sentry_begin(sentry_wait *w, uint64_t now, uint64_t first_ns);
/* Is it time to look who died? */
bool sentry_is_time(sentry_wait *w, uint64_t now);
/* Sleep while the word is as expected: until somebody leaves or dies, the next look, or `deadline_ns`. */
void sentry_sleep(const sentry_wait *w, _Atomic uint32_t *word, uint32_t expected, uint64_t now,
                  uint64_t deadline_ns);

/* Has it waited for so long that a sentry is worth it? Then sentry_come; once. */
bool sentry_is_wanted(const sentry_wait *w, uint64_t now);
/* Be told of everybody who closes the file behind `fd`, from the next look on, until sentry_go. It may be
 * refused: the system lets this user watch no more files, or start no more threads. One thread of a
 * participant at a time calls these two. The child of a fork has none. */
void sentry_come(sentry *s, int fd, sentry_wait *w);
void sentry_go(sentry *s, sentry_wait *w);

#endif
