/* The ring alone: what fits, what a reader sees, what a hostile other side can do, and who is woken. */
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "ring_pair.h"

static result put(ring *r, const void *bytes, uint32_t size, uint32_t kind)
{
    ring_record record;
    result answer = ring_reserve(r, size, &record);
    if (answer == RESULT_OK) {
        memcpy(record.bytes, bytes, size);
        ring_append(r, &record, size, kind);
        ring_publish(r);
    }
    return answer;
}

static void messages_arrive_in_order_with_size_and_kind(void)
{
    pair p = pair_open();
    ring_record record;
    CHECK(ring_look(&p.reader, &record) == RESULT_EMPTY);
    CHECK(put(&p.writer, "first", 5, 7) == RESULT_OK);
    CHECK(put(&p.writer, "", 0, 0) == RESULT_OK);
    CHECK(put(&p.writer, "third one", 9, 9) == RESULT_OK);
    const char *expected[] = {"first", "", "third one"};
    const uint32_t kinds[] = {7, 0, 9};
    for (int i = 0; i < 3; i++) {
        CHECK(ring_look(&p.reader, &record) == RESULT_OK);
        CHECK(record.size == strlen(expected[i]) && record.kind == kinds[i]);
        CHECK(memcmp(record.bytes, expected[i], record.size) == 0);
        ring_pass(&p.reader, &record);
        ring_release(&p.reader, p.reader.position);
    }
    CHECK(ring_look(&p.reader, &record) == RESULT_EMPTY);
    pair_close(&p);
}

static void is_next(pair *p, uint32_t size, uint32_t kind, int byte)
{
    ring_record record;
    CHECK(ring_look(&p->reader, &record) == RESULT_OK && record.size == size);
    CHECK((record.kind & ~RING_OURS) == kind);
    for (uint32_t i = 0; i < size; i++)
        CHECK(record.bytes[i] == byte);
    ring_pass(&p->reader, &record);
}

static void large_messages_have_places_of_their_own_two_at_a_time(void)
{
    pair p = pair_open();
    unsigned char bytes[LARGE], others[LARGE];
    ring_record record;
    for (int round = 0; round < 3; round++) {
        memset(bytes, 'x' + round, sizeof bytes);
        memset(others, 'a' + round, sizeof others);
        CHECK(put(&p.writer, bytes, LARGE, 1) == RESULT_OK);
        CHECK(put(&p.writer, others, LARGE, 2) == RESULT_OK);
        CHECK(put(&p.writer, bytes, CAPACITY, 3) == RESULT_FULL);
        CHECK(!ring_writable(&p.writer, CAPACITY));
        CHECK(put(&p.writer, bytes, 5, 4) == RESULT_OK); /* behind them, in the ring */
        is_next(&p, LARGE, 1, 'x' + round);
        CHECK(put(&p.writer, bytes, CAPACITY, 3) == RESULT_FULL); /* read, but not released */
        ring_release(&p.reader, p.reader.position);
        CHECK(ring_writable(&p.writer, CAPACITY));
        CHECK(put(&p.writer, bytes, CAPACITY, 3) == RESULT_OK);
        CHECK(put(&p.writer, bytes, CAPACITY, 5) == RESULT_FULL);
        is_next(&p, LARGE, 2, 'a' + round); /* was not written over */
        is_next(&p, 5, 4, 'x' + round);
        is_next(&p, CAPACITY, 3, 'x' + round);
        ring_release(&p.reader, p.reader.position);
    }
    CHECK(ring_reserve(&p.writer, LARGE + 1, &record) == RESULT_TOO_LARGE);
    CHECK(ring_reserve(&p.writer, UINT64_MAX, &record) == RESULT_TOO_LARGE);
    pair_close(&p);
}

/* So a stream of large messages takes the memory of one, and finds it in the cache. */
static void a_reader_that_keeps_up_gets_all_in_the_same_place(void)
{
    pair p = pair_open();
    unsigned char bytes[LARGE] = {0};
    ring_record record;
    for (int round = 0; round < 5; round++) {
        CHECK(put(&p.writer, bytes, LARGE, 0) == RESULT_OK);
        CHECK(ring_look(&p.reader, &record) == RESULT_OK && record.bytes == p.large);
        ring_pass(&p.reader, &record);
        ring_release(&p.reader, p.reader.position);
    }
    pair_close(&p);
}

static void messages_up_to_half_a_ring_fill_it_over_its_end(void)
{
    pair p = pair_open();
    unsigned char bytes[CAPACITY];
    ring_record record;
    for (int round = 0; round < 20; round++) {
        int count = 0;
        memset(bytes, round, sizeof bytes);
        while (put(&p.writer, bytes, CAPACITY / 2 - 100 * (uint32_t)round, 0) == RESULT_OK)
            count++;
        CHECK(count >= 1);
        for (; count; count--) {
            CHECK(ring_look(&p.reader, &record) == RESULT_OK);
            CHECK(memcmp(record.bytes, bytes, record.size) == 0);
            ring_pass(&p.reader, &record);
            ring_release(&p.reader, p.reader.position);
        }
    }
    pair_close(&p);
}

static void what_is_not_published_is_not_seen(void)
{
    pair p = pair_open();
    ring_record record;
    CHECK(ring_reserve(&p.writer, 8, &record) == RESULT_OK);
    memcpy(record.bytes, "12345678", 8);
    CHECK(ring_look(&p.reader, &record) == RESULT_EMPTY);
    CHECK(ring_reserve(&p.writer, 8, &record) == RESULT_OK);
    ring_append(&p.writer, &record, 4, 0);
    CHECK(ring_look(&p.reader, &record) == RESULT_EMPTY);
    ring_publish(&p.writer);
    CHECK(ring_look(&p.reader, &record) == RESULT_OK && record.size == 4);
    pair_close(&p);
}

static void only_a_sleeper_is_woken_and_only_once(void)
{
    pair p = pair_open();
    ring_record record;
    CHECK(ring_reader_asleep(&p.reader, RING_ON_BELL));
    CHECK(ring_reserve(&p.writer, 1, &record) == RESULT_OK);
    ring_append(&p.writer, &record, 1, 0);
    CHECK(ring_publish(&p.writer));
    CHECK(!ring_publish(&p.writer));
    CHECK(!ring_reader_asleep(&p.reader, RING_ON_BELL)); /* there is something to read */
    CHECK(ring_look(&p.reader, &record) == RESULT_OK);
    ring_pass(&p.reader, &record);
    CHECK(!ring_release(&p.reader, p.reader.position));
    CHECK(!ring_writer_asleep(&p.writer, 1, RING_ON_BELL)); /* there is room */
    while (put(&p.writer, "full", 4, 0) == RESULT_OK) {
    }
    CHECK(ring_writer_asleep(&p.writer, 4, RING_ON_BELL));
    CHECK(ring_look(&p.reader, &record) == RESULT_OK);
    ring_pass(&p.reader, &record);
    CHECK(ring_release(&p.reader, p.reader.position));
    CHECK(!ring_release(&p.reader, p.reader.position));
    pair_close(&p);
}

static void nobody_sleeps_on_a_closed_ring(void)
{
    pair p = pair_open();
    ring_writer_close(&p.writer);
    CHECK(ring_writer_closed(&p.reader));
    CHECK(!ring_reader_asleep(&p.reader, RING_ON_BELL));
    while (put(&p.writer, "full", 4, 0) == RESULT_OK) {
    }
    ring_reader_close(&p.reader);
    CHECK(!ring_writer_asleep(&p.writer, 4, RING_ON_BELL));
    pair_close(&p);
}

static void a_close_that_is_taken_back_was_one(void)
{
    pair p = pair_open();
    ring_writer_close(&p.writer);
    CHECK(!ring_reader_asleep(&p.reader, RING_ON_WORD)); /* and so it has seen it */
    atomic_fetch_and(&p.writer.shared->writer_flags, ~RING_CLOSED);
    CHECK(ring_writer_closed(&p.reader));
    CHECK(!ring_reader_asleep(&p.reader, RING_ON_WORD));
    while (put(&p.writer, "full", 4, 0) == RESULT_OK) {
    }
    ring_reader_close(&p.reader);
    CHECK(!ring_writer_asleep(&p.writer, 4, RING_ON_WORD));
    atomic_fetch_and(&p.writer.shared->reader_flags, ~RING_CLOSED);
    CHECK(ring_reader_closed(&p.writer));
    CHECK(!ring_writer_asleep(&p.writer, 4, RING_ON_WORD));
    pair_close(&p);
}

/* --- sleeping on the word */

typedef struct {
    ring *r;
    bool writes;
    _Atomic bool sleeps;
    bell_answer heard;
} sleeper;

static void *nap(void *argument)
{
    sleeper *s = argument;
    uint32_t word = s->writes ? ring_writer_asleep(s->r, 4, RING_ON_WORD)
                              : ring_reader_asleep(s->r, RING_ON_WORD);
    CHECK(word & RING_ON_WORD);
    atomic_store(&s->sleeps, true);
    s->heard = s->writes ? ring_writer_nap(s->r, word, BELL_FOR_EVER)
                         : ring_reader_nap(s->r, word, BELL_FOR_EVER);
    return NULL;
}

/* Somebody sleeps; what `wake` does, when it may be asleep in the kernel and when not yet, wakes it. */
static void wakes(bool writes, void (*wake)(pair *p))
{
    for (int round = 0; round < 20; round++) {
        pair p = pair_open();
        sleeper s = {.r = writes ? &p.writer : &p.reader, .writes = writes};
        pthread_t thread;
        while (writes && put(&p.writer, "full", 4, 0) == RESULT_OK) {
        }
        CHECK(pthread_create(&thread, NULL, nap, &s) == 0);
        while (!atomic_load(&s.sleeps)) {
        }
        if (round % 2)
            usleep(2000);
        wake(&p);
        pthread_join(thread, NULL);
        CHECK(s.heard == BELL_RANG);
        pair_close(&p);
    }
}

static void by_a_message(pair *p) { CHECK(put(&p->writer, "x", 1, 0) == RESULT_OK); }

static void by_room(pair *p)
{
    ring_record record;
    CHECK(ring_look(&p->reader, &record) == RESULT_OK);
    ring_pass(&p->reader, &record);
    CHECK(!ring_release(&p->reader, p->reader.position)); /* there is no bell to be rung */
}

static void by_closing_the_other_side(pair *p) { ring_writer_close(&p->writer); }
static void by_closing_the_own_side(pair *p) { ring_reader_close(&p->reader); }
static void by_closing_the_readers_side(pair *p) { ring_reader_close(&p->reader); }
static void by_closing_the_writers_side(pair *p) { ring_writer_close(&p->writer); }

static void who_sleeps_on_the_word_is_woken_by_what_it_waits_for(void)
{
    wakes(false, by_a_message);
    wakes(true, by_room);
}

static void who_sleeps_on_the_word_is_woken_by_a_close_of_either_side(void)
{
    wakes(false, by_closing_the_other_side);
    wakes(false, by_closing_the_own_side);
    wakes(true, by_closing_the_readers_side);
    wakes(true, by_closing_the_writers_side);
}

static void who_sleeps_in_both_ways_is_woken_in_both(void)
{
    pair p = pair_open();
    uint32_t word = ring_reader_asleep(&p.reader, RING_ON_WORD);
    CHECK(ring_reader_asleep(&p.reader, RING_ON_BELL)); /* another thread, by a descriptor */
    CHECK(ring_reader_nap(&p.reader, word, BELL_FOR_EVER) == BELL_RANG);
    ring_record record;
    CHECK(ring_reserve(&p.writer, 1, &record) == RESULT_OK);
    ring_append(&p.writer, &record, 1, 0);
    CHECK(ring_publish(&p.writer));
    CHECK(atomic_load(&p.control->reader_flags) == 0);
    CHECK(p.writer.unheard); /* nobody slept on the word by then */
    pair_close(&p);
}

static void nobody_sleeps_past_the_deadline(void)
{
    const uint32_t flags[] = {0, RING_CLOSED, UINT32_MAX, 0x40000000, 0x80000000};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        pair p = pair_open();
        atomic_store(&p.control->reader_flags, flags[i]); /* whatever a hostile one says of us */
        uint32_t word = ring_reader_asleep(&p.reader, RING_ON_WORD);
        uint64_t began = clock_ns();
        CHECK(ring_reader_nap(&p.reader, word, began + 5000000) == BELL_TIMED_OUT);
        CHECK(clock_ns() - began >= 5000000);
        CHECK(ring_reader_nap(&p.reader, word, 1) == BELL_TIMED_OUT);
        pair_close(&p);
    }
}

static void a_tail_that_cannot_be_is_refused(void)
{
    const uint64_t tails[] = {CAPACITY + 8, UINT64_MAX, UINT64_MAX - 7, 4, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        pair p = pair_open();
        ring_record record;
        atomic_store(&p.control->tail, tails[i]);
        CHECK(ring_look(&p.reader, &record) == RESULT_CORRUPT);
        atomic_store(&p.control->tail, 0);
        CHECK(ring_look(&p.reader, &record) == RESULT_CORRUPT); /* for good */
        CHECK(ring_readable(&p.reader));                        /* and nobody waits for it */
        pair_close(&p);
    }
}

static void a_size_over_what_was_written_is_refused(void)
{
    const uint32_t sizes[] = {9, 4096, UINT32_MAX, UINT32_MAX - 7};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        pair p = pair_open();
        ring_record record;
        CHECK(put(&p.writer, "12345678", 8, 0) == RESULT_OK);
        memcpy(p.data, &sizes[i], sizeof sizes[i]);
        CHECK(ring_look(&p.reader, &record) == RESULT_CORRUPT);
        pair_close(&p);
    }
}

static void a_large_size_over_its_place_is_refused(void)
{
    pair p = pair_open();
    ring_record record;
    unsigned char bytes[CAPACITY];
    memset(bytes, 'x', sizeof bytes);
    CHECK(put(&p.writer, bytes, CAPACITY, 0) == RESULT_OK);
    const uint32_t size = LARGE + 1;
    memcpy(p.data, &size, sizeof size);
    CHECK(ring_look(&p.reader, &record) == RESULT_CORRUPT);
    pair_close(&p);
}

static void a_head_that_cannot_be_is_refused(void)
{
    const uint64_t heads[] = {CAPACITY + 8, UINT64_MAX, 4, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        pair p = pair_open();
        while (put(&p.writer, "full", 4, 0) == RESULT_OK) {
        }
        atomic_store(&p.control->head, heads[i]);
        CHECK(put(&p.writer, "more", 4, 0) == RESULT_CORRUPT);
        CHECK(ring_writable(&p.writer, 4));
        pair_close(&p);
    }
}

static void a_tail_that_goes_back_is_refused(void)
{
    pair p = pair_open();
    ring_record record;
    CHECK(put(&p.writer, "12345678", 8, 0) == RESULT_OK);
    CHECK(put(&p.writer, "12345678", 8, 0) == RESULT_OK);
    for (int i = 0; i < 2; i++) {
        CHECK(ring_look(&p.reader, &record) == RESULT_OK);
        ring_pass(&p.reader, &record);
    }
    atomic_store(&p.control->tail, 16);
    CHECK(ring_look(&p.reader, &record) == RESULT_CORRUPT);
    pair_close(&p);
}

/* Two threads, a stream of random sizes, and sleeping for real on a socket or on the word, as the binding
 * does it. */
#ifndef STREAM
#define STREAM 60000
#endif

typedef struct {
    pair p;
    int data_bell[2], room_bell[2];
    bool spin;
    uint32_t how;
} stream;

static void rouse(int fd)
{
    CHECK(send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1);
}

static void wait_for(int fd)
{
    char bytes[64];
    struct pollfd wait = {fd, POLLIN, 0};
    CHECK(poll(&wait, 1, 20000) == 1); /* a lost wake-up would end here */
    CHECK(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0);
}

static void *stream_write(void *argument)
{
    stream *s = argument;
    ring *r = &s->p.writer;
    unsigned seed = 42;
    for (uint32_t i = 0; i < STREAM; i++) {
        uint32_t size = random_next(&seed) % (i % 100 > 2 ? 300 : LARGE);
        ring_record record;
        result answer;
        while ((answer = ring_reserve(r, size, &record)) == RESULT_FULL) {
            if (s->spin && ring_writer_spin(r, size))
                continue;
            uint32_t word = ring_writer_asleep(r, size, s->how);
            if (word) {
                if (s->how == RING_ON_WORD)
                    CHECK(ring_writer_nap(r, word, BELL_FOR_EVER) != BELL_TIMED_OUT);
                else
                    wait_for(s->room_bell[0]);
                ring_writer_awake(r);
            }
        }
        CHECK(answer == RESULT_OK);
        memset(record.bytes, (int)(i & 255), size);
        ring_append(r, &record, size, i);
        if (ring_publish(r))
            rouse(s->data_bell[1]);
    }
    return NULL;
}

static void *stream_read(void *argument)
{
    stream *s = argument;
    ring *r = &s->p.reader;
    unsigned seed = 42;
    for (uint32_t i = 0; i < STREAM; i++) {
        uint32_t size = random_next(&seed) % (i % 100 > 2 ? 300 : LARGE);
        ring_record record;
        result answer;
        while ((answer = ring_look(r, &record)) == RESULT_EMPTY) {
            if (s->spin && ring_reader_spin(r))
                continue;
            uint32_t word = ring_reader_asleep(r, s->how);
            if (word) {
                if (s->how == RING_ON_WORD)
                    CHECK(ring_reader_nap(r, word, BELL_FOR_EVER) != BELL_TIMED_OUT);
                else
                    wait_for(s->data_bell[0]);
                ring_reader_awake(r);
            }
        }
        CHECK(answer == RESULT_OK && record.size == size && (record.kind & ~RING_OURS) == i);
        for (uint32_t at = 0; at < size; at++)
            CHECK(record.bytes[at] == (i & 255));
        ring_pass(r, &record);
        if (ring_release(r, r->position))
            rouse(s->room_bell[1]);
    }
    return NULL;
}

static void stream_run(bool spin, uint32_t how)
{
    stream s = {.p = pair_open(), .spin = spin, .how = how};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s.data_bell) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s.room_bell) == 0);
    pthread_t writer, reader;
    CHECK(pthread_create(&writer, NULL, stream_write, &s) == 0);
    CHECK(pthread_create(&reader, NULL, stream_read, &s) == 0);
    pthread_join(writer, NULL);
    pthread_join(reader, NULL);
    for (int i = 0; i < 2; i++) {
        close(s.data_bell[i]);
        close(s.room_bell[i]);
    }
    pair_close(&s.p);
}

static void a_stream_is_whole_when_both_spin(void) { stream_run(true, RING_ON_WORD); }

static void a_stream_is_whole_when_both_sleep(void) { stream_run(false, RING_ON_BELL); }

static void a_stream_is_whole_when_both_sleep_on_the_word(void)
{
    stream_run(false, RING_ON_WORD);
}

int main(void)
{
    RUN(messages_arrive_in_order_with_size_and_kind);
    RUN(large_messages_have_places_of_their_own_two_at_a_time);
    RUN(a_reader_that_keeps_up_gets_all_in_the_same_place);
    RUN(messages_up_to_half_a_ring_fill_it_over_its_end);
    RUN(what_is_not_published_is_not_seen);
    RUN(only_a_sleeper_is_woken_and_only_once);
    RUN(nobody_sleeps_on_a_closed_ring);
    RUN(a_close_that_is_taken_back_was_one);
    RUN(who_sleeps_on_the_word_is_woken_by_what_it_waits_for);
    RUN(who_sleeps_on_the_word_is_woken_by_a_close_of_either_side);
    RUN(who_sleeps_in_both_ways_is_woken_in_both);
    RUN(nobody_sleeps_past_the_deadline);
    RUN(a_tail_that_cannot_be_is_refused);
    RUN(a_size_over_what_was_written_is_refused);
    RUN(a_large_size_over_its_place_is_refused);
    RUN(a_head_that_cannot_be_is_refused);
    RUN(a_tail_that_goes_back_is_refused);
    RUN(a_stream_is_whole_when_both_spin);
    RUN(a_stream_is_whole_when_both_sleep);
    RUN(a_stream_is_whole_when_both_sleep_on_the_word);
    return 0;
}
