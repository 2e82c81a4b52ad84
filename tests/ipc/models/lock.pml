/* The lock and the roster (native/lock.c, native/roster.c): at most one who lives has the lock; whoever
 * follows a dead holder knows it; whoever waits gets it. Everybody may be killed at every step, comes
 * into the first free place, one of them twice, and repairs (clear the places of the dead) while it holds.
 *
 *   here                      there
 *   join                      roster_join, with the door held: the kernel's lock, generation, tag
 *   look, proof               roster_dead: the place's tag, then F_OFD_GETLK
 *   "take" and "slept"        lock_take_until: the spin is one try; awaited; futex_wait
 *   take over                 take_over: compare-and-swap on the very tag
 *   release                   lock_release: exchange, then futex_wake
 *   clear                     roster_clear, called by queue_repair
 *   killed                    SIGKILL: the kernel releases the lock on the place, nothing else
 *
 * A futex's sleep may end at any time (its time-out), as it does there after LOCK_CHECK_NS.
 *
 * mutation NO_PROOF: who has waited long takes over from the living
 * mutation NO_COMPARE: the take-over stores instead of comparing
 * mutation CLEAR_BLINDLY: the clearing of a dead one's place stores instead of comparing
 * mutation NO_GENERATION: the next one in a place has the tag of the one before
 */
#define PLACES 2                     /* 0 and 1 */
#define PEOPLE 3
#define NOBODY 255
#define AWAITED 64

#define tag_of(place, generation) ((generation) * 4 + (place) + 1)
#define place_of(tag) (((tag) - 1) % 4)

bool killed[PEOPLE];
byte word;                           /* the lock: 0, or a tag, perhaps with AWAITED */
byte tag[PLACES], generation[PLACES];
byte kernel[PLACES];                 /* who holds the place's byte; NOBODY */
byte door;                           /* who is in it; NOBODY */
byte inside;                         /* who live and have the lock */
bool dirty;                          /* what the lock guards is half done */

proctype person(byte me)
{
    byte place, mine, seen, other, look;
    bool has, heir, dead, slept, twice;
    {
        skip;
anew:   /* roster_join: the door keeps others from joining at the same time */
        atomic { door == NOBODY -> door = me };
        atomic {
            if
            :: kernel[0] == NOBODY -> place = 0; kernel[0] = me
            :: else -> if
                :: kernel[1] == NOBODY -> place = 1; kernel[1] = me
                :: else -> door = NOBODY; goto over
                fi
            fi
        };
        atomic {
            generation[place]++;
#ifdef NO_GENERATION
            mine = tag_of(place, 1)
#else
            mine = tag_of(place, generation[place])
#endif
        };
        tag[place] = mine;
        door = NOBODY;

        /* lock_take_until */
        do
        :: atomic { seen = word; if
            :: seen == 0 -> word = mine + (slept -> AWAITED : 0); has = true; inside++; break
            :: else -> slept = true
            fi };
            if
            :: seen >= AWAITED
            :: else -> atomic { if
                :: word == seen -> word = seen + AWAITED; seen = seen + AWAITED
                :: else -> seen = 0
                fi }
            fi;
            if
            :: seen == 0
            :: else ->
                /* futex_wait, which any time may end; then take_over */
#ifdef NO_PROOF
                other = seen - AWAITED; dead = true;
#else
                atomic { other = seen - AWAITED; look = tag[place_of(other)] };
                atomic { if
                    :: other == mine -> dead = false
                    :: other != mine && look != other -> dead = true
                    :: other != mine && look == other ->
                        dead = (kernel[place_of(other)] == NOBODY)
                    fi };
#endif
                if
                :: dead ->
#ifdef NO_COMPARE
                    atomic { word = mine + AWAITED; has = true; heir = true; inside++ }; break
#else
                    atomic { if
                        :: word == seen -> word = mine + AWAITED; has = true; heir = true;
                            inside++; break
                        :: else
                        fi }
#endif
                :: else -> (word != seen || kernel[place_of(other)] == NOBODY || tag[place_of(other)] != other)
                fi
            fi
        od;
        atomic {
            assert(inside == 1);
            assert(!dirty || heir); /* who was not told of a death finds all in order */
            dirty = true
        };
        if
        :: heir ->
            /* queue_repair: the other's place is cleared if it is dead */
            look = tag[1 - place];
            if
            :: look != 0 && kernel[1 - place] == NOBODY ->
#ifdef CLEAR_BLINDLY
                tag[1 - place] = 0
#else
                atomic { if
                    :: tag[1 - place] == look -> tag[1 - place] = 0
                    :: else
                    fi }
#endif
            :: else
            fi
        :: else
        fi;
        atomic { assert(inside == 1); dirty = false };
        atomic { word = 0; has = false; inside-- };
        /* roster_leave */
        tag[place] = 0;
        atomic {
            kernel[place] = NOBODY;
            slept = false; heir = false; dead = false; seen = 0; other = 0; look = 0;
            if
            :: me == 1 && !twice -> twice = true; goto anew
            :: else
            fi
        };
over:   skip
    } unless { atomic { killed[me] ->
        if
        :: has -> inside--
        :: else
        fi;
        if
        :: door == me -> door = NOBODY
        :: else
        fi } };
    atomic {
        if
        :: kernel[0] == me -> kernel[0] = NOBODY
        :: else
        fi;
        if
        :: kernel[1] == me -> kernel[1] = NOBODY
        :: else
        fi
    }
}

init {
    atomic {
        kernel[0] = NOBODY; kernel[1] = NOBODY; door = NOBODY;
        run person(0); run person(1); run person(2)
    };
    /* One is killed, whenever; with MORE, which takes minutes, another one too. */
    if
    :: killed[0] = true
    :: true
    fi;
#ifdef MORE
    if
    :: killed[1] = true
    :: true
    fi
#endif
}
