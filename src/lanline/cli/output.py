"""Standard output that cannot be written, told in one sentence."""

from __future__ import annotations

import errno
import os
import sys

from lanline.errors import Error

# What a write says, and hardly anything else does that has no file's name.
CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def is_of_output(problem: OSError) -> bool:
    """Was it standard output? What is printed has no file's name."""
    return problem.filename is None and problem.errno in CANNOT_WRITE


def unwritable(problem: OSError) -> Error:
    """In words. Nothing more is written there: what is left in the buffer goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Error(f"Standard output cannot be written: {problem.strerror}.")
