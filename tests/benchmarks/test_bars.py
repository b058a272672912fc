"""The spread is told of the end of each bound that decides; what was not measured has none."""

from dataclasses import replace

import pytest

from assay.evidence.decision import BarResult, Verdict
from assay.evidence.values import Bound, Exact
from assay.home import REPOSITORY
from assay.spec import load_spec
from benchmarks.bars import deciding, seeded, spread, table
from tests.assay.evidence.samples import decision, digest

BOUND = Bound(point=0.5, lower=0.4, upper=0.6, alpha=0.0025, n=900, method="clopper-pearson")
BAR = BarResult(
    measurement="auc",
    value=BOUND,
    development=None,
    direction="at_least",
    bar=0.3,
    verdict=Verdict.PASS,
    development_verdict=Verdict.PASS,
    distance=0.1,
    development_distance=None,
    n_needed=None,
    code="ok",
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0.4),
        ({"direction": "at_most"}, 0.6),
        ({"value": Exact(3, digest("x"))}, 3.0),
        ({"value": Exact("none", digest("x")), "direction": "one_of"}, None),
        ({"value": None}, None),
    ],
)
def test_the_deciding_end_is_the_one_that_is_harder_to_pass_with(
    changes: dict[str, object], expected: float | None
) -> None:
    assert deciding(replace(BAR, **changes)) == expected


def test_the_worst_is_the_lowest_of_lower_ends_and_the_highest_of_upper_ends() -> None:
    other = replace(BAR, value=replace(BOUND, lower=0.35, upper=0.7))
    assert spread(BAR, [BAR, other]).split()[-1] == "0.350"
    upper = [replace(one, direction="at_most") for one in (BAR, other)]
    assert spread(upper[0], upper).split()[-1] == "0.700"


def test_what_was_not_measured_has_no_spread() -> None:
    assert spread(BAR, [replace(BAR, value=None)]) == ""


def test_every_bar_of_every_gate_has_a_line() -> None:
    one = decision()
    lines = list(table([one, one]))
    assert len(lines) == 1 + sum(len(result.bars) for result in one.gates.values())


def test_a_seed_changes_nothing_else() -> None:
    spec = load_spec(REPOSITORY / "pipelines" / "credit.yaml")
    other = seeded(spec, 99)
    assert other.training.seed == 99
    assert seeded(other, spec.training.seed) == spec
