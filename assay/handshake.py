"""Why two sides do not speak TLS with each other, found behind whatever a library raised."""

from __future__ import annotations

import os
import ssl

from assay.errors import InputError, Unavailable

UNVERIFIED = "MLFLOW_TRACKING_INSECURE_TLS"  # MLflow's client then believes any certificate
_WHERE = "`tls` in settings.yaml, or of a consumer at MLFLOW_TRACKING_SERVER_CERT_PATH"


def reason(error: BaseException) -> str | None:
    """OpenSSL's own reason, such as `certificate has expired`; None: it is about something else."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, ssl.SSLError):
        found = found.__cause__ or found.__context__
    if isinstance(found, ssl.SSLCertVerificationError):
        return found.verify_message
    return None if found is None else found.reason or type(found).__name__


def unanswered(code: str, server: str, error: BaseException, found: str = "") -> Unavailable:
    """What is said where no answer came: `tls_refused` where a certificate is why, else the code.

    Args:
        code: Of everything else.
        server: As the message calls it.
        error: What a client raised.
        found: What the message calls it; empty: its type.
    """
    if why := reason(error):
        told = f"expected {server} and this client to believe each other's certificates"
        return Unavailable("tls_refused", f"{told}, found: {why}; look at {_WHERE}")
    return Unavailable(code, f"expected {server} to answer, found {found or type(error).__name__}")


def refuse_unverified() -> None:
    """Let a process pass whose MLflow client verifies the server's certificate.

    Raises:
        InputError: `unsafe`.
    """
    if is_on(os.environ.get(UNVERIFIED, "")):
        raise InputError("unsafe", f"expected {UNVERIFIED} to be off, found it on; unset it")


def is_on(value: str) -> bool:
    """Whether a flag of the environment is on, read so that a doubt is yes."""
    return value.strip().lower() not in {"", "0", "false"}
