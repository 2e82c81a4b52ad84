#include "bell.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include "patience.h"

void bell_ring(int fd)
{
    /* Full: then it is ringing already. Gone: whoever needs to know finds out by bell_gone. */
    while (send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

/* Take in what is there; what the system answered. */
static bell_answer take(int fd, int flags)
{
    char rings[64];
    ssize_t count = recv(fd, rings, sizeof rings, flags);
    if (count > 0)
        return BELL_RANG;
    if (count == 0)
        return BELL_GONE;
    if (errno == EINTR)
        return BELL_INTERRUPTED;
    return errno == EAGAIN || errno == EWOULDBLOCK ? BELL_TIMED_OUT : BELL_GONE;
}

bell_answer bell_wait(int fd, uint64_t deadline_ns)
{
    if (deadline_ns == BELL_FOR_EVER) {
        bell_answer answer = take(fd, 0);
        if (answer != BELL_TIMED_OUT)
            return answer;
        /* The other side has made the descriptor non-blocking: wait all the same. */
    }
    for (;;) {
        struct timespec left = {0, 0};
        uint64_t now = clock_ns();
        if (deadline_ns != BELL_FOR_EVER && deadline_ns > now) {
            left.tv_sec = (time_t)((deadline_ns - now) / 1000000000u);
            left.tv_nsec = (long)((deadline_ns - now) % 1000000000u);
        }
        struct pollfd wait = {fd, POLLIN, 0};
        int ready = ppoll(&wait, 1, deadline_ns == BELL_FOR_EVER ? NULL : &left, NULL);
        if (ready == 0)
            return BELL_TIMED_OUT;
        if (ready < 0)
            return errno == EINTR ? BELL_INTERRUPTED : BELL_GONE;
        bell_answer answer = take(fd, MSG_DONTWAIT);
        if (answer != BELL_TIMED_OUT) /* else another thread took it in */
            return answer;
    }
}

bool bell_take(int fd)
{
    bell_answer answer;
    do
        answer = take(fd, MSG_DONTWAIT);
    while (answer == BELL_INTERRUPTED);
    return answer != BELL_GONE;
}

bool bell_gone(int fd)
{
    /* Not by reading: that would take the ring from another thread that sleeps on it. */
    struct pollfd look = {fd, POLLRDHUP, 0};
    return poll(&look, 1, 0) > 0;
}

bool bell_gone_lately(int fd, uint64_t *last)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    uint64_t tick = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    if (tick == *last)
        return false;
    *last = tick;
    return bell_gone(fd);
}
