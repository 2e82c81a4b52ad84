/* Permits: never more holders than permits, nobody left asleep, and only the dead are inherited from. */
#include <pthread.h>

#include "permits_member.h"

static void there_are_as_many_as_were_made(void)
{
    make(3);
    member one, other;
    uint32_t dead;
    join(&one, 3);
    join(&other, 3);
    CHECK(permits_try(&one.p, &dead) == PERMITS_TAKEN);
    CHECK(permits_try(&other.p, &dead) == PERMITS_TAKEN);
    CHECK(permits_try(&one.p, &dead) == PERMITS_TAKEN);
    CHECK(permits_try(&other.p, &dead) == PERMITS_BUSY);
    CHECK(permits_try_all(&other.p, &dead) == PERMITS_BUSY);
    CHECK(count_of(&one, PERMIT_HELD) == 3);
    CHECK(permits_release(&other.p));
    CHECK(!permits_release(&other.p)); /* the others are not its own */
    CHECK(permits_try(&other.p, &dead) == PERMITS_TAKEN);
    CHECK(permits_release(&one.p) && permits_release(&one.p) && !permits_release(&one.p));
    CHECK(permits_release(&other.p));
    CHECK(count_of(&one, PERMIT_FREE) == 3);
    leave(&one);
    leave(&other);
    finish();
}

static void a_wait_ends_at_its_deadline(void)
{
    make(1);
    member one, other;
    join(&one, 1);
    join(&other, 1);
    CHECK(take(&one) == PERMITS_TAKEN);
    uint64_t began = clock_ns();
    CHECK(take_until(&other, began + 20000000) == PERMITS_BUSY);
    CHECK(clock_ns() - began >= 20000000);
    CHECK(permits_release(&one.p));
    CHECK(take_until(&other, 1) == PERMITS_TAKEN); /* over, but there to be had */
    leave(&one);
    leave(&other);
    finish();
}

static void whoever_leaves_with_permits_counts_as_dead(void)
{
    make(2);
    member one, other;
    uint32_t dead;
    join(&one, 2);
    join(&other, 2);
    CHECK(take(&one) == PERMITS_TAKEN && take(&one) == PERMITS_TAKEN);
    leave(&one);
    CHECK(count_of(&other, PERMIT_DEAD) == 2);
    CHECK(permits_try(&other.p, &dead) == PERMITS_INHERITED);
    CHECK(permits_try(&other.p, &dead) == PERMITS_INHERITED);
    CHECK(permits_release(&other.p) && permits_release(&other.p));
    CHECK(permits_try(&other.p, &dead) == PERMITS_TAKEN); /* told once */
    leave(&other);
    finish();
}

static void a_size_that_is_no_semaphores_is_refused(void)
{
    CHECK(permits_count(permits_size(1)) == 1);
    CHECK(permits_count(permits_size(PERMITS_MOST)) == PERMITS_MOST);
    CHECK(permits_count(permits_size(0)) == 0);
    CHECK(permits_count(0) == 0);
    CHECK(permits_count(permits_size(5) + 1) == 0);
    CHECK(permits_count(permits_size(PERMITS_MOST + 1)) == 0);
}

static void words_that_nobody_would_write_are_taken_over(void)
{
    uint32_t words[] = {1, ROSTER_PLACES - 1, UINT32_MAX, LOCK_AWAITED, 0x7fffffff};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        make(1);
        member m;
        uint32_t dead;
        join(&m, 1);
        atomic_store(&m.p.shared->permit[0], words[i]);
        CHECK(permits_try_all(&m.p, &dead) == PERMITS_INHERITED && dead == 0);
        CHECK(permits_release(&m.p));
        leave(&m);
        finish();
    }
}

#define THREADS 4
#define ROUNDS 3000
static _Atomic int inside;
static int guarded; /* by a single permit; the thread sanitizer sees whether it is */
static uint32_t permits_made;
static pthread_barrier_t all_here;

static void *worker(void *shared_handle)
{
    member own, *m = shared_handle;
    if (!m) {
        join(m = &own, permits_made);
        watch(m);
    }
    pthread_barrier_wait(&all_here);
    for (int round = 0; round < ROUNDS; round++) {
        CHECK(take_unaided(m) == PERMITS_TAKEN);
        CHECK(atomic_fetch_add(&inside, 1) < (int)permits_made);
        if (permits_made == 1)
            guarded++;
        atomic_fetch_sub(&inside, 1);
        CHECK(permits_release(&m->p));
    }
    pthread_barrier_wait(&all_here); /* nobody's leaving wakes those who wait */
    if (m == &own) {
        unwatch(m);
        leave(m);
    }
    return NULL;
}

static void run(uint32_t count, bool share)
{
    permits_made = count;
    guarded = 0;
    make(count);
    member m;
    join(&m, count);
    watch(&m);
    pthread_t threads[THREADS];
    CHECK(pthread_barrier_init(&all_here, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, worker, share ? &m : NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all_here);
    unwatch(&m);
    CHECK(count_of(&m, PERMIT_FREE) == count);
    if (count == 1)
        CHECK(guarded == THREADS * ROUNDS);
    leave(&m);
    finish();
}

static void one_permit_keeps_others_out(void) { run(1, false); }
static void two_permits_let_two_in(void) { run(2, false); }
static void threads_share_a_handle(void)
{
    run(1, true);
    run(2, true);
}

static void *sleeper(void *argument)
{
    member *m = argument;
    CHECK(take_unaided(m) == PERMITS_TAKEN);
    return NULL;
}

static void each_permit_that_is_freed_wakes_one_more(void)
{
    make(THREADS);
    member m, sleepers[THREADS];
    pthread_t threads[THREADS];
    join(&m, THREADS);
    for (int i = 0; i < THREADS; i++)
        CHECK(take(&m) == PERMITS_TAKEN);
    for (int i = 0; i < THREADS; i++) {
        join(&sleepers[i], THREADS);
        watch(&sleepers[i]);
        CHECK(pthread_create(&threads[i], NULL, sleeper, &sleepers[i]) == 0);
    }
    while (!atomic_load(&m.p.shared->asleep)) {
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(permits_release(&m.p));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        unwatch(&sleepers[i]);
        leave(&sleepers[i]);
    }
    leave(&m);
    finish();
}

int main(void)
{
    RUN(there_are_as_many_as_were_made);
    RUN(a_wait_ends_at_its_deadline);
    RUN(whoever_leaves_with_permits_counts_as_dead);
    RUN(a_size_that_is_no_semaphores_is_refused);
    RUN(words_that_nobody_would_write_are_taken_over);
    RUN(one_permit_keeps_others_out);
    RUN(two_permits_let_two_in);
    RUN(threads_share_a_handle);
    RUN(each_permit_that_is_freed_wakes_one_more);
    return 0;
}
