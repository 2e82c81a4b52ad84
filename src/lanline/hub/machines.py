"""The machines that report here, and who watches them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lanline.hub.connections import Connection
from lanline.hub.effects import (
    Effect,
    Heard,
    Multicast,
    ReadRecent,
    RecordMachine,
    Send,
)
from lanline.hub.gate import RefusalError
from lanline.hub.limits import Limits
from lanline.wire.messages import (
    ListProcesses,
    MachineChanged,
    MachineInfo,
    MachineList,
    Machines,
    MachineState,
    Problem,
    Processes,
    ProcessList,
    ProcessTable,
    Publish,
    Recent,
    Sampled,
    Unwatch,
    Watch,
)
from lanline.words import counted

RECORD_SECONDS = 60.0  # what a restart of the hub may forget of a machine that is here


class Machine:
    """One machine: its latest sample, and the connection it reports by (0: none)."""

    __slots__ = ("connection", "heard", "info", "recorded", "watchers")

    def __init__(self, info: MachineInfo) -> None:
        self.info = info
        self.connection = 0
        self.heard = info.since
        self.recorded = info.since
        self.watchers: dict[int, None] = {}


class Question(msgspec.Struct, frozen=True):
    """A process list asked of a machine and not yet answered."""

    asker: int
    command_id: int | None
    machine: str
    until: float


class MachineBoard:
    def __init__(self, machines: Iterable[MachineInfo], limits: Limits) -> None:
        self._limits = limits
        self.machines = {info.id: Machine(info) for info in machines}
        self._summary_watchers: dict[int, None] = {}
        self._list_watchers: dict[int, None] = {}  # told of who comes and goes, and no figures
        self._questions: dict[int, Question] = {}
        self._next_question = 1

    # --- the agent's side -------------------------------------------------------------------

    def require_place(self, machine_id: str) -> None:
        """Raise RefusalError where this would be one machine too many."""
        if machine_id not in self.machines and len(self.machines) >= self._limits.machines:
            raise RefusalError(
                "not-allowed",
                f"This hub watches {counted(self._limits.machines, 'machine')} at most.",
            )

    def agent_came(self, connection: Connection, name: str, now: float) -> list[Effect]:
        machine = self.machines.get(connection.machine)
        if machine is None:
            info = MachineInfo(id=connection.machine, name=name, state="away", since=now)
            machine = self.machines[info.id] = Machine(info)
        machine.connection = connection.number
        machine.heard = now
        address = connection.visitor.address
        machine.info = msgspec.structs.replace(machine.info, name=name, address=address)
        return self._turn(machine, "here", now)

    def reporter(self, machine_id: str) -> int:
        """The connection that the machine reports by; 0 for none."""
        machine = self.machines.get(machine_id)
        return machine.connection if machine else 0

    def agent_gone(self, connection: Connection, now: float) -> list[Effect]:
        machine = self.machines.get(connection.machine)
        if machine is None or machine.connection != connection.number:
            return []
        machine.connection = 0
        failed = [n for n, q in self._questions.items() if q.machine == machine.info.id]
        effects = self._turn(machine, "away", now)
        for number in failed:
            effects.append(self._fail(self._questions.pop(number), "machine-away"))
        return effects

    def publish(self, connection: Connection, command: Publish, now: float) -> list[Effect]:
        machine = self._own(connection)
        sample = command.sample
        if sample.machine != machine.info.id:
            raise RefusalError("not-allowed", "An agent reports the machine that its hello named.")
        machine.heard = now
        machine.info = msgspec.structs.replace(machine.info, sample=sample)
        effects: list[Effect] = [Heard(sample.machine, sample)]
        if machine.info.state == "away":
            effects += self._turn(machine, "here", now)
        elif now - machine.recorded >= RECORD_SECONDS:
            machine.recorded = now
            effects.append(RecordMachine(machine.info))
        if machine.watchers:
            event = Sampled(machine=sample.machine, sample=sample)
            effects.append(Multicast(tuple(machine.watchers), event))
        return effects

    def list_given(self, connection: Connection, command: ProcessList, now: float) -> list[Effect]:
        machine = self._own(connection)
        question = self._questions.get(command.request)
        if question is None or question.machine != machine.info.id:
            return []  # it came too late, and the asker has been told
        del self._questions[command.request]
        table = ProcessTable(
            id=question.command_id,
            machine=question.machine,
            time=now,
            processes=command.processes,
        )
        return [Send(question.asker, table)]

    # --- the watcher's side -----------------------------------------------------------------

    def list_machines(self, connection: Connection, command: Machines, now: float) -> list[Effect]:
        return [Send(connection.number, MachineList(id=command.id, machines=self.infos()))]

    def infos(self) -> list[MachineInfo]:
        infos = [machine.info for machine in self.machines.values()]
        return sorted(infos, key=lambda info: (info.name, info.id))

    def watch(self, connection: Connection, command: Watch, now: float) -> list[Effect]:
        chosen = [self._known(machine) for machine in command.machines]
        self.stop_watching(connection)
        for machine in chosen:
            machine.watchers[connection.number] = None
        if command.summaries:
            self._summary_watchers[connection.number] = None
        elif not chosen:
            self._list_watchers[connection.number] = None
        infos = [machine.info for machine in chosen] if chosen else self.infos()
        return [Send(connection.number, MachineList(id=command.id, machines=infos))]

    def unwatch(self, connection: Connection, command: Unwatch, now: float) -> list[Effect]:
        self.stop_watching(connection)
        return []

    def stop_watching(self, connection: Connection) -> None:
        self._summary_watchers.pop(connection.number, None)
        self._list_watchers.pop(connection.number, None)
        for machine in self.machines.values():
            machine.watchers.pop(connection.number, None)

    @property
    def summary_watchers(self) -> tuple[int, ...]:
        return tuple(self._summary_watchers)

    def recent(self, connection: Connection, command: Recent, now: float) -> list[Effect]:
        machine = self._known(command.machine)
        read = ReadRecent(connection.number, command.id, machine.info.id, command.seconds)
        return [read]

    def processes(self, connection: Connection, command: Processes, now: float) -> list[Effect]:
        machine = self._known(command.machine)
        if not machine.connection:
            raise RefusalError("machine-away", f"{machine.info.name} is away and cannot be asked.")
        if len(self._questions) >= self._limits.questions:
            raise RefusalError(
                "too-fast", "Too many process lists are asked for; try again shortly."
            )
        number = self._next_question
        self._next_question += 1
        until = now + self._limits.processes_seconds
        self._questions[number] = Question(connection.number, command.id, machine.info.id, until)
        return [Send(machine.connection, ListProcesses(request=number))]

    # --- time -------------------------------------------------------------------------------

    def stepped(self, by: float) -> None:
        """The clock was set: what was so long ago still is."""
        for machine in self.machines.values():
            machine.heard += by
            machine.recorded += by
            if machine.info.state == "here":
                since = machine.info.since + by
                machine.info = msgspec.structs.replace(machine.info, since=since)
        for number, question in self._questions.items():
            until = question.until + by
            self._questions[number] = msgspec.structs.replace(question, until=until)

    def tick(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for machine in self.machines.values():
            silent = now - machine.heard > self._limits.machine_silent_seconds
            if machine.info.state == "here" and silent:
                effects += self._turn(machine, "away", machine.heard)
        late = [n for n, question in self._questions.items() if question.until <= now]
        for number in late:
            effects.append(self._fail(self._questions.pop(number), "no-answer"))
        return effects

    # --- inside -----------------------------------------------------------------------------

    def _turn(self, machine: Machine, state: MachineState, since: float) -> list[Effect]:
        machine.info = msgspec.structs.replace(machine.info, state=state, since=since)
        machine.recorded = since
        watchers = tuple({**self._summary_watchers, **self._list_watchers, **machine.watchers})
        effects: list[Effect] = [RecordMachine(machine.info)]
        if watchers:
            effects.append(Multicast(watchers, MachineChanged(machine=machine.info)))
        return effects

    def _fail(self, question: Question, code: str) -> Send:
        name = self.machines[question.machine].info.name
        if code == "no-answer":
            problem = Problem(
                id=question.command_id,
                code="no-answer",
                message=f"{name} did not list its processes within "
                f"{counted(self._limits.processes_seconds, 'second')}.",
            )
        else:
            problem = Problem(
                id=question.command_id, code="machine-away", message=f"{name} went away."
            )
        return Send(question.asker, problem)

    def _known(self, machine_id: str) -> Machine:
        machine = self.machines.get(machine_id)
        if machine is None:
            raise RefusalError("no-such-machine", f"No machine {machine_id[:64]!r} reports here.")
        return machine

    def _own(self, connection: Connection) -> Machine:
        machine = self.machines.get(connection.machine) if connection.machine else None
        if machine is None:
            raise RefusalError("not-allowed", "Only a machine's agent can report it.")
        return machine
