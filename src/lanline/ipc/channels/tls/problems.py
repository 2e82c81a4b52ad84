"""What went wrong in a TLS handshake, as one sentence."""

from __future__ import annotations

import ssl

from lanline.errors import IpcError, PeerDiedError, TimedOutError, TlsError

# What OpenSSL says when the other end answers with anything but TLS (ssl.SSLError.reason).
_NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "UNEXPECTED_MESSAGE",
    "PACKET_LENGTH_TOO_LONG",
    "UNSUPPORTED_PROTOCOL",
    "BAD_RECORD_TYPE",
    "UNKNOWN_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
)
_OTHER_HOST = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def speaks_no_tls(problem: OSError) -> bool:
    """Or none that is safe."""
    return isinstance(problem, ssl.SSLError) and problem.reason in _NO_TLS


def why(address: str, problem: OSError, who: str) -> IpcError:
    """What went wrong in a handshake, as one sentence."""
    if isinstance(problem, TimeoutError):
        return TimedOutError(
            f"{who} did not finish the TLS handshake in time; perhaps it speaks no TLS."
        )
    if isinstance(problem, ssl.SSLCertVerificationError):
        if problem.verify_code in _OTHER_HOST:
            return TlsError(f"The certificate of {who} is another's: {problem.verify_message}")
        return TlsError(
            f"The certificate of {who} is not trusted: {problem.verify_message}. Give tls= a "
            "context that trusts it, if you do."
        )
    if isinstance(problem, ssl.SSLEOFError | ConnectionResetError | BrokenPipeError):
        return TlsError(f"{who} hung up in the TLS handshake; perhaps it speaks no TLS.")
    if isinstance(problem, ssl.SSLError):
        if speaks_no_tls(problem):
            return TlsError(f"{who} speaks no TLS, or none that is safe ({reason(problem)}).")
        return TlsError(f"No TLS could be agreed on with {who}: {reason(problem)}.")
    return PeerDiedError(f"{address} cannot be used: {problem.strerror}.")


def reason(problem: ssl.SSLError) -> str:
    return (problem.reason or str(problem)).lower().replace("_", " ")
