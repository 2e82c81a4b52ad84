"""What an open pair costs that has nothing to say: both sides wait in recv."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from pathlib import Path

from bench.ipc.peers import Peer
from bench.ipc.worker import Figures, Meet, beside, meeting, open_peer

SETTLE = 0.3


def measure(name: str, seconds: float) -> Figures:
    """`percent`: of one core, both processes together; `switches`: a second."""
    peer = open_peer(name, 64)
    pids = [os.getpid(), 0]

    def wait(peer: Peer, meet: Meet) -> None:
        peer.send(b"x" * 64)
        peer.recv()
        threading.Thread(target=wait_for_ever, args=(peer,), daemon=True).start()
        meet()

    def child(sock: socket.socket) -> None:
        meet = meeting(sock)
        peer.open(1, meet)
        sock.sendall(os.getpid().to_bytes(4, "little"))
        wait(peer, meet)
        time.sleep(seconds + 60)

    try:
        with beside(child) as sock:
            meet = meeting(sock)
            peer.open(0, meet)
            pids[1] = int.from_bytes(sock.recv(4), "little")
            wait(peer, meet)
            time.sleep(SETTLE)
            before = cost(pids)
            time.sleep(seconds)
            after = cost(pids)
    finally:
        peer.clean()
    return {
        "percent": 100 * (after[0] - before[0]) / (seconds * 1e9),
        "switches": (after[1] - before[1]) / seconds,
    }


def wait_for_ever(peer: Peer) -> None:
    with contextlib.suppress(Exception):  # the other side is killed in the end
        peer.recv()


def cost(pids: list[int]) -> tuple[int, int]:
    """Nanoseconds on a processor and times put on one, of all threads (/proc/PID/schedstat)."""
    nanoseconds = switches = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            if int(thread.name) == os.getpid():
                continue  # that is who measures, and waits for nothing
            fields = (thread / "schedstat").read_text().split()
            nanoseconds += int(fields[0])
            switches += int(fields[2])
    return nanoseconds, switches
