"""`lanline watch --alert`, as its user runs and stops it."""

from __future__ import annotations

import signal
import subprocess

from tests.hub_process import LANLINE, HubProcess
from tests.visitors import LineVisitor

SECONDS = 30


def watch(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [LANLINE, "watch", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_comes_in_watches_and_ends_at_ctrl_c(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada:
        process = watch(hub.address, "--alert", "lobby")
        ada.hears("* alerts has joined")
        assert process.stdout
        assert "Watching 0 machines for #lobby" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
        ada.hears("* alerts has left")
        process.communicate()


def test_what_cannot_be_is_one_sentence(hub: HubProcess) -> None:
    for options, code, sentence in (
        ((hub.address, "--alert", "a,b"), 1, "small letters"),
        (("127.0.0.1:9", "--alert", "#ops"), 1, "No hub answers"),
        ((hub.address, "--alert", "#ops", "--once"), 2, "--once"),
    ):
        process = watch(*options)
        _, told = process.communicate(timeout=SECONDS)
        assert process.returncode == code
        assert sentence in told
        assert "Traceback" not in told
