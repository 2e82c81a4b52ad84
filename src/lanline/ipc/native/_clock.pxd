"""Time-outs in seconds and deadlines on the monotonic clock, as the native core wants them."""

from libc.stdint cimport uint64_t

cdef extern from "patience.h" nogil:
    uint64_t clock_ns()

cdef extern from "bell.h" nogil:
    const uint64_t BELL_FOR_EVER


cdef inline uint64_t deadline_of(timeout) except? 0:
    """None: for ever. 0: a deadline of 1, which is over; 0 is none, because the clock has run since."""
    if timeout is None:
        return BELL_FOR_EVER
    cdef double seconds
    if type(timeout) is float or type(timeout) is int:
        try:
            seconds = timeout
        except OverflowError:  # an int that no float can hold
            return BELL_FOR_EVER if timeout > 0 else 1
    else:
        from lanline.ipc.waiting import seconds_of
        return deadline_of(seconds_of(timeout))
    if seconds != seconds:
        raise ValueError("A time-out is a number of seconds, or None; nan is not.")
    if seconds <= 0:
        return 1
    if seconds > 1e9:
        return BELL_FOR_EVER
    return clock_ns() + <uint64_t>(seconds * 1e9)


cdef inline double left_until(uint64_t deadline):
    """Seconds until then, as threading.Lock.acquire likes them: -1 for ever, 0 not at all."""
    cdef uint64_t now
    if deadline == BELL_FOR_EVER:
        return -1
    now = clock_ns()
    return (deadline - now) / 1e9 if deadline > now else 0


cdef inline bint is_over(uint64_t deadline):
    return deadline == 1 or (deadline != BELL_FOR_EVER and deadline <= clock_ns())
