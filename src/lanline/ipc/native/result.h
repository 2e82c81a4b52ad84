/* What every call of the native core answers. */
#ifndef LANLINE_RESULT_H
#define LANLINE_RESULT_H

typedef enum {
    RESULT_OK = 0,
    RESULT_EMPTY,     /* nothing to read now */
    RESULT_FULL,      /* no room to write now */
    RESULT_TOO_LARGE, /* can never fit */
    RESULT_CORRUPT,   /* the shared bytes break the rules: the other side is broken or hostile */
    RESULT_TIMED_OUT, /* the wait ended and nothing was changed */
    RESULT_DROPS,     /* this ring drops its oldest and is used by other calls: ring_dropping.h */
    RESULT_SHUT_DOWN, /* this queue was shut down */
    RESULT_SYSTEM,    /* a system call failed: errno says why */
} result;

#endif
