"""The figures of docs/ipc and of the README, between two comments, from what `scripts/bench` found.

`bench.report` fills them in with docs/performance.md; a test holds them to the results.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from bench.picture import number
from bench.result import Result

BEGIN, END = "<!-- from bench/results -->", "<!-- end -->"
PLACE = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
KERNEL = "The kernel's methods against bare loops of the same calls, 64 bytes"
TRIP, IDLE = "Round trip of 64 bytes, both ends busy", "Round trip of 64 bytes from idle"
ONE_WAY, QUEUES = "One way, 64 bytes", "Queues, 64 bytes"
SILENT = "An open pair with nothing to say"
COPIED, LENT = "One way by size, with copies", "One way by size, without copies"
LOCKS, CROWD = "Locks and semaphores", "Ten processes at one lock"


class Figures:
    """What a result says of one in one column of a table."""

    def __init__(self, result: Result) -> None:
        self._tables = {table.title: table for table in result.tables}

    def __call__(self, table: str, who: str, column: int = 0) -> str:
        for row in self._tables[table].rows:
            if row.who == who:
                value = row.values[column]
                return "-" if value is None else number(float(f"{value:.2g}"))
        return "-"  # a peer that could not be installed; performance.md says why


def kernels_method(who: str) -> Callable[[Figures], list[str]]:
    def lines(of: Figures) -> list[str]:
        trip, bare_trip, way, bare_way = (of(KERNEL, who, column) for column in (0, 1, 3, 4))
        return [
            "| 64 bytes | Lanline | a bare loop of the same system calls |",
            "| --- | ---: | ---: |",
            f"| there and back | {trip} us | {bare_trip} us |",
            f"| one way, each message | {way} us | {bare_way} us |",
        ]

    return lines


def shared_memory(of: Figures) -> list[str]:
    shm = "Lanline shm:"
    queue = [of(QUEUES, "Lanline Queue", column) for column in (2, 3)]
    faster = [of(QUEUES, "faster-fifo", column) for column in (2, 3)]
    return [
        "| | Lanline | others in the same run |",
        "| --- | --- | --- |",
        (
            f"| 64 bytes there and back, both busy | {of(TRIP, shm)} us | kickmsg "
            f"{of(TRIP, 'kickmsg, polling')}, iceoryx2 {of(TRIP, 'iceoryx2, polling')}, "
            f"multiprocessing.Pipe {of(TRIP, 'multiprocessing.Pipe')} |"
        ),
        (
            f"| the same from idle | {of(IDLE, shm)} us | a C program that only sleeps and wakes "
            f"{of(IDLE, 'limit: C, futex')}, multiprocessing.Pipe "
            f"{of(IDLE, 'multiprocessing.Pipe')} |"
        ),
        (
            f"| one way, 64 bytes | {of(ONE_WAY, shm)} million a second one by one, "
            f"{of(ONE_WAY, shm + ', batches')} in batches | os.pipe "
            f"{of(ONE_WAY, 'os.pipe, bare')}, pyzmq {of(ONE_WAY, 'pyzmq PAIR, ipc')} |"
        ),
        (
            f"| 1 MiB, copied | {of(COPIED, shm, 3)} GB/s | iceoryx2 "
            f"{of(COPIED, 'iceoryx2, polling', 3)}, faster-fifo {of(COPIED, 'faster-fifo', 3)} |"
        ),
        (
            f"| lent, not copied | {of(LENT, shm + ' loan and borrow', 4)} us for 16 MiB | "
            f"{of(LENT, shm + ' loan and borrow', 0)} for 64 bytes |"
        ),
        (
            f"| `Queue`, 4 to 4 | {queue[0]} million a second one by one, {queue[1]} in batches | "
            f"faster-fifo {faster[0]} and {faster[1]}, multiprocessing.Queue "
            f"{of(QUEUES, 'multiprocessing.Queue', 2)} one by one |"
        ),
        f"| an open pair with nothing to say | {of(SILENT, shm)} % of a core | |",
    ]


def side_by_side(of: Figures) -> list[str]:
    shm, rate = of(TRIP, "Lanline shm:"), of(ONE_WAY, "Lanline shm:")
    lines = [
        "| | there and back | one way, messages a second |",
        "| --- | ---: | ---: |",
        f"| `shm:` | {shm} us | {rate} million |",
    ]
    for who, shown in (
        ("pipe", "pipe, two of them"),
        ("fifo:", "`fifo:`"),
        ("mq:", "`mq:`"),
        ("unix:", "`unix:`"),
    ):
        trip, way = of(KERNEL, who, 0), of(KERNEL, who, 3)
        lines.append(f"| {shown} | {trip} us | {number(round(1 / float(way), 2))} million |")
    return lines


def semaphores(of: Figures) -> list[str]:
    def row(what: str, table: str, who: str, column: int, unit: str) -> str:
        ours, *others = (
            of(table, one + who, column)
            for one in ("ipc.Semaphore", "ipc.Lock", "posix_ipc.Semaphore", "multiprocessing.Lock")
        )
        return f"| {what} | {ours} {unit} | {' | '.join(f'{one} {unit}' for one in others)} |"

    def crowd(what: str, column: int, unit: str) -> str:
        ours, theirs = (
            of(CROWD, f"{who}, 1 ms", column) for who in ("ipc.Lock", "posix_ipc.Semaphore")
        )
        return f"| {what} | - | {ours} {unit} | {theirs} {unit} | - |"

    return [
        "| | `Semaphore` | `Lock` | posix_ipc.Semaphore | multiprocessing.Lock |",
        "| --- | ---: | ---: | ---: | ---: |",
        row("acquire and release, nobody else there", LOCKS, "", 0, "ns"),
        row("two processes fight for it, turns of both a second", LOCKS, "", 1, "million"),
        crowd("ten processes that hold it for 1 ms, the least share", 1, "%"),
        crowd("the largest share", 2, "%"),
        crowd("the longest wait", 3, "ms"),
    ]


def in_short(of: Figures) -> list[str]:
    shm, queue = "Lanline shm:", float(of(QUEUES, "Lanline Queue", 2))

    def times(who: str) -> str:
        there = of(QUEUES, who, 2)
        return "-" if there == "-" else number(float(f"{queue / float(there):.2g}"))

    peers = ", ".join(
        f"{who} {of(TRIP, row)}"
        for who, row in (
            ("kickmsg", "kickmsg, polling"),
            ("iceoryx2", "iceoryx2, polling"),
            ("multiprocessing.Pipe", "multiprocessing.Pipe"),
        )
    )
    rate, pipe, idle = of(ONE_WAY, shm), of(ONE_WAY, "os.pipe, bare"), of(SILENT, shm)
    faster, theirs = times("faster-fifo"), times("multiprocessing.Queue")
    return [
        f"- Between two Python processes: {of(TRIP, shm)} us for 64 bytes there and back",
        f"  ({peers}), {rate} million messages a second one by one",
        f"  (os.pipe {pipe}), and {idle} % of a core while idle.",
        f"- A queue of four producers and four consumers: {faster} times faster-fifo,",
        f"  {theirs} times `multiprocessing.Queue`.",
    ]


# Of which result, and what it says.
PAGES: dict[str, tuple[str, Callable[[Figures], list[str]]]] = {
    "README.md": ("ipc", in_short),
    "docs/ipc/README.md": ("ipc", side_by_side),
    "docs/ipc/pipe.md": ("ipc", kernels_method("pipe")),
    "docs/ipc/named-pipe.md": ("ipc", kernels_method("fifo:")),
    "docs/ipc/message-queue.md": ("ipc", kernels_method("mq:")),
    "docs/ipc/socket.md": ("ipc", kernels_method("unix:")),
    "docs/ipc/shared-memory.md": ("ipc", shared_memory),
    "docs/ipc/semaphore.md": ("locks", semaphores),
}


def filled(text: str, lines: list[str]) -> str:
    """A page with its figures. Raises ValueError when it has not one place for them."""
    body = "\n".join((BEGIN, *lines, END))
    text, count = PLACE.subn(lambda _: body, text)
    if count != 1:
        raise ValueError(f"{count} places for figures, not one.")
    return text


def fill(root: Path, results: list[Result]) -> None:
    found = {result.name: Figures(result) for result in results}
    for name, (result, lines) in PAGES.items():
        if result in found:
            page = root / name
            page.write_text(filled(page.read_text(), lines(found[result])))
