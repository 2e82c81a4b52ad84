#include "sentry.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "futex.h"

static void *stand(void *argument)
{
    const sentry *s = argument;
    char events[4096];
    for (;;) {
        struct pollfd waits[] = {{s->watch, POLLIN, 0}, {s->stop, POLLIN, 0}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (waits[1].revents)
            return NULL;
        if (waits[0].revents && read(s->watch, events, sizeof events) > 0) {
            __atomic_fetch_add(s->alarm, 1, __ATOMIC_SEQ_CST);
            futex_wake((_Atomic uint32_t *)s->alarm, INT_MAX);
        }
    }
}

/* All signals are for the process's own threads. */
static bool start_thread(sentry *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&s->thread, NULL, stand, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

bool sentry_start(sentry *s, int fd, uint32_t *alarm)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    s->alarm = alarm;
    s->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    s->stop = eventfd(0, EFD_CLOEXEC);
    if (s->watch >= 0 && s->stop >= 0 && inotify_add_watch(s->watch, path, IN_CLOSE_WRITE) >= 0
        && start_thread(s))
        return true;
    sentry_forget(s);
    return false;
}

void sentry_stop(sentry *s)
{
    eventfd_write(s->stop, 1);
    pthread_join(s->thread, NULL);
    sentry_forget(s);
}

void sentry_forget(sentry *s)
{
    if (s->watch >= 0)
        close(s->watch);
    if (s->stop >= 0)
        close(s->stop);
    s->watch = s->stop = -1;
}
