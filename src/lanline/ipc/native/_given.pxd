"""What a caller gives, checked as lanline/ipc/given.py does, without its cost where it is right."""

from cpython.buffer cimport PyBUF_SIMPLE, PyObject_GetBuffer
from cpython.long cimport PyLong_AsLongLongAndOverflow


cdef inline int take_buffer(message, Py_buffer *buffer) except -1:
    """The bytes of a message. Raises TypeError for what has none, or not in one piece."""
    try:
        PyObject_GetBuffer(message, buffer, PyBUF_SIMPLE)
    except (TypeError, BufferError, ValueError):  # the last: a view that was released
        from lanline.ipc.given import not_a_message
        raise not_a_message(message) from None
    return 0


cdef inline int check_timeout(timeout) except -1:
    """A time-out that is perhaps not needed, because nothing has to wait."""
    cdef double seconds
    if timeout is None or type(timeout) is int:
        return 0
    if type(timeout) is float:
        seconds = timeout
        if seconds == seconds:
            return 0
    from lanline.ipc.waiting import seconds_of
    seconds_of(timeout)
    return 0


cdef inline Py_ssize_t how_many(most) except -1:
    """What a call that takes several is allowed."""
    cdef int overflow = 0
    cdef long long count
    if type(most) is int:
        count = PyLong_AsLongLongAndOverflow(most, &overflow)
        if not overflow and count >= 1:
            return count
    from lanline.ipc.channels.contract import how_many as checked
    return checked(most)
