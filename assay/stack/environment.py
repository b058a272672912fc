"""The environment of every process: what a setting may not be inherited from, and what is set."""

from __future__ import annotations

import os
from collections.abc import Mapping

from assay.home import ENVIRONMENT, Home
from assay.registry.users import read_password
from assay.registry.wire import tls_environment
from assay.stack.record import Stack

# A stray variable of these families is a setting that nobody here chose.
OURS = ("PREFECT_", "MLFLOW_", "OPA_", "ASSAY_", "GIT_", "AWS_")
KEPT = frozenset({"ASSAY_CACHE", "ASSAY_DATA"})
QUIET = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "PYTHONUNBUFFERED": "1",
    "PYTHONWARNINGS": "ignore",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}


def inherited(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The caller's environment without the families that are set here."""
    return {k: v for k, v in environment.items() if not k.startswith(OURS) or k in KEPT}


def base(home: Home) -> dict[str, str]:
    """What every component gets: the home, and no telemetry, proxy or noise."""
    return {**inherited(), **QUIET, ENVIRONMENT: str(home.root)}


def prefect_client(home: Home, api: str) -> dict[str, str]:
    """What a process needs that runs or deploys flows.

    Args:
        home: The installation.
        api: URL of Prefect's API.
    """
    return {
        "PREFECT_API_URL": api,
        "PREFECT_HOME": str(home.root / "prefect"),
        "PREFECT_PROFILES_PATH": str(home.root / "prefect" / "profiles.toml"),
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        "PREFECT_CLIENT_METRICS_ENABLED": "false",
    }


def mlflow_client(home: Home, url: str, user: str) -> dict[str, str]:
    """What a process needs that speaks to the registry as one user.

    Raises:
        InputError: The user has no password file, or the settings cannot be read.
    """
    return {
        **tls_environment(home),
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_REGISTRY_URI": url,
        "MLFLOW_TRACKING_USERNAME": user,
        "MLFLOW_TRACKING_PASSWORD": read_password(home, user),
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # of the default's 7, two minutes of silence
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    }


def flow_environment(home: Home, stack: Stack, user: str) -> dict[str, str]:
    """What a flow runs with: the home, Prefect, and the registry as the pipeline's owner.

    Raises:
        InputError: As `mlflow_client`.
    """
    return {
        **QUIET,
        ENVIRONMENT: str(home.root),
        **prefect_client(home, stack.prefect),
        **mlflow_client(home, stack.mlflow, user),
    }
