"""MLflow's server as an application: basic authentication, a closed surface, sealed decisions."""

from __future__ import annotations

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Response, request
from mlflow.exceptions import MlflowException
from mlflow.protos.service_pb2 import CreateExperiment
from mlflow.server import SERVE_ARTIFACTS_ENV_VAR, auth, handlers
from mlflow.server import app as flask_app
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from assay.errors import AssayError, InputError, Refused, Unavailable
from assay.evidence.access import noted, signed_in
from assay.evidence.canonical import canonical
from assay.evidence.kept import read_decision
from assay.evidence.plain import to_plain
from assay.registry.audit import audit
from assay.registry.docket import Docket
from assay.registry.gate import Gate
from assay.registry.names import plain_version, shown_name
from assay.registry.refusal import as_denial
from assay.registry.sealed import PROXIED, Sealed, sealed_artifacts
from assay.registry.server import artifact_repository, registry_store, tracking_store
from assay.registry.store import GatedStore
from assay.registry.surface import Surface
from assay.registry.users import AUDITOR


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
    served.router.routes[:0] = [  # before Flask's, which is mounted at the root
        Route("/assay/decisions/{model}/{version}", sealed_decision, methods=["GET"]),
        Route("/assay/audits/{model}", audited, methods=["POST"]),
    ]
    served.add_middleware(Surface)  # the last one added is the outermost
    return served


def check_gated() -> None:
    """Refuse to serve anything but the gated store over the sealed repository.

    Raises:
        InputError: One of them, the home, or its policy is missing.
        Unavailable: The artifacts' storage does not answer.
    """
    Gate.here().check()
    parts = {
        "--registry-store-uri gated+sqlite:///…": isinstance(registry_store(), GatedStore),
        "--artifacts-destination sealed+file:///… or sealed+s3://…": isinstance(
            artifact_repository(), Sealed
        ),
        "--serve-artifacts": os.environ.get(SERVE_ARTIFACTS_ENV_VAR) == "true",
        f"--default-artifact-root {PROXIED}:/": _default_root().startswith(f"{PROXIED}:/"),
        "basic authentication": auth.auth_config.authorization_function
        == "mlflow.server.auth:authenticate_request_basic_auth",
    }
    if missing := [part for part, there in parts.items() if not there]:
        raise InputError("not_gated", f"expected {', '.join(missing)}, found another; not started")
    sealed_artifacts().reach()


def _default_root() -> str:
    return str(tracking_store().get_experiment("0").artifact_location)


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


def sealed_decision(asked: Request) -> PlainTextResponse:
    """The sealed envelope of a version's decision, for approvers and the auditor."""
    model, version = asked.path_params["model"], asked.path_params["version"]
    return _answer(asked, lambda user: read_sealed(user, model, version))


def audited(asked: Request) -> PlainTextResponse:
    """What an audit of a model's champion found, for the gate's own user."""

    def find(user: str) -> bytes:
        return canonical(to_plain(audit(registry_store(), asked.path_params["model"], user)))

    return _answer(asked, find)


def _answer(asked: Request, tell: Callable[[str], bytes]) -> PlainTextResponse:
    """The answer to whoever is signed in, or why there is none.

    MLflow's own password check, on a route of ours; Starlette runs this in a thread.
    """
    user = auth._authenticate_fastapi_request(asked)
    if user is None:
        challenge = {"WWW-Authenticate": 'Basic realm="mlflow"'}
        return PlainTextResponse("sign in", HTTPStatus.UNAUTHORIZED, challenge)
    try:
        with signed_in(user.username):
            return PlainTextResponse(tell(user.username), media_type="application/json")
    except Unavailable as error:
        return PlainTextResponse(as_denial(error).message, HTTPStatus.SERVICE_UNAVAILABLE)
    except AssayError as error:
        return PlainTextResponse(as_denial(error).message, HTTPStatus.FORBIDDEN)
    except MlflowException as error:
        return PlainTextResponse(error.message, error.get_http_status_code())
    except OSError as error:
        told = f"expected the server's disk to answer, found: {error.strerror}"
        denial = as_denial(Unavailable("disk_unavailable", told))
        return PlainTextResponse(denial.message, HTTPStatus.SERVICE_UNAVAILABLE)


def read_sealed(user: str, model: str, version: str) -> bytes:
    """A version's sealed decision, as one who may see its numbers.

    Raises:
        Refused: Somebody else, or a version that was never submitted.
        EvidenceError: It is not what the gate signed.
    """
    gate = Gate.here()
    with noted(gate.home, f"decision on {shown_name(model)} {shown_name(version)}"):
        return _sealed(gate, user, model, version)


def _sealed(gate: Gate, user: str, model: str, version: str) -> bytes:
    readers = (*gate.policy().model(model).approvers, AUDITOR)
    if user not in readers:
        told = f"expected {' or '.join(readers)} to read sealed decisions, found {user}"
        raise Refused("not_reader", told)
    docket = Docket.open(registry_store(), model, plain_version(version))
    view = docket.last_decision(gate)
    return read_decision(gate.home, view.bundle_digest, view.sealed_digest)
