/* C11's atomics by Relacy (Debian: relacy-dev), which plays C++11's memory model: a load may see what was
 * stored longer ago, unless an order forbids it. Each place in the source may be told to use a weaker one.
 */
#ifndef WEAK_STDATOMIC_H
#define WEAK_STDATOMIC_H

#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef errno
#undef memory_order_relaxed
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst

typedef rl::memory_order memory_order;
#define memory_order_relaxed rl::mo_relaxed
#define memory_order_acquire rl::mo_acquire
#define memory_order_release rl::mo_release
#define memory_order_acq_rel rl::mo_acq_rel
#define memory_order_seq_cst rl::mo_seq_cst

/* Shared memory begins with zeros. */
template <typename T> struct shared_word : rl::generic_atomic<T, true> {};
typedef shared_word<uint32_t> shared_u32;
typedef shared_word<uint64_t> shared_u64;

typedef enum { LOADS, STORES, CHANGES } access_kind;

/* The order that this place is to use now. */
rl::memory_order order_at(rl::memory_order order, access_kind kind, const char *file, int line);

#define atomic_load_explicit(at, order) (at)->load(order_at(order, LOADS, __FILE__, __LINE__), RL_INFO)
#define atomic_store_explicit(at, what, order) \
    (at)->store(what, order_at(order, STORES, __FILE__, __LINE__), RL_INFO)
#define atomic_load(at) atomic_load_explicit(at, rl::mo_seq_cst)
#define atomic_store(at, what) atomic_store_explicit(at, what, rl::mo_seq_cst)
#define CHANGE order_at(rl::mo_seq_cst, CHANGES, __FILE__, __LINE__), RL_INFO
#define atomic_exchange(at, what) (at)->exchange(what, CHANGE)
#define atomic_fetch_or(at, what) (at)->fetch_or(what, CHANGE)
#define atomic_fetch_and(at, what) (at)->fetch_and(what, CHANGE)
#define atomic_fetch_add(at, what) (at)->fetch_add(what, CHANGE)
#define atomic_compare_exchange_strong(at, expected, what) \
    (at)->compare_exchange_strong(*(expected), what, CHANGE)

#endif
