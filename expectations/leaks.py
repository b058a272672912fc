"""No column is the answer under another name."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility.pydantic import Field
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from assay.guess import told_share

METRIC = "table.told_share"


class ToldShare(TableMetricProvider):
    """How much of the label the most telling column tells by itself."""

    metric_name = METRIC
    value_keys = ("label", "ignore")

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
        label = table[metric_value_kwargs["label"]]
        others = table.drop(columns=[label.name, *metric_value_kwargs["ignore"]])
        return max(told_share(others[name], label) for name in others)


class ExpectNoColumnToTellTheLabel(BatchExpectation):
    """No column by itself tells more than a share of the label: it would be a leak.

    Attributes:
        label: Column of 0 and 1.
        ignore: Columns that are no features: identifiers, and leaks that are known and dropped.
        max_told: Largest share, in [0, 1).
    """

    label: str
    ignore: list[str] = Field(default_factory=list)
    max_told: float = Field(ge=0, lt=1)
    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("label", "ignore", "max_told")
    args_keys: ClassVar[tuple[str, ...]] = ("label", "ignore", "max_told")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        told = metrics[METRIC]
        return {"success": bool(told <= self.max_told), "result": {"observed_value": told}}
