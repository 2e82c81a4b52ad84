"""A queue in shared memory: any number of producers and consumers, in any processes.

    jobs = Queue("shm:jobs", capacity=512)     # None: bounded only by max_bytes
    jobs.put(b"...", timeout=1)
    job = jobs.get()

The queue lives in a file of the user's runtime folder for as long as somebody holds it or something
is in it: the last one out of an empty queue removes it, and what was put waits for a consumer who
comes later, as in a POSIX message queue. It does not outlive the boot.

Nothing that a process does or suffers leaves it broken: a participant may be killed at any
instruction (native/queue.h says why). What a killed consumer had taken is gone with it, or with
`redeliver=True` comes again, marked, to another one.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from itertools import chain, repeat, starmap
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, get_args, overload
from weakref import WeakKeyDictionary

from lanline.errors import (
    AddressInUseError,
    BusyError,
    ClosedError,
    FullError,
    MessageError,
    PeerClosedError,
    TimedOutError,
)
from lanline.ipc.forgotten import warn_unclosed
from lanline.ipc.given import at_most, check_several, whole, yes_or_no
from lanline.ipc.handed import StaysHere
from lanline.ipc.native import load
from lanline.ipc.payload import Pickle, codec_for
from lanline.ipc.shared import named
from lanline.ipc.system import by_the_system
from lanline.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import EllipsisType, TracebackType

    from lanline.ipc.native._queue import Member, Taken

T = TypeVar("T")

Overflow = Literal["block", "raise", "drop-oldest", "drop-newest"]
Buffer = bytes | bytearray | memoryview

DEFAULT_CAPACITY = 1024
MOST = (1 << 32) - 1  # messages: their number has 32 bits
LEAST_BYTES, MOST_BYTES = 256, 256 << 30  # native/queue.h
BODY = attrgetter("body")
DEFAULT_MAX_BYTES = 1 << 30  # address space only: memory is asked for as it is used


class Item(Generic[T]):
    """A message taken from a queue that is still to be finished.

    `with` finishes it, or gives it back when the block raises. `deliveries` counts how often it was
    taken before by somebody who died or gave it back: 0 is the first time.
    """

    __slots__ = ("_queue", "_taken")

    def __init__(self, queue: Queue[T], taken: Taken) -> None:
        self._queue = queue
        self._taken = taken

    @property
    def body(self) -> T:
        """The message. Raises MessageError when it is not of the queue's type."""
        return self._queue.decoded(self._taken.body)

    @property
    def deliveries(self) -> int:
        return self._taken.deliveries

    def done(self) -> None:
        self._queue.finish(self._taken, back=False)

    def give_back(self) -> None:
        """Not done: whoever comes next gets it, marked. Needs a queue with redelivery."""
        self._queue.finish(self._taken, back=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.done()
            return
        with suppress(ClosedError):  # a close has given it back, or dropped it, already
            if self._queue.redeliver:
                self.give_back()
            else:
                self.done()


class Queue(StaysHere, Generic[T]):
    """One participant of a queue. Threads may share it; a child of a fork opens its own.

    `capacity` bounds the messages that wait (None: only the bytes bound them, and at the cap `put`
    raises FullError at once), `max_bytes` their memory, in blocks of 256 bytes. They and
    `redeliver` are the queue's and hold for everybody; the others need the name alone, whoever
    comes first, and what is given must agree. Where nobody has said so when the first message is
    put, it is 1,024 messages, 1 GiB and no redelivery. `overflow` is this participant's own: what
    `put` does when there is no room.

    Messages are bytes, or with `type` what `ipc.Channel` can carry: a msgspec type, checked when it
    is taken, `numpy.ndarray`, `ipc.Pickle`. What is not of the type is finished by raising
    MessageError, so that it comes to nobody again.

    Time-outs are in seconds; None waits for ever, 0 asks once. A call that times out or is
    interrupted has put and consumed nothing; only `put_many`, when a signal's handler raises, has
    put what had room until then. Messages of one producer are taken in their order.

    Raises NotFoundError (`create=False`, and there is none), AddressInUseError (it exists with
    other bounds), AddressError, PermissionDeniedError, NoRoomError, UnsupportedError, and
    CorruptedError for a file of another version; its calls raise TimedOutError, ClosedError and
    ForkedError. Arrays that it gives are read-only.
    """

    @overload
    def __init__(
        self: Queue[Any],
        address: str,
        *,
        capacity: int | EllipsisType | None = ...,
        max_bytes: int | None = ...,
        redeliver: bool | None = ...,
        overflow: Overflow = ...,
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: Queue[Any],
        address: str,
        *,
        type: type[Pickle],
        capacity: int | EllipsisType | None = ...,
        max_bytes: int | None = ...,
        redeliver: bool | None = ...,
        overflow: Overflow = ...,
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        address: str,
        *,
        type: type[T],
        capacity: int | EllipsisType | None = ...,
        max_bytes: int | None = ...,
        redeliver: bool | None = ...,
        overflow: Overflow = ...,
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: Queue[Any],
        address: str,
        *,
        type: Any,
        capacity: int | EllipsisType | None = ...,
        max_bytes: int | None = ...,
        redeliver: bool | None = ...,
        overflow: Overflow = ...,
        create: bool = ...,
    ) -> None: ...

    @by_the_system
    def __init__(
        self,
        address: str,
        *,
        type: Any = bytes,  # noqa: A002
        capacity: int | EllipsisType | None = ...,
        max_bytes: int | None = None,
        redeliver: bool | None = None,
        overflow: Overflow = "block",
        create: bool = True,
    ) -> None:
        if overflow not in get_args(Overflow):
            raise ValueError(
                f"An overflow rule is one of {', '.join(get_args(Overflow))}, not {overflow!r:.80}."
            )
        yes_or_no("create", create)
        if redeliver is not None:
            yes_or_no("redeliver", redeliver)
        self._encode, self._decode = codec_for(type)
        native = load("_queue")
        self.address = address
        self.overflow = overflow
        self._newest_dropped = 0
        path = named.path_of(address, "queue")
        if capacity is not ... and capacity is not None:
            capacity = whole("A queue's capacity", capacity, 1, MOST, "messages, or None")
        if max_bytes is not None:
            max_bytes = whole("A queue's max_bytes", max_bytes, LEAST_BYTES, MOST_BYTES, "bytes")
        descriptor = named.enter(path, create=create)
        made = False
        try:
            made = self._is_to_be_made(native, descriptor)
            if made:
                self._make(native, descriptor, capacity, max_bytes, redeliver)
            self._member: Member = native.Member(descriptor, path)
        except BaseException:
            if made:
                path.unlink()
            os.close(descriptor)
            raise
        self._member.open_door()
        self._check_agreement(capacity, max_bytes, redeliver)
        # What each thread (or task) has taken by this handle and not finished, for task_done.
        self._in_hand: WeakKeyDictionary[Any, deque[Taken]] = WeakKeyDictionary()
        self.whose: Callable[[], Any] = threading.current_thread
        self._kept: deque[Taken] = deque()  # taken behind one that is not of the type

    @staticmethod
    def _is_to_be_made(native: Any, descriptor: int) -> bool:
        """Is the file new, or left empty by the dead, or half made?"""
        return not os.fstat(descriptor).st_size or native.is_abandoned(descriptor)

    @staticmethod
    def _make(
        native: Any,
        descriptor: int,
        capacity: int | EllipsisType | None,
        max_bytes: int | None,
        redeliver: bool | None,
    ) -> None:
        os.ftruncate(descriptor, 0)
        slots = DEFAULT_CAPACITY if capacity is ... else capacity or 0
        settled = capacity is not ... or max_bytes is not None or redeliver is not None
        native.make(descriptor, max_bytes or DEFAULT_MAX_BYTES, slots, bool(redeliver), settled)

    def _check_agreement(
        self, capacity: int | EllipsisType | None, max_bytes: int | None, redeliver: bool | None
    ) -> None:
        asked: dict[str, Any] = {
            "capacity": self.capacity if capacity is ... else capacity,
            "max_bytes": self.max_bytes if max_bytes is None else max_bytes // 256 * 256,
            "redeliver": self.redeliver if redeliver is None else redeliver,
        }
        if not (capacity is ... and max_bytes is None and redeliver is None):
            self._member.settle(asked["max_bytes"], asked["capacity"] or 0, asked["redeliver"])
        there = {name: getattr(self, name) for name in asked}
        for name, value in asked.items():
            if value != there[name]:
                self.close()
                raise AddressInUseError(
                    f"{self.address} exists with {name}={there[name]}, not {value}; "
                    "open it by its name alone, or choose another name."
                )

    @property
    def capacity(self) -> int | None:
        """How many messages may wait; None: only the bytes bound them."""
        return self._member.capacity or None

    @property
    def max_bytes(self) -> int:
        """How many bytes the messages that wait may take, in blocks of 256."""
        return self._member.max_bytes

    @property
    def redeliver(self) -> bool:
        """Whether what a dead consumer had not finished comes again."""
        return self._member.redeliver

    def put(self, message: T, timeout: float | None = None) -> None:
        """Put one message; with overflow "block", wait for room at most `timeout` seconds.

        Raises FullError by the rule "raise", and at `max_bytes` without a capacity;
        MessageTooLargeError when it could never have room; NoRoomError when its file system is
        full.
        """
        data: Any = message if self._encode is None else self._encode(message)
        if self.overflow == "block":
            self._member.put(data, timeout)
        else:
            self._put_by_rule([data])

    def put_many(self, messages: Iterable[T], timeout: float | None = None) -> int:
        """Put several, faster than one by one; how many of them are in the queue afterwards.

        `timeout`: seconds for all of them together. Fewer than all only when it passed, memory ran
        out, or the queue was shut down, after the first, or "drop-newest" dropped some; with none
        put it raises what `put` does.
        """
        check_several("put_many", "put", messages)
        batch: list[Any]
        if self._encode is not None:
            batch = [self._encode(message) for message in messages]
        else:
            batch = messages if isinstance(messages, list) else list(messages)
        if self.overflow == "block":
            return self._member.put_many(batch, timeout)
        return self._put_by_rule(batch)

    def _put_by_rule(self, batch: list[Buffer]) -> int:
        if self.overflow == "drop-oldest":
            return self._member.put_many(batch, 0, drop_oldest=True)
        try:
            count = self._member.put_many(batch, 0)
        except (TimedOutError, FullError):  # a queue that only the bytes bound says Full itself
            count = 0
        if count < len(batch) and self.statistics()["shut_down"]:
            return count
        if count < len(batch) and self.overflow == "raise":
            raise FullError(
                f"{self.address} is full: {count:,} of {len(batch):,} were put; its capacity is "
                f"{counted(self.capacity or 0, 'message')} and {counted(self.max_bytes, 'byte')}."
            )
        self._newest_dropped += len(batch) - count
        return count

    def get(self, timeout: float | None = None) -> T:
        """The oldest message; waits for it at most `timeout` seconds.

        With redelivery it is this consumer's until `task_done`. Raises MessageError when it is not
        of the type.
        """
        if self._decode is None and self._member.is_plain and not self._kept:
            message: Any = self._member.get(timeout)
            return message  # type: ignore[no-any-return]
        return self._handed(1, timeout)[0]

    def get_many(self, most: int, timeout: float | None = None) -> list[T]:
        """At least one message and at most `most`; waits for the first as `get` does.

        Large ones come in several calls: about 256 KiB are taken together.

        One that is not of the type ends the batch before it; the next `get` raises MessageError.
        """
        return self._handed(at_most("get_many", most, MOST), timeout)

    def _handed(self, most: int, timeout: float | None) -> list[T]:
        """The messages up to the first that is not of the type, in the hands of their taker."""
        batch: deque[Taken] = deque()
        try:
            self._take_into(batch, most, timeout)
            messages = self._decoded_many(batch)
            if self.redeliver:
                self._in_hand.setdefault(self.whose(), deque()).extend(batch)
            return messages
        except BaseException:
            self._take_back(batch)
            raise

    def _take_into(self, batch: deque[Taken], most: int, timeout: float | None) -> None:
        """Take at most so many. All in C: no handler comes between the taking and the keeping."""
        if self._kept:
            with suppress(IndexError):
                batch.extend(starmap(self._kept.popleft, repeat((), min(most, len(self._kept)))))
        if not batch:
            batch.extend(chain.from_iterable(starmap(self._member.take_many, ((most, timeout),))))

    def _decoded_many(self, batch: deque[Taken]) -> list[T]:
        """The messages before the first that is not of the type; it and the rest are kept.

        When it is the first itself it is finished, and MessageError is raised.
        """
        if self._decode is None:
            plain: Any = list(map(BODY, batch))
            return plain  # type: ignore[no-any-return]
        messages: list[T] = []
        try:
            messages.extend(self.decoded(taken.body) for taken in batch)
        except MessageError:
            if not messages:
                first = batch.popleft()
                self._member.done(first.index, first.sequence)
                raise
            self._keep(batch, len(batch) - len(messages))
        return messages

    def _keep(self, batch: deque[Taken], count: int) -> None:
        """So many, from the end of it, come first again; in C as well."""
        self._kept.extendleft(starmap(batch.pop, repeat((), count)))

    def _take_back(self, batch: deque[Taken]) -> None:
        """Whoever was to have it was interrupted: it comes first again, to this participant."""
        for hands in list(self._in_hand.values()):
            for taken in batch:
                with suppress(ValueError):
                    hands.remove(taken)
        self._keep(batch, len(batch))

    def decoded(self, data: bytes) -> T:
        """For Item.body."""
        message: Any = data if self._decode is None else self._decode(data)
        return message  # type: ignore[no-any-return]

    def take(self, timeout: float | None = None) -> Item[T]:
        """The oldest message as an Item, to be finished by itself; waits as `get` does."""
        batch: deque[Taken] = deque()
        try:
            self._take_into(batch, 1, timeout)
            return Item(self, batch[0])
        except BaseException:
            self._take_back(batch)
            raise

    def task_done(self) -> None:
        """The oldest message that this thread got and had not finished is finished.

        BusyError when there is none.
        """
        if not self.redeliver:
            if not self._member.done(0, 0):
                raise BusyError("task_done was called more often than messages were taken.")
            return
        in_hand = self._in_hand.get(self.whose())
        if not in_hand:
            raise BusyError("task_done was called more often than this thread took messages.")
        self.finish(in_hand.popleft(), back=False)

    def finish(self, taken: Taken, *, back: bool) -> None:
        """What Item.done and Item.give_back do."""
        if back and not self.redeliver:
            raise BusyError(
                f"{self.address} was made without redelivery: nothing can be given back."
            )
        if not self._member.done(taken.index, taken.sequence, back):
            raise BusyError("The message was finished already.")

    def join(self, timeout: float | None = None) -> None:
        """Wait until everything that was put has been taken and finished (task_done, Item.done).

        Waits at most `timeout` seconds (TimedOutError). What a killed consumer had is finished by
        whoever gets it again, or with its death where nothing is redelivered.
        """
        self._member.join(timeout)

    def shutdown(self, immediate: bool = False) -> None:
        """Say to everybody that no more will come, as `queue.Queue.shutdown` does.

        From here on `put` raises PeerClosedError, in every process, also where it waits. `get` goes
        on until nothing is left; then it raises PeerClosedError, and `for message in queue` ends.
        With redelivery something is left for as long as another consumer has a message in hand,
        which comes again if it dies. With `immediate` what waits is thrown away (counted as
        `dropped`), and nothing comes again. It cannot be taken back: the name begins anew when the
        last participant has left the empty queue.

        Waits for nobody. Raises ClosedError, ForkedError, and TimedOutError while a process that
        was stopped holds the queue's lock.
        """
        yes_or_no("immediate", immediate)
        self._member.shut_down(immediate)

    def watch(self) -> int:
        """For `lanline.ipc.aio`: the descriptor of the file that is rung from here on."""
        return self._member.watch()

    def clear_dead(self) -> None:
        """See to what the dead have left. Whoever waits does it by itself."""
        self._member.clear_dead()

    def __len__(self) -> int:
        """How many messages wait just now, for anybody: others put and take meanwhile.

        One who was killed inside `get` or `put` may leave it one off until somebody puts or takes.
        """
        return int(self.statistics()["waiting"])

    def qsize(self) -> int:
        """As `len`, under the name that queue.Queue has for it."""
        return len(self)

    def empty(self) -> bool:
        """Does none wait just now? That may be old at once: `get(0)` asks and takes in one."""
        return not len(self)

    def full(self) -> bool:
        """Do as many wait as `capacity` allows? False where only the bytes bound them.

        What it says may be old at once: `put(message, 0)` asks and puts in one.
        """
        return self.capacity is not None and len(self) >= self.capacity

    def __iter__(self) -> Iterator[T]:
        """Messages until it is shut down, each finished when the next is asked for."""
        while (item := self._next_item()) is not None:
            try:  # and no `with`: a handler could come before its block
                yield item.body
            except BaseException as problem:
                item.__exit__(type(problem), problem, None)
                raise
            item.done()

    def _next_item(self) -> Item[T] | None:
        try:
            return self.take()
        except PeerClosedError:
            return None

    def statistics(self) -> dict[str, int]:
        """Counts since the queue was made, by everybody; `newest_dropped` by this participant."""
        return {**self._member.statistics(), "newest_dropped": self._newest_dropped}

    def close(self) -> None:
        """Leave. What was taken and not finished is given out again, or dropped, as agreed."""
        self._member.close()

    def __del__(self) -> None:
        member: Member | None = getattr(self, "_member", None)
        if member is not None and member.is_open:
            warn_unclosed(self.address)  # the member leaves by itself

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def unlink(address: str) -> None:
    """Remove a queue that nobody holds, with what is left in it; BusyError when somebody does."""
    named.unlink(address, "queue")
