"""`python -m tests.golden.generate`: a promotion of this version, for later versions to read.

A home, OPA and a registry's server are started; made-up evidence is submitted, approved, exported
and verified. Data and weights are the same each time; keys and times are not, and no private key
outlives this.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from assay.evidence.trust import Trust
from assay.registry.gate import Gate
from assay.registry.keyring import rotate
from assay.serving.export import export_bundle
from assay.serving.offline import verify_bundle
from tests.assay.registry.line import Line, own_line
from tests.assay.serving.promoted import save_small_model

GOLDEN = Path(__file__).resolve().parent


def promote(line: Line, payload: Path) -> None:
    """From made-up evidence to a champion."""
    line.look(payload)
    candidate = line.register(payload)
    for answer in (line.submit(candidate, line.bundle(payload)), line.approve(candidate)):
        if answer.status != 200:
            raise SystemExit(answer.text)


def write(line: Line, folder: Path) -> None:
    """Bundle, outcome tables, and a trust that covers the one that decided."""
    home, now = line.evidenced.home, int(time.time())
    with line.site.signed_in("auditor"):
        export_bundle(home, "credit", folder / "credit.tar", now=now, tracking_uri=line.site.url)
    rotate(Gate(home), "evaluator", now)
    (folder / "trust.json").write_bytes(home.trust.read_bytes())
    (folder / "outcomes").mkdir()
    for table in home.sealed_outcomes.iterdir():
        shutil.copyfile(table, folder / "outcomes" / table.name)
    trust, outcomes = Trust.load(folder / "trust.json"), folder / "outcomes"
    verify_bundle(folder / "credit.tar", now=now, trust=trust, outcomes=outcomes)
    sys.stdout.write(f"{folder}: verified at {now}\n")


def main() -> None:
    """Write this version's folder, which may not be there yet."""
    folder = GOLDEN / version("assay")
    folder.mkdir()
    with tempfile.TemporaryDirectory(prefix="assay-golden-") as scratch:
        payload = Path(scratch) / "payload"
        save_small_model(payload)
        with own_line(Path(scratch) / "home") as line:
            promote(line, payload)
            write(line, folder)


if __name__ == "__main__":
    main()
