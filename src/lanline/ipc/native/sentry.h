/* Told when somebody of a named thing leaves or dies, without asking again and again.
 *
 * When a process dies, however it dies, the kernel closes its descriptors, and inotify(7) tells of a file
 * that was open for writing and is closed. Nobody can sleep on a word and on a descriptor at once, so a
 * thread sleeps on the descriptor, changes a word of this process, and wakes those who sleep on that
 * word beside the shared one. It sleeps while nobody comes or goes.
 *
 * It is a hint and proves nothing: the kernel tells of the closing a moment before it releases the
 * lock that is the proof (roster.h). Whoever is woken looks at once, and again a little later.
 */
#ifndef LANLINE_SENTRY_H
#define LANLINE_SENTRY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    pthread_t thread;
    uint32_t *alarm;
    int watch;
    int stop;
} sentry;

/* Change `alarm` and wake its sleepers whenever somebody closes the file behind `fd`. False: the
 * system lets this user watch no more files, or start no more threads. */
bool sentry_start(sentry *s, int fd, uint32_t *alarm);
void sentry_stop(sentry *s);
/* In the child of a fork, which has the descriptors and not the thread. */
void sentry_forget(sentry *s);

#endif
