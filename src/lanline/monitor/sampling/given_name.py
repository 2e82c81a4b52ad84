"""The name that somebody gave a machine, kept for the next start.

A machine is called by its host name until an agent is told another (`--name`). From then on that
is its name, also when the agent is started again without one: by a service, or in a hurry.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import platformdirs

logger = logging.getLogger(__name__)


def given_name(machine: str, name: str = "", path: Path | None = None) -> str:
    """`name`, kept from now on; without one, what was kept for this machine, or ""."""
    path = path or platformdirs.user_data_path("lanline") / "machine-names.json"
    names = _kept(path)
    if not name:
        return names.get(machine, "")
    if names.get(machine) != name:
        _keep(path, {**names, machine: name})
    return name


def _kept(path: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as problem:
        logger.warning("The names given to machines, %s, cannot be read: %s.", path, problem)
        return {}


def _keep(path: Path, names: dict[str, str]) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_bytes(msgspec.json.format(msgspec.json.encode(names)))
        new.chmod(0o600)
        new.replace(path)
    except OSError as problem:
        # It reports all the same; only the next start does not know the name.
        logger.warning("The name cannot be kept in %s: %s.", path, problem.strerror)
