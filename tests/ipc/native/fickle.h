/* Loads of shared memory that may each see something else, as they may beside a hostile peer.
 *
 * Put before every file of the fuzz build (-include): the core's loads then pass through fuzz_target.c,
 * which makes of one word two where it is loaded twice, without a second thread and without luck. */
#ifndef FICKLE_H
#define FICKLE_H

#include <stdatomic.h>
#include <stdint.h>

/* What a load of the `size` bytes at this address sees, where `is` is there. */
uint64_t fickle_load(const volatile void *address, uint64_t is, unsigned long size);

#ifdef __clang__
#define STEADY_LOAD(address, order) __c11_atomic_load(address, order)
#else
#define STEADY_LOAD(address, order)                               \
    __extension__({                                               \
        __auto_type steady_at = (address);                        \
        __typeof__((void)0, *steady_at) steady;                   \
        __atomic_load(steady_at, &steady, (order));               \
        steady;                                                   \
    })
#endif

#undef atomic_load
#undef atomic_load_explicit
#define atomic_load_explicit(address, order)                                                     \
    __extension__({                                                                              \
        __auto_type fickle_at = (address);                                                       \
        __auto_type fickle_is = STEADY_LOAD(fickle_at, order);                                   \
        (__typeof__((void)0, fickle_is))fickle_load(fickle_at, fickle_is, sizeof fickle_is);     \
    })
#define atomic_load(address) atomic_load_explicit(address, memory_order_seq_cst)

#endif
