"""MLflow as the user whom this process's environment names, and how it says no."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    PERMISSION_DENIED,
    RESOURCE_DOES_NOT_EXIST,
    ErrorCode,
)
from mlflow.tracking import MlflowClient

from assay.errors import Refused, Unavailable
from assay.handshake import refuse_unverified, unanswered
from assay.registry.words import hear

ADDRESS = "MLFLOW_TRACKING_URI"
_CLOSED = {ErrorCode.Name(PERMISSION_DENIED), ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)}


@contextmanager
def registry() -> Iterator[MlflowClient]:
    """A client; what the registry refuses leaves as `Refused`, all else as `Unavailable`.

    Without an address MLflow would make a registry of its own in the working folder, with no gate.
    What this process told MLflow before (`set_tracking_uri`) would outrank the environment, so it
    is told again.
    """
    address = os.environ.get(ADDRESS, "")
    if not address.startswith(("http://", "https://")):
        raise Unavailable("no_registry", f"expected the registry's address in {ADDRESS}")
    refuse_unverified()
    mlflow.set_tracking_uri(address)
    mlflow.set_registry_uri(address)
    try:
        yield MlflowClient()
    except MlflowException as error:
        raise _told(error) from None


def _told(error: MlflowException) -> Refused | Unavailable:
    text = str(error.message)
    if ours := hear(text):
        return Refused(*ours)
    if error.error_code in _CLOSED:
        return Refused(error.error_code.lower(), f"MLflow answered: {text[:300]}")
    return unanswered("mlflow_unavailable", "MLflow", error, text[:300])
