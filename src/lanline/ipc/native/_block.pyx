# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Named blocks of memory: the door, a participant's place, and what lies in a block: a value, a
broadcast. See roster.h, value.h, broadcast.h; `lanline.ipc.shared.named` says how a block's file is laid out.
"""

cimport cython

import os
import threading
import weakref

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.errno cimport ENOSYS, EPERM, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from lanline.ipc.native._clock cimport clock_ns, deadline_of, is_over
from lanline.ipc.native._given cimport check_timeout, take_buffer
from lanline.ipc.native._sentry cimport sentry, sentry_come, sentry_go, sentry_is_wanted, sentry_wait

from lanline.errors import (
    BusyError,
    ClosedError,
    CorruptedError,
    ForkedError,
    FullError,
    MessageTooLargeError,
    TimedOutError,
)
from lanline.ipc.ending import stay_if_ending


cdef extern from "result.h" nogil:
    ctypedef enum result:
        RESULT_OK
        RESULT_EMPTY
        RESULT_FULL
        RESULT_TOO_LARGE
        RESULT_CORRUPT
        RESULT_TIMED_OUT

cdef extern from "memory.h" nogil:
    void *memory_map_apart(int fd, int64_t offset, size_t size)
    void memory_unmap(void *address, size_t size)

cdef extern from "roster.h" nogil:
    result roster_enter_door(int fd, uint64_t deadline_ns)
    void roster_leave_door(int fd)
    result roster_join(roster *r, c_bool *inherited)
    void roster_leave(roster *r)
    c_bool roster_others(const roster *r)
    uint32_t roster_count(const roster *r)
    uint32_t roster_processes(int fd, int64_t offset, uint32_t *processes)
    const int ROSTER_PLACES

cdef extern from "lock.h" nogil:
    ctypedef enum lock_answer:
        LOCK_TAKEN
        LOCK_INHERITED
        LOCK_BUSY

cdef extern from "value.h" nogil:
    ctypedef struct value_shared:
        pass
    ctypedef struct value:
        value_shared *shared
        uint64_t most
        roster *members
    size_t value_size(uint64_t most)
    result value_get(const value *v, void *bytes, uint64_t *size, uint64_t *version)
    result value_lock(value *v, c_bool sleep)
    result value_lock_until(value *v, uint64_t deadline_ns)
    void value_unlock(value *v)
    result value_set(value *v, const void *bytes, uint64_t size)
    void value_sleep(value *v, uint64_t seen, sentry_wait *w, uint64_t deadline_ns)
    void value_wake_all(value *v)
    c_bool value_watch(value *v, uint64_t seen)

cdef extern from "patience.h" nogil:
    ctypedef struct patience:
        pass
    void patience_start(patience *p)

cdef extern from "broadcast.h" nogil:
    ctypedef struct broadcast_shared:
        pass
    ctypedef struct broadcast:
        broadcast_shared *shared
        uint64_t capacity
        uint64_t position
        patience patience
    uint64_t broadcast_limit(const broadcast *b)
    result broadcast_claim(broadcast *b, const roster *members)
    void broadcast_disclaim(broadcast *b)
    result broadcast_write_from(broadcast *b)
    result broadcast_write(broadcast *b, const void *bytes, uint64_t size)
    result broadcast_read_from(broadcast *b)
    result broadcast_read(broadcast *b, void *bytes, uint64_t room, uint64_t *size,
                          uint64_t *missed)
    void broadcast_sleep(broadcast *b, sentry_wait *w, uint64_t deadline_ns)
    void broadcast_wake_all(broadcast *b)
    c_bool broadcast_watch(broadcast *b)

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int microseconds)

cdef extern from "<sys/inotify.h>" nogil:
    int inotify_init1(int flags)
    int inotify_add_watch(int fd, const char *path, uint32_t mask)
    int inotify_rm_watch(int fd, int watch)
    int IN_NONBLOCK
    int IN_CLOEXEC
    uint32_t IN_MODIFY
    uint32_t IN_CLOSE_WRITE


cdef enum:
    HEADER = 4096
    LOCK_NS = 200000000  # for a lock's holder to go on, at least; and between two looks for signals
    SMALL = 4096  # bytes that are read by way of the stack

CLOSED = IN_CLOSE_WRITE
BODY = HEADER + sizeof(roster_table)  # where the contents of a block begin
BROKEN = "The shared memory breaks its own rules; remove it and begin anew."

cdef unsigned long fork_generation = 0
_places = weakref.WeakSet()


def _after_fork_in_child():
    global fork_generation
    fork_generation += 1
    for place in list(_places):
        (<Place>place)._forget()


os.register_at_fork(after_in_child=_after_fork_in_child)


def enter_door(int fd, timeout):
    """Hold the door of this file; at most one open file description does."""
    cdef uint64_t deadline = deadline_of(timeout), soon
    cdef result answer
    cdef int problem
    while True:
        soon = min(deadline, clock_ns() + 50000000)
        with nogil:
            answer = roster_enter_door(fd, soon)
            problem = errno
        PyErr_CheckSignals()
        if answer != RESULT_TIMED_OUT or is_over(deadline):
            break
    if answer == RESULT_TIMED_OUT:
        raise TimedOutError("The door stayed shut: somebody is opening or closing it all the while.")
    if answer != RESULT_OK:
        raise OSError(problem, "its file cannot be locked (on some network file systems none can)")


def leave_door(int fd):
    roster_leave_door(fd)


def others(int fd):
    """Does anybody take part, besides this open file description?"""
    cdef roster r
    r.fd = fd
    return roster_others(&r)


def participants(int fd):
    """Process ids of those who take part, for who does not: one for each handle."""
    cdef uint32_t *processes = <uint32_t *>PyMem_Malloc(ROSTER_PLACES * sizeof(uint32_t))
    if processes == NULL:
        raise MemoryError
    try:
        return [processes[place] for place in range(roster_processes(fd, HEADER, processes))]
    finally:
        PyMem_Free(processes)


def watch_open():
    """A descriptor that becomes readable when a watched file is rung (watch.h, inotify(7))."""
    cdef int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)
    if fd < 0 and errno in (ENOSYS, EPERM):
        raise OSError(errno, os.strerror(errno))
    if fd < 0:
        raise FullError(
            "The system lets this user watch no more files (fs.inotify.max_user_instances); close "
            "programs that do, or raise that limit."
        )
    return fd


def watch_add(int watcher, int fd):
    """Watch the file behind `fd`; the number that its events carry.

    CLOSED in an event's mask says that somebody has closed it, or died.
    """
    cdef bytes path = b"/proc/self/fd/%d" % fd
    cdef int watch = inotify_add_watch(watcher, path, IN_MODIFY | IN_CLOSE_WRITE)
    if watch < 0:
        raise FullError("The system lets this user watch no more files (fs.inotify.max_user_watches).")
    return watch


def watch_remove(int watcher, int watch):
    inotify_rm_watch(watcher, watch)  # fails when the file is gone, and its watch with it


cdef class Place:
    """A participant's place in a block's roster; the door must be held to take one."""

    def __cinit__(self):
        self.closed = True

    def __init__(self, int fd):
        cdef c_bool inherited = False
        cdef result answer
        self.r.fd = fd
        self.r.shared = <roster_table *>memory_map_apart(fd, HEADER, sizeof(roster_table))
        if self.r.shared == NULL:
            raise OSError(errno, os.strerror(errno))
        answer = roster_join(&self.r, &inherited)
        if answer == RESULT_FULL:
            raise FullError("1,023 participants hold it already.")
        if answer != RESULT_OK:
            raise OSError(errno, "its file cannot be locked (on some network file systems none can)")
        self.generation = fork_generation
        self.closed = False
        _places.add(self)

    def leave(self):
        """Leave, with the door held; is nobody else there?"""
        self.closed = True
        roster_leave(&self.r)
        return not roster_others(&self.r)

    def abandon(self):
        """Leave as the dead do: the closing of the descriptor is all that tells of it."""
        self.closed = True

    def count(self):
        return roster_count(&self.r)

    @property
    def forked(self):
        """Was it made in another process than this?"""
        return self.generation != fork_generation

    def check(self):
        """Raise what stands against using it."""
        self._check()

    cdef int _check(self) except -1:
        if self.generation != fork_generation:
            raise ForkedError("This came through a fork and belongs to the parent; open it anew.")
        if self.closed:
            stay_if_ending()
            raise ClosedError("It is closed.")
        return 0

    def _forget(self):
        """In the child of a fork, once: by its child the number may be another file's."""
        if not self.closed and self.r.fd >= 0:
            os.close(self.r.fd)
            self.r.fd = -1

    def __dealloc__(self):
        if self.r.shared != NULL:
            memory_unmap(self.r.shared, sizeof(roster_table))


cdef class Body:
    """The mapped contents of a block."""

    def __init__(self, Place place, size_t size):
        self.place = place
        self.size = size
        self.memory = memory_map_apart(place.r.fd, BODY, size)
        if self.memory == NULL:
            raise OSError(errno, os.strerror(errno))

    def __dealloc__(self):
        if self.memory != NULL:
            memory_unmap(self.memory, self.size)


def value_bytes(uint64_t most):
    """Bytes of a block for a value of up to `most` bytes."""
    return value_size(most)


cdef class Value(Body):
    """A value of up to `most` bytes in a block."""

    cdef value v
    cdef object holder  # the thread that has the lock
    cdef sentry sentry
    cdef int inside  # threads that may be asleep

    def __init__(self, Place place, uint64_t most):
        super().__init__(place, value_size(most))
        self.v.shared = <value_shared *>self.memory
        self.v.most = most
        self.v.members = &place.r

    def get(self):
        """The bytes and their version; (None, 0) before the first `set`."""
        cdef uint64_t size = 0, version = 0
        cdef char small[SMALL]
        cdef result answer
        self.place._check()
        if self.v.most <= SMALL:
            answer = value_get(&self.v, small, &size, &version)
            out = PyBytes_FromStringAndSize(small, size) if answer == RESULT_OK else None
        else:
            out = PyBytes_FromStringAndSize(NULL, self.v.most)
            answer = value_get(&self.v, PyBytes_AS_STRING(out), &size, &version)
            out = out[:size]
        if answer == RESULT_EMPTY:
            return None, 0
        if answer == RESULT_TIMED_OUT:
            raise TimedOutError("The value changed a thousand times while it was read.")
        if answer != RESULT_OK:
            raise CorruptedError(BROKEN)
        return out, version

    def set(self, message, timeout=None):
        """Set it; waits while another sets it, or holds it in `lock`."""
        cdef Py_buffer buffer
        cdef result answer
        take_buffer(message, &buffer)
        try:
            self.lock(timeout)
            answer = value_set(&self.v, buffer.buf, <uint64_t>buffer.len)
            self.unlock()
            if answer == RESULT_TOO_LARGE:
                raise MessageTooLargeError(buffer.len, self.v.most)
        finally:
            PyBuffer_Release(&buffer)

    def set_locked(self, bytes message):
        """Set it while this thread has the lock."""
        if value_set(&self.v, PyBytes_AS_STRING(message), len(message)) == RESULT_TOO_LARGE:
            raise MessageTooLargeError(len(message), self.v.most)

    def lock(self, timeout=None):
        """Keep other writers out until `unlock`. A dead holder's lock is taken over."""
        cdef uint64_t deadline = 0, now
        cdef result answer
        check_timeout(timeout)
        self.place._check()
        if self.holder is not None and self.holder == threading.get_ident():
            raise BusyError("This thread is updating the value already.")
        answer = value_lock(&self.v, False)
        while answer != RESULT_OK:
            now = clock_ns()
            if not deadline:
                deadline = max(deadline_of(timeout), now + LOCK_NS)
            if now >= deadline:
                raise TimedOutError("Another writer kept the value for itself; is it stopped?")
            PyErr_CheckSignals()
            self.place._check()
            with nogil:
                answer = value_lock_until(&self.v, min(deadline, now + LOCK_NS))
        if deadline:
            try:
                PyErr_CheckSignals()  # of a signal that came while it was waited for
            except BaseException:
                value_unlock(&self.v)
                raise
        self.holder = threading.get_ident()

    def unlock(self):
        self.holder = None
        value_unlock(&self.v)

    def try_set(self, message):
        """Set it, if nobody who lives is setting or updating it just now."""
        cdef bint free
        self.place._check()
        free = self._try_lock()
        if free:
            try:
                self.set_locked(bytes(message))
            finally:
                self.unlock()
        return free

    def try_lock(self):
        """As `lock`, if it need not wait."""
        self.place._check()
        return self._try_lock()

    cdef bint _try_lock(self) except -1:
        if self.holder is not None and self.holder == threading.get_ident():
            raise BusyError("This thread is updating the value already.")
        # A moment's look; then a deadline that has passed, to ask the kernel whether the holder lives.
        if value_lock(&self.v, False) != RESULT_OK and value_lock_until(&self.v, 1) != RESULT_OK:
            return False
        self.holder = threading.get_ident()
        return True

    def watch(self, uint64_t seen):
        """Ask for the file to be rung at the next change; False: the version is not `seen`."""
        self.place._check()
        return value_watch(&self.v, seen)

    def wait(self, uint64_t seen, timeout):
        """Wait until the version is another than `seen`."""
        cdef uint64_t deadline = deadline_of(timeout)
        cdef uint64_t version = 0
        cdef sentry_wait w
        memset(&w, 0, sizeof(w))
        try:
            while True:
                version = self.get()[1]
                if version != seen:
                    return version
                if is_over(deadline):
                    raise TimedOutError("The value did not change within the time-out.")
                if sentry_is_wanted(&w, clock_ns()):
                    sentry_come(&self.sentry, self.place.r.fd, &w)
                self.inside += 1
                with nogil:
                    value_sleep(&self.v, seen, &w, deadline)
                self.inside -= 1
                PyErr_CheckSignals()
        finally:
            sentry_go(&self.sentry, &w)

    def wake(self):
        """After its place was left: whoever waits in this handle finds that it is closed."""
        while self.inside and self.place.generation == fork_generation:
            value_wake_all(&self.v)
            with nogil:
                usleep(100)


def broadcast_bytes(uint64_t capacity):
    """Bytes of a block for a broadcast that keeps `capacity` bytes (a power of two)."""
    return sizeof(broadcast_shared) + capacity


@cython.no_gc_clear  # __dealloc__ needs its place
cdef class Writer(Body):
    """The one that broadcasts."""

    cdef broadcast b
    cdef bint writing

    def __init__(self, Place place, uint64_t capacity):
        super().__init__(place, sizeof(broadcast_shared) + capacity)
        self.b.shared = <broadcast_shared *>self.memory
        self.b.capacity = capacity // 8
        if broadcast_claim(&self.b, &place.r) != RESULT_OK:
            raise BusyError("Somebody else is broadcasting there; there is one writer at a time.")
        self.writing = True
        if broadcast_write_from(&self.b) != RESULT_OK:
            self.stop()
            raise CorruptedError(BROKEN)

    @property
    def limit(self):
        return broadcast_limit(&self.b)

    def send(self, message):
        """Broadcast bytes-like `message`; never waits."""
        cdef Py_buffer buffer
        cdef result answer
        self.place._check()
        take_buffer(message, &buffer)
        try:
            answer = broadcast_write(&self.b, buffer.buf, <uint64_t>buffer.len)
            if answer == RESULT_TOO_LARGE:
                raise MessageTooLargeError(buffer.len, self.limit)
            if answer != RESULT_OK:
                raise CorruptedError(BROKEN)
        finally:
            PyBuffer_Release(&buffer)

    def stop(self):
        """Let another be the writer."""
        if self.writing:
            self.writing = False
            if self.place.generation == fork_generation:  # else it is the parent's
                broadcast_disclaim(&self.b)


cdef class Reader(Body):
    """One that listens, from now on."""

    cdef broadcast b
    cdef sentry sentry
    cdef int inside  # threads that may be asleep

    def __init__(self, Place place, uint64_t capacity):
        super().__init__(place, sizeof(broadcast_shared) + capacity)
        self.b.shared = <broadcast_shared *>self.memory
        self.b.capacity = capacity // 8
        patience_start(&self.b.patience)
        cdef result answer = broadcast_read_from(&self.b)
        if answer == RESULT_TIMED_OUT:
            raise TimedOutError(
                "The writer came round a thousand times while this began to listen; give all of "
                "them more max_bytes."
            )
        if answer != RESULT_OK:
            raise CorruptedError(BROKEN)

    def recv(self, timeout=None):
        """The next message, and how many were overwritten before it could be read."""
        cdef uint64_t size = 0, missed = 0
        cdef char small[SMALL]
        cdef result answer
        check_timeout(timeout)
        self.place._check()
        answer = broadcast_read(&self.b, small, SMALL, &size, &missed)
        if answer == RESULT_OK:
            return PyBytes_FromStringAndSize(small, size), missed
        return self._recv_slowly(answer, size, timeout)

    cdef object _recv_slowly(self, result answer, uint64_t size, timeout):
        cdef uint64_t deadline = deadline_of(timeout), missed = 0
        cdef char small[SMALL]
        cdef sentry_wait w
        memset(&w, 0, sizeof(w))
        try:
            while True:
                if answer == RESULT_OK:
                    return PyBytes_FromStringAndSize(small, size), missed
                if answer == RESULT_TOO_LARGE:
                    out = PyBytes_FromStringAndSize(NULL, size)
                    answer = broadcast_read(&self.b, PyBytes_AS_STRING(out), size, &size, &missed)
                    if answer == RESULT_OK:
                        return out[:size], missed
                    continue
                if answer == RESULT_CORRUPT:
                    raise CorruptedError(BROKEN)
                if is_over(deadline):
                    raise TimedOutError("Nothing was broadcast within the time-out.")
                if answer == RESULT_EMPTY:
                    self._sleep(&w, deadline)
                PyErr_CheckSignals()
                self.place._check()
                answer = broadcast_read(&self.b, small, SMALL, &size, &missed)
        finally:
            sentry_go(&self.sentry, &w)

    cdef int _sleep(self, sentry_wait *w, uint64_t deadline) except -1:
        if sentry_is_wanted(w, clock_ns()):
            sentry_come(&self.sentry, self.place.r.fd, w)
        self.inside += 1
        with nogil:
            broadcast_sleep(&self.b, w, deadline)
        self.inside -= 1
        return 0

    def wake(self):
        """After its place was left: whoever waits in this handle finds that it is closed."""
        while self.inside and self.place.generation == fork_generation:
            broadcast_wake_all(&self.b)
            with nogil:
                usleep(100)

    def watch(self):
        """Ask for the file to be rung at the next message; False: one is there."""
        self.place._check()
        return broadcast_watch(&self.b)
