"""`assay watch`: every champion is verified anew, once."""

from __future__ import annotations

import argparse

from assay.cli.show import print_table
from assay.errors import AssayError
from assay.home import find_home
from assay.registry.asking import Asker
from assay.stack.record import read_stack

_COLUMNS = ("model", "outcome", "champion", "code", "found")


def watch(arguments: argparse.Namespace) -> int:
    """Audit each model; 0 all well, 1 something was reverted, 3 a component failed."""
    home = find_home(arguments.home)
    asker = Asker(read_stack(home).mlflow, home)
    rows, codes = [], {0}
    for model in asker.models():
        try:
            found = asker.audit(model)
        except AssayError as error:
            rows.append((model, "ALARM", "not known", error.code, error.message))
            codes.add(error.exit_code)
        else:
            outcome = found.outcome.upper() if found.reverted else found.outcome.value
            rows.append((model, outcome, found.champion or "none", found.code, found.told))
            codes.add(1 if found.reverted else 0)
    print_table("audit", _COLUMNS, rows)
    return max(codes)
