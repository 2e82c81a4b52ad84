/* The ring that drops its oldest (native/ring_dropping.c): what the reader takes is whole and in order, it
 * knows what it missed, the newest is always there, and neither side can keep the other from going on.
 *
 * A record is its number and two halves, so that a torn one can be seen. Two of three messages are large
 * ones: they take a slot of the ring for their head, and lie in the one large place.
 *
 *   here                          there
 *   head, claimed                 the one word `head` with its lowest bit: both change in one step
 *   writer: room                  has_room
 *   writer: waits, or not         await_copy: as long as it likes, also not at all
 *   writer: next                  pass_oldest
 *   writer: swap                  make_room
 *   writer: halves, tail          ring_put_dropping, ring_publish
 *   reader: head, then tail       ring_claim; ring_is_left
 *   reader: asleep                ring_reader_asleep; woken by ring_publish, the close, or the bell of a death
 *   reader: claim, halves, take   ring_claim, ring_copy, ring_take
 *   killed                        SIGKILL, or a stop without end, at any step
 *
 * That no wake-up is lost is wake.pml's; here it is that what was dropped is not taken for something to
 * read.
 *
 * mutation TAKE_BLINDLY: the reader moves the head without comparing
 * mutation DROP_BLINDLY: the writer does
 * mutation CLAIM_BLINDLY: the reader claims without comparing
 * mutation DROP_LATE: what is dropped is written over first
 * mutation TAIL_FIRST: what is not written yet is published
 * mutation TAIL_THEN_HEAD: the reader looks at the tail, and at the head afterwards
 * mutation LARGE_AT_ONCE: the large place is used again before what lies there was dropped
 * mutation WAIT_FOR_EVER: the writer waits for a copy until it is done
 */
#define SLOTS 2
#define MESSAGES 4

byte number[SLOTS], left[SLOTS], right[SLOTS]; /* records */
byte large_left, large_right;
byte tail, head;
bool claimed, asleep;
byte dropped;                                  /* the writer's private count */
bool finished, killed_writer, killed_reader;

#define is_large(n) ((n) % 3 != 0)
#define at(n) ((n) % SLOTS)
#define room(position, from) (position - (from) < SLOTS && (!is_large(position) || (from) >= large_after))

inline write()
{
    if
    :: is_large(position) ->
        number[at(position)] = position;
        large_left = position;
        large_right = position
    :: else ->
        number[at(position)] = position;
        left[at(position)] = position;
        right[at(position)] = position
    fi
}

proctype writer()
{
    byte position, large_after, seen, next;
    bool seen_claimed, waited, done;
    {
        do
        :: position == MESSAGES -> break
        :: else ->
            done = false;
            waited = false;
            do
            :: done -> break
            :: else ->
                atomic { seen = head; seen_claimed = claimed };
                if
                :: room(position, seen) -> done = true
#ifdef LARGE_AT_ONCE
                :: position - seen < SLOTS -> done = true
#endif
                :: else ->
                    if
                    :: seen_claimed && !waited ->
                        waited = true;
#ifdef WAIT_FOR_EVER
                        !claimed
#endif
                    :: seen_claimed && waited || !seen_claimed ->
                        next = seen;
                        do
                        :: room(position, next) -> break
                        :: else -> next++
                        od;
#ifdef DROP_LATE
                        write();
#endif
#ifdef DROP_BLINDLY
                        atomic { head = next; claimed = false; dropped = dropped + next - seen; done = true }
#else
                        atomic {
                            if
                            :: head == seen && claimed == seen_claimed ->
                                head = next; claimed = false;
                                dropped = dropped + next - seen;
                                done = true
                            :: else
                            fi
                        }
#endif
                    fi
                fi
            od;
#ifdef TAIL_FIRST
            tail = position + 1;
#endif
            write();
            if
            :: is_large(position) -> large_after = position + 1
            :: else
            fi;
            position++;
            tail = position;
            asleep = false /* as wake.pml has it */
        od
    } unless { killed_writer };
    finished = true;
    asleep = false
}

proctype reader()
{
    byte expected, received, missed, seen, which, one, other;
    bool over, took;
    {
        do
        :: over = finished;
#ifdef TAIL_THEN_HEAD
            seen = tail;
            which = head;
#else
            which = head;
            seen = tail;
#endif
            assert(seen >= which);
            if
            :: seen == which && over -> break
            :: seen == which && !over ->
                asleep = true;
                which = head;
                seen = tail;
                if
                :: seen == which && !finished -> !asleep
                :: else
                fi;
                asleep = false
            :: else ->
                took = false;
                atomic {
                    if
#ifdef CLAIM_BLINDLY
                    :: true -> head = which; claimed = true; took = true
#else
                    :: head == which && !claimed -> claimed = true; took = true
                    :: else
#endif
                    fi
                };
                if
                :: took ->
                    one = number[at(which)];
                    other = one;
                    if
                    :: is_large(which) -> one = large_left; other = large_right
                    :: else -> one = left[at(which)]; other = right[at(which)]
                    fi;
                    atomic {
                        if
#ifdef TAKE_BLINDLY
                        :: true ->
#else
                        :: head == which && claimed ->
#endif
                            head = which + 1; claimed = false;
                            assert(one == which && other == which && number[at(which)] == which);
                            assert(which >= expected);
                            missed = missed + which - expected;
                            expected = which + 1;
                            received++
                        :: else
                        fi
                    }
                :: else
                fi;
            fi
        od;
        assert(received + missed == expected);
        /* Without a death all is accounted for, and the newest was there. */
        assert(killed_writer || (expected == MESSAGES && missed == dropped))
    } unless { killed_reader }
}

init {
    atomic { run writer(); run reader() };
    if
    :: killed_writer = true
    :: killed_reader = true
    :: true
    fi
}
