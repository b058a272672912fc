"""What a declaration names is there: looked up before rows, epsilon or looks are spent."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from assay.errors import InputError
from assay.measures.membership import SUSPICION
from assay.models.families import FAMILIES
from assay.spec import PipelineSpec
from tasks.attacks.registry import ATTACKS
from tasks.evaluation.corruptions import CORRUPTIONS


def check_asked(spec: PipelineSpec) -> None:
    """Family, attacks and corruptions are registered.

    Raises:
        InputError: `unknown_family`, `unknown_attack` or `unknown_corruption`; the message names
            the key, what was found, and what there is.
    """
    hard, asked = spec.training.augmentation, spec.evaluation
    _require("family", "training.family", [spec.training.family], FAMILIES)
    _require("attack", "training.augmentation.attack", [hard.attack] if hard else [], ATTACKS)
    _require("attack", "evaluation.robustness.attacks", asked.robustness.attacks, ATTACKS)
    _require("corruption", "evaluation.stress.corruptions", asked.stress.corruptions, CORRUPTIONS)
    _require("attack", "evaluation.membership.attacks", asked.membership.attacks, SUSPICION)


def _require(what: str, key: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError(
                f"unknown_{what}",
                f"{key}: expected one of {', '.join(sorted(known))}, found {name!r}{hint}",
            )
