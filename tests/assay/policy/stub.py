"""A server on a Unix socket that answers as it is told to, and not as OPA would."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

Behaviour = Callable[[socket.socket, bytes], None]


class Stub:
    """Reads each request to its end and leaves the rest to its behaviour."""

    def __init__(self, folder: Path, behaviour: Behaviour) -> None:
        self.path = folder / "stub"
        self.requests: list[bytes] = []
        self._behaviour = behaviour
        self._listener = socket.socket(socket.AF_UNIX)
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._serve(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _serve(self, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            with wire:
                try:
                    self.requests.append(_request(wire))
                    self._behaviour(wire, self.requests[-1])
                except OSError:
                    pass  # the asker hung up, as it should


def _request(wire: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        read += wire.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    (length,) = (line for line in head.lower().splitlines() if line.startswith(b"content-length:"))
    while len(body) < int(length.split(b":")[1]):
        body += wire.recv(65536)
    return head + b"\r\n\r\n" + body


def response(body: bytes, *, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """A whole HTTP response."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
