"""Being told of deaths in a long wait (sentry.h)."""

from libc.stdint cimport uint64_t


cdef extern from "<stdbool.h>" nogil:
    ctypedef bint c_bool "bool"

cdef extern from "sentry.h" nogil:
    ctypedef struct sentry:
        pass
    ctypedef struct sentry_wait:
        pass
    c_bool sentry_is_wanted(const sentry_wait *w, uint64_t now)
    void sentry_come(sentry *s, int fd, sentry_wait *w)
    void sentry_go(sentry *s, sentry_wait *w)
