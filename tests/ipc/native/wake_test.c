/* Whoever sleeps is woken by what it waits for, and not by a look of its own: asleep.h. */
#include "asleep.h"
#include "broadcast.h"
#include "queue_member.h"
#include "ring_pair.h"
#include "value.h"

/* --- the ring */

static void for_a_message(void *of)
{
    ring *r = of;
    ring_record record;
    while (ring_look(r, &record) == RESULT_EMPTY) {
        uint32_t word = ring_reader_asleep(r, RING_ON_WORD);
        if (word)
            ring_reader_nap(r, word, BELL_FOR_EVER);
        ring_reader_awake(r);
    }
}

static void for_room_in_a_ring(void *of)
{
    ring *r = of;
    ring_record record;
    while (ring_reserve(r, 8, &record) == RESULT_FULL) {
        uint32_t word = ring_writer_asleep(r, 8, RING_ON_WORD);
        if (word)
            ring_writer_nap(r, word, BELL_FOR_EVER);
        ring_writer_awake(r);
    }
}

static result send_one(ring *r)
{
    ring_record record;
    result answer = ring_reserve(r, 8, &record);
    if (answer == RESULT_OK) {
        memset(record.bytes, 1, 8);
        ring_append(r, &record, 8, 0);
        ring_publish(r);
    }
    return answer;
}

static void a_message_wakes_the_reader_of_a_ring(void)
{
    pair p = pair_open();
    sleeper s = {.who = "the reader of a ring", .sleep = for_a_message, .of = &p.reader};
    fall_asleep_for(&s);
    CHECK(send_one(&p.writer) == RESULT_OK);
    must_wake(&s);
    pair_close(&p);
}

static void room_wakes_the_writer_of_a_ring(void)
{
    pair p = pair_open();
    ring_record record;
    while (send_one(&p.writer) == RESULT_OK) {
    }
    sleeper s = {.who = "the writer of a ring", .sleep = for_room_in_a_ring, .of = &p.writer};
    fall_asleep_for(&s);
    CHECK(ring_look(&p.reader, &record) == RESULT_OK);
    ring_pass(&p.reader, &record);
    ring_release(&p.reader, p.reader.position);
    must_wake(&s);
    pair_close(&p);
}

/* --- the queue */

static void for_an_item(void *of)
{
    member *m = of;
    queue_message message;
    char bytes[16];
    queue_try try = {.until = BELL_FOR_EVER};
    while (queue_receive(&m->q, &message, 1, bytes, sizeof bytes, &try) == RESULT_EMPTY) {
        queue_sleep(&m->q, QUEUE_ITEMS, try.turn, &(sentry_wait){0}, BELL_FOR_EVER);
        try.slept = true;
    }
}

static const queue_parcel parcels[] = {{"a", 1, 0}, {"b", 1, 0}};

static void for_room_in_a_queue(void *of)
{
    member *m = of;
    queue_try try = {.until = BELL_FOR_EVER};
    while (queue_send(&m->q, parcels, 1, &try) == RESULT_FULL) {
        queue_sleep(&m->q, QUEUE_ROOM, try.turn, &(sentry_wait){0}, BELL_FOR_EVER);
        try.slept = true;
    }
}

static void for_the_end_of_all_work(void *of)
{
    member *m = of;
    queue_try try = {.until = BELL_FOR_EVER};
    while (queue_all_finished(&m->q, &try) == RESULT_FULL)
        queue_sleep(&m->q, QUEUE_FINISHED, try.turn, &(sentry_wait){0}, BELL_FOR_EVER);
}

static void two_at_a_queue_with_an_item(member *m, member *other, uint32_t capacity, bool redeliver)
{
    make(64 * QUEUE_BLOCK, capacity, redeliver);
    join(m);
    join(other);
    CHECK(put(m, "x", 1, 0) == RESULT_OK);
}

static void both_leave(member *m, member *other)
{
    leave(other);
    leave(m);
    finish();
}

static void two_items_put_at_once_wake_two_at_a_queue(void)
{
    member m, takers[2];
    sleeper sleepers[2];
    queue_try try = {.until = BELL_FOR_EVER};
    make(64 * QUEUE_BLOCK, 0, false);
    join(&m);
    for (int i = 0; i < 2; i++) {
        join(&takers[i]);
        sleepers[i] = (sleeper){.who = i ? "the second who waits for an item of a queue"
                                         : "the first who waits for an item of a queue",
                                .sleep = for_an_item, .of = &takers[i]};
        fall_asleep_for(&sleepers[i]);
    }
    CHECK(queue_send(&m.q, parcels, 2, &try) == RESULT_OK);
    for (int i = 0; i < 2; i++)
        must_wake(&sleepers[i]);
    for (int i = 0; i < 2; i++)
        leave(&takers[i]);
    leave(&m);
    finish();
}

static void room_wakes_who_puts_into_a_queue(void)
{
    member m, other;
    queue_message message;
    char bytes[16];
    two_at_a_queue_with_an_item(&m, &other, 1, false);
    sleeper s = {.who = "who waits for room in a queue", .sleep = for_room_in_a_queue, .of = &other};
    fall_asleep_for(&s);
    CHECK(get(&m, bytes, &message) == RESULT_OK);
    must_wake(&s);
    both_leave(&m, &other);
}

static void the_last_one_done_wakes_who_waits_for_the_end(void)
{
    member m, other;
    queue_message message;
    char bytes[16];
    two_at_a_queue_with_an_item(&m, &other, 0, false);
    CHECK(get(&m, bytes, &message) == RESULT_OK);
    sleeper s = {.who = "who waits for the end of all work", .sleep = for_the_end_of_all_work,
                 .of = &other};
    fall_asleep_for(&s);
    CHECK(done(&m, &message, false) == RESULT_OK);
    must_wake(&s);
    both_leave(&m, &other);
}

static void shutting_down_wakes_who_waits_for_an_item_or_for_room(void)
{
    member m, others[3];
    sleeper sleepers[3];
    for (int full = 0; full < 2; full++) {
        make(64 * QUEUE_BLOCK, 1, false);
        join(&m);
        if (full)
            CHECK(put(&m, "x", 1, 0) == RESULT_OK);
        for (int i = 0; i < 3; i++) {
            join(&others[i]);
            sleepers[i] = (sleeper){.who = full ? "who waits for room in a queue that is shut down"
                                                : "who waits for an item of a queue that is shut down",
                                    .sleep = full ? for_room_in_a_queue : for_an_item,
                                    .of = &others[i]};
            fall_asleep_for(&sleepers[i]);
        }
        CHECK(queue_shut_down(&m.q, false, BELL_FOR_EVER) == RESULT_OK);
        for (int i = 0; i < 3; i++)
            must_wake(&sleepers[i]);
        for (int i = 0; i < 3; i++)
            leave(&others[i]);
        leave(&m);
        finish();
    }
}

static void the_last_one_done_wakes_who_waits_for_what_comes_again(void)
{
    member m, other;
    queue_message message;
    char bytes[16];
    two_at_a_queue_with_an_item(&m, &other, 0, true);
    CHECK(get(&m, bytes, &message) == RESULT_OK);
    CHECK(queue_shut_down(&m.q, false, BELL_FOR_EVER) == RESULT_OK);
    sleeper s = {.who = "who waits for what may come again", .sleep = for_an_item, .of = &other};
    fall_asleep_for(&s);
    CHECK(done(&m, &message, false) == RESULT_OK);
    must_wake(&s);
    both_leave(&m, &other);
}

/* --- what has one writer at a time */

static roster somebody = {.tag = 1 << ROSTER_PLACE_BITS | 1};
static roster somebody_else = {.tag = 1 << ROSTER_PLACE_BITS | 2};

static void *zeros(size_t size)
{
    void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    return shared;
}

static void for_a_value(void *of)
{
    value *v = of;
    while (atomic_load(&v->shared->version) == 0)
        value_sleep(v, 0, &(sentry_wait){0}, BELL_FOR_EVER);
}

static void a_new_value_wakes_who_waits_for_it(void)
{
    value v = {.shared = zeros(value_size(8)), .most = 8, .members = &somebody};
    sleeper s = {.who = "who waits for a value", .sleep = for_a_value, .of = &v};
    fall_asleep_for(&s);
    CHECK(value_lock(&v, true) == RESULT_OK && value_set(&v, "x", 1) == RESULT_OK);
    value_unlock(&v);
    must_wake(&s);
}

static void for_a_broadcast(void *of)
{
    broadcast *b = of;
    char bytes[16];
    uint64_t size, missed;
    while (broadcast_read(b, bytes, sizeof bytes, &size, &missed) == RESULT_EMPTY)
        broadcast_sleep(b, &(sentry_wait){0}, BELL_FOR_EVER);
}

static void a_broadcast_wakes_who_listens(void)
{
    broadcast writer = {.shared = zeros(sizeof(broadcast_shared) + 512), .capacity = 64};
    broadcast reader = writer;
    sleeper s = {.who = "who listens to a broadcast", .sleep = for_a_broadcast, .of = &reader};
    fall_asleep_for(&s);
    CHECK(broadcast_write(&writer, "x", 1) == RESULT_OK);
    must_wake(&s);
}

static _Atomic uint32_t the_lock;

static void for_a_lock(void *of)
{
    CHECK(lock_take(&the_lock, of, true) == LOCK_TAKEN);
    lock_release(&the_lock);
}

static void a_lock_that_is_released_wakes_one_after_the_other(void)
{
    sleeper sleepers[2] = {
        {.who = "the first who waits for a lock", .sleep = for_a_lock, .of = &somebody},
        {.who = "the second who waits for a lock", .sleep = for_a_lock, .of = &somebody}};
    CHECK(lock_take(&the_lock, &somebody_else, true) == LOCK_TAKEN);
    for (int i = 0; i < 2; i++)
        fall_asleep_for(&sleepers[i]);
    lock_release(&the_lock);
    for (int i = 0; i < 2; i++)
        must_wake(&sleepers[i]);
}

int main(void)
{
    RUN(a_message_wakes_the_reader_of_a_ring);
    RUN(room_wakes_the_writer_of_a_ring);
    RUN(two_items_put_at_once_wake_two_at_a_queue);
    RUN(room_wakes_who_puts_into_a_queue);
    RUN(shutting_down_wakes_who_waits_for_an_item_or_for_room);
    RUN(the_last_one_done_wakes_who_waits_for_what_comes_again);
    RUN(the_last_one_done_wakes_who_waits_for_the_end);
    RUN(a_new_value_wakes_who_waits_for_it);
    RUN(a_broadcast_wakes_who_listens);
    RUN(a_lock_that_is_released_wakes_one_after_the_other);
    return 0;
}
