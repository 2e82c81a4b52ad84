"""What the tests of the look at the machine share."""

from __future__ import annotations

import os
import secrets
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from lanline.errors import Error

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


@pytest.fixture
def by_nobody() -> Callable[[Callable[[], str]], str]:
    """What a call answers to the user `nobody`, or the name of the error that it raises."""
    if os.geteuid() != 0:
        pytest.skip("who is not root cannot become another user")

    def ask(call: Callable[[], str]) -> str:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            answer = "it could not become nobody"
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                answer = call()
            except Error as problem:
                answer = type(problem).__name__
            finally:
                os.write(writer, answer.encode())
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as answers:
            said = answers.read()
        os.waitpid(child, 0)
        return said

    return ask
