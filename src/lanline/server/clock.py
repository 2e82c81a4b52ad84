"""The hub's clock: Unix time, and word of every step of it.

The hub reckons how long ago something was from Unix time, which somebody may set, or NTP after a
boot without a battery. So each reading is compared with a clock that is never set, and where the
two have moved apart the hub is told by how much before it is told the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

# Less than any duration that the hub goes by; slewing (adjtime(3)) stays below it from one second
# to the next.
STEP_SECONDS = 1.0


def steady() -> float:
    """Seconds that nobody sets. Those asleep count too, where the system tells them."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class Clock:
    def __init__(
        self,
        stepped: Callable[[float], None],
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = steady,
    ) -> None:
        """`stepped` is told by how many seconds the time was set forward (back: negative)."""
        self._stepped = stepped
        self._wall = wall
        self._steady = steady
        self._apart = wall() - steady()

    def now(self) -> float:
        """Unix seconds."""
        now = self._wall()
        apart = now - self._steady()
        moved, self._apart = apart - self._apart, apart
        if abs(moved) >= STEP_SECONDS:
            self._stepped(moved)
        return now
