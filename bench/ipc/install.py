"""The peers that pyproject's group `bench` names, in a folder of their own: out/bench/peers."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "out" / "bench" / "peers"


def wanted() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return list(settings["dependency-groups"]["bench"])


def name_of(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found
    return found[0]


def installed() -> set[str]:
    there = importlib.metadata.distributions(path=[str(FOLDER)])
    return {_normal(distribution.metadata["Name"]) for distribution in there}


def install() -> dict[str, str]:
    """Install what is not there yet; why not, by name, for what could not be."""
    problems = {}
    have = installed()
    for requirement in wanted():
        name = name_of(requirement)
        if _normal(name) in have:
            continue
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # Each by itself, so that one that cannot be built does not keep the others out.
        answer = subprocess.run(
            [*pip, "--target", str(FOLDER), requirement],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            lines = [line for line in answer.stderr.splitlines() if line.startswith("ERROR")]
            problems[name] = f"it could not be installed ({lines[-1] if lines else 'pip failed'})"
    return problems


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
