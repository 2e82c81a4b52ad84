"""What the tests of the look at the machine share."""

from __future__ import annotations

import contextlib
import os
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from tests.kernel_queues import fresh_queue

from lanline.errors import Error, NotFoundError
from lanline.ipc.inspect.removal import remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def hold(process: Callable[[str], Any]) -> Callable[[str], Any]:
    """Start a process that makes what the code says and holds it until it is killed."""

    def start(code: str) -> Any:
        holder = process(f"{dedent(code)}\nprint('ready', flush=True)\ninput()")
        assert holder.line() == "ready"
        return holder

    return start


@pytest.fixture
def name() -> str:
    """A name that nobody else on the machine has."""
    return fresh_queue()


@pytest.fixture
def held(hold: Callable[[str], Any], name: str) -> Iterator[tuple[Any, list[str]]]:
    """A process that holds a thing of each kind, and their addresses."""
    holder = hold(
        f"""
        import mmap, posix_ipc
        from lanline import ipc
        things = [
            ipc.listen("shm:{name}"),
            ipc.Queue("shm:{name}"),
            ipc.SharedMemory("shm:{name}", 4096),
            ipc.SharedValue("shm:{name}"),
            ipc.Broadcast("shm:{name}"),
            ipc.listen("unix:/tmp/{name}"),
            ipc.listen("fifo:/tmp/{name}.fifo"),
            posix_ipc.Semaphore("/{name}", posix_ipc.O_CREX),
        ]
        segment = posix_ipc.SharedMemory("/{name}", posix_ipc.O_CREX, size=4096)
        mapped = mmap.mmap(segment.fd, 4096)
        segment.close_fd()
        """
    )
    own = ("shm", "queue", "memory", "value", "broadcast")
    addresses = [
        *(f"{kind}:{name}" for kind in own),
        f"unix:/tmp/{name}",
        f"fifo:/tmp/{name}.fifo",
        f"posix-semaphore:/{name}",
        f"posix-memory:/{name}",
    ]
    yield holder, addresses
    holder.kill()
    for address in addresses:
        with contextlib.suppress(NotFoundError):
            remove(address, force=True)


@pytest.fixture
def by_nobody() -> Callable[[Callable[[], str]], str]:
    """What a call answers to the user `nobody`, or the name of the error that it raises."""
    if os.geteuid() != 0:
        pytest.skip("who is not root cannot become another user")

    def ask(call: Callable[[], str]) -> str:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            answer = "it could not become nobody"
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                answer = call()
            except Error as problem:
                answer = type(problem).__name__
            finally:
                os.write(writer, answer.encode())
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as answers:
            said = answers.read()
        os.waitpid(child, 0)
        return said

    return ask
