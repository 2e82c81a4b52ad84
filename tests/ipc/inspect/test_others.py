"""What others take of the machine while something is measured."""

from __future__ import annotations

import os
import subprocess
import time

from lanline.ipc.inspect.others import Others


def test_what_a_program_of_somebody_elses_takes_is_seen() -> None:
    # The shell ends at once, so that what it started is no child of ours.
    spin = "(timeout 20 sh -c 'while :; do :; done' >&- 2>&- & echo $!)"
    pid = int(subprocess.check_output(["sh", "-c", spin], text=True))
    assert Others().share is None
    others = Others()
    try:
        with others:
            time.sleep(1)
    finally:
        os.kill(pid, 15)
    share = others.share
    assert share is not None
    assert 0.4 / (os.cpu_count() or 1) <= share <= 1
