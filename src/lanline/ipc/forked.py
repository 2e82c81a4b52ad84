"""A handle that came into a process through a fork is its parent's, and says so there."""

from __future__ import annotations

import os
from typing import ClassVar

from lanline.errors import ForkedError


class OfOneProcess:
    """`_pid`: of the process that opened it. `_forked`: what any other is told that uses it."""

    _forked: ClassVar[str]
    _pid: int

    def _pid_is_ours(self) -> bool:
        return self._pid == os.getpid()

    @property
    def is_forked(self) -> bool:
        """Did it come into this process through a fork?"""
        return not self._pid_is_ours()

    def check_fork(self) -> None:
        """Raise ForkedError in a process that has it through a fork."""
        if not self._pid_is_ours():
            raise ForkedError(self._forked)
