"""What the tests of the look at the machine share."""

from __future__ import annotations

import secrets
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def hold(process: Callable[[str], Any]) -> Callable[[str], Any]:
    """Start a process that makes what the code says and holds it until it is killed."""

    def start(code: str) -> Any:
        holder = process(f"{dedent(code)}\nprint('ready', flush=True)\ninput()")
        assert holder.line() == "ready"
        return holder

    return start


@pytest.fixture
def name() -> str:
    """A name that nobody else on the machine has."""
    return f"test-{secrets.token_hex(6)}"
