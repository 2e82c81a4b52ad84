"""All machines, and the hub, as Prometheus text.

Names and labels are node_exporter's wherever it has one, so that existing boards and rules work,
with a label `machine` for its name; what is ours is called `lanline_...`. A machine that is away
keeps `lanline_machine_up 0` and no other figures: a stale figure would pass for a live one.

Two small differences from node_exporter: `node_memory_Cached_bytes` holds the reclaimable slab
too, as psutil and free(1) count, and the architecture in `node_uname_info` is called
`architecture`, since `machine` is taken.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from lanline.monitor import node_exporter
from lanline.monitor.metrics import Families
from lanline.wire.messages import MachineInfo

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class HubFigures(Struct, frozen=True, kw_only=True):
    """What the hub tells of itself. Totals are since `started`, in Unix seconds."""

    version: str
    started: float
    members: int = 0
    rooms: int = 0
    connections: dict[str, int] = {}  # open now, by protocol: websocket, lines, http
    connections_total: int = 0
    messages_total: int = 0
    received_bytes_total: int = 0
    sent_bytes_total: int = 0
    samples_total: int = 0
    refusals_total: dict[str, int] = {}  # by error code


def render(machines: Sequence[MachineInfo], hub: HubFigures) -> str:
    """The whole text of one scrape."""
    families = Families()
    _hub(families, hub)
    for label, machine in _labelled(machines):
        _machine(families, label, machine)
        if machine.state == "here" and machine.sample is not None:
            node_exporter.add(families, {"machine": label}, machine.sample)
    return families.text()


def _labelled(machines: Sequence[MachineInfo]) -> list[tuple[str, MachineInfo]]:
    """Each machine under a label of its own, also where two have one name."""
    names = Counter(machine.name for machine in machines)
    return [
        (machine.name if names[machine.name] == 1 else f"{machine.name}-{machine.id[:8]}", machine)
        for machine in machines
    ]


def _machine(families: Families, label: str, machine: MachineInfo) -> None:
    labels = {"machine": label}
    families.gauge(
        "lanline_machine_up",
        "Whether the machine reports itself now.",
        1 if machine.state == "here" else 0,
        labels,
    )
    families.gauge(
        "lanline_machine_state_since_seconds",
        "Since when it does, or does not, in Unix time.",
        machine.since,
        labels,
    )
    families.gauge(
        "lanline_machine_info", "The machine's lasting identity.", 1, {**labels, "id": machine.id}
    )


_HUB: tuple[tuple[Literal["gauge", "counter"], str, str], ...] = (
    ("gauge", "members", "Members present."),
    ("gauge", "rooms", "Rooms."),
    ("counter", "connections_total", "Connections accepted."),
    ("counter", "messages_total", "Messages acknowledged."),
    ("counter", "received_bytes_total", "Bytes received from clients."),
    ("counter", "sent_bytes_total", "Bytes sent to clients."),
    ("counter", "samples_total", "Samples received from machines."),
)


def _hub(families: Families, hub: HubFigures) -> None:
    families.gauge("lanline_info", "The hub's version.", 1, {"version": hub.version})
    families.gauge(
        "lanline_start_time_seconds", "When the hub was started, in Unix time.", hub.started
    )
    for kind, name, meaning in _HUB:
        families.add(kind, f"lanline_{name}", meaning, getattr(hub, name))
    for protocol, count in hub.connections.items():
        families.gauge(
            "lanline_connections", "Connections open now.", count, {"protocol": protocol}
        )
    for code, count in hub.refusals_total.items():
        families.counter("lanline_refusals_total", "Commands refused.", count, {"code": code})
