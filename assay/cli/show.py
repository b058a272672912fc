"""Tables, live lines and plain lines: all that the command prints goes through here."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TypeAlias

from rich.console import Console
from rich.markup import escape
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
    """One line for each stage that has ended, and on a terminal what the present one is doing.

    A message is `stage: what it does`; it has ended when its fraction is 1.
    """
    screen = Console(stderr=True, highlight=False)
    with screen.status("") if screen.is_terminal else nullcontext() as status:
        said: set[str] = set()
        began = time.monotonic()

        def tell(message: str, share: float) -> None:
            if status is not None:
                status.update(f"{escape(message)} {share:4.0%}")
            if share >= 1 and message not in said:
                said.add(message)
                told = f"{time.monotonic() - began:6.1f} s  {message}"
                screen.print(told, markup=False, soft_wrap=True)

        yield tell
