"""What the bindings of named things share: a participant's place, and a block's mapped contents."""

from libc.stdint cimport uint32_t

cdef extern from "<stdbool.h>" nogil:
    ctypedef bint c_bool "bool"

cdef extern from "roster.h" nogil:
    ctypedef struct roster_table:
        pass
    ctypedef struct roster:
        roster_table *shared
        int fd
        uint32_t tag


cdef class Place:
    cdef object __weakref__
    cdef roster r
    cdef unsigned long generation
    cdef bint closed

    cdef int _check(self) except -1


cdef class Body:
    cdef Place place
    cdef void *memory
    cdef size_t size
