"""The store: all of a commit or nothing, and everything again after a restart."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.errors import StoreError
from lanline.hub.effects import RecordMachine, RecordMessage, RecordRoom
from lanline.stores.sqlite import FILE, SqliteStore
from lanline.wire.messages import MachineInfo, Message


def message(offset: int, text: str = "x", room: str = "#lobby") -> Message:
    return Message(room=room, offset=offset, time=float(offset), name="Ada", text=text, member="a")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """With a lobby of ten messages, of which the even ones have keys."""
    store = SqliteStore(tmp_path)
    keys = {offset: f"k{offset}" if offset % 2 == 0 else "" for offset in range(1, 11)}
    store.commit(
        [
            RecordRoom("#lobby", "e1", 1.0),
            *(RecordMessage(message(offset), key) for offset, key in keys.items()),
        ]
    )
    yield store
    store.close()


@pytest.mark.parametrize(
    ("after", "before", "limit", "offsets"),
    [
        (0, None, 3, [1, 2, 3]),
        (8, None, 3, [9, 10]),
        (10, None, 3, []),
        (2**80, None, 3, []),
        (None, None, 2, [9, 10]),
        (None, 4, 2, [2, 3]),
        (None, 1, 2, []),
        (None, 2**80, 2, [9, 10]),
    ],
)
def test_pages(
    store: SqliteStore, after: int | None, before: int | None, limit: int, offsets: list[int]
) -> None:
    found = store.page("#lobby", after=after, before=before, limit=limit)
    assert [one.offset for one in found] == offsets
    assert store.page("#none", after=after, before=before, limit=limit) == []


def test_what_was_committed_is_there_after_a_restart(store: SqliteStore, tmp_path: Path) -> None:
    identity = store.identity()
    machine = MachineInfo(id="m", name="web-1", state="away", since=1.0)
    store.commit([RecordMachine(machine), RecordRoom("#a", "e2", 2.0)])
    again = SqliteStore(tmp_path)
    state = again.load(recent_messages=3, keys=2)
    rooms = {room.name: room for room in state.rooms}
    assert [one.offset for one in rooms["#lobby"].recent] == [8, 9, 10]
    assert (rooms["#lobby"].first_offset, rooms["#lobby"].last_offset) == (1, 10)
    assert (rooms["#a"].epoch, rooms["#a"].last_offset) == ("e2", 0)
    assert state.keys == [("#lobby", "k8", 8, 8.0), ("#lobby", "k10", 10, 10.0)]
    assert state.machines == [machine]
    assert again.identity() == identity
    again.close()


def test_a_commit_that_fails_leaves_nothing(store: SqliteStore) -> None:
    with pytest.raises(StoreError):
        store.commit(
            [
                RecordRoom("#b", "e3", 3.0),
                RecordMessage(message(11), ""),
                RecordMessage(message(11), ""),
            ]
        )
    state = store.load(recent_messages=3, keys=2)
    assert [room.name for room in state.rooms] == ["#lobby"]
    assert state.rooms[0].last_offset == 10
    store.commit([RecordRoom("#b", "e3", 3.0), RecordMessage(message(1, room="#b"), "")])
    assert [one.room for one in store.page("#b", after=0, before=None, limit=9)] == ["#b"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("store"))
    store.commit([RecordRoom("#lobby", "e", 1.0), RecordMessage(message(1, text), "")])
    assert store.page("#lobby", after=0, before=None, limit=1)[0].text == text
    store.close()


def test_its_file_is_for_its_owner_only(store: SqliteStore) -> None:
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_a_file_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1_000)
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore(tmp_path)
