/* A ring of messages of any size in shared memory: one writer, one reader.
 *
 * Layout, one page of control and then `capacity` bytes of records, mapped twice back to back so
 * that no record is ever split. A record is an 8-byte head (size, kind) and the message, padded to
 * 8 bytes. Positions are bytes since the beginning of time, 64 bits wide: they do not wrap in the
 * life of a machine, so that "full" and "empty" are never confused.
 *
 * A message of more than half a ring does not go through it: its record is a head alone, and its
 * bytes lie in one of two large places beside the ring, which is free again when that record is. So a
 * limit of many megabytes costs address space only, and a ring stays small enough for the cache. Two,
 * so that one is filled while the other is read; the second is used only while the first is not free,
 * so that a reader that keeps up costs the memory of one, and finds it in the cache.
 *
 * Memory order. The writer fills a record with plain stores and then stores `tail`; the reader loads
 * `tail` and then reads the record: release and acquire make the bytes visible. The reader copies
 * out and then stores `head`; the writer loads `head` before it writes over them: the same, the other
 * way round. Those two stores and the loads of the sleep flags are sequentially consistent, for the
 * handshake below (Dekker's: each side stores its own word and then loads the other's).
 *
 *     reader                                writer
 *     flags |= asleep                       tail = new
 *     tail moved? then do not sleep         flags say asleep? then clear it and wake
 *
 * In the single order of these four at least one side sees the other's store: either the reader sees
 * the new tail, or the writer sees that it sleeps. No wake-up is lost.
 *
 * Sleep. A side sleeps in one of two ways, and its flags say in which. On the word: a futex on the flags
 * themselves, the fastest to wake, but it does not tell of a death; so for RING_NAP_NS at most. On the
 * bell: a byte on a socket, whose end is the other side's death (bell.h), for as long as it takes, and at
 * once for whoever needs a descriptor. So a sleeper wakes by itself once at most, and a writer that is
 * killed between clearing and waking wakes the reader by its death, that much later at most.
 *
 * A ring may drop its oldest instead of being full: ring_dropping.h. That is the writer's choice, made before
 * its first record and learnt by the reader with it; it costs other rings nothing, because `unusual` is
 * looked at with every record anyway.
 *
 * Trust. Every word that the other side can write is loaded once, checked, and only then used;
 * own positions live in private memory and are never read back. Nothing shared can lead out of
 * bounds; a broken rule is RESULT_CORRUPT, for good.
 */
#ifndef LANLINE_RING_H
#define LANLINE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bell.h"
#include "memory.h"
#include "patience.h"
#include "result.h"

#define RING_HEAD 8          /* bytes before each message */
#define RING_CONTROL 4096    /* bytes before the records */
#define RING_ON_BELL 1u /* asleep, to be woken by the bell */
#define RING_CLOSED 2u
#define RING_ON_WORD 4u /* asleep, to be woken by a futex on the flags */
#define RING_ASLEEP (RING_ON_BELL | RING_ON_WORD)
#define RING_PLACES 2   /* for large messages */
#define RING_CORRUPT 1u /* unusual: a rule was broken, for good */
#define RING_DROPS 2u   /* unusual, and the rule in the control: it drops its oldest */
#ifndef RING_NAP_NS
#define RING_NAP_NS 100000000 /* on the word; and so much later a death may be heard of */
#endif

typedef struct {
    _Alignas(CACHE_LINE) _Atomic uint64_t tail;         /* written by the writer */
    _Atomic uint32_t rule;                              /* by the writer, before the first tail */
    _Alignas(CACHE_LINE) _Atomic uint64_t head;         /* written by the reader */
    _Alignas(CACHE_LINE) _Atomic uint32_t reader_flags; /* set by the reader, asleep cleared by both */
    /* Beside them, because a busy pair only reads both: */
    _Atomic uint32_t writer_flags;                      /* set by the writer, asleep cleared by both */
} ring_control;

/* One side's private view of a ring: either its writer or its reader. What every message needs comes first. */
typedef struct {
    ring_control *shared;
    unsigned char *data;
    uint64_t capacity;  /* a power of two, at least a page */
    uint64_t position;  /* the next byte this side writes or reads */
    uint64_t seen;      /* the other side's position when last looked at */
    uint32_t unusual;
    bool over; /* the other side has closed */
    bool unheard; /* the other side said that it sleeps on the word, and did not: it may be gone */
    patience patience;
    unsigned char *large; /* the large places, one behind the other */
    uint64_t large_size;  /* of each */
    uint64_t large_after[RING_PLACES]; /* writer: the position behind the last record that used it */
    /* Of one that drops its oldest: */
    uint64_t number;  /* of the next record */
    uint64_t dropped; /* writer: how many it dropped; reader: how many it missed */
    bool claimed;     /* the record at `position` (writer: at `seen`) is the reader's */
} ring;

typedef struct {
    unsigned char *bytes;
    uint32_t size;
    uint32_t kind;  /* the caller's own; the bits of RING_OURS are ours */
    uint64_t after; /* the position behind the record */
    uint64_t number; /* only of a ring that drops its oldest */
} ring_record;

#define RING_LARGE UINT32_C(0x80000000)  /* in the kind: the bytes are in a large place */
#define RING_SECOND UINT32_C(0x40000000) /* and in the second one */
#define RING_OURS (RING_LARGE | RING_SECOND)

/* The memory is mapped by the caller; both sides start at zero. `data` is mapped twice, `large` has
 * RING_PLACES times `large_size` bytes. */
void ring_start(ring *r, void *control, void *data, uint64_t capacity, void *large,
                uint64_t large_size);

/* Writer. Find room for `size` bytes behind the records already written (published or not). OK fills
 * `record`; write the bytes, then ring_append. Nothing is promised until then. DROPS: ring_put_dropping. */
static inline result ring_reserve(ring *r, uint64_t size, ring_record *record);
/* Writer. The reserved record has `size` bytes (at most what was reserved) and is of `kind`. */
static inline void ring_append(ring *r, ring_record *record, uint32_t size, uint32_t kind);
/* Writer. Show all that was appended, and wake the reader if it sleeps. True: ring its bell. */
static inline bool ring_publish(ring *r);

/* Reader. The next record; the same again until ring_pass. DROPS: look by ring_claim. */
static inline result ring_look(ring *r, ring_record *record);
/* Reader. Go on behind the record; its bytes stay until they are released. */
static inline void ring_pass(ring *r, const ring_record *record);
/* Reader. All before `position` is free again; wakes the writer if it sleeps. True: ring its bell. */
static inline bool ring_release(ring *r, uint64_t position);

/* Is there something to read, or room for `size`? Both look at the shared words. */
bool ring_readable(ring *r);
bool ring_writable(ring *r, uint64_t size);

/* Say that this side goes to sleep, and how (RING_ON_WORD or RING_ON_BELL). 0: what it waits for has come
 * (or the other side has closed), it must not. Otherwise the flags as they are now: sleep on the bell,
 * or on the word by ring_nap, and then ring_awake. */
uint32_t ring_reader_asleep(ring *r, uint32_t how);
uint32_t ring_writer_asleep(ring *r, uint64_t size, uint32_t how);
/* Sleep while the flags are `word`, until `deadline_ns` and for RING_NAP_NS at most. BELL_TIMED_OUT: after
 * either, and it is time to look whether the other side is gone; BELL_INTERRUPTED: the same. */
bell_answer ring_reader_nap(ring *r, uint32_t word, uint64_t deadline_ns);
bell_answer ring_writer_nap(ring *r, uint32_t word, uint64_t deadline_ns);
void ring_reader_awake(ring *r);
void ring_writer_awake(ring *r);

/* A wait begins: is the last one so long ago that there is to be no spin? */
static inline bool ring_rested(ring *r);
/* Spin for as long as it pays. True: what was waited for has come. */
bool ring_reader_spin(ring *r);
bool ring_writer_spin(ring *r, uint64_t size);

/* Reader, at the first tail it sees: does this ring drop its oldest? */
bool ring_learn(ring *r);

/* Does the reader sleep on the word? Then publishing finds out whether it lives. */
static inline bool ring_reader_naps(const ring *r);

void ring_reader_close(ring *r);
void ring_writer_close(ring *r);
/* Has the other side closed? Once it has, for good: one that takes it back again and again would keep
 * this side looking, and never asleep. */
static inline bool ring_reader_closed(ring *r);
static inline bool ring_writer_closed(ring *r);

/* As memcpy, which is cold code for whoever comes from idle. For what does not overlap. */
static inline void ring_copy_small(void *to, const void *bytes, uint64_t size);

#include "ring_inline.h"

#endif
