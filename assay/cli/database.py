"""`assay database`: what the databases' owner does once, so that nobody else has to own them."""

from __future__ import annotations

import argparse

from assay.cli.show import say
from assay.home import find_home
from assay.registry.database import prepare as make_ready


def prepare(arguments: argparse.Namespace) -> int:
    """Make ready what the settings name, and say so."""
    for line in make_ready(find_home(arguments.home), arguments.owner):
        say(line)
    return 0
