/* One participant of a queue, as the binding is one. */
#ifndef QUEUE_MEMBER_H
#define QUEUE_MEMBER_H

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bell.h"
#include "check.h"
#include "queue.h"

typedef struct {
    int fd; /* an open file description of its own, as every participant has */
    queue q;
} member;

/* A file without a name, which opened anew by this path has a description of its own. */
static int file;
static char path[64];

static void make(uint64_t bytes, uint32_t capacity, bool redeliver)
{
    file = memfd_create("queue", 0);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), file);
    CHECK(queue_make(file, bytes, capacity, redeliver) == RESULT_OK);
}

static void join(member *m)
{
    m->fd = open(path, O_RDWR);
    CHECK(m->fd >= 0);
    CHECK(roster_enter_door(m->fd, BELL_FOR_EVER) == RESULT_OK);
    CHECK(queue_open(&m->q, m->fd) == RESULT_OK);
    roster_leave_door(m->fd);
}

static bool leave(member *m)
{
    bool last, empty;
    CHECK(roster_enter_door(m->fd, BELL_FOR_EVER) == RESULT_OK);
    queue_close(&m->q, &last, &empty);
    close(m->fd); /* and with it the door */
    return last && empty;
}

static void finish(void) { close(file); }

static inline result put(member *m, const void *bytes, uint64_t size, uint32_t kind)
{
    CHECK(queue_take(&m->q, BELL_FOR_EVER) == RESULT_OK);
    result answer = queue_put(&m->q, bytes, size, kind);
    queue_release(&m->q);
    return answer;
}

static inline result get(member *m, void *bytes, queue_message *message)
{
    CHECK(queue_take(&m->q, BELL_FOR_EVER) == RESULT_OK);
    result answer = queue_first(&m->q, message);
    if (answer == RESULT_OK && (answer = queue_copy(&m->q, message, bytes)) == RESULT_OK)
        answer = queue_get(&m->q, message);
    queue_release(&m->q);
    return answer;
}

static inline result done(member *m, const queue_message *message, bool back)
{
    CHECK(queue_take(&m->q, BELL_FOR_EVER) == RESULT_OK);
    result answer = queue_done(&m->q, message->index, message->sequence, back);
    queue_release(&m->q);
    return answer;
}

#endif
