"""`lanline talk` over tls://: whose certificate it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.ipc.conftest import Certificates
from tests.talking import SECONDS, Side, address_of
from tests.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("own_folder")


def waiting(side: Side) -> str:
    """The fingerprint that is shown."""
    record = json.loads(side.line())
    assert record["event"] == "waiting"
    fingerprint: str = record["fingerprint"]
    assert re.fullmatch("[0-9a-f]{64}", fingerprint)
    return fingerprint


def test_the_fingerprint_lets_two_talk(tmp_path: Path) -> None:
    address = address_of("tls", tmp_path)
    with Side("--json", "--listen", address) as one:
        shown = waiting(one).upper()
        colons = ":".join(shown[at : at + 2] for at in range(0, 64, 2))
        with Side("--fingerprint", colons, address) as two:
            assert two.end(b"hello\nbye\n") == (b"", "", 0)
            assert b'"text": "hello"' in one.end()[0]


def test_the_certificate_is_kept_and_the_key_is_its_owners_alone(
    tmp_path: Path, own_folder: Path
) -> None:
    shown = []
    for _ in range(2):
        with Side("--json", "--listen", address_of("tls", tmp_path)) as one:
            shown.append(waiting(one))
    assert shown[0] == shown[1]
    kept = list((own_folder / "data" / "lanline" / "talk").iterdir())
    assert kept
    assert all(file.stat().st_mode & 0o077 == 0 for file in kept)


def test_another_certificate_is_refused_with_one_sentence(tmp_path: Path) -> None:
    address = address_of("tls", tmp_path)
    with Side("--json", "--listen", address) as one:
        shown = waiting(one)
        with Side("--fingerprint", "ab" * 32, address) as two:
            out, errors, code = two.end(b"hello\n")
        assert (out, code, errors.count("\n")) == (b"", 1, 1)
        assert f"shows another certificate, with the fingerprint {shown}" in errors
        with Side("--fingerprint", shown, address) as two:
            assert two.end(b"bye\n")[2] == 0
        heard = one.end()[0]
    assert b"hello" not in heard


def test_a_certificate_of_nobody_known_is_refused_in_a_pipe(tmp_path: Path) -> None:
    address = address_of("tls", tmp_path)
    with Side("--json", "--listen", address) as one:
        shown = waiting(one)
        with Side(address) as two:
            out, errors, code = two.end(b"hello\n")
    assert (out, code, errors.count("\n")) == (b"", 1, 1)
    assert f"Its fingerprint is {shown}" in errors


def test_a_certificate_that_an_authority_has_signed_needs_no_fingerprint(tmp_path: Path) -> None:
    authority = Certificates(tmp_path)
    address = address_of("tls", tmp_path)
    for host, code in (("127.0.0.1", 0), ("elsewhere.example", 1)):
        cert, key = authority.issue(host)
        with Side("--cert", str(cert), "--key", str(key), "--listen", address) as one:
            with Side("--timeout", "20", address, SSL_CERT_FILE=str(authority.authority)) as two:
                _, errors, ended = two.end(b"hello\nbye\n")
            assert ended == code
            assert ("mismatch" in errors) == bool(code)
            if code == 0:
                assert one.end() == (b"hello\n", "", 0)


def test_a_person_is_asked(tmp_path: Path) -> None:
    address = address_of("tls", tmp_path)
    with Side("--json", "--name", "Ada", "--listen", address) as one:
        shown = waiting(one)
        with Terminal("talk", address) as two:
            two.read_until(shown.encode())
            two.read_until(b"[y/N]")
            two.press(b"n\r")
            assert two.ended() == 1
            assert b"Nothing was said" in two.written
        with Terminal("talk", address) as two:
            two.read_until(b"[y/N]")
            two.press(b"\x03")
            assert two.ended() == 130
        with Terminal("talk", "--timeout", str(SECONDS), address) as two:
            two.read_until(b"[y/N]")
            two.press(b"y\r")
            two.read_until(b"Connected to Ada")
            two.read_until(b"you: ")
            two.press(b"bye\r")
            assert two.ended() == 0


def test_tls_at_one_end_only_is_one_sentence(tmp_path: Path) -> None:
    address = address_of("tcp", tmp_path)
    with Side("--json", "--listen", address) as one:
        assert b"waiting" in one.line()
        with Side(address.replace("tcp", "tls")) as two:
            _, errors, code = two.end()
    assert (code, errors.count("\n")) == (1, 1)
    assert "TLS" in errors


def test_a_certificate_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    address = address_of("tls", tmp_path)
    with Side("--cert", f"{tmp_path}/none.pem", "--listen", address) as one:
        _, errors, code = one.end()
    assert (code, errors.count("\n")) == (1, 1)
    assert "none.pem" in errors
