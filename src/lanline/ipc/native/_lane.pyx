# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The short way over the kernel's methods: whole messages out and in, with one call each.

A Python frame each for the lock, the header, the deadline and the counts costs more than the system
call. So what is ordinary is done here, and whatever is not is left to the careful way (link.py,
stream.py): a message for which the kernel gives an error, a
peer that ends, a handle that was closed or came through a fork, another thread that is at it. Then
nothing has been taken, and the careful way finds all as if it had come first.

What is large goes out as it lies, and comes into the bytes that it will be: memory for copies of it
costs more than the copying (docs/design/ipc.md).

The GIL is held through the calls that do not wait: to give it up and take it back costs as much as
the smaller of them, and beside a thread that computes a switch each. It is given up while one waits,
and now and then within a large message.

How one waits follows what came last (docs/design/ipc.md). Single messages: the next is not there yet,
so a socket's is waited for in the very call that reads it. Several in one read: more are on their way, and
a reader that sleeps would be woken by each of them, at the sender's cost. So it lets them gather first.
"""

import os
from types import GenericAlias

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset, strerror

from lanline.ipc.native._clock cimport BELL_FOR_EVER, clock_ns, deadline_of
from lanline.ipc.native._given cimport check_timeout, take_buffer

from lanline.errors import MessageError
from lanline.ipc.waiting import Deadline, seconds_of


cdef extern from "<unistd.h>" nogil:
    Py_ssize_t read(int fd, void *data, size_t size)
    Py_ssize_t write(int fd, const void *data, size_t size)

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len
    Py_ssize_t readv(int fd, const iovec *pieces, int count)
    Py_ssize_t writev(int fd, const iovec *pieces, int count)

cdef extern from "<sys/socket.h>" nogil:
    struct msghdr:
        iovec *msg_iov
        size_t msg_iovlen
    Py_ssize_t recv(int fd, void *data, size_t size, int flags)
    Py_ssize_t recvmsg(int fd, msghdr *message, int flags)
    Py_ssize_t sendmsg(int fd, const msghdr *message, int flags)
    Py_ssize_t send(int fd, const void *data, size_t size, int flags)
    const int MSG_DONTWAIT
    const int MSG_NOSIGNAL

cdef extern from "<sys/file.h>" nogil:
    int flock(int fd, int how)
    const int LOCK_SH
    const int LOCK_NB
    const int LOCK_UN

cdef extern from "<mqueue.h>" nogil:
    Py_ssize_t mq_receive(int queue, char *data, size_t size, unsigned int *priority)
    int mq_send(int queue, const char *data, size_t size, unsigned int priority)

cdef extern from "patience.h" nogil:
    ctypedef struct patience:
        bint alone
    void patience_start(patience *p)
    void processor_relax()

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int ppoll(pollfd *descriptors, unsigned long count, timespec *timeout, void *signals)
    const short POLLIN
    const short POLLOUT


cdef enum:
    HEADER = 4  # framing.HEADER: the length, little-endian
    FRAME = 16384  # the largest that is put together here; cheaper than two pieces
    LEAST = 16384  # that a read asks for; and what one that waits has room for on the stack
    MOST = 65536  # that goes in one call with the GIL
    CALLS = 16  # of those, until others get it
    PIECE = 4096  # of a kernel queue, mq.PIECE_BYTES
    GATHER_NS = 20000  # less than half of what it takes to sleep and be woken
    BURSTS = 4  # a fast reader finds one alone now and then, and more come all the same
    LOOK_NS = 5000000  # a wait for room, until it is worth to ask who is to make it
    WATCHED = 4
    # What is left to do of a message. Any more than nothing: so many bytes wait as unsent.
    ALL = -1
    FULL = -2  # all, because there was no room

cdef enum:
    FILES = 1
    SOCKET = 2
    QUEUES = 3

_KINDS = {"files": FILES, "socket": SOCKET, "queues": QUEUES}

# Of every lane, because none keeps anything here while another runs.
cdef char frame[FRAME]
cdef char room[MOST]

# What _get says when it is worth to wait.
cdef object EMPTY = object()

# Counted up in every child of a fork, so that a lane knows whether it was opened in this process.
cdef unsigned long fork_generation = 0


def _after_fork_in_child():
    global fork_generation
    fork_generation += 1


os.register_at_fork(after_in_child=_after_fork_in_child)


cdef class Lane:
    """The state of a link, and the short way over it once it was opened. See lane.py."""

    cdef object __weakref__
    cdef public bint closed
    cdef public bint said  # the farewell is on its way
    cdef public bint inside  # the framer has to see what comes: it holds a part of a message
    cdef public bint uncut  # what was read waits in `arrived` to be cut: a handler came between
    cdef public object arrived
    cdef public object ended  # why nothing more comes
    cdef object rest
    cdef bint has_rest
    cdef public object messages  # that came and were not yet asked for
    cdef public Py_ssize_t read_bytes  # what a read of the careful way asks for
    cdef Py_ssize_t ask  # what a read asks for: as much as lately came
    cdef bytes part  # a large message, so much of which has come; the framer knows nothing of it
    cdef Py_ssize_t part_came
    cdef readonly uint64_t sent, sent_bytes, received, received_bytes
    cdef Py_ssize_t came  # messages with the last read
    cdef int bursts  # so often is waited awake before it is slept: several came with one read
    cdef uint64_t burst_ns  # when they last did
    cdef patience spin
    cdef int kind
    cdef int source
    cdef int target
    cdef int watched[WATCHED]
    cdef int watching
    cdef Py_ssize_t limit_out
    cdef Py_ssize_t limit_in
    cdef unsigned long generation
    cdef object reading, writing  # the locks of the careful way: who reads or writes by it has them
    cdef object inner
    cdef object writing_locked

    def __cinit__(self, *_, **__):
        self.source = self.target = -1
        self.ask = LEAST
        patience_start(&self.spin)

    @property
    def has_part(self):
        """Of a message, which the framer does not know."""
        return self.part is not None

    @property
    def unsent(self):
        """Of a message that was taken."""
        return self.rest

    @unsent.setter
    def unsent(self, rest):
        self.rest = rest
        self.has_rest = len(rest) > 0

    def open_lane(self, kind, source, target, watched, limit, reading, inner, writing):
        """Take the short way from here on.

        `kind`: files, socket or queues. `source`, `target`: the descriptors; -1: not in this
        direction. `watched`: others that become readable when it is to be looked at carefully.
        `reading`, `inner`, `writing`: the locks of the careful way, which are respected.
        """
        cdef int position
        if len(watched) > WATCHED - 1:
            raise ValueError("More descriptors to watch than there is room for.")
        self.kind = _KINDS[kind]
        self.source, self.target = source, target
        for position, descriptor in enumerate(watched):
            self.watched[position] = descriptor
        self.watching = len(watched)
        self.limit_in = limit
        self.limit_out = min(limit, PIECE - HEADER) if self.kind == QUEUES else limit
        self.reading, self.inner, self.writing = reading, inner, writing
        self.writing_locked = writing.locked
        self.generation = fork_generation

    def end_receiving(self):
        """What comes is taken carefully from here on, because somebody is to be told of it."""
        self.source = -1

    def count_sent(self, uint64_t count, uint64_t size):
        self.sent += count
        self.sent_bytes += size

    def count_received(self, uint64_t count, uint64_t size):
        self.received += count
        self.received_bytes += size

    # --- out ----------------------------------------------------------------------------------

    def put(self, message, timeout=None):
        """Send one message, and wait at most `timeout` for room.

        0: it is out. More: it is taken, and so many bytes of it wait as `unsent`. -1: nothing was
        taken, and the careful way is to be gone. Raises TimedOutError, and what ended the peer.
        """
        cdef Py_ssize_t left = self._put(message)
        return self._put_later(message, timeout) if left == FULL else left

    def put_now(self, message, timeout=None):
        """The same without waiting: -1 when there is no room."""
        cdef Py_ssize_t left = self._put(message)
        return ALL if left == FULL else left

    cdef bint _may_put(self):
        return (self.target >= 0 and not self.closed and not self.said and self.ended is None
                and self.generation == fork_generation and not self.has_rest
                and not self.writing_locked())

    cdef Py_ssize_t _put(self, message) except -3:
        cdef Py_buffer buffer
        cdef Py_ssize_t left
        if not self._may_put():
            return ALL
        if PyBytes_CheckExact(message):
            return self._put_bytes(message, PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message))
        take_buffer(message, &buffer)
        try:
            left = self._put_bytes(None, <const char *>buffer.buf, buffer.len)
        finally:
            PyBuffer_Release(&buffer)
        return left

    cdef Py_ssize_t _put_bytes(self, bytes whose, const char *message, Py_ssize_t size) except -3:
        """`whose`: the message, if it stays as it is while its rest waits."""
        cdef Py_ssize_t sent
        cdef Py_ssize_t whole = HEADER + size
        if size > self.limit_out:
            return ALL
        frame[0] = <char>(size & 0xFF)
        frame[1] = <char>(size >> 8 & 0xFF)
        frame[2] = <char>(size >> 16 & 0xFF)
        frame[3] = <char>(size >> 24 & 0xFF)
        if whole > FRAME:
            sent = self._write_large(message, size)
        else:
            memcpy(frame + HEADER, message, size)
            sent = self._write(frame, whole)
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                raise self.why_not_sent(last_error())
            return FULL
        self.sent += 1
        self.sent_bytes += size
        if sent < whole:
            self.rest = self._rest(whose, message, size, sent)
            self.has_rest = True
        return whole - sent

    cdef Py_ssize_t _write(self, const char *data, Py_ssize_t size) noexcept:
        if self.kind == SOCKET:
            return send(self.target, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
        if self.kind == FILES:
            return write(self.target, data, size)
        return size if mq_send(self.target, data, size, 0) == 0 else -1

    cdef Py_ssize_t _write_large(self, const char *message, Py_ssize_t size) except -3:
        """With its header, which is in the frame; how much went out."""
        cdef iovec pieces[2]
        cdef msghdr both
        cdef Py_ssize_t sent, more
        cdef int _
        pieces[0].iov_base = frame
        pieces[0].iov_len = HEADER
        pieces[1].iov_base = <void *>message
        pieces[1].iov_len = min(size, <Py_ssize_t>MOST)
        if self.kind == SOCKET:
            sent = sendmsg(self.target, in_pieces(&both, pieces, 2), MSG_DONTWAIT | MSG_NOSIGNAL)
        else:
            sent = writev(self.target, pieces, 2)
        for _ in range(CALLS):
            if sent < HEADER or sent == HEADER + size:
                break
            more = self._write(message + sent - HEADER, min(HEADER + size - sent, <Py_ssize_t>MOST))
            if more < 0:  # an error is met again by whoever sends the rest
                break
            sent += more
        return sent

    cdef object _rest(self, bytes whose, const char *message, Py_ssize_t size, Py_ssize_t sent):
        if sent < HEADER:
            return memoryview(frame[sent:HEADER] + message[:size])
        if whose is not None:
            return memoryview(whose)[sent - HEADER:]
        return memoryview(PyBytes_FromStringAndSize(message + sent - HEADER, HEADER + size - sent))

    cdef Py_ssize_t _flush_later(self, Py_ssize_t left, timeout) except -3:
        """Send the rest of a message, and wait for room; what of it is left to the careful way."""
        cdef uint64_t deadline = deadline_of(timeout)
        cdef const char *data
        cdef Py_ssize_t sent
        cdef int calls = 0
        cdef Py_buffer buffer
        if not self.writing.acquire(False):
            return left
        try:
            take_buffer(self.rest, &buffer)
            left = buffer.len
            data = <const char *>buffer.buf + left
            try:
                while left > 0 and not self.closed:
                    calls += 1
                    if calls % CALLS == 0:
                        with nogil:
                            pass
                    sent = self._write(data - left, min(left, <Py_ssize_t>MOST))
                    if sent >= 0:
                        left -= sent
                    elif errno != EAGAIN or self._poll(self.target, POLLOUT, deadline) <= 0:
                        break
            finally:
                PyBuffer_Release(&buffer)
                self.unsent = self.rest[len(self.rest) - left:]
        finally:
            self.writing.release()
        return left

    cdef object _put_later(self, message, timeout):
        """There was no room."""
        cdef uint64_t until, deadline = deadline_of(timeout)
        cdef Py_ssize_t left
        cdef int found
        cdef bint looked = self.kind != QUEUES
        while self.writing.acquire(False):
            until = deadline if looked else min(deadline, clock_ns() + LOOK_NS)
            try:
                found = self._poll(self.target, POLLOUT, until)
            finally:
                self.writing.release()
            if found < 0 or found == 0 and self.kind == QUEUES and self._is_left():
                break
            if found == 0:
                if until == deadline:
                    raise Deadline(timeout).passed("The peer took nothing")
                looked = True
                continue
            left = self._put(message)
            if left != FULL:
                return left
            looked = self.kind != QUEUES
        return ALL

    cdef bint _is_left(self) noexcept:
        """Nobody reads the kernel queue any more, as Queue.is_free in channels/mq.py finds it."""
        if flock(self.target, LOCK_SH | LOCK_NB) != 0:
            return False
        flock(self.target, LOCK_UN)
        return True

    # --- in -----------------------------------------------------------------------------------

    def get(self, timeout=None):
        """The next message; wait at most `timeout` for it. None: the careful way is to be gone.

        Raises TimedOutError.
        """
        message = self._get_at_once(timeout)
        return self._get_later(timeout) if message is EMPTY else message

    def get_now(self):
        """The next message; None when there is none, or the careful way is to be gone."""
        message = self._get()
        return None if message is EMPTY else message

    cdef object _get_at_once(self, timeout):
        if self.came == 1 and self.bursts == 0 and timeout is None and self.kind == SOCKET:
            self._read_waiting()
            PyErr_CheckSignals()  # as in _get
        elif self.bursts > 0 and not len(self.messages) and (timeout is None or timeout):
            self._gather()
        return self._get()

    cdef object _get_later(self, timeout):
        """There was nothing yet."""
        cdef uint64_t deadline = deadline_of(timeout)
        while True:
            if self.bursts > 0 and deadline != 1:
                self.bursts -= 1
                self.burst_ns = clock_ns()
                self._gather()
            elif not self._wait_to_get(deadline, timeout):
                return None
            message = self._get()
            if message is not EMPTY:
                return message

    cdef object _get(self):
        cdef object message
        cdef int calls = 0
        if self.source < 0 or self.closed or self.uncut or self.generation != fork_generation:
            return None
        while not len(self.messages):
            if (self.closed or self.uncut or self.ended is not None
                    or self.reading.locked() or self.inner.locked()):
                return None
            calls += 1
            if calls % CALLS == 0:
                with nogil:
                    pass
            elif not self._read(False):
                return EMPTY
            if self.came > 1:
                self.bursts = BURSTS
                self.burst_ns = clock_ns()
        if calls:
            PyErr_CheckSignals()  # what a handler raises comes before the message is taken
            if not len(self.messages):
                return None  # it, or another thread meanwhile, took it
        message = self.messages.popleft()
        self.received += 1
        self.received_bytes += PyBytes_GET_SIZE(message)
        return message

    def read_now(self):
        """For the careful way, which holds `inner`: read once; whether anything happened.

        None: it is to read for itself, as if nothing had been read here.
        """
        if (self.source < 0 or self.kind == QUEUES or self.closed
                or self.generation != fork_generation):
            self.hand_over()
            return None
        return bool(self._read(True))

    def hand_over(self):
        """Give the framer what has come of a large message; the careful way reads on."""
        cdef Py_ssize_t size
        cdef bytes whole
        if self.part is None:
            return
        size = PyBytes_GET_SIZE(self.part)
        whole = size.to_bytes(HEADER, "little") + self.part[:self.part_came]
        self.part = None
        self.uncut = True
        self.arrived.append(whole)

    cdef bint _read(self, bint held) except -1:
        """Read once and take in what came; False: there is nothing yet. `held`: `inner` is."""
        cdef iovec pieces[2]
        cdef Py_ssize_t came = receive(
            self.kind, self.source, pieces, self._aim(pieces, room, self.ask), MSG_DONTWAIT
        )
        if came >= 0:
            self._took(pieces, came, held)
        elif errno == EAGAIN or errno == EINTR:
            return False
        else:
            self.take_error(last_error())
        return True

    cdef int _aim(self, iovec *pieces, char *spare, Py_ssize_t size) noexcept:
        """Where to read to: into the message that has begun, and what follows it; how many."""
        cdef int count = 0
        cdef Py_ssize_t left
        if self.part is not None:
            left = PyBytes_GET_SIZE(self.part) - self.part_came
            pieces[0].iov_base = PyBytes_AS_STRING(self.part) + self.part_came
            pieces[0].iov_len = min(left, <Py_ssize_t>MOST)
            if left > MOST:  # what follows is not to be read before it
                return 1
            count = 1
        pieces[count].iov_base = spare
        pieces[count].iov_len = size
        return count + 1

    cdef int _took(self, iovec *pieces, Py_ssize_t came, bint held) except -1:
        """What a read brought."""
        cdef Py_ssize_t got
        if self.part is not None and came > 0:
            got = min(came, <Py_ssize_t>pieces[0].iov_len)
            self.part_came += got
            if self.part_came == PyBytes_GET_SIZE(self.part):
                self.messages.append(self.part)
                self.part = None
            came -= got
            pieces += 1
            if came == 0:
                self.came = len(self.messages)
                return 0
        try:
            self._cut(<const char *>pieces.iov_base, came, pieces.iov_len, held)
        except MemoryError:
            self.lose()
            raise
        return 0

    cdef int _cut(self, const char *data, Py_ssize_t came, Py_ssize_t asked, bint held) except -1:
        """What came of so much that was asked for."""
        cdef Py_ssize_t size, start = 0
        if came > 0 and not self.inside:
            while came - start >= HEADER:  # as native/_cut.py has it, without bytes of the whole
                size = length_untrusted(data + start)
                if size > self.limit_in or size > came - start - HEADER:
                    break
                self.messages.append(PyBytes_FromStringAndSize(data + start + HEADER, size))
                start += HEADER + size
        if came == 0 or start < came and not self._begins(data + start, came - start):
            self._leave(data + start, came - start, held)
        if came == asked and start > came // 2:
            self.ask = MOST
        elif came < LEAST // 2:
            self.ask = LEAST
        self.came = len(self.messages)
        return 0

    cdef int _leave(self, const char *data, Py_ssize_t came, bint held) except -1:
        """Give what came to the framer. It is Python: other threads may run meanwhile, and must not
        read what comes after."""
        cdef bytes whole = data[:came]
        if not held:
            self.inner.acquire()
        try:
            self.hand_over()
            self.uncut = True
            self.arrived.append(whole)
            self.take_in()
        finally:
            if not held:
                self.inner.release()
        return 0

    cdef bint _begins(self, const char *data, Py_ssize_t came) except -1:
        """Make the bytes that a message will be which does not end with what came."""
        cdef Py_ssize_t size
        if self.inside or came < HEADER or self.kind == QUEUES:
            return False
        size = length_untrusted(data)
        if size > self.limit_in:
            return False
        try:
            self.part = PyBytes_FromStringAndSize(NULL, size)
        except MemoryError:
            return False  # the framer grows with what comes
        self.part_came = came - HEADER
        memcpy(PyBytes_AS_STRING(self.part), data + HEADER, self.part_came)
        return True

    cdef int _read_waiting(self) except -1:
        """Read once, and wait for it: one call instead of the three that a poll(2) makes of it.

        Only a socket's, because who waits there is woken by its shutdown.
        """
        cdef char here[LEAST]
        cdef iovec pieces[2]
        cdef Py_ssize_t came
        cdef int count, error
        if (self.source < 0 or self.closed or self.uncut or self.generation != fork_generation
                or len(self.messages) or self.ended is not None
                or not self.reading.acquire(False)):
            return 0
        try:
            if not self.inner.acquire(False):
                return 0
            try:
                count = self._aim(pieces, here, LEAST)
                with nogil:
                    came = receive(SOCKET, self.source, pieces, count, 0)
                    error = errno
                if came >= 0:
                    self._took(pieces, came, True)
                elif error == EINTR:
                    PyErr_CheckSignals()
                elif error != EAGAIN:
                    self.take_error(OSError(error, strerror(error).decode()))
            finally:
                self.inner.release()
        finally:
            self.reading.release()
        return 0

    cdef bint _wait_to_get(self, uint64_t deadline, timeout) except -1:
        """Whether it is worth to look again."""
        cdef int found
        if not self.reading.acquire(False):
            return False
        try:
            found = self._poll(self.source, POLLIN, deadline)
        finally:
            self.reading.release()
        if found == 0:
            raise Deadline(timeout).passed("Nothing came")
        return found > 0

    cdef int _gather(self) except -1:
        """Leave a sender that is at it a moment since the last burst to send more: who reads and who
        writes a pipe wait for each other, and a read for each few would cost the sender a quarter."""
        cdef uint64_t end = self.burst_ns + GATHER_NS
        cdef int _
        if self.spin.alone:
            return 0
        with nogil:
            while clock_ns() < end:
                sched_yield()  # to a sender on the same processor
                for _ in range(16):
                    processor_relax()
        return 0

    # --- both ---------------------------------------------------------------------------------

    cdef int _poll(self, int descriptor, short events, uint64_t deadline) except -2:
        """Wait. 1: it is ready; 0: the time has passed; -1: look carefully."""
        cdef pollfd descriptors[WATCHED]
        cdef timespec left
        cdef timespec *most = NULL
        cdef uint64_t now, nanoseconds
        cdef int answer, position, count = 1 + self.watching
        descriptors[0].fd = descriptor
        descriptors[0].events = events
        for position in range(self.watching):
            descriptors[position + 1].fd = self.watched[position]
            descriptors[position + 1].events = POLLIN
        while True:
            PyErr_CheckSignals()  # also of a signal that came while much was copied
            if self.closed:
                return -1
            if deadline != BELL_FOR_EVER:
                now = clock_ns()
                nanoseconds = deadline - now if deadline > now else 0
                left.tv_sec = nanoseconds // 1000000000
                left.tv_nsec = nanoseconds % 1000000000
                most = &left
            with nogil:
                answer = ppoll(descriptors, count, most, NULL)
            if answer >= 0:
                break
            if errno != EINTR:
                return -1
        if answer == 0:
            return 0
        return 1 if descriptors[0].revents else -1


@cython.auto_pickle(False)
cdef class Calls:
    """`send` and `recv` of a blocking channel. See lane.py, which has the same in Python."""

    __class_getitem__ = classmethod(GenericAlias)

    cdef Lane lane
    cdef object encode, decode, undecoded
    cdef bint blocks

    def open_calls(self, Lane lane, encode, decode, undecoded, bint blocks):
        self.lane = lane
        self.encode, self.decode = encode, decode
        self.undecoded = undecoded
        self.blocks = blocks

    def send(self, message, timeout=None):
        """Send one message; wait at most `timeout` for room."""
        cdef Py_ssize_t left
        cdef uint64_t began
        check_timeout(timeout)
        if self.encode is not None:
            message = self.encode(message)
        left = self.lane._put(message)
        if left == FULL and self.blocks:
            began = clock_ns()
            left = self.lane._put_later(message, timeout)
            timeout = left_of(timeout, began)
        if left > 0:
            if self.blocks:
                began = clock_ns()
                try:
                    left = self.lane._flush_later(left, timeout)
                except BaseException:  # of a signal's handler
                    self.finish_later()
                    raise
                timeout = left_of(timeout, began)
            else:
                timeout = 0  # it is taken, and its rest follows without the caller
        if left != 0:
            try:
                self.send_carefully(message, timeout, left > 0)
            except BaseException:
                if left > 0 and self.lane.has_rest:
                    self.finish_later()
                raise

    def recv(self, timeout=None):
        """Take the next message; wait at most `timeout` for it."""
        message = self._received(timeout)
        if self.decode is None:
            return message
        try:
            return self.decode(message)
        except MessageError:
            raise
        except BaseException:  # of a signal's handler: it comes first again
            self.undecoded.appendleft(message)
            raise

    def _next(self, timeout):
        """The same as bytes."""
        return self._received(timeout)

    cdef object _received(self, timeout):
        cdef uint64_t began
        check_timeout(timeout)
        message = None if len(self.undecoded) else self.lane._get_at_once(timeout)
        if message is EMPTY:
            began = clock_ns()
            message = self.lane._get_later(timeout)
            if message is None:
                timeout = left_of(timeout, began)
        return self.recv_carefully(timeout) if message is None else message


cdef msghdr *in_pieces(msghdr *message, iovec *pieces, int count) noexcept nogil:
    memset(message, 0, sizeof(msghdr))
    message.msg_iov = pieces
    message.msg_iovlen = count
    return message


cdef Py_ssize_t receive(int kind, int source, iovec *pieces, int count, int flags) noexcept nogil:
    """Into the one or the two, and not by a call for two when it is one, which takes a twentieth
    longer. `flags`: of a socket."""
    cdef msghdr both
    if kind == SOCKET:
        if count == 1:
            return recv(source, pieces.iov_base, pieces.iov_len, flags)
        return recvmsg(source, in_pieces(&both, pieces, count), flags)
    if kind == FILES:
        if count == 1:
            return read(source, pieces.iov_base, pieces.iov_len)
        return readv(source, pieces, count)
    return mq_receive(source, <char *>pieces.iov_base, pieces.iov_len, NULL)


cdef Py_ssize_t length_untrusted(const char *data) noexcept nogil:
    """What a header says."""
    cdef const unsigned char *head = <const unsigned char *>data
    return head[0] | head[1] << 8 | head[2] << 16 | <Py_ssize_t>head[3] << 24


cdef object left_of(timeout, uint64_t began):
    """Of a time-out, after a wait that did not end as it should."""
    seconds = seconds_of(timeout)
    return None if seconds is None else max(0.0, seconds - (clock_ns() - began) / 1e9)


cdef object last_error():
    cdef int number = errno
    return OSError(number, strerror(number).decode())
