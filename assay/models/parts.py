"""Which rows of a release a model is fitted on, and which are held out of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.spec import PipelineSpec


def release_rows(n: int) -> list[str]:
    """A name for each of a release's n rows, 32 hex digits of its place."""
    return [f"{index:032x}" for index in range(n)]


def fitted_part(spec: PipelineSpec, n: int) -> NDArray[np.bool_]:
    """True where a row is fitted, False where it is held out for early stopping.

    A function of the declared seed and share and of the release's n rows alone, so that training
    and evaluation agree without handing it over.

    Returns:
        (n,) bool; `spec.training.held_out` of them, rounded, are False.

    Raises:
        InputError: So few rows that one part would be empty (`too_few_rows`).
    """
    held_out = round(n * spec.training.held_out)
    if not 0 < held_out < n:
        raise InputError(
            "too_few_rows", f"expected rows to fit and rows to hold out, found {n} in the release"
        )
    order = np.random.default_rng(spec.training.seed).permutation(n)
    fitted = np.ones(n, dtype=np.bool_)
    fitted[order[:held_out]] = False
    return fitted
