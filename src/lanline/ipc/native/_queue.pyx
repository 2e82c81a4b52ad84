# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The native queue, bound: one participant of a queue in a named file.

Each call is tried once with the GIL held, because to give it up costs more than a message; when the
lock is not to be had in a moment, or there is nothing yet, the GIL is given up for the whole
operation, so that no thread ever waits for the GIL while it holds the queue's lock.
"""

cimport cython

import os
import weakref

from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.errno cimport errno
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from lanline.ipc.native._clock cimport BELL_FOR_EVER, clock_ns, deadline_of, is_over
from lanline.ipc.native._given cimport check_timeout, take_buffer
from lanline.ipc.native._sentry cimport sentry, sentry_come, sentry_go, sentry_is_wanted, sentry_wait

from lanline.errors import (
    ClosedError,
    CorruptedError,
    ForkedError,
    FullError,
    MessageTooLargeError,
    NoRoomError,
    PeerClosedError,
    TimedOutError,
)
from lanline.ipc.ending import at_exit, stay_if_ending
from lanline.ipc.native._block import enter_door


cdef extern from "result.h" nogil:
    ctypedef enum result:
        RESULT_OK
        RESULT_EMPTY
        RESULT_FULL
        RESULT_TOO_LARGE
        RESULT_CORRUPT
        RESULT_TIMED_OUT
        RESULT_SHUT_DOWN
        RESULT_SYSTEM

cdef extern from "<stdbool.h>" nogil:
    ctypedef bint c_bool "bool"

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int microseconds)

cdef extern from "roster.h" nogil:
    ctypedef struct roster:
        int fd
    void roster_leave_door(int fd)
    uint32_t roster_count(const roster *r)
    c_bool roster_others(const roster *r)

cdef extern from "queue.h" nogil:
    const int QUEUE_BODY
    ctypedef struct queue_control:
        uint64_t blocks, capacity
        uint32_t redeliver
        uint32_t count
        uint32_t end
        uint64_t unfinished, put, got, redelivered, dropped, repairs
    ctypedef struct queue:
        queue_control *shared
        roster members
        uint32_t blocks
        uint32_t capacity
        c_bool redeliver
        c_bool settled
        c_bool watching
        c_bool spare
        sentry sentry
    ctypedef struct queue_message:
        uint32_t index, size, kind, deliveries
        uint64_t sequence
    ctypedef enum queue_event:
        QUEUE_ITEMS
        QUEUE_ROOM
        QUEUE_FINISHED
    ctypedef struct queue_parcel:
        const void *bytes
        uint64_t size
        uint32_t kind
    ctypedef struct queue_try:
        uint64_t until
        bint slept
        bint drop_oldest
        uint32_t turn
        uint32_t done
    result queue_make(int fd, uint64_t bytes, uint32_t capacity, bint redeliver)
    result queue_make_open(int fd, uint64_t bytes, uint32_t capacity, bint redeliver)
    void queue_follow(queue *q)
    result queue_settle(queue *q, uint32_t blocks, uint32_t capacity, c_bool redeliver, uint64_t until)
    result queue_look(int fd, queue_control *control)
    result queue_open(queue *q, int fd)
    void queue_close(queue *q, c_bool *last, c_bool *empty)
    void queue_abandon(queue *q)
    c_bool queue_sleep(queue *q, queue_event event, uint32_t turn, sentry_wait *w, uint64_t deadline_ns)
    result queue_clear_dead(queue *q)
    result queue_send(queue *q, const queue_parcel *parcels, uint32_t count, queue_try *attempt)
    result queue_receive(queue *q, queue_message *messages, uint32_t most, void *bytes,
                         uint64_t room, queue_try *attempt)
    result queue_finish(queue *q, uint32_t index, uint64_t sequence, bint back, uint64_t until)
    result queue_all_finished(queue *q, queue_try *attempt)
    result queue_shut_down(queue *q, c_bool at_once, uint64_t until)
    void queue_wake_all(queue *q)
    result queue_trim(queue *q)


cdef enum:
    SMALL = 4096  # bytes that are received by way of the stack
    BATCH = 256  # messages that are put or received under one taking of the lock
    BATCH_BYTES = 262144
    LOCK_AT_ONCE = 0
    LOCK_NS = 200000000  # for a lock's holder to go on, at least; and between two looks for signals
    BIG = 65536  # from here on a copy is long enough to let other threads run meanwhile

HELD = "A process that does not go on (is it stopped?) holds the queue's lock."
LEAVE_SECONDS = 2.0  # for the door, when a handle is closed
OVER = "The queue was shut down, and no message is left in it."
BROKEN = "The queue's file breaks its own rules; remove it and begin anew."

cdef unsigned long fork_generation = 0
_members = weakref.WeakSet()


def _after_fork_in_child():
    global fork_generation
    fork_generation += 1
    for member in list(_members):
        (<Member>member)._forget()


os.register_at_fork(after_in_child=_after_fork_in_child)


def make(int fd, uint64_t size, uint32_t capacity, bint redeliver, bint settled):
    """Make the empty file behind `fd` a queue for `size` bytes; the door must be held.

    Not `settled`: whoever says first what it holds, or puts the first message, settles it.
    """
    cdef result answer
    if settled:
        answer = queue_make(fd, size, capacity, redeliver)
    else:
        answer = queue_make_open(fd, size, capacity, redeliver)
    if answer == RESULT_TOO_LARGE:
        raise ValueError(f"A queue cannot hold {size:,} bytes; between 256 bytes and 256 GiB it can.")
    if answer != RESULT_OK:
        raise OSError(errno, os.strerror(errno))


def look(int fd):
    """What the queue's file says of itself, for who does not take part; None: it is not a queue."""
    cdef queue_control control
    if queue_look(fd, &control) != RESULT_OK:
        return None
    return {
        "waiting": control.count,
        "capacity": control.capacity,
        "max_bytes": control.blocks * 256,
        "redeliver": control.redeliver,
        "unfinished": control.unfinished,
        "put": control.put,
        "got": control.got,
        "redelivered": control.redelivered,
        "dropped": control.dropped,
        "shut_down": 1 if control.end else 0,
        "repairs": control.repairs,
    }


def is_abandoned(int fd):
    """Is nobody in this file, and no message (or nothing that can be read as a queue)? The door must
    be held."""
    cdef queue q
    cdef roster r
    cdef c_bool last = False, empty = False
    cdef result answer
    r.fd = fd
    if roster_others(&r):
        return False
    answer = queue_open(&q, fd)
    if answer == RESULT_OK:
        queue_clear_dead(&q)
        queue_close(&q, &last, &empty)
        return last and empty
    return answer == RESULT_CORRUPT


cdef class Taken:
    """A message out of a queue, and where it is while it is being worked on."""

    cdef readonly bytes body
    cdef readonly uint32_t kind
    cdef readonly uint32_t deliveries
    cdef readonly uint32_t index
    cdef readonly uint64_t sequence


cdef Taken taken_of(object body, const queue_message *message):
    cdef Taken taken = Taken.__new__(Taken)
    taken.body = body
    taken.kind = message.kind
    taken.deliveries = message.deliveries
    taken.index = message.index
    taken.sequence = message.sequence
    return taken


@cython.no_gc_clear  # __dealloc__ leaves the queue
cdef class Member:
    """One participant. `fd` is an open file description of its own of the file at `path`, and becomes
    the member's; the door must be held while it is made. Threads may share it."""

    cdef object __weakref__
    cdef queue q
    cdef int fd
    cdef bint closed
    cdef int inside  # threads that may be in the queue without the GIL
    cdef unsigned long generation
    cdef char *batch
    cdef object path

    def __cinit__(self, int fd, path):
        self.closed = True
        self.fd = fd
        self.path = path

    def __init__(self, int fd, path):
        cdef result answer = queue_open(&self.q, fd)
        if answer == RESULT_CORRUPT:
            raise CorruptedError("The file is not a queue of this version of Lanline.")
        if answer == RESULT_FULL:
            raise FullError("The queue has 1,023 participants already.")
        if answer != RESULT_OK:
            raise OSError(errno, os.strerror(errno))
        self.closed = False
        self.generation = fork_generation
        _members.add(self)

    # --- putting

    def put(self, message, timeout=None, uint32_t kind=0, bint drop_oldest=False):
        """Put bytes-like `message`; wait at most `timeout` seconds for room (None: for ever)."""
        cdef Py_buffer buffer
        cdef queue_parcel parcel
        cdef queue_try attempt
        cdef result answer = RESULT_TIMED_OUT
        check_timeout(timeout)
        take_buffer(message, &buffer)
        try:
            parcel.bytes = buffer.buf
            parcel.size = <uint64_t>buffer.len
            parcel.kind = kind
            attempt.until = LOCK_AT_ONCE
            attempt.slept = False
            attempt.drop_oldest = drop_oldest
            self._check_open()
            if parcel.size < BIG:
                answer = queue_send(&self.q, &parcel, 1, &attempt)
            if answer != RESULT_OK:
                self._put_slowly(&parcel, 1, &attempt, answer, deadline_of(timeout))
        finally:
            PyBuffer_Release(&buffer)

    def put_many(self, list messages, timeout=None, uint32_t kind=0, bint drop_oldest=False):
        """Put all of `messages`, in order and with others' between them only where room ran out.

        Returns how many were put: fewer than all only when the time-out passed, or memory ran out,
        or the queue was shut down, after the first.
        """
        cdef Py_ssize_t count = 0, i, here, total = len(messages)
        cdef uint64_t deadline = deadline_of(timeout)
        cdef Py_buffer buffers[BATCH]
        cdef queue_parcel parcels[BATCH]
        cdef queue_try attempt
        cdef result answer
        cdef uint32_t put
        while count < total:
            here = 0
            try:
                while here < BATCH and count + here < total:
                    take_buffer(messages[count + here], &buffers[here])
                    parcels[here].bytes = buffers[here].buf
                    parcels[here].size = <uint64_t>buffers[here].len
                    parcels[here].kind = kind
                    here += 1
                attempt.until = LOCK_AT_ONCE
                attempt.slept = False
                attempt.drop_oldest = drop_oldest
                self._check_open()
                answer = queue_send(&self.q, parcels, <uint32_t>here, &attempt)
                put = attempt.done
                if answer != RESULT_OK:
                    try:
                        put += self._put_slowly(
                            &parcels[put], <uint32_t>here - put, &attempt, answer, deadline
                        )
                    except (TimedOutError, FullError, NoRoomError, PeerClosedError):
                        count += attempt.done + put
                        if count:
                            return count
                        raise
                count += here
            finally:
                for i in range(here):
                    PyBuffer_Release(&buffers[i])
        return count

    cdef uint32_t _put_slowly(self, const queue_parcel *parcels, uint32_t count, queue_try *attempt,
                         result answer, uint64_t deadline) except? 0:
        """Go on after a first try that did not put all; on an error attempt.done were put."""
        cdef uint64_t give_up = max(deadline, clock_ns() + LOCK_NS)
        cdef uint32_t put = 0
        cdef sentry_wait w
        memset(&w, 0, sizeof(w))
        attempt.done = 0
        try:
            while True:
                if answer == RESULT_FULL:
                    if self.q.capacity == 0:
                        raise FullError(
                            f"The queue holds as many bytes as it may (max_bytes={self.max_bytes:,}): "
                            "have messages taken out of it, or make it with a larger max_bytes, or "
                            "with a capacity, so that put waits for room."
                        )
                    if is_over(deadline):
                        raise TimedOutError("The queue had no room within the time-out.")
                    self._sleep(QUEUE_ROOM, attempt.turn, &w, deadline)
                    attempt.slept = True
                elif answer == RESULT_TOO_LARGE:
                    raise MessageTooLargeError(parcels[put].size, self.limit)
                elif answer == RESULT_SHUT_DOWN:
                    raise PeerClosedError("The queue was shut down: nothing can be put into it.")
                elif answer == RESULT_SYSTEM:
                    raise NoRoomError(
                        f"The file system of {self.path.parent} is full: have messages taken out of "
                        "the queue, or make room there."
                    )
                elif answer != RESULT_TIMED_OUT:
                    raise CorruptedError(BROKEN)
                attempt.until = self._next_try(give_up, answer)
                self.inside += 1
                with nogil:
                    answer = queue_send(&self.q, parcels + put, count - put, attempt)
                self._step_out()
                put += attempt.done
                if answer == RESULT_OK:
                    return put
        finally:
            attempt.done = put
            sentry_go(&self.q.sentry, &w)

    # --- getting

    def get(self, timeout=None):
        """The oldest message's bytes; wait at most `timeout` seconds for one (None: for ever)."""
        cdef queue_message message
        return self._get(&message, timeout)

    def take(self, timeout=None):
        """The oldest message as Taken; waits as `get` does."""
        cdef queue_message message
        body = self._get(&message, timeout)
        return taken_of(body, &message)

    cdef object _get(self, queue_message *message, timeout):
        cdef char bytes[SMALL]
        cdef queue_try attempt
        cdef result answer
        check_timeout(timeout)
        self._check_open()
        attempt.until = LOCK_AT_ONCE
        attempt.slept = False
        answer = queue_receive(&self.q, message, 1, bytes, SMALL, &attempt)
        if self.q.spare:
            self._trim()
        if answer == RESULT_OK:
            return PyBytes_FromStringAndSize(bytes, message.size)
        return self._get_slowly(message, &attempt, answer, timeout)

    cdef object _get_slowly(self, queue_message *message, queue_try *attempt, result answer, timeout):
        cdef uint64_t deadline = deadline_of(timeout)
        cdef uint64_t room = SMALL
        cdef uint64_t give_up = max(deadline, clock_ns() + LOCK_NS)
        cdef char *bytes = NULL
        cdef sentry_wait w
        memset(&w, 0, sizeof(w))
        try:
            while answer != RESULT_OK:
                if answer == RESULT_EMPTY:
                    if is_over(deadline):
                        raise TimedOutError("The queue had no message within the time-out.")
                    self._sleep(QUEUE_ITEMS, attempt.turn, &w, deadline)
                    attempt.slept = True
                elif answer == RESULT_TOO_LARGE:
                    room = message.size
                    PyMem_Free(bytes)
                    bytes = NULL
                elif answer == RESULT_SHUT_DOWN:
                    raise PeerClosedError(OVER)
                elif answer != RESULT_TIMED_OUT:
                    raise CorruptedError(BROKEN)
                if bytes == NULL:
                    bytes = <char *>PyMem_Malloc(room)
                    if bytes == NULL:
                        raise MemoryError
                attempt.until = self._next_try(give_up, answer)
                self.inside += 1
                with nogil:
                    answer = queue_receive(&self.q, message, 1, bytes, room, attempt)
                    if self.q.spare:
                        queue_trim(&self.q)
                self._step_out()
            return PyBytes_FromStringAndSize(bytes, message.size)
        finally:
            PyMem_Free(bytes)
            sentry_go(&self.q.sentry, &w)

    def take_many(self, uint32_t most, timeout=None):
        """At least one message and at most `most`, as Taken; waits as `get` does, for the first."""
        cdef queue_message messages[BATCH]
        cdef queue_try attempt
        cdef list out = []
        cdef char *at
        cdef uint32_t i
        check_timeout(timeout)
        self._check_open()
        if self.batch == NULL:
            self.batch = <char *>PyMem_Malloc(BATCH_BYTES)
            if self.batch == NULL:
                raise MemoryError
        attempt.until = LOCK_AT_ONCE
        attempt.slept = False
        while <uint32_t>len(out) < most:
            if queue_receive(&self.q, messages, min(most - <uint32_t>len(out), <uint32_t>BATCH),
                             self.batch, BATCH_BYTES, &attempt) != RESULT_OK:
                break
            at = self.batch
            for i in range(attempt.done):
                body = PyBytes_FromStringAndSize(at, messages[i].size)
                at += messages[i].size
                out.append(taken_of(body, &messages[i]))
            if attempt.done < BATCH:
                break
        if self.q.spare:
            self._trim()
        if not out:
            out.append(self.take(timeout))
        return out

    # --- finishing

    def done(self, uint32_t index, uint64_t sequence, bint back=False):
        """Done with a message, or with `back` not: it is given out again. False: it was not ours."""
        cdef result answer
        cdef uint64_t until = LOCK_AT_ONCE
        self._check_open()
        while True:
            self.inside += 1
            if until == LOCK_AT_ONCE:
                answer = queue_finish(&self.q, index, sequence, back, until)
            else:
                with nogil:
                    answer = queue_finish(&self.q, index, sequence, back, until)
            self._step_out()
            if answer != RESULT_TIMED_OUT:
                break
            until = self._next_try(BELL_FOR_EVER, answer)
        if self.q.spare:
            self._trim()
        if answer == RESULT_CORRUPT:
            raise CorruptedError(BROKEN)
        return answer == RESULT_OK

    def join(self, timeout=None):
        """Wait until every message has been taken and is done with."""
        cdef uint64_t deadline = deadline_of(timeout)
        cdef queue_try attempt
        cdef result answer = RESULT_FULL
        cdef uint64_t give_up = max(deadline, clock_ns() + LOCK_NS)
        cdef sentry_wait w
        memset(&w, 0, sizeof(w))
        try:
            while True:
                attempt.until = self._next_try(give_up, answer)
                self.inside += 1
                with nogil:
                    answer = queue_all_finished(&self.q, &attempt)
                self._step_out()
                if answer == RESULT_OK:
                    return
                if answer == RESULT_TIMED_OUT:
                    continue
                if answer != RESULT_FULL:
                    raise CorruptedError(BROKEN)
                if is_over(deadline):
                    raise TimedOutError("The queue's work was not finished within the time-out.")
                self._sleep(QUEUE_FINISHED, attempt.turn, &w, deadline)
        finally:
            sentry_go(&self.q.sentry, &w)

    def shut_down(self, bint at_once=False):
        """Nothing can be put any more; with `at_once` what waits is thrown away."""
        cdef result answer = RESULT_TIMED_OUT
        cdef uint64_t until, give_up = clock_ns() + LOCK_NS
        while answer == RESULT_TIMED_OUT:
            until = self._next_try(give_up, answer)
            self.inside += 1
            with nogil:
                answer = queue_shut_down(&self.q, at_once, until)
                if self.q.spare:
                    queue_trim(&self.q)
            self._step_out()
        if answer != RESULT_OK:
            raise CorruptedError(BROKEN)

    # --- all of it

    def watch(self):
        """From here on the waits are an event loop's: whoever ends one rings by the file, which is
        this descriptor's (see watch.h). It is for calls with a time-out of 0."""
        self._check_open()
        self.q.watching = True
        return self.fd

    cdef int _sleep(self, queue_event event, uint32_t turn, sentry_wait *w, uint64_t deadline) except -1:
        cdef result answer = RESULT_OK
        self._check_open()  # a close since the turn was read changed nothing that we sleep on
        if sentry_is_wanted(w, clock_ns()):
            sentry_come(&self.q.sentry, self.fd, w)
        self.inside += 1
        with nogil:
            if queue_sleep(&self.q, event, turn, w, deadline):
                answer = queue_clear_dead(&self.q)
        self._step_out()
        PyErr_CheckSignals()
        if answer != RESULT_OK:
            raise CorruptedError(BROKEN)
        return 0

    cdef uint64_t _next_try(self, uint64_t give_up, result answer) except 0:
        """Until when the next try may wait for the lock; TimedOutError when the last one has failed
        for want of it and `give_up` is over."""
        cdef uint64_t now = clock_ns()
        PyErr_CheckSignals()
        self._check_open()
        if answer == RESULT_TIMED_OUT and now >= give_up:
            raise TimedOutError(HELD)
        return now + LOCK_NS if now >= give_up else min(give_up, now + LOCK_NS)

    cdef int _trim(self) except -1:
        """Give back to the system what the emptied queue has no use for."""
        self.inside += 1
        with nogil:
            queue_trim(&self.q)  # what is wrong with the file is for the next call to say
        self._step_out()
        return 0

    cdef int _step_out(self) except -1:
        self.inside -= 1
        if self.closed and self.inside == 0 and self.fd >= 0:
            self._leave()
        return 0

    cdef int _check_open(self) except -1:
        if self.generation != fork_generation:
            raise ForkedError(
                "This queue came through a fork and belongs to the parent; open it anew in the child."
            )
        if self.closed:
            stay_if_ending()
            raise ClosedError("The queue is closed.")
        return 0

    @property
    def limit(self):
        """The largest message in bytes that can ever fit."""
        return min(<uint64_t>self.q.blocks * QUEUE_BODY, 0xFFFFFFFF)

    @property
    def capacity(self):
        """Messages at most; 0: only the bytes bound it."""
        self._follow()
        return self.q.capacity

    @property
    def max_bytes(self):
        self._follow()
        return self.q.blocks * <uint64_t>256

    @property
    def redeliver(self):
        self._follow()
        return bool(self.q.redeliver)

    @property
    def is_plain(self):
        """Is it settled that nothing is redelivered, so that what is got needs no place?"""
        return self.q.settled and not self.q.redeliver

    cdef int _follow(self) except -1:
        if not self.q.settled and self.fd >= 0:
            queue_follow(&self.q)
        return 0

    def settle(self, uint64_t size, uint32_t capacity, bint redeliver):
        """If it is open what it holds and does, settle it."""
        cdef result answer = RESULT_TIMED_OUT
        cdef uint64_t until, give_up = clock_ns() + LOCK_NS
        while not self.q.settled and answer == RESULT_TIMED_OUT:
            until = self._next_try(give_up, answer)
            self.inside += 1
            with nogil:
                answer = queue_settle(&self.q, <uint32_t>(size // 256), capacity, redeliver, until)
            self._step_out()
            if answer == RESULT_CORRUPT:
                raise CorruptedError(BROKEN)

    def open_door(self):
        """Let the door go that was held while this was made; and clear away who died before."""
        roster_leave_door(self.fd)
        self.clear_dead()

    def statistics(self):
        self._check_open()
        return {
            "waiting": self.q.shared.count,
            "unfinished": self.q.shared.unfinished,
            "put": self.q.shared.put,
            "got": self.q.shared.got,
            "redelivered": self.q.shared.redelivered,
            "dropped": self.q.shared.dropped,
            "shut_down": 1 if self.q.shared.end else 0,
            "repairs": self.q.shared.repairs,
            "participants": roster_count(&self.q.members),
        }

    def clear_dead(self):
        """Repair after participants that the kernel says are dead; waiting does it by itself."""
        self._check_open()
        with nogil:
            queue_clear_dead(&self.q)

    def close(self):
        """Leave; the last one out of an empty queue removes its file. Again: nothing.

        What this participant was working on is given out again or dropped, as agreed. Threads of ours
        that wait in it are woken, and the last of them leaves.
        """
        if self.closed:
            return
        self.closed = True
        if self.generation != fork_generation:
            return
        if self.inside:
            queue_wake_all(&self.q)
        else:
            self._leave()

    cdef int _leave(self) except -1:
        cdef c_bool last = False, empty = False
        cdef int fd = self.fd
        self.fd = -1
        try:
            enter_door(fd, LEAVE_SECONDS)
        except TimedOutError:
            queue_abandon(&self.q)  # somebody is stopped in the door: we go as the dead do
        else:
            queue_close(&self.q, &last, &empty)
            if last and empty:
                os.unlink(self.path)
        finally:
            os.close(fd)
        return 0

    @property
    def is_open(self):
        """Is it ours, and not closed?"""
        return not self.closed and self.generation == fork_generation

    def _forget(self):
        """In the child of a fork: the kernel must see the parent's death, so our copy goes."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __dealloc__(self):
        PyMem_Free(self.batch)
        if not self.closed and self.generation == fork_generation:
            self._leave()


def _close_all():
    cdef uint64_t until = clock_ns() + LOCK_NS * 5
    for member in list(_members):
        member.close()
        while (<Member>member).inside and clock_ns() < until:  # the last of them leaves
            with nogil:
                usleep(100)


at_exit(_close_all)
