"""A name that is not registered is refused before anything runs, and the message says which."""

from __future__ import annotations

import pytest

from assay.errors import InputError
from assay.spec import Augmentation, PipelineSpec
from tasks.evaluation.asked import check_asked


def asking(spec: PipelineSpec, **changes: object) -> PipelineSpec:
    """The declaration with one key of its evaluation or training set, as `section__key`."""
    for path, value in changes.items():
        section, key = path.split("__")
        if section == "training":
            training = spec.training.model_copy(update={key: value})
            return spec.model_copy(update={"training": training})
        inner = getattr(spec.evaluation, section).model_copy(update={key: value})
        evaluation = spec.evaluation.model_copy(update={section: inner})
        return spec.model_copy(update={"evaluation": evaluation})
    return spec


def test_what_is_registered_is_accepted(spec: PipelineSpec) -> None:
    check_asked(spec)
    hard = Augmentation(attack="art_pgd", cost=0.1, steps=1)
    check_asked(asking(spec, training__augmentation=hard))


@pytest.mark.parametrize(
    ("path", "value", "code", "said"),
    [
        ("training__family", "mpl", "unknown_family", "training.family"),
        (
            "training__augmentation",
            Augmentation(attack="fgsm", cost=0.1, steps=1),
            "unknown_attack",
            "training.augmentation.attack: expected one of art_pgd",
        ),
        (
            "robustness__attacks",
            ("constrained_pgd", "feasible_serch"),
            "unknown_attack",
            "did you mean 'feasible_search'?",
        ),
        ("stress__corruptions", ("mising",), "unknown_corruption", "did you mean 'missing'?"),
        ("membership__attacks", ("loss_lo",), "unknown_attack", "evaluation.membership.attacks"),
    ],
)
def test_what_is_not_registered_is_refused(
    spec: PipelineSpec, path: str, value: object, code: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        check_asked(asking(spec, **{path: value}))
    assert caught.value.code == code
    assert said in caught.value.message
