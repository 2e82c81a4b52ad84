"""What there is on this machine to communicate by: who holds it, and what nobody holds any more.

    from lanline.ipc.inspect import survey

    for thing in survey().objects:
        print(thing.address, thing.state, [holder.pid for holder in thing.holders])

One file per kind: `fifos`, `posix_queues`, `posix_memory`, `sysv`, `sockets`, `own`. They read
what the kernel tells in /proc and on netlink, and change nothing. `removal` removes, `doctor` looks
at the machine's limits, `measure` measures its methods. `lanline ipc` is the command over it.

Linux only: elsewhere `survey` raises UnsupportedError.
"""

from __future__ import annotations

from lanline.ipc.inspect.objects import KINDS, Holder, IpcObject, State
from lanline.ipc.inspect.survey import Survey, find, survey

__all__ = ["KINDS", "Holder", "IpcObject", "State", "Survey", "find", "survey"]
