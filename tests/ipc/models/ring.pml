/* The ring (native/ring_inline.h): what the reader copies is what the writer wrote, whole and in order.
 *
 * A record is two halves, so that a torn one can be seen. Three of four messages are large ones: they
 * take a slot of the ring for their head, which says in which of the two large places they lie.
 *
 *   here                          there
 *   writer: "room", "seen"        ring_reserve, ring_see_head, ring_room
 *   writer: halves                the caller's memcpy
 *   writer: position, large_after ring_append
 *   writer: tail                  ring_publish, after one record or after several
 *   reader: "seen"                ring_look, ring_see_tail
 *   reader: halves                the caller's memcpy
 *   reader: head                  ring_release
 *
 * mutation TAIL_FIRST: what is not written yet is published
 * mutation HEAD_FIRST: what is not copied yet is given back
 * mutation LARGE_AT_ONCE: a large place is used again before it was given back
 * mutation ONE_AFTER: one position is kept for both large places
 */
#define SLOTS 3 /* one more than large places: so these run out by themselves, too */
#define MESSAGES 8

byte left[SLOTS], right[SLOTS];      /* records */
bool second[SLOTS];                  /* of a large one: where it lies */
byte large_left[2], large_right[2];
byte tail, head;
bool finished;

#define is_large(n) ((n) % 4 != 0)
#define at(n) ((n) % SLOTS)

proctype writer()
{
    byte position, seen, large_after[2];
    bool place;
    do
    :: position == MESSAGES -> break
    :: else ->
#ifdef LARGE_AT_ONCE
        if
        :: position - seen < SLOTS
        :: else -> tail = position; head > seen; seen = head; position - seen < SLOTS
        fi;
#else
        do
        :: position - seen < SLOTS &&
           (!is_large(position) || seen >= large_after[0] || seen >= large_after[1]) -> break
        :: else -> tail = position; head > seen; seen = head /* shown before it waits: Link._send */
        od;
#endif
#ifdef TAIL_FIRST
        tail = position + 1;
#endif
        if
        :: is_large(position) ->
            if
            :: seen < large_after[0] && head > seen -> seen = head /* it looks before it takes the second */
            :: else
            fi;
            place = seen < large_after[0];
            second[at(position)] = place;
            large_left[place] = position + 1;
            large_right[place] = position + 1
        :: else ->
            left[at(position)] = position + 1;
            right[at(position)] = position + 1
        fi;
        position++;
        if
#ifdef ONE_AFTER
        :: is_large(position - 1) -> large_after[0] = position
#else
        :: is_large(position - 1) -> large_after[place] = position
#endif
        :: else
        fi;
        if
        :: tail = position
        :: true /* with the next */
        fi
    od;
    tail = position
}

proctype reader()
{
    byte position, seen, one, other;
    bool place;
    do
    :: position == MESSAGES -> break
    :: else ->
        if
        :: position == seen -> tail > position; seen = tail
        :: else
        fi;
#ifdef HEAD_FIRST
        head = position + 1;
#endif
        if
        :: is_large(position) ->
            place = second[at(position)];
            one = large_left[place];
            other = large_right[place]
        :: else -> one = left[at(position)]; other = right[at(position)]
        fi;
        assert(one == position + 1 && other == position + 1);
        position++;
        head = position
    od;
    finished = true
}

init { atomic { run writer(); run reader() } }
