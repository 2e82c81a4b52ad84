"""kickmsg, with the receive that sleeps."""

from __future__ import annotations

from bench.ipc.peers.kickmsg import Kickmsg


class KickmsgWaiting(Kickmsg):
    polls = False


PEER = KickmsgWaiting
