"""`make demo`: the whole line over a fresh home; exits 0 only if all of it happened."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from assay.errors import AssayError, InputError
from assay.home import Home
from assay.stack.record import is_running
from tools.demo import acts
from tools.demo.stage import Stage

ACTS = (
    acts.promising,
    acts.four_eyes,
    acts.consuming,
    acts.tampering,
    acts.careless,
    acts.mortgage,
    acts.bypassing,
)


def main() -> int:
    """Start the stack, play each act, print the summary, stop the stack."""
    try:
        stage = Stage(fresh_home(Path(".assay")))
    except InputError as error:
        sys.stderr.write(f"make demo: {error}\n")
        return error.exit_code
    stage.title("OPA, MLflow with the gate inside and Prefect on free ports")
    # Without a worker nothing fires on schedule: the hourly watch would find what the
    # demonstration tampers with, and rightly take the champion away.
    if stage.type("up", "--background", "--no-worker").returncode != 0:
        return 3
    try:
        for act in ACTS:
            try:
                act(stage)
            except AssayError as error:
                stage.check(act.__doc__ or act.__name__, str(error), False)
        ok = stage.summary()
        acts.addresses(stage)
    finally:
        stage.type("down")
    return 0 if ok else 1


def fresh_home(folder: Path) -> Home:
    """A new home below a folder, which `current` points at from now on.

    Raises:
        InputError: A stack runs over the current home (`stack_running`): `make down` would no
            longer find it. Or `current` is no link (`not_a_link`): whatever it is stays.
    """
    current = folder / "current"
    if current.exists() and not current.is_symlink():
        raise InputError(
            "not_a_link", f"expected a link at {current}, found a folder: move it away"
        )
    if current.exists() and is_running(Home(current.resolve())):
        raise InputError("stack_running", f"expected no stack over {current}; stop it: `make down`")
    home = Home((folder / time.strftime("demo-%Y%m%d-%H%M%S")).resolve()).create()
    current.unlink(missing_ok=True)
    current.symlink_to(home.root.name)
    return home


if __name__ == "__main__":
    sys.exit(main())
