"""Rows that repeat another one are rare: a copied file, a doubled export, a leak across splits."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility.pydantic import Field
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

METRIC = "table.repeated_share"


class RepeatedShare(TableMetricProvider):
    """Share of rows that equal an earlier one in all columns but the ignored."""

    metric_name = METRIC
    value_keys = ("ignore",)

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> float:
        table, _, _ = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        return float(table.drop(columns=metric_value_kwargs["ignore"]).duplicated().mean())


class ExpectRepeatedRowsToBeRare(BatchExpectation):
    """At most a share of rows repeats another row.

    Attributes:
        ignore: Columns that differ between copies, such as a running number.
        max_share: Largest share of repeats, in [0, 1).
    """

    ignore: list[str] = Field(default_factory=list)
    max_share: float = Field(ge=0, lt=1)
    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("ignore", "max_share")
    args_keys: ClassVar[tuple[str, ...]] = ("ignore", "max_share")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        share = metrics[METRIC]
        return {"success": bool(share <= self.max_share), "result": {"observed_value": share}}
