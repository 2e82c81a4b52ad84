"""Every parameter of every public call, given wrongly: one sentence says so, and nothing was done.

What there is to be called is asked of `lanline.ipc` and `lanline.ipc.aio` themselves, so that a new
call or parameter has to be entered here.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.ipc import aio
from lanline.testing.helpers import met

NAN = float("nan")
RELEASED = memoryview(bytearray(4))
RELEASED.release()

NO_NUMBERS: list[Any] = [True, 1.5, NAN, float("inf"), "1", b"1", [1], 1j, RELEASED]
NO_SIZES = [*NO_NUMBERS, -1, 0, -(2**63), 2**63, 2**64, 10**5000]
NO_ADDRESSES = ["", "x", 5, None, b"shm:x", "shm:a\0b", "unix:/a\0b", "tcp://a:99999999", "tcp:x"]
NO_ADDRESSES += ["http://x", f"tcp://{'a' * 999}:x", ["shm:x"], Path("/x"), RELEASED]
NO_MESSAGES = ["x", 5, None, 1.5, [1], {}, object(), RELEASED, memoryview(b"abcd")[::2]]

WRONG: dict[str, list[Any]] = {  # by a parameter's name
    "address": NO_ADDRESSES,
    "name": [*NO_ADDRESSES, "/", "/a/b", "unix:/x"],
    "capacity": [one for one in NO_SIZES if one is not None],
    "change": [None, 5, "x"],
    "channel": ["x", None, 5],
    "create": [None, 0, 1, "no"],
    "dtype": [None, "no such", 5, 1.5, "", object(), "O"],
    "end": ["fifo:/x", None, 5],
    "immediate": [None, 0, 1, "no"],
    "keep_open": [None, 0, 1, "no"],
    "limit": [*NO_SIZES, None],
    "listener": ["x", None, 5],
    "max_bytes": NO_SIZES,
    "message": NO_MESSAGES,
    "messages": [None, 5, 1.5, "text", b"bytes", bytearray(2), RELEASED, object(), [b"x", "y"][1:]],
    "most": [*NO_NUMBERS, None, 0, -1, -(2**64)],
    "new": NO_MESSAGES,
    "offset": [*NO_NUMBERS, None, -1, 65, 2**64],
    "on_death": [5, "x"],
    "overflow": [None, "", "whatever", 5, b"block"],
    "permits": NO_SIZES,
    "priority": [*NO_NUMBERS, None, -1, 32_768, 2**64],
    "record": [*NO_MESSAGES, b"a\nb", memoryview(b"a\nb")],
    "redeliver": [0, 1, "no"],
    "shape": [1.5, "2", (1.5,), (-1,), -1, (2**64,), (2**40,), ("x",), (None,), NAN],
    "size": NO_SIZES,
    "timeout": ["1", b"1", bytearray(b"1"), memoryview(b"1"), [1], 1j, NAN, object(), RELEASED],
    "tls": ["x", 5, True],
    "type": [None, 5, "bytes", object(), "x" * 999, [int]],
    "value": NO_MESSAGES,
    "version": [*NO_NUMBERS, None, -1, 2**64],
}
# What the two shells share; no user's call.
INTERNAL = {"accepting", "attempt", "borrow_next", "count_received", "count_sent", "decoded"}
INTERNAL |= {"decoded_many", "encoded", "encoded_many", "finish", "lend", "of", "ready", "run"}
INTERNAL |= {"receiving", "send_encoded", "send_lent", "sending", "try_set", "update_locked"}
INTERNAL |= {"watch", "whose"}
PLAIN = {"Pickle", "Statistics"}
# Sentences that Python, Cython or NumPy has made, and not this library.
NOT_OURS = re.compile(
    r"argument|interpreted|is required|not iterable|convert|has no attribute|not supported between"
    r"|data type|forbidden|too large|object is not"
)

OPTIONS: dict[str, Any] = {"Semaphore": {"permits": 1}, "connect": {"timeout": 0}}
NEEDED = {"message": b"x", "messages": [b"x"], "record": b"x", "size": 4, "shape": (2,)}
NEEDED |= {"dtype": "u1", "most": 2, "value": b"x", "new": b"x", "version": 0, "change": bytes}


def calls_of(owner: Any) -> dict[str, Callable[..., Any]]:
    names = [name for name in dir(owner) if name[0] != "_" and name not in INTERNAL]
    return {name: getattr(owner, name) for name in names if callable(getattr(owner, name))}


def parameters(call: Any) -> list[inspect.Parameter]:
    given = inspect.signature(call).parameters.values()
    return [one for one in given if one.name != "self" and one.kind != one.VAR_KEYWORD]


def wrongly(name: str, parameter: str) -> list[Any]:
    if name in ("MessageQueue", "aio.MessageQueue") and parameter == "messages":
        return NO_SIZES
    if name == "loan":
        return [one for one in WRONG[parameter] if one != 0 or isinstance(one, bool)]
    return WRONG[parameter]


async def done(call: Callable[..., Any], given: dict[str, Any]) -> None:
    result = call(**given)
    if hasattr(result, "__aenter__"):
        await result.__aenter__()
    elif hasattr(result, "__enter__"):
        result.__enter__()
    elif inspect.isawaitable(result):
        await result


async def check_refused(call: Callable[..., Any], given: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError, ipc.Error)) as refused:
        await done(call, given)
    said = str(refused.value)
    assert "\n" not in said, said
    assert len(said) < 300, said
    assert not NOT_OURS.search(said), said
    assert not isinstance(refused.value, ipc.TimedOutError | ipc.ClosedError), said
    assert said[-1] == "." or type(refused.value) in (ipc.AddressError, ipc.MessageTooLargeError)


async def check_each(call: Callable[..., Any], signed: Any, name: str, given: Any) -> None:
    for parameter in parameters(signed):
        needs = [
            one.name
            for one in parameters(signed)
            if one.default is one.empty and one.name != parameter.name and one.name in NEEDED
        ]
        base = {one: NEEDED[one] for one in needs} | given
        for value in wrongly(name, parameter.name):
            await check_refused(call, base | {parameter.name: value})


@pytest.mark.parametrize("shell", [ipc, aio], ids=["blocking", "loop"])
async def test_whatever_makes_something(shell: Any, folder: Path) -> None:
    for name in set(shell.__all__) - PLAIN - INTERNAL:
        call = getattr(shell, name)
        if inspect.isclass(call) and (issubclass(call, BaseException) or inspect.isabstract(call)):
            continue
        takes_over = shell is aio and name in ("Channel", "Listener", "FifoWriter")
        signed = call if takes_over else getattr(ipc, name)
        address = {"FifoReader": f"fifo:{folder}/x", "FifoWriter": f"fifo:{folder}/x"}.get(
            name, f"mq:/{fresh_queue()}" if name == "MessageQueue" else "shm:wrong"
        )
        asked = {one.name for one in parameters(signed)} & {"address", "name"}
        given = dict.fromkeys(asked, address) | OPTIONS.get(name, {})
        await check_each(call, signed, name, given)
    assert not os.listdir(folder)


@asynccontextmanager
async def things(shell: Any, folder: Path) -> AsyncIterator[dict[str, Any]]:
    """One of each, by the name of its class."""
    async with AsyncExitStack() as stack:

        def kept(one: Any) -> Any:
            if hasattr(one, "__aexit__"):
                stack.push_async_exit(one)
            elif hasattr(one, "__exit__"):
                stack.push(one)
            else:
                stack.callback(one.close)
            return one

        there: dict[str, Any] = {}
        for name in ("Queue", "SharedValue", "Broadcast", "Subscription"):
            there[name] = kept(getattr(shell, name)(f"shm:{name}"))
        for name, options in (("Semaphore", (2,)), ("Lock", ())):
            there[name] = held = getattr(shell, name)("/wrong", *options)
            (stack.callback if shell is ipc else stack.push_async_callback)(held.close)
        there["SharedMemory"] = kept(shell.SharedMemory("shm:memory", 64))
        there["MessageQueue"] = kept(shell.MessageQueue(f"mq:/{fresh_queue()}", messages=1, size=8))
        there["MessageQueue"].unlink()
        address = f"fifo:{folder}/records"
        there["FifoReader"] = kept(shell.FifoReader(address))
        there["FifoWriter"] = kept(
            ipc.FifoWriter(address) if shell is ipc else await aio.FifoWriter.open(address)
        )
        listener = ipc.listen("shm:listens")
        there["Listener"] = kept(listener if shell is ipc else aio.Listener(listener))
        yield there


@pytest.mark.parametrize("shell", [ipc, aio], ids=["blocking", "loop"])
async def test_the_calls_of_each_thing(shell: Any, folder: Path) -> None:
    async with things(shell, folder) as there:
        classes = {name for name in shell.__all__ if inspect.isclass(getattr(shell, name))}
        classes -= {name for name in classes if issubclass(getattr(shell, name), BaseException)}
        assert classes - PLAIN - {"Channel"} == set(there)
        for thing in there.values():
            for name, call in calls_of(thing).items():
                given = {"address": f"fifo:{folder}/records"} if name == "open" else {}
                await check_each(call, call, name, given)


@pytest.mark.parametrize("shell", [ipc, aio], ids=["blocking", "loop"])
@pytest.mark.parametrize("method", ["pipe", "unix", "shm"])
async def test_the_calls_of_channels(method: str, shell: Any, folder: Path) -> None:
    """Those of a pipe, of a stream and the native ones; what the first two share, all others do."""
    if method == "pipe":
        pair: tuple[Any, Any] = ipc.pipe()
    else:
        with ipc.listen(f"unix:{folder}/x" if method == "unix" else "shm:wrong") as listener:
            pair = met(listener)
    reader, writer = pair
    with reader, writer:
        writer.send(b"untouched", 5)
        ends = [reader, writer] if shell is ipc else [aio.Channel(reader), aio.Channel(writer)]
        for name, signed in calls_of(shell.Channel).items():
            end = ends[name.startswith(("send", "loan"))]
            await check_each(getattr(end, name), partial(signed, None), name, {})
        assert reader.recv_many(9, 5) == [b"untouched"]
        assert writer.statistics().sent == 1
