"""A table that nobody here has seen is drafted, gated and decided, whatever the verdicts are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.cli import main
from assay.cli.needs import need_of
from assay.cli.rows import count_rows
from assay.errors import Refused
from assay.evidence.values import Bound
from assay.policy.rules import load_policy
from assay.spec import PipelineSpec
from benchmarks.plain_line import judge, make_home, measure
from tests.line.conftest import Site
from tests.line.stranger import LABEL, ROWS, SENSITIVE, Stranger, borrowers, hasten, save
from tests.line.test_verdicts import GATES, short, verdicts


def test_every_required_gate_answers(small: Site, stranger: Stranger, tmp_path: Path) -> None:
    """As drafted, but for the length of training."""
    run = small.run(stranger.copy(tmp_path, declare=lambda d: d["training"].update(epochs=3)))
    assert run.measured.refused == {}
    assert set(verdicts(run)) == GATES
    assert run.decision.denials == ()
    for gate in ("data_quality", "privacy", "provenance"):
        assert verdicts(run)[gate] == "PASS", short(run)
    for result in run.decision.gates.values():
        assert result.verdict.value in ("PASS", "FAIL", "INSUFFICIENT")
        for bar in result.bars:
            assert bar.value is not None
            if bar.verdict == "INSUFFICIENT" and bar.code == "insufficient":
                assert bar.n_needed is None or bar.n_needed > 0
    assert not run.decision.allowed  # so few rows prove too little


def test_check_tells_the_rows_that_each_gate_needs(
    small: Site, stranger: Stranger, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["check", str(stranger.pipeline), "--home", str(small.home.root)]
    assert main(command) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert f"train {ROWS // 2:,}, sealed holdout {int(ROWS * 0.4):,}" in told
    measurement = "equal_opportunity_difference:sex*age"
    assert f"cannot pass: {measurement} takes n >= 200 whatever is measured" in told
    assert told.count("cannot pass:") == 1  # others are not shown at this margin, and may pass


def test_check_foretells_the_n_of_every_bound(
    small: Site, stranger: Stranger, tmp_path: Path
) -> None:
    """As the measures count it: a group's rows, a label's, the half of a release that is kept."""

    def declare(declared: dict[str, Any]) -> None:
        hasten(declared)
        declared["privacy"]["rows"] = ROWS

    run = small.run(stranger.copy(tmp_path, declare=declare))
    policy = load_policy(small.home.policy)
    rows = count_rows(run.measured.spec, policy.model("borrowers"))
    alpha, told = policy.alpha("borrowers"), 0
    for bar in policy.bars("borrowers"):
        if need := need_of(bar, rows, alpha):
            found = run.measured.evidence[bar.evidence].measurements[bar.measurement]
            assert isinstance(found, Bound)
            off, reach = abs(found.n - need.n.about), need.n.most - need.n.about
            assert off <= 1.5 * reach, bar.measurement
            told += 1
    assert told == sum(bar.kind == "bound" for bar in policy.bars("borrowers"))
    held_out = run.measured.evidence["overfitting"].measurements["balanced_accuracy_gap"]
    assert isinstance(held_out, Bound)
    assert held_out.n == rows.held_out.about == rows.held_out.most  # declared, so known


def test_init_writes_what_the_line_ran_on(
    tmp_path: Path, stranger: Stranger, capsys: pytest.CaptureFixture[str]
) -> None:
    file = save(tmp_path, borrowers())
    assert main(["init", str(file), "--label", LABEL, "--sensitive", *SENSITIVE]) == 0
    assert "to answer:" in capsys.readouterr().out
    assert (tmp_path / "borrowers.yaml").read_text() == stranger.pipeline.read_text()


def test_without_its_row_the_model_is_unknown(
    tmp_path: Path, small: Site, quick: PipelineSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = make_home(tmp_path / "bare")
    with pytest.raises(Refused, match="unknown_model"):
        measure(quick, bare)
    assert main(["check", str(tmp_path / "borrowers.yaml"), "--home", str(bare.root)]) == 1
    assert "unknown_model" in capsys.readouterr().out
    decision = judge(measure(quick, small.home).submission(small.home), bare, small.opa)
    assert not decision.allowed
    assert [denial.partition(":")[0] for denial in decision.denials] == ["unknown_model"]
