/* The least a C test needs: a check that says where it failed, and a test that says its name. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

#define RUN(test)                 \
    do {                          \
        test();                   \
        printf("  %s\n", #test); \
    } while (0)

/* A small generator with a seed, so that a failure can be run again (Marsaglia's xorshift). */
static inline unsigned random_next(unsigned *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
