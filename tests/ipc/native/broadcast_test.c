/* A broadcast: whole messages in order, and an exact count of what was missed. */
#include <pthread.h>
#include <sys/mman.h>

#include "broadcast.h"
#include "check.h"

#define WORDS 512

static broadcast_shared *memory(void)
{
    void *shared = mmap(NULL, sizeof(broadcast_shared) + WORDS * 8, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    return shared;
}

static broadcast end_of(broadcast_shared *shared)
{
    broadcast b = {.shared = shared, .capacity = WORDS};
    patience_start(&b.patience);
    return b;
}

static broadcast writer_of(broadcast_shared *shared)
{
    broadcast b = end_of(shared);
    CHECK(broadcast_write_from(&b) == RESULT_OK);
    return b;
}

static broadcast reader_of(broadcast_shared *shared)
{
    broadcast b = end_of(shared);
    CHECK(broadcast_read_from(&b) == RESULT_OK);
    return b;
}

static uint64_t size_of(uint64_t number) { return number * 7 % 400; }

static void write_next(broadcast *b)
{
    unsigned char bytes[400];
    uint64_t number = b->number;
    memset(bytes, (int)(number & 255), sizeof bytes);
    CHECK(broadcast_write(b, bytes, size_of(number)) == RESULT_OK);
}

/* Read one, check it, and return how many were missed before it; -1: nothing there. */
static int64_t read_next(broadcast *b)
{
    unsigned char bytes[400];
    uint64_t size, missed;
    result answer;
    while ((answer = broadcast_read(b, bytes, sizeof bytes, &size, &missed)) == RESULT_TIMED_OUT) {
    }
    if (answer == RESULT_EMPTY)
        return -1;
    CHECK(answer == RESULT_OK);
    uint64_t number = b->number - 1;
    CHECK(size == size_of(number));
    for (uint64_t i = 0; i < size; i++)
        CHECK(bytes[i] == (number & 255));
    return (int64_t)missed;
}

static void everybody_reads_everything_who_keeps_up(void)
{
    broadcast_shared *shared = memory();
    broadcast writer = writer_of(shared), one = reader_of(shared), two = reader_of(shared);
    CHECK(read_next(&one) == -1);
    for (int i = 0; i < 1000; i++) {
        write_next(&writer);
        CHECK(read_next(&one) == 0);
        CHECK(read_next(&two) == 0);
        CHECK(read_next(&one) == -1);
    }
    broadcast late = reader_of(shared); /* begins with what comes next */
    CHECK(read_next(&late) == -1);
    write_next(&writer);
    CHECK(read_next(&late) == 0);
}

static void who_lags_is_told_exactly_how_much_it_missed(void)
{
    broadcast_shared *shared = memory();
    broadcast writer = writer_of(shared), reader = reader_of(shared);
    unsigned seed = 7;
    uint64_t written = 0, read = 0;
    for (int round = 0; round < 300; round++) {
        for (unsigned i = random_next(&seed) % 100; i; i--, written++)
            write_next(&writer);
        for (unsigned i = random_next(&seed) % 20; i; i--) {
            int64_t missed = read_next(&reader);
            if (missed >= 0)
                read += (uint64_t)missed + 1;
        }
    }
    int64_t missed;
    while ((missed = read_next(&reader)) >= 0)
        read += (uint64_t)missed + 1;
    CHECK(read == written);
}

static void the_next_writer_goes_on_behind_what_was_published(void)
{
    broadcast_shared *shared = memory();
    broadcast first = writer_of(shared), reader = reader_of(shared);
    for (int i = 0; i < 20; i++)
        write_next(&first);
    atomic_fetch_sub(&shared->number, 1); /* as if it had died before it counted its last */
    broadcast second = writer_of(shared);
    for (int i = 0; i < 3; i++)
        write_next(&second);
    uint64_t total = 0;
    int64_t missed;
    while ((missed = read_next(&reader)) >= 0)
        total += (uint64_t)missed + 1;
    CHECK(total == 23);
}

static void what_is_too_large_or_impossible_is_refused(void)
{
    broadcast_shared *shared = memory();
    broadcast writer = writer_of(shared), reader = reader_of(shared);
    unsigned char bytes[WORDS * 8];
    uint64_t size, missed;
    memset(bytes, 'x', sizeof bytes);
    CHECK(broadcast_write(&writer, bytes, broadcast_limit(&writer) + 1) == RESULT_TOO_LARGE);
    CHECK(broadcast_write(&writer, bytes, broadcast_limit(&writer)) == RESULT_OK);
    CHECK(broadcast_read(&reader, bytes, 10, &size, &missed) == RESULT_TOO_LARGE);
    CHECK(size == broadcast_limit(&writer));
    CHECK(broadcast_read(&reader, bytes, sizeof bytes, &size, &missed) == RESULT_OK);
    CHECK(broadcast_write(&writer, bytes, 8) == RESULT_OK);
    atomic_store(&shared->words[(reader.position + 1) % WORDS], UINT64_MAX);
    CHECK(broadcast_read(&reader, bytes, sizeof bytes, &size, &missed) == RESULT_CORRUPT);
    CHECK(broadcast_write(&writer, bytes, broadcast_limit(&writer)) == RESULT_CORRUPT);
}

static void to_begin_in_a_ring_that_was_never_a_writers_is_refused(void)
{
    broadcast_shared *shared = memory();
    broadcast writer = writer_of(shared), reader = end_of(shared);
    for (int i = 0; i < 100; i++)
        write_next(&writer);
    CHECK(broadcast_read_from(&reader) == RESULT_OK);
    atomic_store(&shared->oldest, writer.position - WORDS - 1); /* behind by more than a ring */
    CHECK(broadcast_read_from(&reader) == RESULT_CORRUPT);
    atomic_store(&shared->oldest, writer.position + 1); /* ahead */
    CHECK(broadcast_read_from(&reader) == RESULT_CORRUPT);
}

#define MANY 20000
static broadcast_shared *common;

static _Atomic bool enough;

static void *write_the_largest(void *argument)
{
    broadcast *b = argument;
    unsigned char bytes[WORDS * 8] = "";
    while (!atomic_load(&enough))
        CHECK(broadcast_write(b, bytes, broadcast_limit(b)) == RESULT_OK);
    return NULL;
}

/* Each message fills the ring, so that it is empty while the next one is written. */
static void who_begins_in_an_empty_ring_knows_which_comes_next(void)
{
    broadcast_shared *shared = memory();
    broadcast writer = writer_of(shared), reader = end_of(shared);
    writer.capacity = reader.capacity = 16;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, write_the_largest, &writer) == 0);
    for (uint64_t end = clock_ns() + 300000000u; clock_ns() < end;) {
        result answer = broadcast_read_from(&reader);
        CHECK(answer == RESULT_OK || answer == RESULT_TIMED_OUT);
        CHECK(answer != RESULT_OK || reader.number == reader.position / 16);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
}

static void who_lags_while_a_message_of_the_whole_ring_is_written_waits_for_it(void)
{
    broadcast_shared *shared = memory();
    broadcast writer = writer_of(shared), reader = reader_of(shared);
    unsigned char bytes[WORDS * 8] = "";
    uint64_t size, missed;
    writer.capacity = reader.capacity = 16;
    for (int i = 0; i < 2; i++)
        CHECK(broadcast_write(&writer, bytes, 40) == RESULT_OK);
    /* The first that such a write does: all is given up, and nothing is there yet. */
    atomic_store(&shared->oldest, writer.position);
    CHECK(broadcast_read(&reader, bytes, sizeof bytes, &size, &missed) == RESULT_EMPTY);
    CHECK(broadcast_write(&writer, bytes, broadcast_limit(&writer)) == RESULT_OK);
    CHECK(broadcast_read(&reader, bytes, sizeof bytes, &size, &missed) == RESULT_OK);
    CHECK(size == broadcast_limit(&writer) && missed == 2);
}

static void *read_all(void *argument)
{
    broadcast *reader = argument;
    uint64_t total = 0;
    while (total < MANY) {
        int64_t missed = read_next(reader);
        if (missed < 0)
            broadcast_sleep(reader, &(sentry_wait){0}, clock_ns() + 100000000);
        else
            total += (uint64_t)missed + 1;
    }
    CHECK(total == MANY);
    return NULL;
}

static void readers_keep_their_count_while_one_writes(void)
{
    common = memory();
    broadcast writer = writer_of(common), one = reader_of(common), two = reader_of(common);
    pthread_t threads[2];
    CHECK(pthread_create(&threads[0], NULL, read_all, &one) == 0);
    CHECK(pthread_create(&threads[1], NULL, read_all, &two) == 0);
    for (int i = 0; i < MANY; i++)
        write_next(&writer);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

int main(void)
{
    RUN(everybody_reads_everything_who_keeps_up);
    RUN(who_lags_is_told_exactly_how_much_it_missed);
    RUN(the_next_writer_goes_on_behind_what_was_published);
    RUN(what_is_too_large_or_impossible_is_refused);
    RUN(to_begin_in_a_ring_that_was_never_a_writers_is_refused);
    RUN(readers_keep_their_count_while_one_writes);
    RUN(who_begins_in_an_empty_ring_knows_which_comes_next);
    RUN(who_lags_while_a_message_of_the_whole_ring_is_written_waits_for_it);
    return 0;
}
