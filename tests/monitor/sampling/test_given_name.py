from __future__ import annotations

import logging
from pathlib import Path

import pytest

from lanline.monitor.sampling.given_name import given_name


def test_a_name_is_kept_until_another_is_given(tmp_path: Path) -> None:
    path = tmp_path / "data" / "names.json"
    assert given_name("m1", path=path) == ""
    assert given_name("m1", "web-1", path) == "web-1"
    assert given_name("m2", "web-2", path) == "web-2"
    assert given_name("m1", path=path) == "web-1"
    assert given_name("m1", "db-1", path) == "db-1"
    assert given_name("m1", path=path) == "db-1"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_kept_is_said_and_does_no_harm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING):
        assert given_name("m1", "web-1", tmp_path / "file" / "names.json") == "web-1"
    assert "cannot be" in caplog.text


def test_a_file_of_something_else_is_said_and_holds_no_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "names.json"
    path.write_text("[1, 2]")
    assert given_name("m1", path=path) == ""
    assert str(path) in caplog.text
