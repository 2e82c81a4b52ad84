"""How `lanline invite` finds the running hub: a file in the data folder, for its owner only.

It holds the port and the token of whoever holds the console. It is there while the hub runs.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec

from lanline.errors import StartError

FILE = "console.json"


class Console(msgspec.Struct, frozen=True):
    port: int
    host: str  # an address of the hub that this machine reaches by itself
    token: str


@contextlib.contextmanager
def written(folder: Path, console: Console) -> Iterator[None]:
    """Keep the file while the hub runs."""
    path = folder / FILE
    half = folder / f"{FILE}.{secrets.token_hex(4)}"
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(console))
        half.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            half.unlink(missing_ok=True)
        raise StartError(f"{path} cannot be written: {problem.strerror}.") from problem
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read(folder: Path) -> Console:
    """Raises StartError when no hub runs there."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Console)
    except FileNotFoundError:
        raise StartError(
            f"No hub runs with the data folder {folder}; start one with lanline up, "
            "or name its folder with --data."
        ) from None
    except (OSError, msgspec.MsgspecError) as problem:
        raise StartError(f"{folder / FILE} cannot be read: {problem}.") from problem
