"""Several interpreters in one process (PEP 554): it works, or one error says what does not."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from tests.kernel_queues import fresh_queue

PROGRAM = """
try:
    import _xxsubinterpreters as interpreters
    SHARING, ALONE = {"isolated": False}, {"isolated": True}
except ImportError:
    import _interpreters as interpreters
    SHARING, ALONE = {"config": "legacy"}, {"config": "isolated"}

INSIDE = '''
from lanline import ipc
reader, writer = ipc.pipe()
with reader, writer:
    writer.send_many([b"1", b"2" * 100_000], 10)
    print(reader.recv(10), len(reader.recv(10)))
for make, place in ((ipc.listen, "shm:here"), (ipc.Queue, "shm:here"), (ipc.Lock, "/here")):
    try:
        make(place).close()
        print("made")
    except ipc.Error as problem:
        print(problem)
'''

def inside(config=SHARING, code=INSIDE):
    number = interpreters.create(**config)
    try:
        run = getattr(interpreters, "run_string", None) or interpreters.exec
        failed = run(number, code)
        assert failed is None, failed
    finally:
        interpreters.destroy(number)

ORDER
"""
INSIDE_FIRST = "inside()\nexec(INSIDE)\ninside()"
OUTSIDE_FIRST = "exec(INSIDE)\ninside()\nexec(INSIDE)"


ALONE = """
exec(INSIDE)
inside(ALONE)
inside(ALONE, '''
from lanline import ipc
for make in (lambda: ipc.pipe(type=int), lambda: ipc.MessageQueue("mq:/QUEUE")):
    try:
        make()
    except ipc.UnsupportedError as problem:
        print(problem)
''')
"""

pytestmark = pytest.mark.skipif(
    not any(map(importlib.util.find_spec, ("_xxsubinterpreters", "_interpreters"))),
    reason="this Python has one interpreter",
)


def run_in_order(order: str) -> list[str]:
    code = PROGRAM.replace("ORDER", order).replace("QUEUE", fresh_queue())
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # What CPython's own decimal says in a second interpreter is not ours.
    assert [line for line in done.stderr.splitlines() if line and "_decimal" not in line] == []
    return done.stdout.splitlines()


@pytest.mark.parametrize("order", [INSIDE_FIRST, OUTSIDE_FIRST])
def test_the_first_has_shared_memory_and_the_others_say_so(order: str) -> None:
    said = run_in_order(order)
    assert said.count("b'1' 100000") == 3  # by a pipe in each
    assert len(said) == 12
    for line in said:
        assert line in ("made", "b'1' 100000") or "a second interpreter of one process" in line
    if order == OUTSIDE_FIRST:
        assert said[:4] == said[8:] == ["b'1' 100000", "made", "made", "made"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="its interpreters share one lock (PEP 684)")
def test_one_with_a_lock_of_its_own_has_bytes_and_says_what_it_has_not() -> None:
    said = run_in_order(ALONE)
    assert said[:5] == ["b'1' 100000", "made", "made", "made", "b'1' 100000"]
    assert all("a second interpreter of one process" in line for line in said[5:8])
    assert [line.partition(" is not")[0] for line in said[8:]] == [
        "type=",
        "A kernel message queue",
    ]
