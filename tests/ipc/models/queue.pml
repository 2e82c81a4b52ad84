/* The queue and its repair (native/queue.c, native/queue_repair.c): whoever is killed, and wherever, the
 * next one finds every message that was committed, once, whole and in order; what a dead consumer had
 * in hand comes again; and every block is in a message or free.
 *
 * A producer and a consumer, each of which may be killed between any two stores, also while it repairs
 * after the other; then a survivor, who repairs and takes what is left. Messages are one block long.
 * The lock is whole here: lock.pml is about it.
 *
 *   here              there
 *   put               allocate, queue_put: each store in its order
 *   get               queue_first, queue_copy, queue_get, unlink_first
 *   done, give_back   done_with_taken, give_back
 *   repair            settle, relink, queue_repair: each store in its order
 *
 * with DROP: a queue without redelivery, where a get is the end of it
 * mutation COMMIT_FIRST: a message is READY before all about it is there
 * mutation NO_REPAIR: the heir of the lock does not repair
 * mutation OWNER_LATE: a message is TAKEN before it says by whom
 * mutation KEEP_DEAD: what the dead had taken is left to them
 */
#define BLOCKS 2
#define MESSAGES 3
#define FREE 0
#define READY 1
#define TAKEN 2
#define NOBODY 0
#define PRODUCER 1
#define CONSUMER 2
#define SURVIVOR 3

byte state[BLOCKS + 1], owner[BLOCKS + 1], next[BLOCKS + 1], behind[BLOCKS + 1];
byte sequence[BLOCKS + 1], body[BLOCKS + 1], again[BLOCKS + 1];
byte first, last, free, count, given; /* given: the sequence that was given last */

byte holder;
bool dead[4], over[4], kill_me[4];

/* The diary: what each has got back from its calls. */
byte put_done;
bool took[MESSAGES + 1], ending[MESSAGES + 1], ended[MESSAGES + 1], seen[MESSAGES + 1];

inline take(me)
{
    atomic {
        holder == NOBODY || dead[holder];
        heir = (holder != NOBODY);
        holder = me
    };
#ifndef NO_REPAIR
    if
    :: heir -> repair(me)
    :: else
    fi
#endif
}

inline release() { holder = NOBODY }

/* settle() for one block */
inline settle(b)
{
#ifndef KEEP_DEAD
    if
    :: state[b] == TAKEN && dead[owner[b]] -> again[b]++; state[b] = READY
    :: else
    fi
#endif
    skip
}

inline repair(me)
{
    settle(1);
    settle(2);
    /* The order by sequence; two blocks make it short. What is only looked at takes no step. */
    d_step {
        one = 0; two = 0;
        if
        :: state[1] == READY && state[2] == READY && sequence[1] <= sequence[2] -> one = 1; two = 2
        :: state[1] == READY && state[2] == READY && sequence[1] > sequence[2] -> one = 2; two = 1
        :: state[1] == READY && state[2] != READY -> one = 1
        :: state[1] != READY && state[2] == READY -> one = 2
        :: state[1] != READY && state[2] != READY
        fi;
        newest = given;
        if
        :: state[1] != FREE && sequence[1] > newest -> newest = sequence[1]
        :: else
        fi;
        if
        :: state[2] != FREE && sequence[2] > newest -> newest = sequence[2]
        :: else
        fi
    };
    if
    :: one -> behind[one] = two
    :: else
    fi;
    if
    :: two -> behind[two] = 0
    :: else
    fi;
    first = one;
    last = (two -> two : one);
    count = (one != 0) + (two != 0);
    spare = 0;
    if
    :: state[2] == FREE -> next[2] = spare; spare = 2
    :: else
    fi;
    if
    :: state[1] == FREE -> next[1] = spare; spare = 1
    :: else
    fi;
    free = spare;
    given = newest
}

inline put(me, value)
{
    b = free;
    free = next[b];
#ifdef COMMIT_FIRST
    state[b] = READY;
#endif
    body[b] = value;
    next[b] = 0;
    behind[b] = 0;
    owner[b] = 0;
    again[b] = 0;
    sequence[b] = given + 1;
    given = given + 1;
#ifndef COMMIT_FIRST
    state[b] = READY;
#endif
    if
    :: last -> behind[last] = b
    :: else -> first = b
    fi;
    last = b;
    count = count + 1
}

inline give_back(b)
{
    next[b] = free;
    free = b
}

inline unlink(b)
{
    first = behind[b];
    if
    :: behind[b] == 0 -> last = 0
    :: else
    fi;
    count = count - 1
}

/* first is not 0. The value, and in a queue without redelivery the end of it. */
inline get(me, value)
{
    b = first;
    assert(state[b] == READY && sequence[b] == body[b]);
    value = body[b];
#ifdef DROP
    state[b] = FREE;
    unlink(b);
    give_back(b)
#else
#ifdef OWNER_LATE
    state[b] = TAKEN;
    owner[b] = me;
#else
    owner[b] = me;
    state[b] = TAKEN;
#endif
    unlink(b)
#endif
}

inline done(me, b)
{
    state[b] = FREE;
    give_back(b)
}

proctype producer()
{
    byte b, one, two, newest, spare, value;
    bool heir;
    {
        do
        :: value == MESSAGES -> break
        :: else ->
            free || over[CONSUMER]; /* asleep until there is room, or nobody makes any */
            take(PRODUCER);
            if
            :: free -> put(PRODUCER, value + 1); value++; release(); put_done = value
            :: else -> release();
                if
                :: over[CONSUMER] -> break
                :: else
                fi
            fi
        od
    } unless { atomic { kill_me[PRODUCER] -> dead[PRODUCER] = true } };
    over[PRODUCER] = true
}

proctype consumer()
{
    byte b, one, two, newest, spare, value;
    bool heir;
    {
        do
        :: first || over[PRODUCER];
            take(CONSUMER);
            if
            :: first ->
                get(CONSUMER, value);
                release();
                assert(!took[value]);
                took[value] = true;
#ifndef DROP
                ending[value] = true;
                take(CONSUMER);
                done(CONSUMER, b);
                release();
                ended[value] = true
#endif
            :: else -> release();
                if
                :: over[PRODUCER] -> break
                :: else
                fi
            fi
        od
    } unless { atomic { kill_me[CONSUMER] -> dead[CONSUMER] = true } };
    over[CONSUMER] = true
}

proctype survivor()
{
    byte b, one, two, newest, spare, value, before, missing;
    bool heir;
    over[PRODUCER] && over[CONSUMER];
    take(SURVIVOR);
#ifndef NO_REPAIR
    if
    :: !heir && (dead[PRODUCER] || dead[CONSUMER]) -> repair(SURVIVOR) /* queue_clear_dead */
    :: else
    fi;
#endif
    do
    :: first == 0 -> break
    :: else ->
        get(SURVIVOR, value);
        assert(!seen[value] && value > before); /* once, and in order */
        seen[value] = true;
        before = value;
#ifndef DROP
        done(SURVIVOR, b)
#endif
    od;
    release();
    atomic {
        for (value : 1 .. MESSAGES) {
#ifdef DROP
            assert(!(seen[value] && took[value]));
            if
            :: value <= put_done && !seen[value] && !took[value] -> missing++
            :: else
            fi
#else
            assert(!(seen[value] && ended[value]));
            assert(value > put_done || seen[value] || ending[value])
#endif
        };
        assert(missing <= dead[CONSUMER]); /* the one that it was just getting */
        assert(count == 0 && last == 0);
        assert(free != 0 && next[free] != 0 && next[free] != free && next[next[free]] == 0)
    }
}

init {
    atomic {
        free = 1; next[1] = 2;
        run producer(); run consumer(); run survivor()
    };
    if
    :: kill_me[PRODUCER] = true
    :: true
    fi;
    if
    :: kill_me[CONSUMER] = true
    :: true
    fi
}
