/* A hostile peer: an input is a small program that calls the native core and, between and during the
 * calls, writes what it likes into the shared memory. Whatever it writes, no byte outside of the memory
 * may be touched, no call may go on for ever, and no answer may lie about bounds.
 *
 * A third of the programs are run with loads that may each see something else (fickle.h), so that a word
 * that is read twice is two words.
 *
 * The memory ends at pages that cannot be touched, and what is copied out goes to heap blocks of exactly
 * the size, so that the sanitizers see one byte too many. libFuzzer calls LLVMFuzzerTestOneInput
 * (scripts/fuzz); fuzz_test.c calls it with inputs of its own. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bell.h"
#include "broadcast.h"
#include "check.h"
#include "permits.h"
#include "queue.h"
#include "ring.h"
#include "ring_dropping.h"
#include "value.h"

#define PAGE 4096u

/* What the second hand writes to while the program runs (fuzz_test.c); and how it ended. */
pthread_mutex_t fuzz_hand = PTHREAD_MUTEX_INITIALIZER;
_Atomic bool fuzz_hand_wanted; /* let it go */
bool fuzz_hand_races;
unsigned char *fuzz_memory;
size_t fuzz_size;
const uint16_t *fuzz_hot; /* where the words lie that lead somewhere */
size_t fuzz_hot_count;
unsigned long fuzz_calls, fuzz_corrupt;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t *at, *end;
} program;

static uint64_t next(program *p, int bytes)
{
    uint64_t value = 0;
    for (; bytes && p->at < p->end; bytes--)
        value = value << 8 | *p->at++;
    return value;
}

/* --- loads that may see something else */

static const uint64_t values[] = {
    0, 1, 2, 7, 8, 16, 64, 255, 4096, 4104, 8192, 8193, 1u << 16, 1u << 30, 1u << 31, UINT32_MAX - 7,
    UINT32_MAX, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX - 7, UINT64_MAX,
};

typedef enum {
    STEADY,
    AT_AGAIN,    /* whoever loads the same word again in a call sees another */
    AT_ANY_TIME, /* one load of eight does */
} fickleness;

static _Thread_local fickleness fickle; /* a second hand's own loads are steady */
static unsigned fickle_seed;
static const volatile void *fickle_seen[256]; /* in this call */
static unsigned fickle_loads;

uint64_t fickle_load(const volatile void *address, uint64_t is, unsigned long size)
{
    (void)size;
    if (fickle == STEADY)
        return is;
    unsigned random = random_next(&fickle_seed);
    bool lies = random % 8 == 0;
    if (fickle == AT_AGAIN) {
        lies = false;
        for (unsigned i = 0; i < fickle_loads && !lies; i++)
            lies = fickle_seen[i] == address && random % 2;
        if (fickle_loads < sizeof fickle_seen / sizeof *fickle_seen)
            fickle_seen[fickle_loads++] = address;
    }
    if (!lies)
        return is;
    switch (random >> 8 & 3) {
    case 0: return values[(random >> 16) % (sizeof values / sizeof *values)];
    case 1: return is + 8 * (random >> 16 & 63);
    case 2: return is ^ UINT64_C(1) << (random >> 16 & 63);
    default: return 0;
    }
}

static void call_begins(void) { fickle_loads = 0; }

static void note(result answer)
{
    call_begins();
    fuzz_calls++;
    fuzz_corrupt += answer == RESULT_CORRUPT;
}

/* --- memory with walls */

static unsigned char *walled(size_t size)
{
    unsigned char *base = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(base != MAP_FAILED);
    return base + PAGE;
}

/* `size` bytes that end at a wall; they may begin within a page. */
static unsigned char *shared_memory(size_t size)
{
    size_t pages = (size + PAGE - 1) / PAGE * PAGE;
    unsigned char *place = walled(pages);
    CHECK(mprotect(place, pages, PROT_READ | PROT_WRITE) == 0);
    return place + pages - size;
}

/* The linker puts these in place of the core's own (scripts/native-test), for the queue maps its file. */
void *__wrap_memory_map_apart(int fd, off_t offset, size_t size);
void __real_memory_unmap(void *address, size_t size);
void __wrap_memory_unmap(void *address, size_t size);

void *__wrap_memory_map_apart(int fd, off_t offset, size_t size)
{
    size_t pages = (size + PAGE - 1) / PAGE * PAGE;
    unsigned char *place = walled(pages);
    CHECK(mmap(place, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, offset) == place);
    return place;
}

void __wrap_memory_unmap(void *address, size_t size)
{
    size_t pages = (size + PAGE - 1) / PAGE * PAGE;
    __real_memory_unmap((unsigned char *)address - PAGE, pages + 2 * PAGE);
}

/* --- writing what it likes */

static void scribble(program *p, unsigned char *memory, size_t size, const uint16_t *hot,
                     size_t hot_count)
{
    uint64_t how = next(p, 1);
    size_t offset = how & 1 ? hot[next(p, 1) % hot_count] : next(p, 2) % (size / 4) * 4;
    size_t width = (how & 2) && offset % 8 == 0 ? 8 : 4;
    uint64_t now = 0, value;
    if (offset + width > size)
        return;
    memcpy(&now, memory + offset, width);
    switch (how >> 2 & 3) {
    case 0: value = values[next(p, 1) % (sizeof values / sizeof *values)]; break;
    case 1: value = now + 8 * (uint64_t)(int8_t)next(p, 1); break;
    case 2: value = now + (uint64_t)(int8_t)next(p, 1); break;
    default: value = next(p, (int)width);
    }
    memcpy(memory + offset, &value, width);
}

#define SCRIBBLE(p, memory, size, hot) scribble(p, memory, size, hot, sizeof(hot) / sizeof *(hot))

static void aim_at(unsigned char *memory, size_t size, const uint16_t *hot, size_t hot_count)
{
    atomic_store(&fuzz_hand_wanted, true);
    pthread_mutex_lock(&fuzz_hand);
    atomic_store(&fuzz_hand_wanted, false);
    fuzz_memory = memory;
    fuzz_size = size;
    fuzz_hot = hot;
    fuzz_hot_count = hot_count;
    pthread_mutex_unlock(&fuzz_hand);
}

#define AIM(memory, size, hot) aim_at(memory, size, hot, sizeof(hot) / sizeof *(hot))

static void aim_at_nothing(void) { aim_at(NULL, 0, NULL, 0); }

/* --- the ring */

#define CAPACITY 4096u
#define LARGE 8192u

static unsigned char *control, *data, *large;

static void ring_is_within(const ring_record *record, uint64_t size)
{
    CHECK(record->bytes == large || record->bytes == large + LARGE
              ? size <= LARGE
              : record->bytes >= data && record->bytes + size <= data + 2 * CAPACITY);
}

static void ring_writes(program *p, ring *writer)
{
    ring_record record;
    uint64_t size = next(p, 2) % (LARGE + 100);
    uint32_t kind = (uint32_t)next(p, 1);
    result answer = ring_reserve(writer, size, &record);
    if (answer == RESULT_OK) {
        ring_is_within(&record, size);
        memset(record.bytes, 'x', size);
        ring_append(writer, &record, (uint32_t)size, kind);
    } else if (answer == RESULT_DROPS) {
        unsigned char *bytes = calloc(size + 1, 1);
        answer = ring_put_dropping(writer, bytes, size, kind, kind % 8 == 0);
        CHECK(answer != RESULT_OK || writer->position - writer->seen <= CAPACITY);
        free(bytes);
    }
    if (answer == RESULT_OK)
        ring_publish(writer);
    note(answer);
}

/* `waver`: what is claimed stays so until the next time. */
static void ring_reads(ring *reader, bool waver)
{
    ring_record record;
    result answer = RESULT_OK;
    for (int most = 64; most && answer == RESULT_OK; most--) {
        answer = ring_look(reader, &record);
        bool drops = answer == RESULT_DROPS;
        if (drops)
            answer = ring_claim(reader, &record);
        if (answer == RESULT_OK) {
            unsigned char *copy = malloc(record.size);
            ring_is_within(&record, record.size);
            if (drops)
                ring_copy(&record, copy);
            else
                memcpy(copy, record.bytes, record.size);
            free(copy);
            if (drops && waver)
                return;
            if (drops) {
                ring_take(reader, &record);
            } else {
                ring_pass(reader, &record);
                ring_release(reader, reader->position);
            }
        }
        note(answer);
    }
}

static void ring_program(program *p)
{
    static const uint16_t hot[] = {0, 8, 128, 256, 260};
    static const uint16_t hot_data[] = {0, 4, 8, 16, 24, 32, 2048, 4088};
    if (!control) {
        int fd = memfd_create("ring", 0);
        CHECK(fd >= 0 && ftruncate(fd, CAPACITY) == 0);
        control = shared_memory(RING_CONTROL);
        large = shared_memory(RING_PLACES * LARGE);
        data = walled(2 * CAPACITY);
        for (int copy = 0; copy < 2; copy++)
            CHECK(mmap(data + (size_t)copy * CAPACITY, CAPACITY, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
        close(fd);
    }
    memset(control, 0, RING_CONTROL);
    memset(data, 0, CAPACITY);
    uint64_t kind = next(p, 1);
    if (kind & 1)
        AIM(data, CAPACITY, hot_data);
    else
        AIM(control, 512, hot);
    ring writer, reader;
    ring_start(&writer, control, data, CAPACITY, large, LARGE);
    ring_start(&reader, control, data, CAPACITY, large, LARGE);
    if (kind & 2)
        ring_drop_oldest(&writer);
    while (p->at < p->end) {
        uint32_t how, word;
        switch (next(p, 1) % 12) {
        case 0: case 1: SCRIBBLE(p, control, 512, hot); break;
        case 2: case 3: SCRIBBLE(p, data, CAPACITY, hot_data); break;
        case 4: case 5: ring_writes(p, &writer); break;
        case 6: case 7: case 8: ring_reads(&reader, next(p, 1) % 8 == 0); break;
        case 9:
            how = next(p, 1) & 1 ? RING_ON_WORD : RING_ON_BELL;
            if ((word = ring_reader_asleep(&reader, how))) {
                if (how == RING_ON_WORD)
                    ring_reader_nap(&reader, word, clock_ns() + 1000);
                ring_reader_awake(&reader);
            }
            break;
        case 10:
            how = next(p, 1) & 1 ? RING_ON_WORD : RING_ON_BELL;
            if ((word = ring_writer_asleep(&writer, next(p, 2), how))) {
                if (how == RING_ON_WORD)
                    ring_writer_nap(&writer, word, clock_ns() + 1000);
                ring_writer_awake(&writer);
            }
            break;
        default:
            ring_readable(&reader);
            ring_writable(&writer, next(p, 2));
            ring_reader_closed(&writer);
            ring_writer_closed(&reader);
        }
    }
    CHECK(reader.position % 8 == 0 && writer.position % 8 == 0);
}

/* --- the queue, with its roster and its lock */

#define BLOCKS 64u
#define ROOM 3000u

typedef struct {
    int fd;
    bool here;
    queue q;
    queue_message taken;
} participant;

static void come(participant *m, int file)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    m->fd = open(path, O_RDWR);
    CHECK(m->fd >= 0);
    result answer = queue_open(&m->q, m->fd);
    note(answer);
    m->here = answer == RESULT_OK;
    if (!m->here)
        close(m->fd);
}

static void go(participant *m)
{
    bool last, empty;
    if (!m->here)
        return;
    fickleness before = fickle;
    fickle = STEADY;
    atomic_store(&m->q.shared->lock, 0); /* nobody holds it: to wait for one who does is no fault */
    queue_close(&m->q, &last, &empty);
    fickle = before;
    close(m->fd);
    m->here = false;
}

static void receive(program *p, participant *m)
{
    queue_try try = {.until = LOCK_AT_ONCE, .slept = next(p, 1) & 1};
    uint32_t most = 1 + (uint32_t)next(p, 1) % 4;
    uint64_t room = next(p, 2) % ROOM;
    unsigned char *bytes = malloc(room + 1);
    queue_message *messages = malloc(most * sizeof *messages);
    result answer = queue_receive(&m->q, messages, most, bytes, room, &try);
    note(answer);
    CHECK(answer != RESULT_TOO_LARGE || messages[0].size <= BLOCKS * QUEUE_BODY);
    if (answer == RESULT_OK) {
        CHECK(try.done >= 1 && try.done <= most);
        uint64_t total = 0;
        for (uint32_t i = 0; i < try.done; i++)
            total += messages[i].size;
        CHECK(total <= room);
        m->taken = messages[0];
    }
    free(messages);
    free(bytes);
}

static void give(program *p, participant *m)
{
    static unsigned char bytes[ROOM];
    queue_try try = {.until = LOCK_AT_ONCE};
    uint64_t how = next(p, 1);
    try.slept = how & 1;
    try.drop_oldest = how & 2;
    queue_parcel parcels[3];
    for (int i = 0; i < 3; i++)
        parcels[i] = (queue_parcel){bytes, next(p, 2) % ROOM, 1};
    note(queue_send(&m->q, parcels, 1 + (how >> 2) % 3, &try));
    CHECK(try.done <= 3);
}

static void queue_program(program *p)
{
    static int file = -1;
    static unsigned char *memory;
    static const uint16_t hot[] = {
        0, 8, 16, 24, 32, 128, 256, 260, 264, 268, 272, 276, 280, 288, 336, 344, 384, 388, 392, 396, 400, 404,
        4096 + 16, 4096 + 20, 4096 + 24, 4096 + 32, 4096 + 36, 4096 + 40, 4096 + 48,
        20480, 20484, 20488, 20492, 20496, 20500, 20504, 20512,
        20736, 20740, 20744, 20748, 20752, 20756, 20760, 20768, 20992, 20996, 21000, 21004, 21008,
    };
    size_t size = queue_file_size(BLOCKS * QUEUE_BLOCK);
    if (file < 0)
        file = memfd_create("queue", 0);
    aim_at_nothing();
    CHECK(ftruncate(file, 0) == 0);
    uint64_t how = next(p, 1);
    result made = how & 16 ? queue_make_open(file, BLOCKS * QUEUE_BLOCK, how >> 1 & 7, how & 1)
                           : queue_make(file, BLOCKS * QUEUE_BLOCK, how >> 1 & 7, how & 1);
    CHECK(made == RESULT_OK);
    if (!memory)
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(memory != MAP_FAILED);
    participant members[2] = {0};
    for (int i = 0; i < 2; i++)
        come(&members[i], file);
    AIM(memory, size, hot);
    while (p->at < p->end) {
        uint64_t what = next(p, 1);
        participant *m = &members[what >> 7];
        if (!m->here)
            come(m, file);
        if (!m->here) {
            SCRIBBLE(p, memory, size, hot);
            continue;
        }
        switch (what % 16) {
        case 0: case 1: case 2: case 3: SCRIBBLE(p, memory, size, hot); break;
        case 4: case 5: give(p, m); break;
        case 6: case 7:
            receive(p, m);
            if (m->q.spare)
                note(queue_trim(&m->q));
            break;
        case 8:
            note(queue_finish(&m->q, m->taken.index, m->taken.sequence, next(p, 1) & 1,
                              LOCK_AT_ONCE));
            break;
        case 9: note(queue_finish(&m->q, (uint32_t)next(p, 4), next(p, 1), true, LOCK_AT_ONCE)); break;
        case 10:
            atomic_store(&m->q.shared->lock, LOCK_ABANDONED); /* whoever is next must repair */
            break;
        case 11:
            note(queue_clear_dead(&m->q));
            if (next(p, 1) & 1)
                note(queue_settle(&m->q, (uint32_t)next(p, 1), (uint32_t)next(p, 1), true, LOCK_AT_ONCE));
            break;
        case 12: go(m); break;
        case 13:
            roster_count(&m->q.members);
            roster_find_dead(&m->q.members);
            roster_others(&m->q.members);
            break;
        case 14:
            queue_wake_all(&m->q);
            note(queue_trim(&m->q));
            break;
        default: {
            queue_try try = {.until = LOCK_AT_ONCE};
            uint64_t end = next(p, 1);
            if (end % 8 == 0)
                note(queue_shut_down(&m->q, end & 8, LOCK_AT_ONCE));
            note(queue_all_finished(&m->q, &try));
            queue_sleep(&m->q, QUEUE_ITEMS, try.turn, &(sentry_wait){0}, clock_ns() + 1000);
        }
        }
    }
    aim_at_nothing();
    for (int i = 0; i < 2; i++)
        go(&members[i]);
}

/* --- the value */

#define MOST 504u /* so that the memory's end is the last place's end */
static roster somebody = {.tag = 1 << ROSTER_PLACE_BITS | 1};

static void value_program(program *p)
{
    static unsigned char *memory;
    static const uint16_t hot[] = {0, 128, 256, 260, 384, 384 + 512, 384 + 1024, 384 + 1536};
    size_t size = value_size(MOST);
    if (!memory)
        memory = shared_memory(size);
    if (!somebody.shared)
        somebody.shared = (roster_table *)(void *)shared_memory(sizeof(roster_table));
    memset(memory, 0, size);
    value v = {.shared = (value_shared *)(void *)memory, .most = MOST, .members = &somebody};
    AIM(memory, size, hot);
    while (p->at < p->end) {
        uint64_t length, version;
        switch (next(p, 1) % 8) {
        case 0: case 1: case 2: SCRIBBLE(p, memory, size, hot); break;
        case 3: case 4: {
            unsigned char *bytes = malloc(MOST);
            result answer = value_get(&v, bytes, &length, &version);
            note(answer);
            CHECK(answer != RESULT_OK || length <= MOST);
            free(bytes);
            break;
        }
        case 5: case 6: {
            size_t given = next(p, 2) % (MOST + 10);
            unsigned char *bytes = calloc(given + 1, 1);
            if (value_lock(&v, false) == RESULT_OK) {
                note(value_set(&v, bytes, given));
                value_unlock(&v);
            }
            free(bytes);
            break;
        }
        default: value_sleep(&v, next(p, 1), &(sentry_wait){0}, clock_ns() + 1000);
        }
    }
}

/* --- the broadcast */

#define WORDS 64u

static void broadcast_program(program *p)
{
    static unsigned char *memory;
    static const uint16_t hot[] = {0, 128, 136, 256, 384, 512, 520, 528, 536, 544, 768, 776, 1016};
    size_t size = sizeof(broadcast_shared) + WORDS * 8;
    if (!memory)
        memory = shared_memory(size);
    memset(memory, 0, size);
    broadcast writer = {.shared = (broadcast_shared *)(void *)memory, .capacity = WORDS};
    broadcast reader = writer;
    AIM(memory, size, hot);
    while (p->at < p->end) {
        switch (next(p, 1) % 12) {
        case 0: case 1: case 2: SCRIBBLE(p, memory, size, hot); break;
        case 3: case 4: case 5: {
            size_t given = next(p, 2) % 520;
            unsigned char *bytes = calloc(given + 1, 1);
            note(broadcast_write(&writer, bytes, given));
            free(bytes);
            break;
        }
        case 6: case 7: case 8: {
            size_t room = next(p, 2) % 520;
            unsigned char *bytes = malloc(room + 1);
            uint64_t length, missed;
            result answer = broadcast_read(&reader, bytes, room, &length, &missed);
            note(answer);
            CHECK(answer != RESULT_OK || length <= room);
            CHECK(answer != RESULT_TOO_LARGE || length <= broadcast_limit(&reader));
            free(bytes);
            break;
        }
        case 9: note(broadcast_write_from(&writer)); break;
        case 10: note(broadcast_read_from(&reader)); break;
        default: broadcast_sleep(&reader, &(sentry_wait){0}, clock_ns() + 1000);
        }
    }
}

/* --- the permits, with their roster */

#define PERMITS 32u /* so that the memory's end is the last permit's end */

typedef struct {
    roster members;
    permits p;
    bool here;
} holder;

/* A description of its own for each, of a file whose locks say who lives. */
static int opened_anew(int file)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    return fd;
}

static void holder_comes(holder *h, roster_table *table, permits_shared *shared, int file)
{
    bool inherited;
    h->members = (roster){.shared = table, .fd = opened_anew(file)};
    CHECK(roster_join(&h->members, &inherited) == RESULT_OK); /* whatever it says: the locks decide */
    permits_open(&h->p, shared, &h->members, PERMITS);
    h->here = true;
}

static void holder_goes(holder *h, bool tidily)
{
    if (h->here && tidily) {
        permits_close(&h->p);
        roster_leave(&h->members);
    }
    if (h->here)
        close(h->members.fd); /* without more, it is dead */
    h->here = false;
}

/* Nobody gets a permit that was another's, whatever the loads said: the swap decides. */
static void holder_tries(holder *h)
{
    permits_shared *shared = h->p.shared;
    uint32_t before[PERMITS], dead;
    for (uint32_t i = 0; i < PERMITS; i++)
        before[i] = STEADY_LOAD(&shared->permit[i], memory_order_relaxed);
    permits_answer answer = permits_try(&h->p, &dead);
    if (fuzz_hand_races)
        return;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < PERMITS; i++) {
        uint32_t now = STEADY_LOAD(&shared->permit[i], memory_order_relaxed);
        if (now == before[i])
            continue;
        CHECK(before[i] == 0 || before[i] == LOCK_ABANDONED);
        CHECK(answer == (before[i] ? PERMITS_INHERITED : PERMITS_TAKEN));
        taken++;
    }
    CHECK(taken == (answer != PERMITS_BUSY));
}

static void holder_waits(program *p, holder *h)
{
    uint64_t how = next(p, 1);
    permits_waiter w = {.deadline_ns = clock_ns() + 1000 * (how >> 4), .spun = how & 1};
    for (int most = 100; most && !w.over && permits_wait(&h->p, &w) == PERMITS_BUSY; most--) {
    }
}

static void permits_program(program *p)
{
    static int file = -1;
    static unsigned char *table, *memory;
    static const uint16_t hot[] = {0, 4, 128, 132, 136, 140, 244, 248, 252};
    static const uint16_t hot_table[] = {0, 16, 20, 24, 28, 32, 36, 40, 44, 48, 16368, 16380};
    size_t size = permits_size(PERMITS);
    if (file < 0) {
        file = memfd_create("permits", 0);
        table = shared_memory(sizeof(roster_table));
        memory = shared_memory(size);
    }
    memset(table, 0, sizeof(roster_table));
    memset(memory, 0, size);
    roster_table *roster_of_it = (roster_table *)(void *)table;
    permits_shared *shared = (permits_shared *)(void *)memory;
    size_t length = next(p, 3);
    uint32_t count = permits_count(length);
    CHECK(count <= PERMITS_MOST && (count == 0 || permits_size(count) == length));
    holder holders[2] = {0};
    if (next(p, 1) & 1)
        AIM(memory, size, hot);
    else
        AIM(table, sizeof(roster_table), hot_table);
    while (p->at < p->end) {
        uint32_t dead, process;
        uint64_t what = next(p, 1);
        holder *h = &holders[what >> 7];
        if (!h->here)
            holder_comes(h, roster_of_it, shared, file);
        fuzz_calls++;
        call_begins();
        switch (what % 16) {
        case 0: case 1: case 2: SCRIBBLE(p, memory, size, hot); break;
        case 3: SCRIBBLE(p, table, sizeof(roster_table), hot_table); break;
        case 4: /* as it is done where words lead somewhere: a live one's tag, in every place */
            atomic_store(&shared->permit[next(p, 1) % PERMITS], holders[next(p, 1) & 1].members.tag);
            break;
        case 5: case 6: holder_tries(h); break;
        case 7: permits_try_all(&h->p, &dead); break;
        case 8: case 9: permits_release(&h->p); break;
        case 10: permits_abandon(&h->p); break;
        case 11: holder_waits(p, h); break;
        case 12:
            permits_asleep_on_file(&h->p, what >> 6 & 1);
            permits_give_way(&h->p);
            permits_decline(&h->p);
            break;
        case 13: holder_goes(h, next(p, 1) & 1); break;
        case 14: permits_wake_all(&h->p); break;
        default:
            for (uint32_t i = 0; i < PERMITS; i++)
                permits_look(&h->p, i, &process);
        }
        CHECK(h->p.hint < PERMITS);
    }
    for (int i = 0; i < 2; i++)
        holder_goes(&holders[i], true);
    aim_at_nothing();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const programs[])(program *) = {ring_program, queue_program, value_program,
                                                  broadcast_program, permits_program};
    if (size < 2)
        return 0;
    program p = {data + 2, data + size};
    fickle_seed = (unsigned)size * 2654435761u | 1;
    for (size_t i = 0; i < size; i++)
        fickle_seed = (fickle_seed ^ data[i]) * 16777619u | 1;
    call_begins();
    fickle = fuzz_hand_races ? STEADY : data[1] % 3;
    programs[data[0] % 5](&p);
    fickle = STEADY;
    aim_at_nothing();
    return 0;
}
