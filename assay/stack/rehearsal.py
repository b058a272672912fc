"""The settings' certificates against each other: a handshake in memory, before a start."""

from __future__ import annotations

import ssl
from pathlib import Path

from assay.errors import InputError
from assay.handshake import reason
from assay.settings import Tls


def rehearse(tls: Tls, name: str) -> int:
    """Let the server and this installation's own client shake hands.

    Args:
        tls: Files that can be read.
        name: By which clients call the server.

    Returns:
        When the first of the certificates that were shown ends, Unix seconds.

    Raises:
        InputError: `bad_certificate`: one does not fit its key, has expired, is for another name,
            or is of an authority that the other side does not believe.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _show(server, "tls.certificate", tls.certificate, tls.key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _believe(client, "tls.authority", tls.authority)
    if tls.client:
        _show(client, "tls.client", tls.client, None)
    if tls.clients:
        _believe(server, "tls.clients", tls.clients)
        server.verify_mode = ssl.CERT_REQUIRED
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(down, up, server_hostname=name)
    theirs = server.wrap_bio(up, down, server_side=True)
    while not (
        _step(ours, f"tls.certificate: expected {name}'s, by tls.authority")
        & _step(theirs, "tls.client: expected one by tls.clients")
    ):
        pass
    shown = [side.getpeercert() for side in (ours, theirs)]
    return min(ssl.cert_time_to_seconds(str(one["notAfter"])) for one in shown if one)


def _step(side: ssl.SSLObject, expected: str) -> bool:
    """Whether a side is done; it verifies the certificate that the other one shows."""
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError as error:
        told = f"{expected}, valid today, found: {reason(error)}; have it issued anew"
        raise InputError("bad_certificate", told) from None
    return True


def _show(context: ssl.SSLContext, key: str, certificate: Path, private: Path | None) -> None:
    try:
        # Without a password of ours OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, private, password="")
    except ssl.SSLError as error:
        told = f"{key}: expected a PEM certificate and its own key without a passphrase"
        raise InputError("bad_certificate", f"{told}, found: {reason(error)}") from None


def _believe(context: ssl.SSLContext, key: str, authorities: Path) -> None:
    try:
        context.load_verify_locations(authorities)
    except ssl.SSLError as error:
        told = f"{key}: expected PEM certificates of authorities, found: {reason(error)}"
        raise InputError("bad_certificate", told) from None
