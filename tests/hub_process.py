"""A real hub in a process of its own: started, killed, and started again on the same port."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

LANLINE = str(Path(sys.executable).with_name("lanline"))
START_SECONDS = 30
STOP_SECONDS = 10


class HubProcess:
    """`lanline up` on a free port, with its data in `folder`."""

    def __init__(
        self, folder: Path, *options: str, reports: bool = False, on: Sequence[str] = ()
    ) -> None:
        """`reports`: its own machine is among its machines. `on`: what runs it on another host."""
        self._on = on
        self.folder = folder
        self.options = options if reports else ("--no-agent", *options)
        self.port = 0
        self.network: dict[str, Any] = {}  # with --lan: invites, join code, key
        self._process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def forget_peak(self) -> int:
        """Count the most memory it holds from now on; what it holds now, in bytes."""
        assert self._process
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")  # proc(5)
        return self.peak_bytes

    @property
    def peak_bytes(self) -> int:
        """The most memory that it held since `forget_peak`, as the kernel counts it."""
        assert self._process
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def start(self) -> Self:
        """Start it, on the port that it had before if it had one, and wait until it is ready."""
        self._process = subprocess.Popen(
            [
                *self._on,
                LANLINE,
                "up",
                *("--json", "--port", str(self.port), "--data", str(self.folder)),
                *self.options,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the hub did not start"
        ready = json.loads(line)
        self.port = ready["port"]
        self.network = ready["network"] or {}
        return self

    def kill(self) -> None:
        """As by `kill -9`."""
        self.end(signal.SIGKILL)

    def stop(self) -> int:
        """As by Ctrl-C; its exit code."""
        return self.end(signal.SIGINT)

    def freeze(self) -> None:
        """It neither answers nor closes, as behind a cut cable."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def end(self, number: signal.Signals) -> int:
        """By any signal; its exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        try:
            return process.wait(STOP_SECONDS)
        finally:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
