from __future__ import annotations

from pathlib import Path

import pytest

from lanline.errors import Error
from lanline.monitor.sampling import identity
from lanline.monitor.sampling.identity import derived_identity, machine_identity

RAW = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(identity.ENVIRONMENT, raising=False)


@pytest.fixture
def machine_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where this test's machine has its identity; not there yet."""
    file = tmp_path / "machine-id"
    monkeypatch.setattr(identity, "_MACHINE_ID_FILES", (file,))
    monkeypatch.setattr(identity, "_CONTAINER_MARKS", (tmp_path / "container",))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return file


def test_the_raw_id_is_never_what_is_said(machine_id: Path) -> None:
    machine_id.write_text(RAW + "\n")
    said = machine_identity()
    assert len(said) == 32
    assert RAW not in said
    assert said == machine_identity() == derived_identity(RAW)


def test_two_machines_differ() -> None:
    assert derived_identity(RAW) != derived_identity(RAW[::-1])


def test_containers_with_one_machine_id_differ_by_host_name(
    machine_id: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine_id.write_text(RAW)
    machine_id.with_name("container").touch()
    monkeypatch.setattr("socket.gethostname", lambda: "f00")
    first = machine_identity()
    monkeypatch.setattr("socket.gethostname", lambda: "ba4")
    assert first != machine_identity()
    assert derived_identity(RAW) not in (first, machine_identity())


def test_an_empty_machine_id_is_none(machine_id: Path) -> None:
    machine_id.write_text("uninitialized\n")
    assert machine_identity() == machine_identity()
    assert machine_identity() != derived_identity("uninitialized")


def test_without_a_machine_id_a_random_one_is_made_once_and_kept(
    machine_id: Path, tmp_path: Path
) -> None:
    first = machine_identity()
    assert len(first) == 32
    assert machine_identity() == first
    kept = tmp_path / "data" / "lanline" / "machine-id"
    assert kept.read_text() == first


def test_a_kept_identity_that_is_none_says_where_it_lies(machine_id: Path, tmp_path: Path) -> None:
    kept = tmp_path / "data" / "lanline" / "machine-id"
    kept.parent.mkdir(parents=True)
    kept.write_text("\n")
    with pytest.raises(Error, match=str(kept)):
        machine_identity()


def test_what_is_given_goes_before_all(machine_id: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine_id.write_text(RAW)
    monkeypatch.setenv(identity.ENVIRONMENT, "rack-4")
    assert machine_identity() == "rack-4"
    assert machine_identity("rack-5") == "rack-5"


@pytest.mark.parametrize("given", ["with space", "-dash", "x" * 65, "ünï", "a\n"])
def test_what_cannot_be_an_identity_is_refused(given: str) -> None:
    with pytest.raises(Error, match="cannot be a machine's identity"):
        machine_identity(given)
