"""Corruptions touch features alone, are repeatable, hit harder as they rise, and stay readable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.errors import InputError
from assay.models import Encoder
from assay.spec import Column, PipelineSpec
from tasks.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt, corruption
from tests.tasks.evaluation.conftest import loans

FRAME = loans(600, 9)


@pytest.fixture
def encoder(spec: PipelineSpec) -> Encoder:
    return Encoder(spec.data.columns)


def changed(encoder: Encoder, name: str, severity: int) -> np.ndarray:
    """Which features' cells are other ones, (n, features) bool."""
    after = corrupt(name, FRAME, encoder.columns, severity, seed=1)
    pairs = [(FRAME[column], after[column]) for column in encoder.columns]
    return np.column_stack(
        [
            ~((before.astype(object) == now.astype(object)) | (before.isna() & now.isna()))
            for before, now in pairs
        ]
    )


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_leaves_readable_rows_and_all_else_alone(
    encoder: Encoder, name: str, severity: int
) -> None:
    before = FRAME.copy(deep=True)
    after = corrupt(name, FRAME, encoder.columns, severity, seed=1)
    pd.testing.assert_frame_equal(FRAME, before)
    others = [column for column in FRAME if column not in encoder.columns]
    pd.testing.assert_frame_equal(after[others], FRAME[others])
    coordinates = encoder.encode(after)
    assert np.isfinite(coordinates).all()
    assert coordinates.min() >= 0
    assert coordinates.max() <= 1


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_is_repeatable_and_depends_on_the_seed(encoder: Encoder, name: str) -> None:
    one, again = (corrupt(name, FRAME, encoder.columns, 3, seed=1) for _ in range(2))
    pd.testing.assert_frame_equal(one, again)
    other = corrupt(name, FRAME, encoder.columns, 3, seed=2)
    assert not one.equals(other)


@pytest.mark.parametrize("name", [name for name in CORRUPTIONS if name != "missing"])
def test_hits_harder_as_it_rises(encoder: Encoder, name: str) -> None:
    if name == "noise":
        clean = encoder.encode(FRAME)
        hit = [
            np.abs(encoder.encode(corrupt(name, FRAME, encoder.columns, s, 1)) - clean).mean()
            for s in SEVERITIES
        ]
    else:
        hit = [changed(encoder, name, severity).mean() for severity in SEVERITIES]
    assert hit[0] > 0
    assert hit == sorted(hit)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_missing_takes_neighbours_from_every_row(severity: int) -> None:
    columns = {f"c{i}": Column(kind="number", edges=(0, 1)) for i in range(20)}
    frame = pd.DataFrame({name: np.full(300, 0.3) for name in columns})
    lost = corrupt("missing", frame, columns, severity, seed=0).isna().to_numpy()
    assert (lost.sum(axis=1) == severity).all()  # of twenty columns
    wraps = np.concatenate([lost, lost[:, :1]], axis=1).astype(int)
    assert (np.abs(np.diff(wraps, axis=1)).sum(axis=1) == 2).all()  # one block, around the end
    assert lost.any(axis=0).all()


def test_a_missing_cell_is_the_midpoint_or_the_null_level(encoder: Encoder) -> None:
    after = corrupt("missing", FRAME, encoder.columns, 5, seed=0)
    coordinates = encoder.encode(after)
    for name in ("late", "bill", "paid"):
        assert (coordinates[after[name].isna().to_numpy(), encoder.blocks[name]] == 0.5).all()
    null = coordinates[after["color"].isna().to_numpy(), encoder.blocks["color"]]
    assert (null == [0, 0, 0, 1]).all()


def test_noise_stays_in_range_whole_and_known(encoder: Encoder) -> None:
    holes = FRAME.assign(bill=FRAME["bill"].mask(FRAME.index < 50))
    after = corrupt("noise", holes, encoder.columns, 5, seed=0)
    assert after["bill"].isna().sum() == 50
    assert after["bill"].dropna().between(0, 1000).all()
    assert (after["bill"].dropna() % 1 == 0).all()
    assert after["late"].isin([-1, 0, 1, 2, 3]).all()
    assert after["color"].equals(FRAME["color"])


def test_noise_moves_by_about_its_deviation(encoder: Encoder) -> None:
    after = encoder.encode(corrupt("noise", FRAME, encoder.columns, 3, seed=0))
    step = (after - encoder.encode(FRAME))[:, encoder.blocks["bill"]]
    assert np.std(step) == pytest.approx(0.05, rel=0.2)


def test_out_of_range_lies_beyond_the_edges(encoder: Encoder) -> None:
    after = corrupt("out_of_range", FRAME, encoder.columns, 3, seed=0)
    for name in ("bill", "paid"):
        column = encoder.columns[name]
        beyond = (after[name] < column.edges[0]) | (after[name] > column.edges[-1])
        assert beyond.mean() == pytest.approx(0.05, abs=0.03)
        assert after[name][~beyond].equals(FRAME[name][~beyond])
    assert after["late"].equals(FRAME["late"])


def test_an_unseen_category_is_none_that_was_declared(encoder: Encoder) -> None:
    after = corrupt("unseen_category", FRAME, encoder.columns, 3, seed=0)
    for name in ("late", "color"):
        values = encoder.columns[name].values
        unseen = ~after[name].isin(values) & after[name].notna()
        assert unseen.mean() == pytest.approx(0.05, abs=0.03)
        assert after[name][unseen].nunique() == 1
    assert after["bill"].equals(FRAME["bill"])


@pytest.mark.parametrize("name", ["noise", "out_of_range", "unseen_category"])
def test_a_table_that_cannot_break_so_stays_as_it_is(name: str) -> None:
    kind = {"unseen_category": Column(kind="number", edges=(0, 1))}
    other = Column(kind="category", values=("a", "b"))
    columns = {"c": kind.get(name, other)}
    cells = [0.5] * 9 if name in kind else ["a"] * 9
    frame = pd.DataFrame({"c": cells})
    pd.testing.assert_frame_equal(corrupt(name, frame, columns, 5, seed=0), frame)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_column_may_have_any_name(name: str) -> None:
    columns = {
        "self": Column(kind="ordinal", values=(0, 1, 2)),
        "mask or where": Column(kind="number", edges=(0, 9)),
    }
    frame = pd.DataFrame({"self": [0, 1, 2] * 30, "mask or where": np.arange(90) % 9})
    assert not corrupt(name, frame, columns, 5, seed=0).equals(frame)


def test_refuses_what_is_not_registered(encoder: Encoder) -> None:
    with pytest.raises(InputError) as refused:
        corrupt("fog", FRAME, encoder.columns, 1, seed=0)
    assert refused.value.code == "unknown_corruption"
    with pytest.raises(InputError) as twice:
        corruption("noise")(CORRUPTIONS["noise"])
    assert twice.value.code == "duplicate"


@pytest.mark.parametrize("severity", [0, 6, -1])
def test_refuses_a_severity_that_is_none(encoder: Encoder, severity: int) -> None:
    with pytest.raises(InputError) as refused:
        corrupt("noise", FRAME, encoder.columns, severity, seed=0)
    assert refused.value.code == "unknown_severity"
