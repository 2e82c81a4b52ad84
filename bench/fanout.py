#!/usr/bin/env python3
"""What a message costs a server that hands it to 500 others: the hub beside its peers.

    .venv/bin/python -m bench.fanout [--quick] [--rounds 3] [--seconds 2]

All servers run at once, and are loaded one after the other, round by round, so that the machine's
moods fall on all alike. hub/load.c is the load: one thread that reads everybody's messages.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from statistics import median

from bench.hub import servers
from bench.hub.load import Load, Outcome, run
from bench.hub.servers import Server
from bench.options import options
from bench.result import Aim, Column, Missing, Picture, Result, Row, Table

MEMBERS = 500
WINDOWS = (1, 5, 50)
SPEAKERS, OUTSTANDING = 200, 4  # of the room whose acknowledgements are counted

PLAIN, WEB = "Lanline, plain lines", "Lanline, WebSocket"
REDIS, NATS, NGIRCD = "Redis pub/sub", "NATS", "ngIRCd"
PEERS = {REDIS: servers.redis, NATS: servers.nats, NGIRCD: servers.ngircd}

AIM_FULL, AIM_SINGLE, AIM_WEB, AIM_ACKNOWLEDGED = 0.6, 1.1, 1.3, 20_000


@dataclass
class Found:
    """What one server did with one window, a figure for each round."""

    microseconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.microseconds.append(outcome.microseconds)
        self.rates.append(outcome.rate)

    def over(self, other: Found) -> float:
        """How many times the other's CPU, in the middle of the rounds."""
        pairs = zip(self.microseconds, other.microseconds, strict=True)
        return median(ours / theirs for ours, theirs in pairs)


Table_ = dict[tuple[str, int], Found]


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    chosen = parser.parse_args()
    milliseconds = int(chosen.seconds * 1000)
    many = Load("fan-out", MEMBERS + 1, measure_ms=milliseconds)
    few = Load("ack", SPEAKERS, OUTSTANDING, measure_ms=milliseconds)
    rounds, windows = chosen.rounds, WINDOWS
    if chosen.quick:
        many, few = many.quick(), few.quick()
        rounds, windows = 1, WINDOWS[1:2]
    found: Table_ = defaultdict(Found)
    acknowledged = Found()
    with ExitStack() as stack:
        running, missing = _start(stack)
        for number in range(rounds):
            for window in windows:
                for server in running:
                    outcome = run(server, replace(many, window=window))
                    found[server.name, window].add(outcome)
                    _tell(f"round {number + 1}, {window:>2} on their way", server.name, outcome)
            outcome = _acknowledged(few)
            acknowledged.add(outcome)
            _tell(f"round {number + 1}, acknowledged", WEB, outcome)
    names = [server.name for server in running]
    if not chosen.quick:
        print(_result(names, found, acknowledged, missing).save(chosen.results))


def _start(stack: ExitStack) -> tuple[list[Server], list[Missing]]:
    ours = (servers.lines(PLAIN), servers.websockets(WEB))
    running = [stack.enter_context(server) for server in ours]
    missing = []
    for name, start in PEERS.items():
        peer = stack.enter_context(start(name))
        if peer is None:
            missing.append(Missing(name, "it is not installed"))
        else:
            running.append(peer)
    return running, missing


def _acknowledged(load: Load) -> Outcome:
    """Messages with keys, each acknowledged when it is on the disk, in a hub of their own."""
    with servers.hub() as (pid, port):
        return run(servers.websockets_of(WEB, pid, port, keys=True), load)


def _tell(what: str, who: str, outcome: Outcome) -> None:
    busy = outcome.load_cpu_seconds / outcome.seconds
    print(
        f"{what:<30}{who:<24}{outcome.microseconds:>8.3f} us each{outcome.rate:>12,.0f}/s"
        f"   (load at {busy:.0%})",
        file=sys.stderr,
    )


# --- what it comes to -----------------------------------------------------------------------------


def _result(names: list[str], found: Table_, acks: Found, missing: list[Missing]) -> Result:
    return Result(
        name="fanout",
        title="One room, 500 members",
        order=20,
        command="scripts/bench fanout",
        about=(
            f"{MEMBERS} members in one room read messages of {servers.MESSAGE_BYTES} bytes; 1, 5 or"
            " 50 of them are on their way at once, a message being on its way until the last"
            " member has it. What counts is the server's CPU time for each delivery, kernel and"
            " all threads included. **Lanline stores every message on the disk first**"
            " (SQLite, `synchronous=FULL`); the peers keep nothing."
        ),
        tables=[*(_table(window, names, found) for window in WINDOWS), _ack_table(acks)],
        aims=_aims(found, acks) if (REDIS, 1) in found else [],
        missing=missing,
    )


def _table(window: int, names: list[str], found: Table_) -> Table:
    how = "One message at a time" if window == 1 else f"{window} messages on their way"
    rows = []
    for name in names:
        one, redis = found[name, window], found.get((REDIS, window))
        ratio = round(one.over(redis), 2) if redis else None
        values = [round(median(one.microseconds), 3), ratio, round(median(one.rates))]
        rows.append(Row(name, values, ours=name in (PLAIN, WEB)))
    return Table(
        how,
        [Column("CPU per delivery", "us"), Column("of Redis's"), Column("deliveries", "/s")],
        rows,
        picture=Picture(f"window-{window}"),
    )


def _ack_table(acks: Found) -> Table:
    return Table(
        "Acknowledged messages",
        [Column("acknowledged", "/s"), Column("CPU each", "us")],
        [Row(WEB, [round(median(acks.rates)), round(median(acks.microseconds), 1)], ours=True)],
        about=(
            f"{SPEAKERS} WebSocket clients say messages with idempotency keys, {OUTSTANDING} each"
            " before they wait. An acknowledgement is sent when the message is on the disk."
        ),
    )


def _aims(found: Table_, acks: Found) -> list[Aim]:
    aims = []
    for window, most in ((50, AIM_FULL), (1, AIM_SINGLE)):
        ratio = found[PLAIN, window].over(found[REDIS, window])
        what = f"Plain lines, {window} on their way: at most {most} of Redis's CPU per delivery"
        aims.append(Aim(what, f"{ratio:.2f}", ratio <= most))
    worst = max(found[WEB, window].over(found[PLAIN, window]) for window in WINDOWS)
    aims.append(Aim(f"WebSocket: at most {AIM_WEB} of it", f"{worst:.2f}", worst <= AIM_WEB))
    rate = median(acks.rates)
    what = f"Stored and acknowledged: at least {AIM_ACKNOWLEDGED:,} messages/s"
    aims.append(Aim(what, f"{rate:,.0f}/s", rate >= AIM_ACKNOWLEDGED))
    return aims


if __name__ == "__main__":
    main()
