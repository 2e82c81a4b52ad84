"""The hub's TLS key: made once, kept in the data folder, or the user's own."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import secrets
import socket
import ssl
from pathlib import Path

from lanline.errors import StartError

CERTIFICATE = "certificate.pem"
KEY = "key.pem"
YEARS = 20  # nobody checks the date of a key that is known by its hash; a long one is kept in peace


class HubKey:
    """A certificate with its key, and the hash that invites carry."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises StartError when the files cannot be read or do not belong together."""
        self._certificate = certificate
        try:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.minimum_version = ssl.TLSVersion.TLSv1_2
            self.context.load_cert_chain(certificate, key)
            # The first certificate of the file is the hub's own; a chain may follow it.
            first = ssl.PEM_cert_to_DER_cert(_first_certificate(certificate.read_text()))
        except (OSError, ValueError, UnicodeDecodeError) as problem:
            raise StartError(
                f"The certificate {certificate} with the key {key} cannot be used: {problem}."
            ) from problem
        self.hash = hashlib.sha256(first).digest()

    def names(self) -> tuple[str, ...]:
        """The host names that the certificate is for; a pattern of names is left out."""
        from cryptography import x509

        certificate = x509.load_pem_x509_certificate(self._certificate.read_bytes())
        try:
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            return ()
        names = found.value.get_values_for_type(x509.DNSName)
        return tuple(name for name in names if "*" not in name)


def kept_key(folder: Path, owner: str = "hub") -> HubKey:
    """The folder's own key, made now if there is none. `owner`: whose, for people to read."""
    certificate, key = folder / CERTIFICATE, folder / KEY
    try:
        if not (certificate.exists() and key.exists()):
            _make(certificate, key, owner)
    except OSError as problem:
        raise StartError(
            f"The {owner}'s key cannot be kept in {folder}: {problem.strerror}."
        ) from problem
    return HubKey(certificate, key)


def _first_certificate(text: str) -> str:
    end = "-----END CERTIFICATE-----"
    begin = text.index("-----BEGIN CERTIFICATE-----")
    return text[begin : text.index(end, begin) + len(end)]


def _make(certificate: Path, key: Path, owner: str) -> None:
    # Half a second of imports that only a hub's first start needs.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Lanline {owner}")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365 * YEARS))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(socket.gethostname() or "lanline")]),
            critical=False,
        )
        .sign(private, hashes.SHA256())
    )
    _write_private(
        key,
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    _write_private(certificate, signed.public_bytes(serialization.Encoding.PEM))


def _write_private(path: Path, data: bytes) -> None:
    """Whole or not at all, for its owner only."""
    half = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise
