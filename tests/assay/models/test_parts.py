"""Training and evaluation name the same held-out rows without speaking to one another."""

from pathlib import Path

import pytest

from assay.errors import InputError
from assay.models import release_parts
from assay.spec import PipelineSpec, load_spec

CREDIT = Path(__file__).parents[3] / "pipelines" / "credit.yaml"


def declared(seed: int, held_out: float = 0.1) -> PipelineSpec:
    spec = load_spec(CREDIT)
    training = spec.training.model_copy(update={"seed": seed, "held_out": held_out})
    return spec.model_copy(update={"training": training})


@pytest.mark.parametrize(
    ("n", "held_out", "expected"),
    [(100, 0.1, (90, 5, 5)), (15, 0.1, (13, 1, 1)), (33, 0.1, (30, 1, 2)), (3, 0.6, (1, 1, 1))],
)
def test_half_of_what_is_not_fitted_chooses(
    n: int, held_out: float, expected: tuple[int, int, int]
) -> None:
    parts = release_parts(declared(7, held_out), n).tolist()
    assert tuple(map(parts.count, ("fitted", "selection", "held_out"))) == expected


def test_follows_from_seed_and_size_alone() -> None:
    assert (release_parts(declared(7), 1000) == release_parts(declared(7), 1000)).all()
    assert (release_parts(declared(7), 1000) != release_parts(declared(8), 1000)).any()


@pytest.mark.parametrize("n", [0, 1, 4, 14])
def test_refuses_an_empty_part(n: int) -> None:
    with pytest.raises(InputError, match="too_few_rows"):
        release_parts(declared(7), n)
