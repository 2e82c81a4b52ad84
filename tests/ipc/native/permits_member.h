/* One participant of a semaphore, as the binding is one. */
#ifndef PERMITS_MEMBER_H
#define PERMITS_MEMBER_H

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bell.h"
#include "check.h"
#include "permits.h"

typedef struct {
    int fd; /* an open file description of its own, as every participant has */
    roster members;
    permits p;
    size_t size;
    void *mapping;
    sentry_wait told; /* by a sentry, from `watch` on */
} member;

/* A file without a name, which opened anew by this path has a description of its own. */
static int file;
static char path[64];

static void make(uint32_t count)
{
    file = memfd_create("permits", 0);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), file);
    CHECK(ftruncate(file, (off_t)(sizeof(roster_table) + permits_size(count))) == 0);
}

static void finish(void) { close(file); }

static void join(member *m, uint32_t count)
{
    bool inherited;
    m->fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(m->fd >= 0);
    m->size = sizeof(roster_table) + permits_size(count);
    m->mapping = memory_map_apart(m->fd, 0, m->size);
    CHECK(m->mapping);
    m->members = (roster){.shared = m->mapping, .fd = m->fd};
    CHECK(roster_enter_door(m->fd, BELL_FOR_EVER) == RESULT_OK);
    CHECK(roster_join(&m->members, &inherited) == RESULT_OK);
    permits_open(&m->p, (permits_shared *)((char *)m->mapping + sizeof(roster_table)), &m->members,
                 count);
    roster_leave_door(m->fd);
}

static void leave(member *m)
{
    permits_close(&m->p);
    CHECK(roster_enter_door(m->fd, BELL_FOR_EVER) == RESULT_OK);
    roster_leave(&m->members);
    close(m->fd); /* and with it the door */
    memory_unmap(m->mapping, m->size);
}

static permits_answer take_until(member *m, uint64_t deadline_ns)
{
    permits_waiter w = {.deadline_ns = deadline_ns};
    patience_start(&w.patience);
    permits_answer answer;
    do
        answer = permits_wait(&m->p, &w);
    while (answer == PERMITS_BUSY && !w.over);
    return answer;
}

static inline void watch(member *m)
{
    m->told = (sentry_wait){0};
    sentry_come(&m->p.sentry, m->fd, &m->told);
    CHECK(m->told.told_by);
}

static inline void unwatch(member *m) { sentry_go(&m->p.sentry, &m->told); }

/* One wait with a sentry and no look by time (SENTRY_LOOK_RARELY_NS is ten minutes here), so that a
 * wake-up that is lost is a test that stands still. */
static inline permits_waiter unaided(const member *m)
{
    permits_waiter w = {.deadline_ns = BELL_FOR_EVER, .spun = true, .wait = m->told};
    CHECK(m->told.told_by);
    sentry_begin(&w.wait, clock_ns(), SENTRY_LOOK_RARELY_NS);
    return w;
}

static inline permits_answer take_unaided(member *m)
{
    permits_waiter w = unaided(m);
    permits_answer answer;
    do
        answer = permits_wait(&m->p, &w);
    while (answer == PERMITS_BUSY);
    return answer;
}

static permits_answer take(member *m) { return take_until(m, BELL_FOR_EVER); }

static inline uint32_t count_of(const member *m, permit_state state)
{
    uint32_t count = 0, process;
    for (uint32_t index = 0; index < m->p.count; index++)
        count += permits_look(&m->p, index, &process) == state;
    return count;
}

#endif
