"""`assay audit`: who opened raw data, sealed rows, keys and evidence, and who moved an alias."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime

from assay.cli.show import print_table, say
from assay.evidence.access import ANCHOR, Access, read_accesses
from assay.evidence.canonical import canonical
from assay.home import find_home
from assay.ledger import Ledger


def audit(arguments: argparse.Namespace) -> int:
    """Print the lines that are asked for, once all of them are as they were written."""
    home = find_home(arguments.home)
    decisions = Ledger.of(home).entries("decision")
    anchored = {entry.body[ANCHOR] for entry in decisions if ANCHOR in entry.body}
    accesses = read_accesses(home, frozenset(anchored))
    asked = [access for access in accesses if _is_asked(access, arguments)]
    if arguments.json:
        for access in asked:
            say(canonical(asdict(access)).decode("utf-8"))
        return 0
    rows = [_row(access) for access in asked]
    print_table("Accesses, oldest first", ("when", "account", "user", "what", "answer"), rows)
    say(f"{len(asked):,} of {len(accesses):,} lines; the chain is whole")
    return 0


def _is_asked(access: Access, arguments: argparse.Namespace) -> bool:
    by = arguments.by in (None, access.account, access.user)
    return by and (arguments.what is None or arguments.what in access.what.split())


def _row(access: Access) -> tuple[str, ...]:
    when = f"{datetime.fromtimestamp(access.at, UTC):%Y-%m-%d %H:%M:%S}"
    what = f"{access.what} {access.digest[:19]}".rstrip()
    return when, access.account, access.user, what, access.outcome
