/* A ring that is never full: its writer drops the oldest records to make room, and never waits for it.
 *
 * It is the ring of ring.h with one thing changed: `head` belongs to both sides, and each moves it by
 * compare-and-swap only. Positions are multiples of 8, so its lowest bit is free; it says that the reader is
 * copying the record at that position.
 *
 *     reader                                      writer
 *     head: p -> p + claimed                      no room: head: p -> behind as many as are in the way
 *     copies the record                           writes the new record
 *     head: p + claimed -> behind the record      tail = behind it
 *
 * Exactly one of the two moves the head from p. When the reader's second step fails, the writer has dropped
 * the record meanwhile: the copy may be torn and is thrown away. So nothing that the reader does can keep
 * the writer from going on, neither a stop nor a death.
 *
 * A claim is a request, not a lock. A writer that needs the very record waits for the copy, once, for about
 * as long as such a copy takes (RING_COPY_NS and a nanosecond a byte), and then drops it all the same.
 * Without that a writer that never pauses would spoil each copy of a large message, and the reader would
 * never have one. With it, a reader that is stopped in a copy costs its writer one such wait, and then
 * nothing.
 *
 * A record has its number behind its head, so that the reader knows exactly how many it missed: those
 * between the numbers. No counter can be left wrong by a death. A message in a large place is dropped like
 * the others; its place is free for the next one then. One such place is used: what is newer takes it.
 *
 * Memory order. Bytes are stored and loaded word by word, by release and acquire (words.h), because a copy
 * may run while the next record is written over it. A reader that has loaded a word of a newer record has
 * therefore also seen the swap of the head that came before it, so its own swap fails. The swaps, the tail
 * and the flags are sequentially consistent, and the handshake of sleepers is that of ring.h; the writer
 * does not sleep.
 *
 * The reader looks at the head before it looks at the tail: so the tail is never behind it, and what it
 * finds to be left is not what was dropped already.
 */
#ifndef LANLINE_RING_DROPPING_H
#define LANLINE_RING_DROPPING_H

#include "ring.h"

#define RING_CLAIMED UINT64_C(1)  /* in `head` */
#define RING_NUMBERED 16          /* bytes before each message: size and kind, number */
#ifndef RING_COPY_NS
#define RING_COPY_NS 50000
#endif
#ifndef RING_COPY_MOST_NS
#define RING_COPY_MOST_NS 100000000 /* whatever the size */
#endif

/* Writer, before its first record: this ring drops its oldest. Sizes of its large place are whole words. */
void ring_drop_oldest(ring *r);

/* Writer. Append a record, dropping what is in its way; then ring_publish, each time. FULL: the oldest is
 * being copied, and `wait` is false; nothing was done. */
result ring_put_dropping(ring *r, const void *bytes, uint64_t size, uint32_t kind, bool wait);

/* Reader. Claim the oldest record, or go on with the claim that there is. EMPTY: there is none, or the
 * writer was always faster. What `record` says is good until ring_take has answered. */
result ring_claim(ring *r, ring_record *record);
/* Reader. Its bytes, to be believed only when ring_take says so. */
void ring_copy(const ring_record *record, void *to);
/* Reader. It is copied. False: the writer has dropped it meanwhile, throw the copy away. */
bool ring_take(ring *r, const ring_record *record);

/* Is there a record? */
bool ring_is_left(ring *r);

#endif
