/* Sleeping and waking at the ring (native/ring.c, ring.h "Memory order"; native/bell.c): nobody sleeps
 * while what it waits for is there, also when the other side is killed between any two steps.
 *
 * Both directions: the reader sleeps for messages, the writer for room. A lost wake-up is a state in
 * which somebody stands still for ever, which the checker calls an invalid end state.
 *
 *   here                     there
 *   publish: tail, flag      ring_publish, wake
 *   ring                     bell_ring: a byte at the other's end, or already there
 *   asleep: flag, look       ring_reader_asleep, ring_writer_asleep
 *   wait                     bell_wait: a byte, or the end of the stream
 *   awake                    ring_reader_awake, ring_writer_awake
 *   killed                   SIGKILL: the kernel closes the socket; nothing else is told
 *
 * mutation NO_SECOND_LOOK: it goes to sleep without looking again
 * mutation FLAG_FIRST: whoever publishes looks for a sleeper before it publishes
 * mutation DEATH_UNHEARD: the bell does not tell of a death
 */
#define SLOTS 1
#define MESSAGES 3

byte tail, head;
bool reader_asleep, writer_asleep;
bool data_bell, room_bell;
bool killed_writer, killed_reader;
bool reader_gone, writer_gone;       /* the socket's other end is closed */

#ifdef DEATH_UNHEARD
#define heard(bell, gone) (bell)
#else
#define heard(bell, gone) (bell || gone)
#endif

/* Load the flag; if it was set, clear it and find out in the same step whether it still was. */
inline wake(flag, bell, had)
{
    if
    :: flag -> had = false; atomic { had = flag; flag = false };
        if
        :: had -> bell = true
        :: else
        fi
    :: else
    fi
}

#ifdef FLAG_FIRST
#define PUBLISH(word, value, flag, bell) wake(flag, bell, had); word = value
#else
#define PUBLISH(word, value, flag, bell) word = value; wake(flag, bell, had)
#endif

#ifdef NO_SECOND_LOOK
#define SLEEP_UNLESS(come, flag, bell, gone) \
    flag = true; heard(bell, gone); bell = false; flag = false
#else
#define SLEEP_UNLESS(come, flag, bell, gone)      \
    flag = true;                                  \
    if                                            \
    :: come -> flag = false                       \
    :: else ->                                    \
        heard(bell, gone); bell = false; flag = false \
    fi
#endif

proctype writer()
{
    byte position;
    bool had;
    {
        do
        :: position == MESSAGES || reader_gone -> break
        :: else ->
            if
            :: position - head < SLOTS ->
                position++;
                PUBLISH(tail, position, reader_asleep, data_bell)
            :: else -> SLEEP_UNLESS(position - head < SLOTS, writer_asleep, room_bell, reader_gone)
            fi
        od
    } unless { killed_writer };
    writer_gone = true
}

proctype reader()
{
    byte position;
    bool had, gone;
    {
        do
        :: gone = writer_gone; /* asked first, looked at afterwards: Link._await_message */
            if
            :: tail > position ->
                position++;
                PUBLISH(head, position, writer_asleep, room_bell)
            :: else ->
                if
                :: gone -> break
                :: else -> SLEEP_UNLESS(tail > position, reader_asleep, data_bell, writer_gone)
                fi
            fi
        od;
        assert(position == tail) /* all that was published before the end */
    } unless { killed_reader };
    reader_gone = true
}

init {
    atomic { run writer(); run reader() };
    if
    :: killed_writer = true
    :: killed_reader = true
    :: true
    fi
}
