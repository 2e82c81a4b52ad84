"""What the kernel prints, read; and what no kernel prints, survived."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.errors import AddressError
from lanline.ipc.inspect.objects import split_address
from lanline.ipc.inspect.sysv import parse_sysvipc
from lanline.ipc.inspect.tcp_table import TcpListener, address_of, parse_proc_net_tcp
from lanline.ipc.inspect.unix_table import (
    ATTRIBUTE,
    ENTRY,
    FILE,
    LISTENS,
    NAME,
    NETLINK,
    WAITING,
    UnixSocket,
    messages,
    parse_entry,
    parse_proc_net_unix,
)

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:814C 00000000:0000 0A 00000000:00000002 00:00000000 00000000  1000        0 81234
   1: 0100007F:9A2C 0100007F:814C 01 00000000:00000000 00:00000000 00000000  1000        0 81235
"""

UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 20123 /run/app with a space.sock
0000000000000000: 00000003 00000000 00000000 0001 03 20124
0000000000000000: 00000002 00000000 00000000 0002 01 20125 @/abstract
"""

SHM = """\
  key shmid perms size cpid lpid nattch  uid  gid cuid cgid atime dtime      ctime  rss swap
-1879048191 5 600 4096   12    0      0 1000 1000 1000 1000     0     0 1700000000 4096    0
"""


def test_listening_sockets_are_read_and_connected_ones_left_out() -> None:
    assert list(parse_proc_net_tcp(TCP.split("\n"))) == [
        TcpListener(host="127.0.0.1", port=33100, inode=81234, uid=1000, waiting=2)
    ]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F", "127.0.0.1"),
        ("00000000000000000000000000000000", "::"),
        ("00000000000000000000000001000000", "::1"),
        ("B80D0120000000000000000001000000", "2001:db8::1"),
    ],
)
def test_addresses_are_read_as_the_kernel_prints_them(text: str, address: str) -> None:
    assert address_of(text) == address


def test_unix_sockets_are_read_with_names_that_have_spaces() -> None:
    listening, unnamed, abstract = parse_proc_net_unix(UNIX.split("\n"))
    assert listening.name == "/run/app with a space.sock"
    assert listening.listens
    assert unnamed.name == ""
    assert unnamed.connected
    assert abstract.name == "@/abstract"
    assert abstract.kind == socket.SOCK_DGRAM


def test_sysv_objects_are_read_by_the_names_of_their_columns() -> None:
    (row,) = parse_sysvipc(SHM.split("\n"))
    assert row["shmid"] == 5
    assert row["perms"] == 0o600
    assert row["key"] == -1879048191
    assert row["nattch"] == 0


@given(st.lists(st.text()))
def test_lines_that_are_no_entries_are_left_out(lines: list[str]) -> None:
    assert all(isinstance(found, TcpListener) for found in parse_proc_net_tcp(lines))
    assert all(isinstance(found, UnixSocket) for found in parse_proc_net_unix(lines))
    assert all(isinstance(found, dict) for found in parse_sysvipc(lines))


def attribute(kind: int, body: bytes) -> bytes:
    data = ATTRIBUTE.pack(ATTRIBUTE.size + len(body), kind) + body
    return data + bytes(-len(data) % 4)


def test_a_socket_is_read_as_netlink_tells_it() -> None:
    head = ENTRY.pack(socket.AF_UNIX, socket.SOCK_STREAM, LISTENS, 0, 77, 0, 0)
    body = head + attribute(NAME, b"/tmp/a\nb\xff\0")
    body += attribute(FILE, struct.pack("=II", 1234, 8 << 20 | 3))
    body += attribute(WAITING, struct.pack("=II", 4, 128))
    found = parse_entry(body)
    assert found is not None
    assert found.name == "/tmp/a\nb\udcff"
    assert found.file == (0x803, 1234)
    assert (found.inode, found.waiting, found.listens) == (77, 4, True)


def test_an_abstract_name_is_shown_with_an_at_sign() -> None:
    head = ENTRY.pack(socket.AF_UNIX, socket.SOCK_STREAM, LISTENS, 0, 1, 0, 0)
    found = parse_entry(head + attribute(NAME, b"\0bus\0x"))
    assert found is not None
    assert found.name == "@bus@x"


@given(st.binary(max_size=300))
def test_any_bytes_from_netlink_are_read_without_harm(data: bytes) -> None:
    for _, body in messages(data):
        parse_entry(body)
    parse_entry(ENTRY.pack(1, 1, 1, 0, 1, 0, 0) + data)


@given(st.binary(max_size=100), st.integers(0, 100))
def test_netlink_messages_are_cut_by_their_lengths(body: bytes, kind: int) -> None:
    message = NETLINK.pack(NETLINK.size + len(body), kind, 0, 0, 0) + body
    message += bytes(-len(message) % 4)
    assert list(messages(message * 2)) == [(kind, body)] * 2


@pytest.mark.parametrize("address", ["", "fifo", "fifo:", "nonsense:x", "mq:/a\0b"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(AddressError):
        split_address(address)
