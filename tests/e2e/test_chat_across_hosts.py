"""The chat between three hosts on a network: who gets in, and what a cut cable costs."""

from __future__ import annotations

import contextlib
import select
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from tests.e2e.hosts import Host, hosts, needs_hosts
from tests.hub_process import LANLINE, HubProcess

from lanline.client.aio import HubClient

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [*needs_hosts, pytest.mark.timeout(120)]

CUT_SECONDS = 10
SECONDS = 60


class Talker:
    """`lanline chat` in pipes, on a host of its own."""

    def __init__(self, host: Host, home: Path, *arguments: str) -> None:
        self.home = home
        self._process = subprocess.Popen(
            host.command(LANLINE, "chat", *arguments),
            env=host.environment(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def say(self, *lines: str) -> None:
        assert self._process.stdin
        self._process.stdin.writelines(f"{line}\n" for line in lines)
        self._process.stdin.flush()

    def hear(self, last: str) -> list[str]:
        """What others said, up to a line."""
        assert self._process.stdout
        heard: list[str] = []
        while not heard or heard[-1] != last:
            line = self._process.stdout.readline()
            assert line, self._process.stderr and self._process.stderr.read()
            if not line.startswith("*"):
                heard.append(line.rstrip("\n"))
        return heard

    def hears_something(self, seconds: float) -> bool:
        """Whether anything comes within so long."""
        assert self._process.stdout
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def end(self) -> tuple[int, str]:
        """End its input; its exit code and what it said on standard error."""
        _, errors = self._process.communicate(timeout=SECONDS)
        return self._process.returncode, errors

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):  # what it had not read yet
                    pipe.close()


class Network:
    """A hub on one host, and two hosts to come from."""

    def __init__(self, made: list[Host], folder: Path) -> None:
        self.hub_host, self.ann_host, self.bob_host = made
        self.folder = folder
        self.hub = HubProcess(folder / "data", "--lan", on=self.hub_host.command())

    @property
    def address(self) -> str:
        return f"{self.hub_host.address}:{self.hub.port}"

    def ann(self, *arguments: str) -> Talker:
        return Talker(self.ann_host, self.folder / "ann", *arguments, "--name", "Ann")

    def bob(self, *arguments: str) -> Talker:
        return Talker(self.bob_host, self.folder / "bob", *arguments, "--name", "Bob")


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with hosts("hub", "ann", "bob") as made:
        network = Network(made, tmp_path)
        with network.hub:
            yield network


def both_in(ann: Talker, bob: Talker) -> None:
    """Wait until each has heard the other."""
    deadline = time.monotonic() + SECONDS
    while not bob.hears_something(0.3):
        ann.say("are you there?")  # heard by nobody until Bob is in
        assert time.monotonic() < deadline
    bob.say("here")
    ann.hear("Bob: here")


def test_an_invite_lets_in_and_from_then_on_the_address_is_enough(network: Network) -> None:
    invite = network.hub.network["invite"]
    with network.ann(invite) as ann, network.bob(invite) as bob:
        both_in(ann, bob)
        bob.say("quit")
        assert bob.end() == (0, "")
        with network.bob(network.address) as again:
            again.say("back with the address alone")
            ann.hear("Bob: back with the address alone")


def test_without_an_invite_nobody_is_spoken_to(network: Network) -> None:
    with network.ann(network.address) as ann:
        code, errors = ann.end()
    assert code == 1
    assert "is not known here yet" in errors
    assert errors.count("\n") == 1


def test_a_wrong_invite_is_refused_with_the_reason(network: Network) -> None:
    right = network.hub.network["invite"]
    token = right.split("invite=")[1].split("&")[0]
    with network.ann(right.replace(token, "x" * len(token))) as ann:
        code, errors = ann.end()
    assert code == 1
    assert "not one of this hub's" in errors


def test_a_hub_with_another_key_is_not_believed(network: Network) -> None:
    """Who answers at the hub's address with a key of their own is told nothing."""
    with network.ann(network.hub.network["invite"]) as ann:
        ann.say("quit")
        assert ann.end()[0] == 0
    network.hub.stop()
    port = network.hub.port
    impostor = HubProcess(network.folder / "impostor", "--lan", on=network.hub_host.command())
    impostor.port = port
    with impostor, network.ann(network.address) as ann:
        code, errors = ann.end()
    assert code == 1
    assert "its key has changed" in errors


def test_the_join_code_lets_in_and_proves_the_hub(network: Network) -> None:
    code = network.hub.network["code"]
    with network.ann(network.address, "--code", "0000-0000") as ann:
        exit_code, errors = ann.end()
    assert exit_code == 1
    assert "not the join code" in errors
    with network.ann(network.address, "--code", code) as ann:
        ann.say("in by the code", "quit")
        assert ann.end() == (0, "")
    with network.ann(network.address) as again:
        again.say("known from now on", "quit")
        assert again.end() == (0, "")


def test_a_cut_cable_and_a_killed_hub_lose_nothing_and_double_nothing(network: Network) -> None:
    invite = network.hub.network["invite"]
    lines = [f"line {number}" for number in range(40)]
    with network.ann(invite) as ann, network.bob(invite) as bob:
        both_in(ann, bob)
        ann.say(*lines[:10])
        network.ann_host.cut_cable()
        ann.say(*lines[10:20])
        # The cable is cut for this long: here it is the time itself that is tested.
        time.sleep(CUT_SECONDS)
        network.ann_host.mend_cable()
        ann.say(*lines[20:30])
        assert bob.hear("Ann: line 29")[-30:] == [f"Ann: {line}" for line in lines[:30]]
        network.hub.kill()
        ann.say(*lines[30:])
        network.hub.start()
        assert bob.hear("Ann: line 39") == [f"Ann: {line}" for line in lines[30:]]
        ann.say("quit")
        assert ann.end() == (0, "")


def test_the_hubs_own_host_needs_no_invite(network: Network) -> None:
    with Talker(network.hub_host, network.folder / "home", network.hub.address) as own:
        own.say("quit")
        assert own.end()[0] == 0
    assert HubClient(network.hub.address).address.is_loopback
