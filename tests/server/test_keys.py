"""The hub's key: made once, kept privately, or the user's own."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.hub_process import HubProcess

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


def test_a_certificate_names_its_hosts(tmp_path: Path) -> None:
    assert kept_key(tmp_path).names() == (socket.gethostname(),)


def test_browsers_come_to_a_certificate_by_its_names(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub.example")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("hub.example"), x509.DNSName("*.example"), x509.DNSName("chat.example")]
    signed = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(cafile=str(certificate))
    options = ("--cert", str(certificate), "--key", str(key))
    with HubProcess(tmp_path / "hub", *options) as hub:
        for host, status in (("chat.example", 200), ("hub.example", 200), ("evil.example", 421)):
            plain = socket.create_connection(("127.0.0.1", hub.port), timeout=20)
            with plain, context.wrap_socket(plain, server_hostname="hub.example") as line:
                line.sendall(f"GET /health HTTP/1.0\r\nHost: {host}:{hub.port}\r\n\r\n".encode())
                assert int(line.recv(4096).split()[1]) == status
