"""The C types of _cut.py: without them it would be compiled, and hardly faster."""

cimport cython
from libc.stdint cimport int64_t


@cython.locals(start=int64_t, end=int64_t, stop=int64_t, size=int64_t, high=int64_t)
cpdef int64_t cut(bytes data, int64_t limit, messages) except -1
