/* Whoever sleeps at a semaphore is woken by a permit, by somebody who leaves it to it, and by a death;
 * not by a look of its own: asleep.h. */
#include "asleep.h"
#include "permits_member.h"

static void for_a_permit(void *of) { CHECK(take(of) != PERMITS_BUSY); }
static void for_a_dead_ones_permit(void *of) { CHECK(take_unaided(of) == PERMITS_INHERITED); }

static void for_a_permit_and_back(void *of)
{
    CHECK(take(of) == PERMITS_TAKEN);
    CHECK(permits_release(&((member *)of)->p));
}

/* Woken, it does not take what is there: a signal came, or its handle is closed. */
static void and_gives_up(void *of)
{
    member *m = of;
    permits_waiter w = {.deadline_ns = BELL_FOR_EVER};
    CHECK(permits_wait(&m->p, &w) == PERMITS_BUSY);
    permits_decline(&m->p);
}

/* `all` permits are held by the first; the others sleep, one after the other. */
typedef struct {
    member first, others[2];
    sleeper sleepers[2];
} crowd;

static void gather(crowd *c, uint32_t all, void (*one)(void *), void (*other)(void *))
{
    void (*const sleeps[])(void *) = {one, other};
    make(all);
    join(&c->first, all);
    for (uint32_t i = 0; i < all; i++)
        CHECK(take(&c->first) == PERMITS_TAKEN);
    for (int i = 0; i < 2; i++) {
        join(&c->others[i], all);
        c->sleepers[i] = (sleeper){.who = i ? "the second at a semaphore" : "the first at a semaphore",
                                   .sleep = sleeps[i], .of = &c->others[i]};
        fall_asleep_for(&c->sleepers[i]);
    }
}

static void all_wake(crowd *c)
{
    for (int i = 0; i < 2; i++)
        must_wake(&c->sleepers[i]);
    for (int i = 0; i < 2; i++)
        leave(&c->others[i]);
    leave(&c->first);
    finish();
}

static void one_permit_wakes_one_after_the_other(void)
{
    crowd c;
    gather(&c, 1, for_a_permit_and_back, for_a_permit_and_back);
    CHECK(permits_release(&c.first.p));
    all_wake(&c);
}

/* So soon after one another that the first is not awake to say that others sleep. */
static void two_permits_wake_two(void)
{
    for (int round = 0; round < 30; round++) {
        crowd c;
        gather(&c, 2, for_a_permit, for_a_permit);
        CHECK(permits_release(&c.first.p));
        CHECK(permits_release(&c.first.p));
        all_wake(&c);
    }
}

static void who_gives_up_wakes_the_next(void)
{
    crowd c;
    gather(&c, 1, and_gives_up, for_a_permit_and_back); /* who slept first is woken first: futex(2) */
    CHECK(permits_release(&c.first.p));
    all_wake(&c);
}

static void a_death_wakes_who_is_told_of_it(void)
{
    member dies, heir;
    make(1);
    join(&dies, 1);
    join(&heir, 1);
    CHECK(take(&dies) == PERMITS_TAKEN);
    watch(&heir);
    sleeper s = {.who = "the heir of a permit", .sleep = for_a_dead_ones_permit, .of = &heir};
    fall_asleep_for(&s);
    memory_unmap(dies.mapping, dies.size);
    close(dies.fd); /* all that the kernel does for the dead */
    must_wake(&s);
    unwatch(&heir);
    leave(&heir);
    finish();
}

#define TURNS 50000

static void many_turns(void *of)
{
    member *m = of;
    for (int turn = 0; turn < TURNS; turn++) {
        permits_answer answer = permits_wait(&m->p, &(permits_waiter){.deadline_ns = BELL_FOR_EVER});
        while (answer == PERMITS_BUSY)
            answer = permits_wait(&m->p, &(permits_waiter){.deadline_ns = BELL_FOR_EVER});
        CHECK(permits_release(&m->p));
    }
}

/* They meet at every moment of falling asleep and giving back. */
static void nobody_is_left_asleep_by_those_who_take_turns(void)
{
    member members[2];
    sleeper sleepers[2];
    make(1);
    for (int i = 0; i < 2; i++) {
        join(&members[i], 1);
        sleepers[i] = (sleeper){.who = "one of two who take turns", .sleep = many_turns,
                                .of = &members[i]};
        CHECK(pthread_create(&sleepers[i].thread, NULL, sleep_until_woken, &sleepers[i]) == 0);
    }
    for (int i = 0; i < 2; i++)
        must_wake(&sleepers[i]);
    for (int i = 0; i < 2; i++)
        leave(&members[i]);
    finish();
}

int main(void)
{
    RUN(one_permit_wakes_one_after_the_other);
    RUN(two_permits_wake_two);
    RUN(who_gives_up_wakes_the_next);
    RUN(a_death_wakes_who_is_told_of_it);
    RUN(nobody_is_left_asleep_by_those_who_take_turns);
    return 0;
}
