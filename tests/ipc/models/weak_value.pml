/* A value under weak memory (native/value.c, value.h "Memory order", weak.inc): what a reader accepts is
 * whole, and is the version that it says.
 *
 * Two places of two words, where the C code has four of many: the writer comes round to a place sooner.
 * Writers hold the lock, which orders them, so one is enough here.
 *
 *   here               there
 *   writer: words      value_set: words_store
 *   writer: VERSION    value_set
 *   reader: VERSION    value_get: the current one
 *   reader: words      value_get: the size, words_load
 *   reader: VERSION    value_get: have the writers come round?
 *
 * mutation WORDS_STORED_RELAXED: the words are stored without release
 * mutation WORDS_LOADED_RELAXED: the words are loaded without acquire
 * mutation VERSION_STORED_RELAXED: a version is published without release
 * mutation VERSION_LOADED_RELAXED: the version is loaded without acquire
 * mutation NO_COMPARE: the reader does not look whether the writers have come round
 */
#define PLACES 2
#define VERSIONS 4
#define WORDS (1 + 2 * PLACES)
#define STORES (VERSIONS + 1)
#define THREADS 2
#define LOOKS 2
#include "weak.inc"

#define VERSION 0
#define first_of(version) (1 + (version) % PLACES * 2)

#ifdef WORDS_STORED_RELAXED
#define WORDS_STORE RELAXED
#else
#define WORDS_STORE RELEASE
#endif
#ifdef WORDS_LOADED_RELAXED
#define WORDS_LOAD RELAXED
#else
#define WORDS_LOAD ACQUIRE
#endif
#ifdef VERSION_STORED_RELAXED
#define VERSION_STORE RELAXED
#else
#define VERSION_STORE RELEASE   /* it is seq_cst, for weak_wake.pml */
#endif
#ifdef VERSION_LOADED_RELAXED
#define VERSION_LOAD RELAXED
#else
#define VERSION_LOAD ACQUIRE
#endif

proctype writer()
{
    byte version, each, which;
    do
    :: version == VERSIONS -> break
    :: else ->
        version++;
        store(0, first_of(version), WORDS_STORE, version);
        store(0, first_of(version) + 1, WORDS_STORE, version);
        store(0, VERSION, VERSION_STORE, version)
    od
}

proctype reader()
{
    byte looks, current, now, one, other, each, which;
    do
    :: looks == LOOKS -> break
    :: else ->
        looks++;
        load(1, VERSION, VERSION_LOAD, current);
        if
        :: current == 0
        :: else ->
            load(1, first_of(current), WORDS_LOAD, one);
            load(1, first_of(current) + 1, WORDS_LOAD, other);
            load(1, VERSION, RELAXED, now);
#ifdef NO_COMPARE
            now = current;
#endif
            if
            :: now - current >= PLACES - 1
            :: else -> assert(one == current && other == current)
            fi
        fi
    od
}

init { atomic { run writer(); run reader() } }
