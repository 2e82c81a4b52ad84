"""Shared memory in C11, bound with Cython."""
