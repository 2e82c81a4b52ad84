/* A value: never torn, whoever writes, and whoever is killed while writing. */
#include <pthread.h>
#include <sys/mman.h>

#include "check.h"
#include "value.h"

#define MOST 1000

static roster nobody = {.tag = 1 << ROSTER_PLACE_BITS | 1};

static value value_open(void)
{
    value v = {.most = MOST, .members = &nobody};
    v.shared = mmap(NULL, value_size(MOST), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(v.shared != MAP_FAILED);
    return v;
}

static void set(value *v, int number)
{
    unsigned char bytes[MOST];
    memset(bytes, number & 255, sizeof bytes);
    CHECK(value_lock(v, true) == RESULT_OK);
    CHECK(value_set(v, bytes, (uint64_t)(number % MOST)) == RESULT_OK);
    value_unlock(v);
}

/* The number that was set; every byte must agree with it. */
static uint64_t get(const value *v)
{
    unsigned char bytes[MOST];
    uint64_t size, version;
    result answer;
    while ((answer = value_get(v, bytes, &size, &version)) == RESULT_TIMED_OUT) {
    }
    CHECK(answer == RESULT_OK);
    CHECK(size == version % MOST);
    for (uint64_t i = 0; i < size; i++)
        CHECK(bytes[i] == (version & 255));
    return version;
}

static void what_was_set_is_got(void)
{
    value v = value_open();
    unsigned char bytes[MOST];
    uint64_t size, version;
    CHECK(value_get(&v, bytes, &size, &version) == RESULT_EMPTY);
    for (int number = 1; number < 3000; number++) {
        set(&v, number);
        CHECK(get(&v) == (uint64_t)number);
    }
    CHECK(value_lock(&v, true) == RESULT_OK);
    CHECK(value_set(&v, bytes, MOST + 1) == RESULT_TOO_LARGE);
    value_unlock(&v);
}

static void an_impossible_size_is_refused(void)
{
    value v = value_open();
    unsigned char bytes[MOST];
    uint64_t size, version;
    set(&v, 1);
    atomic_store(&v.shared->words[1 + MOST / 8], UINT64_MAX); /* of the second place */
    CHECK(value_get(&v, bytes, &size, &version) == RESULT_CORRUPT);
}

#define SETS 30000
static value common;

static void *reader(void *argument)
{
    (void)argument;
    uint64_t last = 0, now;
    while ((now = get(&common)) < SETS) {
        CHECK(now >= last);
        last = now;
    }
    return NULL;
}

static void readers_see_whole_values_while_one_writes(void)
{
    common = value_open();
    set(&common, 1);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, reader, NULL) == 0);
    for (int number = 2; number <= SETS; number++)
        set(&common, number);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    RUN(what_was_set_is_got);
    RUN(an_impossible_size_is_refused);
    RUN(readers_see_whole_values_while_one_writes);
    return 0;
}
