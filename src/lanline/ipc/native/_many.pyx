# cython: language_level=3
"""One buffer to many sockets in one call."""

from libc.stdlib cimport free, malloc

cdef extern from "<sys/socket.h>" nogil:
    enum: MSG_DONTWAIT
    enum: MSG_NOSIGNAL
    ssize_t send(int descriptor, const void *data, size_t size, int flags)


def send_each(list descriptors not None, bytes data not None):
    """Send the same bytes to each of these stream sockets, without waiting (send(2)).

    Returns those that did not take all: their place in the list, and how many bytes they took (0
    also where sending failed; sending again says why). The interpreter's lock is released.
    """
    cdef Py_ssize_t count = len(descriptors), i
    cdef size_t size = len(data)
    cdef const char *start = data
    cdef int *descriptor = <int *>malloc((count + 1) * sizeof(int))
    cdef ssize_t *sent = <ssize_t *>malloc((count + 1) * sizeof(ssize_t))
    try:
        if descriptor == NULL or sent == NULL:
            raise MemoryError
        for i in range(count):
            descriptor[i] = descriptors[i]
        with nogil:
            for i in range(count):
                sent[i] = send(descriptor[i], start, size, MSG_DONTWAIT | MSG_NOSIGNAL)
        return [(i, max(0, sent[i])) for i in range(count) if sent[i] != <ssize_t>size]
    finally:
        free(descriptor)
        free(sent)
