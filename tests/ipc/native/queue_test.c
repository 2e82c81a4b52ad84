/* The queue alone: order, bounds, redelivery, many at once, and a hostile file. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "queue_member.h"

static void items_come_out_in_order_whatever_their_size(void)
{
    make(1 << 20, 0, false);
    member a, b;
    join(&a);
    join(&b);
    static unsigned char bytes[5000], read[5000];
    queue_message message;
    CHECK(get(&b, read, &message) == RESULT_EMPTY);
    const uint32_t sizes[] = {0, 1, 215, 216, 217, 432, 433, 5000};
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 8; i++) {
            memset(bytes, (int)('a' + i), sizes[i]);
            CHECK(put(&a, bytes, sizes[i], i) == RESULT_OK);
        }
        for (uint32_t i = 0; i < 8; i++) {
            CHECK(get(&b, read, &message) == RESULT_OK);
            CHECK(message.size == sizes[i] && message.kind == i);
            for (uint32_t at = 0; at < sizes[i]; at++)
                CHECK(read[at] == 'a' + i);
        }
    }
    CHECK(!leave(&a));
    CHECK(leave(&b));
    finish();
}

static void a_full_queue_says_so_by_number_and_by_bytes(void)
{
    member a;
    queue_message message;
    unsigned char read[1000];
    make(1 << 20, 3, false);
    join(&a);
    for (int i = 0; i < 3; i++)
        CHECK(put(&a, "item", 4, 0) == RESULT_OK);
    CHECK(put(&a, "item", 4, 0) == RESULT_FULL);
    CHECK(get(&a, read, &message) == RESULT_OK);
    CHECK(put(&a, "item", 4, 0) == RESULT_OK);
    CHECK(!leave(&a)); /* not empty */
    finish();

    make(4 * QUEUE_BLOCK, 0, false);
    join(&a);
    CHECK(put(&a, read, 3 * QUEUE_BODY, 0) == RESULT_OK);
    CHECK(put(&a, read, QUEUE_BODY + 1, 0) == RESULT_FULL);
    CHECK(put(&a, read, QUEUE_BODY, 0) == RESULT_OK);
    CHECK(put(&a, read, 0, 0) == RESULT_FULL);
    CHECK(put(&a, read, 4 * QUEUE_BODY + 1, 0) == RESULT_TOO_LARGE);
    CHECK(get(&a, read, &message) == RESULT_OK);
    CHECK(put(&a, read, 3 * QUEUE_BODY, 0) == RESULT_OK);
    leave(&a);
    finish();
}

static void an_item_given_back_comes_again_first_and_marked(void)
{
    make(1 << 20, 0, true);
    member a;
    join(&a);
    queue_message first, second, again;
    unsigned char read[16];
    put(&a, "1", 1, 0);
    put(&a, "2", 1, 0);
    put(&a, "3", 1, 0);
    CHECK(get(&a, read, &first) == RESULT_OK && read[0] == '1' && first.deliveries == 0);
    CHECK(get(&a, read, &second) == RESULT_OK && read[0] == '2');
    CHECK(done(&a, &first, true) == RESULT_OK);
    CHECK(get(&a, read, &again) == RESULT_OK && read[0] == '1' && again.deliveries == 1);
    CHECK(done(&a, &again, false) == RESULT_OK);
    CHECK(done(&a, &again, false) == RESULT_EMPTY); /* once is enough */
    CHECK(done(&a, &second, false) == RESULT_OK);
    CHECK(atomic_load(&a.q.shared->unfinished) == 1);
    leave(&a);
    finish();
}

static void a_member_that_leaves_gives_back_what_it_had(void)
{
    make(1 << 20, 0, true);
    member a, b;
    join(&a);
    join(&b);
    queue_message message;
    unsigned char read[16];
    put(&a, "1", 1, 0);
    CHECK(get(&b, read, &message) == RESULT_OK);
    CHECK(get(&a, read, &message) == RESULT_EMPTY);
    leave(&b);
    CHECK(get(&a, read, &message) == RESULT_OK && message.deliveries == 1);
    leave(&a);
    finish();
}

static result try_to_receive(member *m, queue_message *message)
{
    char bytes[16];
    queue_try try = {.until = BELL_FOR_EVER};
    return queue_receive(&m->q, message, 1, bytes, sizeof bytes, &try);
}

static void what_is_shut_down_is_over_when_nothing_can_come_any_more(void)
{
    member a, b;
    queue_message first, second, none;
    for (int redeliver = 0; redeliver < 2; redeliver++) {
        make(1 << 16, 1, redeliver);
        join(&a);
        join(&b);
        CHECK(put(&a, "1", 1, 0) == RESULT_OK);
        CHECK(queue_shut_down(&a.q, false, BELL_FOR_EVER) == RESULT_OK);
        CHECK(put(&a, "2", 1, 0) == RESULT_SHUT_DOWN);
        CHECK(try_to_receive(&a, &first) == RESULT_OK);
        CHECK(try_to_receive(&a, &none) == RESULT_SHUT_DOWN); /* also with something in hand */
        CHECK(try_to_receive(&b, &none) == (redeliver ? RESULT_EMPTY : RESULT_SHUT_DOWN));
        if (redeliver) {
            CHECK(done(&a, &first, true) == RESULT_OK);
            CHECK(try_to_receive(&b, &second) == RESULT_OK && second.deliveries == 1);
            CHECK(try_to_receive(&a, &none) == RESULT_EMPTY);
            CHECK(done(&b, &second, false) == RESULT_OK);
            CHECK(try_to_receive(&a, &none) == RESULT_SHUT_DOWN);
        }
        leave(&a);
        CHECK(leave(&b));
        finish();
    }
}

static void what_is_shut_down_at_once_is_thrown_away_and_does_not_come_again(void)
{
    member a, b;
    queue_message first, none;
    queue_try try = {.until = BELL_FOR_EVER};
    make(1 << 16, 0, true);
    join(&a);
    join(&b);
    for (int i = 0; i < 3; i++)
        CHECK(put(&a, "x", 1, 0) == RESULT_OK);
    CHECK(try_to_receive(&b, &first) == RESULT_OK);
    CHECK(queue_shut_down(&a.q, true, BELL_FOR_EVER) == RESULT_OK);
    CHECK(queue_shut_down(&a.q, false, BELL_FOR_EVER) == RESULT_OK); /* changes nothing */
    CHECK(atomic_load(&a.q.shared->dropped) == 2);
    CHECK(try_to_receive(&a, &none) == RESULT_SHUT_DOWN);
    CHECK(queue_all_finished(&a.q, &try) == RESULT_FULL); /* somebody works still */
    CHECK(done(&b, &first, true) == RESULT_OK);
    CHECK(try_to_receive(&a, &none) == RESULT_SHUT_DOWN);
    CHECK(queue_all_finished(&a.q, &try) == RESULT_OK);
    leave(&a);
    CHECK(leave(&b));
    finish();
}

/* Many at once, each in a thread with a handle of its own. */
#define EACH 4000
#define PRODUCERS 3
#define CONSUMERS 3
static _Atomic int taken;
static _Atomic unsigned char seen[PRODUCERS][EACH];

static void *produce(void *argument)
{
    uint32_t me = (uint32_t)(uintptr_t)argument;
    member m;
    join(&m);
    unsigned seed = me + 1;
    unsigned char bytes[1000];
    for (uint32_t i = 0; i < EACH; i++) {
        uint32_t size = random_next(&seed) % sizeof bytes;
        memset(bytes, (int)(i & 255), size);
        for (;;) {
            CHECK(queue_take(&m.q, BELL_FOR_EVER) == RESULT_OK);
            result answer = queue_put(&m.q, bytes, size, me << 16 | i);
            uint32_t turn = 0;
            if (answer == RESULT_FULL)
                turn = queue_asleep(&m.q, QUEUE_ROOM);
            else
                queue_pass_on(&m.q, QUEUE_ROOM);
            queue_release(&m.q);
            if (answer == RESULT_OK)
                break;
            CHECK(answer == RESULT_FULL);
            queue_sleep(&m.q, QUEUE_ROOM, turn, &(sentry_wait){0}, BELL_FOR_EVER);
        }
    }
    leave(&m);
    return NULL;
}

static void *consume(void *argument)
{
    (void)argument;
    member m;
    join(&m);
    uint32_t newest[PRODUCERS] = {0};
    unsigned char bytes[1000];
    while (atomic_load(&taken) < EACH * PRODUCERS) {
        queue_message message;
        CHECK(queue_take(&m.q, BELL_FOR_EVER) == RESULT_OK);
        result answer = queue_first(&m.q, &message);
        uint32_t turn = 0;
        if (answer == RESULT_OK) {
            CHECK(queue_copy(&m.q, &message, bytes) == RESULT_OK);
            CHECK(queue_get(&m.q, &message) == RESULT_OK);
            queue_pass_on(&m.q, QUEUE_ITEMS);
        } else {
            CHECK(answer == RESULT_EMPTY);
            turn = queue_asleep(&m.q, QUEUE_ITEMS);
        }
        queue_release(&m.q);
        if (answer == RESULT_EMPTY) {
            queue_sleep(&m.q, QUEUE_ITEMS, turn, &(sentry_wait){0}, clock_ns() + 20000000);
            continue;
        }
        atomic_fetch_add(&taken, 1);
        uint32_t from = message.kind >> 16, number = message.kind & 65535;
        CHECK(number >= newest[from]); /* in order, as far as one consumer can tell */
        newest[from] = number;
        CHECK(atomic_fetch_add(&seen[from][number], 1) == 0);
        for (uint32_t i = 0; i < message.size; i++)
            CHECK(bytes[i] == (number & 255));
    }
    leave(&m);
    return NULL;
}

static void many_at_once_lose_and_double_nothing(void)
{
    make(64 * QUEUE_BLOCK, 16, false);
    pthread_t threads[PRODUCERS + CONSUMERS];
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
        CHECK(pthread_create(&threads[i], NULL, i < PRODUCERS ? produce : consume,
                             (void *)(uintptr_t)i) == 0);
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(atomic_load(&taken) == EACH * PRODUCERS);
    finish();
}

/* Those who empty it give memory back while others put: what is put is never among what is given back. */
#define LARGE 500000 /* more than QUEUE_TRIM_BLOCKS */
#define LARGE_EACH 150
static _Atomic int putting, trims;

static void *put_when_empty(void *argument)
{
    unsigned char *bytes = malloc(LARGE);
    member m;
    join(&m);
    unsigned seed = (unsigned)(uintptr_t)argument + 1;
    for (int i = 0; i < LARGE_EACH; i++) {
        int fill = 1 + (int)(random_next(&seed) % 255);
        memset(bytes, fill, LARGE);
        while (atomic_load(&m.q.shared->count))
            processor_relax();
        CHECK(put(&m, bytes, LARGE, (uint32_t)fill) == RESULT_OK);
    }
    leave(&m);
    free(bytes);
    atomic_fetch_sub(&putting, 1);
    return NULL;
}

static void *get_and_give_back(void *argument)
{
    (void)argument;
    unsigned char *bytes = malloc(LARGE);
    member m;
    join(&m);
    queue_message message;
    for (;;) {
        bool last = !atomic_load(&putting);
        result answer = get(&m, bytes, &message);
        CHECK(answer == RESULT_OK || answer == RESULT_EMPTY);
        if (m.q.spare) {
            CHECK(queue_trim(&m.q) == RESULT_OK);
            atomic_fetch_add(&trims, 1);
        }
        if (answer == RESULT_EMPTY) {
            if (last)
                break;
            sched_yield();
            continue;
        }
        CHECK(message.size == LARGE);
        for (uint32_t i = 0; i < LARGE; i++)
            CHECK(bytes[i] == message.kind);
    }
    leave(&m);
    free(bytes);
    return NULL;
}

static void what_is_put_beside_the_giving_back_of_memory_is_whole(void)
{
    make(8192 * QUEUE_BLOCK, 0, false);
    pthread_t threads[4];
    atomic_store(&putting, 2);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, i < 2 ? put_when_empty : get_and_give_back,
                             (void *)(uintptr_t)i) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(atomic_load(&trims) > 0);
    finish();
}

static void a_file_that_is_no_queue_is_refused(void)
{
    make(1 << 16, 0, false);
    int fd = open(path, O_RDWR);
    queue q;
    const uint64_t nonsense[] = {0, UINT64_MAX, 1 << 30};
    for (int i = 0; i < 3; i++) {
        queue_control *control = memory_map(fd, 0, 4096);
        uint64_t blocks = control->blocks;
        control->blocks = nonsense[i];
        CHECK(queue_open(&q, fd) == RESULT_CORRUPT);
        control->blocks = blocks;
        control->magic++;
        CHECK(queue_open(&q, fd) == RESULT_CORRUPT);
        control->magic--;
        memory_unmap(control, 4096);
    }
    CHECK(ftruncate(fd, 4096) == 0);
    CHECK(queue_open(&q, fd) == RESULT_CORRUPT);
    close(fd);
    finish();
}

int main(void)
{
    RUN(items_come_out_in_order_whatever_their_size);
    RUN(a_full_queue_says_so_by_number_and_by_bytes);
    RUN(an_item_given_back_comes_again_first_and_marked);
    RUN(a_member_that_leaves_gives_back_what_it_had);
    RUN(what_is_shut_down_is_over_when_nothing_can_come_any_more);
    RUN(what_is_shut_down_at_once_is_thrown_away_and_does_not_come_again);
    RUN(many_at_once_lose_and_double_nothing);
    RUN(what_is_put_beside_the_giving_back_of_memory_is_whole);
    RUN(a_file_that_is_no_queue_is_refused);
    return 0;
}
