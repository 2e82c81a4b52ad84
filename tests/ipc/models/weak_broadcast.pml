/* A broadcast under weak memory (native/broadcast.c, weak.inc): a record that a reader accepts is whole, and
 * is the one that it says.
 *
 * Two places for records of two words: number and bytes. Before the writer writes over a record it moves
 * OLDEST past it.
 *
 *   here              there
 *   writer: OLDEST    make_room
 *   writer: words     broadcast_write: number, size, words_store
 *   writer: TAIL      broadcast_write
 *   reader: TAIL      broadcast_read
 *   reader: OLDEST    overtaken, before and after the copy; where it is behind, from there on
 *   reader: words     broadcast_read: number, size, words_load
 *
 * mutation OLDEST_LATE: the oldest is moved behind the words of the new record
 * mutation WORDS_STORED_RELAXED: the words are stored without release
 * mutation WORDS_LOADED_RELAXED: the words are loaded without acquire
 * mutation TAIL_STORED_RELAXED: the tail is stored without release
 * mutation TAIL_LOADED_RELAXED: the tail is loaded without acquire
 * mutation NO_COMPARE: the reader does not look whether the writer has overtaken it
 */
#define PLACES 2
#define RECORDS 4
#define WORDS (2 + 2 * PLACES)
#define STORES (RECORDS + 1)
#define THREADS 2
#define LOOKS 2
#include "weak.inc"

#define TAIL 0
#define OLDEST 1
#define first_of(position) (2 + (position) % PLACES * 2)

#ifdef WORDS_STORED_RELAXED
#define WORDS_STORE RELAXED
#else
#define WORDS_STORE RELEASE
#endif
#ifdef WORDS_LOADED_RELAXED
#define WORDS_LOAD RELAXED
#else
#define WORDS_LOAD ACQUIRE
#endif
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

proctype writer()
{
    byte position, oldest, each, which;
    do
    :: position == RECORDS -> break
    :: else ->
        if
        :: position - oldest == PLACES ->
            oldest++;
#ifndef OLDEST_LATE
            store(0, OLDEST, RELAXED, oldest)
#endif
        :: else
        fi;
        store(0, first_of(position), WORDS_STORE, position + 1);
        store(0, first_of(position) + 1, WORDS_STORE, position + 1);
#ifdef OLDEST_LATE
        store(0, OLDEST, RELAXED, oldest);
#endif
        position++;
        store(0, TAIL, TAIL_STORE, position)
    od
}

proctype reader()
{
    byte looks, position, tail, oldest, one, other, each, which;
    do
    :: looks == LOOKS -> break
    :: else ->
        looks++;
        load(1, TAIL, TAIL_LOAD, tail);
        if
        :: tail <= position
        :: else ->
            load(1, OLDEST, RELAXED, oldest);
            if
            :: position < oldest -> load(1, OLDEST, ACQUIRE, position)
            :: else
            fi;
            load(1, first_of(position), WORDS_LOAD, one);
            load(1, first_of(position) + 1, WORDS_LOAD, other);
            load(1, OLDEST, RELAXED, oldest);
#ifdef NO_COMPARE
            oldest = position;
#endif
            if
            :: position < oldest || tail <= position
            :: else ->
                assert(one == position + 1 && other == position + 1);
                position++
            fi
        fi
    od
}

init { atomic { run writer(); run reader() } }
