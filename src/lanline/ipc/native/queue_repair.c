/* After a death: the order, the free blocks and the counts are made anew from the states alone. */
#include <stdlib.h>

#include "queue_inner.h"

static int by_sequence(const void *left, const void *right)
{
    const queue_message *a = left, *b = right;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

/* What a dead consumer had is READY again, or dropped. */
static uint32_t settle(queue *q, uint32_t index)
{
    queue_block *head = at(q, index);
    uint32_t state = GET(head->state);
    uint32_t owner = GET(head->owner);
    if (state == BLOCK_TAKEN
        && (roster_dead(&q->members, owner) || (q->leaving && owner == q->members.tag))) {
        SET(head->deliveries, GET(head->deliveries) + 1);
        SET(q->shared->redelivered, GET(q->shared->redelivered) + 1);
        COMMIT(head->state, BLOCK_READY);
        state = BLOCK_READY;
    }
    return state;
}

/* Mark the chain of a message as used. False: its links lead astray. */
static bool mark_chain(queue *q, uint32_t first, uint32_t touched, unsigned char *used)
{
    uint32_t size = GET(at(q, first)->size);
    if (size > (uint64_t)q->blocks * QUEUE_BODY)
        return false;
    uint32_t index = first;
    for (uint32_t left = blocks_for(size); left; left--) {
        if (index - 1 >= touched || used[index - 1])
            return false;
        used[index - 1] = 1;
        index = GET(at(q, index)->next);
    }
    return true;
}

static void relink(queue *q, queue_message *ready, uint32_t count)
{
    queue_control *shared = q->shared;
    qsort(ready, count, sizeof *ready, by_sequence);
    for (uint32_t i = 0; i < count; i++)
        SET(at(q, ready[i].index)->behind, i + 1 < count ? ready[i + 1].index : 0);
    SET(shared->first, count ? ready[0].index : 0);
    SET(shared->last, count ? ready[count - 1].index : 0);
    SET(shared->count, count);
}

static uint64_t held_by_the_living(queue *q)
{
    uint64_t held = 0;
    for (uint32_t place = 1; place < ROSTER_PLACES; place++) {
        roster_entry *entry = &q->members.shared->entries[place];
        uint32_t tag = atomic_load(&entry->tag);
        if (!tag)
            continue;
        if ((tag & (ROSTER_PLACES - 1)) == place && roster_dead(&q->members, tag))
            roster_clear(&q->members, tag);
        else
            held += atomic_load(&entry->held);
    }
    return held;
}

result queue_repair(queue *q)
{
    queue_control *shared = q->shared;
    uint32_t touched = GET(shared->touched);
    if (touched > q->blocks)
        return RESULT_CORRUPT;
    unsigned char *used = calloc((size_t)touched + 1, 1);
    queue_message *ready = malloc(((size_t)touched + 1) * sizeof *ready);
    result answer = used && ready ? RESULT_OK : RESULT_SYSTEM;
    uint32_t count = 0, spare = 0;
    uint64_t taken = 0, newest = GET(shared->sequence);
    for (uint32_t index = 1; answer == RESULT_OK && index <= touched; index++) {
        uint32_t state = settle(q, index);
        if (state == BLOCK_FREE)
            continue;
        uint64_t sequence = GET(at(q, index)->sequence);
        if (state == BLOCK_READY)
            ready[count++] = (queue_message){.index = index, .sequence = sequence};
        else if (state == BLOCK_TAKEN)
            taken++;
        if (sequence > newest)
            newest = sequence;
        if (state > BLOCK_TAKEN || !mark_chain(q, index, touched, used))
            answer = RESULT_CORRUPT;
    }
    if (answer == RESULT_OK) {
        relink(q, ready, count);
        for (uint32_t index = touched; index; index--) {
            if (used[index - 1])
                continue;
            SET(at(q, index)->next, spare);
            spare = index;
        }
        SET(shared->free, spare);
        SET(shared->sequence, newest);
        SET(shared->unfinished, count + taken + held_by_the_living(q));
        SET(shared->repairs, GET(shared->repairs) + 1);
        q->inherited = false;
        /* Whoever waited for the dead looks again. */
        call_all(&shared->items, &q->wake_items);
        call_all(&shared->room, &q->wake_room);
        call_all(&shared->finished, &q->wake_finished);
    }
    free(used);
    free(ready);
    return answer;
}

void queue_close(queue *q, bool *last, bool *empty)
{
    *empty = false;
    result answer = queue_take(q, clock_ns() + QUEUE_LEAVE_NS);
    if (answer == RESULT_OK) {
        roster_entry *me = roster_of(&q->members, q->members.tag);
        finished(q, GET(me->held));
        SET(me->held, 0);
        q->leaving = true;
        if (q->redeliver || roster_find_dead(&q->members))
            queue_repair(q);
        queue_drain(q);
        *empty = GET(q->shared->unfinished) == 0;
        queue_release(q);
    }
    /* Without the lock we go as the dead do, and are repaired after. */
    if (answer != RESULT_TIMED_OUT)
        roster_leave(&q->members);
    *last = !roster_others(&q->members);
    queue_abandon(q);
}

void queue_abandon(queue *q)
{
    memory_unmap(q->mapping, q->size);
    q->mapping = NULL;
}

result queue_clear_dead(queue *q)
{
    if (!q->inherited && !roster_find_dead(&q->members))
        return RESULT_OK;
    result answer = queue_take(q, clock_ns() + QUEUE_LOOK_UP_NS);
    if (answer == RESULT_OK) {
        answer = queue_repair(q);
        queue_release(q);
    }
    return answer == RESULT_TIMED_OUT ? RESULT_OK : answer; /* then at the next look */
}
