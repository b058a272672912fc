"""A projected row is one that the person could hand in: every column keeps its own law."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InputError
from assay.models import Encoder
from assay.spec import Column
from tasks.attacks import Constraint

COLUMNS = {
    "late": Column(kind="ordinal", values=tuple(range(-2, 9))),
    "paid": Column(kind="number", edges=(0, 1, 500, 10_000), integer=True),
    "rate": Column(kind="number", edges=(0, 5, 20)),
    "odd": Column(kind="number", edges=(0.5, 5, 20), integer=True),
    "job": Column(kind="number", edges=(0, 1, 2), nulls=True),
    "color": Column(kind="category", values=("red", "green")),
    "sex": Column(kind="category", values=(0, 1), use="audit"),
}
ENCODER = Encoder(COLUMNS)
AT = {name: block.start for name, block in ENCODER.blocks.items()}


def row(**coordinates: float) -> torch.Tensor:
    x = torch.zeros(1, ENCODER.width)
    for name, value in coordinates.items():
        x[0, AT[name]] = value
    return x


def moved(way: str, name: str, start: float, wish: float, cost: float) -> float:
    constraint = Constraint.of(ENCODER, {name: way})
    z = constraint.project(row(**{name: wish}), row(**{name: start}), cost)
    return round(float(z[0, AT[name]]), 4)


@pytest.mark.parametrize(
    ("way", "name", "start", "wish", "cost", "expected"),
    [
        ("any", "rate", 0.5, 0.9, 0.1, 0.6),
        ("any", "rate", 0.5, 0.1, 0.1, 0.4),
        ("any", "rate", 0.5, 0.55, 0.1, 0.55),
        ("up", "rate", 0.5, 0.1, 0.1, 0.5),
        ("up", "rate", 0.5, 0.9, 0.1, 0.6),
        ("down", "rate", 0.5, 0.9, 0.1, 0.5),
        ("down", "rate", 0.5, 0.1, 0.1, 0.4),
        ("any", "rate", 0.95, 2.0, 0.1, 1.0),
        ("any", "rate", 0.05, -2.0, 0.1, 0.0),
        ("any", "late", 0.2, 0.9, 0.05, 0.2),
        ("any", "late", 0.2, 0.9, 0.1, 0.3),
        ("any", "late", 0.2, 0.0, 0.1, 0.1),
        ("any", "late", 0.2, 0.9, 0.29, 0.4),
        ("any", "late", 0.2, 0.28, 1.0, 0.2),
        ("any", "late", 0.5, 0.5, 1.0, 0.5),
        ("any", "paid", 0.0, 0.2, 1.0, 0.0),
        ("any", "paid", 0.0, 0.34, 1.0, round((1 + 9 / 499) / 3, 4)),
        ("any", "paid", 1 / 3, 0.3, 1.0, round(1 / 3, 4)),
        ("any", "odd", 0.0, 0.2, 1.0, 0.2),
    ],
)
def test_a_step_keeps_direction_cost_range_and_levels(
    way: str, name: str, start: float, wish: float, cost: float, expected: float
) -> None:
    assert moved(way, name, start, wish, cost) == expected


def test_an_immutable_column_never_moves() -> None:
    constraint = Constraint.of(ENCODER, {"rate": "any"})
    x, wish = torch.full((1, ENCODER.width), 0.25), torch.full((1, ENCODER.width), 0.5)
    z = constraint.project(wish, x, 1.0)
    assert z[0, AT["rate"]] == 0.5
    assert z.sum() == x.sum() + 0.25


def test_a_null_cell_never_moves() -> None:
    constraint = Constraint.of(ENCODER, {"job": "any"})
    x = torch.zeros(2, ENCODER.width)
    x[:, AT["job"]] = 0.5
    x[1, AT["job"] + 1] = 1.0
    z = constraint.project(torch.ones_like(x), x, 0.25)
    assert z[:, AT["job"]].tolist() == [0.75, 0.5]
    assert z[:, AT["job"] + 1].tolist() == [0.0, 1.0]


def test_an_undeclared_level_stays_or_lands_on_a_level() -> None:
    constraint = Constraint.of(ENCODER, {"late": "any"})
    x = row(late=0.55)
    assert moved("any", "late", 0.55, 0.58, 0.1) == 0.55
    assert constraint.project(row(late=0.9), x, 0.1)[0, AT["late"]] == pytest.approx(0.6)


def test_refuses_a_mutable_category() -> None:
    with pytest.raises(InputError, match="not_ordered"):
        Constraint.of(ENCODER, {"color": "any"})


@pytest.mark.parametrize("mutable", [{}, {"sex": "any"}, {"absent": "up"}])
def test_refuses_when_nothing_that_the_model_sees_is_mutable(mutable: dict[str, str]) -> None:
    with pytest.raises(InputError, match="nothing_mutable"):
        Constraint.of(ENCODER, mutable)


def test_leaves_out_a_mutable_column_that_the_model_does_not_see() -> None:
    constraint = Constraint.of(ENCODER, {"sex": "any", "rate": "any"})
    assert constraint.mutable.tolist() == [AT["rate"]]


@given(st.integers(0, 2**31), st.floats(0.01, 1.0), st.sampled_from(["any", "up", "down"]))
def test_projecting_twice_is_projecting_once_and_no_step_grows(
    seed: int, cost: float, way: str
) -> None:
    generator = torch.Generator().manual_seed(seed)
    names = [name for name in ENCODER.columns if name != "color"]
    constraint = Constraint.of(ENCODER, dict.fromkeys(names, way))
    anywhere = torch.rand(8, ENCODER.width, generator=generator)
    x = constraint.snap(anywhere, torch.zeros_like(anywhere))
    wish = 3 * torch.rand(8, ENCODER.width, generator=generator) - 1
    z = constraint.project(wish, x, cost)
    assert ((z - x).abs() <= cost + 1e-4).all()
    assert (z >= 0).all()
    assert (z <= 1).all()
    assert torch.allclose(constraint.project(z, x, cost), z, atol=1e-4)
    assert way != "up" or (z >= x).all()
    assert way != "down" or (z <= x).all()
