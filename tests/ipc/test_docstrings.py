"""`help(ipc)` is the reference: whatever is public says what it does, and how long it waits."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from lanline import ipc
from lanline.ipc import aio

PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (ipc, aio)
    for name in module.__all__
}
CLASSES = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """What our own code defines for everybody to call or read."""
    for name, member in inspect.getmembers(kind):
        owner = next((base for base in kind.__mro__ if name in vars(base)), object)
        if not name.startswith("_") and owner.__module__.startswith("lanline"):
            yield name, member


@pytest.mark.parametrize("name", PUBLIC)
def test_whatever_is_public_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(PUBLIC[name])


@pytest.mark.parametrize("name", CLASSES)
def test_every_call_of_a_public_class_says_what_it_does(name: str) -> None:
    silent = [
        member
        for member, thing in members(CLASSES[name])
        if (callable(thing) or isinstance(thing, property)) and not inspect.getdoc(thing)
    ]
    assert silent == []


# Those of `aio` are the same, as the module says.
@pytest.mark.parametrize("name", [name for name in CLASSES if ".aio." not in name])
def test_whoever_can_wait_says_for_how_long(name: str) -> None:
    kind = CLASSES[name]
    for member, thing in members(kind):
        if callable(thing) and "timeout" in parameters(thing) and not member.endswith("ing"):
            told = f"{inspect.getdoc(kind)} {inspect.getdoc(thing)}"
            assert "seconds" in told, f"{name}.{member}"


OPENED = ["Broadcast", "FifoReader", "FifoWriter", "Lock", "MessageQueue", "Queue", "Semaphore"]
OPENED += ["SharedMemory", "SharedValue"]


@pytest.mark.parametrize("name", OPENED)
def test_whatever_is_opened_by_a_name_says_what_that_may_raise(name: str) -> None:
    told = inspect.getdoc(getattr(ipc, name)) or ""
    usual = ["AddressError", "AddressInUseError", "PermissionDeniedError", "UnsupportedError"]
    if name == "Lock":
        usual.remove("AddressInUseError")  # there is nothing about it to agree on
    assert [error for error in usual if error not in told] == []


@pytest.mark.parametrize("name", [*OPENED, "Channel", "Listener", "Subscription", "connect"])
def test_whoever_can_wait_says_what_is_raised_when_the_time_is_over(name: str) -> None:
    thing = getattr(ipc, name)
    calls = [(name, thing), *(members(thing) if inspect.isclass(thing) else [])]
    for member, call in calls:
        answers = member.endswith(("acquire", "ing"))  # with False; the steps of another call
        if callable(call) and "timeout" in parameters(call) and not answers:
            told = f"{inspect.getdoc(thing)} {inspect.getdoc(call)}"
            assert "TimedOutError" in told, f"{name}.{member}"


def parameters(thing: Any) -> list[str]:
    try:
        return list(inspect.signature(thing).parameters)
    except ValueError:  # compiled, without a signature
        return []


def test_help_lists_what_there_is() -> None:
    text = sys.modules["lanline.ipc"].__doc__ or ""
    errors = {name for name in ipc.__all__ if name.endswith("Error") and name != "Error"}
    beside = {"Channel", "Listener", "Statistics", "Pickle"}  # what the others give and take
    assert {name for name in ipc.__all__ if name not in text} <= errors | beside
