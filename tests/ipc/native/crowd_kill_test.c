/* Somebody is killed in a crowd: two producers and two consumers go on around it, in processes of their
 * own, through a queue so short that everybody waits for everybody. What they find at the end must be:
 * each message once, whole and in its producer's order; of the victim's, every one whose put had
 * returned; and what the victim had in hand, again or not at all, as agreed.
 *
 * CROWDS says how many (300), CROWD_SEED with which of them to begin. */
#include <signal.h>
#include <sys/wait.h>

#include "check.h"
#include "kill.h"
#include "queue_member.h"

#define PRODUCERS 3 /* the last one is the victim, which consumes too */
#define EACH 60
#define MOST_SIZE 700
#define VICTIM (PRODUCERS - 1)
#define LATE_NS UINT64_C(30000000000) /* a hang, for certain */

/* One for all, in memory of their own. */
typedef struct {
    _Atomic uint32_t put[PRODUCERS];                 /* whose put has returned */
    _Atomic uint32_t seen[PRODUCERS][EACH];          /* by the consumers that live */
    _Atomic uint32_t victim_took[PRODUCERS][EACH];   /* whose get has returned */
    _Atomic uint32_t victim_ending[PRODUCERS][EACH]; /* whose finish was begun */
    _Atomic uint32_t victim_ended[PRODUCERS][EACH];
    _Atomic uint32_t over;
} diary;

static diary *told;

static uint32_t size_of(uint32_t kind) { return kind * 37 % MOST_SIZE; }

static void put_next(member *m, uint32_t who)
{
    unsigned char bytes[MOST_SIZE];
    uint32_t kind = who << 16 | atomic_load(&told->put[who]);
    memset(bytes, (int)(kind & 255), sizeof bytes);
    queue_parcel parcel = {bytes, size_of(kind), kind};
    queue_try try = {.until = clock_ns() + LATE_NS};
    result answer;
    while ((answer = queue_send(&m->q, &parcel, 1, &try)) == RESULT_FULL) {
        CHECK(clock_ns() < try.until);
        queue_sleep(&m->q, QUEUE_ROOM, try.turn, &(sentry_wait){0}, BELL_FOR_EVER);
        CHECK(queue_clear_dead(&m->q) == RESULT_OK);
        try.slept = true;
    }
    CHECK(answer == RESULT_OK);
    atomic_fetch_add(&told->put[who], 1);
}

/* False: there is none, for a while. */
static bool take_next(member *m, queue_message *message)
{
    unsigned char bytes[MOST_SIZE];
    queue_try try = {.until = clock_ns() + LATE_NS};
    result answer = queue_receive(&m->q, message, 1, bytes, sizeof bytes, &try);
    if (answer == RESULT_EMPTY) {
        queue_sleep(&m->q, QUEUE_ITEMS, try.turn, &(sentry_wait){0}, clock_ns() + 5000000);
        CHECK(queue_clear_dead(&m->q) == RESULT_OK);
        try.slept = true;
        answer = queue_receive(&m->q, message, 1, bytes, sizeof bytes, &try);
        if (answer == RESULT_EMPTY)
            return false;
    }
    CHECK(answer == RESULT_OK && message->size == size_of(message->kind));
    for (uint32_t i = 0; i < message->size; i++)
        CHECK(bytes[i] == (message->kind & 255));
    return true;
}

static void end_one(member *m, const queue_message *message)
{
    CHECK(queue_finish(&m->q, message->index, message->sequence, false, clock_ns() + LATE_NS)
          == RESULT_OK);
}

static void produces(uint32_t who)
{
    member m;
    join(&m);
    while (atomic_load(&told->put[who]) < EACH)
        put_next(&m, who);
    leave(&m);
}

static void consumes(void)
{
    member m;
    uint32_t newest[PRODUCERS] = {0};
    queue_message message;
    join(&m);
    while (!atomic_load(&told->over)) {
        if (!take_next(&m, &message))
            continue;
        uint32_t who = message.kind >> 16, number = message.kind & 65535;
        CHECK(who < PRODUCERS && number < EACH);
        if (!message.deliveries) {
            CHECK(number >= newest[who]); /* in order */
            newest[who] = number;
        }
        CHECK(atomic_fetch_add(&told->seen[who][number], 1) == 0); /* once */
        end_one(&m, &message);
    }
    leave(&m);
}

static void is_killed(void)
{
    member m;
    queue_message message;
    join(&m);
    while (atomic_load(&told->put[VICTIM]) < EACH) {
        put_next(&m, VICTIM);
        if (!take_next(&m, &message))
            continue;
        uint32_t who = message.kind >> 16, number = message.kind & 65535;
        atomic_store(&told->victim_took[who][number], 1);
        atomic_store(&told->victim_ending[who][number], 1);
        end_one(&m, &message);
        atomic_store(&told->victim_ended[who][number], 1);
    }
    leave(&m);
}

static pid_t begin(void (*what)(uint32_t), uint32_t who, void (*other)(void), long kill_at)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        kill_countdown = kill_at;
        if (what)
            what(who);
        else
            other();
        _exit(0);
    }
    return pid;
}

static bool ended_well(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK((WIFEXITED(status) && !WEXITSTATUS(status))
          || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    return WIFEXITED(status);
}

static void check(bool redeliver, bool killed)
{
    uint32_t lost = 0;
    for (uint32_t who = 0; who < PRODUCERS; who++)
        for (uint32_t number = 0; number < EACH; number++) {
            uint32_t seen = atomic_load(&told->seen[who][number]);
            bool took = atomic_load(&told->victim_took[who][number]);
            bool ending = atomic_load(&told->victim_ending[who][number]);
            bool ended = atomic_load(&told->victim_ended[who][number]);
            if (number >= atomic_load(&told->put[who])) {
                CHECK(who == VICTIM && seen <= 1); /* a put that was cut short: done or not */
                CHECK(!seen || number == atomic_load(&told->put[who]));
                continue;
            }
            CHECK(seen <= 1 && !(seen && (redeliver ? ended : took)));
            lost += !seen && !(redeliver ? ending : took);
        }
    /* Without redelivery, the one it was just getting may have gone with it. */
    CHECK(lost <= (killed && !redeliver));
}

/* True: the victim was killed before it had come to its end. */
static bool crowd(long kill_at, bool redeliver)
{
    memset(told, 0, sizeof *told);
    make(64 * QUEUE_BLOCK, 4, redeliver);
    pid_t producers[PRODUCERS], consumers[2];
    for (uint32_t i = 0; i < 2; i++)
        consumers[i] = begin(NULL, 0, consumes, 0);
    for (uint32_t i = 0; i < VICTIM; i++)
        producers[i] = begin(produces, i, NULL, 0);
    producers[VICTIM] = begin(NULL, 0, is_killed, kill_at);
    bool killed = !ended_well(producers[VICTIM]);
    for (uint32_t i = 0; i < VICTIM; i++)
        CHECK(ended_well(producers[i]));
    member m;
    join(&m);
    for (uint64_t late = clock_ns() + LATE_NS;;) {
        queue_try try = {.until = late};
        if (queue_all_finished(&m.q, &try) == RESULT_OK)
            break;
        CHECK(clock_ns() < late);
        queue_sleep(&m.q, QUEUE_FINISHED, try.turn, &(sentry_wait){0}, BELL_FOR_EVER);
        CHECK(queue_clear_dead(&m.q) == RESULT_OK);
    }
    atomic_store(&told->over, 1);
    for (uint32_t i = 0; i < 2; i++)
        CHECK(ended_well(consumers[i]));
    check(redeliver, killed);
    CHECK(leave(&m)); /* the last one, and it is empty */
    finish();
    return killed;
}

static uint32_t setting(const char *name, uint32_t otherwise)
{
    const char *given = getenv(name);
    return given ? (uint32_t)strtoul(given, NULL, 10) : otherwise;
}

static void a_crowd_goes_on_when_one_of_it_is_killed(void)
{
    uint32_t crowds = setting("CROWDS", 300), first = setting("CROWD_SEED", 1), deaths = 0;
    for (uint32_t i = 0; i < crowds; i++) {
        unsigned seed = (first + i) * 2654435761u | 1;
        random_next(&seed);
        deaths += crowd(1 + random_next(&seed) % 600, i % 2);
    }
    printf("    killed in %u crowds of 5, %u lived on\n", deaths, crowds - deaths);
    CHECK(deaths > crowds / 2);
}

int main(void)
{
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(told != MAP_FAILED);
    RUN(a_crowd_goes_on_when_one_of_it_is_killed);
    return 0;
}
