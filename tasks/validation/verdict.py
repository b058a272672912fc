"""The strict verdict: one outcome per declared expectation, in counts, and `success` only if it is.

Great Expectations calls a column without a value, a condition that no row meets and a truthy
text a success, and its usual results quote cells. Here only counts leave, and doubt is a failure.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.errors import Refused, Unavailable
from tasks.validation.suite import Declared, Suite, quiet

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import great_expectations as gx
    from great_expectations.core import ExpectationSuite
    from great_expectations.data_context.types.base import ProgressBarsConfig

MAX_SHOWN = 5  # failed expectations in one message
COUNTS: Mapping[str, Any] = {"result_format": "BASIC", "partial_unexpected_count": 0}
PLACES: Mapping[str, Any] = {  # positions of failing rows, still without a value
    "result_format": "COMPLETE",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one expectation.

    Attributes:
        index: Place in the suite, from 0.
        declared: The expectation.
        success: It held, was evaluated, and looked at something.
        element_count: Rows that it looked at, at least 1 for a success.
        missing_count: Of these, rows without a value, less than all for a success.
        unexpected_count: Rows that broke it; 0 for one that judges the table as a whole.
    """

    index: int
    declared: Declared
    success: bool
    element_count: int
    missing_count: int
    unexpected_count: int

    def __str__(self) -> str:
        if not self.declared.row_level:
            return str(self.declared)
        if self.element_count < 0:
            return f"{self.declared} (it looked at nothing; is its column there?)"
        return f"{self.declared} ({self.unexpected_count:,} of {self.element_count:,} rows)"


def judge(frame: pd.DataFrame, declared: Sequence[Declared]) -> tuple[Outcome, ...]:
    """Evaluate each expectation on a whole table.

    Args:
        frame: The rows; its index is not looked at.
        declared: At least one expectation.

    Returns:
        One outcome per expectation, in their order; one that was lost on the way has failed.
    """
    found = _evaluate(frame, declared, COUNTS)
    return tuple(_outcome(i, d, found.get(i, []), frame) for i, d in enumerate(declared))


def failing_rows(frame: pd.DataFrame, declared: Sequence[Declared]) -> NDArray[np.bool_]:
    """Which rows break any of these row-level expectations.

    Returns:
        (n,), true where a row breaks one.

    Raises:
        Refused: `data_invalid`, the engine did not say which rows they are.
    """
    failing = np.zeros(len(frame), dtype=bool)
    if not declared:
        return failing
    found = _evaluate(frame, declared, PLACES)
    for position, one in enumerate(declared):
        places = [r.result.get("unexpected_index_list") for r in found.get(position, [])]
        if len(places) != 1 or not isinstance(places[0], list):
            raise Refused("data_invalid", f"expected the rows that break {one}, found no places")
        failing[places[0]] = True
    return failing


def sift(frame: pd.DataFrame, suite: Suite) -> tuple[NDArray[np.bool_], tuple[Outcome, ...]]:
    """Which rows are sound, and the outcomes of the whole suite on exactly those.

    A row-level expectation may leave as many rows behind as its `mostly` grants; all others, and
    whatever fails on the rows that remain, refuse the table.

    Returns:
        (n,) true for a row that is kept; one outcome per expectation, all of them successes.

    Raises:
        Refused: `data_invalid`.
    """
    first = judge(frame, suite.declared)
    _refuse([o for o in first if o.declared.row_level and not o.success])
    broken = [o.declared for o in first if o.declared.row_level and o.unexpected_count]
    kept = ~failing_rows(frame, broken)
    final = judge(frame[kept], suite.declared) if broken else first
    _refuse([o for o in final if not o.success or o.unexpected_count])
    return kept, final


def _refuse(failed: Sequence[Outcome]) -> None:
    if failed:
        more = f"; and {len(failed) - MAX_SHOWN} more" if len(failed) > MAX_SHOWN else ""
        raise Refused(
            "data_invalid",
            f"expected every expectation to hold, found {len(failed)} that do not: "
            f"{'; '.join(map(str, failed[:MAX_SHOWN]))}{more}",
        )


def _evaluate(
    frame: pd.DataFrame, declared: Sequence[Declared], form: Mapping[str, Any]
) -> dict[int, list[Any]]:
    """Results by the place of their expectation."""
    with quiet():
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
        whole = asset.add_batch_definition_whole_dataframe("all")
        suite = ExpectationSuite(
            name="declared",
            expectations=[
                {"type": d.type, "kwargs": dict(d.kwargs), "meta": {"place": i}}
                for i, d in enumerate(declared)
            ],
        )
        batch = whole.get_batch({"dataframe": frame.reset_index(drop=True)})
        try:
            results = batch.validate(suite, result_format=dict(form)).results
        except Exception as error:
            # Its words may quote cells.
            raise Unavailable(
                "engine_failed",
                f"expected Great Expectations to judge the table, found {type(error).__name__}",
            ) from None
    found: dict[int, list[Any]] = {}
    for result in results:
        if result.expectation_config is None:
            continue  # an expectation that has no result has failed
        found.setdefault(result.expectation_config.meta["place"], []).append(result)
    return found


def _outcome(
    index: int, declared: Declared, results: Sequence[Any], frame: pd.DataFrame
) -> Outcome:
    if len(results) != 1:
        return Outcome(index, declared, False, 0, 0, 0)
    success, told = results[0].success, results[0].result or {}
    if not declared.row_level or ("observed_value" in told and "element_count" not in told):
        # The table, or a column's type, as a whole.
        return Outcome(index, declared, _is_true(success), len(frame), 0, 0)
    elements, unexpected = _count(told, "element_count"), _count(told, "unexpected_count")
    missing = _count(told, "missing_count") if "missing_count" in told else 0
    seen = 0 <= missing < elements and 0 <= unexpected <= elements
    return Outcome(index, declared, _is_true(success) and seen, elements, missing, unexpected)


def _is_true(success: object) -> bool:
    """True itself: not a text, a number or NaN, which are truthy too."""
    return success is True or (isinstance(success, np.bool_) and bool(success))


def _count(told: Mapping[str, Any], key: str) -> int:
    """A whole number of rows; -1 when there is none, so that no comparison holds."""
    found = told.get(key)
    if isinstance(found, bool) or not isinstance(found, int | np.integer):
        return -1
    return int(found)
