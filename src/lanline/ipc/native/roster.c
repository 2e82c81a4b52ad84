#include "roster.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "killpoint.h"
#include "patience.h"

/* Far behind the end of any file, so that nobody who locks the contents meets our locks. */
#define DOOR (INT64_C(1) << 40)

static int byte_lock(int fd, int command, short type, int64_t first, int64_t count,
                     struct flock *answer)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
    int failed;
    do
        failed = fcntl(fd, command, &lock);
    while (failed && errno == EINTR);
    if (answer)
        *answer = lock;
    return failed;
}

/* Does another open file description hold one of these bytes? */
static bool held_by_another(int fd, int64_t first, int64_t count)
{
    struct flock answer;
    /* An answer that cannot be had is no proof of death. */
    return byte_lock(fd, F_OFD_GETLK, F_WRLCK, first, count, &answer) || answer.l_type != F_UNLCK;
}

result roster_enter_door(int fd, uint64_t deadline_ns)
{
    while (byte_lock(fd, F_OFD_SETLK, F_WRLCK, DOOR, 1, NULL)) {
        if (errno != EAGAIN && errno != EACCES)
            return RESULT_SYSTEM;
        if (clock_ns() >= deadline_ns)
            return RESULT_TIMED_OUT;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return RESULT_OK;
}

void roster_leave_door(int fd)
{
    byte_lock(fd, F_OFD_SETLK, F_UNLCK, DOOR, 1, NULL);
}

result roster_join(roster *r, bool *inherited)
{
    for (uint32_t place = 1; place < ROSTER_PLACES; place++) {
        if (byte_lock(r->fd, F_OFD_SETLK, F_WRLCK, DOOR + place, 1, NULL)) {
            if (errno == EAGAIN || errno == EACCES)
                continue;
            return RESULT_SYSTEM;
        }
        roster_entry *entry = &r->shared->entries[place];
        *inherited = atomic_load(&entry->tag) != 0;
        uint32_t generation = atomic_fetch_add(&entry->generation, 1) + 1;
        KILL_POINT();
        r->tag = (generation << ROSTER_PLACE_BITS | place) & ROSTER_TAG_MASK;
        atomic_store(&entry->held, 0);
        KILL_POINT();
        atomic_store(&entry->process, (uint32_t)getpid());
        KILL_POINT();
        /* From here on everything tagged for the one before is a dead one's. */
        atomic_store(&entry->tag, r->tag);
        KILL_POINT();
        return RESULT_OK;
    }
    return RESULT_FULL;
}

void roster_leave(roster *r)
{
    uint32_t place = r->tag & (ROSTER_PLACES - 1);
    atomic_store(&roster_of(r, r->tag)->tag, 0);
    KILL_POINT();
    byte_lock(r->fd, F_OFD_SETLK, F_UNLCK, DOOR + place, 1, NULL);
    r->tag = 0;
}

bool roster_dead(const roster *r, uint32_t tag)
{
    if (tag == r->tag)
        return false;
    uint32_t place = tag & (ROSTER_PLACES - 1);
    if (place == 0)
        return true; /* nobody */
    if (atomic_load(&r->shared->entries[place].tag) != tag)
        return true; /* the place is free or another's */
    return !held_by_another(r->fd, DOOR + place, 1);
}

bool roster_others(const roster *r)
{
    return held_by_another(r->fd, DOOR + 1, ROSTER_PLACES - 1);
}

void roster_clear(const roster *r, uint32_t tag)
{
    roster_entry *entry = roster_of(r, tag);
    atomic_store(&entry->held, 0);
    KILL_POINT();
    /* Only the dead one's: somebody may have taken the place since it was looked at. */
    if (atomic_compare_exchange_strong(&entry->tag, &tag, 0))
        KILL_POINT();
}

uint32_t roster_find_dead(const roster *r)
{
    for (uint32_t place = 1; place < ROSTER_PLACES; place++) {
        uint32_t tag = atomic_load(&r->shared->entries[place].tag) & ROSTER_TAG_MASK;
        if (tag && (tag & (ROSTER_PLACES - 1)) == place && roster_dead(r, tag))
            return tag;
    }
    return 0;
}

uint32_t roster_count(const roster *r)
{
    uint32_t count = 0;
    for (uint32_t place = 1; place < ROSTER_PLACES; place++) {
        uint32_t tag = atomic_load(&r->shared->entries[place].tag);
        count += tag && !roster_dead(r, tag);
    }
    return count;
}

uint32_t roster_processes(int fd, int64_t offset, uint32_t *processes)
{
    roster_table seen;
    if (pread(fd, &seen, sizeof seen, (off_t)offset) != (ssize_t)sizeof seen)
        return 0;
    roster r = {.shared = &seen, .fd = fd};
    uint32_t count = 0;
    for (uint32_t place = 1; place < ROSTER_PLACES; place++) {
        uint32_t tag = atomic_load(&seen.entries[place].tag) & ROSTER_TAG_MASK;
        if (tag && (tag & (ROSTER_PLACES - 1)) == place && !roster_dead(&r, tag))
            processes[count++] = atomic_load(&seen.entries[place].process);
    }
    return count;
}
