"""Training and evaluation name the same held-out rows without speaking to one another."""

from pathlib import Path

import pytest

from assay.errors import InputError
from assay.models import fitted_part
from assay.spec import PipelineSpec, load_spec

CREDIT = Path(__file__).parents[3] / "pipelines" / "credit.yaml"


def declared(seed: int, held_out: float = 0.1) -> PipelineSpec:
    spec = load_spec(CREDIT)
    training = spec.training.model_copy(update={"seed": seed, "held_out": held_out})
    return spec.model_copy(update={"training": training})


@pytest.mark.parametrize(("n", "held_out", "expected"), [(100, 0.1, 10), (15, 0.1, 2), (2, 0.5, 1)])
def test_holds_out_the_declared_share(n: int, held_out: float, expected: int) -> None:
    fitted = fitted_part(declared(7, held_out), n)
    assert fitted.shape == (n,)
    assert (~fitted).sum() == expected


def test_follows_from_seed_and_size_alone() -> None:
    assert (fitted_part(declared(7), 1000) == fitted_part(declared(7), 1000)).all()
    assert (fitted_part(declared(7), 1000) != fitted_part(declared(8), 1000)).any()


@pytest.mark.parametrize("n", [0, 1, 4])
def test_refuses_an_empty_part(n: int) -> None:
    with pytest.raises(InputError, match="too_few_rows"):
        fitted_part(declared(7), n)
