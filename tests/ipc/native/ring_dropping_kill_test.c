/* Of a ring that drops its oldest, the writer is killed at every store, and then the reader. The reader
 * finds whole messages in order and knows what it missed; the writer goes on, and is not held up. (As it
 * forks it is not for the thread sanitizer.) */
#include "kill.h"
#include "ring_dropping.h"
#include "ring_pair.h"

#define SMALL 40
#define FULL 9 /* messages that are there before the victim begins */

static pair p;
static unsigned char bytes[LARGE];

static void put(uint32_t number, uint32_t size)
{
    memset(bytes, (int)number, size);
    CHECK(ring_put_dropping(&p.writer, bytes, size, number, true) == RESULT_OK);
    ring_publish(&p.writer);
}

static void a_full_ring(void)
{
    p = pair_open();
    ring_drop_oldest(&p.writer);
    put(0, CAPACITY); /* in the large place */
    for (uint32_t number = 1; number < FULL; number++)
        put(number, CAPACITY / 8 - RING_NUMBERED);
    CHECK(p.writer.dropped == 1);
}

/* --- the writer dies */

static void writes(void)
{
    put(FULL, SMALL);
    put(FULL + 1, CAPACITY / 2 + 1);
    put(FULL + 2, 3 * SMALL);
    put(FULL + 3, CAPACITY / 2 + 1); /* the large place again */
    ring_writer_close(&p.writer);
}

/* How many there are: whole, and in order. */
static uint32_t take_all(void)
{
    ring_record record;
    uint32_t count = 0;
    CHECK(ring_look(&p.reader, &record) == RESULT_DROPS);
    while (ring_claim(&p.reader, &record) == RESULT_OK) {
        ring_copy(&record, bytes);
        CHECK(ring_take(&p.reader, &record));
        CHECK(record.number == (record.kind & ~RING_LARGE));
        for (uint32_t i = 0; i < record.size; i++)
            CHECK(bytes[i] == record.number);
        count++;
    }
    CHECK(!p.reader.unusual || p.reader.unusual == RING_DROPS);
    CHECK(count + p.reader.dropped == p.reader.number);
    return count;
}

static void the_reader_finds_what_is_left(bool killed)
{
    uint32_t count = take_all();
    CHECK(count == 0 || (p.reader.number >= FULL && p.reader.number <= FULL + 4));
    CHECK(killed || (count == 2 && p.reader.number == FULL + 4));
    pair_close(&p);
}

static void a_ring_whose_oldest_is_being_copied(void)
{
    ring_record record;
    a_full_ring();
    CHECK(ring_look(&p.reader, &record) == RESULT_DROPS);
    CHECK(ring_claim(&p.reader, &record) == RESULT_OK);
}

static void the_copy_was_good_if_it_was_taken(bool killed)
{
    ring_record record = {.after = CAPACITY / 8, .number = 1};
    record.after += p.reader.position; /* what it has claimed */
    bool taken = ring_take(&p.reader, &record);
    CHECK(!taken || killed);
    the_reader_finds_what_is_left(killed);
}

/* --- the reader dies */

static void reads(void)
{
    ring_record record;
    CHECK(ring_reader_asleep(&p.reader, RING_ON_BELL) == 0);
    CHECK(take_all() == FULL - 1);
    CHECK(ring_reader_asleep(&p.reader, RING_ON_BELL));
    ring_reader_awake(&p.reader);
    CHECK(ring_claim(&p.reader, &record) == RESULT_EMPTY);
    ring_reader_close(&p.reader);
}

static void the_writer_goes_on(bool killed)
{
    uint64_t before = p.writer.dropped;
    for (uint32_t number = FULL; number < 3 * FULL; number++)
        put(number, number % 5 ? CAPACITY / 8 - RING_NUMBERED : LARGE);
    CHECK(p.writer.dropped > before && p.writer.dropped <= 3 * FULL);
    CHECK(killed || ring_reader_closed(&p.writer));
    pair_close(&p);
}

static void everywhere(const char *who, void (*before)(void), void (*victim)(void),
                       void (*after)(bool killed))
{
    long deaths = 0;
    for (bool killed = true; killed; deaths += killed) {
        before();
        killed = dies_at(deaths + 1, -1, victim);
        after(killed);
    }
    CHECK(deaths > 3);
    printf("    %s killed at each of %ld stores\n", who, deaths);
}

static void a_writer_that_dies_leaves_whole_messages(void)
{
    everywhere("a writer", a_full_ring, writes, the_reader_finds_what_is_left);
    everywhere("a writer beside a copy", a_ring_whose_oldest_is_being_copied, writes,
               the_copy_was_good_if_it_was_taken);
}

static void a_reader_that_dies_holds_up_nobody(void)
{
    everywhere("a reader", a_full_ring, reads, the_writer_goes_on);
}

static void makes_it(void)
{
    ring_drop_oldest(&p.writer);
    put(0, 0);
}

static void an_empty_ring(void) { p = pair_open(); }

static void it_has_the_rule_or_nothing(bool killed)
{
    ring_record record;
    result answer = ring_look(&p.reader, &record);
    CHECK(answer == RESULT_DROPS || (killed && answer == RESULT_EMPTY));
    pair_close(&p);
}

static void whoever_makes_it_makes_it_whole(void)
{
    everywhere("a maker", an_empty_ring, makes_it, it_has_the_rule_or_nothing);
}

int main(void)
{
    RUN(whoever_makes_it_makes_it_whole);
    RUN(a_writer_that_dies_leaves_whole_messages);
    RUN(a_reader_that_dies_holds_up_nobody);
    return 0;
}
