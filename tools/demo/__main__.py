"""`make demo`: the whole line over a fresh home; exits 0 only if all of it happened."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from assay.errors import AssayError
from assay.home import Home
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
    stage = Stage(fresh_home(Path(".assay")))
    stage.title("OPA, MLflow with the gate inside, Prefect and a worker on free ports")
    if stage.type("up", "--background").returncode != 0:
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
    """A new home below a folder, which `current` points at from now on."""
    home = Home((folder / time.strftime("demo-%Y%m%d-%H%M%S")).resolve()).create()
    current = folder / "current"
    current.unlink(missing_ok=True)
    current.symlink_to(home.root.name)
    return home


if __name__ == "__main__":
    sys.exit(main())
