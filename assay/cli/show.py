"""Tables, live lines and plain lines: all that the command prints goes through here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.table import Table

Progress: TypeAlias = Callable[[str, float], None]


def console() -> Console:
    """Standard output; wide enough for a gate table when it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 140, highlight=False)


def print_table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """One table; the text of cells is shown as it is."""
    table = Table(title=title, title_justify="left", header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console().print(table, markup=False)


def say(text: str = "") -> None:
    """One line."""
    console().print(text, markup=False, soft_wrap=True)


@contextmanager
def live_line() -> Iterator[Progress]:
    """A line that is redrawn on a terminal; elsewhere each new message is printed once."""
    screen = Console(stderr=True, highlight=False)
    if screen.is_terminal:
        with screen.status("") as status:
            yield lambda message, share: status.update(f"{message} {share:4.0%}")
        return
    said: set[str] = set()

    def once(message: str, _share: float) -> None:
        if message not in said:
            said.add(message)
            screen.print(message, markup=False, soft_wrap=True)

    yield once
