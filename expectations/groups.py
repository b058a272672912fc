"""Every group that will be compared has rows: a group of nobody is never treated worse."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility.pydantic import Field
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

METRIC = "table.smallest_group"


class SmallestGroup(TableMetricProvider):
    """Rows of the smallest of the named levels of a column; 0 when one does not occur."""

    metric_name = METRIC
    value_keys = ("column", "levels")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> int:
        table, _, _ = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        column = table[metric_value_kwargs["column"]]
        return min(int(column.eq(level).sum()) for level in metric_value_kwargs["levels"])


class ExpectGroupsToHaveRows(BatchExpectation):
    """Each named level of a column occurs in at least so many rows.

    Attributes:
        column: A column of groups, or one 0/1 column with `levels` [1].
        levels: Levels that must occur.
        min_rows: Rows that each must have, at least 1.
    """

    column: str
    levels: list[int | str]
    min_rows: int = Field(ge=1)
    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("column", "levels", "min_rows")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "levels", "min_rows")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        smallest = metrics[METRIC]
        return {"success": bool(smallest >= self.min_rows), "result": {"observed_value": smallest}}
