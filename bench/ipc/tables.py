"""From figures to tables and to the aims, one function a group."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench.ipc.peers import NAMES
from bench.ipc.plan import AIO, METHODS, SIZES
from bench.ipc.scenarios.queue import NAMES as QUEUES
from bench.result import Aim, Column, Picture, Row, Table

Key = tuple[str, ...]
LOSSY = ("kickmsg", "kickmsg_waiting")


class Found:
    """The medians of a group, why others are missing, and how far the repeats lay apart."""

    def __init__(
        self, figures: dict[Key, dict[str, float]], missing: dict[Key, str], noise: str = ""
    ) -> None:
        self._figures = figures
        self.noise = noise
        self.missing = missing

    def get(self, *key: str, what: str) -> float | None:
        return self._figures.get(key, {}).get(what)

    def must(self, *key: str, what: str) -> float:
        value = self.get(*key, what=what)
        return float("nan") if value is None else value

    def why(self, *key: str) -> str:
        return self.missing.get(key, "")


Made = tuple[list[Table], list[Aim]]


def ranked(rows: Iterable[Row], *, more: bool = False) -> list[Row]:
    """Best first; those without a figure last."""

    def order(row: Row) -> float:
        value = row.values[0]
        return float("inf") if value is None else -value if more else value

    return sorted(rows, key=order)


def peers(found: Found, what: str, *, scale: float = 1, more: bool = False) -> list[Row]:
    rows = []
    for peer, name in NAMES.items():
        value = found.get(peer, what=what)
        tail = found.get(peer, what=f"{what}99")
        values = [None if value is None else value * scale, tail]
        rows.append(Row(name, values, peer == "lanline", found.why(peer)))
    return ranked(rows, more=more)


def times(value: float) -> str:
    return f"{value:.1f} times" if value < 10 else f"{value:.0f} times"


def trip(found: Found) -> Made:
    limits = [
        Row("limit: C, spinning", [found.get("spin", what="us"), None]),
        Row("limit: C, futex", [found.get("futex", what="us"), None]),
    ]
    table = Table(
        "Round trip of 64 bytes, both ends busy",
        [Column("median", "us"), Column("99 of 100 within", "us")],
        ranked([*limits, *peers(found, "us")]),
        "There and back between two processes that do nothing else. Times of fifty trips together.",
        Picture("round-trip", log=True),
    )
    ours, kick, ice = (found.must(peer, what="us") for peer in ("lanline", "kickmsg", "iceoryx2"))
    aims = [
        Aim("64 bytes there and back, busy: at most 0.5 us", f"{ours:.2f} us", ours <= 0.5),
        Aim("... ahead of kickmsg", f"{ours:.2f} against {kick:.2f} us", ours < kick),
        Aim("... at least 15 times ahead of iceoryx2", times(ice / ours), ice / ours >= 15),
    ]
    return [table], aims


def wake(found: Found) -> Made:
    limit = found.must("idle", what="us")
    table = Table(
        "Round trip of 64 bytes from idle",
        [Column("median", "us"), Column("99 of 100 within", "us")],
        ranked([Row("limit: C, futex", [limit, None]), *peers(found, "us")]),
        "One trip every three milliseconds: whoever does not poll has gone to sleep in between, "
        "and so have the processors.",
        Picture("from-idle", log=True),
    )
    ratio = found.must("lanline", what="us") / limit
    met = ratio <= 1.15
    pipe = found.must("os_pipe", what="us") / limit
    # Its first two figures are of turns in one run: docs/design/ipc.md, "From idle".
    why = (
        "a module that only sleeps, wakes and copies is at 1.3 from Python, by the interpreter's "
        "own cold code; the time-outs by which a death is heard of are 0.1 more; a bare os.pipe "
        f"was at {pipe:.2f} in this run"
    )
    aim = Aim(
        "from idle: within 1.15 of the C futex limit", f"{ratio:.2f}", met, "" if met else why
    )
    return [table], [aim]


def idle(found: Found) -> Made:
    rows = [
        Row(
            name,
            [found.get(peer, what="percent"), found.get(peer, what="switches")],
            peer == "lanline",
            found.why(peer),
        )
        for peer, name in NAMES.items()
    ]
    table = Table(
        "An open pair with nothing to say",
        [Column("both processes", "% of a core"), Column("times woken", "/s")],
        ranked(rows),
        "Both ends wait to receive.",
    )
    ours = found.must("lanline", what="percent")
    woken = found.must("lanline", what="switches")
    aim = Aim("an idle pair uses no CPU", f"{ours:.3f} %, woken {woken:.0f} times", ours == 0)
    return [table], [aim]


def stream(found: Found) -> Made:
    rows = []
    for peer, name in NAMES.items():
        single = found.get(peer, "single", what="per_second")
        note = found.why(peer, "single") or ("drops when the reader lags" if peer in LOSSY else "")
        rows.append(Row(name, [_millions(single)], peer == "lanline", note))
        batch = found.get(peer, "batch", what="per_second")
        if batch is not None:
            rows.append(Row(f"{name}, batches", [_millions(batch)], peer == "lanline"))
    table = Table(
        "One way, 64 bytes",
        [Column("messages", "M/s")],
        ranked(rows, more=True),
        "A sender that never stops and a receiver that takes each message as `bytes`; in batches "
        "of 512 where the peer has them.",
        Picture("one-way", better="more", log=True),
    )
    lossless = {
        name: value
        for peer, name in NAMES.items()
        for way in ("single", "batch")
        if peer not in ("lanline", *LOSSY)
        and (value := found.get(peer, way, what="per_second")) is not None
    }
    best = max(lossless, key=lambda name: lossless[name], default="nobody")
    fastest = lossless.get(best, float("nan"))
    single, batch = (found.must("lanline", way, what="per_second") for way in ("single", "batch"))
    aims = [
        Aim(
            "one way, single sends: at least 3 times the best lossless peer",
            f"{times(single / fastest)} {best}",
            single / fastest >= 3,
        ),
        Aim(
            "one way, batches: at least 20 times the best lossless peer",
            f"{times(batch / fastest)} {best}",
            batch / fastest >= 20,
        ),
    ]
    return [table], aims


def _millions(value: float | None) -> float | None:
    return None if value is None else value / 1e6


def sizes(found: Found) -> Made:
    rows = []
    for peer, name in NAMES.items():
        values = [_speed(found, peer, size) for size in SIZES]
        rows.append(Row(name, values, peer == "lanline", _no_size(found, peer)))
    largest = [row for row in rows if row.values[3] is not None]
    table = Table(
        "One way by size, with copies",
        [Column(size, "GB/s") for size in SIZES],
        sorted(rows, key=lambda row: -(row.values[3] or 0)),
        "The sender has `bytes`, the receiver ends up with `bytes` of its own. Pictured: 1 MiB.",
        Picture("sizes", column=3, better="more"),
    )
    ours = found.must("lanline", "1 MiB", what="per_second")
    others = [row for row in largest if not row.ours] or [Row("nobody", [None] * len(SIZES))]
    best = max(others, key=lambda row: row.values[3] or 0)
    ratio = ours * (1 << 20) / 1e9 / (best.values[3] or float("nan"))
    aim = Aim("1 MiB with copies: ahead of every peer", f"{ratio:.2f} of {best.who}", ratio > 1)
    return [table], [aim]


def _speed(found: Found, peer: str, size: str) -> float | None:
    rate = found.get(peer, size, what="per_second")
    return None if rate is None else rate * SIZES[size] / 1e9


def _no_size(found: Found, peer: str) -> str:
    reasons = {found.why(peer, size) for size in SIZES} - {""}
    return "; ".join(sorted(reasons))


def lend(found: Found) -> Made:
    rows = []
    for peer in ("lanline", "kickmsg", "iceoryx2"):
        rates = [found.get(peer, size, what="per_second") for size in SIZES]
        values = [None if rate is None else 1e6 / rate for rate in rates]
        name = NAMES[peer] + (" loan and borrow" if peer == "lanline" else "")
        rows.append(Row(name, values, peer == "lanline", _no_size(found, peer)))
    table = Table(
        "One way by size, without copies",
        [Column(size, "us a message") for size in SIZES],
        rows,
        "The sender writes the first and the last byte in the shared memory, the receiver reads "
        "them there.",
        Picture("lent", column=4),
    )
    small, large = (1e6 / found.must("lanline", s, what="per_second") for s in ("64 B", "16 MiB"))
    met = large <= small * 1.5
    aim = Aim(
        "loan and borrow: the time does not grow with the size",
        f"{small:.2f} us for 64 B, {large:.2f} us for 16 MiB",
        met,
        "" if met else "at most two lie ready, so that the two sides wait for each other",
    )
    return [table], [aim]


def queue(found: Found) -> Made:
    columns = [(many, way) for many in ("1x1", "4x4") for way in ("single", "batch")]
    rows = []
    for peer, name in QUEUES.items():
        values = [_millions(found.get(peer, *column, what="per_second")) for column in columns]
        reasons = {found.why(peer, *column) for column in columns} - {""}
        rows.append(Row(name, values, peer == "lanline", "; ".join(sorted(reasons))))
    titles = {"single": "one by one", "batch": "batches of 256"}
    table = Table(
        "Queues, 64 bytes",
        [
            Column(f"{many.replace('x', ' to ')}, {titles[way]}", "M messages/s")
            for many, way in columns
        ],
        rows,
        "Producers and consumers in processes of their own; at most 4,096 messages wait. Pictured: "
        "four producers and four consumers, one by one.",
        Picture("queues", column=2, log=True, better="more"),
    )
    ours, fifo, multi = (
        found.must(peer, "4x4", "single", what="per_second")
        for peer in ("lanline", "faster_fifo", "mp_queue")
    )
    aims = [
        Aim("Queue, 4 to 4: at least 3 times faster-fifo", times(ours / fifo), ours / fifo >= 3),
        Aim("... and 10 times multiprocessing.Queue", times(ours / multi), ours / multi >= 10),
    ]
    return [table], aims


def aio(found: Found) -> Made:
    names = {
        "lanline_shm": "Lanline shm:",
        "lanline_unix": "Lanline unix:",
        "bare": "bare Unix socket pair",
    }
    rows = [
        Row(
            names[name],
            [
                found.get(name, "trip", what="us"),
                found.get(name, "wake", what="us"),
                _millions(found.get(name, "stream", what="per_second")),
            ],
            name != "bare",
            found.why(name, "trip"),
        )
        for name in AIO
    ]
    table = Table(
        "asyncio, 64 bytes",
        [
            Column("round trip, busy", "us"),
            Column("round trip from idle", "us"),
            Column("one way", "M messages/s"),
        ],
        rows,
        "`lanline.ipc.aio` (one way in batches of 256) beside asyncio's own streams over a socket "
        "pair, whose reader knows how long a message is.",
        Picture("asyncio", column=2, better="more"),
    )
    wakes = found.must("lanline_shm", "wake", what="us") / found.must("bare", "wake", what="us")
    flow = found.must("lanline_shm", "stream", what="per_second") / found.must(
        "bare", "stream", what="per_second"
    )
    aims = [
        Aim(
            "asyncio: wake-ups within 1.3 of a bare Unix socket pair", f"{wakes:.2f}", wakes <= 1.3
        ),
        Aim("... and 5 times its throughput when streaming", times(flow), flow >= 5),
    ]
    return [table], aims


def kernel(found: Found) -> Made:
    about = (
        "The bare loop calls `os.write` and `os.read`, `sendall` and `recv`, or posix_ipc's `send` "
        "and `receive`, with a size that both sides know; Lanline's channel frames each message, "
        "keeps the time-outs, counts, and tells a closed peer from a dead one. The two are "
        "measured by turns, and the ratio is the median of the turns'. "
    )
    apart, met = _kernel(found, "apart", "")
    together, shared = _kernel(found, "together", ", sharing a processor")
    tables = [
        Table(f"{AGAINST}, 64 bytes", KERNEL, apart, about + "Each process has its processor."),
        Table(f"{AGAINST}, sharing a processor", KERNEL, together, "The same on one processor."),
    ]
    return tables, met + shared


AGAINST = "The kernel's methods against bare loops of the same calls"
KERNEL = [
    Column("round trip", "us"),
    Column("bare", "us"),
    Column("ratio"),
    Column("one way", "us a message"),
    Column("bare", "us"),
    Column("ratio"),
]


def _kernel(found: Found, where: str, said: str) -> tuple[list[Row], list[Aim]]:
    rows, aims = [], []
    for method in METHODS:
        keys = [(method, way, where) for way in ("trip", "stream")]
        values = [found.must(*key, what=w) for key in keys for w in ("us", "bare_us", "ratio")]
        missing = found.why(*keys[0])
        rows.append(Row(f"{method}:" if method != "pipe" else "pipe", [*values], note=missing))
        trips, streams = values[2], values[5]
        missed = [
            _why_over(found, *key)
            for key, ratio in zip(keys, (trips, streams), strict=True)
            if ratio > 1.2
        ]
        aims.append(
            Aim(
                f"{method}: within 1.2 of the bare system calls{said}",
                f"{trips:.2f} round trip, {streams:.2f} one way",
                trips <= 1.2 and streams <= 1.2,
                "; ".join(missed) or missing,
            )
        )
    return rows, aims


def _why_over(found: Found, method: str, way: str, where: str) -> str:
    """By how much it is over, and where the processors' time goes, by the run's own figures."""

    def of(what: str) -> float:
        return found.must(method, way, where, what=what)

    more = of("us") - of("bare_us")
    if way == "trip":
        both, bare = (of(f"{whose}here") + of(f"{whose}there") for whose in ("", "bare_"))
        return (
            f"{more:.2g} us more a trip, which takes {both:.2g} us of the processors' time and "
            f"{bare:.2g} bare, {CALLS_OF_A_TRIP[method]}"
        )
    return (
        f"{more:.2g} us more a message one way, which takes {of('there'):.2g} us of the sender's "
        f"processor ({of('bare_there'):.2g} bare) and {of('here'):.2g} of the receiver's "
        f"({of('bare_here'):.2g})"
    )


POLLED = "because a read(2) that waits hears of no close: it is tried, polled and tried again"
CALLS_OF_A_TRIP = {
    "pipe": POLLED,
    "fifo": POLLED,
    "mq": "because an mq_receive(3) that waits hears of no close and no death: it is tried, polled "
    "beside two more, and tried again",
    "unix": "for the same calls, framed and counted",
}


TABLES: dict[str, Callable[[Found], Made]] = {
    "trip": trip,
    "wake": wake,
    "idle": idle,
    "stream": stream,
    "sizes": sizes,
    "lend": lend,
    "queue": queue,
    "aio": aio,
    "kernel": kernel,
}
