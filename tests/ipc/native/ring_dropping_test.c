/* The ring that drops its oldest: what stays, what is counted, a reader that is overtaken in its copy, and
 * what a hostile other side can do. */
#include <pthread.h>

#include "ring_dropping.h"
#include "ring_pair.h"

static pair dropping_pair(void)
{
    pair p = pair_open();
    ring_drop_oldest(&p.writer);
    return p;
}

static void put(ring *r, uint32_t size, uint32_t kind)
{
    static _Thread_local unsigned char bytes[LARGE];
    memset(bytes, (int)(kind & 255), size);
    CHECK(ring_put_dropping(r, bytes, size, kind, true) == RESULT_OK);
    ring_publish(r);
}

/* The next record, whole; or what else the answer is. */
static result get(ring *r, ring_record *record)
{
    static _Thread_local unsigned char bytes[LARGE];
    result answer = ring_look(r, record); /* by which it learns the rule */
    if (answer != RESULT_DROPS)
        return answer;
    do {
        if ((answer = ring_claim(r, record)) != RESULT_OK)
            return answer;
        CHECK(record->size <= LARGE);
        ring_copy(record, bytes);
    } while (!ring_take(r, record));
    record->kind &= ~RING_LARGE;
    for (uint32_t i = 0; i < record->size; i++)
        CHECK(bytes[i] == (record->kind & 255));
    return RESULT_OK;
}

static void expect(ring *r, uint32_t first, uint32_t last)
{
    ring_record record;
    for (uint32_t kind = first; kind <= last; kind++) {
        CHECK(get(r, &record) == RESULT_OK && record.kind == kind);
        CHECK(r->number == kind + 1);
    }
    CHECK(get(r, &record) == RESULT_EMPTY);
}

static void what_fits_is_kept_whole(void)
{
    pair p = dropping_pair();
    ring_record record;
    CHECK(get(&p.reader, &record) == RESULT_EMPTY && !ring_readable(&p.reader));
    for (uint32_t kind = 0; kind < 3; kind++)
        put(&p.writer, kind * 100, kind);
    CHECK(ring_readable(&p.reader));
    expect(&p.reader, 0, 2);
    CHECK(!ring_readable(&p.reader) && p.writer.dropped == 0 && p.reader.dropped == 0);
    pair_close(&p);
}

static void the_newest_stay_in_order_and_the_others_are_counted(void)
{
    for (uint32_t size = 0; size <= CAPACITY / 2; size += 128) {
        pair p = dropping_pair();
        uint32_t fit = CAPACITY / (RING_NUMBERED + size), sent = 5 * fit + 3;
        for (uint32_t kind = 0; kind < sent; kind++)
            put(&p.writer, size, kind);
        CHECK(p.writer.dropped == sent - fit);
        expect(&p.reader, sent - fit, sent - 1);
        CHECK(p.reader.dropped == sent - fit);
        put(&p.writer, size, sent);
        expect(&p.reader, sent, sent);
        CHECK(p.reader.dropped == p.writer.dropped);
        pair_close(&p);
    }
}

static void of_large_ones_the_last_stays_and_what_came_behind_it(void)
{
    pair p = dropping_pair();
    put(&p.writer, 10, 0);
    put(&p.writer, LARGE, 1);
    put(&p.writer, 20, 2);
    put(&p.writer, CAPACITY, 3); /* its place is the large one's */
    put(&p.writer, 30, 4);
    CHECK(p.writer.dropped == 2);
    expect(&p.reader, 2, 4);
    put(&p.writer, LARGE, 5);
    expect(&p.reader, 5, 5);
    CHECK(ring_put_dropping(&p.writer, NULL, LARGE + 1, 0, true) == RESULT_TOO_LARGE);
    CHECK(ring_put_dropping(&p.writer, NULL, UINT64_MAX, 0, true) == RESULT_TOO_LARGE);
    pair_close(&p);
}

static void one_that_is_copied_is_waited_for_but_not_for_long(void)
{
    const uint32_t sizes[] = {0, 500, CAPACITY / 2, CAPACITY, LARGE};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        pair p = dropping_pair();
        ring_record record;
        unsigned char bytes[LARGE];
        put(&p.writer, sizes[i], 0);
        CHECK(ring_look(&p.reader, &record) == RESULT_DROPS);
        CHECK(ring_claim(&p.reader, &record) == RESULT_OK && record.size == sizes[i]);
        CHECK(ring_claim(&p.reader, &record) == RESULT_OK && record.size == sizes[i]); /* still */
        ring_copy(&record, bytes);
        uint32_t sent = 1;
        while (ring_put_dropping(&p.writer, bytes, sizes[i], sent, false) == RESULT_OK)
            sent++;
        CHECK(p.writer.dropped == 0);
        uint64_t began = clock_ns();
        put(&p.writer, sizes[i], sent);
        CHECK(clock_ns() - began >= RING_COPY_NS + sizes[i]);
        CHECK(p.writer.dropped == 1);
        for (uint32_t more = 0; more < 1000; more++)
            CHECK(ring_put_dropping(&p.writer, bytes, sizes[i], 0, false) == RESULT_OK);
        CHECK(!ring_take(&p.reader, &record)); /* so it is torn */
        ring_publish(&p.writer);
        while (ring_claim(&p.reader, &record) == RESULT_OK)
            CHECK(ring_take(&p.reader, &record));
        CHECK(p.reader.dropped == p.writer.dropped && p.reader.number == sent + 1001);
        pair_close(&p);
    }
}

static void what_is_taken_in_time_is_not_dropped(void)
{
    pair p = dropping_pair();
    ring_record record;
    unsigned char bytes[LARGE];
    put(&p.writer, LARGE, 7);
    CHECK(ring_look(&p.reader, &record) == RESULT_DROPS);
    CHECK(ring_claim(&p.reader, &record) == RESULT_OK);
    ring_copy(&record, bytes);
    CHECK(ring_take(&p.reader, &record));
    put(&p.writer, LARGE, 8);
    CHECK(p.writer.dropped == 0 && bytes[0] == 7 && bytes[LARGE - 1] == 7);
    pair_close(&p);
}

static void a_writer_never_sleeps_and_a_sleeping_reader_is_woken(void)
{
    pair p = dropping_pair();
    ring_record record;
    CHECK(ring_reader_asleep(&p.reader, RING_ON_BELL));
    CHECK(ring_put_dropping(&p.writer, "x", 1, 0, true) == RESULT_OK);
    CHECK(ring_publish(&p.writer));
    CHECK(!ring_reader_asleep(&p.reader, RING_ON_BELL));
    for (uint32_t kind = 0; kind < 1000; kind++)
        put(&p.writer, 100, 'x');
    CHECK(ring_writable(&p.writer, LARGE) && !ring_writer_asleep(&p.writer, LARGE, RING_ON_BELL));
    while (get(&p.reader, &record) == RESULT_OK) {
    }
    CHECK(ring_reader_asleep(&p.reader, RING_ON_WORD)); /* it is empty, though records were missed */
    CHECK(!ring_reader_spin(&p.reader));
    ring_writer_close(&p.writer);
    CHECK(!ring_reader_asleep(&p.reader, RING_ON_BELL));
    pair_close(&p);
}

static void what_was_there_at_the_close_is_still_received(void)
{
    pair p = dropping_pair();
    for (uint32_t kind = 0; kind < 10; kind++)
        put(&p.writer, CAPACITY / 2, kind);
    ring_writer_close(&p.writer);
    CHECK(ring_writer_closed(&p.reader));
    expect(&p.reader, 9, 9);
    pair_close(&p);
}

static void a_ring_emptied_by_its_writer_is_empty(void)
{
    pair p = dropping_pair();
    ring_record record;
    unsigned char bytes[CAPACITY] = {0};
    put(&p.writer, LARGE, 0);
    CHECK(ring_look(&p.reader, &record) == RESULT_DROPS);
    CHECK(ring_put_dropping(&p.writer, bytes, CAPACITY, 1, true) == RESULT_OK);
    CHECK(!ring_readable(&p.reader)); /* the next is not published yet */
    CHECK(ring_claim(&p.reader, &record) == RESULT_EMPTY);
    CHECK(!ring_reader_spin(&p.reader) && ring_reader_asleep(&p.reader, RING_ON_BELL));
    CHECK(ring_publish(&p.writer));
    CHECK(ring_claim(&p.reader, &record) == RESULT_OK && ring_take(&p.reader, &record));
    CHECK(p.reader.dropped == 1);
    pair_close(&p);
}

/* --- hostile */

static void a_reader_is_not_led_astray(void)
{
    const uint64_t heads[] = {4, 3, 1, CAPACITY * 2, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        pair p = dropping_pair();
        ring_record record;
        put(&p.writer, 8, 0);
        CHECK(ring_look(&p.reader, &record) == RESULT_DROPS);
        atomic_store(&p.control->head, heads[i]);
        CHECK(ring_claim(&p.reader, &record) == RESULT_CORRUPT);
        CHECK(ring_claim(&p.reader, &record) == RESULT_CORRUPT && ring_readable(&p.reader));
        CHECK(ring_look(&p.reader, &record) == RESULT_CORRUPT);
        pair_close(&p);
    }
    const uint64_t words[] = {9, UINT32_MAX, CAPACITY, (uint64_t)RING_LARGE << 32 | (LARGE + 1)};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        pair p = dropping_pair();
        ring_record record;
        put(&p.writer, 8, 0);
        CHECK(ring_look(&p.reader, &record) == RESULT_DROPS);
        memcpy(p.data, &words[i], sizeof words[i]);
        CHECK(ring_claim(&p.reader, &record) == RESULT_CORRUPT);
        pair_close(&p);
    }
    const uint64_t tails[] = {4, 8, CAPACITY + 8, UINT64_MAX};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        pair p = dropping_pair();
        ring_record record;
        for (int round = 0; round < 2; round++) {
            put(&p.writer, 8, 0);
            CHECK(get(&p.reader, &record) == RESULT_OK);
        }
        atomic_store(&p.control->tail, tails[i]);
        CHECK(ring_claim(&p.reader, &record) == RESULT_CORRUPT);
        pair_close(&p);
    }
    pair p = dropping_pair();
    ring_record record;
    put(&p.writer, 8, 0);
    put(&p.writer, 8, 1);
    CHECK(get(&p.reader, &record) == RESULT_OK);
    memset(p.data + 24 + 8, 0, 8); /* a number that was before */
    CHECK(ring_claim(&p.reader, &record) == RESULT_CORRUPT);
    pair_close(&p);
}

static void nor_is_a_writer(void)
{
    unsigned char bytes[100] = {0};
    const uint64_t heads[] = {CAPACITY * 2, 4, 2, UINT64_MAX, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        pair p = dropping_pair();
        while (p.writer.dropped == 0)
            put(&p.writer, 100, 0);
        atomic_store(&p.control->head, heads[i]);
        CHECK(ring_put_dropping(&p.writer, bytes, 100, 0, true) == RESULT_CORRUPT);
        CHECK(ring_put_dropping(&p.writer, bytes, 0, 0, true) == RESULT_CORRUPT);
        CHECK(ring_writable(&p.writer, 4));
        pair_close(&p);
    }
    /* A claim that is taken back again and again would keep the writer looking. */
    pair p = dropping_pair();
    ring_record record;
    put(&p.writer, 100, 0);
    CHECK(ring_look(&p.reader, &record) == RESULT_DROPS && ring_claim(&p.reader, &record) == RESULT_OK);
    while (ring_put_dropping(&p.writer, bytes, 100, 0, false) == RESULT_OK) {
    }
    atomic_store(&p.control->head, 0);
    CHECK(ring_put_dropping(&p.writer, bytes, 100, 0, true) == RESULT_CORRUPT);
    pair_close(&p);
    p = dropping_pair();
    put(&p.writer, 100, 0);
    while (p.writer.position < CAPACITY - 100)
        put(&p.writer, 100, 0);
    const uint32_t size = UINT32_MAX;
    memcpy(p.data, &size, sizeof size); /* the oldest is as large as can be */
    CHECK(ring_put_dropping(&p.writer, bytes, 100, 0, true) == RESULT_CORRUPT);
    pair_close(&p);
}

/* --- two threads: a writer that never pauses, and a reader that sleeps, stops now and then, and checks that
 * nothing is torn, out of order, or missing beyond what was counted. */
#ifndef STREAM
#define STREAM 20000
#endif

typedef struct {
    pair p;
    uint32_t large_each; /* every so many-th is a large one */
    bool pauses;
} stream;

static uint32_t size_of(const stream *s, uint32_t number)
{
    uint32_t size = number * 2654435761u >> 16;
    return number % s->large_each ? size % 300 : CAPACITY / 2 + 1 + size % (LARGE - CAPACITY / 2);
}

static void *stream_write(void *argument)
{
    stream *s = argument;
    for (uint32_t i = 0; i < STREAM; i++) {
        put(&s->p.writer, size_of(s, i), i);
        if (s->pauses && i % 16 == 0)
            usleep(50);
    }
    ring_writer_close(&s->p.writer);
    return NULL;
}

static void *stream_read(void *argument)
{
    stream *s = argument;
    ring *r = &s->p.reader;
    uint32_t received = 0;
    for (;;) {
        ring_record record;
        bool over = ring_writer_closed(r);
        result answer = get(r, &record);
        if (answer == RESULT_EMPTY) {
            if (over)
                break;
            uint32_t word = ring_reader_asleep(r, RING_ON_WORD);
            if (word)
                CHECK(ring_reader_nap(r, word, BELL_FOR_EVER) != BELL_TIMED_OUT);
            ring_reader_awake(r);
            continue;
        }
        CHECK(answer == RESULT_OK && record.size == size_of(s, record.kind));
        CHECK(record.kind == record.number && r->number == record.number + 1);
        if (++received % 64 == 0)
            usleep(20);
    }
    CHECK(r->number == STREAM && received + r->dropped == STREAM);
    CHECK(r->dropped == s->p.writer.dropped && received >= STREAM / 2000);
    return NULL;
}

static void stream_run(uint32_t large_each, bool pauses)
{
    stream s = {.p = dropping_pair(), .large_each = large_each, .pauses = pauses};
    pthread_t writer, reader;
    CHECK(pthread_create(&writer, NULL, stream_write, &s) == 0);
    CHECK(pthread_create(&reader, NULL, stream_read, &s) == 0);
    pthread_join(writer, NULL);
    pthread_join(reader, NULL);
    printf("    of %d %llu were dropped\n", STREAM, (unsigned long long)s.p.writer.dropped);
    pair_close(&s.p);
}

static void a_stream_that_is_dropped_from_is_whole_and_in_order(void) { stream_run(100, false); }
static void so_is_one_of_large_messages_alone(void) { stream_run(1, false); }
static void so_is_one_whose_reader_sleeps(void) { stream_run(50, true); }

int main(void)
{
    RUN(what_fits_is_kept_whole);
    RUN(the_newest_stay_in_order_and_the_others_are_counted);
    RUN(of_large_ones_the_last_stays_and_what_came_behind_it);
    RUN(one_that_is_copied_is_waited_for_but_not_for_long);
    RUN(what_is_taken_in_time_is_not_dropped);
    RUN(a_writer_never_sleeps_and_a_sleeping_reader_is_woken);
    RUN(what_was_there_at_the_close_is_still_received);
    RUN(a_ring_emptied_by_its_writer_is_empty);
    RUN(a_reader_is_not_led_astray);
    RUN(nor_is_a_writer);
    RUN(a_stream_that_is_dropped_from_is_whole_and_in_order);
    RUN(so_is_one_of_large_messages_alone);
    RUN(so_is_one_whose_reader_sleeps);
    return 0;
}
