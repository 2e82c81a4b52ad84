"""All Unix sockets of this network namespace: by sock_diag(7), or where that is missing from
/proc/net/unix.

The first is asked because it tells names exactly, whatever bytes are in them, and the device and
inode of a socket's file. In /proc/net/unix somebody can put a line of their own into a name.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterable, Iterator

from msgspec import Struct

from lanline.ipc.inspect.objects import FileId
from lanline.ipc.inspect.processes import lines_of

SOCK_DIAG = 4  # NETLINK_SOCK_DIAG
BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
SHOW_NAME, SHOW_FILE, SHOW_WAITING, SHOW_USER = 1, 2, 16, 64
NAME, FILE, WAITING, USER = 0, 1, 4, 7  # attributes (linux/unix_diag.h)
NETLINK = struct.Struct("=IHHII")
ENTRY = struct.Struct("=BBBBIII")
ATTRIBUTE = struct.Struct("=HH")
DONE, FAILED = 3, 2  # NLMSG_DONE, NLMSG_ERROR
LISTENS, CONNECTED = 10, 1  # TCP_LISTEN, TCP_ESTABLISHED: Unix sockets have the same states
OWN_TABLE = "/proc/self/net/unix"
MOST_SOCKETS = 1 << 17
ACCEPTS = 0x00010000  # __SO_ACCEPTCON among the flags in /proc/net/unix


class UnixSocket(Struct, frozen=True):
    """One end. `name`: a path, or `@` and an abstract name, or empty."""

    inode: int
    name: str
    kind: int  # socket.SOCK_STREAM, ...
    listens: bool
    connected: bool
    file: FileId | None = None
    waiting: int = 0  # callers that nobody has accepted yet, of one that listens
    uid: int = -1

    @property
    def is_bound(self) -> bool:
        """Has it made its file? Those that a listener has accepted bear its name, too."""
        return self.file is not None and not self.connected


def unix_sockets() -> list[UnixSocket]:
    try:
        return list(_by_netlink())
    except OSError:
        return list(parse_proc_net_unix(lines_of(OWN_TABLE)))


def _by_netlink() -> Iterator[UnixSocket]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, SOCK_DIAG) as sock:
        sock.settimeout(5)
        show = SHOW_NAME | SHOW_FILE | SHOW_WAITING | SHOW_USER
        request = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, show, 0, 0)
        sock.send(
            NETLINK.pack(NETLINK.size + len(request), BY_FAMILY, REQUEST_DUMP, 1, 0) + request
        )
        count = 0
        while count < MOST_SOCKETS:
            for kind, body in messages(sock.recv(1 << 16)):
                if kind == DONE:
                    return
                if kind == FAILED:
                    raise OSError(-struct.unpack_from("=i", body)[0], "sock_diag(7) refuses")
                count += 1
                found = parse_entry(body)
                if found is not None:
                    yield found


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """What one read of a netlink socket holds: type and body of each message (netlink(7))."""
    while len(data) >= NETLINK.size:
        length, kind, *_ = NETLINK.unpack_from(data)
        if not NETLINK.size <= length <= len(data):
            return
        yield kind, data[NETLINK.size : length]
        data = data[(length + 3) & ~3 :]


def parse_entry(body: bytes) -> UnixSocket | None:
    """A socket as the kernel describes it (struct unix_diag_msg and its attributes)."""
    if len(body) < ENTRY.size:
        return None
    _, kind, state, _, inode, *_ = ENTRY.unpack_from(body)
    parts = dict(_attributes(body[ENTRY.size :]))
    file = None
    with contextlib.suppress(KeyError, struct.error):
        its_inode, device = struct.unpack_from("=II", parts[FILE])
        # The kernel's own form of a device number: 20 bits of minor.
        file = (os.makedev(device >> 20, device & 0xFFFFF), its_inode)
    waiting = uid = 0
    with contextlib.suppress(KeyError, struct.error):
        (waiting,) = struct.unpack_from("=I", parts[WAITING])
    with contextlib.suppress(KeyError, struct.error):
        (uid,) = struct.unpack_from("=I", parts[USER])
    return UnixSocket(
        inode=inode,
        name=_name_untrusted(parts.get(NAME, b"")),
        kind=kind,
        listens=state == LISTENS,
        connected=state == CONNECTED,
        file=file,
        waiting=waiting if state == LISTENS else 0,
        uid=uid if USER in parts else -1,
    )


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        if not ATTRIBUTE.size <= length <= len(data):
            return
        yield kind, data[ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]


def _name_untrusted(raw: bytes) -> str:
    # An abstract one begins with a NUL byte, and has more of them wherever its owner likes.
    raw = b"@" + raw[1:] if raw.startswith(b"\0") else raw.rstrip(b"\0")
    return raw.replace(b"\0", b"@").decode("utf-8", "surrogateescape")


def parse_proc_net_unix(lines: Iterable[str]) -> Iterator[UnixSocket]:
    """The same from /proc/net/unix, without what it does not tell; what is no entry is left out."""
    for line in lines:
        fields = line.split(maxsplit=7)
        if len(fields) < 7 or not fields[0].endswith(":"):
            continue
        with contextlib.suppress(ValueError):
            flags, kind, state = (int(field, 16) for field in fields[3:6])
            yield UnixSocket(
                inode=int(fields[6]),
                name=fields[7] if len(fields) > 7 else "",
                kind=kind,
                listens=bool(flags & ACCEPTS),
                connected=state == 3,  # SS_CONNECTED
            )
