#include "permits.h"

#include "killpoint.h"
#include "turn.h"
#include "watch.h"

#define GLANCES 16 /* between two looks at the clock */

size_t permits_size(uint32_t count)
{
    return sizeof(permits_shared) + count * sizeof(uint32_t);
}

uint32_t permits_count(size_t size)
{
    size_t least = permits_size(1);
    bool possible = size >= least && size <= permits_size(PERMITS_MOST)
                    && (size - least) % sizeof(uint32_t) == 0;
    return possible ? (uint32_t)((size - least) / sizeof(uint32_t)) + 1 : 0;
}

static uint32_t process_of(const permits *p, uint32_t tag)
{
    const roster_entry *entry = roster_of(p->members, tag);
    return atomic_load(&entry->tag) == tag ? atomic_load(&entry->process) : 0;
}

/* Is it nobody's tag any more, which needs no system call to know? */
static bool is_nobodys(const permits *p, uint32_t tag)
{
    return tag == LOCK_ABANDONED || atomic_load(&roster_of(p->members, tag)->tag) != tag;
}

/* Change one permit from what was seen; whether nobody was quicker. */
static bool change(permits *p, uint32_t index, uint32_t seen, uint32_t to)
{
    bool ours = atomic_compare_exchange_strong(&p->shared->permit[index], &seen, to);
    if (ours)
        KILL_POINT();
    return ours;
}

static uint32_t hint(const permits *p)
{
    return __atomic_load_n(&p->hint, __ATOMIC_RELAXED);
}

static void remember(permits *p, uint32_t index)
{
    __atomic_store_n(&p->hint, index, __ATOMIC_RELAXED);
}

void permits_open(permits *p, permits_shared *shared, roster *members, uint32_t count)
{
    *p = (permits){.shared = shared, .members = members, .count = count};
    /* Everybody begins elsewhere, so that fewer meet. */
    remember(p, (members->tag & (ROSTER_PLACES - 1)) % count);
    for (uint32_t index = 0; index < count; index++) {
        uint32_t seen = atomic_load(&shared->permit[index]);
        if (seen && is_nobodys(p, seen))
            change(p, index, seen, LOCK_ABANDONED);
    }
}

void permits_close(permits *p)
{
    /* Not for as long as a hostile one puts our tag back. */
    for (uint32_t left = p->count; left && permits_abandon(p); left--) {
    }
}

permits_answer permits_try(permits *p, uint32_t *dead)
{
    uint32_t index = hint(p);
    for (uint32_t left = p->count; left; left--) {
        uint32_t seen = atomic_load(&p->shared->permit[index]);
        if ((seen == 0 || seen == LOCK_ABANDONED) && change(p, index, seen, p->members->tag)) {
            remember(p, index);
            *dead = 0;
            return seen ? PERMITS_INHERITED : PERMITS_TAKEN;
        }
        index = index + 1 < p->count ? index + 1 : 0;
    }
    return PERMITS_BUSY;
}

permits_answer permits_try_all(permits *p, uint32_t *dead)
{
    permits_answer answer = permits_try(p, dead);
    uint32_t lives = p->members->tag;
    for (uint32_t index = 0; answer == PERMITS_BUSY && index < p->count; index++) {
        uint32_t seen = atomic_load(&p->shared->permit[index]);
        if (seen == lives || seen == p->members->tag)
            continue;
        if (seen && !roster_dead(p->members, seen)) {
            lives = seen;
            continue;
        }
        *dead = seen ? process_of(p, seen) : 0;
        if (change(p, index, seen, p->members->tag)) {
            remember(p, index);
            answer = seen ? PERMITS_INHERITED : PERMITS_TAKEN;
        }
    }
    return answer;
}

/* Who slept, or had asked to be rung. */
static uint32_t wake_one(permits *p)
{
    /* Sequentially consistent, as the permit's change before it and the sleeper's store and look
     * are: either the sleeper sees the permit, or we see that it sleeps. */
    if (!atomic_load(&p->shared->asleep))
        return 0;
    uint32_t who = atomic_exchange(&p->shared->asleep, 0);
    KILL_POINT();
    if (who & ASLEEP_ON_WORD)
        turn_wake(&p->shared->turn, 1);
    if (who & ASLEEP_ON_FILE)
        watch_ring(p->members->fd);
    return who;
}

/* Whoever has slept, and has taken one, wakes the next if there is more to take. */
static void pass_on(permits *p)
{
    for (uint32_t index = 0; index < p->count; index++) {
        uint32_t seen = atomic_load(&p->shared->permit[index]);
        if (seen == 0 || seen == LOCK_ABANDONED) {
            wake_one(p);
            return;
        }
    }
}

/* Say that somebody sleeps; the turn to sleep on. Look once more after it, before sleeping. */
static uint32_t fall_asleep(permits *p, bool overdue)
{
    uint32_t turn = atomic_load(&p->shared->turn);
    atomic_fetch_or(&p->shared->asleep, ASLEEP_ON_WORD | (overdue ? ASLEEP_OVERDUE : 0));
    KILL_POINT();
    return turn;
}

void permits_asleep_on_file(permits *p, bool overdue)
{
    atomic_fetch_or(&p->shared->asleep, ASLEEP_ON_FILE | (overdue ? ASLEEP_OVERDUE : 0));
    KILL_POINT();
}

void permits_decline(permits *p)
{
    fall_asleep(p, false);
    pass_on(p);
}

void permits_wake_all(permits *p)
{
    turn_wake(&p->shared->turn, TURN_ALL);
}

bool permits_must_give_way(permits *p)
{
    uint64_t until = __atomic_load_n(&p->way_until, __ATOMIC_RELAXED);
    if (!until)
        return false;
    uint32_t left = atomic_load(&p->shared->permit[hint(p)]);
    if ((left == 0 || left == LOCK_ABANDONED) && clock_ns() < until)
        return true;
    __atomic_store_n(&p->way_until, 0, __ATOMIC_RELAXED);
    return false;
}

void permits_give_way(permits *p)
{
    while (permits_must_give_way(p))
        nanosleep(&(struct timespec){0, PERMITS_WAY_LOOK_US * 1000}, NULL);
}

static permits_answer spin(permits *p, permits_waiter *w)
{
    uint64_t budget = patience_budget(&w->patience);
    if (!budget)
        return PERMITS_BUSY;
    uint64_t began = clock_ns(), took = 0;
    permits_answer answer = PERMITS_BUSY;
    while (answer == PERMITS_BUSY && took < budget) {
        for (int glance = 0; answer == PERMITS_BUSY && glance < GLANCES; glance++) {
            processor_relax();
            answer = permits_try(p, &w->dead);
        }
        took = clock_ns() - began;
    }
    patience_learn(&w->patience, took, answer != PERMITS_BUSY);
    return answer;
}

permits_answer permits_wait(permits *p, permits_waiter *w)
{
    permits_answer answer = PERMITS_BUSY;
    if (!w->spun) {
        w->spun = true;
        sentry_begin(&w->wait, clock_ns(), SENTRY_LOOK_NS);
        answer = spin(p, w);
        if (answer != PERMITS_BUSY)
            return answer;
    }
    uint64_t now = clock_ns();
    uint32_t turn = fall_asleep(p, now - w->wait.began >= PERMITS_OVERDUE_NS);
    bool look = sentry_is_time(&w->wait, now) || now >= w->deadline_ns;
    answer = look ? permits_try_all(p, &w->dead) : permits_try(p, &w->dead);
    if (answer != PERMITS_BUSY) {
        pass_on(p);
        return answer;
    }
    w->over = now >= w->deadline_ns;
    if (!w->over)
        sentry_sleep(&w->wait, &p->shared->turn, turn, now, w->deadline_ns);
    return PERMITS_BUSY;
}

/* Change one of our own permits, the last one taken first. */
static bool give_back(permits *p, uint32_t to)
{
    uint32_t index = hint(p), ours = p->members->tag;
    for (uint32_t left = p->count; left; left--) {
        if (atomic_load_explicit(&p->shared->permit[index], memory_order_relaxed) == ours
            && change(p, index, ours, to)) {
            remember(p, index);
            if (wake_one(p) & ASLEEP_OVERDUE)
                __atomic_store_n(&p->way_until, clock_ns() + PERMITS_WAY_NS, __ATOMIC_RELAXED);
            return true;
        }
        index = index ? index - 1 : p->count - 1;
    }
    return false;
}

bool permits_release(permits *p)
{
    return give_back(p, 0);
}

bool permits_abandon(permits *p)
{
    return give_back(p, LOCK_ABANDONED);
}

permit_state permits_look(const permits *p, uint32_t index, uint32_t *process)
{
    uint32_t seen = atomic_load(&p->shared->permit[index]);
    *process = seen ? process_of(p, seen) : 0;
    if (!seen)
        return PERMIT_FREE;
    return roster_dead(p->members, seen) ? PERMIT_DEAD : PERMIT_HELD;
}
