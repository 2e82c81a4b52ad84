/* What the other kill tests leave out: whoever makes a queue, drops, waits, clears away the dead, reads
 * a ring, broadcasts or listens is killed at every store; and each time the others find all in order. */
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "broadcast.h"
#include "check.h"
#include "kill.h"
#include "queue_member.h"
#include "ring.h"
#include "value.h"
#include "watch.h"

static member survivor;

static bool dies(long kill_at, void (*victim)(void))
{
    return dies_at(kill_at, survivor.fd, victim);
}

static void everywhere(const char *what, void (*before)(void), void (*victim)(void),
                       void (*after)(bool killed))
{
    long deaths = 0;
    survivor.fd = -1;
    for (;; deaths++) {
        before();
        bool killed = dies(deaths + 1, victim);
        after(killed);
        if (!killed)
            break;
    }
    CHECK(deaths > 0);
    printf("    %s killed at each of %ld stores\n", what, deaths);
}

static void put_number(member *m, uint32_t number)
{
    CHECK(put(m, &number, sizeof number, number) == RESULT_OK);
}

/* Take what is there and finish it; the numbers must go up. How many there were. */
static uint32_t take_all(member *m, uint32_t *newest)
{
    unsigned char bytes[1000];
    queue_message message;
    uint32_t count = 0;
    *newest = 0;
    CHECK(queue_clear_dead(&m->q) == RESULT_OK);
    while (get(m, bytes, &message) == RESULT_OK) {
        CHECK(message.kind > *newest);
        *newest = message.kind;
        CHECK(done(m, &message, false) == RESULT_OK);
        count++;
    }
    CHECK(atomic_load(&m->q.shared->unfinished) == 0);
    return count;
}

/* --- making */

static void an_empty_file(void)
{
    file = memfd_create("queue", 0);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), file);
}

static void makes(void) { CHECK(queue_make(file, 1 << 16, 5, true) == RESULT_OK); }

static void it_is_no_queue_or_a_whole_one(bool killed)
{
    queue q;
    int fd = open(path, O_RDWR);
    result answer = queue_open(&q, fd);
    CHECK(answer == RESULT_OK || (killed && answer == RESULT_CORRUPT));
    if (answer == RESULT_OK) {
        bool last, empty;
        CHECK(q.capacity == 5 && q.redeliver);
        queue_close(&q, &last, &empty);
        CHECK(last && empty);
    }
    close(fd);
    finish();
}

/* --- giving memory back */

#define MUCH (2100 * QUEUE_BODY) /* over QUEUE_TRIM_BLOCKS */

static unsigned char much[MUCH], read_back[MUCH];

static long memory_of(void)
{
    struct stat status;
    CHECK(fstat(file, &status) == 0);
    return (long)status.st_blocks * 512;
}

static void a_large_message(void)
{
    make(3000 * QUEUE_BLOCK, 0, false);
    join(&survivor);
    memset(much, 7, MUCH);
    CHECK(put(&survivor, much, MUCH, 1) == RESULT_OK);
    CHECK(memory_of() > MUCH);
}

static void empties_and_trims(void)
{
    member m;
    queue_message message;
    join(&m);
    CHECK(get(&m, read_back, &message) == RESULT_OK && m.q.spare);
    CHECK(queue_trim(&m.q) == RESULT_OK && !m.q.spare);
    leave(&m);
}

static void it_holds_as_much_again(bool killed)
{
    queue_message message;
    CHECK(queue_clear_dead(&survivor.q) == RESULT_OK);
    result answer = get(&survivor, read_back, &message);
    CHECK(answer == RESULT_EMPTY || (killed && answer == RESULT_OK && !memcmp(much, read_back, MUCH)));
    for (int round = 0; round < 2; round++) {
        memset(much, 8 + round, MUCH);
        CHECK(put(&survivor, "x", 1, 2) == RESULT_OK && put(&survivor, much, MUCH, 3) == RESULT_OK);
        CHECK(get(&survivor, read_back, &message) == RESULT_OK && message.kind == 2);
        CHECK(get(&survivor, read_back, &message) == RESULT_OK && message.kind == 3);
        CHECK(!memcmp(much, read_back, MUCH));
        CHECK(survivor.q.spare && queue_trim(&survivor.q) == RESULT_OK);
        CHECK(memory_of() < MUCH / 2);
    }
    leave(&survivor);
    finish();
}

/* --- dropping the oldest, and waiting for room */

static void a_full_queue(void)
{
    make(1 << 16, 3, true);
    join(&survivor);
    for (uint32_t number = 1; number <= 3; number++)
        put_number(&survivor, number);
}

static void drops_and_waits(void)
{
    member m;
    join(&m);
    m.q.watching = true; /* it is rung by the file, and rings */
    queue_parcel parcel = {"four", 4, 4};
    queue_try try = {.until = BELL_FOR_EVER, .drop_oldest = true};
    CHECK(queue_send(&m.q, &parcel, 1, &try) == RESULT_OK);
    try.drop_oldest = false;
    parcel.kind = 5;
    CHECK(queue_send(&m.q, &parcel, 1, &try) == RESULT_FULL);
    queue_sleep(&m.q, QUEUE_ROOM, try.turn, &(sentry_wait){0}, 0);
    unsigned char bytes[100];
    queue_message message;
    CHECK(queue_receive(&m.q, &message, 1, bytes, sizeof bytes, &try) == RESULT_OK);
    try.slept = true;
    CHECK(queue_send(&m.q, &parcel, 1, &try) == RESULT_OK);
    CHECK(queue_finish(&m.q, message.index, message.sequence, true, BELL_FOR_EVER) == RESULT_OK);
    queue_wake_all(&m.q);
    leave(&m);
}

static void at_most_one_was_dropped(bool killed)
{
    uint32_t newest, count = take_all(&survivor, &newest);
    /* What had been taken before it died comes again; the drop and the two puts are done or not. */
    CHECK(killed ? count >= 2 && count <= 4 : count == 4 && newest == 5);
    CHECK(leave(&survivor));
    finish();
}

/* --- settling what it holds */

static void a_queue_that_is_open(void)
{
    file = memfd_create("queue", 0);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), file);
    CHECK(queue_make_open(file, 1 << 16, 1000, false) == RESULT_OK);
    join(&survivor);
}

static void settles(void)
{
    member m;
    join(&m);
    CHECK(queue_settle(&m.q, 32, 3, true, BELL_FOR_EVER) == RESULT_OK);
    leave(&m);
}

static void puts_the_first(void)
{
    member m;
    join(&m);
    put_number(&m, 1);
    leave(&m);
}

static void it_is_settled_wholly_or_not_at_all(bool killed)
{
    member late;
    CHECK(queue_clear_dead(&survivor.q) == RESULT_OK);
    join(&late);
    queue_follow(&survivor.q);
    const queue *views[] = {&survivor.q, &late.q};
    for (int i = 0; i < 2; i++) {
        bool settled = views[i]->settled;
        CHECK(settled || killed);
        CHECK(views[i]->capacity == (settled ? 3 : 1000) && views[i]->redeliver == settled);
        CHECK(views[i]->blocks == (settled ? 32 : (1 << 16) / QUEUE_BLOCK));
    }
    CHECK(survivor.q.settled == late.q.settled);
    CHECK(queue_settle(&late.q, 16, 5, false, BELL_FOR_EVER) == RESULT_OK); /* too late, or in time */
    queue_follow(&survivor.q);
    CHECK(survivor.q.capacity == late.q.capacity && survivor.q.settled);
    leave(&late);
    CHECK(leave(&survivor));
    finish();
}

static void the_first_message_settles_it(bool killed)
{
    uint32_t newest;
    uint32_t count = take_all(&survivor, &newest);
    CHECK(count == 1 || killed);
    CHECK(survivor.q.settled || !count);
    CHECK(survivor.q.capacity == 1000 && !survivor.q.redeliver);
    CHECK(leave(&survivor));
    finish();
}

/* --- shutting down */

static bool at_once;

static void shuts_down(void)
{
    member m;
    join(&m);
    m.q.watching = true;
    CHECK(queue_shut_down(&m.q, at_once, BELL_FOR_EVER) == RESULT_OK);
    leave(&m);
}

static void it_is_shut_down_for_all_or_not_at_all(bool killed)
{
    unsigned char bytes[100];
    queue_message message;
    queue_try try = {.until = BELL_FOR_EVER};
    uint32_t count = 0;
    result answer;
    CHECK(queue_clear_dead(&survivor.q) == RESULT_OK);
    bool over = put(&survivor, "4", 1, 4) == RESULT_SHUT_DOWN; /* FULL: the victim was killed before */
    CHECK(over || killed);
    while ((answer = queue_receive(&survivor.q, &message, 1, bytes, sizeof bytes, &try)) == RESULT_OK) {
        CHECK(message.kind == ++count);
        CHECK(done(&survivor, &message, false) == RESULT_OK);
    }
    CHECK(answer == (over ? RESULT_SHUT_DOWN : RESULT_EMPTY));
    CHECK(count == (over && at_once ? 0 : 3));
    CHECK(queue_all_finished(&survivor.q, &try) == RESULT_OK);
    CHECK(leave(&survivor));
    finish();
}

/* --- clearing away the dead */

static void takes_and_keeps(void)
{
    member m;
    unsigned char bytes[100];
    queue_message message;
    join(&m);
    CHECK(get(&m, bytes, &message) == RESULT_OK);
    raise(SIGKILL);
}

static void a_queue_with_somebody_dead(void)
{
    a_full_queue();
    CHECK(dies(0, takes_and_keeps));
}

static void clears_away(void)
{
    member m;
    join(&m); /* in the dead one's place: repairs after it */
    CHECK(queue_clear_dead(&m.q) == RESULT_OK);
    leave(&m);
}

static void all_three_are_there(bool killed)
{
    (void)killed;
    uint32_t newest;
    CHECK(take_all(&survivor, &newest) == 3 && newest == 3);
    CHECK(!roster_find_dead(&survivor.q.members));
    CHECK(leave(&survivor));
    finish();
}

static void stays_elsewhere_and_clears(void)
{
    /* Its own place was there before the death, so the dead one's is cleared and not taken over. */
    member m;
    join(&m);
    pid_t pid = fork();
    if (pid == 0) {
        close(m.fd);
        kill_countdown = 0;
        takes_and_keeps();
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    CHECK(queue_clear_dead(&m.q) == RESULT_OK);
    leave(&m);
}

/* --- a lock whose guarded things cannot be repaired */

static void a_broken_queue_whose_lock_a_dead_one_has(void)
{
    a_full_queue();
    atomic_store(&survivor.q.shared->touched, UINT32_MAX);
    atomic_store(&survivor.q.shared->lock, LOCK_ABANDONED);
}

static void finds_it_broken(void)
{
    member m;
    join(&m);
    CHECK(queue_take(&m.q, BELL_FOR_EVER) == RESULT_CORRUPT);
    queue_abandon(&m.q);
}

static void others_find_it_broken_too(bool killed)
{
    (void)killed;
    CHECK(queue_take(&survivor.q, BELL_FOR_EVER) == RESULT_CORRUPT);
    queue_abandon(&survivor.q);
    close(survivor.fd);
    finish();
}

/* --- a lock that is waited for */

static void a_lock_that_somebody_has(void)
{
    a_full_queue();
    CHECK(queue_take(&survivor.q, BELL_FOR_EVER) == RESULT_OK);
}

static void waits_for_it(void)
{
    member m;
    join(&m);
    CHECK(queue_take(&m.q, clock_ns() + 5000000) == RESULT_TIMED_OUT);
    queue_abandon(&m.q);
}

static void *lets_go_after_a_while(void *argument)
{
    nanosleep(&(struct timespec){0, 3000000}, NULL);
    queue_release(&((member *)argument)->q);
    return NULL;
}

static void waits_for_a_thread(void)
{
    member holder, m;
    pthread_t thread;
    join(&holder);
    join(&m);
    CHECK(queue_take(&holder.q, BELL_FOR_EVER) == RESULT_OK);
    CHECK(pthread_create(&thread, NULL, lets_go_after_a_while, &holder) == 0);
    CHECK(queue_take(&m.q, BELL_FOR_EVER) == RESULT_OK);
    queue_release(&m.q);
    pthread_join(thread, NULL);
}

static void it_works_on(bool killed)
{
    queue_release(&survivor.q);
    all_three_are_there(killed);
}

/* --- the reader of a ring */

#define CAPACITY 4096
static int bell[2];
static void *control, *data, *large;
static ring writer, reader;

static bool write_number(uint32_t number)
{
    ring_record record;
    if (ring_reserve(&writer, 1000, &record) != RESULT_OK)
        return false;
    memset(record.bytes, (int)number, 1000);
    ring_append(&writer, &record, 1000, number);
    if (ring_publish(&writer))
        bell_ring(bell[0]);
    return true;
}

static void a_ring(void)
{
    int fd = memfd_create("ring", 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, bell) == 0);
    CHECK(ftruncate(fd, RING_CONTROL + CAPACITY * (1 + RING_PLACES)) == 0);
    control = memory_map(fd, 0, RING_CONTROL);
    data = memory_map_mirrored(fd, RING_CONTROL, CAPACITY);
    large = memory_map(fd, RING_CONTROL + CAPACITY, RING_PLACES * CAPACITY);
    close(fd);
    ring_start(&writer, control, data, CAPACITY, large, CAPACITY);
    ring_start(&reader, control, data, CAPACITY, large, CAPACITY);
    for (uint32_t number = 1; write_number(number); number++) {
    }
    CHECK(ring_writer_asleep(&writer, 1000, RING_ON_BELL)); /* so that the victim wakes it */
}

static void reads(void)
{
    ring_record record;
    close(bell[0]);
    for (uint32_t number = 1; ring_look(&reader, &record) == RESULT_OK; number++) {
        CHECK(record.kind == number);
        ring_pass(&reader, &record);
        if (ring_release(&reader, reader.position))
            bell_ring(bell[1]);
    }
    CHECK(ring_reader_asleep(&reader, RING_ON_BELL));
    ring_reader_awake(&reader);
    ring_reader_close(&reader);
}

static void the_writer_hears_of_it(bool killed)
{
    close(bell[1]);
    bool woken = false;
    for (;;) {
        bell_answer heard = bell_wait(bell[0], clock_ns() + 20000000000u);
        woken |= heard == BELL_RANG;
        CHECK(heard == BELL_RANG || heard == BELL_GONE); /* never slept through */
        if (heard == BELL_GONE)
            break;
    }
    ring_writer_awake(&writer);
    CHECK(killed || (woken && ring_reader_closed(&writer)));
    CHECK(!write_number(9) || write_number(10) || killed);
    CHECK(!writer.unusual);
    close(bell[0]);
    memory_unmap(control, RING_CONTROL);
    memory_unmap(data, 2 * CAPACITY);
    memory_unmap(large, RING_PLACES * CAPACITY);
}

static void waits_for_room(void)
{
    ring_writer_awake(&writer);
    CHECK(ring_writer_asleep(&writer, 1000, RING_ON_BELL));
    ring_writer_awake(&writer);
    ring_writer_close(&writer);
}

static void the_reader_finds_all_that_was_written(bool killed)
{
    (void)killed;
    ring_record record;
    uint32_t number = 0;
    while (ring_look(&reader, &record) == RESULT_OK) {
        CHECK(record.kind == ++number && record.size == 1000);
        ring_pass(&reader, &record);
    }
    CHECK(number == 4 && !reader.unusual);
    close(bell[0]);
    close(bell[1]);
    memory_unmap(control, RING_CONTROL);
    memory_unmap(data, 2 * CAPACITY);
    memory_unmap(large, RING_PLACES * CAPACITY);
}

/* --- a broadcast */

#define WORDS 64
static roster here;
static broadcast_shared *news;
static broadcast listener;

static void join_roster(roster *r)
{
    bool inherited;
    r->fd = open(path, O_RDWR);
    CHECK(r->fd >= 0 && roster_join(r, &inherited) == RESULT_OK);
}

static broadcast news_end(void)
{
    broadcast b = {.shared = news, .capacity = WORDS, .fd = file};
    patience_start(&b.patience);
    return b;
}

static void tell_numbers(broadcast *b, uint32_t count)
{
    unsigned char bytes[100];
    for (uint32_t i = 0; i < count; i++) {
        memset(bytes, (int)(b->number & 255), sizeof bytes);
        CHECK(broadcast_write(b, bytes, b->number * 7 % 100) == RESULT_OK);
    }
}

static void a_broadcast(void)
{
    file = memfd_create("broadcast", 0);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), file);
    CHECK(ftruncate(file, 32768) == 0);
    here.shared = memory_map(file, 0, sizeof(roster_table));
    news = memory_map(file, 16384, 16384);
    join_roster(&here);
    survivor.fd = here.fd; /* the victim closes its copy */
    listener = news_end();
    CHECK(broadcast_read_from(&listener) == RESULT_OK);
    atomic_store(&news->asleep, ASLEEP_ON_WORD | ASLEEP_ON_FILE); /* the victim wakes somebody */
}

static void broadcasts(void)
{
    roster me = {.shared = here.shared};
    join_roster(&me);
    broadcast b = news_end();
    CHECK(broadcast_claim(&b, &me) == RESULT_OK && broadcast_write_from(&b) == RESULT_OK);
    tell_numbers(&b, 12); /* more than once round */
    broadcast_disclaim(&b);
    roster_leave(&me);
}

static uint64_t hear_all(void)
{
    unsigned char bytes[100];
    uint64_t size, missed, total = 0;
    result answer;
    while ((answer = broadcast_read(&listener, bytes, sizeof bytes, &size, &missed)) == RESULT_OK) {
        uint64_t number = listener.number - 1;
        total += missed + 1;
        CHECK(size == number * 7 % 100);
        for (uint64_t i = 0; i < size; i++)
            CHECK(bytes[i] == (number & 255));
    }
    CHECK(answer == RESULT_EMPTY);
    return total;
}

static void the_next_one_goes_on(bool killed)
{
    uint64_t heard = hear_all();
    CHECK(killed ? heard <= 12 : heard == 12);
    broadcast b = news_end();
    CHECK(broadcast_claim(&b, &here) == RESULT_OK && broadcast_write_from(&b) == RESULT_OK);
    CHECK(b.number == heard);
    tell_numbers(&b, 12);
    CHECK(hear_all() == 12);
    broadcast_disclaim(&b);
    close(here.fd);
    memory_unmap(here.shared, sizeof(roster_table));
    memory_unmap(news, 16384);
    finish();
}

static void listens(void)
{
    broadcast b = news_end();
    CHECK(broadcast_read_from(&b) == RESULT_OK);
    broadcast_sleep(&b, &(sentry_wait){0}, clock_ns() + 1000000);
    CHECK(broadcast_watch(&b));
    broadcast_wake_all(&b);
}

static void nobody_minds(bool killed)
{
    (void)killed;
    the_next_one_goes_on(true);
}

/* --- who waits for a value */

static void waits_for_a_value(void)
{
    value v = {.shared = (value_shared *)(void *)news, .most = 100, .members = &here};
    value_sleep(&v, 0, &(sentry_wait){0}, clock_ns() + 1000000);
    CHECK(value_watch(&v, 0));
    value_wake_all(&v);
}

static void it_can_be_set(bool killed)
{
    (void)killed;
    value v = {.shared = (value_shared *)(void *)news, .most = 100, .members = &here};
    CHECK(value_lock(&v, true) == RESULT_OK && value_set(&v, "new", 3) == RESULT_OK);
    value_unlock(&v);
    close(here.fd);
    memory_unmap(here.shared, sizeof(roster_table));
    memory_unmap(news, 16384);
    finish();
}

static void whoever_makes_a_queue(void)
{
    everywhere("a maker", an_empty_file, makes, it_is_no_queue_or_a_whole_one);
}

static void whoever_gives_memory_back(void)
{
    everywhere("one that gives memory back", a_large_message, empties_and_trims,
               it_holds_as_much_again);
}

static void whoever_settles(void)
{
    everywhere("one that says what a queue holds", a_queue_that_is_open, settles,
               it_is_settled_wholly_or_not_at_all);
    everywhere("one that puts the first message", a_queue_that_is_open, puts_the_first,
               the_first_message_settles_it);
}

static void whoever_shuts_down(void)
{
    everywhere("one that shuts a queue down", a_full_queue, shuts_down,
               it_is_shut_down_for_all_or_not_at_all);
    at_once = true;
    everywhere("one that shuts it down at once", a_full_queue, shuts_down,
               it_is_shut_down_for_all_or_not_at_all);
}

static void whoever_drops_or_waits(void)
{
    everywhere("one that drops and waits", a_full_queue, drops_and_waits, at_most_one_was_dropped);
}

static void whoever_repairs(void)
{
    everywhere("an heir", a_queue_with_somebody_dead, clears_away, all_three_are_there);
    everywhere("one that clears", a_full_queue, stays_elsewhere_and_clears,
               all_three_are_there);
    everywhere("one that cannot repair", a_broken_queue_whose_lock_a_dead_one_has, finds_it_broken,
               others_find_it_broken_too);
    everywhere("one that gets the lock late", a_full_queue, waits_for_a_thread,
               all_three_are_there);
    everywhere("one that waits for the lock", a_lock_that_somebody_has, waits_for_it, it_works_on);
}

static void whoever_reads_or_waits_at_a_ring(void)
{
    everywhere("a reader", a_ring, reads, the_writer_hears_of_it);
    everywhere("a writer that waits", a_ring, waits_for_room,
               the_reader_finds_all_that_was_written);
}

static void whoever_broadcasts_or_listens(void)
{
    everywhere("a broadcaster", a_broadcast, broadcasts, the_next_one_goes_on);
    everywhere("a listener", a_broadcast, listens, nobody_minds);
}

static void whoever_waits_for_a_value(void)
{
    everywhere("a waiter", a_broadcast, waits_for_a_value, it_can_be_set);
}

int main(void)
{
    RUN(whoever_makes_a_queue);
    RUN(whoever_gives_memory_back);
    RUN(whoever_settles);
    RUN(whoever_shuts_down);
    RUN(whoever_drops_or_waits);
    RUN(whoever_repairs);
    RUN(whoever_reads_or_waits_at_a_ring);
    RUN(whoever_broadcasts_or_listens);
    RUN(whoever_waits_for_a_value);
    return 0;
}
