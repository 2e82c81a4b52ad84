"""The hub's key: made once, kept privately, or the user's own."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lanline.errors import StartError
from lanline.server.keys import CERTIFICATE, KEY, HubKey, kept_key


def test_a_key_is_made_once_and_kept_for_its_owner_only(tmp_path: Path) -> None:
    first, second = kept_key(tmp_path), kept_key(tmp_path)
    assert first.hash == second.hash
    assert len(first.hash) == 32
    assert sorted(path.name for path in tmp_path.iterdir()) == [CERTIFICATE, KEY]
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_hubs_have_two_keys(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert kept_key(tmp_path / "a").hash != kept_key(tmp_path / "b").hash


def test_a_key_of_another_certificate_is_refused_with_both_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    kept_key(tmp_path / "a")
    kept_key(tmp_path / "b")
    with pytest.raises(StartError, match=CERTIFICATE):
        HubKey(tmp_path / "a" / CERTIFICATE, tmp_path / "b" / KEY)


def test_a_missing_certificate_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be used"):
        HubKey(tmp_path / "none.pem", tmp_path / "none.key")
