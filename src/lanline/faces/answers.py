"""What a person asks in the chat and is answered alone: who is here, the rooms, the machines.

Each answer is lines of text. Two columns have two spaces between them, so that a narrow screen
can put the second below the first.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lanline.errors import ProtocolError
from lanline.faces.figures import ABSENT, count, exactly, size
from lanline.monitor.summary import by_cpu, by_memory, summarize
from lanline.wire import messages as m
from lanline.wire.shown import shown
from lanline.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lanline.client.aio import HubClient
    from lanline.wire.samples import ProcessFigures, Sample

SHOWN_PROCESSES = 5  # of each list


def people(client: HubClient, name: str) -> str:
    """Who is in the room called `name`."""
    room = client.rooms.get(name)
    if room is None:
        return f"You are not in {name} yet."
    lines = [
        shown(member.name) + (" (you)" if client.is_me(member.id) else "")
        for member in sorted(room.members.values(), key=lambda member: member.name.casefold())
    ]
    if room.count > len(lines):
        lines.append(f"and {room.count - len(lines):,} more")
    return "\n".join([f"{counted(room.count, 'member')} in {name}:", *lines])


async def rooms(client: HubClient) -> str:
    """All rooms of the hub. Raises what `HubClient.request` raises."""
    answer = await client.request(m.Rooms())
    if not isinstance(answer, m.RoomList):
        raise ProtocolError("The hub did not answer with its rooms.")
    return _columns((room.name, counted(room.members, "member")) for room in answer.rooms)


async def machines(client: HubClient) -> str:
    """Every machine with its main figures. Raises what `HubClient.request` raises."""
    known = await _known_machines(client)
    if not known:
        return "No machine reports to this hub."
    return _columns((shown(info.name), _in_short(info)) for info in known)


async def top(client: HubClient, wanted: str) -> str:
    """The machine's processes: most CPU, then most memory. Raises what `request` raises."""
    known = await _known_machines(client)
    name = wanted.casefold()
    matching = [info for info in known if info.name.casefold() == name] or [
        info for info in known if name and info.name.casefold().startswith(name)
    ]
    if not wanted and len(known) == 1:
        matching = known
    if not matching:
        names = ", ".join(shown(info.name) for info in known) or "none"
        asked = (
            f"There is no machine {shown(wanted)!r}." if wanted else "Say which, as in /top NAME."
        )
        return f"{asked} Machines: {names}"
    return "\n\n".join(_processes(info) for info in matching)


async def _known_machines(client: HubClient) -> list[m.MachineInfo]:
    answer = await client.request(m.Machines())
    if not isinstance(answer, m.MachineList):
        raise ProtocolError("The hub did not answer with its machines.")
    return sorted(answer.machines, key=lambda info: (info.name.casefold(), info.id))


def _in_short(info: m.MachineInfo) -> str:
    if info.state != "here" or info.sample is None:
        since = time.strftime("%d %b %H:%M", time.localtime(info.since))
        return f"{info.state} since {since}"
    summary = summarize(info.sample)
    return ", ".join(
        (
            f"CPU {_percent(summary.cpu_percent)}",
            f"memory {_percent(summary.memory_percent)}",
            f"disk {_percent(summary.disk_percent)}",
            f"load {count(summary.load_1, 2)}",
        )
    )


def _percent(figure: float | None) -> str:
    return ABSENT if figure is None else f"{figure:.0f} %"


def _processes(info: m.MachineInfo) -> str:
    head = f"{shown(info.name)}: {_in_short(info)}"
    if info.state != "here" or info.sample is None:
        return head
    return "\n".join(
        (
            head,
            "Most CPU:",
            _listed(info.sample, by_cpu, lambda one: exactly(one.cpu_percent)),
            "Most memory:",
            _listed(info.sample, by_memory, lambda one: size(one.rss_bytes)),
        )
    )


def _listed(
    sample: Sample,
    order: Callable[[Iterable[ProcessFigures]], list[ProcessFigures]],
    figure: Callable[[ProcessFigures], str],
) -> str:
    first = order(sample.processes)[:SHOWN_PROCESSES]
    return _columns(
        (shown(one.name), f"{figure(one):>9}  {one.pid:>7} {shown(one.user)}".rstrip())
        for one in first
    )


def _columns(rows: Iterable[tuple[str, str]]) -> str:
    kept = list(rows)
    width = max((len(first) for first, _ in kept), default=0)
    return "\n".join(f"{first:{width}}  {second}" for first, second in kept)
