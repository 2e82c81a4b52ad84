"""A real agent in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, Self

from tests.hub_process import LANLINE

STOP_SECONDS = 10


class AgentProcess:
    """`lanline agent` for a machine that is only said to be one."""

    def __init__(
        self,
        address: str,
        machine: str,
        *options: str,
        on: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`on`: the words that run a command on another host.

        Without an `environment` it keeps what it keeps for itself alone.
        """
        self._kept = tempfile.TemporaryDirectory()
        environment = environment or {**os.environ, "XDG_DATA_HOME": self._kept.name}
        self.machine = machine
        self._process = subprocess.Popen(
            [*on, LANLINE, "agent", address, "--machine", machine, "--json", *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def next_change(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, self._process.stderr and self._process.stderr.read()
        change: dict[str, Any] = json.loads(line)
        return change

    def wait_for(self, state: str) -> dict[str, Any]:
        while (change := self.next_change())["state"] != state:
            pass
        return change

    def kill(self) -> None:
        """As by `kill -9`."""
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    def stop(self) -> tuple[int, str]:
        """As by the system that shuts down; its exit code and what it said on standard error."""
        self._process.terminate()
        return self.ended()

    def ended(self) -> tuple[int, str]:
        _, errors = self._process.communicate(timeout=STOP_SECONDS)
        return self._process.returncode, errors

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()
        self._kept.cleanup()
