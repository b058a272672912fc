"""`assay run` and `assay init`."""

from __future__ import annotations

import argparse
from pathlib import Path

from assay.cli.show import live_line, say
from assay.errors import InputError
from assay.spec import load_spec
from assay.stack.record import running_home


def run(arguments: argparse.Namespace) -> int:
    """Run a pipeline against the running stack; 0 promotable, 1 blocked, 3 a component failed."""
    home = running_home(arguments.home)
    load_spec(arguments.pipeline)
    from assay.stack.pipeline import run_pipeline  # Prefect and all the stages: seconds to import

    with live_line() as progress:
        outcome = run_pipeline(Path(arguments.pipeline), home, progress)
    for line in outcome.lines:
        say(line)
    return outcome.exit_code


def init(arguments: argparse.Namespace) -> int:
    """Write a draft beside the table; nothing that exists is overwritten."""
    from assay.draft import draft

    file = Path(arguments.file)
    drafted = draft(file, arguments.label, arguments.sensitive)
    written = {
        file.parent / f"{drafted.name}.yaml": drafted.pipeline,
        file.parent / f"{drafted.name}.suite.json": drafted.suite,
        file.parent / f"{drafted.name}.rules.json": drafted.rules,
    }
    if there := [str(path) for path in written if path.exists()]:
        raise InputError("exists", f"expected none of these to exist yet: {', '.join(there)}")
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
        say(f"wrote {path}")
    say(f"the row in {drafted.name}.rules.json is for the policy's owner to add to `models` in")
    say("policies/data.json, with a higher `version`; until then the model is unknown, and")
    say("unknown is denied")
    for question in drafted.questions:
        say(f"to answer: {question}")
    return 0
