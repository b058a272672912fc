"""What a registry says of an alias, and the payload that it leads to; none of it is believed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

from assay.errors import EvidenceError, Refused
from assay.evidence.payload import read_payload
from assay.evidence.standing import Standing, refuse_latest
from assay.handshake import refuse_unverified, unanswered

DECISION = "gate.decision"
PROMOTION = "gate.promotion"
_SERVER = "mlflow_unavailable", "MLflow"
_ABSENT = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}
# What MLflow lets through of a server that answers an HTTP status or a body that it did not expect.
_STRAY = (OSError, ValueError, LookupError, TypeError, AttributeError)


def fetch(name: str, alias: str, tracking_uri: str | None) -> tuple[Standing, dict[str, bytes]]:
    """The version's envelopes and its payload, downloaded and hashed.

    Args:
        name: Registered model.
        alias: A protected alias; never `latest`.
        tracking_uri: The server; None: MLflow's own setting.

    Returns:
        What was found, and the payload's files: POSIX path -> the bytes that were hashed.

    Raises:
        InputError: The environment turns the verification of the server off (`unsafe`).
        Refused: `latest`, or nothing holds the alias (`no_champion`).
        EvidenceError: The payload holds what it may not.
        Unavailable: The server does not answer, or a disk does not.
    """
    refuse_latest(alias)
    refuse_unverified()
    client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    with tempfile.TemporaryDirectory(prefix="assay-") as scratch:  # 0700
        try:
            row = client.get_model_version_by_alias(name, alias)
            source = client.get_model_version_download_uri(name, row.version)
            data = download_artifacts(
                artifact_uri=f"{source.rstrip('/')}/data",
                dst_path=scratch,
                tracking_uri=tracking_uri,
            )
        except MlflowException as error:
            if error.error_code in _ABSENT:
                raise Refused(
                    "no_champion", f"expected {name} to have a {alias} with a payload, found none"
                ) from None
            raise unanswered(*_SERVER, error, str(error.error_code)) from None
        except _STRAY as error:
            raise unanswered(*_SERVER, error) from None
        payloads = list(Path(data).iterdir())
        if len(payloads) != 1:
            raise EvidenceError("foreign_file", "expected one payload in the model, found others")
        digest, files = read_payload(payloads[0])
    said = {key: row.tags.get(key) for key in (PROMOTION, DECISION)}
    envelopes = {key: text if text is None else text.encode("utf-8") for key, text in said.items()}
    standing = Standing(
        name=name,
        version=str(row.version),
        alias=alias,
        promotion=envelopes[PROMOTION],
        decision=envelopes[DECISION],
        payload=digest,
    )
    return standing, files
