/* Whole operations, from taking the lock to waking the others; and the sleep between two tries. */
#include "queue_inner.h"
#include "turn.h"

static queue_bench *bench_of(queue *q, queue_event event)
{
    return event == QUEUE_ITEMS  ? &q->shared->items
           : event == QUEUE_ROOM ? &q->shared->room
                                 : &q->shared->finished;
}

uint32_t queue_asleep(queue *q, queue_event event)
{
    queue_bench *bench = bench_of(q, event);
    SET(bench->asleep, 1);
    if (q->watching)
        SET(bench->watched, 1);
    return GET(bench->turn);
}

void queue_pass_on(queue *q, queue_event event)
{
    queue_control *shared = q->shared;
    queue_bench *bench = bench_of(q, event);
    SET(bench->asleep, 1); /* others may sleep as we did */
    if (event == QUEUE_ITEMS && GET(shared->count))
        call(bench, &q->wake_items, 1);
    else if (event == QUEUE_ROOM && (!q->capacity || GET(shared->count) < q->capacity))
        call(bench, &q->wake_room, 1);
}

/* How soon to look who died, for the first time. */
static uint64_t first_look(queue *q, queue_event event)
{
    bool worked_on = GET(q->shared->unfinished) > GET(q->shared->count);
    if (worked_on && (event == QUEUE_FINISHED || (event == QUEUE_ITEMS && q->redeliver)))
        return SENTRY_LOOK_NS; /* a death ends the wait */
    return q->redeliver ? SENTRY_LOOK_MOST_NS : QUEUE_LOOK_UP_NS;
}

bool queue_sleep(queue *q, queue_event event, uint32_t turn, sentry_wait *w, uint64_t deadline_ns)
{
    _Atomic uint32_t *word = &bench_of(q, event)->turn;
    uint64_t began = clock_ns(), now = began;
    uint64_t budget = patience_budget(&q->patience);
    bool caught = false;
    while (!caught && now - began < budget) {
        for (int look = 0; look < 32 && !caught; look++) {
            processor_relax();
            caught = GET(*word) != turn;
        }
        now = clock_ns();
    }
    if (budget)
        patience_learn(&q->patience, now - began, caught);
    if (caught || now >= deadline_ns)
        return false;
    uint64_t first_ns = first_look(q, event);
    if (!w->began || first_ns < w->first_ns)
        sentry_begin(w, now, first_ns);
    sentry_sleep(w, word, turn, now, deadline_ns);
    return sentry_is_time(w, clock_ns());
}

bool queue_is_over(queue *q)
{
    queue_control *shared = q->shared;
    uint32_t end = GET(shared->end);
    return end && !GET(shared->count)
           && (end == QUEUE_SHUT_DOWN_AT_ONCE || !q->redeliver || q->in_hand || !GET(shared->unfinished));
}

result queue_drain(queue *q)
{
    result answer = RESULT_OK;
    if (GET(q->shared->end) != QUEUE_SHUT_DOWN_AT_ONCE)
        return answer;
    /* There are no more messages than blocks, whatever the file says. */
    for (uint32_t left = q->blocks; left && answer == RESULT_OK; left--)
        answer = queue_drop(q);
    return answer == RESULT_EMPTY ? RESULT_OK : answer;
}

result queue_send(queue *q, const queue_parcel *parcels, uint32_t count, queue_try *try)
{
    result answer = queue_take(q, try->until);
    uint32_t drops = 0; /* never more than there can be messages, whatever the file says */
    try->done = 0;
    if (answer != RESULT_OK)
        return answer;
    while (try->done < count) {
        const queue_parcel *parcel = &parcels[try->done];
        answer = queue_put(q, parcel->bytes, parcel->size, parcel->kind);
        bool has_room = answer != RESULT_FULL && answer != RESULT_SYSTEM;
        if (!has_room && try->drop_oldest && drops++ < q->blocks) {
            answer = queue_drop(q);
            if (answer == RESULT_EMPTY)
                answer = RESULT_FULL; /* all there is is being worked on */
        } else if (answer == RESULT_OK) {
            try->done++;
            drops = 0;
        }
        if (answer != RESULT_OK)
            break;
    }
    if (answer == RESULT_FULL)
        try->turn = queue_asleep(q, QUEUE_ROOM);
    else if (try->slept)
        queue_pass_on(q, QUEUE_ROOM);
    queue_release(q);
    return answer;
}

result queue_receive(queue *q, queue_message *messages, uint32_t most, void *bytes, uint64_t room,
                     queue_try *try)
{
    result answer = queue_take(q, try->until);
    unsigned char *to = bytes;
    try->done = 0;
    if (answer != RESULT_OK)
        return answer;
    answer = queue_drain(q);
    while (answer == RESULT_OK && try->done < most) {
        queue_message *message = &messages[try->done];
        answer = queue_first(q, message);
        if (answer == RESULT_OK && message->size > room)
            answer = RESULT_TOO_LARGE;
        if (answer == RESULT_OK)
            answer = queue_copy(q, message, to);
        if (answer == RESULT_OK)
            answer = queue_get(q, message);
        if (answer != RESULT_OK)
            break;
        to += message->size;
        room -= message->size;
        try->done++;
    }
    if (try->done == 0 && answer == RESULT_EMPTY && queue_is_over(q))
        answer = RESULT_SHUT_DOWN;
    else if (try->done == 0 && answer == RESULT_EMPTY)
        try->turn = queue_asleep(q, QUEUE_ITEMS);
    else if (try->slept)
        queue_pass_on(q, QUEUE_ITEMS);
    queue_release(q);
    return try->done ? RESULT_OK : answer;
}

result queue_finish(queue *q, uint32_t index, uint64_t sequence, bool back, uint64_t until)
{
    result answer = queue_take(q, until);
    if (answer == RESULT_OK) {
        answer = queue_done(q, index, sequence, back);
        queue_release(q);
    }
    return answer;
}

result queue_all_finished(queue *q, queue_try *try)
{
    result answer = queue_take(q, try->until);
    if (answer == RESULT_OK) {
        answer = queue_drain(q);
        if (answer == RESULT_OK && GET(q->shared->unfinished)) {
            try->turn = queue_asleep(q, QUEUE_FINISHED);
            answer = RESULT_FULL;
        }
        queue_release(q);
    }
    return answer;
}

result queue_shut_down(queue *q, bool at_once, uint64_t until)
{
    queue_control *shared = q->shared;
    result answer = queue_take(q, until);
    if (answer != RESULT_OK)
        return answer;
    uint32_t end = at_once ? QUEUE_SHUT_DOWN_AT_ONCE : QUEUE_SHUT_DOWN;
    if (GET(shared->end) < end)
        SET(shared->end, end);
    answer = queue_drain(q);
    call_all(&shared->items, &q->wake_items);
    call_all(&shared->room, &q->wake_room);
    queue_release(q);
    return answer;
}

void queue_wake_all(queue *q)
{
    /* Without the lock, which somebody stopped may hold: whoever holds it changes a turn to one that
     * nobody sleeps on either, whether or not ours is lost. */
    for (queue_event event = QUEUE_ITEMS; event <= QUEUE_FINISHED; event++)
        turn_wake(&bench_of(q, event)->turn, TURN_ALL);
}
