"""`assay data`: what the catalogue has, and fetching it."""

from __future__ import annotations

import argparse
import sys

from assay import sources
from assay.cli.show import live_line, print_table, say


def show(_arguments: argparse.Namespace) -> int:
    """Print the catalogue."""
    rows = [
        (
            name,
            f"{entry.wheel_bytes / 1e6:.0f} MB",
            "yes" if sources.cached(name) else "no",
            entry.licence,
            f"{entry.package}=={entry.version}, {entry.member}",
            entry.sha256[:16],
            entry.origin,
        )
        for name, entry in sources.CATALOGUE.items()
    ]
    columns = ("name", "download", "here", "licence", "arrives in", "sha256", "origin")
    print_table("Packaged data", columns, rows)
    return 0


def get(arguments: argparse.Namespace) -> int:
    """Fetch by name; the licence is printed, and accepted with --yes or at a terminal."""
    for name in arguments.names:
        entry = sources.packaged(name)
        wanted = sources.cached(name) is None
        if wanted:
            say(f"{name}: {entry.origin}")
            say(f"{name}: licence: {entry.licence}; download {entry.wheel_bytes / 1e6:.0f} MB")
        with live_line() as progress:
            sources.fetch(name, not wanted or arguments.yes or _accepted(name), progress)
    return 0


def _accepted(name: str) -> bool:
    """Ask at a terminal; without one the answer is no."""
    if not sys.stdin.isatty():
        return False
    return input(f"accept the licence of {name}? [y/N] ").strip().lower() in ("y", "yes")
