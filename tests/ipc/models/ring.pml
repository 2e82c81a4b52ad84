/* The ring (native/ring_inline.h): what the reader copies is what the writer wrote, whole and in order.
 *
 * A record is two halves, so that a torn one can be seen. Two of three messages are large ones: they
 * take a slot of the ring for their head, and lie in the one large place.
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
 * mutation LARGE_AT_ONCE: the large place is used again before it was given back
 */
#define SLOTS 2
#define MESSAGES 6

byte left[SLOTS], right[SLOTS];      /* records */
byte large_left, large_right;
byte tail, head;
bool finished;

#define is_large(n) ((n) % 3 != 0)
#define at(n) ((n) % SLOTS)

proctype writer()
{
    byte position, seen, large_after;
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
        :: position - seen < SLOTS && (!is_large(position) || seen >= large_after) -> break
        :: else -> tail = position; head > seen; seen = head /* shown before it waits: Link._send */
        od;
#endif
#ifdef TAIL_FIRST
        tail = position + 1;
#endif
        if
        :: is_large(position) ->
            large_left = position + 1;
            large_right = position + 1
        :: else ->
            left[at(position)] = position + 1;
            right[at(position)] = position + 1
        fi;
        position++;
        if
        :: is_large(position - 1) -> large_after = position
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
        :: is_large(position) -> one = large_left; other = large_right
        :: else -> one = left[at(position)]; other = right[at(position)]
        fi;
        assert(one == position + 1 && other == position + 1);
        position++;
        head = position
    od;
    finished = true
}

init { atomic { run writer(); run reader() } }
