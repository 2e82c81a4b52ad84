/* Sleeping and waking at the ring (native/ring.c, ring.h "Memory order" and "Sleep"; native/bell.c): nobody
 * sleeps while what it waits for is there, also when the other side is killed between any two steps.
 *
 * Both directions: the reader sleeps for messages, the writer for room; each on the word first, and on the
 * bell after a nap that was in vain. A lost wake-up is a state in which somebody stands still for ever,
 * which the checker calls an invalid end state. So that a nap's end hides none, it ends by itself only
 * where the other side was killed; with IMPATIENT it may at any time.
 *
 *   here                     there
 *   publish: tail, flag      ring_publish, ring_wake
 *   rouse                    futex_wake; bell_ring: a byte at the other's end, or already there
 *   asleep: flag, look       ring_reader_asleep, ring_writer_asleep
 *   nap                      ring_reader_nap, ring_writer_nap: it compares and falls asleep in one step
 *   wait                     bell_wait: a byte, or the end of the stream
 *   awake                    ring_reader_awake, ring_writer_awake
 *   close                    ring_writer_close, ring_reader_close; then the sockets
 *   killed                   SIGKILL: the kernel closes the socket; nothing else is told
 *
 * with IMPATIENT: naps end early, too
 * mutation NO_SECOND_LOOK: it goes to sleep without looking again
 * mutation FLAG_FIRST: whoever publishes looks for a sleeper before it publishes
 * mutation DEATH_UNHEARD: the bell does not tell of a death (with IMPATIENT: else a nap's end tells)
 * mutation NAP_FOR_EVER: the nap has no end
 * mutation NO_COMPARE: the nap does not look whether it was woken meanwhile
 * mutation WORD_FORGOTTEN: whoever publishes knows of the bell only
 * mutation CLOSE_SILENT: a close wakes nobody who naps
 */
#define SLOTS 1
#define MESSAGES 3

byte tail, head;
bool reader_word, writer_word;       /* flags: asleep on the word */
bool reader_bell, writer_bell;       /* flags: asleep on the bell */
bool reader_naps, writer_naps;       /* in the kernel */
bool data_bell, room_bell;
bool killed_writer, killed_reader;
bool writer_closed, reader_closed;   /* flags */
bool reader_gone, writer_gone;       /* the socket's other end is closed */

#ifdef DEATH_UNHEARD
#define IMPATIENT
#define heard(bell, gone, killed) (bell || (gone && !killed))
#else
#define heard(bell, gone, killed) (bell || gone)
#endif

#ifdef NAP_FOR_EVER
#define nap_ends(gone, killed) false
#else
#ifdef IMPATIENT
#define nap_ends(gone, killed) true
#else
#define nap_ends(gone, killed) (gone && killed)
#endif
#endif

#ifdef WORD_FORGOTTEN
#define ROUSE(naps) skip
#else
#define ROUSE(naps) naps = false
#endif

/* Load the flags; if one was set, clear both and find out in the same step which still were. */
inline wake(word, ring, naps, bell)
{
    if
    :: word || ring ->
        atomic { had_word = word; had_bell = ring; word = false; ring = false };
        if
        :: had_word -> ROUSE(naps)
        :: else
        fi;
        if
        :: had_bell -> bell = true
        :: else
        fi
    :: else
    fi
}

#ifdef FLAG_FIRST
#define PUBLISH(place, value, word, ring, naps, bell) wake(word, ring, naps, bell); place = value
#else
#define PUBLISH(place, value, word, ring, naps, bell) place = value; wake(word, ring, naps, bell)
#endif

#ifdef CLOSE_SILENT
#define CLOSE(closed, word, ring, naps, bell) closed = true
#else
#define CLOSE(closed, word, ring, naps, bell) closed = true; wake(word, ring, naps, bell)
#endif

#ifdef NO_SECOND_LOOK
#define LOOKS_AGAIN(come) false
#else
#define LOOKS_AGAIN(come) (come)
#endif

#ifdef NO_COMPARE
#define FALL_ASLEEP(word, naps) naps = true
#else
#define FALL_ASLEEP(word, naps) atomic { naps = word }
#endif

/* One sleep of a wait: a nap, or after one in vain the bell (Link._sleep). */
#define SLEEP_UNLESS(come, word, ring, naps, bell, gone, killed)       \
    if                                                                  \
    :: !napped ->                                                       \
        word = true;                                                    \
        if                                                              \
        :: LOOKS_AGAIN(come)                                            \
        :: else ->                                                      \
            FALL_ASLEEP(word, naps);                                    \
            if                                                          \
            :: !naps                                                    \
            :: atomic { naps && nap_ends(gone, killed) -> naps = false }; napped = true \
            fi                                                          \
        fi                                                              \
    :: else ->                                                          \
        ring = true;                                                    \
        if                                                              \
        :: LOOKS_AGAIN(come)                                            \
        :: else -> heard(bell, gone, killed); bell = false              \
        fi                                                              \
    fi;                                                                 \
    atomic { word = false; ring = false }

proctype writer()
{
    byte position;
    bool had_word, had_bell, napped;
    {
        do
        :: position == MESSAGES || reader_closed || reader_gone -> break
        :: else ->
            if
            :: position - head < SLOTS ->
                position++;
                napped = false;
                PUBLISH(tail, position, reader_word, reader_bell, reader_naps, data_bell)
            :: else ->
                SLEEP_UNLESS(position - head < SLOTS || reader_closed, writer_word, writer_bell,
                             writer_naps, room_bell, reader_gone, killed_reader)
            fi
        od;
        CLOSE(writer_closed, reader_word, reader_bell, reader_naps, data_bell)
    } unless { killed_writer };
    writer_gone = true
}

proctype reader()
{
    byte position;
    bool had_word, had_bell, napped, gone;
    {
        do
        /* Asked first, looked at afterwards: Link._await_message. */
        :: gone = writer_closed || writer_gone;
            if
            :: tail > position ->
                position++;
                napped = false;
                PUBLISH(head, position, writer_word, writer_bell, writer_naps, room_bell)
            :: else ->
                if
                :: gone -> break
                :: else ->
                    SLEEP_UNLESS(tail > position || writer_closed, reader_word, reader_bell,
                                 reader_naps, data_bell, writer_gone, killed_writer)
                fi
            fi
        od;
        assert(position == tail); /* all that was published before the end */
        CLOSE(reader_closed, writer_word, writer_bell, writer_naps, room_bell)
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
