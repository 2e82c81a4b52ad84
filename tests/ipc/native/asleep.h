/* Threads that sleep until somebody wakes them, and a test that says when one sleeps for ever.
 *
 * scripts/native-test builds the tests that use this with an hour for every look by time, which
 * elsewhere ends a sleep that nobody has ended: here a wake-up that is lost stays lost. */
#ifndef ASLEEP_H
#define ASLEEP_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "patience.h"

#define FOR_EVER_NS UINT64_C(20000000000)

typedef struct {
    const char *who;
    void (*sleep)(void *of); /* returns when it has what it waits for */
    void *of;
    pthread_t thread;
    _Atomic long id;
    _Atomic bool woke;
} sleeper;

static void *sleep_until_woken(void *argument)
{
    sleeper *s = argument;
    atomic_store(&s->id, syscall(SYS_gettid));
    s->sleep(s->of);
    atomic_store(&s->woke, true);
    return NULL;
}

/* Is the thread asleep in the kernel? proc(5), "stat". */
static bool is_asleep(long id)
{
    char path[64], text[128] = "";
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", id);
    FILE *file = fopen(path, "r");
    CHECK(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    const char *name_end = length ? strrchr(text, ')') : NULL;
    return name_end && name_end[2] == 'S';
}

/* Returns when it sleeps in the kernel, and not before. */
static inline void fall_asleep_for(sleeper *s)
{
    atomic_store(&s->id, 0);
    atomic_store(&s->woke, false);
    CHECK(pthread_create(&s->thread, NULL, sleep_until_woken, s) == 0);
    /* Seen asleep twice, and meanwhile for longer than it spins. */
    for (int seen = 0; seen < 2;) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
        CHECK(!atomic_load(&s->woke));
        seen = atomic_load(&s->id) && is_asleep(atomic_load(&s->id)) ? seen + 1 : 0;
    }
}

static inline void must_wake(sleeper *s)
{
    uint64_t until = clock_ns() + FOR_EVER_NS;
    while (!atomic_load(&s->woke)) {
        if (clock_ns() >= until) {
            fprintf(stderr, "asleep for ever: %s\n", s->who);
            abort();
        }
        nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    pthread_join(s->thread, NULL);
}

#endif
