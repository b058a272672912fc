"""Which processes carry a marker in environment or command, wherever they hang in the tree."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path


def carrying(marker: str) -> list[int]:
    """Process ids whose environment or command contains the marker; zombies have neither."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            if marker.encode() in told:
                found.append(int(folder.name))
    return found


def gone(marker: str, within: float) -> list[int]:
    """Whoever still carries the marker after waiting for at most `within` seconds."""
    end = time.monotonic() + within
    while (left := carrying(marker)) and time.monotonic() < end:
        time.sleep(0.01)
    return left


def appear(marker: str, count: int, within: float) -> list[int]:
    """The carriers once there are at least `count` of them, else whoever is there at the end."""
    end = time.monotonic() + within
    while len(found := carrying(marker)) < count and time.monotonic() < end:
        time.sleep(0.01)
    return found
