/* A process is killed at every store that others can see, one after the other, while it puts, gets,
 * finishes and leaves. After each death the survivor must find: whatever had been put and not taken,
 * once, whole, in order; what the dead one was working on, again or dropped as agreed; every block
 * either used or free; and a queue that works. */
#include <signal.h>
#include <sys/wait.h>

#include "check.h"
#include "kill.h"
#include "queue_member.h"

#define LONG 700 /* several blocks */

/* What the killed one has done for certain, told step by step. */
typedef struct {
    volatile uint32_t put;        /* items 100, 101, ... whose put has returned */
    volatile uint32_t putting;    /* the same, counted before the call */
    volatile uint32_t taken[8];   /* kinds whose get has returned */
    volatile uint32_t taken_count;
    volatile uint32_t taking;     /* a get was begun */
    volatile uint32_t finished;   /* how many of those taken are done with */
    volatile uint32_t finishing;
    volatile uint32_t passages;
    volatile uint32_t complete;
} diary;

static diary *told;

static uint32_t size_of(uint32_t kind) { return kind % 2 ? LONG : 64; }

static result put_item(member *m, uint32_t kind)
{
    unsigned char bytes[LONG];
    memset(bytes, (int)(kind & 255), sizeof bytes);
    return put(m, bytes, size_of(kind), kind);
}

static result get_item(member *m, queue_message *message)
{
    unsigned char bytes[LONG];
    result answer = get(m, bytes, message);
    if (answer == RESULT_OK) {
        CHECK(message->size == size_of(message->kind)); /* never half */
        for (uint32_t i = 0; i < message->size; i++)
            CHECK(bytes[i] == (message->kind & 255));
    }
    return answer;
}

static void victim_puts(member *m)
{
    for (uint32_t i = 0; i < 2; i++) {
        told->putting++;
        CHECK(put_item(m, 100 + told->put) == RESULT_OK);
        told->put++;
    }
}

static void victim_gets(member *m, queue_message *message)
{
    told->taking++;
    CHECK(get_item(m, message) == RESULT_OK);
    told->taken[told->taken_count] = message->kind;
    told->taken_count++;
}

static void victim(long kill_at)
{
    queue_message first, second, third;
    kill_countdown = kill_at;
    kill_passages = 0;
    member m;
    join(&m);
    victim_puts(&m);
    victim_gets(&m, &first);
    victim_gets(&m, &second);
    told->finishing++;
    CHECK(done(&m, &first, false) == RESULT_OK);
    told->finished++;
    victim_gets(&m, &third);
    victim_puts(&m);
    leave(&m);
    told->passages = (uint32_t)kill_passages;
    told->complete = 1;
    _exit(0);
}

/* Every block that was ever used is in one message or free, once. */
static void check_blocks(queue *q)
{
    uint32_t touched = atomic_load(&q->shared->touched), free = 0;
    for (uint32_t index = atomic_load(&q->shared->free); index;
         index = atomic_load(&q->block[index - 1].next)) {
        CHECK(index <= touched && ++free <= touched);
        CHECK(atomic_load(&q->block[index - 1].state) == BLOCK_FREE);
    }
    CHECK(free == touched);
}

static bool was_taken(uint32_t kind, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (told->taken[i] == kind)
            return true;
    return false;
}

static void survivor_checks(member *m, bool redeliver)
{
    CHECK(queue_clear_dead(&m->q) == RESULT_OK);
    bool seen[200] = {false};
    uint32_t newest = 0, count = 0;
    queue_message message;
    while (get_item(m, &message) == RESULT_OK) {
        CHECK(message.kind < 200 && !seen[message.kind]);
        seen[message.kind] = true;
        count++;
        if (!message.deliveries) {
            CHECK(message.kind > newest || !newest); /* 1, 2, ... then 100, 101, ... */
            newest = message.kind;
        }
        CHECK(done(m, &message, false) == RESULT_OK);
    }
    for (uint32_t kind = 1; kind < 200; kind++) {
        bool existed = kind <= 4 || (kind >= 100 && kind < 100 + told->put);
        bool perhaps = kind >= 100 && kind < 100 + told->putting;
        /* Given to the victim; and, if a get was cut short, the next one may have been. */
        bool taken = was_taken(kind, told->taken_count);
        bool mid_get = told->taking > told->taken_count;
        if (!existed && !perhaps) {
            CHECK(!seen[kind]);
        } else if (!redeliver) {
            CHECK(!(taken && seen[kind]));
            if (existed && !taken && !mid_get)
                CHECK(seen[kind]);
        } else if (existed) {
            bool was_done = was_taken(kind, told->finished);
            bool perhaps_done = was_taken(kind, told->finishing);
            CHECK(!(was_done && seen[kind]));
            if (!perhaps_done)
                CHECK(seen[kind]);
        }
    }
    /* A get that was cut short in a queue without redelivery may have cost one item, no more. */
    if (!redeliver)
        CHECK(count + told->taken_count + 1 >= 4 + told->put);
    CHECK(atomic_load(&m->q.shared->unfinished) == 0);
    check_blocks(&m->q);
    CHECK(put_item(m, 1) == RESULT_OK && get_item(m, &message) == RESULT_OK);
    CHECK(done(m, &message, false) == RESULT_OK);
    CHECK(!roster_others(&m->q.members));
}

static bool kill_once(long kill_at, bool redeliver)
{
    make(1 << 16, 0, redeliver);
    memset(told, 0, sizeof *told);
    member m;
    join(&m);
    for (uint32_t kind = 1; kind <= 4; kind++)
        CHECK(put_item(&m, kind) == RESULT_OK);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(m.fd); /* or our copy would keep the parent's place, as after any fork */
        victim(kill_at);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status))
        CHECK(WTERMSIG(status) == SIGKILL);
    else
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && told->complete);
    survivor_checks(&m, redeliver);
    CHECK(leave(&m));
    finish();
    return WIFSIGNALED(status);
}

static void kill_everywhere(bool redeliver)
{
    long deaths = 0;
    while (kill_once(deaths + 1, redeliver))
        deaths++;
    CHECK(deaths == (long)told->passages && deaths > 100);
    printf("    killed at each of %ld stores, redelivery %s\n", deaths, redeliver ? "on" : "off");
}

static void nothing_is_lost_when_a_member_is_killed_at_any_store(void) { kill_everywhere(false); }

static void work_comes_again_when_a_member_is_killed_at_any_store(void) { kill_everywhere(true); }

static void a_repair_that_is_killed_is_done_by_the_next(void)
{
    for (long kill_at = 1;; kill_at++) {
        make(1 << 16, 0, true);
        memset(told, 0, sizeof *told);
        member m;
        join(&m);
        for (uint32_t kind = 1; kind <= 4; kind++)
            CHECK(put_item(&m, kind) == RESULT_OK);
        /* The first dies with the lock, in the middle of a put; the second while it repairs. */
        bool second_died = false;
        for (int who = 0; who < 2; who++) {
            pid_t pid = fork();
            if (pid == 0) {
                close(m.fd);
                kill_countdown = who ? kill_at : 14;
                member v;
                join(&v);
                put_item(&v, 100);
                _exit(0);
            }
            int status;
            CHECK(waitpid(pid, &status, 0) == pid);
            CHECK(who || WIFSIGNALED(status));
            second_died = WIFSIGNALED(status);
            if (!who)
                CHECK(atomic_load(&m.q.shared->lock) != 0);
        }
        bool seen[200] = {false};
        queue_message message;
        while (get_item(&m, &message) == RESULT_OK) {
            CHECK(!seen[message.kind]);
            seen[message.kind] = true;
            CHECK(done(&m, &message, false) == RESULT_OK);
        }
        for (uint32_t kind = 1; kind <= 4; kind++)
            CHECK(seen[kind]);
        CHECK(second_died || seen[100]);
        check_blocks(&m.q);
        leave(&m);
        finish();
        if (!second_died) {
            printf("    a repair killed at each of %ld stores\n", kill_at - 1);
            CHECK(kill_at > 20);
            break;
        }
    }
}

static void a_stopped_holder_keeps_the_lock_until_it_goes_on(void)
{
    make(1 << 16, 0, false);
    member m;
    join(&m);
    pid_t pid = fork();
    if (pid == 0) {
        close(m.fd);
        member v;
        join(&v);
        CHECK(queue_take(&v.q, BELL_FOR_EVER) == RESULT_OK);
        raise(SIGSTOP);
        queue_release(&v.q);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    uint32_t word = atomic_load(&m.q.shared->lock);
    pid_t waiter = fork();
    if (waiter == 0) {
        close(m.fd);
        member v;
        join(&v);
        CHECK(put_item(&v, 1) == RESULT_OK);
        _exit(0);
    }
    /* Ten times as long as it takes to ask the kernel about a holder. */
    nanosleep(&(struct timespec){0, 10 * LOCK_CHECK_NS}, NULL);
    CHECK((atomic_load(&m.q.shared->lock) & ROSTER_TAG_MASK) == (word & ROSTER_TAG_MASK));
    CHECK(waitpid(waiter, &status, WNOHANG) == 0);
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK(waitpid(waiter, &status, 0) == waiter && WIFEXITED(status) && !WEXITSTATUS(status));
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    CHECK(atomic_load(&m.q.shared->count) == 1 && atomic_load(&m.q.shared->repairs) == 0);
    leave(&m);
    finish();
}

int main(void)
{
    told = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(told != MAP_FAILED);
    RUN(nothing_is_lost_when_a_member_is_killed_at_any_store);
    RUN(work_comes_again_when_a_member_is_killed_at_any_store);
    RUN(a_repair_that_is_killed_is_done_by_the_next);
    RUN(a_stopped_holder_keeps_the_lock_until_it_goes_on);
    return 0;
}
