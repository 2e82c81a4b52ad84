/* The ring that drops its oldest under weak memory (native/ring_dropping.c, weak.inc): what the reader takes is
 * whole and is the record that it claimed, and no tail is behind the head that was seen before it.
 *
 * A record is its number and a word of its bytes. Of the two who swap the head from one value one alone
 * does, whatever the orders. So a torn record could be taken in one way only: the reader's swap comes first,
 * the writer sees it and writes, and the reader still copies. That is a load that is put off until after
 * a later swap, or a store that comes before an earlier load. weak.inc has neither, so both are here, where
 * the orders allow it: a load waits unless it is an acquire or the swap a release (LATE_COPY), a store
 * hurries unless it is a release or the load before it an acquire (EARLY_WRITE). Each side has two belts
 * therefore: with one of them taken off nothing happens, with both the model finds it. In the same way a
 * tail is loaded before the head, or stored after the swap, where the order of the other one lets it.
 *
 *   here                    there
 *   writer: HEAD            make_room, await_copy: the load; the swap; the load of a swap that fails
 *   writer: number, bytes   ring_put_dropping, words_store
 *   writer: TAIL            ring_publish
 *   reader: HEAD, TAIL      ring_claim: the loads, in this order; the swap that claims
 *   reader: number, bytes   read_record, ring_copy
 *   reader: take            ring_take: the swap
 *
 * The sleepers' handshake is weak_wake.pml's. The large place is one more place to write to after a drop.
 *
 * with ONE_SLOT: one record fills the ring, as one of half its size does; so each drop leaves it empty
 * with WORDS_RELAXED: one belt: the words have no order at all
 * with SWAPS_RELAXED: the other: claim, take and the writer's looks at the head have none
 * mutation TAIL_STORED_RELAXED: the tail is stored without release
 * mutation TAIL_LOADED_RELAXED: the tail is loaded without acquire
 * mutation HEAD_LOADED_RELAXED: the reader loads the head without acquire
 * mutation CLAIM_FAILED_RELAXED: what a claim that fails sees is loaded without acquire
 * mutation DROP_RELAXED: the writer's swap is no release
 * mutation LATE_COPY: the words are loaded without acquire, and the take is no release
 * mutation EARLY_WRITE: the words are stored without release, and the writer's looks at the head no acquires
 */
#if defined(ONE_SLOT) || defined(DROP_RELAXED)
#define SLOTS 1
#else
#define SLOTS 2
#endif
#define MESSAGES 4
#define WORDS (2 + 2 * SLOTS)
#define STORES (2 * MESSAGES + 2)
#define THREADS 2
#include "weak.inc"

#define TAIL 0
#define HEAD 1
#define number_of(position) (2 + (position) % SLOTS * 2)
#define bytes_of(position) (number_of(position) + 1)
/* In the head: the position, and the lowest bit for a claim. */
#define free_at(position) ((position) * 2)
#define claimed_at(position) ((position) * 2 + 1)

#ifdef TAIL_STORED_RELAXED
#define TAIL_STORE RELAXED
#else
#define TAIL_STORE SEQ_CST
#endif
#ifdef TAIL_LOADED_RELAXED
#define TAIL_LOAD RELAXED
#else
#define TAIL_LOAD SEQ_CST
#endif
#ifdef HEAD_LOADED_RELAXED
#define HEAD_LOAD RELAXED
#else
#define HEAD_LOAD SEQ_CST
#endif
#ifdef DROP_RELAXED
#define DROP ACQUIRE
#else
#define DROP SEQ_CST
#endif
#if defined(SWAPS_RELAXED) || defined(EARLY_WRITE)
#define WRITER_LOAD RELAXED
#else
#define WRITER_LOAD SEQ_CST
#endif
#ifdef SWAPS_RELAXED
#define CLAIM RELAXED
#else
#define CLAIM SEQ_CST
#endif
#ifdef CLAIM_FAILED_RELAXED
#define CLAIM_FAILED RELAXED
#else
#define CLAIM_FAILED SEQ_CST
#endif
#if defined(WORDS_RELAXED) || defined(EARLY_WRITE)
#define WORDS_STORE RELAXED
#else
#define WORDS_STORE RELEASE
#endif
#if defined(WORDS_RELAXED) || defined(LATE_COPY)
#define WORDS_LOAD RELAXED
#else
#define WORDS_LOAD ACQUIRE
#endif
#if defined(SWAPS_RELAXED) || defined(LATE_COPY)
#define TAKE ACQUIRE
#else
#define TAKE SEQ_CST
#endif

proctype writer()
{
    byte position, seen, head, was, each, which;
    bool waited, early, owed; /* owed: the tail is still to be stored */
    do
    :: position == MESSAGES -> break
    :: else ->
        waited = false;
        early = false;
        if
        :: WORDS_STORE == RELAXED && WRITER_LOAD == RELAXED ->
            early = true;
            store(0, bytes_of(position), WORDS_STORE, position + 1)
        :: true
        fi;
        if
        :: position - seen < SLOTS
        :: else ->
            load(0, HEAD, WRITER_LOAD, head);
            do
            :: seen = head / 2;
                if
                :: position - seen < SLOTS -> break
                :: else
                fi;
                if
                :: head % 2 && !waited ->
                    waited = true;
                    load(0, HEAD, WRITER_LOAD, head)
                :: else ->
                    swap(0, HEAD, DROP, WRITER_LOAD, head, free_at(seen + 1), was);
                    if
                    :: was == head -> seen++; break
                    :: else -> head = was
                    fi
                fi
            od
        fi;
        if
        :: owed -> owed = false; store(0, TAIL, TAIL_STORE, position)
        :: else
        fi;
        store(0, number_of(position), WORDS_STORE, position + 1);
        if
        :: early
        :: else -> store(0, bytes_of(position), WORDS_STORE, position + 1)
        fi;
        position++;
        if
        :: DROP == ACQUIRE && position < MESSAGES -> owed = true
        :: true -> store(0, TAIL, TAIL_STORE, position)
        fi
    od
}

inline look(order)
{
    if
    :: order == RELAXED -> load(1, TAIL, TAIL_LOAD, seen); early = true
    :: true
    fi;
    load(1, HEAD, order, head)
}

proctype reader()
{
    byte position, seen, tail, head, was, one, other, each, which;
    bool late, early;
    look(HEAD_LOAD);
    do
    :: position == MESSAGES -> break
    :: else ->
        position = head / 2;
        if
        :: early -> early = false
        :: !early && position >= seen -> load(1, TAIL, TAIL_LOAD, seen)
        :: else
        fi;
        assert(seen >= position);
        if
        :: seen == position -> look(HEAD_LOAD)
        :: else ->
            if
            :: CLAIM_FAILED == RELAXED -> load(1, TAIL, TAIL_LOAD, tail); early = true
            :: true
            fi;
            swap(1, HEAD, CLAIM, CLAIM_FAILED, head, claimed_at(position), was);
            if
            :: was != head ->
                head = was;
                if
                :: early -> seen = tail
                :: else
                fi
            :: else ->
                early = false;
                late = false;
                if
                :: WORDS_LOAD == RELAXED && TAKE != SEQ_CST -> late = true
                :: true
                fi;
                load(1, number_of(position), WORDS_LOAD, one);
                if
                :: late
                :: else -> load(1, bytes_of(position), WORDS_LOAD, other)
                fi;
                swap(1, HEAD, TAKE, SEQ_CST, claimed_at(position), free_at(position + 1), was);
                if
                :: was == claimed_at(position) ->
                    if
                    :: late -> load(1, bytes_of(position), WORDS_LOAD, other)
                    :: else
                    fi;
                    assert(one == position + 1 && other == position + 1);
                    position++
                :: else
                fi;
                look(HEAD_LOAD)
            fi
        fi;
        late = false
    od
}

init { atomic { run writer(); run reader() } }
