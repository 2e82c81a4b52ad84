"""What the checks share: a pair of connected ends, and what must be raised."""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec

from lanline import ipc

MakeAddress = Callable[[], str]
Check = Callable[[MakeAddress], None]

SECONDS = 10.0  # before a check gives up: nothing here takes long


class Point(msgspec.Struct):
    x: int
    y: str


class Pairs:
    """In the place of a function that makes addresses: one that makes pairs of connected ends."""

    def __init__(self, make: Callable[..., tuple[ipc.Channel[Any], ipc.Channel[Any]]]) -> None:
        """`make`: is given `type`, `limit` and `overflow` by name, those that are not as usual."""
        self.make = make

    def __call__(self) -> str:
        raise TypeError("These ends have no address: they are connected when they are made.")


def has_numpy() -> bool:
    """Arrays are checked where it is installed."""
    return importlib.util.find_spec("numpy") is not None


@contextmanager
def pair(
    make: MakeAddress,
    accepting: dict[str, Any] | None = None,
    connecting: dict[str, Any] | None = None,
    **both: Any,
) -> Iterator[tuple[ipc.Channel[Any], ipc.Channel[Any]]]:
    """Two connected ends: (accepted, connected). Options of one, of the other, and of both."""
    if isinstance(make, Pairs):
        one, other = make.make(**both)
        with one, other:
            yield one, other
        return
    accepting, connecting = {**both, **(accepting or {})}, {**both, **(connecting or {})}
    with ipc.listen(make(), **accepting) as listener, ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(listener.accept, SECONDS)
        with (
            ipc.connect(listener.address, SECONDS, **connecting) as connected,
            accepted.result(SECONDS) as other,
        ):
            yield other, connected


def met(
    listener: ipc.Listener[Any], seconds: float = SECONDS, **options: Any
) -> tuple[ipc.Channel[Any], ipc.Channel[Any]]:
    """Two connected ends, and no thread left: (connected, accepted). Options: of who connects."""
    with ThreadPoolExecutor(1) as pool:
        connecting = pool.submit(lambda: ipc.connect(listener.address, seconds, **options))
        try:
            accepted = listener.accept(seconds)
        except BaseException:
            if connecting.exception() is None:
                connecting.result().close()
            raise
        return connecting.result(SECONDS), accepted


def said_in_a_child(speak: Callable[[], list[str]]) -> list[str]:
    """What a child of a fork says, before it ends without anything that runs at an exit."""
    hears, says = os.pipe()
    child = os.fork()
    if child == 0:
        said = ["nothing"]
        try:
            said = speak()
        except BaseException as problem:  # noqa: BLE001  nothing may leave the child of a fork
            said = [f"left by {problem!r}"]
        finally:
            os.write(says, "\n".join(said).encode())
            os._exit(0)
    os.close(says)
    with open(hears, encoding="utf-8") as file:
        answer = file.read()
    os.waitpid(child, 0)
    return answer.split("\n")


@contextmanager
def living_child() -> Iterator[None]:
    """A child of a fork that has a copy of everything, and does nothing as long as this lasts."""
    hears, holds = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(holds)
        os.read(hears, 1)
        os._exit(0)
    os.close(hears)
    try:
        yield
    finally:
        os.close(holds)
        os.waitpid(child, 0)


def raises(kind: type[Exception], call: Callable[..., Any], *given: Any, **named: Any) -> None:
    try:
        call(*given, **named)
    except kind:
        return
    raise AssertionError(f"{call} did not raise {kind.__name__}")


def let_wait(future: Future[Any]) -> None:
    """Give a thread the time to begin its wait; it must not have ended."""
    threading.Event().wait(0.05)
    assert not future.done()


def name(check: Check) -> str:
    return getattr(check, "__name__", "check")
