"""When to ping, and when the hub counts as gone.

TCP alone notices a cut cable only after minutes. So the client pings after `every` seconds without
sending (the hub wants to hear from it that often), and sooner, after IMPATIENT_SECONDS of silence,
while an answer is owed. A ping after which nothing is heard for ANSWER_SECONDS means that the hub
is gone.
"""

from __future__ import annotations

ANSWER_SECONDS = 20.0  # the hub may read nothing from a talker for 10
IMPATIENT_SECONDS = 5.0


class Heartbeat:
    def __init__(self, now: float) -> None:
        self.every = 25.0
        self._heard = now
        self._sent = now
        self._pinged: float | None = None  # an unanswered ping

    def heard(self, now: float) -> None:
        self._heard = now
        self._pinged = None

    def sent(self, now: float) -> None:
        self._sent = now

    def pinged(self, now: float) -> None:
        self._sent = self._pinged = now

    @property
    def unanswered(self) -> bool:
        return self._pinged is not None

    def deadline(self, *, owed: bool) -> float:
        """When to ping or, with a ping unanswered, to give up. `owed`: the hub owes an answer."""
        if self._pinged is not None:
            return self._pinged + ANSWER_SECONDS
        due = self._sent + self.every
        return min(due, max(self._heard, self._sent) + IMPATIENT_SECONDS) if owed else due
