"""History, machines and identity in one SQLite file.

WAL with synchronous=FULL: a commit that returned survives the machine's power going (SQLite,
"Write-Ahead Logging", section 3.2 of the pragma's documentation). One connection writes and one
reads beside it, each used by one thread at a time.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from lanline.errors import StoreError
from lanline.hub.effects import (
    Invite,
    Record,
    RecordInvite,
    RecordMachine,
    RecordMessage,
    RecordRoom,
    RecordSession,
    Session,
)
from lanline.hub.hub import HubState
from lanline.hub.rooms import RoomState
from lanline.wire.messages import MachineInfo, Message

FILE = "lanline.sqlite3"
LARGEST = 2**63 - 1  # an integer that SQLite keeps

T = TypeVar("T")

# Each entry brings a file of the version before it up to date; PRAGMA user_version counts them.
MIGRATIONS = [
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE rooms (
        name TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, epoch TEXT NOT NULL,
        created REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE messages (
        room INTEGER NOT NULL, "offset" INTEGER NOT NULL, time REAL NOT NULL,
        name TEXT NOT NULL, member TEXT NOT NULL, text TEXT NOT NULL, key TEXT NOT NULL,
        PRIMARY KEY (room, "offset")
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE machines (id TEXT PRIMARY KEY, info BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE invites (id TEXT PRIMARY KEY, invite BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE sessions (token_hash TEXT PRIMARY KEY, session BLOB NOT NULL)
        STRICT, WITHOUT ROWID;
    """,
]

_COLUMNS = '"offset", time, name, text, member'


class SqliteStore:
    """A lanline.hub.store.Store."""

    def __init__(self, folder: Path) -> None:
        """Open or make the file in this folder, readable by its owner only."""
        self.path = folder / FILE
        try:
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._writer = self._connect()
            self._migrate()
            self._reader = self._connect()
            self._numbers: dict[str, int] = dict(
                self._writer.execute("SELECT name, number FROM rooms").fetchall()
            )
        except (OSError, sqlite3.Error) as problem:
            raise StoreError(f"{self.path} cannot be opened: {problem}.") from problem

    def identity(self) -> str:
        """The hub's lasting identity, made at the first start."""
        try:
            with self._writer:
                self._writer.execute(
                    "INSERT OR IGNORE INTO meta VALUES ('hub', ?)", (secrets.token_hex(8),)
                )
            row = self._writer.execute("SELECT value FROM meta WHERE key = 'hub'").fetchone()
        except sqlite3.Error as problem:
            raise StoreError(f"{self.path} cannot be written: {problem}.") from problem
        return str(row[0])

    def load(self, recent_messages: int, keys: int) -> HubState:
        try:
            return HubState(
                rooms=[
                    self._room(name, number, epoch, recent_messages)
                    for name, number, epoch in self._writer.execute(
                        "SELECT name, number, epoch FROM rooms"
                    ).fetchall()
                ],
                keys=self._keys(keys),
                machines=self._kept("SELECT info FROM machines", MachineInfo),
                invites=self._kept("SELECT invite FROM invites", Invite),
                sessions=self._kept("SELECT session FROM sessions", Session),
            )
        except (sqlite3.Error, msgspec.MsgspecError) as problem:
            raise StoreError(f"{self.path} cannot be read: {problem}.") from problem

    def commit(self, records: Sequence[Record]) -> None:
        messages: list[tuple[Any, ...]] = []
        numbers = dict(self._numbers)
        try:
            with self._writer:
                # Python would begin a deferred transaction by itself; say it for all statements.
                self._writer.execute("BEGIN IMMEDIATE")
                for record in records:
                    if isinstance(record, RecordMessage):
                        message = record.message
                        messages.append(
                            (
                                numbers[message.room],
                                message.offset,
                                message.time,
                                message.name,
                                message.member,
                                message.text,
                                record.key,
                            )
                        )
                    elif isinstance(record, RecordRoom):
                        numbers[record.room] = max(numbers.values(), default=0) + 1
                        row = (record.room, numbers[record.room], record.epoch, record.time)
                        self._writer.execute("INSERT INTO rooms VALUES (?, ?, ?, ?)", row)
                    else:
                        self._replace(record)
                self._writer.executemany(
                    "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)", messages
                )
        except (sqlite3.Error, OverflowError) as problem:
            raise StoreError(f"{self.path} cannot be written: {problem}.") from problem
        self._numbers = numbers

    def page(
        self, room: str, *, after: int | None, before: int | None, limit: int
    ) -> list[Message]:
        number = self._numbers.get(room, 0)
        try:
            if after is not None:
                rows = self._reader.execute(
                    f'SELECT {_COLUMNS} FROM messages WHERE room = ? AND "offset" > ?'  # noqa: S608
                    ' ORDER BY "offset" LIMIT ?',
                    (number, min(after, LARGEST), limit),
                ).fetchall()
            else:
                rows = self._reader.execute(
                    f'SELECT {_COLUMNS} FROM messages WHERE room = ? AND "offset" < ?'  # noqa: S608
                    ' ORDER BY "offset" DESC LIMIT ?',
                    (number, LARGEST if before is None else min(before, LARGEST), limit),
                ).fetchall()[::-1]
        except sqlite3.Error as problem:
            raise StoreError(f"{self.path} cannot be read: {problem}.") from problem
        return [_message(room, row) for row in rows]

    def close(self) -> None:
        self._reader.close()
        # The log is folded into the file, so that a stopped hub is one file to copy. Where there
        # is no room for that, the log stays, and the next start reads it.
        with contextlib.suppress(sqlite3.Error):
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._writer.close()

    def _replace(self, record: RecordMachine | RecordInvite | RecordSession) -> None:
        if isinstance(record, RecordMachine):
            table, key, kept = "machines", record.machine.id, msgspec.json.encode(record.machine)
        elif isinstance(record, RecordInvite):
            table, key, kept = "invites", record.invite.info.id, msgspec.json.encode(record.invite)
        else:
            table, key = "sessions", record.session.token_hash
            kept = msgspec.json.encode(record.session)
        self._writer.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, kept))  # noqa: S608

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        return connection

    def _migrate(self) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise StoreError(f"{self.path} was written by a newer Lanline; update this one.")
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            self._writer.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")

    def _room(self, name: str, number: int, epoch: str, recent_messages: int) -> RoomState:
        rows = self._writer.execute(
            f"SELECT {_COLUMNS} FROM messages WHERE room = ?"  # noqa: S608
            ' ORDER BY "offset" DESC LIMIT ?',
            (number, recent_messages),
        ).fetchall()[::-1]
        first, last = self._writer.execute(
            'SELECT min("offset"), max("offset") FROM messages WHERE room = ?', (number,)
        ).fetchone()
        return RoomState(
            name=name,
            epoch=epoch,
            first_offset=first or 1,
            last_offset=last or 0,
            recent=[_message(name, row) for row in rows],
        )

    def _kept(self, query: str, kind: type[T]) -> list[T]:
        return [msgspec.json.decode(kept, type=kind) for (kept,) in self._writer.execute(query)]

    def _keys(self, most: int) -> list[tuple[str, str, int, float]]:
        # Each room's latest first; those of all rooms together by time.
        rows: list[tuple[str, str, int, float]] = []
        for name, number in self._numbers.items():
            rows += self._writer.execute(
                "SELECT ?, key, \"offset\", time FROM messages WHERE room = ? AND key != ''"
                ' ORDER BY "offset" DESC LIMIT ?',
                (name, number, most),
            ).fetchall()
        rows.sort(key=_by_time)
        return rows[-most:]


def _by_time(row: tuple[str, str, int, float]) -> tuple[float, int]:
    return (row[3], row[2])


def _message(room: str, row: tuple[Any, ...]) -> Message:
    offset, time, name, text, member = row
    return Message(room=room, offset=offset, time=time, name=name, text=text, member=member)
