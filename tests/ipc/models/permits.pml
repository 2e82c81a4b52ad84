/* The permits of a semaphore (native/permits.c): never do more who live hold one than there are; whoever
 * gets a dead one's permit is told, and nobody else is; nobody sleeps while there is one to be had.
 * Anybody may be killed between any two steps.
 *
 *   here                      there
 *   join, mark                roster_join with the door held, permits_open
 *   attempt                   permits_try: compare-and-swap from 0 or from the mark of the dead
 *   proof, take over          permits_try_all: roster_dead, compare-and-swap on the very tag
 *   fall asleep, look, sleep  permits_wait: turn, `asleep`, a second look, futex_wait_any
 *   pass on                   pass_on: after a sleep, the next one when there is more
 *   give back                 give_back, wake_one: change, `asleep` exchanged for 0, turn, futex_wake
 *   give up                   permits_decline: a signal, or the handle is closed under the waiter
 *   leave                     permits_abandon, which permits_close calls, roster_leave
 *   killed                    SIGKILL: the kernel releases the lock on the place and tells the sentries
 *
 * Nobody looks up by itself: the time-outs of permits_wait are left out, so that a lost wake-up is a
 * state in which somebody stands still for ever. The alarm and the release of the dead one's lock are
 * one step; in truth the alarm comes first, and who is alarmed looks again until the lock is released.
 * A load and the compare-and-swap that follows it are one step where a swap that fails does what a
 * load of the new word would. Of the turn each knows whether it has changed.
 *
 * with TWO_PERMITS: two permits, one of which the first one has from the start
 * with LATE: the second one comes late, perhaps into the place of a dead one
 * with ON_FILE: the second one is an event loop, which is rung by way of the file
 * with LOOPS: the second and the third are
 * mutation NO_PROOF: who finds no permit takes one from the living
 * mutation NO_COMPARE: the take-over stores instead of comparing
 * mutation NOT_TOLD: whoever takes over from the dead is not told
 * mutation CLOSE_SILENTLY: who leaves with a permit gives it back as if all were in order
 * mutation MARK_BLINDLY: a newcomer's marking of what the dead held stores instead of comparing
 * mutation NO_GENERATION: the next one in a place has the tag of the one before
 * mutation NO_SECOND_LOOK: it goes to sleep without looking again
 * mutation FLAG_FIRST: whoever gives back looks for sleepers before it gives back
 * mutation NOT_AGAIN: one that was woken does not say again that somebody sleeps
 * mutation NO_DECLINE: one that gives up does not wake the next
 * mutation NO_PASS_ON: one that was woken does not wake the next
 * mutation DEATH_UNHEARD: the sentries are not told of a death
 */
#if defined(MARK_BLINDLY) || defined(NO_GENERATION)
#define LATE
#endif
#define PEOPLE 3
#define NOBODY 255
#define NONE 255
#define ABANDONED 128
#define WORD 1                       /* ASLEEP_ON_WORD, ASLEEP_ON_FILE */
#define FILE 2

#if defined(TWO_PERMITS) || defined(NO_PASS_ON)
#define PERMITS 2
#else
#define PERMITS 1
#endif
#if defined(LOOPS)
#define on_file(me) (me > 0)
#elif defined(ON_FILE)
#define on_file(me) (me == 1)
#else
#define on_file(me) false
#endif

#define tag_of(place, generation) ((generation) * 4 + (place) + 1)
#define place_of(tag) (((tag) - 1) % 4)

bool killed[PEOPLE];
byte permit[PERMITS];                /* 0, a tag, or ABANDONED */
byte asleep;
bool turned[PEOPLE];                 /* the turn is another than the one it saw */
bool sleeping[PEOPLE];               /* in the kernel, on the turn */
bool alarm[PEOPLE];                  /* somebody left or died; for a loop, somebody rang, too */
byte tag[PEOPLE], generation[PEOPLE];
byte kernel[PEOPLE];                 /* who holds the place's byte; NOBODY */
byte inside;                         /* who live and have a permit */
bool dirty[PERMITS];                 /* what it guards may be half done: somebody is to be told */
byte ended;                          /* how many have had their turn, or are dead */

/* Within an atomic step, with `seen` as it was loaded. */
inline take()
{
    if
#ifdef NO_COMPARE
    :: seen != 0 || permit[i] == 0 ->
#else
    :: permit[i] == seen ->
#endif
        permit[i] = mine; held = i; inside++;
        assert(inside <= PERMITS);
#ifdef NOT_TOLD
        assert(!dirty[i]);
#else
        assert(dirty[i] == (seen != 0)); /* told of each death, and of no other */
#endif
        dirty[i] = true
    :: else
    fi;
    seen = 0
}

#define END_OF_LOOK i++; if :: held != NONE || i == PERMITS -> i = 0; break :: else fi

inline try()
{
    do
    :: atomic {
        seen = permit[i];
        if
        :: seen == 0 || seen == ABANDONED -> take()
        :: else -> seen = 0
        fi;
        END_OF_LOOK }
    od
}

inline try_all()
{
    do
    :: atomic {
        seen = permit[i];
        if
        :: seen == mine -> seen = 0
        :: seen != mine && (seen == 0 || seen == ABANDONED) -> take()
        :: else
        fi };
        if
        :: seen != 0 -> /* is it dead? */
            atomic { if
#ifdef NO_PROOF
                :: true
#else
                :: tag[place_of(seen)] != seen || kernel[place_of(seen)] == NOBODY
                :: else -> seen = 0
#endif
                fi };
            atomic { if
                :: seen != 0 -> take()
                :: else
                fi;
                END_OF_LOOK }
        :: atomic { else -> END_OF_LOOK }
        fi
    od
}

inline wake_one()
{
    atomic { look = asleep; asleep = 0 };
    if
    :: look & WORD ->
        atomic { turned[0] = true; turned[1] = true; turned[2] = true };
        atomic { if /* futex_wake: one of them, whichever */
            :: sleeping[0] -> sleeping[0] = false
            :: sleeping[1] -> sleeping[1] = false
            :: sleeping[2] -> sleeping[2] = false
            :: else
            fi }
    :: else
    fi;
    atomic { if
        :: look & FILE ->
            alarm[1] = alarm[1] || on_file(1);
            alarm[2] = alarm[2] || on_file(2)
        :: else
        fi;
        look = 0 }
}

inline pass_on()
{
#ifndef NO_PASS_ON
    do
    :: atomic {
        if
        :: permit[i] == 0 || permit[i] == ABANDONED -> look = WORD; i = 0; break
        :: else -> i++
        fi;
        if
        :: i == PERMITS -> i = 0; break
        :: else
        fi }
    od;
    if
    :: look != 0 -> wake_one()
    :: else
    fi
#else
    skip
#endif
}

inline give_back(with, clean)
{
#ifdef FLAG_FIRST
    look = asleep;
#endif
    atomic {
        assert(permit[held] == mine);
        permit[held] = with;
        dirty[held] = !clean;
        held = NONE; inside--
    };
#ifdef FLAG_FIRST
    if
    :: look == 0
    :: else -> wake_one()
    fi
#else
    wake_one()
#endif
}

inline mark()
{
    do
    :: atomic {
        seen = permit[i];
        if
        :: seen != 0 && seen != ABANDONED && tag[place_of(seen)] != seen
        :: else -> seen = 0
        fi };
        atomic { if
#ifdef MARK_BLINDLY
            :: seen != 0 -> permit[i] = ABANDONED
#else
            :: seen != 0 && permit[i] == seen -> permit[i] = ABANDONED
#endif
            :: else
            fi;
            seen = 0;
            END_OF_LOOK }
    od;
}

/* The kernel closes the descriptor, by itself or for the dead. */
inline close_file()
{
    kernel[place] = NOBODY; place = NONE;
#ifndef DEATH_UNHEARD
    alarm[0] = true; alarm[1] = true; alarm[2] = true;
#endif
    sleeping[me] = false; turned[me] = false;
    seen = 0; i = 0; look = 0; woken = false
}

proctype person(byte me)
{
    byte place = me, mine = tag_of(me, 0), seen, i, look;
    byte held = NONE, also = (PERMITS == 2 && me == 0 -> 1 : NONE);
    bool woken, done;
    {
#ifdef LATE
        if
        :: me == 1 ->
            /* The first free place; lock.pml walks through the steps. Then permits_open's marking. */
            atomic {
                place = (kernel[0] == NOBODY -> 0 : 1);
                kernel[place] = me;
#ifndef NO_GENERATION
                generation[place]++;
#endif
                mine = tag_of(place, generation[place]);
                tag[place] = mine;
                alarm[me] = true
            };
            mark()
        :: else
        fi;
#endif
        try();
        do
        :: held != NONE -> break
        :: else ->
            /* permits_wait; a loop's round in aio/semaphore.py */
            turned[me] = false;
            atomic {
#ifdef NOT_AGAIN
                if
                :: woken
                :: else -> asleep = asleep | (on_file(me) -> FILE : WORD)
                fi;
#else
                asleep = asleep | (on_file(me) -> FILE : WORD);
#endif
                look = alarm[me]; alarm[me] = false
            };
            if
#ifdef NO_SECOND_LOOK
            :: !woken -> look = 0
            :: else -> try_all()
#else
            :: look -> look = 0; try_all()
            :: else -> try()
#endif
            fi;
            if
            :: held != NONE && !on_file(me) -> pass_on(); break
            :: held != NONE && on_file(me) -> break
            :: atomic { held == NONE -> if
                :: !turned[me] && !alarm[me] && !on_file(me) -> sleeping[me] = true
                :: else
                fi }
            fi;
            if
            :: atomic { ((!sleeping[me] && !on_file(me)) || alarm[me]) ->
                sleeping[me] = false; woken = true }
            :: atomic { me == 2 -> sleeping[me] = false }; /* a signal: it gives up */
#ifndef NO_DECLINE
                if
                :: !on_file(me) ->
                    asleep = asleep | WORD;
                    pass_on()
                :: else
                fi;
#endif
                goto over
            fi
        od;
        if
        :: give_back(0, true)
        :: me == 0 -> /* it is not put in order, or it leaves with it in hand */
#ifdef CLOSE_SILENTLY
            give_back(0, false);
#else
            give_back(ABANDONED, false);
#endif
            if
            :: also == NONE -> tag[place] = 0; atomic { close_file() }
            :: true
            fi
        fi;
        if
        :: atomic { also != NONE -> held = also; also = NONE };
            give_back(0, true)
        :: else
        fi;
        /* It lives on, so that only what it did above wakes the others. */
over:   atomic { ended++; seen = 0; i = 0; look = 0; woken = false; done = true }
    } unless { atomic { killed[me] ->
        if
        :: held != NONE -> inside--; held = NONE
        :: else
        fi;
        if
        :: also != NONE -> inside--; also = NONE
        :: else
        fi;
        if
        :: place != NONE -> close_file()
        :: else
        fi;
        if
        :: !done -> ended++
        :: else
        fi } }
}

init {
    atomic {
        kernel[0] = 0; kernel[1] = 1; kernel[2] = 2;
        tag[0] = tag_of(0, 0); tag[1] = tag_of(1, 0); tag[2] = tag_of(2, 0);
        alarm[0] = true; alarm[1] = true; alarm[2] = true; /* one look after the sentry has come */
#if PERMITS == 2
        permit[1] = tag_of(0, 0); dirty[1] = true; inside = 1;
#endif
#ifdef LATE
        kernel[1] = NOBODY; tag[1] = 0;
#endif
        run person(0); run person(1); run person(2)
    };
    /* One is killed, whenever; with MORE another one too. */
    if
    :: killed[0] = true
    :: killed[1] = true
    :: true
    fi;
#ifdef MORE
    if
    :: killed[2] = true
    :: true
    fi;
#endif
    ended == PEOPLE;
    /* Nothing is lost: what the dead held is there with its notice, and the rest is free. */
    assert(dirty[0] == (permit[0] != 0));
    assert(dirty[PERMITS - 1] == (permit[PERMITS - 1] != 0))
}
