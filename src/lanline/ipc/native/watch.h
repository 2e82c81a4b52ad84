/* Ring for event loops, which cannot sleep on a word.
 *
 * A loop watches the named file by inotify(7). Whoever changes something that a loop waits for
 * writes one byte of the file's first page that means nothing; the write, unlike a store into a
 * mapping, is an event. So nothing has a name of its own, nothing is left by the dead, and who may
 * not open the file can neither ring nor listen. A ringer that dies before it rings is covered as it
 * is for those who sleep on a word: whoever waits is told of the death by the same descriptor.
 */
#ifndef LANLINE_WATCH_H
#define LANLINE_WATCH_H

#include <unistd.h>

#include "killpoint.h"

#define WATCH_BYTE 4095 /* the last of the first page: no structure reaches it */

/* Bits of a word that says who waits. */
#define ASLEEP_ON_WORD 1u
#define ASLEEP_ON_FILE 2u

static inline void watch_ring(int fd)
{
    KILL_POINT();
    ssize_t ignored = pwrite(fd, "", 1, WATCH_BYTE);
    (void)ignored; /* a full file system: they look up by themselves */
}

#endif
