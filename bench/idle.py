#!/usr/bin/env python3
"""What a connection that says nothing costs a server in memory: the hub beside its peers.

    .venv/bin/python -m bench.idle [--quick]

Each server is started anew; its resident memory (VmRSS, proc_pid_status(5)) is read before and
after so many connections have come in and fallen silent. The connections come from several
addresses of loopback.
"""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from bench.hub import servers
from bench.hub.load import Load, held_open
from bench.hub.servers import Server
from bench.options import options
from bench.result import Aim, Column, Missing, Picture, Result, Row, Table

CONNECTIONS = 9_000
SPARE_FILES = 200
PLAIN, WEB = "Lanline, plain lines", "Lanline, WebSocket"
AIMS_KB = {PLAIN: 6, WEB: 12}
NGIRCD = "ngIRCd"
NGIRCD_CONNECTIONS = 2_000  # its time for a room to fill grows with the square of the members
PEERS = {"Redis pub/sub": servers.redis, "NATS": servers.nats, NGIRCD: servers.ngircd}


def main() -> None:
    chosen = options(__doc__).parse_args()
    load = Load("idle", min(CONNECTIONS, servers.most_files() - SPARE_FILES))
    load = load.quick() if chosen.quick else load
    rows, missing = [], []
    for name in (PLAIN, WEB, *PEERS):
        here = load
        if name == NGIRCD:
            here = replace(load, connections=min(load.connections, NGIRCD_CONNECTIONS))
        found = _measure(name, _start(name), here)
        if found is None:
            missing.append(Missing(name, "it is not installed"))
            continue
        fewer = "" if here is load else f"{here.connections:,} connections only"
        rows.append(Row(name, list(found), ours=name in AIMS_KB, note=fewer))
        print(f"{name:<24}{found[0]:>8.1f} KB each, {found[1]:.0f} MB in all", file=sys.stderr)
    if not chosen.quick:
        print(_result(rows, missing, load.connections).save(chosen.results))


def _start(name: str) -> AbstractContextManager[Server | None]:
    if name == PLAIN:
        return servers.lines(name)
    if name == WEB:
        return servers.websockets(name)
    return PEERS[name](name)


def _measure(
    name: str, starting: AbstractContextManager[Server | None], load: Load
) -> tuple[float, float] | None:
    """Kilobytes for each connection, and megabytes in all."""
    with starting as server:
        if server is None:
            return None
        before = _resident(server.pid)
        began = time.monotonic()
        with held_open(server, load):
            after = _resident(server.pid)
            print(
                f"{name}: {load.connections} in {time.monotonic() - began:.1f} s", file=sys.stderr
            )
        return round((after - before) / load.connections / 1000, 2), round(after / 1e6, 1)


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/{pid}/status says nothing of memory.")


def _result(rows: list[Row], missing: list[Missing], count: int) -> Result:
    kilobytes = {row.who: row.values[0] or 0.0 for row in rows}
    return Result(
        name="idle",
        title="Connections that say nothing",
        order=21,
        command="scripts/bench idle",
        about=(
            f"Resident memory of the server's process before and after {count:,} connections have"
            " come in, divided among them. Lanline's are members of #lobby, with names; the"
            " peers' have subscribed or joined too."
        ),
        tables=[
            Table(
                "Memory for each connection",
                [Column("each", "KB"), Column("the server in all", "MB")],
                rows,
                picture=Picture("memory"),
            )
        ],
        aims=[
            Aim(f"{name}: at most {most} KB", f"{kilobytes[name]:.1f} KB", kilobytes[name] <= most)
            for name, most in AIMS_KB.items()
        ],
        missing=missing,
    )


if __name__ == "__main__":
    main()
