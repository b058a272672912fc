"""Ways around the gate, as data: who asks what, and the word that answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.assay.registry.site import Answer, Logged, Site

MLFLOW = "/api/2.0/mlflow"
PAGES = "/ajax-api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass(frozen=True)
class Attempt:
    """One request.

    Attributes:
        who: The user; None: not signed in.
        path: With {version}, {root} and the like.
        body: JSON, or bytes.
        code: The refusal's word; "" where MLflow itself refuses first.
        status: The refusal's status.
        control: A vanilla server does it.
    """

    name: str
    who: str | None
    method: str
    path: str
    body: Any
    code: str
    status: int = 403
    control: bool = field(default=False)

    def make(self, site: Site, target: Logged) -> Answer:
        """Ask."""
        path = target.filled(self.path)
        return site.ask(self.who, self.method, path, _filled(self.body, target))


def _filled(body: Any, target: Logged) -> Any:
    if isinstance(body, dict):
        return {key: _filled(value, target) for key, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, target) for value in body]
    return target.filled(body) if isinstance(body, str) else body


def _alias(alias: str) -> dict[str, str]:
    return {"name": "credit", "alias": alias, "version": "{version}"}


def _tag(key: str, value: str = "true") -> dict[str, str]:
    return {"name": "credit", "version": "{version}", "key": key, "value": value}


def _version(source: str, **more: Any) -> dict[str, Any]:
    return {"name": "credit", "source": source, **more}


ALIASES = [
    Attempt("champion by its owner", "trainer", "POST", f"{MLFLOW}/registered-models/alias",
            _alias("champion"), "not_approver", control=True),
    Attempt("champion by an administrator", "admin", "POST", f"{MLFLOW}/registered-models/alias",
            _alias("champion"), "not_approver"),
    Attempt("champion by the gate's account", "gate", "POST", f"{MLFLOW}/registered-models/alias",
            _alias("champion"), "not_approver"),
    Attempt("champion by the page", "admin", "POST", f"{PAGES}/registered-models/alias",
            _alias("champion"), "not_approver", control=True),
    Attempt("champion without evidence", "approver", "POST", f"{MLFLOW}/registered-models/alias",
            _alias("champion"), "not_submitted"),
    Attempt("champion as a reader", "auditor", "POST", f"{MLFLOW}/registered-models/alias",
            _alias("champion"), ""),
    Attempt("champion as nobody", None, "POST", f"{MLFLOW}/registered-models/alias",
            _alias("champion"), "", 401),
    *(
        Attempt(f"alias {alias!a}", "approver", "POST", f"{MLFLOW}/registered-models/alias",
                _alias(alias), code, control=alias.isalpha() and alias.isascii())
        for alias, code in {
            "Champion": "bad_alias", "CHAMPION": "bad_alias", "champion\n": "bad_alias",
            " champion": "bad_alias", "ｃｈａｍｐｉｏｎ": "bad_alias", "champi\u043en": "bad_alias",
            "champion\u200b": "bad_alias", "previous": "protected_alias",
            "challenger": "protected_alias", "Challenger": "bad_alias",
        }.items()
    ),
    *(
        Attempt(f"{alias} deleted by {who}", who, "DELETE", f"{MLFLOW}/registered-models/alias",
                {"name": "credit", "alias": alias}, "protected_alias")
        for alias in ("champion", "challenger") for who in ("admin", "gate")
    ),
]  # fmt: skip
STAGES = [
    Attempt(f"stage Production by {who}", who, "POST", f"{MLFLOW}/model-versions/transition-stage",
            {"name": "credit", "version": "{version}", "stage": "Production",
             "archive_existing_versions": False}, "closed", control=who == "admin")
    for who in ("trainer", "approver", "admin", "gate")
]  # fmt: skip
TAGS = [
    *(
        Attempt(f"tag {key!a} by {who}", who, "POST", f"{MLFLOW}/model-versions/set-tag",
                _tag(key), "reserved_tag", control=key == "gate.allowed" and who == "admin")
        for key in ("gate.allowed", "GATE.allowed", " gate.allowed", "ｇate.allowed",
                    "gate\u2024allowed", "gate.registered_by", "gate.promotion", "assay.other",
                    "Assay.submit", "mlflow.prompt.is_prompt", "gаte.allowed")
        for who in ("trainer", "admin")
    ),
    Attempt("registrant deleted", "admin", "DELETE", f"{MLFLOW}/model-versions/delete-tag",
            {"name": "credit", "version": "{version}", "key": "gate.registered_by"},
            "reserved_tag"),
    Attempt("model tagged as the gate", "trainer", "POST", f"{MLFLOW}/registered-models/set-tag",
            {"name": "credit", "key": "gate.x", "value": "1"}, "reserved_tag", control=True),
    Attempt("model made a prompt", "trainer", "POST", f"{MLFLOW}/registered-models/set-tag",
            {"name": "credit", "key": "mlflow.prompt.is_prompt", "value": "true"}, "reserved_tag"),
    Attempt("submitted by an approver", "approver", "POST", f"{MLFLOW}/model-versions/set-tag",
            _tag("assay.submit", "sha256:" + "0" * 64), "not_owner"),
    Attempt("submitted by an administrator", "admin", "POST", f"{MLFLOW}/model-versions/set-tag",
            _tag("assay.submit", "sha256:" + "0" * 64), "not_owner"),
    Attempt("waived by an administrator", "admin", "POST", f"{MLFLOW}/model-versions/set-tag",
            _tag("assay.waive", "{{}}"), "not_approver"),
    Attempt("waived by the gate's own user", "gate", "POST", f"{MLFLOW}/model-versions/set-tag",
            _tag("assay.waive", "{{}}"), "not_approver"),
    Attempt("waived before there is evidence", "approver", "POST",
            f"{MLFLOW}/model-versions/set-tag", _tag("assay.waive", "{{}}"), "not_submitted"),
    Attempt("a waiver's tag by hand", "admin", "POST", f"{MLFLOW}/model-versions/set-tag",
            _tag("gate.waived.utility", "until 2099"), "reserved_tag"),
    Attempt("submitted without a digest", "trainer", "POST", f"{MLFLOW}/model-versions/set-tag",
            _tag("assay.submit", "yes"), "malformed"),
    Attempt("submitted without a bundle", "trainer", "POST", f"{MLFLOW}/model-versions/set-tag",
            _tag("assay.submit", "sha256:" + "0" * 64), "no_bundle"),
    Attempt("version spelt otherwise", "trainer", "POST", f"{MLFLOW}/model-versions/set-tag",
            {**_tag("x"), "version": "0{version}"}, "bad_version"),
]  # fmt: skip
_APPROVAL = _tag("approval", "approve: fine")
REVIEWS = [
    *(
        Attempt(f"review by {who}", who, "POST", f"{MLFLOW}/model-versions/set-tag",
                _APPROVAL, "not_approver", control=who == "trainer")
        for who in ("trainer", "admin", "gate")
    ),
    Attempt("review by the page", "trainer", "POST", f"{PAGES}/model-versions/set-tag",
            _APPROVAL, "not_approver"),
    Attempt("review as a reader", "auditor", "POST", f"{MLFLOW}/model-versions/set-tag",
            _APPROVAL, ""),
    Attempt("review as nobody", None, "POST", f"{MLFLOW}/model-versions/set-tag",
            _APPROVAL, "", 401),
    Attempt("review of no evidence", "approver", "POST", f"{MLFLOW}/model-versions/set-tag",
            _APPROVAL, "not_submitted"),
    *(
        Attempt(f"review {said!a}", "approver", "POST", f"{MLFLOW}/model-versions/set-tag",
                _tag("approval", said), "malformed")
        for said in ("yes", "approve", "approve: ", "Approve: fine", "approve: a\nreject: b",
                     "approve: \u202ex", "approve: " + "x" * 201)
    ),
    *(
        Attempt(f"review by tag {key!a} of {who}", who, "POST", f"{MLFLOW}/model-versions/set-tag",
                _tag(key, "approve: fine"), "reserved_tag", control=who == "admin")
        for key in ("Approval", " approval", "approvals", "ａpproval", "\u0430pproval",
                    "gate.review.approver")
        for who in ("approver", "admin")
    ),
    *(
        Attempt(f"review {key} deleted", "admin", "DELETE", f"{MLFLOW}/model-versions/delete-tag",
                {"name": "credit", "version": "{version}", "key": key}, "reserved_tag")
        for key in ("approval", "gate.review.approver")
    ),
    Attempt("review of a whole model", "approver", "POST", f"{MLFLOW}/registered-models/set-tag",
            {"name": "credit", "key": "approval", "value": "approve: fine"}, "reserved_tag"),
]  # fmt: skip
VERSIONS = [
    *(
        Attempt(f"version by {who}", who, "POST", f"{MLFLOW}/model-versions/create",
                _version("models:/{model_id}", model_id="{model_id}"), "not_owner")
        for who in ("approver", "admin", "gate")
    ),
    *(
        Attempt(f"version created with {key}", "trainer", "POST",
                f"{MLFLOW}/model-versions/create",
                _version("models:/{model_id}", model_id="{model_id}",
                         tags=[{"key": key, "value": "true"}]), "reserved_tag",
                control=key == "gate.allowed")
        for key in ("gate.allowed", "Gate.registered_by", "assay.submit", "approval")
    ),
    # MLflow's own validation of sources answers these first; the store refuses them too.
    Attempt("version copied", "trainer", "POST", f"{MLFLOW}/model-versions/create",
            _version("models:/credit/{version}"), "", 400, control=True),
    Attempt("version of a run", "trainer", "POST", f"{MLFLOW}/model-versions/create",
            _version("runs:/{run_id}/model", run_id="{run_id}"), "", 400, control=True),
    Attempt("version of a path", "trainer", "POST", f"{MLFLOW}/model-versions/create",
            _version("mlflow-artifacts:/{root}", model_id="{model_id}"), "", 400, control=True),
    Attempt("version of a file", "trainer", "POST", f"{MLFLOW}/model-versions/create",
            _version("file:///etc"), "", 400),
    Attempt("version of a line more", "trainer", "POST", f"{MLFLOW}/model-versions/create",
            _version("models:/{model_id}\n", model_id="{model_id}"), "", 400),
    Attempt("version of an unknown model", "admin", "POST", f"{MLFLOW}/model-versions/create",
            {**_version("models:/{model_id}", model_id="{model_id}"), "name": "credit2"},
            "unknown_model"),
]  # fmt: skip
MODELS = [
    *(
        Attempt(f"model created by {who}", who, "POST", f"{MLFLOW}/registered-models/create",
                {"name": "credit-b"}, "not_gate", control=who == "admin")
        for who in ("trainer", "approver", "admin")
    ),
    Attempt("unknown model created", "gate", "POST", f"{MLFLOW}/registered-models/create",
            {"name": "credit-c"}, "unknown_model"),
    *(
        Attempt(f"model renamed by {who}", who, "POST", f"{MLFLOW}/registered-models/rename",
                {"name": "credit", "new_name": "debit"}, "closed")
        for who in ("admin", "gate")
    ),
    Attempt("model deleted", "admin", "DELETE", f"{MLFLOW}/registered-models/delete",
            {"name": "credit"}, "not_gate"),
    *(
        Attempt(f"webhook by {who}", who, "POST", f"{MLFLOW}/webhooks",
                {"name": "h", "url": "https://example.org/h",
                 "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]}, "closed")
        for who in ("admin",)
    ),
    *(
        Attempt(f"experiment at {place}", who, "POST", f"{MLFLOW}/experiments/create",
                {"name": f"elsewhere {who} {place}", "artifact_location": place},
                "foreign_storage", control=place.startswith("mlflow") and who == "admin")
        for place in ("mlflow-artifacts:/{root}", "file:///tmp/elsewhere")
        for who in ("trainer", "admin")
    ),
]  # fmt: skip
SEALED = [
    *(
        Attempt(f"{method} {path} by {who}", who, method, f"{ARTIFACTS}/{path}",
                b"swapped" if method == "PUT" else None, "sealed_artifact",
                control=who == "admin" and path == "{root}/MLmodel" and method == "PUT")
        for method in ("PUT", "DELETE")
        for who in ("trainer", "admin")
        for path in (
            "{root}/MLmodel", "{root}/data/payload/model.json", "{root}/new.bin",
            "{root}/data/payload/model.json/below", "{experiment_id}/models/{model_id}",
            "{experiment_id}/models", "{root}", "{experiment_id}/./models//{model_id}/artifacts/x",
            "{experiment_id}/models/{model_id}/artifacts/da%2574a",
        )
    ),
    Attempt("an upload through the page", "trainer", "POST",
            f"{PAGES}/upload-artifact?run_uuid={{run_id}}&path=../../models/{{model_id}}/artifacts/x",
            b"swapped", "", 400),
    Attempt("a path out of the folder", "trainer", "PUT", f"{ARTIFACTS}/..%2f..%2fx", b"x", ""),
    Attempt("a multipart upload", "trainer", "POST",
            "/api/2.0/mlflow-artifacts/mpu/create/{root}/MLmodel", {}, "not_served"),
]  # fmt: skip
CLOSED = [
    Attempt(f"{method} {path}", who, method, path, {} if method != "GET" else None, "not_served")
    for method, path in (
        ("GET", "/ajax-api/3.0/mlflow/assistant/config"),
        ("POST", "/ajax-api/3.0/mlflow/assistant/message"),
        ("POST", "/ajax-api/3.0/jobs/"),
        ("GET", "/ajax-api/3.0/jobs/1"),
        ("POST", "/gateway/credit/mlflow/invocations"),
        ("GET", "/api/3.0/mlflow/gateway/endpoints/list"),
        ("GET", "/ajax-api/2.0/mlflow/gateway-proxy"),
        ("POST", "/v1/traces"),
        ("POST", "/api/2.0/mlflow/traces"),
        ("POST", "/ajax-api/2.0/mlflow/runs/create-promptlab-run"),
        ("POST", "/api/3.0/mlflow/scorers/register"),
        ("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url"),
        ("POST", "/api/2.0/mlflow/nothing/of/this/name"),
        ("PATCH", "/"),
    )
    for who in ("trainer", "admin")
]  # fmt: skip

ATTEMPTS = [*ALIASES, *STAGES, *TAGS, *REVIEWS, *VERSIONS, *MODELS, *SEALED, *CLOSED]
CONTROLS = [attempt for attempt in ATTEMPTS if attempt.control]
