"""Which rows of a release a model is fitted on, which choose, and which are held out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.errors import InputError
from assay.spec import PipelineSpec


def release_rows(spec: PipelineSpec, release: pd.DataFrame) -> list[str]:
    """A name for each row of a release, (n,): 32 hex digits.

    A drawn row is named by its place. Where the train rows themselves are the release, each keeps
    the keyed name by which validation set it apart: the gate can tell which of them were fitted.
    """
    if spec.privacy.mechanism == "none":
        return [str(row) for row in release["row"]]
    return [f"{index:032x}" for index in range(len(release))]


def release_parts(spec: PipelineSpec, n: int) -> NDArray[np.str_]:
    """What each of a release's n rows is for.

    `fitted` rows make the weights, `selection` rows choose the epoch and the cut-off, `held_out`
    rows are only measured. A function of the declared seed and share and of n alone, so that
    privacy, training and evaluation agree without handing it over.

    Returns:
        (n,) text. `spec.training.held_out` of the rows, rounded, are not fitted; half of those,
        rounded down, are for selection.

    Raises:
        InputError: So few rows that one part would be empty (`too_few_rows`).
    """
    unfitted = round(n * spec.training.held_out)
    if not 1 < unfitted < n:
        raise InputError(
            "too_few_rows",
            f"expected rows to fit, to choose by and to hold out, found {n} in the release",
        )
    order = np.random.default_rng(spec.training.seed).permutation(n)
    parts = np.full(n, "fitted", dtype="<U9")
    parts[order[:unfitted]] = "held_out"
    parts[order[: unfitted // 2]] = "selection"
    return parts
