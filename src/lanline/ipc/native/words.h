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
    uint64_t word;
    for (; size >= sizeof word; size -= sizeof word, from += sizeof word, to++) {
        memcpy(&word, from, sizeof word);
        atomic_store_explicit(to, word, memory_order_release);
        KILL_POINT();
    }
    if (size) {
        word = 0;
        memcpy(&word, from, size);
        atomic_store_explicit(to, word, memory_order_release);
        KILL_POINT();
    }
}

static inline void words_load(void *bytes, const _Atomic uint64_t *from, uint64_t size)
{
    unsigned char *to = bytes;
    uint64_t word;
    for (; size >= sizeof word; size -= sizeof word, to += sizeof word, from++) {
        word = atomic_load_explicit(from, memory_order_acquire);
        memcpy(to, &word, sizeof word);
    }
    if (size) {
        word = atomic_load_explicit(from, memory_order_acquire);
        memcpy(to, &word, size);
    }
}

#endif
