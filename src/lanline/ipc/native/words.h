/* Copies of memory that others may be writing to meanwhile: word by word, with an order. */
#ifndef LANLINE_WORDS_H
#define LANLINE_WORDS_H

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "killpoint.h"

static inline uint64_t words_for(uint64_t bytes)
{
    return (bytes + 7) / 8;
}

static inline void words_store(_Atomic uint64_t *to, const void *bytes, uint64_t size)
{
    const unsigned char *from = bytes;
    for (; size; to++) {
        uint64_t word = 0, part = size < 8 ? size : 8;
        memcpy(&word, from, part);
        atomic_store_explicit(to, word, memory_order_release);
        KILL_POINT();
        from += part;
        size -= part;
    }
}

static inline void words_load(void *bytes, const _Atomic uint64_t *from, uint64_t size)
{
    unsigned char *to = bytes;
    for (; size; from++) {
        uint64_t word = atomic_load_explicit(from, memory_order_acquire);
        uint64_t part = size < 8 ? size : 8;
        memcpy(to, &word, part);
        to += part;
        size -= part;
    }
}

#endif
