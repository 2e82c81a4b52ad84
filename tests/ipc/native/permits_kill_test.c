/* A process is killed at every store that others can see while it takes, waits for, inherits and gives
 * back permits. After each death every permit can be had, no more than there are, and whoever takes
 * one that the dead held is told, once. */
#include <signal.h>
#include <sys/wait.h>

#include "kill.h"
#include "permits_member.h"

#define COUNT 3

/* What the killed one holds for certain and at most, told step by step. */
typedef struct {
    volatile uint32_t least, most;
    volatile uint32_t passages;
    volatile uint32_t complete;
} diary;

static diary *told;

static void victim_takes(member *m)
{
    uint32_t dead;
    told->most++;
    CHECK(permits_try_all(&m->p, &dead) != PERMITS_BUSY);
    told->least++;
}

static void victim_releases(member *m)
{
    told->least--;
    CHECK(permits_release(&m->p));
    told->most--;
}

static void victim(long kill_at)
{
    kill_countdown = kill_at;
    kill_passages = 0;
    member m;
    join(&m, COUNT);
    victim_takes(&m); /* one of the dead's, and one that is free, in some order */
    victim_takes(&m);
    CHECK(take_until(&m, 1) == PERMITS_BUSY); /* the survivor has the third */
    victim_releases(&m);
    permits_asleep_on_file(&m.p, true);
    permits_decline(&m.p);
    permits_wake_all(&m.p);
    victim_takes(&m);
    told->least--;
    CHECK(permits_abandon(&m.p));
    told->passages = (uint32_t)kill_passages;
    told->complete = 1;
    _exit(0); /* with the other one in hand */
}

static pid_t start(member *survivor)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        close(survivor->fd); /* or our copy would keep the parent's place, as after any fork */
    return pid;
}

static bool wait_for_death(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
                              : WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static bool kill_once(long kill_at)
{
    make(COUNT);
    memset(told, 0, sizeof *told);
    member m;
    join(&m, COUNT);
    /* One that the victim inherits: it belonged to one who died before. */
    pid_t first = start(&m);
    if (first == 0) {
        member v;
        join(&v, COUNT);
        CHECK(take(&v) == PERMITS_TAKEN);
        raise(SIGKILL);
    }
    CHECK(wait_for_death(first));
    CHECK(take(&m) == PERMITS_TAKEN);
    /* As if others slept, so that every release goes all the way to waking. */
    permits_decline(&m.p);
    permits_asleep_on_file(&m.p, true);

    pid_t pid = start(&m);
    if (pid == 0)
        victim(kill_at);
    bool killed = wait_for_death(pid);
    CHECK(killed || told->complete);

    uint32_t dead, inherited = 0;
    CHECK(count_of(&m, PERMIT_HELD) == 1);
    for (int i = 1; i < COUNT; i++) {
        permits_answer answer = permits_try_all(&m.p, &dead);
        CHECK(answer != PERMITS_BUSY);
        inherited += answer == PERMITS_INHERITED;
    }
    CHECK(permits_try_all(&m.p, &dead) == PERMITS_BUSY);
    /* The first death is told too, unless the victim took that permit and gave it back. */
    CHECK(inherited >= told->least && inherited <= told->most + 1);
    for (int i = 0; i < COUNT; i++)
        CHECK(permits_release(&m.p));
    CHECK(!permits_release(&m.p) && count_of(&m, PERMIT_FREE) == COUNT);
    CHECK(!roster_others(&m.members));
    leave(&m);
    finish();
    return killed;
}

static void no_permit_is_lost_when_a_holder_is_killed_at_any_store(void)
{
    long deaths = 0;
    while (kill_once(deaths + 1))
        deaths++;
    CHECK(deaths == (long)told->passages && deaths > 10);
    printf("    killed at each of %ld stores\n", deaths);
}

static void one_who_waits_gets_the_permit_of_a_killed_holder(void)
{
    make(1);
    member m;
    join(&m, 1);
    int ready[2];
    char byte;
    CHECK(pipe(ready) == 0);
    pid_t pid = start(&m);
    if (pid == 0) {
        member v;
        join(&v, 1);
        CHECK(take(&v) == PERMITS_TAKEN);
        CHECK(write(ready[1], "", 1) == 1);
        pause();
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    permits_waiter w = {.deadline_ns = BELL_FOR_EVER};
    patience_start(&w.patience);
    for (int i = 0; i < 10; i++)
        CHECK(permits_wait(&m.p, &w) == PERMITS_BUSY);
    CHECK(kill(pid, SIGKILL) == 0 && wait_for_death(pid));
    permits_answer answer;
    while ((answer = permits_wait(&m.p, &w)) == PERMITS_BUSY) {
    }
    CHECK(answer == PERMITS_INHERITED && w.dead == (uint32_t)pid);
    leave(&m);
    finish();
}

/* Nobody looks up: in this build a look that a sentry makes needless comes after ten minutes. */
static void a_sentry_tells_of_every_death(void)
{
    for (int round = 0; round < 100; round++) {
        make(1);
        member m;
        join(&m, 1);
        watch(&m);
        permits_waiter w = unaided(&m);
        pid_t pid = start(&m);
        if (pid == 0) {
            member v;
            join(&v, 1);
            CHECK(take(&v) == PERMITS_TAKEN);
            raise(SIGKILL);
        }
        if (round % 2)
            CHECK(wait_for_death(pid)); /* else it dies while we wait */
        permits_answer answer = PERMITS_BUSY;
        while (answer != PERMITS_INHERITED) {
            while ((answer = permits_wait(&m.p, &w)) == PERMITS_BUSY) {
            }
            if (answer == PERMITS_TAKEN) /* before the victim came */
                CHECK(permits_release(&m.p));
        }
        CHECK(w.dead == (uint32_t)pid);
        if (round % 2 == 0)
            CHECK(wait_for_death(pid));
        unwatch(&m);
        leave(&m);
        finish();
    }
}

static void a_stopped_holder_keeps_its_permit(void)
{
    make(1);
    member m;
    join(&m, 1);
    pid_t pid = start(&m);
    if (pid == 0) {
        member v;
        join(&v, 1);
        CHECK(take(&v) == PERMITS_TAKEN);
        raise(SIGSTOP);
        CHECK(permits_release(&v.p));
        leave(&v);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    CHECK(take_until(&m, clock_ns() + 30 * LOCK_CHECK_NS) == PERMITS_BUSY);
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK(take(&m) == PERMITS_TAKEN);
    CHECK(!wait_for_death(pid));
    leave(&m);
    finish();
}

/* Many come, take, and are killed at random moments; never are there more holders than permits. */
static void random_deaths_lose_nothing(void)
{
    unsigned seed = 7;
    make(2);
    member m;
    join(&m, 2);
    pid_t workers[3];
    _Atomic int *inside = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int deaths = 0;
    for (int i = 0; i < 3; i++)
        workers[i] = -1;
    for (int round = 0; round < 300; round++) {
        int who = (int)(random_next(&seed) % 3);
        if (workers[who] > 0) {
            CHECK(kill(workers[who], SIGKILL) == 0);
            CHECK(wait_for_death(workers[who]));
            deaths++;
        }
        workers[who] = start(&m);
        if (workers[who] == 0) {
            member v;
            join(&v, 2);
            watch(&v);
            for (;;) {
                CHECK(take_unaided(&v) != PERMITS_BUSY);
                atomic_fetch_add(inside, 1);
                CHECK(count_of(&v, PERMIT_HELD) <= 2);
                CHECK(permits_release(&v.p));
            }
        }
        if (round % 3 == 0) {
            CHECK(take(&m) != PERMITS_BUSY);
            CHECK(permits_release(&m.p));
        }
    }
    for (int i = 0; i < 3; i++) {
        if (workers[i] > 0) {
            kill(workers[i], SIGKILL);
            wait_for_death(workers[i]);
        }
    }
    CHECK(atomic_load(inside) > 0);
    CHECK(take(&m) != PERMITS_BUSY && take(&m) != PERMITS_BUSY);
    CHECK(take_until(&m, 1) == PERMITS_BUSY);
    leave(&m);
    finish();
    printf("    %d deaths\n", deaths);
}

int main(void)
{
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(told != MAP_FAILED);
    RUN(no_permit_is_lost_when_a_holder_is_killed_at_any_store);
    RUN(one_who_waits_gets_the_permit_of_a_killed_holder);
    RUN(a_sentry_tells_of_every_death);
    RUN(a_stopped_holder_keeps_its_permit);
    RUN(random_deaths_lose_nothing);
    return 0;
}
