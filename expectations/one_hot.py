"""A block of 0/1 columns marks exactly one level in every row."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    MulticolumnMapMetricProvider,
    multicolumn_condition_partial,
)

METRIC = "multicolumn_values.one_hot"


class OneHot(MulticolumnMapMetricProvider):
    """Row by row: numbers, no truth values, all 0 but one 1."""

    condition_metric_name = METRIC
    condition_value_keys = ()

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, **_: Any) -> pd.Series:  # noqa: N805
        numeric = all(dtype.kind in "iuf" for dtype in column_list.dtypes)
        marks = column_list.isin([0, 1]).all(axis=1) & (column_list == 1).sum(axis=1).eq(1)
        return marks & numeric


class ExpectOneHotColumnsToMarkOneLevel(MulticolumnMapExpectation):
    """Each row of the block holds one 1, and 0 elsewhere; a sum of 1 would allow 2 and -1.

    Attributes:
        column_list: The block's columns.
    """

    ignore_row_if: Literal["never"] = "never"
    map_metric: ClassVar[str] = METRIC
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)
    args_keys: ClassVar[tuple[str, ...]] = ("column_list",)
