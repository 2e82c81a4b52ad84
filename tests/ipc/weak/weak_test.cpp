/* The core's own sources (not a model of them) under weak memory, played by Relacy: random schedules in
 * which a load may see older stores, as far as C++11 lets it, and each sleep lasts until it is woken. Then
 * each order that is written in these sources is weakened, one place after the other, and something must
 * go wrong; or the place is named in HARMLESS, with the reason. scripts/weak builds and runs it.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "futex.h"
#include "patience.h"
#define sched_yield() rl::yield(1, RL_INFO)

#include "memory.h"
#include "roster.h"
#include "sentry.h"
#include "lock.h"
#include "turn.h"
#include "watch.h"
#include "words.h"
#include "bell.h"

uint64_t now_ns;
bool roster_dead(const roster *, uint32_t) { return false; }

#include "lock.c"
namespace rings {
#include "ring.c"
#undef LOOKS_PER_CLOCK
#include "ring_dropping.c"
}
#undef TRIES
namespace values {
#include "value.c"
}
#undef TRIES
namespace broadcasts {
#include "broadcast.c"
}

/* --- which place is weakened */

/* No heap: during a play Relacy counts what is on it. */
struct place {
    const char *file;
    int line;
    access_kind kind;
    rl::memory_order order;
};

static place places[200];
static int count;
static place weakened;
static rl::memory_order weaker;

static bool is(const place &one, const char *file, int line)
{
    return one.line == line && one.file && strcmp(one.file, file) == 0;
}

rl::memory_order order_at(rl::memory_order order, access_kind kind, const char *path, int line)
{
    const char *file = strrchr(path, '/') + 1;
    if (is(weakened, file, line))
        return order == weakened.order ? weaker : order;
    for (int i = 0; i < count; i++)
        if (is(places[i], file, line) && places[i].order == order)
            return order;
    if (count == sizeof places / sizeof *places)
        abort();
    places[count++] = place{file, line, kind, order};
    return order;
}

static std::vector<rl::memory_order> weaker_than(const place &one)
{
    if (one.order == rl::mo_relaxed)
        return {};
    if (one.order != rl::mo_seq_cst)
        return {rl::mo_relaxed};
    if (one.kind == LOADS)
        return {rl::mo_acquire, rl::mo_relaxed};
    if (one.kind == STORES)
        return {rl::mo_release, rl::mo_relaxed};
    return {rl::mo_acq_rel, rl::mo_acquire, rl::mo_release, rl::mo_relaxed};
}

/* --- which may be weaker, and why */

struct reason {
    const char *file, *line;        /* a part of the line, which begins after a line's end */
    rl::memory_order from, weakest; /* that does no harm */
    const char *why;
};

static const char ONE_STEP[] = "a change in one step sees the last store, and this one speaks for no other word";
static const char LOOK[] = "a wrong answer costs one more turn: a swap or the kernel compares again";
static const char BELTS[] = "words and swaps hold each alone: weak_dropping.pml takes off both";
static const char PUBLISHED[] = "publication asks for an acquire; it is no handshake";
static const char UNMOVED[] = "Relacy leaves each access where it is; weak_dropping.pml moves them, and finds it";
static const char ARGUED[] = "Relacy leaves each access where it is: argued in memory-orders.md";
static const char ONE_WRITER[] = "writers hold a lock, and nobody dies here";
static const char CARRIED[] = "what lies before the tail was published with the tail";

static const reason HARMLESS[] = {
    {"ring_inline.h", "fetch_and(flags, ~RING_ASLEEP)", rl::mo_seq_cst, rl::mo_relaxed, ONE_STEP},
    {"ring.c", "fetch_and(flags, ~RING_ASLEEP)", rl::mo_seq_cst, rl::mo_relaxed, ONE_STEP},
    {"ring_dropping.c", "store_explicit(record", rl::mo_release, rl::mo_relaxed, BELTS},
    {"ring_dropping.c", "load_explicit(place", rl::mo_acquire, rl::mo_relaxed, BELTS},
    {"ring_dropping.c", "&head, at | RING_CLAIMED)", rl::mo_seq_cst, rl::mo_relaxed, BELTS},
    {"ring_dropping.c", "&claimed, record->after)", rl::mo_seq_cst, rl::mo_relaxed, BELTS},
    {"ring_dropping.c", "atomic_load(&r->shared->head)", rl::mo_seq_cst, rl::mo_relaxed, UNMOVED},
    {"ring_dropping.c", "&head, next)", rl::mo_seq_cst, rl::mo_relaxed, UNMOVED},
    {"ring_dropping.c", "uint64_t tail = atomic_load(", rl::mo_seq_cst, rl::mo_acquire, PUBLISHED},
    {"value.c", "turn = atomic_load(", rl::mo_seq_cst, rl::mo_relaxed, LOOK},
    {"value.c", "atomic_exchange(&v->shared->asleep", rl::mo_seq_cst, rl::mo_relaxed, ONE_STEP},
    {"turn.h", "atomic_fetch_add(turn", rl::mo_seq_cst, rl::mo_relaxed, ONE_STEP},
    {"broadcast.c", "turn = atomic_load(", rl::mo_seq_cst, rl::mo_relaxed, LOOK},
    {"broadcast.c", "atomic_exchange(&shared->asleep", rl::mo_seq_cst, rl::mo_relaxed, ONE_STEP},
    {"broadcast.c", "uint64_t oldest = atomic_load(", rl::mo_seq_cst, rl::mo_acquire, PUBLISHED},
    {"broadcast.c", "\n        b->position = atomic_load(", rl::mo_seq_cst, rl::mo_acquire, PUBLISHED},
    {"broadcast.c", "\n    b->position = atomic_load(", rl::mo_seq_cst, rl::mo_relaxed, ONE_WRITER},
    {"broadcast.c", "b->oldest = atomic_load(", rl::mo_seq_cst, rl::mo_relaxed, ONE_WRITER},
    {"broadcast.c", "store_explicit(&b->shared->number", rl::mo_release, rl::mo_relaxed, ONE_WRITER},
    {"broadcast.c", "b->position = atomic_load_explicit(", rl::mo_acquire, rl::mo_relaxed, CARRIED},
    {"broadcast.c", "if (atomic_load(&b->shared->tail) != tail)", rl::mo_seq_cst, rl::mo_relaxed, CARRIED},
    {"broadcast.c", "b->number = atomic_load(", rl::mo_seq_cst, rl::mo_relaxed, ARGUED},
    {"broadcast.c", "at == tail && atomic_load(", rl::mo_seq_cst, rl::mo_relaxed, ARGUED},
    {"broadcast.c", "store_explicit(&shared->number", rl::mo_release, rl::mo_relaxed, ARGUED},
    {"lock.c", "atomic_compare_exchange_strong(word, &seen, r->tag", rl::mo_seq_cst, rl::mo_acquire,
     "taking it is an acquire"},
    {"lock.c", "atomic_exchange(word, 0)", rl::mo_seq_cst, rl::mo_release, "letting it go is a release"},
    {"lock.c", "atomic_load(word)", rl::mo_seq_cst, rl::mo_relaxed, LOOK},
    {"lock.c", "seen | LOCK_AWAITED))", rl::mo_seq_cst, rl::mo_relaxed, ONE_STEP},
};

/* --- what is played */

enum { MESSAGES = 4 };

/* A ring of two records of a word each; both sides sleep on their words when there is nothing to do, and the
 * reader until the writer has closed. */
struct ring_suite : rl::test_suite<ring_suite, 2> {
    rings::ring_control control;
    shared_u64 data[4];
    rl::var<uint64_t> bytes[2];

    void thread(unsigned me) { me ? read() : write(); }

    void write()
    {
        rings::ring r;
        rings::ring_record record;
        rings::ring_start(&r, &control, data, 32, NULL, 0);
        for (uint64_t number = 0; number < MESSAGES; number++) {
            while (rings::ring_reserve(&r, 8, &record) == RESULT_FULL) {
                uint32_t word = rings::ring_writer_asleep(&r, 8, RING_ON_WORD);
                if (word) {
                    rings::ring_writer_nap(&r, word, BELL_FOR_EVER);
                    rings::ring_writer_awake(&r);
                }
            }
            bytes[number % 2]($) = number;
            rings::ring_append(&r, &record, 8, (uint32_t)number);
            rings::ring_publish(&r);
        }
        rings::ring_writer_close(&r);
    }

    void read()
    {
        rings::ring r;
        rings::ring_record record;
        rings::ring_start(&r, &control, data, 32, NULL, 0);
        for (uint64_t number = 0; number < MESSAGES; number++) {
            result answer;
            while ((answer = rings::ring_look(&r, &record)) == RESULT_EMPTY) {
                uint32_t word = rings::ring_reader_asleep(&r, RING_ON_WORD);
                if (word) {
                    rings::ring_reader_nap(&r, word, BELL_FOR_EVER);
                    rings::ring_reader_awake(&r);
                }
            }
            RL_ASSERT(answer == RESULT_OK && record.kind == number && record.size == 8);
            RL_ASSERT(bytes[number % 2]($) == number);
            rings::ring_pass(&r, &record);
            rings::ring_release(&r, r.position);
        }
        while (!rings::ring_writer_closed(&r)) {
            uint32_t word = rings::ring_reader_asleep(&r, RING_ON_WORD);
            if (word) {
                rings::ring_reader_nap(&r, word, BELL_FOR_EVER);
                rings::ring_reader_awake(&r);
            }
        }
        RL_ASSERT(rings::ring_look(&r, &record) == RESULT_EMPTY);
    }
};

/* One of two records that drops its oldest. The newest must come, and all that is missing be counted. */
struct dropping_suite : rl::test_suite<dropping_suite, 2> {
    rings::ring_control control;
    shared_u64 data[8];

    void thread(unsigned me) { me ? read() : write(); }

    void write()
    {
        rings::ring r;
        rings::ring_start(&r, &control, data, 64, NULL, 0);
        rings::ring_drop_oldest(&r);
        for (uint64_t number = 0; number < MESSAGES; number++) {
            uint64_t bytes[2] = {number, number};
            RL_ASSERT(rings::ring_put_dropping(&r, bytes, 16, (uint32_t)number, true) == RESULT_OK);
            rings::ring_publish(&r);
        }
    }

    void read()
    {
        rings::ring r;
        rings::ring_record record;
        rings::ring_start(&r, &control, data, 64, NULL, 0);
        uint64_t received = 0, next = 0;
        while (next < MESSAGES) {
            result answer = r.unusual ? rings::ring_claim(&r, &record) : rings::ring_look(&r, &record);
            if (answer == RESULT_DROPS)
                continue;
            if (answer == RESULT_EMPTY) {
                uint32_t word = rings::ring_reader_asleep(&r, RING_ON_WORD);
                if (word) {
                    rings::ring_reader_nap(&r, word, BELL_FOR_EVER);
                    rings::ring_reader_awake(&r);
                }
                continue;
            }
            RL_ASSERT(answer == RESULT_OK);
            uint64_t bytes[2];
            bool fits = record.size == 16;
            if (fits)
                rings::ring_copy(&record, bytes);
            if (!rings::ring_take(&r, &record))
                continue;
            RL_ASSERT(fits && bytes[0] == record.number && bytes[1] == record.number);
            RL_ASSERT(record.kind == record.number && record.number >= next);
            next = record.number + 1;
            received++;
            RL_ASSERT(received + r.dropped == next);
        }
    }
};

/* A value is set more often than it has places; what is read is whole and of the version that it says. */
struct value_suite : rl::test_suite<value_suite, 2> {
    values::value_shared shared;

    /* Another than what lay there before. */
    static uint64_t size_of(uint64_t version) { return version / VALUE_PLACES % 2 ? 16 : 8; }

    void thread(unsigned me) { me ? read() : write(); }

    void write()
    {
        values::value v = {&shared, 16, NULL};
        for (uint64_t version = 1; version <= 2 * VALUE_PLACES; version++) {
            uint64_t bytes[2] = {version, version};
            RL_ASSERT(values::value_set(&v, bytes, size_of(version)) == RESULT_OK);
        }
    }

    void read()
    {
        values::value v = {&shared, 16, NULL};
        uint64_t last = 0;
        for (int look = 0; look < 3; look++) {
            uint64_t bytes[2], size, version;
            result answer = values::value_get(&v, bytes, &size, &version);
            if (answer == RESULT_EMPTY)
                continue;
            RL_ASSERT(answer == RESULT_OK && size == size_of(version) && version >= last);
            RL_ASSERT(bytes[0] == version && (size == 8 || bytes[1] == version));
            last = version;
        }
    }
};

/* A broadcast into a ring of two records; a reader knows what it missed, also one that begins late. */
struct broadcast_suite : rl::test_suite<broadcast_suite, 2> {
    broadcasts::broadcast_shared shared;

    void thread(unsigned me) { me ? read() : write(); }

    void write()
    {
        broadcasts::broadcast b = {};
        b.shared = &shared;
        b.capacity = 8;
        RL_ASSERT(broadcasts::broadcast_write_from(&b) == RESULT_OK);
        for (uint64_t number = 0; number < MESSAGES; number++) {
            uint64_t bytes[2] = {number, number};
            /* The third one fills the ring. */
            uint64_t size = number == 2 ? 48 : 16;
            uint64_t many[6] = {number, number, number, number, number, number};
            RL_ASSERT(broadcasts::broadcast_write(&b, size == 16 ? bytes : many, size) == RESULT_OK);
        }
    }

    void read()
    {
        broadcasts::broadcast b = {};
        b.shared = &shared;
        b.capacity = 8;
        result begun = broadcasts::broadcast_read_from(&b);
        RL_ASSERT(begun == RESULT_OK || begun == RESULT_TIMED_OUT);
        if (begun != RESULT_OK)
            return;
        uint64_t next = b.number;
        RL_ASSERT(next <= MESSAGES);
        for (int look = 0; look < 4; look++) {
            uint64_t bytes[6], size, missed;
            result answer = broadcasts::broadcast_read(&b, bytes, 48, &size, &missed);
            RL_ASSERT(answer == RESULT_OK || answer == RESULT_EMPTY || answer == RESULT_TIMED_OUT);
            if (answer != RESULT_OK)
                continue;
            RL_ASSERT(size == (bytes[0] == 2 ? 48u : 16u));
            for (uint64_t word = 1; word < size / 8; word++)
                RL_ASSERT(bytes[word] == bytes[0]);
            RL_ASSERT(bytes[0] == next + missed);
            next = bytes[0] + 1;
        }
    }
};

/* Each message fills the ring, which is empty while the next is written: who begins knows which that is. */
struct beginning_suite : rl::test_suite<beginning_suite, 2> {
    broadcasts::broadcast_shared shared;

    void thread(unsigned me)
    {
        broadcasts::broadcast b = {};
        b.shared = &shared;
        b.capacity = 8;
        if (me) {
            if (broadcasts::broadcast_read_from(&b) == RESULT_OK)
                RL_ASSERT(b.number == b.position / 8);
            return;
        }
        RL_ASSERT(broadcasts::broadcast_write_from(&b) == RESULT_OK);
        for (uint64_t number = 0; number < 3; number++) {
            uint64_t bytes[6] = {number, number, number, number, number, number};
            RL_ASSERT(broadcasts::broadcast_write(&b, bytes, 48) == RESULT_OK);
        }
    }
};

/* Three who add to one number, each with the lock; who cannot have it sleeps until it is woken. */
struct lock_suite : rl::test_suite<lock_suite, 3> {
    shared_u32 word;
    rl::var<uint64_t> number;

    void before() { number($) = 0; }

    void thread(unsigned me)
    {
        roster members = {};
        members.tag = (1u << ROSTER_PLACE_BITS) | (me + 1);
        for (int turn = 0; turn < 2; turn++) {
            RL_ASSERT(lock_take(&word, &members, true) == LOCK_TAKEN);
            number($) = number($) + 1;
            lock_release(&word);
        }
    }

    void after() { RL_ASSERT(number($) == 6); }
};

/* Who waits for a value is woken by the next one: the handshake of values, broadcasts and permits. */
struct waiting_suite : rl::test_suite<waiting_suite, 2> {
    values::value_shared shared;

    void thread(unsigned me)
    {
        values::value v = {&shared, 16, NULL};
        if (!me) {
            for (uint64_t version = 1; version <= 3; version++)
                values::value_set(&v, &version, 8);
            return;
        }
        uint64_t seen = 0;
        while (seen < 3) {
            sentry_wait wait = {};
            values::value_sleep(&v, seen, &wait, UINT64_MAX);
            uint64_t bytes[2], size, version;
            result answer = values::value_get(&v, bytes, &size, &version);
            if (answer == RESULT_OK)
                seen = version;
        }
    }
};

/* And so with a broadcast. */
struct listening_suite : rl::test_suite<listening_suite, 2> {
    broadcasts::broadcast_shared shared;

    void thread(unsigned me)
    {
        broadcasts::broadcast b = {};
        b.shared = &shared;
        b.capacity = 64;
        uint64_t bytes[1] = {0}, size, missed;
        if (!me) {
            for (; b.number < 3;)
                RL_ASSERT(broadcasts::broadcast_write(&b, bytes, 8) == RESULT_OK);
            return;
        }
        while (b.number < 3) {
            sentry_wait wait = {};
            broadcasts::broadcast_sleep(&b, &wait, UINT64_MAX);
            broadcasts::broadcast_read(&b, bytes, 8, &size, &missed);
        }
    }
};

void sentry_sleep(const sentry_wait *, shared_u32 *word, uint32_t expected, uint64_t, uint64_t)
{
    futex_wait(word, expected, 0);
}
bool sentry_is_time(sentry_wait *, uint64_t) { return false; }
void sentry_begin(sentry_wait *, uint64_t, uint64_t) {}

/* --- the run */

template <typename suite> static std::string play(rl::iteration_t times)
{
    std::ostream nowhere(NULL);
    rl::test_params with;
    with.iteration_count = times;
    with.output_stream = with.progress_stream = &nowhere;
    with.execution_depth_limit = 4000;
    now_ns = 0;
    if (getenv("WEAK_SHOW"))
        with.output_stream = &std::cout; /* what was stored and loaded, step by step */
    return rl::simulate<suite>(with) ? "" : rl::test_result_str(with.test_result);
}

struct suite {
    const char *name;
    std::string (*play)(rl::iteration_t);
};
static const suite suites[] = {
    {"ring", play<ring_suite>},           {"dropping", play<dropping_suite>},
    {"value", play<value_suite>},         {"broadcast", play<broadcast_suite>},
    {"beginning", play<beginning_suite>}, {"waiting", play<waiting_suite>},
    {"listening", play<listening_suite>}, {"lock", play<lock_suite>},
};
static const char *const names[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};

/* What weakening a place does is what it does in any of the suites. */
struct trial {
    place at;
    rl::memory_order to;
    std::string found;
};

static trial &trial_of(std::vector<trial> &trials, const place &at, rl::memory_order to)
{
    for (trial &one : trials)
        if (is(one.at, at.file, at.line) && one.at.order == at.order && one.to == to)
            return one;
    trials.push_back({at, to, ""});
    return trials.back();
}

/* The line as it is written. */
static std::string line_of(const std::string &folder, const place &at)
{
    std::ifstream file(folder + "/" + at.file);
    std::string line;
    for (int i = 0; i < at.line; i++)
        std::getline(file, line);
    return "\n" + line;
}

static const reason *reason_of(const std::string &line, const place &at, rl::memory_order to)
{
    for (const reason &one : HARMLESS)
        if (strcmp(one.file, at.file) == 0 && line.find(one.line) != std::string::npos && one.from == at.order
            && (one.weakest == to || one.weakest == rl::mo_relaxed || to == rl::mo_acq_rel))
            return &one;
    return NULL;
}

int main(int argc, char **argv)
{
    std::string folder = argc > 1 ? argv[1] : ".";
    rl::iteration_t times = argc > 2 ? strtoull(argv[2], NULL, 10) : 5000;
    std::vector<trial> trials;
    for (const suite &one : suites) {
        count = 0;
        weakened = {};
        std::string found = one.play(10 * times);
        printf("%-9s %d places, %s\n", one.name, count, found.empty() ? "no error" : found.c_str());
        if (!found.empty())
            return 1;
        for (int i = 0, played = count; i < played; i++)
            for (rl::memory_order order : weaker_than(places[i])) {
                trial &it = trial_of(trials, places[i], order);
                if (!it.found.empty())
                    continue;
                weakened = places[i];
                weaker = order;
                bool harmless = reason_of(line_of(folder, places[i]), places[i], order);
                it.found = one.play(harmless ? times : 10 * times);
            }
    }
    int found = 0, harmless = 0, wrong = 0;
    for (const trial &one : trials) {
        std::string line = line_of(folder, one.at);
        const reason *why = reason_of(line, one.at, one.to);
        bool is_found = !one.found.empty();
        found += is_found;
        harmless += !is_found && why;
        if (is_found != !why) {
            wrong++;
            printf("%s:%d, %s instead of %s, %s: %s\n", one.at.file, one.at.line, names[one.to],
                   names[one.at.order], is_found ? "is not harmless" : "was not found out",
                   line.c_str() + line.find_first_not_of("\n "));
        }
    }
    printf("%d weaker orders found out, %d harmless for a reason that is told\n", found, harmless);
    return wrong > 0;
}
