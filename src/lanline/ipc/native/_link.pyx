# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The native core, bound: the two ends of a shared-memory channel.

The GIL is held through the fast paths: to give it up and take it back costs more than a message.
It is given up around sleeps and around copies of `BIG` bytes and more. Spinning holds it, for
at most 100 microseconds, and only while that has lately paid (patience.h).
"""

cimport cython

import os
import select
import weakref
from collections import deque

from cpython.buffer cimport PyBuffer_FillInfo, PyBuffer_Release
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.exc cimport PyErr_CheckSignals
from cpython.pythread cimport (
    NOWAIT_LOCK,
    PY_LOCK_ACQUIRED,
    PY_LOCK_FAILURE,
    PyLockStatus,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_get_thread_ident,
    PyThread_release_lock,
    PyThread_type_lock,
)
from libc.errno cimport errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp cimport bool as c_bool
from posix.unistd cimport close as close_descriptor

from lanline.ipc.native._clock cimport BELL_FOR_EVER, clock_ns, deadline_of, is_over, left_until
from lanline.ipc.native._given cimport check_timeout, how_many, take_buffer

from lanline.errors import (
    BusyError,
    ClosedError,
    CorruptedError,
    ForkedError,
    MessageTooLargeError,
    PeerClosedError,
    PeerDiedError,
    TimedOutError,
)
from lanline.ipc.given import check_several, whole


cdef extern from "result.h" nogil:
    ctypedef enum result:
        RESULT_OK
        RESULT_EMPTY
        RESULT_FULL
        RESULT_TOO_LARGE
        RESULT_CORRUPT
        RESULT_TIMED_OUT
        RESULT_DROPS
        RESULT_SYSTEM

cdef extern from "memory.h" nogil:
    void *memory_map_mirrored(int fd, int64_t offset, size_t size)
    void *memory_map(int fd, int64_t offset, size_t size)
    void memory_unmap(void *address, size_t size)

cdef extern from "bell.h" nogil:
    ctypedef enum bell_answer:
        BELL_RANG
        BELL_GONE
        BELL_TIMED_OUT
        BELL_INTERRUPTED
    void bell_ring(int fd)
    bell_answer bell_wait(int fd, uint64_t deadline_ns)
    bint bell_gone(int fd)
    bint bell_take(int fd)
    bint bell_gone_lately(int fd, uint64_t *last)

cdef extern from "<sys/socket.h>" nogil:
    int shutdown(int fd, int how)
    int SHUT_RDWR

cdef extern from "ring.h" nogil:
    const int RING_CONTROL
    const uint32_t RING_OURS
    const int RING_PLACES
    const uint32_t RING_DROPS
    ctypedef struct ring:
        uint64_t capacity
        uint64_t position
        uint64_t dropped
        uint32_t unusual
        c_bool unheard
    ctypedef struct ring_record:
        unsigned char *bytes
        uint32_t size
        uint32_t kind
        uint64_t after
    void ring_start(ring *r, void *control, void *data, uint64_t capacity, void *large,
                    uint64_t large_size)
    result ring_reserve(ring *r, uint64_t size, ring_record *record)
    void ring_append(ring *r, ring_record *record, uint32_t size, uint32_t kind)
    bint ring_publish(ring *r)
    result ring_look(ring *r, ring_record *record)
    void ring_pass(ring *r, const ring_record *record)
    bint ring_release(ring *r, uint64_t position)
    bint ring_reader_naps(const ring *r)
    bint ring_rested(ring *r)
    void ring_copy_small(void *to, const void *bytes, uint64_t size)
    bint ring_readable(ring *r)
    bint ring_writable(ring *r, uint64_t size)
    const uint32_t RING_ON_BELL
    const uint32_t RING_ON_WORD
    uint32_t ring_reader_asleep(ring *r, uint32_t how)
    uint32_t ring_writer_asleep(ring *r, uint64_t size, uint32_t how)
    bell_answer ring_reader_nap(ring *r, uint32_t word, uint64_t deadline_ns)
    bell_answer ring_writer_nap(ring *r, uint32_t word, uint64_t deadline_ns)
    void ring_reader_awake(ring *r)
    void ring_writer_awake(ring *r)
    bint ring_reader_spin(ring *r)
    bint ring_writer_spin(ring *r, uint64_t size)
    void ring_reader_close(ring *r)
    void ring_writer_close(ring *r)
    bint ring_reader_closed(ring *r)
    bint ring_writer_closed(ring *r)


cdef extern from "ring_dropping.h" nogil:
    void ring_drop_oldest(ring *r)
    result ring_put_dropping(ring *r, const void *bytes, uint64_t size, uint32_t kind, bint wait)
    result ring_claim(ring *r, ring_record *record)
    void ring_copy(const ring_record *record, void *to)
    bint ring_take(ring *r, const ring_record *record)


ctypedef bell_answer (*nap_call)(ring *r, uint32_t word, uint64_t deadline_ns) noexcept nogil


cdef extern from *:
    # Cython's own: what is not likely lies out of the way of what is.
    bint likely(bint)
    bint unlikely(bint)


cdef extern from "pythread.h":
    PyLockStatus PyThread_acquire_lock_timed(PyThread_type_lock lock, long long microseconds,
                                             int intr_flag) nogil


# From here on a copy is long enough (tens of microseconds) to let other threads run meanwhile.
cdef enum:
    BIG = 262144

# From here on a copy is long enough (microseconds) for a signal to come amid it.
cdef enum:
    LONG = 4096

# A recv(0) that the sender overtakes in the copy tries so often: something newer is there each time.
cdef enum:
    OVERTAKEN = 100

BROKEN = "The peer broke the rules of the shared memory; nothing more can be read or written."

_links = weakref.WeakSet()


def _after_fork_in_child():
    for link in list(_links):
        (<Link>link)._forget()


os.register_at_fork(after_in_child=_after_fork_in_child)


cdef object left_or_none(uint64_t deadline):
    return None if deadline == BELL_FOR_EVER else max(left_until(deadline), 0)


cdef struct turn:
    # Whose turn it is to wait in a direction, or to copy without the GIL. To take it and to give it back
    # is a word under the GIL; the lock is only for those who find it taken, and held while none is to wake.
    PyThread_type_lock lock
    bint taken
    bint rung  # the lock was let go for somebody who has not woken yet
    int waiting


cdef int turn_start(turn *t) except -1:
    t.lock = PyThread_allocate_lock()
    if t.lock == NULL:
        raise MemoryError
    PyThread_acquire_lock(t.lock, NOWAIT_LOCK)
    return 0


cdef inline bint turn_take(turn *t, uint64_t deadline) except -1:
    """Whether it was had in time."""
    if not t.taken:
        t.taken = True
        return True
    return turn_await(t, deadline)


cdef bint turn_await(turn *t, uint64_t deadline) except -1:
    """As threading.Lock does it, without the calls through the interpreter."""
    cdef PyLockStatus status
    cdef long long microseconds
    t.waiting += 1
    try:
        while t.taken:
            if is_over(deadline):
                return False
            # At most an hour at once: what the system takes has a bound.
            microseconds = -1
            if deadline != BELL_FOR_EVER:
                microseconds = 1 + <long long>(min(left_until(deadline), 3600.0) * 1e6)
            with nogil:
                status = PyThread_acquire_lock_timed(t.lock, microseconds, 1)
            if status == PY_LOCK_ACQUIRED:
                t.rung = False
            elif status != PY_LOCK_FAILURE:
                PyErr_CheckSignals()
        t.taken = True
        return True
    finally:
        t.waiting -= 1


cdef inline void turn_leave(turn *t) noexcept:
    t.taken = False
    if unlikely(t.waiting and not t.rung):
        t.rung = True
        PyThread_release_lock(t.lock)


cdef class Mapping:
    """The two rings in memory. Views keep it alive, so that closing never takes it from under them."""

    cdef void *control
    cdef void *rings[2]
    cdef void *large[2]
    cdef size_t capacity
    cdef size_t large_size

    def __cinit__(self, int fd, size_t capacity, size_t large_size):
        cdef int64_t at = 2 * RING_CONTROL
        cdef int side
        cdef bint good
        self.capacity = capacity
        self.large_size = large_size
        self.control = memory_map(fd, 0, 2 * RING_CONTROL)
        good = self.control != NULL
        for side in range(2):
            if good:
                self.rings[side] = memory_map_mirrored(fd, at, capacity)
                at += capacity
                good = self.rings[side] != NULL
        for side in range(2):
            if good:
                self.large[side] = memory_map(fd, at, RING_PLACES * large_size)
                at += RING_PLACES * large_size
                good = self.large[side] != NULL
        if not good:
            raise OSError(errno, os.strerror(errno))

    def __dealloc__(self):
        cdef int side
        if self.control != NULL:
            memory_unmap(self.control, 2 * RING_CONTROL)
        for side in range(2):
            if self.rings[side] != NULL:
                memory_unmap(self.rings[side], 2 * self.capacity)
            if self.large[side] != NULL:
                memory_unmap(self.large[side], RING_PLACES * self.large_size)


def segment_size(size_t capacity, size_t large_size):
    """Bytes of shared memory for two rings of `capacity` bytes (a power of two, at least a page) and
    two places each of `large_size` bytes (whole pages) for large messages."""
    return 2 * RING_CONTROL + 2 * capacity + 2 * RING_PLACES * large_size


cdef class Pin:
    """A place in the ring that is not to be freed yet."""

    cdef uint64_t start
    cdef bint done


@cython.no_gc_clear  # __dealloc__ needs its link
cdef class Borrowed:
    """A received message where it lies: a read-only buffer that pins its place in the ring.

    The place is free again when it has been released (`with` does it) and no view of it is left. Out
    of a ring that drops its oldest it is a copy, which nobody can write over.
    """

    cdef Link link
    cdef Mapping mapping
    cdef Pin pin
    cdef bytes copy
    cdef unsigned char *bytes
    cdef Py_ssize_t size
    cdef readonly uint32_t kind
    cdef Py_ssize_t exports
    cdef bint released
    cdef object lent

    def __len__(self):
        return self.size

    @property
    def view(self):
        """Its bytes, read-only."""
        if self.lent is None:
            self.lent = memoryview(self)
        return self.lent

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        if self.released:
            raise BufferError("The borrowed message has been released.")
        PyBuffer_FillInfo(buffer, self, self.bytes, self.size, 1, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer *buffer):
        self.exports -= 1
        if self.released and self.exports == 0:
            self._give_back()

    cdef void _give_back(self) noexcept:
        if self.link is not None:
            self.link._unpin(self.pin)

    def release(self):
        """Give the place back as soon as no view of it is left; again does nothing."""
        if self.released:
            return
        if self.lent is not None:
            try:
                self.lent.release()
            except BufferError:
                pass  # somebody made a view of the view; the place stays pinned until it is gone
            self.lent = None
        self.released = True
        if self.exports == 0:
            self._give_back()

    def __enter__(self):
        return self.view

    def __exit__(self, *exception):
        self.release()

    def __reduce__(self):
        raise TypeError("A borrowed message cannot be handed on or copied; take bytes(view) of it.")

    def __dealloc__(self):
        # Nobody holds a view here, or it would hold this object.
        if not self.released:
            self._give_back()


@cython.no_gc_clear
cdef class Loan:
    """Room in the ring to be filled in place: a writable buffer, sent by `commit`.

    `with` commits at its end, or cancels on an exception. While it is out, sends of this thread are
    refused with BusyError and those of other threads wait. Do not write into views of it afterwards:
    they stay valid memory, but the receiver may be reading it.
    """

    cdef Link link
    cdef Mapping mapping
    cdef ring_record record
    cdef uint32_t kind
    cdef bint done

    def __len__(self):
        return self.record.size

    @property
    def view(self):
        """The room, to be written to until it is sent."""
        if self.done:
            raise ClosedError("What was lent was sent or taken back already.")
        return memoryview(self)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        if self.done:
            raise BufferError("The loan has been sent or cancelled.")
        PyBuffer_FillInfo(buffer, self, self.record.bytes, self.record.size, 0, flags)

    def __releasebuffer__(self, Py_buffer *buffer):
        pass

    def commit(self, size=None):
        """Send it, or its first `size` bytes."""
        if self.done:
            raise ClosedError("The loan has been sent or cancelled already.")
        cdef uint32_t length = self.record.size
        if size is not None:
            length = whole("What is sent of this loan", size, 0, length, "bytes")
        self.link._check_open()
        self.done = True
        ring_append(&self.link.outgoing, &self.record, length, self.kind)
        self.link._publish(1, length)
        self.link._end_loan()

    def cancel(self):
        """Give the room back, nothing is sent; again does nothing."""
        if not self.done:
            self.done = True
            self.link._end_loan()

    def __reduce__(self):
        raise TypeError("A loan cannot be handed on or copied; fill it here and send it.")

    def __enter__(self):
        return memoryview(self)

    def __exit__(self, kind, value, trace):
        if self.done:
            return
        if kind is None:
            self.commit()
        else:
            self.cancel()

    def __dealloc__(self):
        if self.link is not None and not self.done:
            self.link._end_loan()


@cython.final
@cython.no_gc_clear
cdef class Link:
    """One end of a channel: writes one ring and reads the other.

    `memory` is a descriptor of `segment_size(capacity, large_size)` sealed bytes, all zero at first;
    `side` is 0 at one end and 1 at the other. The bells are two connected stream sockets, for data
    and for room. The descriptor of the memory stays the caller's; the bells become the link's.
    `limit`: bytes of one message, sent or received. `drop_oldest`: where there is no room for what is
    sent here, the oldest that was not received yet is dropped; no send waits then.

    Threads may share it. The fast paths run under the GIL and are whole. Whoever has to wait, or
    copies so much that the GIL is given up, has the turn of its direction, so that only one thread
    sleeps on a bell; `reading` and `writing` say that the next record is in somebody's hands.
    """

    # First what every message needs, in as few cache lines as it takes.
    cdef readonly bint closed
    cdef bint forked  # this is a copy in the child of a fork
    cdef bint gone  # the kernel said that the peer is gone
    cdef bint reading
    cdef bint writing
    cdef int inside  # threads that are using the bells' descriptors without the GIL
    cdef int data_bell
    cdef int room_bell
    cdef object poll  # what fileno() is of, once somebody has asked for it
    cdef turn read_turn
    cdef uint64_t small  # up to here a message goes by the fast path
    cdef Py_ssize_t pinned  # how many `pins` there are
    cdef readonly uint64_t sent, received, sent_bytes, received_bytes, sleeps
    cdef ring incoming
    cdef ring outgoing
    cdef object __weakref__
    cdef Mapping mapping
    cdef bytes copied  # while `reading`: the record, out of a ring that drops its oldest
    cdef bint kept
    cdef int more
    cdef uint64_t looked_for_peer
    cdef turn write_turn
    cdef unsigned long lender  # the thread that has a loan out, or 0
    cdef object pins
    cdef readonly uint64_t limit

    def __cinit__(self, *_):
        self.data_bell = self.room_bell = -1
        turn_start(&self.read_turn)
        turn_start(&self.write_turn)

    def __init__(self, int memory, uint64_t capacity, uint64_t large_size, int side,
                 int data_bell, int room_bell, uint64_t limit, bint drop_oldest=False):
        self.mapping = Mapping(memory, capacity, large_size)
        self.data_bell = data_bell
        self.room_bell = room_bell
        self.limit = min(limit, max(large_size, capacity // 2))
        self.small = min(<uint64_t>BIG - 1, self.limit)
        self.pins = deque()
        cdef char *control = <char *>self.mapping.control
        ring_start(&self.outgoing, control + side * RING_CONTROL, self.mapping.rings[side],
                   capacity, self.mapping.large[side], large_size)
        if drop_oldest:
            ring_drop_oldest(&self.outgoing)
        side = 1 - side
        ring_start(&self.incoming, control + side * RING_CONTROL, self.mapping.rings[side],
                   capacity, self.mapping.large[side], large_size)
        _links.add(self)

    # --- what every message passes through. Whoever comes from idle finds none of it in the cache: what is
    # not ordinary is done elsewhere, so that this is little code (docs/design/ipc.md, "From idle").

    cdef inline bint _may_write(self) noexcept:
        return not (self.closed or self.gone or self.writing or self.forked
                    or ring_reader_closed(&self.outgoing)
                    or (not ring_reader_naps(&self.outgoing) and self._gone_lately()))

    cdef inline void _publish(self, uint64_t messages, uint64_t size) noexcept:
        self.sent += messages
        self.sent_bytes += size
        if unlikely(ring_publish(&self.outgoing)):
            bell_ring(self.data_bell)
        if unlikely(self.outgoing.unheard):
            self._look_for_peer()

    cdef inline bint _put(self, const unsigned char *bytes, uint64_t size, uint32_t kind) noexcept:
        """Send it at once and under the GIL. False: it cannot be, and nothing was sent."""
        cdef ring_record record
        if (unlikely(not self._may_write()) or unlikely(size > self.small)
                or unlikely(ring_reserve(&self.outgoing, size, &record) != RESULT_OK)):
            return False
        ring_copy_small(record.bytes, bytes, size)
        ring_append(&self.outgoing, &record, <uint32_t>size, kind)
        self._publish(1, size)
        return True

    @cython.binding(False)
    def send(self, message, timeout=None, uint32_t kind=0):
        """Send bytes-like `message`; wait at most `timeout` seconds for room (None: for ever)."""
        if unlikely(timeout is not None):
            check_timeout(timeout)
        if not (likely(PyBytes_CheckExact(message))
                and likely(self._put(<const unsigned char *>PyBytes_AS_STRING(message),
                                     <uint64_t>PyBytes_GET_SIZE(message), kind))):
            self._send_buffer(message, timeout, kind)
        elif unlikely(self.gone):
            self._say_gone()

    cdef inline bint _may_read(self) noexcept:
        return not (self.closed or self.reading or self.forked)

    cdef inline bint _see(self, ring_record *record) noexcept:
        """Is a record there that may be taken by the fast path?"""
        return (self._may_read() and ring_look(&self.incoming, record) == RESULT_OK
                and record.size <= self.small)

    cdef inline void _release(self) noexcept:
        """Everything read is free again, up to the first pin."""
        cdef uint64_t position = self.incoming.position
        if unlikely(self.pinned):
            position = self._first_pin()
        if unlikely(ring_release(&self.incoming, position)):
            bell_ring(self.room_bell)

    cdef inline object _take(self, ring_record *record):
        cdef bytes message = PyBytes_FromStringAndSize(NULL, record.size)
        ring_copy_small(PyBytes_AS_STRING(message), record.bytes, record.size)
        if unlikely(record.size > LONG):
            PyErr_CheckSignals()
        ring_pass(&self.incoming, record)
        self.received += 1
        self.received_bytes += record.size
        self._release()
        if unlikely(self.poll is not None):
            self._tell()
        return message

    cdef uint32_t _nap(self, ring *r, nap_call nap, uint32_t word, int bell, uint64_t deadline) noexcept:
        """Sleep on the word, for a moment; how to sleep the next time in the same wait."""
        cdef bell_answer answer
        self.sleeps += 1
        self.inside += 1
        with nogil:
            answer = nap(r, word, deadline)
        self.inside -= 1
        if unlikely(self.closed):
            self._close_bells()
        elif unlikely(answer != BELL_RANG):
            # The word does not tell of a death.
            if bell_gone(bell):
                self.gone = True
            return RING_ON_BELL
        return RING_ON_WORD

    cdef int _meet(self, timeout, ring_record *record) except -1:
        """Wait for the next record. 1: take it; 0: take it slowly, with the turn, which is had now.

        What a spin or the first nap has brought is taken at once, under the GIL, and needs no turn.
        """
        cdef uint64_t deadline = BELL_FOR_EVER if timeout is None else deadline_of(timeout)
        cdef uint32_t word, how = RING_ON_WORD
        cdef bint spun = False
        if likely(deadline != 1 and not self.incoming.unusual and self._may_read() and not self.gone
                  and not ring_writer_closed(&self.incoming)):
            if unlikely(not ring_rested(&self.incoming)):
                spun = True
                if ring_reader_spin(&self.incoming) and self._see(record):
                    PyErr_CheckSignals()  # what a handler raises comes before the message is taken
                    return 1
            elif likely(self.poll is None and not self.read_turn.taken):
                self.read_turn.taken = True
                word = ring_reader_asleep(&self.incoming, RING_ON_WORD)
                if likely(word != 0):
                    how = self._nap(&self.incoming, ring_reader_nap, word, self.data_bell, deadline)
                    ring_reader_awake(&self.incoming)
                turn_leave(&self.read_turn)
                if likely(how == RING_ON_WORD and self._see(record)):
                    PyErr_CheckSignals()
                    return 1
        self._lock_reading(deadline, record, spun, how)
        return 0

    @cython.binding(False)
    def recv(self, timeout=None):
        """The next message as bytes; wait at most `timeout` seconds for it (None: for ever)."""
        cdef ring_record record
        if unlikely(timeout is not None):
            check_timeout(timeout)
        if self._see(&record) or likely(self._meet(timeout, &record)):
            return self._take(&record)
        try:
            return self._take_slowly(&record)
        finally:
            self._unlock_reading()

    # --- sending

    cdef int _send_buffer(self, message, timeout, uint32_t kind) except -1:
        cdef Py_buffer buffer
        take_buffer(message, &buffer)
        try:
            self._send(<const unsigned char *>buffer.buf, <uint64_t>buffer.len, timeout, kind)
        finally:
            PyBuffer_Release(&buffer)
        return 0

    cdef int _send(self, const unsigned char *bytes, uint64_t size, timeout, uint32_t kind) except -1:
        cdef ring_record record
        check_timeout(timeout)
        if self._put(bytes, size, kind):
            if self.gone:
                self._say_gone()
            return 0
        if self.outgoing.unusual & RING_DROPS:
            return self._send_dropping(bytes, size, kind, self._may_write())
        self._lock_writing(size, deadline_of(timeout), &record)
        try:
            with nogil:
                memcpy(record.bytes, bytes, size)
            ring_append(&self.outgoing, &record, <uint32_t>size, kind)
            self._publish(1, size)
        finally:
            self._unlock_writing()
        return 0

    cdef int _send_dropping(self, const unsigned char *bytes, uint64_t size, uint32_t kind,
                            bint may) except -1:
        """Send it at once, in the place of the oldest if need be. `may`: nobody is known to be gone."""
        cdef result answer = RESULT_FULL
        self._check_open()
        turn_take(&self.write_turn, BELL_FOR_EVER)  # another thread only copies meanwhile
        self.writing = True
        try:
            self._check_open()
            if not may and (self.gone or ring_reader_closed(&self.outgoing) or bell_gone(self.room_bell)):
                self._say_gone()
            if size > self.limit:
                raise MessageTooLargeError(size, self.limit)
            if size < BIG:
                answer = ring_put_dropping(&self.outgoing, bytes, size, kind, False)
            if answer == RESULT_FULL:
                with nogil:
                    answer = ring_put_dropping(&self.outgoing, bytes, size, kind, True)
            if answer == RESULT_TOO_LARGE:
                raise MessageTooLargeError(size, self.limit)
            if answer != RESULT_OK:
                raise CorruptedError(BROKEN)
            self._publish(1, size)
        finally:
            self._unlock_writing()
        if self.gone:
            self._say_gone()
        return 0

    cdef bint _gone_lately(self) noexcept:
        """By a system call now and then only: it takes as long as a message."""
        if bell_gone_lately(self.room_bell, &self.looked_for_peer):
            self.gone = True
        return self.gone

    cdef void _look_for_peer(self) noexcept:
        self.outgoing.unheard = False
        if bell_gone(self.room_bell):
            self.gone = True

    def send_many(self, messages, timeout=None, uint32_t kind=0):
        """Send each of `messages`, shown to the peer together as room allows.

        Returns how many were sent: fewer than all only when the time-out passed after the first.
        """
        cdef uint64_t deadline = 0, count = 0, appended = 0, total = 0
        cdef ring_record record
        cdef Py_buffer buffer
        cdef list batch
        if type(messages) is not list:
            check_several("send_many", "send", messages)
        batch = messages if type(messages) is list else list(messages)
        if self.outgoing.unusual & RING_DROPS:
            for message in batch:
                self.send(message, None, kind)
            return len(batch)
        if not self._may_write():
            self._lock_writing(0, deadline_of(timeout), &record)
            self._unlock_writing()
        check_timeout(timeout)
        for message in batch:
            try:
                take_buffer(message, &buffer)
            except TypeError:
                self._publish(appended, total)
                raise
            try:
                if (<uint64_t>buffer.len <= self.small and not self.writing
                        and ring_reserve(&self.outgoing, buffer.len, &record) == RESULT_OK):
                    memcpy(record.bytes, buffer.buf, buffer.len)
                    ring_append(&self.outgoing, &record, <uint32_t>buffer.len, kind)
                    appended += 1
                    total += buffer.len
                else:
                    self._publish(appended, total)
                    count += appended
                    appended = total = 0
                    if not deadline:
                        deadline = deadline_of(timeout)
                    try:
                        self._send(<const unsigned char *>buffer.buf, buffer.len,
                                   left_or_none(deadline), kind)
                    except TimedOutError:
                        if count:
                            return count
                        raise
                    count += 1
            except BaseException:
                self._publish(appended, total)
                raise
            finally:
                PyBuffer_Release(&buffer)
        self._publish(appended, total)
        if self.gone:
            self._say_gone()
        return count + appended

    def give(self, message):
        """Send it if there is room now; False: there is none."""
        try:
            self.send(message, 0)
        except TimedOutError:
            return False
        return True

    def give_many(self, messages):
        """Send those for which there is room now; how many that are."""
        try:
            return self.send_many(messages, 0)
        except TimedOutError:
            return 0

    def loan(self, uint64_t size, timeout=None, uint32_t kind=0):
        """Room for `size` bytes to be filled in place; see Loan."""
        cdef Loan loan = Loan.__new__(Loan)
        if self.outgoing.unusual & RING_DROPS:
            raise ValueError("A ring that drops its oldest has no room to lend; send what you have filled.")
        self._lock_writing(size, deadline_of(timeout), &loan.record)
        loan.link = self
        loan.mapping = self.mapping
        loan.kind = kind
        self.lender = PyThread_get_thread_ident()
        return loan

    cdef void _end_loan(self) noexcept:
        self.lender = 0
        if not self.forked:
            self._unlock_writing()

    cdef int _lock_writing(self, uint64_t size, uint64_t deadline, ring_record *record) except -1:
        """Take the turn and room for `size` bytes, or raise."""
        self._check_open()
        if self.lender and self.lender == <unsigned long>PyThread_get_thread_ident():
            raise BusyError("A loan is out in this thread; commit or cancel it before you send.")
        if not turn_take(&self.write_turn, deadline):
            raise TimedOutError("There was no room within the time-out.")
        try:
            self._await_room(size, deadline, record)
        except BaseException:
            turn_leave(&self.write_turn)
            raise
        self.writing = True
        return 0

    cdef void _unlock_writing(self) noexcept:
        self.writing = False
        turn_leave(&self.write_turn)

    cdef int _await_room(self, uint64_t size, uint64_t deadline, ring_record *record) except -1:
        cdef result answer
        cdef bint over
        cdef uint32_t word, how = RING_ON_WORD
        while True:
            self._check_open()
            if self._gone_lately() or ring_reader_closed(&self.outgoing):
                self._say_gone()
            if size > self.limit:
                raise MessageTooLargeError(size, self.limit)
            answer = ring_reserve(&self.outgoing, size, record)
            if answer == RESULT_OK:
                return 0
            if answer == RESULT_TOO_LARGE:
                raise MessageTooLargeError(size, self.limit)
            if answer == RESULT_CORRUPT:
                raise CorruptedError(BROKEN)
            over = is_over(deadline)
            if not over and not ring_rested(&self.outgoing) and ring_writer_spin(&self.outgoing, size):
                continue
            if bell_gone(self.room_bell):
                self.gone = True
                self._say_gone()
            if over:
                raise TimedOutError("There was no room within the time-out.")
            word = ring_writer_asleep(&self.outgoing, size, how)
            if word:
                how = self._sleep(&self.outgoing, ring_writer_nap, word, self.room_bell, deadline, how)
                ring_writer_awake(&self.outgoing)

    # --- receiving

    def take(self):
        """The next message, or None when there is none yet."""
        cdef ring_record record
        cdef result answer
        if self._may_read():
            answer = ring_look(&self.incoming, &record)
            if answer == RESULT_OK and record.size <= self.small:
                return self._take(&record)
            if answer == RESULT_EMPTY and not self.gone and not ring_writer_closed(&self.incoming):
                return None
        try:
            return self.recv(0)
        except TimedOutError:
            return None

    def recv_kind(self, timeout=None):
        """The next message and its kind."""
        cdef ring_record record
        check_timeout(timeout)
        if self._see(&record) or self._meet(timeout, &record):
            return self._take(&record), record.kind & ~RING_OURS
        try:
            return self._take_slowly(&record), record.kind & ~RING_OURS
        finally:
            self._unlock_reading()

    def recv_many(self, most=4096, timeout=None):
        """At least one message and at most `most`, as a list; waits as `recv` does, for the first."""
        check_timeout(timeout)
        return self._take_many(how_many(most), timeout)

    cdef list _take_many(self, Py_ssize_t most, timeout):
        cdef ring_record record
        cdef list batch = []
        cdef Py_ssize_t count = 0
        cdef uint64_t total = 0
        if self._may_read():
            while count < most and ring_look(&self.incoming, &record) == RESULT_OK:
                if record.size > self.small:
                    break
                batch.append(PyBytes_FromStringAndSize(<char *>record.bytes, record.size))
                ring_pass(&self.incoming, &record)
                count += 1
                total += record.size
        if count:
            self.received += count
            self.received_bytes += total
            self._release()
            if self.poll is not None:
                self._tell()
            return batch
        batch.append(self.recv(timeout))
        if self.incoming.unusual & RING_DROPS:
            self._take_each(batch, most)
        elif most > 1:
            batch.extend(self.take_ready(most - 1))
        return batch

    cdef int _take_each(self, list batch, Py_ssize_t most) except -1:
        """The same one by one, out of a ring that drops its oldest: each is to be claimed."""
        try:
            while len(batch) < most and ring_readable(&self.incoming):
                batch.append(self.recv(0))
        except (TimedOutError, PeerClosedError, PeerDiedError, CorruptedError):
            pass  # the next call says so
        return 0

    def take_ready(self, Py_ssize_t most):
        """Messages that are there, at most `most`; perhaps none. What ended the channel is not said."""
        if most < 1 or not self._may_read() or not ring_readable(&self.incoming):
            return []
        try:
            return self._take_many(most, 0)
        except (TimedOutError, PeerClosedError, PeerDiedError, CorruptedError):
            return []

    def borrow(self, timeout=None):
        """The next message where it lies; see Borrowed."""
        cdef ring_record record
        self._lock_reading(deadline_of(timeout), &record, False, RING_ON_WORD)
        cdef Borrowed borrowed = Borrowed.__new__(Borrowed)
        if self.copied is not None:
            borrowed.copy = self._take_copied()
            borrowed.bytes = <unsigned char *>PyBytes_AS_STRING(borrowed.copy)
            borrowed.size = PyBytes_GET_SIZE(borrowed.copy)
            borrowed.kind = record.kind & ~RING_OURS
            self._unlock_reading()
            return borrowed
        borrowed.pin = Pin.__new__(Pin)
        borrowed.pin.start = self.incoming.position
        borrowed.mapping = self.mapping
        borrowed.bytes = record.bytes
        borrowed.size = record.size
        borrowed.kind = record.kind & ~RING_OURS
        self.pins.append(borrowed.pin)
        self.pinned += 1
        borrowed.link = self
        ring_pass(&self.incoming, &record)
        self.received += 1
        self.received_bytes += record.size
        self._unlock_reading()
        if self.poll is not None:
            self._tell()
        return borrowed

    cdef object _take_slowly(self, ring_record *record):
        """As _take, with the turn: long copies let other threads run."""
        if self.copied is not None:
            return self._take_copied()
        if record.size < BIG:
            return self._take(record)
        message = PyBytes_FromStringAndSize(NULL, record.size)
        cdef char *target = PyBytes_AS_STRING(message)
        with nogil:
            memcpy(target, record.bytes, record.size)
        PyErr_CheckSignals()
        ring_pass(&self.incoming, record)
        self.received += 1
        self.received_bytes += record.size
        self._release()
        if self.poll is not None:
            self._tell()
        return message

    cdef bytes _take_copied(self):
        cdef bytes message = self.copied
        self.copied = None
        self.received += 1
        self.received_bytes += PyBytes_GET_SIZE(message)
        if self.poll is not None:
            self._tell()
        return message

    cdef result _copy_oldest(self, ring_record *record) except *:
        """Claim the oldest record, copy it and take it. TIMED_OUT: it was dropped in the copy."""
        cdef result answer = ring_claim(&self.incoming, record)
        cdef bytes message
        cdef char *target
        if answer != RESULT_OK:
            return answer
        if record.size > self.limit:
            if ring_take(&self.incoming, record):
                raise MessageTooLargeError(record.size, self.limit)
            return RESULT_TIMED_OUT
        message = PyBytes_FromStringAndSize(NULL, record.size)
        target = PyBytes_AS_STRING(message)
        if record.size < BIG:
            ring_copy(record, target)
        else:
            with nogil:
                ring_copy(record, target)
        if not ring_take(&self.incoming, record):
            return RESULT_TIMED_OUT
        self.copied = message
        return RESULT_OK

    cdef uint64_t _first_pin(self) noexcept:
        return (<Pin>self.pins[0]).start

    cdef void _unpin(self, Pin pin) noexcept:
        pin.done = True
        if self.forked:
            return
        while self.pinned and (<Pin>self.pins[0]).done:
            self.pins.popleft()
            self.pinned -= 1
        self._release()

    cdef int _lock_reading(self, uint64_t deadline, ring_record *record, bint spun, uint32_t how) except -1:
        """Take the turn and the next record, or raise. `spun`: in vain, just now. `how` to sleep: on the
        bell after a nap in vain."""
        self._check_open()
        if how == RING_ON_BELL:
            PyErr_CheckSignals()  # one may have ended that nap
        if not turn_take(&self.read_turn, deadline):
            raise TimedOutError("No message came within the time-out.")
        try:
            self._await_message(deadline, record, spun, how)
        except BaseException:
            turn_leave(&self.read_turn)
            raise
        self.reading = True
        return 0

    cdef void _unlock_reading(self) noexcept:
        self.reading = False
        turn_leave(&self.read_turn)

    cdef int _await_message(self, uint64_t deadline, ring_record *record, bint spun, uint32_t how) except -1:
        cdef bint gone
        cdef result answer
        cdef int overtaken = 0
        cdef uint32_t word
        if self.poll is not None:
            how = RING_ON_BELL
        while True:
            self._check_open()
            # Ask first and look afterwards: what was sent before the end is in the ring by then.
            gone = self.gone or ring_writer_closed(&self.incoming)
            if not gone and deadline == 1:
                gone = bell_gone_lately(self.data_bell, &self.looked_for_peer)
            answer = ring_look(&self.incoming, record)
            if answer == RESULT_DROPS:
                answer = self._copy_oldest(record)
                if answer == RESULT_OK:
                    return 0
                if answer == RESULT_TIMED_OUT and (overtaken < OVERTAKEN or not is_over(deadline)):
                    overtaken += 1
                    PyErr_CheckSignals()
                    continue
            if answer == RESULT_OK:
                if record.size > self.limit:
                    ring_pass(&self.incoming, record)
                    self._release()
                    raise MessageTooLargeError(record.size, self.limit)
                PyErr_CheckSignals()  # what a handler raises comes before the message is taken
                return 0
            if answer == RESULT_CORRUPT:
                raise CorruptedError(BROKEN)
            if gone:
                self._say_gone()
            if deadline == 1:
                if self.poll is not None and not self._watch():
                    continue
                raise TimedOutError("No message is there.")
            if is_over(deadline):
                raise TimedOutError("No message came within the time-out.")
            if not spun and not ring_rested(&self.incoming) and ring_reader_spin(&self.incoming):
                continue
            spun = False
            word = ring_reader_asleep(&self.incoming, how)
            if word:
                how = self._sleep(&self.incoming, ring_reader_nap, word, self.data_bell, deadline, how)
                ring_reader_awake(&self.incoming)
                if self.poll is not None and not self.closed:
                    self._watch()

    # --- both

    cdef uint32_t _sleep(self, ring *r, nap_call nap, uint32_t word, int bell, uint64_t deadline,
                         uint32_t how) except 0:
        """Sleep as the flags say; how to sleep the next time in the same wait."""
        cdef bell_answer answer
        PyErr_CheckSignals()  # one that came during the spin would not wake the sleeper
        if how == RING_ON_WORD:
            how = self._nap(r, nap, word, bell, deadline)
            if how == RING_ON_BELL:
                PyErr_CheckSignals()
            return how
        self.sleeps += 1
        self.inside += 1
        with nogil:
            answer = bell_wait(bell, deadline)
        self.inside -= 1
        if self.closed:
            self._close_bells()
        elif answer == BELL_GONE:
            self.gone = True
        elif answer == BELL_INTERRUPTED:
            PyErr_CheckSignals()
        return how

    cdef int _check_open(self) except -1:
        if self.forked:
            raise ForkedError(
                "This channel came through a fork and belongs to the parent; open one in the child."
            )
        if self.closed:
            raise ClosedError("The channel is closed.")
        return 0

    cdef int _say_gone(self) except -1:
        if ring_writer_closed(&self.incoming) or ring_reader_closed(&self.outgoing):
            raise PeerClosedError("The peer closed the channel.")
        raise PeerDiedError("The peer is gone without closing the channel.")

    def close(self):
        """Tell the peer and wake whoever waits here; views that are out stay valid. Again: nothing."""
        if self.closed:
            return
        self.closed = True
        if self.forked:
            return
        ring_writer_close(&self.outgoing)
        ring_reader_close(&self.incoming)
        shutdown(self.data_bell, SHUT_RDWR)
        shutdown(self.room_bell, SHUT_RDWR)
        self._close_bells()

    cdef void _close_bells(self):
        if self.inside == 0 and self.data_bell >= 0:
            close_descriptor(self.data_bell)
            close_descriptor(self.room_bell)
            self.data_bell = self.room_bell = -1
            self._end_poll()

    def _forget(self):
        """In the child of a fork: the parent's death must not be hidden by our copies."""
        self.forked = True
        if self.data_bell >= 0:
            close_descriptor(self.data_bell)
            close_descriptor(self.room_bell)
            self.data_bell = self.room_bell = -1
        self._end_poll()

    def __dealloc__(self):
        # Forgotten and not closed: the peer hears that we are gone, as from a process that died.
        self.inside = 0
        self._close_bells()
        if self.read_turn.lock != NULL:
            PyThread_free_lock(self.read_turn.lock)
        if self.write_turn.lock != NULL:
            PyThread_free_lock(self.write_turn.lock)

    @property
    def dropped(self):
        """Of what was sent here, so many were dropped before they were received."""
        return self.outgoing.dropped if self.outgoing.unusual & RING_DROPS else 0

    @property
    def missed(self):
        """Of what the peer sent, so many were dropped before the last one that was received."""
        return self.incoming.dropped if self.incoming.unusual & RING_DROPS else 0

    # --- for event loops: see aio/ears.py

    rings = True
    has_unsent = False

    @property
    def readers(self):
        """The descriptor that becomes readable, once, when await_recv has said True."""
        self._check_open()
        return (self.data_bell,)

    @property
    def writers(self):
        """The same, readable too, for await_send."""
        self._check_open()
        return (self.room_bell,)

    def await_recv(self):
        """Ask to be rung for the next message, the close or the death.

        False: there is something to receive or to be told already, so do not wait.
        """
        self._check_open()
        return not self.gone and ring_reader_asleep(&self.incoming, RING_ON_BELL) != 0

    def await_send(self, uint64_t size):
        """The same for room for `size` bytes."""
        self._check_open()
        return (not self.gone and size <= self.limit
                and ring_writer_asleep(&self.outgoing, size, RING_ON_BELL) != 0)

    def hear_recv(self):
        """It was rung: silence it. False: the peer is gone, and it cannot be silenced any more."""
        if self.data_bell >= 0 and not bell_take(self.data_bell):
            self.gone = True
        return not self.gone

    def hear_send(self):
        if self.room_bell >= 0 and not bell_take(self.room_bell):
            self.gone = True
        return not self.gone

    def fileno(self):
        """A descriptor that is readable while recv(timeout=0) has something to say."""
        self._check_open()
        if self.poll is None:
            # The bell alone does not do: once taken in, it is silent though messages are left. The
            # event, which nobody else can touch, says that some are.
            self.more = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self.poll = select.epoll()
            self.poll.register(self.data_bell, select.EPOLLIN)
            self.poll.register(self.more, select.EPOLLIN)
            self._watch()
        return self.poll.fileno()

    def keep(self, bint some):
        """Who receives here has taken something that comes first again."""
        self.kept = some
        if self.poll is not None and not self.closed:
            self._watch()

    cdef int _tell(self) except -1:
        """Something was taken: was it the last?"""
        if not self.closed and not ring_readable(&self.incoming):
            self._watch()
        return 0

    cdef bint _watch(self) except -1:
        """Make fileno() tell the truth. False: there is something to receive from the ring."""
        cdef bint armed = self.hear_recv() and self.await_recv()
        if armed and not self.kept:
            try:
                os.eventfd_read(self.more)
            except BlockingIOError:
                pass  # it was not set
        else:
            os.eventfd_write(self.more, 1)
        return armed

    cdef void _end_poll(self):
        if self.poll is not None:
            self.poll.close()
            os.close(self.more)
            self.poll = None
