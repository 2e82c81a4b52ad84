"""Faults made on purpose, one at a time, in a copy of the code; mutants.py runs them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """`old` is to be found once in `file`, below the IPC library's folder."""

    name: str
    what: str
    file: str
    old: str
    new: str
    # The scenario of the soak that must find it, and as which kinds; none: the soak cannot.
    scenario: str = ""
    kinds: tuple[str, ...] = ()
    # The tests in C that must find it (tests/ipc/native/NAME.c); none: they need not.
    test: str = ""
    # Where the models break the same thing: of which model, and what it is called there.
    model: str = ""


CHANNEL = (
    Mutation(
        "channel-overwritten",
        "the writer writes over what has not been read",
        "native/ring_inline.h",
        "uint64_t left = r->capacity - (r->position - r->seen);",
        "uint64_t left = 2 * r->capacity - (r->position - r->seen);",
        scenario="channel",
        kinds=("torn", "reordered", "error"),
        test="ring_test",
    ),
    Mutation(
        "channel-reader-asleep",
        "the reader is never woken",
        "native/ring_inline.h",
        "return ring_wake(r, &r->shared->reader_flags);",
        "return false;",
        scenario="channel",
        kinds=("hangs",),
        test="ring_test",
    ),
    Mutation(
        "channel-writer-asleep",
        "the writer that waits for room is never woken",
        "native/ring_inline.h",
        "return ring_wake(r, &r->shared->writer_flags);",
        "return false;",
        scenario="channel",
        kinds=("hangs",),
        test="ring_test",
    ),
    Mutation(
        "channel-bell-silent",
        "who sleeps on the bell is not woken",
        "native/ring_inline.h",
        "    return was & RING_ON_BELL;",
        "    return false;",
        scenario="channel",
        kinds=("hangs",),
        test="ring_test",
    ),
    Mutation(
        "channel-no-second-look",
        "the reader goes to sleep without looking again",
        "native/ring.c",
        "if (!ring_readable(r) && !ring_writer_closed(r))",
        "if (!ring_writer_closed(r))",
        test="ring_test",
        model="wake NO_SECOND_LOOK",
    ),
)

FRESHEST = (
    Mutation(
        "freshest-torn",
        "what was dropped during the copy is believed",
        "native/ring_dropping.c",
        "bool taken = atomic_compare_exchange_strong(&r->shared->head, &claimed, record->after);",
        "bool taken = claimed; atomic_store(&r->shared->head, record->after);",
        scenario="freshest",
        kinds=("torn", "reordered", "missing", "error", "ended"),
        test="ring_dropping_test",
        model="dropping TAKE_BLINDLY",
    ),
    Mutation(
        "freshest-written-over",
        "what is in the way is written over and not dropped",
        "native/ring_dropping.c",
        "if (atomic_compare_exchange_strong(&r->shared->head, &head, next)) {",
        "if (next) {",
        scenario="freshest",
        kinds=("torn", "reordered", "missing", "error", "ended"),
        test="ring_dropping_test",
    ),
    Mutation(
        "freshest-not-counted",
        "what was missed is not counted",
        "native/ring_dropping.c",
        "r->dropped += record->number - r->number;",
        "",
        scenario="freshest",
        kinds=("missing",),
        test="ring_dropping_test",
    ),
    Mutation(
        "freshest-waits-for-ever",
        "a writer waits until the copy is done",
        "native/ring_dropping.c",
        "&& clock_ns() - began < most)",
        "&& began)",
        test="ring_dropping_test",
        model="dropping WAIT_FOR_EVER",
    ),
)

QUEUE = (
    Mutation(
        "queue-not-redelivered",
        "what a dead worker had is not given back",
        "native/queue_repair.c",
        "if (state == BLOCK_TAKEN\n        &&",
        "if (state == BLOCK_TAKEN && state == BLOCK_FREE\n        &&",
        scenario="queue",
        kinds=("kept",),
        test="queue_kill_test",
        model="queue KEEP_DEAD",
    ),
    Mutation(
        "queue-owner-late",
        "a message is taken before it says by whom",
        "native/queue.c",
        "        SET(head->owner, q->members.tag);\n        COMMIT(head->state, BLOCK_TAKEN);",
        "        COMMIT(head->state, BLOCK_TAKEN);\n        SET(head->owner, q->members.tag);",
        model="queue OWNER_LATE",
    ),
    Mutation(
        "queue-committed-early",
        "a message is there to be got before all about it is written",
        "native/queue.c",
        "    SET(head->size, (uint32_t)size);\n",
        "    COMMIT(head->state, BLOCK_READY);\n    SET(head->size, (uint32_t)size);\n",
        test="queue_kill_test",
        model="queue COMMIT_FIRST",
    ),
    Mutation(
        "queue-finished-again",
        "what was finished stays marked as taken, and comes again after a death",
        "native/queue.c",
        "    COMMIT(head->state, BLOCK_FREE);\n    finished(q, 1);\n",
        "    finished(q, 1);\n    return RESULT_OK;\n",
        scenario="queue",
        kinds=("doubled",),
        test="queue_kill_test",
    ),
    Mutation(
        "queue-repair-backwards",
        "a repair sorts the wrong way",
        "native/queue_repair.c",
        "a->sequence < b->sequence ? -1 : a->sequence > b->sequence",
        "a->sequence > b->sequence ? -1 : a->sequence < b->sequence",
        scenario="queue",
        kinds=("reordered",),
        test="queue_test",
    ),
    Mutation(
        "queue-repair-backwards-drop",
        "the same, in a queue that drops",
        "native/queue_repair.c",
        "a->sequence < b->sequence ? -1 : a->sequence > b->sequence",
        "a->sequence > b->sequence ? -1 : a->sequence < b->sequence",
        scenario="drop_newest",
        kinds=("reordered",),
        test="queue_test",
    ),
    Mutation(
        "queue-not-repaired",
        "the lock of a dead holder is taken over without the repair",
        "native/queue.c",
        "if (had == LOCK_TAKEN && !q->inherited)",
        "if (!q->inherited)",
        scenario="inside",
        kinds=("ended", "error", "missing", "doubled", "torn", "reordered", "kept", "hangs"),
        test="queue_kill_test",
        model="queue NO_REPAIR",
    ),
    Mutation(
        "queue-not-freed",
        "what was got is not marked as free",
        "native/queue.c",
        "counted off if we die: see repair */\n        COMMIT(head->state, BLOCK_FREE);",
        "counted off if we die: see repair */",
        scenario="roles",
        kinds=("doubled", "ended", "error", "kept"),
        test="queue_kill_test",
    ),
    Mutation(
        "queue-repair-loses-last",
        "the last message falls out of a repair's order",
        "native/queue_repair.c",
        "i + 1 < count ? ready[i + 1].index : 0);",
        "i + 2 < count ? ready[i + 1].index : 0);",
        scenario="queue",
        kinds=("missing", "kept", "hangs"),
        test="queue_kill_test",
    ),
    Mutation(
        "queue-repair-miscounts",
        "a repair counts one too many as unfinished",
        "native/queue_repair.c",
        "count + taken + held_by_the_living(q)",
        "count + taken + held_by_the_living(q) + 1",
        scenario="queue",
        kinds=("kept",),
        test="queue_test",
    ),
    Mutation(
        "queue-repair-refuses",
        "a repair takes the last block for one that leads astray",
        "native/queue_repair.c",
        "if (index - 1 >= touched || used[index - 1])",
        "if (index >= touched || used[index - 1])",
        scenario="queue",
        kinds=("error", "ended"),
        test="queue_test",
    ),
    Mutation(
        "queue-drop-uncounted",
        "what is dropped is not counted",
        "native/queue.c",
        "SET(q->shared->dropped, GET(q->shared->dropped) + 1);",
        "",
        scenario="drop_oldest",
        kinds=("missing",),
    ),
    Mutation(
        "queue-still-mapped",
        "a queue that was closed stays mapped",
        "native/queue_repair.c",
        "    memory_unmap(q->mapping, q->size);\n",
        "",
        scenario="queue",
        kinds=("mappings",),
    ),
    Mutation(
        "queue-repair-leaks",
        "a repair does not give its list back to the heap",
        "native/queue_repair.c",
        "    free(ready);\n",
        "",
        test="queue_test",
    ),
    Mutation(
        "queue-asleep",
        "nobody who sleeps at a queue is woken",
        "native/queue_inner.h",
        "    if (!GET(bench->asleep))\n        return;",
        "    if (GET(bench->asleep) < 2)\n        return;",
        test="wake_test",
    ),
    Mutation(
        "queue-not-passed-on",
        "one that was woken does not wake the next",
        "native/queue_whole.c",
        "    SET(bench->asleep, 1); /* others may sleep as we did */\n",
        "    SET(bench->asleep, 0);\n",
        test="wake_test",
    ),
)

VALUES = (
    Mutation(
        "value-in-place",
        "a value is written where it is being read",
        "native/value.c",
        "_Atomic uint64_t *words = place(v, next);",
        "_Atomic uint64_t *words = place(v, next - 1);",
        scenario="value",
        kinds=("torn",),
        test="value_test",
    ),
    Mutation(
        "value-not-compared",
        "a reader does not look whether the writers have come round",
        "native/value.c",
        "        if (now - current >= VALUE_PLACES - 1)\n            continue;",
        "        (void)now;",
        scenario="value",
        kinds=("torn",),
        test="value_test",
        model="weak_value NO_COMPARE",
    ),
    Mutation(
        "value-kept",
        "every value that was read stays in memory",
        "shared/value.py",
        "        data, version = self._value.get()\n",
        "        data, version = self._value.get()\n"
        "        vars(codec_for).setdefault('kept', []).append(data)\n",
        scenario="value",
        kinds=("memory",),
    ),
    Mutation(
        "value-asleep",
        "who waits for a value is not woken",
        "native/value.c",
        "        futex_wake(&v->shared->turn, INT_MAX);\n",
        "",
        test="wake_test",
    ),
    Mutation(
        "broadcast-early",
        "a broadcast is published before its bytes are written",
        "native/broadcast.c",
        "    words_store(word(b, at), bytes, first);\n",
        "    atomic_store(&shared->tail, b->position + span(size));\n"
        "    words_store(word(b, at), bytes, first);\n",
        scenario="broadcast",
        kinds=("torn", "error", "missing"),
        test="broadcast_test",
    ),
    Mutation(
        "broadcast-miscounted",
        "a reader is not told all that it missed",
        "native/broadcast.c",
        "*missed = number - b->number;",
        "*missed = number > b->number;",
        scenario="broadcast",
        kinds=("missing",),
        test="broadcast_test",
    ),
    Mutation(
        "broadcast-asleep",
        "who waits for a broadcast is not woken",
        "native/broadcast.c",
        "        futex_wake(&shared->turn, INT_MAX);\n",
        "",
        test="wake_test",
    ),
)

PERMITS = (
    Mutation(
        "permit-taken-away",
        "a permit is taken from its holder",
        "native/permits.c",
        "if ((seen == 0 || seen == LOCK_ABANDONED) && change(p, index, seen, p->members->tag)) {",
        "if (seen != p->members->tag && change(p, index, seen, p->members->tag)) {",
        scenario="semaphore",
        kinds=("holders", "untold", "kept"),
        test="permits_test",
        model="permits NO_PROOF",
    ),
    Mutation(
        "permit-stored",
        "a take-over stores instead of comparing",
        "native/permits.c",
        "bool ours = atomic_compare_exchange_strong(&p->shared->permit[index], &seen, to);",
        "bool ours = (atomic_store(&p->shared->permit[index], to), seen != to);",
        test="permits_test",
        model="permits NO_COMPARE",
    ),
    Mutation(
        "permit-never-returned",
        "nobody passes for dead",
        "native/roster.c",
        "    if (tag == r->tag)\n        return false;",
        "    if (tag)\n        return false;",
        scenario="semaphore",
        kinds=("hangs", "kept", "untold"),
        test="permits_kill_test",
    ),
    Mutation(
        "heir-untold",
        "the heir of a lock is not told",
        "native/permits.c",
        "answer = seen ? PERMITS_INHERITED : PERMITS_TAKEN;",
        "answer = PERMITS_TAKEN;",
        scenario="lock",
        kinds=("untold",),
        test="permits_kill_test",
        model="permits NOT_TOLD",
    ),
    Mutation(
        "permit-closed-silently",
        "who leaves with a permit gives it back as if all were in order",
        "native/permits.c",
        "    return give_back(p, LOCK_ABANDONED);",
        "    return give_back(p, 0);",
        test="permits_test",
        model="permits CLOSE_SILENTLY",
    ),
    Mutation(
        "permit-flag-first",
        "whoever gives back looks for sleepers before it gives back",
        "native/permits.c",
        "            && change(p, index, ours, to)) {\n            remember(p, index);\n"
        "            if (wake_one(p) & ASLEEP_OVERDUE)",
        "            && (wake_one(p), change(p, index, ours, to))) {\n"
        "            remember(p, index);\n            if (0)",
        model="permits FLAG_FIRST",
    ),
    Mutation(
        "permit-no-second-look",
        "who finds no permit goes to sleep without looking again",
        "native/permits.c",
        "permits_try_all(p, &w->dead) : permits_try(p, &w->dead);",
        "permits_try_all(p, &w->dead) : PERMITS_BUSY;",
        test="permits_wake_test",
        model="permits NO_SECOND_LOOK",
    ),
    Mutation(
        "permit-not-again",
        "one that was woken does not say again that somebody sleeps",
        "native/permits.c",
        "    uint32_t turn = fall_asleep(p, now - w->wait.began >= PERMITS_OVERDUE_NS);",
        "    uint32_t turn = atomic_load(&p->shared->turn);\n"
        "    if (w->dead != 1)\n        turn = fall_asleep(p, false);\n    w->dead = 1;",
        test="permits_wake_test",
        model="permits NOT_AGAIN",
    ),
    Mutation(
        "permit-not-declined",
        "one that gives up does not wake the next",
        "native/permits.c",
        "    fall_asleep(p, false);\n    pass_on(p);\n",
        "    (void)p;\n",
        test="permits_wake_test",
        model="permits NO_DECLINE",
    ),
    Mutation(
        "permit-not-passed-on",
        "one that was woken does not wake the next",
        "native/permits.c",
        "    if (answer != PERMITS_BUSY) {\n        pass_on(p);\n",
        "    if (answer != PERMITS_BUSY) {\n",
        test="permits_wake_test",
        model="permits NO_PASS_ON",
    ),
    Mutation(
        "permit-asleep",
        "who waits for a permit is not woken",
        "native/permits.c",
        "        futex_wake(&p->shared->turn, 1);\n",
        "",
        test="permits_wake_test",
    ),
    Mutation(
        "permit-death-unheard",
        "the sentry does not tell of a death",
        "native/sentry.c",
        "            futex_wake((_Atomic uint32_t *)&t->alarm, INT_MAX);\n",
        "",
        test="permits_wake_test",
        model="permits DEATH_UNHEARD",
    ),
    Mutation(
        "permit-marked-blindly",
        "a newcomer's marking of what the dead held takes in what the living hold",
        "native/permits.c",
        "if (seen && is_nobodys(p, seen))",
        "if (seen && (is_nobodys(p, seen) || seen))",
        scenario="semaphore",
        kinds=("holders", "untold", "kept", "hangs"),
        test="permits_test",
        model="permits MARK_BLINDLY",
    ),
    Mutation(
        "place-without-generation",
        "the next one in a place has the tag of the one before",
        "native/roster.c",
        "r->tag = (generation << ROSTER_PLACE_BITS | place) & ROSTER_TAG_MASK;",
        "r->tag = (1u << ROSTER_PLACE_BITS | place) & ROSTER_TAG_MASK;\n        (void)generation;",
        test="roster_test",
        model="permits NO_GENERATION",
    ),
    Mutation(
        "living-pass-for-dead",
        "the living pass for dead",
        "native/roster.c",
        "|| answer.l_type != F_UNLCK;",
        "|| answer.l_type == F_RDLCK;",
        scenario="stopped",
        kinds=("doubled", "kept", "ended"),
        test="roster_test",
    ),
    Mutation(
        "lock-asleep",
        "who waits for a lock is not woken",
        "native/lock.c",
        "    if (had & LOCK_AWAITED)\n        futex_wake(word, 1);\n",
        "    (void)had;\n",
        test="wake_test",
    ),
    Mutation(
        "descriptor-open",
        "a descriptor is not closed",
        "shared/named.py",
        "        finally:\n            os.close(self.descriptor)\n\n    def _last_out",
        "        finally:\n            pass\n\n    def _last_out",
        scenario="lock",
        kinds=("descriptors",),
    ),
)

MEMORY = (
    Mutation(
        "file-left",
        "the last one out leaves the file",
        "shared/named.py",
        "    def _last_out(self) -> None:\n        self.path.unlink()",
        "    def _last_out(self) -> None:\n        pass",
        scenario="memory",
        kinds=("files",),
    ),
    Mutation(
        "memory-private",
        "what is written to a memory does not reach the others",
        "shared/memory.py",
        "mmap.mmap(apart, body + self.size)",
        "mmap.mmap(apart, body + self.size, mmap.MAP_PRIVATE)",
        scenario="memory",
        kinds=("torn",),
    ),
)

# A word of shared memory that is loaded again after it was checked: a hostile peer makes two of it.
TWICE = (
    Mutation(
        "ring-tail-twice",
        "a ring's tail is loaded again after it was checked",
        "native/ring_inline.h",
        "    r->seen = tail;\n",
        "    r->seen = atomic_load_explicit(&r->shared->tail, order);\n",
        test="fuzz_test",
    ),
    Mutation(
        "ring-size-twice",
        "a record's size is loaded again after it was checked",
        "native/ring_inline.h",
        "    record->after = position + ring_span(record->size);\n",
        "    record->size = (uint32_t)atomic_load_explicit(ring_head_at(r, position),\n"
        "                                                  memory_order_relaxed);\n"
        "    record->after = position + ring_span(record->size);\n",
        test="fuzz_test",
    ),
    Mutation(
        "ring-large-size-twice",
        "the same of a large record",
        "native/ring_inline.h",
        "        record->bytes = ring_large_at(r, record->kind);\n        record->after",
        "        record->size = (uint32_t)atomic_load_explicit(ring_head_at(r, position),\n"
        "                                                      memory_order_relaxed);\n"
        "        record->bytes = ring_large_at(r, record->kind);\n        record->after",
        test="fuzz_test",
    ),
    Mutation(
        "dropping-size-twice",
        "a record's size is loaded again in a ring that drops its oldest",
        "native/ring_dropping.c",
        "    return record->number >= r->number ? RESULT_OK : RESULT_EMPTY;",
        "    record->size = (uint32_t)atomic_load(place);\n"
        "    return record->number >= r->number ? RESULT_OK : RESULT_EMPTY;",
        test="fuzz_test",
    ),
    Mutation(
        "queue-size-twice",
        "a message's size is loaded again for the copy",
        "native/queue.c",
        "    uint32_t left = message->size;\n    for",
        "    uint32_t left = GET(at(q, message->index)->size);\n    for",
        test="fuzz_test",
    ),
    Mutation(
        "queue-link-twice",
        "a message's next block is loaded again after it was checked",
        "native/queue.c",
        "        if (!known(q, next))\n            return RESULT_CORRUPT;\n        index = next;",
        "        if (!known(q, next))\n            return RESULT_CORRUPT;\n"
        "        index = GET(block->next);",
        test="fuzz_test",
    ),
    Mutation(
        "value-size-twice",
        "a value's size is loaded again for the copy",
        "native/value.c",
        "            words_load(bytes, words + 1, length);",
        "            words_load(bytes, words + 1, atomic_load(words));",
        test="fuzz_test",
    ),
    Mutation(
        "broadcast-size-twice",
        "a broadcast's size is loaded again for the copy",
        "native/broadcast.c",
        "        if (possible && length <= room) {\n",
        "        if (possible && length <= room) {\n"
        "            length = atomic_load(word(b, at + 1));\n",
        test="fuzz_test",
    ),
    Mutation(
        "permit-twice",
        "a permit is loaded again for the swap that takes it",
        "native/permits.c",
        "if ((seen == 0 || seen == LOCK_ABANDONED) && change(p, index, seen, p->members->tag)) {",
        "if ((seen == 0 || seen == LOCK_ABANDONED)\n            && change(p, index, "
        "atomic_load(&p->shared->permit[index]), p->members->tag)) {",
        test="fuzz_test",
    ),
)

# Orders that x86 keeps by itself: the thread sanitizer finds some, the models of weak memory all.
ORDERS = (
    Mutation(
        "ring-tail-relaxed",
        "the tail is stored without release",
        "native/ring_inline.h",
        "    atomic_store(&r->shared->tail, r->position); /*",
        "    atomic_store_explicit(&r->shared->tail, r->position, memory_order_relaxed); /*",
        test="ring_test",
        model="weak_ring TAIL_STORED_RELAXED",
    ),
    Mutation(
        "ring-tail-loaded-relaxed",
        "the tail is loaded without acquire",
        "native/ring_inline.h",
        "        if (ring_see_tail(r, memory_order_acquire) != RESULT_OK)",
        "        if (ring_see_tail(r, memory_order_relaxed) != RESULT_OK)",
        test="ring_test",
        model="weak_ring TAIL_LOADED_RELAXED",
    ),
    Mutation(
        "ring-head-relaxed",
        "the head is stored without release",
        "native/ring_inline.h",
        "    atomic_store(&r->shared->head, position); /*",
        "    atomic_store_explicit(&r->shared->head, position, memory_order_relaxed); /*",
        test="ring_test",
        model="weak_ring HEAD_STORED_RELAXED",
    ),
    Mutation(
        "words-relaxed",
        "the words of values and broadcasts are stored without release",
        "native/words.h",
        "memcpy(&word, from, sizeof word);\n"
        "        atomic_store_explicit(to, word, memory_order_release",
        "memcpy(&word, from, sizeof word);\n"
        "        atomic_store_explicit(to, word, memory_order_relaxed",
        model="weak_value WORDS_STORED_RELAXED",
    ),
    Mutation(
        "broadcast-begins-late",
        "who begins in an empty ring takes a later record's number for the next one's",
        "native/broadcast.c",
        "    if (at == tail && atomic_load(&b->shared->tail) != tail)\n"
        "        return RESULT_TIMED_OUT;\n",
        "",
        test="broadcast_test",
    ),
)

MUTATIONS = (
    *CHANNEL,
    *FRESHEST,
    *QUEUE,
    *VALUES,
    *PERMITS,
    *MEMORY,
    *TWICE,
    *ORDERS,
)
