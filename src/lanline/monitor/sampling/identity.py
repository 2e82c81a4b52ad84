"""Which machine this is, the same after every start.

Linux has an identity of its own in /etc/machine-id. machine-id(5) asks that it be treated as
confidential and never leave the machine, so what we say is an HMAC of it under a name of ours, as
`systemd-id128 --app-specific` does. Elsewhere we make one at random, once, and keep it in the
user's data folder.

Containers: many images carry one and the same machine-id, or none, or are lent the host's. There
the host name goes into the hash, which by default is the container's own id: two containers
differ, one that is restarted stays the same, and one that is made anew under a fixed host name
does too. Where that is not enough (cloned virtual machines that were never given an identity of
their own, several agents on one machine) say which machine it is: `--machine` or LANLINE_MACHINE.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import socket
from pathlib import Path

from lanline.errors import Error

ENVIRONMENT = "LANLINE_MACHINE"
_PURPOSE = b"lanline machine identity, version 1"
_MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"), Path("/run/systemd/container"))
_GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def machine_identity(given: str = "") -> str:
    """What is given, or the environment gives, else this machine's own lasting identity.

    Raises Error if what is given cannot serve, or nothing can be kept where it must be.
    """
    given = given or os.environ.get(ENVIRONMENT, "")
    if given:
        if not _GIVEN.fullmatch(given):
            raise Error(
                f"{given[:80]!r} cannot be a machine's identity: give 1 to 64 letters, digits, "
                "dots, dashes or underscores, a letter or digit first."
            )
        return given
    own = _machine_id()
    if own is None:
        return _kept_identity()
    return derived_identity(own, socket.gethostname() if in_container() else "")


def derived_identity(machine_id: str, host_name: str = "") -> str:
    """What we say instead of the machine's own id: 32 hexadecimal digits."""
    message = _PURPOSE + (b"\0" + host_name.encode() if host_name else b"")
    return hmac.new(machine_id.encode(), message, hashlib.sha256).hexdigest()[:32]


def in_container() -> bool:
    return any(mark.exists() for mark in _CONTAINER_MARKS)


def _machine_id() -> str | None:
    for path in _MACHINE_ID_FILES:
        try:
            text = path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if re.fullmatch(r"[0-9a-f]{32}", text):  # not empty, not "uninitialized"
            return text
    return None


def _kept_identity() -> str:
    import platformdirs

    path = Path(platformdirs.user_data_dir("lanline")) / "machine-id"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="ascii") as file:
                file.write(secrets.token_hex(16))
        except FileExistsError:
            pass
        kept = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise Error(
            f"This machine has no identity of its own, and none can be kept in {path} ({problem}); "
            f"give one with --machine or {ENVIRONMENT}."
        ) from None
    if not _GIVEN.fullmatch(kept):
        raise Error(
            f"{path} holds no machine identity; delete it, or give one with --machine "
            f"or {ENVIRONMENT}."
        )
    return kept
