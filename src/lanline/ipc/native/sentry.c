#include "sentry.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "futex.h"

struct sentry_thread {
    uint32_t alarm; /* changes when somebody leaves or dies; of this process alone, so nobody is killed at it */
    int watch;
    int stop;
};

/* Those who have a thread, which a fork leaves behind. */
static sentry *standing;
static pthread_mutex_t standing_lock = PTHREAD_MUTEX_INITIALIZER;

static void dismiss(sentry_thread *t)
{
    if (t->watch >= 0)
        close(t->watch);
    if (t->stop >= 0)
        close(t->stop);
    free(t);
}

static void *stand(void *argument)
{
    sentry_thread *t = argument;
    char events[4096];
    struct pollfd waits[] = {{t->watch, POLLIN, 0}, {t->stop, POLLIN, 0}};
    while (!waits[1].revents) {
        if (poll(waits, 2, -1) < 0) {
            if (errno != EINTR)
                waits[0].fd = -1; /* no memory to wait for both: then for its end alone */
            waits[0].revents = waits[1].revents = 0;
            continue;
        }
        if (waits[0].revents && read(t->watch, events, sizeof events) > 0) {
            __atomic_fetch_add(&t->alarm, 1, __ATOMIC_SEQ_CST);
            futex_wake((_Atomic uint32_t *)&t->alarm, INT_MAX);
        }
    }
    eventfd_t told;
    eventfd_read(t->stop, &told); /* whoever let us go is through with it */
    dismiss(t);
    return NULL;
}

/* All signals are for the process's own threads. */
static bool start_thread(sentry_thread *t)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, stand, t) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

static sentry_thread *start(int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    sentry_thread *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    t->alarm = 0;
    t->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    t->stop = eventfd(0, EFD_CLOEXEC);
    if (t->watch >= 0 && t->stop >= 0 && inotify_add_watch(t->watch, path, IN_CLOSE_WRITE) >= 0
        && start_thread(t))
        return t;
    dismiss(t);
    return NULL;
}

static void before_fork(void) { pthread_mutex_lock(&standing_lock); }
static void in_parent(void) { pthread_mutex_unlock(&standing_lock); }

/* It has the descriptors and not the threads. */
static void in_child(void)
{
    for (sentry *s = standing; s; s = s->next) {
        dismiss(s->thread);
        s->thread = NULL;
        s->waits = 0;
    }
    standing = NULL;
    pthread_mutex_unlock(&standing_lock);
}

static void mind_forks(void) { pthread_atfork(before_fork, in_parent, in_child); }

static void enlist(sentry *s)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, mind_forks);
    pthread_mutex_lock(&standing_lock);
    s->next = standing;
    standing = s;
    pthread_mutex_unlock(&standing_lock);
}

static void discharge(sentry *s)
{
    pthread_mutex_lock(&standing_lock);
    sentry **at = &standing;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    pthread_mutex_unlock(&standing_lock);
}

void sentry_come(sentry *s, int fd, sentry_wait *w)
{
    w->asked = true;
    if (!s->thread) {
        s->thread = start(fd);
        if (!s->thread)
            return;
        enlist(s);
    }
    s->waits++;
    w->told_by = s->thread;
    w->alarm = __atomic_load_n(&s->thread->alarm, __ATOMIC_SEQ_CST);
    w->look_at = 0; /* somebody may have died before */
}

void sentry_go(sentry *s, sentry_wait *w)
{
    if (!w->told_by)
        return;
    w->told_by = NULL;
    if (--s->waits)
        return;
    discharge(s);
    eventfd_write(s->thread->stop, 1); /* it is the thread's own from here on */
    s->thread = NULL;
}

void sentry_begin(sentry_wait *w, uint64_t now, uint64_t first_ns)
{
    w->began = now;
    w->first_ns = w->look_ns = first_ns;
    w->look_at = now + first_ns;
}

bool sentry_is_wanted(const sentry_wait *w, uint64_t now)
{
    return !w->asked && w->began && now - w->began >= SENTRY_LOOK_MOST_NS
           && now - w->began >= w->first_ns;
}

static uint64_t most_of(const sentry_wait *w, uint64_t now)
{
    if (w->told_by)
        return SENTRY_LOOK_RARELY_NS;
    return now - w->began >= SENTRY_LOOK_MOST_NS ? SENTRY_LOOK_MOST_NS : SENTRY_LOOK_SOON_NS;
}

bool sentry_is_time(sentry_wait *w, uint64_t now)
{
    uint32_t alarm = w->told_by ? __atomic_load_n(&w->told_by->alarm, __ATOMIC_SEQ_CST) : w->alarm;
    if (w->alarm != alarm) {
        w->alarm = alarm;
        w->look_ns = SENTRY_LOOK_AGAIN_NS;
    } else if (now >= w->look_at) {
        uint64_t most = most_of(w, now);
        w->look_ns = w->look_ns * 2 < most ? w->look_ns * 2 : most;
    } else {
        return false;
    }
    w->look_at = now + w->look_ns;
    return true;
}

void sentry_sleep(const sentry_wait *w, _Atomic uint32_t *word, uint32_t expected, uint64_t now,
                  uint64_t deadline_ns)
{
    uint64_t until = w->look_at < deadline_ns ? w->look_at : deadline_ns;
    if (until <= now)
        return;
    if (w->told_by) {
        futex_one ones[] = {futex_expect(word, expected),
                            futex_expect((_Atomic uint32_t *)&w->told_by->alarm, w->alarm)};
        if (futex_wait_any(ones, 2, until))
            return;
    }
    /* On the one word alone it would not hear of an alarm. */
    uint64_t most = until - now;
    if (w->told_by && most > SENTRY_LOOK_MOST_NS)
        most = SENTRY_LOOK_MOST_NS;
    futex_wait(word, expected, most);
}
