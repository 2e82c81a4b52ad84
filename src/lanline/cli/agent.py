"""`lanline agent`: report this machine to a hub."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lanline.agent import Agent
    from lanline.client.notices import Complaint, StateChanged


def agent(
    hub: Annotated[
        str, typer.Argument(help="The hub's address (HOST or HOST:PORT), or its invite.")
    ],
    name: Annotated[
        str,
        typer.Option(
            help="Show this machine under this name, from now on.",
            show_default="the name last given, else its host name",
        ),
    ] = "",
    machine: Annotated[
        str,
        typer.Option(
            envvar="LANLINE_MACHINE",
            help="Its lasting identity, where its own will not do: several agents on one "
            "machine, machines cloned with one machine-id.",
            show_default="made from the machine's own",
        ),
    ] = "",
    json: Annotated[
        bool, typer.Option("--json", help="Print each change as one line of JSON.")
    ] = False,
) -> None:
    """Report this machine's figures to a hub, once a second.

    Processor, memory, disks, network and processes: the hub shows them in its page, in
    lanline watch and to Prometheus. Nothing listens on this machine; the agent dials out, and
    connects again for as long as it runs. Ctrl-C stops it.

    On another machine's hub (lanline up --lan) use the invite for machines that it prints, the
    first time; afterwards its address is enough.

    Exit codes: 0 stopped by you, 1 refused by the hub, 2 a wrong option.
    """
    import asyncio
    import logging

    from lanline.agent import Agent, known_to_agents
    from lanline.cli.stopping import until_stopped
    from lanline.monitor.sampling.given_name import given_name
    from lanline.monitor.sampling.identity import machine_identity
    from lanline.monitor.sampling.sampler import Sampler

    logging.basicConfig(level=logging.WARNING, format="lanline: %(message)s")
    machine = machine_identity(machine)
    sampler = Sampler(machine, given_name(machine, name))
    reporter = Agent(hub, sampler, known=known_to_agents())
    tell = _JsonTeller(reporter) if json else _Teller(reporter)
    asyncio.run(until_stopped(reporter.run(tell)))


class _Teller:
    """A line for people at each change, and none for each of a hundred tries."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._said = ""

    def __call__(self, event: StateChanged | Complaint) -> None:
        line = self._line(event)
        if line and line != self._said:
            self._said = line
            typer.echo(f"{time.strftime('%H:%M:%S')}  {line}")

    def _line(self, event: StateChanged | Complaint) -> str:
        from lanline.client.notices import Complaint
        from lanline.client.states import State

        client = self._agent.client
        if isinstance(event, Complaint):
            return event.problem.message
        if event.state is State.DIALLING and not self._said:
            return f"Connecting to {client.address} ..."
        if event.state is State.HERE and client.welcome:
            hub = client.welcome.hub
            return f"Reporting {client.name} to the hub {hub!r} once a second. Ctrl-C stops it."
        if event.state is State.WAITING:
            return f"{event.reason} Trying again."
        return ""


class _JsonTeller(_Teller):
    """The same for programs."""

    def __call__(self, event: StateChanged | Complaint) -> None:
        import msgspec

        from lanline.client.notices import Complaint

        client = self._agent.client
        said: dict[str, object] = {"time": time.time(), "hub": str(client.address)}
        if isinstance(event, Complaint):
            said |= {"event": "complaint", "message": event.problem.message}
        else:
            said |= {"event": "state", "state": event.state.value, "reason": event.reason}
            said |= {"name": client.name, "machine": self._agent.machine}
        typer.echo(msgspec.json.encode(said))
