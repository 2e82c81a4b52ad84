# cython: language_level=3
"""The door of a named file, and who is inside. See roster.h."""

from libc.stdint cimport uint64_t

from lanline.ipc.native._clock cimport deadline_of

from lanline.errors import TimedOutError


cdef extern from "result.h" nogil:
    ctypedef enum result:
        RESULT_OK
        RESULT_TIMED_OUT

cdef extern from "roster.h" nogil:
    ctypedef struct roster:
        int fd
    result roster_enter_door(int fd, uint64_t deadline_ns)
    void roster_leave_door(int fd)
    bint roster_others(const roster *r)


def enter_door(int fd, timeout):
    """Hold the door of this file; at most one open file description does."""
    cdef uint64_t deadline = deadline_of(timeout)
    cdef result answer
    with nogil:
        answer = roster_enter_door(fd, deadline)
    if answer == RESULT_TIMED_OUT:
        raise TimedOutError("The door stayed shut: somebody is opening or closing it all the while.")
    if answer != RESULT_OK:
        raise OSError("The file cannot be locked; is it on a file system without locks?")


def leave_door(int fd):
    roster_leave_door(fd)


def others(int fd):
    """Does anybody take part, besides this open file description?"""
    cdef roster r
    r.fd = fd
    return roster_others(&r)
