/* A ring of messages of any size in shared memory: one writer, one reader.
 *
 * Layout, one page of control and then `capacity` bytes of records, mapped twice back to back so
 * that no record is ever split. A record is an 8-byte head (size, kind) and the message, padded to
 * 8 bytes. Positions are bytes since the beginning of time, 64 bits wide: they do not wrap in the
 * life of a machine, so that "full" and "empty" are never confused.
 *
 * A message of more than half a ring does not go through it: its record is a head alone, and its
 * bytes lie in one large place beside the ring, which is free again when that record is. So a limit
 * of many megabytes costs address space only, and a ring stays small enough for the cache.
 *
 * Memory order. The writer fills a record with plain stores and then stores `tail`; the reader loads
 * `tail` and then reads the record: release and acquire make the bytes visible. The reader copies
 * out and then stores `head`; the writer loads `head` before it writes over them: the same, the other
 * way round. Those two stores and the loads of the sleep flags are sequentially consistent, for the
 * handshake below (Dekker's: each side stores its own word and then loads the other's).
 *
 *     reader                                writer
 *     flags |= ASLEEP                       tail = new
 *     tail moved? then do not sleep         flags & ASLEEP? then clear it and ring the bell
 *
 * In the single order of these four at least one side sees the other's store: either the reader sees
 * the new tail, or the writer sees ASLEEP. No wake-up is lost. The bell is a byte on a socket, so a
 * writer that is killed between clearing ASLEEP and ringing wakes the reader by its death.
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

#include "memory.h"
#include "patience.h"
#include "result.h"

#define RING_HEAD 8          /* bytes before each message */
#define RING_CONTROL 4096    /* bytes before the records */
#define RING_ASLEEP 1u
#define RING_CLOSED 2u

typedef struct {
    _Alignas(CACHE_LINE) _Atomic uint64_t tail;         /* written by the writer */
    _Alignas(CACHE_LINE) _Atomic uint64_t head;         /* written by the reader */
    _Alignas(CACHE_LINE) _Atomic uint32_t reader_flags; /* set by the reader, ASLEEP cleared by both */
    _Alignas(CACHE_LINE) _Atomic uint32_t writer_flags; /* set by the writer, ASLEEP cleared by both */
} ring_control;

/* One side's private view of a ring: either its writer or its reader. */
typedef struct {
    ring_control *shared;
    unsigned char *data;
    uint64_t capacity;  /* a power of two, at least a page */
    uint64_t position;  /* the next byte this side writes or reads */
    uint64_t seen;      /* the other side's position when last looked at */
    unsigned char *large; /* the large place */
    uint64_t large_size;
    uint64_t large_after; /* writer: the position behind the last record that used it */
    bool corrupt;
    patience patience;
} ring;

typedef struct {
    unsigned char *bytes;
    uint32_t size;
    uint32_t kind;  /* the caller's own; the top bit is ours */
    uint64_t after; /* the position behind the record */
} ring_record;

#define RING_LARGE UINT32_C(0x80000000) /* in the kind: the bytes are in the large place */

/* The three places are mapped by the caller; both sides start at zero. `data` is mapped twice. */
void ring_start(ring *r, void *control, void *data, uint64_t capacity, void *large,
                uint64_t large_size);

/* Writer. Find room for `size` bytes behind the records already written (published or not). OK fills
 * `record`; write the bytes, then ring_append. Nothing is promised until then. */
result ring_reserve(ring *r, uint64_t size, ring_record *record);
/* Writer. The reserved record has `size` bytes (at most what was reserved) and is of `kind`. */
void ring_append(ring *r, ring_record *record, uint32_t size, uint32_t kind);
/* Writer. Show all that was appended. True: the reader sleeps, ring its bell. */
bool ring_publish(ring *r);

/* Reader. The next record; the same again until ring_pass. */
result ring_look(ring *r, ring_record *record);
/* Reader. Go on behind the record; its bytes stay until they are released. */
void ring_pass(ring *r, const ring_record *record);
/* Reader. All before `position` is free again. True: the writer sleeps, ring its bell. */
bool ring_release(ring *r, uint64_t position);

/* Is there something to read, or room for `size`? Both look at the shared words. */
bool ring_readable(ring *r);
bool ring_writable(ring *r, uint64_t size);

/* Say that this side goes to sleep. False: what it waits for has come (or the other side has
 * closed), it must not. After true, sleep on the bell and then ring_awake. */
bool ring_reader_asleep(ring *r);
bool ring_writer_asleep(ring *r, uint64_t size);
void ring_reader_awake(ring *r);
void ring_writer_awake(ring *r);

/* Spin for as long as it pays. True: what was waited for has come. */
bool ring_reader_spin(ring *r);
bool ring_writer_spin(ring *r, uint64_t size);

void ring_reader_close(ring *r);
void ring_writer_close(ring *r);
bool ring_reader_closed(const ring *r);
bool ring_writer_closed(const ring *r);

#endif
