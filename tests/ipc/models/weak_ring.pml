/* The ring's publication under weak memory (native/ring_inline.h, weak.inc): what the reader copies is what
 * the writer wrote, and the writer writes over nothing that is still being copied.
 *
 * A record is two plain words. The reader's copying is a word of its own, COPIED, which nobody loads: that
 * the writer knows of it is that the copy happened before.
 *
 *   here                  there
 *   writer: HEAD          ring_see_head in ring_reserve
 *   writer: LEFT, RIGHT   the caller's memcpy and ring_append's head of the record
 *   writer: TAIL          ring_publish
 *   reader: TAIL          ring_see_tail in ring_look
 *   reader: LEFT, RIGHT   ring_look's head of the record and the caller's memcpy
 *   reader: HEAD          ring_release
 *
 * with TWO_SLOTS: room for two records
 * mutation TAIL_STORED_RELAXED: the tail is stored without release
 * mutation TAIL_LOADED_RELAXED: the tail is loaded without acquire
 * mutation HEAD_STORED_RELAXED: the head is stored without release
 * mutation HEAD_LOADED_RELAXED: the head is loaded without acquire
 */
#ifdef TWO_SLOTS
#define SLOTS 2
#else
#define SLOTS 1
#endif
#define MESSAGES 4
#define WORDS (3 + 2 * SLOTS)
#define STORES (MESSAGES + 1)
#define THREADS 2
#include "weak.inc"

#define TAIL 0
#define HEAD 1
#define COPIED 2
#define left_of(position) (3 + (position) % SLOTS * 2)
#define right_of(position) (left_of(position) + 1)

#ifdef TAIL_STORED_RELAXED
#define TAIL_STORE RELAXED
#else
#define TAIL_STORE RELEASE      /* it is seq_cst, for weak_wake.pml */
#endif
#ifdef TAIL_LOADED_RELAXED
#define TAIL_LOAD RELAXED
#else
#define TAIL_LOAD ACQUIRE
#endif
#ifdef HEAD_STORED_RELAXED
#define HEAD_STORE RELAXED
#else
#define HEAD_STORE RELEASE
#endif
#ifdef HEAD_LOADED_RELAXED
#define HEAD_LOAD RELAXED
#else
#define HEAD_LOAD ACQUIRE
#endif

proctype writer()
{
    byte position, seen, each, which;
    do
    :: position == MESSAGES -> break
    :: else ->
        do
        :: position - seen < SLOTS -> break
        :: else -> load(0, HEAD, HEAD_LOAD, seen)
        od;
        assert(knows[0].up_to[COPIED] + SLOTS > position); /* else it may still be being copied */
        store(0, left_of(position), RELAXED, position + 1);
        store(0, right_of(position), RELAXED, position + 1);
        position++;
        store(0, TAIL, TAIL_STORE, position)
    od
}

proctype reader()
{
    byte position, seen, one, other, each, which;
    do
    :: position == MESSAGES -> break
    :: else ->
        do
        :: seen > position -> break
        :: else -> load(1, TAIL, TAIL_LOAD, seen)
        od;
        load(1, left_of(position), RELAXED, one);
        load(1, right_of(position), RELAXED, other);
        assert(one == position + 1 && other == position + 1);
        store(1, COPIED, RELAXED, position + 1);
        position++;
        store(1, HEAD, HEAD_STORE, position)
    od
}

init { atomic { run writer(); run reader() } }
