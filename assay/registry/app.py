"""MLflow's server as an application: basic authentication, a closed surface, sealed decisions."""

from __future__ import annotations

import os
from typing import Any

from flask import Response, request
from mlflow.exceptions import MlflowException
from mlflow.protos.service_pb2 import CreateExperiment
from mlflow.server import SERVE_ARTIFACTS_ENV_VAR, auth, handlers
from mlflow.server import app as flask_app

from assay.errors import InputError, Refused
from assay.registry.gate import Gate
from assay.registry.refusal import as_denial
from assay.registry.sealed import PROXIED, SealedArtifactRepository
from assay.registry.store import GatedStore
from assay.registry.surface import Surface


def create_app() -> Any:
    """The application that uvicorn serves, with authentication, gate and seal in place.

    Raises:
        InputError: A part is missing; the server does not start without it.
    """
    check_gated()
    served = auth.create_app(flask_app)
    if served is flask_app:
        raise InputError("not_gated", "expected uvicorn to serve MLflow, found another server")
    flask_app.before_request(refuse_foreign_storage)
    served.add_middleware(Surface)  # the last one added is the outermost
    return served


def check_gated() -> None:
    """Refuse to serve anything but the gated store over the sealed repository.

    Raises:
        InputError: One of them, the home, or its policy is missing.
    """
    Gate.here().policy()
    parts = {
        "--registry-store-uri gated+sqlite:///…": isinstance(
            handlers._get_model_registry_store(), GatedStore
        ),
        "--artifacts-destination sealed+file:///…": isinstance(
            handlers._get_artifact_repo_mlflow_artifacts(), SealedArtifactRepository
        ),
        "--serve-artifacts": os.environ.get(SERVE_ARTIFACTS_ENV_VAR) == "true",
        f"--default-artifact-root {PROXIED}:/": _default_root().startswith(f"{PROXIED}:/"),
        "basic authentication": auth.auth_config.authorization_function
        == "mlflow.server.auth:authenticate_request_basic_auth",
    }
    if missing := [part for part, there in parts.items() if not there]:
        raise InputError("not_gated", f"expected {', '.join(missing)}, found another; not started")


def _default_root() -> str:
    return str(handlers._get_tracking_store().get_experiment("0").artifact_location)


def refuse_foreign_storage() -> Response | None:
    """Refuse an experiment that would keep its artifacts where they cannot be sealed."""
    if not request.path.endswith("/mlflow/experiments/create"):
        return None
    try:
        asked = handlers._get_request_message(CreateExperiment())
    except MlflowException:
        return None  # the route itself answers what it cannot read
    if not asked.artifact_location:
        return None
    denial = as_denial(
        Refused(
            "foreign_storage",
            "expected an experiment without a location of its own, found one; "
            "leave artifact_location out",
        )
    )
    return Response(
        denial.serialize_as_json(), denial.get_http_status_code(), mimetype="application/json"
    )
