"""Ports that nobody else can take between choosing and listening."""

from __future__ import annotations

import socket

from assay.errors import InputError

LOOPBACK = "127.0.0.1"


class Held:
    """A port that is bound and not listened on.

    The kernel gives it to nobody who asks for a free one, while a server that sets SO_REUSEADDR,
    as ours do, may bind it and listen.

    Attributes:
        port: The number, 1 to 65535.
    """

    def __init__(self, wanted: int | None = None, host: str = LOOPBACK) -> None:
        """Hold the wanted port, or any free one.

        Raises:
            InputError: `port_taken`; somebody listens there, or port or host is not ours to bind.
        """
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, wanted or 0))
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise InputError(
                "port_taken", f"expected port {wanted} of {host} to be free, found: {error}"
            ) from None
        self.port: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Let go; whoever listens by then keeps the port."""
        self._socket.close()
