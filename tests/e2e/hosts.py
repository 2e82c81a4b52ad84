"""Several hosts on one machine: network namespaces on one switch, made and removed by the test.

    hub ──┐
    ann ──┼── switch (a bridge in a namespace of its own)
    web ──┘

A cable is cut by taking its end at the switch down: packets are lost, nobody is told.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NETWORK = "10.77.0"

needs_hosts = [
    pytest.mark.network,
    pytest.mark.skipif(
        shutil.which("ip") is None or os.geteuid() != 0,
        reason="hosts are made of network namespaces, by root with iproute2",
    ),
]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


class Host:
    def __init__(self, switch: str, name: str, address: str) -> None:
        self._switch = switch
        self.namespace = f"{switch}-{name}"
        self.address = address
        self._cable = f"c-{name}"

    def make(self) -> None:
        _ip("netns", "add", self.namespace)
        end = ("peer", "name", "eth0", "netns", self.namespace)
        _ip("-n", self._switch, "link", "add", self._cable, "type", "veth", *end)
        _ip("-n", self._switch, "link", "set", self._cable, "master", "switch", "up")
        _ip("-n", self.namespace, "address", "add", f"{self.address}/24", "dev", "eth0")
        _ip("-n", self.namespace, "link", "set", "eth0", "up")
        _ip("-n", self.namespace, "link", "set", "lo", "up")

    def cut_cable(self) -> None:
        _ip("-n", self._switch, "link", "set", self._cable, "nomaster")

    def mend_cable(self) -> None:
        _ip("-n", self._switch, "link", "set", self._cable, "master", "switch")

    def command(self, *words: str) -> list[str]:
        """The words that run a command on this host."""
        return ["ip", "netns", "exec", self.namespace, *words]

    def environment(self, home: Path) -> dict[str, str]:
        """Of a command on this host: everybody has a home of their own."""
        home.mkdir(exist_ok=True)
        keep = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
        return {**keep, "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}


@contextmanager
def hosts(*names: str, network: str = NETWORK) -> Iterator[list[Host]]:
    """Hosts with these names on one network; all gone afterwards."""
    switch = f"lanline-{secrets.token_hex(3)}"
    made = [Host(switch, name, f"{network}.{n}") for n, name in enumerate(names, 1)]
    _ip("netns", "add", switch)
    try:
        _ip("-n", switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", switch, "link", "set", "switch", "up")
        for host in made:
            host.make()
        yield made
    finally:
        for namespace in [*(host.namespace for host in made), switch]:
            # What a failed start has not made cannot be removed.
            subprocess.run(
                ["ip", "netns", "delete", namespace], check=False, capture_output=True, timeout=10
            )
