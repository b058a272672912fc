"""Lines that run at once in one home share what is there and overspend nothing."""

from __future__ import annotations

from pathlib import Path

from assay.errors import Refused
from assay.spec import PipelineSpec
from benchmarks.plain_line import measure
from tests.line.conftest import Site
from tests.line.doomed import start
from tests.line.test_killed import PATIENCE, finish, looks, require_answered, require_whole

LINES = 3


def at_once(site: Site, pipeline: Path) -> list[int | None]:
    """How several runs of one command end."""
    lines = [start(pipeline, site.home) for _ in range(LINES)]
    for line in lines:
        line.join(PATIENCE)
    return [line.exitcode for line in lines]


def test_one_of_them_makes_the_release(small: Site, quick: PipelineSpec, tmp_path: Path) -> None:
    ended = at_once(small, tmp_path / "borrowers.yaml")
    # Who comes while it is being made is refused; who comes after it is handed it.
    assert 0 in ended
    assert set(ended) <= {0, Refused.exit_code}
    require_whole(small.home)
    kinds = [entry.kind for entry in small.ledger.entries()]
    assert kinds.count("release_reserved") == kinds.count("release_stored") == 1
    assert looks(small.home) == ended.count(0)
    require_answered(finish(small, quick))


def test_all_of_them_finish_once_there_is_a_release(
    small: Site, quick: PipelineSpec, tmp_path: Path
) -> None:
    measure(quick, small.home)
    assert at_once(small, tmp_path / "borrowers.yaml") == [0] * LINES
    require_whole(small.home)
    assert looks(small.home) == 1 + LINES
    require_answered(finish(small, quick))
