"""One column stays in proportion to another, row by row."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnPairMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnPairMapMetricProvider,
    column_pair_condition_partial,
)

METRIC = "column_pair_values.ratio_between"


class RatioBetween(ColumnPairMapMetricProvider):
    """Row by row: min_value * B <= A <= max_value * B; B is positive."""

    condition_metric_name = METRIC
    condition_value_keys = ("min_value", "max_value")

    @column_pair_condition_partial(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805
        column_A: pd.Series,  # noqa: N803
        column_B: pd.Series,  # noqa: N803
        min_value: float,
        max_value: float,
        **_: Any,
    ) -> pd.Series:
        return (
            column_B.gt(0) & column_A.ge(min_value * column_B) & column_A.le(max_value * column_B)
        )


class ExpectColumnPairRatioToBeBetween(ColumnPairMapExpectation):
    """A / B lies between two bounds: a loan against its price, a bill against its limit.

    Attributes:
        column_A: Numerator.
        column_B: Denominator, positive.
        min_value: Smallest ratio.
        max_value: Largest ratio.
    """

    min_value: float
    max_value: float
    ignore_row_if: Literal["neither"] = "neither"
    map_metric: ClassVar[str] = METRIC
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "min_value", "max_value", "ignore_row_if")
    args_keys: ClassVar[tuple[str, ...]] = ("column_A", "column_B", "min_value", "max_value")
