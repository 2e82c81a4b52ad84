"""What tests of IPC share: a runtime folder of their own, and processes that can be killed."""

from __future__ import annotations

import datetime as dt
import ipaddress
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Named things of this test live here and nowhere else; what is left behind can be listed."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "lanline"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A Unix socket's path is short; pytest's folders can be long."""
    with tempfile.TemporaryDirectory(prefix="ll") as name:
        yield Path(name)


class Process:
    """A Python process that runs `code`; `line()` waits for what it prints."""

    def __init__(self, code: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().rstrip("\n")

    def say(self, line: str = "") -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def end(self) -> int:
        """What it printed last is dropped; its exit code."""
        self.popen.communicate(timeout=30)
        return self.popen.returncode


@pytest.fixture
def process() -> Iterator[Callable[[str], Process]]:
    started: list[Process] = []

    def start(code: str) -> Process:
        started.append(Process(code))
        return started[-1]

    yield start
    for one in started:
        if one.popen.poll() is None:
            one.popen.kill()
        one.popen.communicate()


class Certificates:
    """An authority of the tests' own, and certificates by it, as PEM files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tests' authority")])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        authority = self._signed(self._name, self._key, constraints, critical=True)
        self.authority = folder / "authority.pem"
        self.authority.write_bytes(authority)

    def issue(self, host: str, *, days: int = 1) -> tuple[Path, Path]:
        """The certificate of a host, a name or an IP address, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            of: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            of = x509.DNSName(host)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        extension = x509.SubjectAlternativeName([of])
        certificate, secret = self.folder / f"{host}.pem", self.folder / f"{host}.key"
        certificate.write_bytes(self._signed(name, key, extension, days=days))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, secret

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        *,
        critical: bool = False,
        days: int = 1,
    ) -> bytes:
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(self._name, name, key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=10))
        builder = builder.not_valid_after(now + dt.timedelta(days=days))
        builder = builder.add_extension(extension, critical=critical)
        # CPython 3.13 and later trust no authority without these (ssl.VERIFY_X509_STRICT).
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(authority, critical=False)
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(own, critical=False)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=isinstance(extension, x509.BasicConstraints),
            **dict.fromkeys(
                (
                    "content_commitment",
                    "key_encipherment",
                    "data_encipherment",
                    "key_agreement",
                    "crl_sign",
                    "encipher_only",
                    "decipher_only",
                ),
                False,
            ),
        )
        builder = builder.add_extension(usage, critical=True)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def of_this_machine(self) -> dict[str, str]:
        """Variables by which a process trusts it, and listens with a certificate by it."""
        certificate, key = self.issue("127.0.0.1")
        return {
            "SSL_CERT_FILE": str(self.authority),  # OpenSSL's own variable
            "LANLINE_TLS_CERTIFICATE": str(certificate),
            "LANLINE_TLS_KEY": str(key),
        }


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """This process and its children trust the authority, and listen with a certificate by it."""
    for name, value in certificates.of_this_machine().items():
        monkeypatch.setenv(name, value)
    return certificates
