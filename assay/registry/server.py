"""MLflow's own parts, as the running server holds them.

Imported when they are asked for: MLflow loads this package while it loads its handlers, and every
client loads it too.
"""

from __future__ import annotations

from typing import Any


def registry_store() -> Any:
    """The registry's store."""
    from mlflow.server.handlers import _get_model_registry_store

    return _get_model_registry_store()


def tracking_store() -> Any:
    """The store of experiments, runs and logged models."""
    from mlflow.server.handlers import _get_tracking_store

    return _get_tracking_store()


def artifact_repository() -> Any:
    """The one repository behind every proxied artifact."""
    from mlflow.server.handlers import _get_artifact_repo_mlflow_artifacts

    return _get_artifact_repo_mlflow_artifacts()
