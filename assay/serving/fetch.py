"""What a registry says of an alias, and the payload that it leads to; none of it is believed."""

from __future__ import annotations

from pathlib import Path

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

from assay.errors import EvidenceError, Refused, Unavailable
from assay.evidence.payload import check_payload
from assay.evidence.standing import Standing

DECISION = "gate.decision"
PROMOTION = "gate.promotion"
_ABSENT = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}


def fetch(name: str, alias: str, tracking_uri: str | None, folder: Path) -> tuple[Standing, Path]:
    """The version's envelopes and its payload, downloaded and hashed.

    Args:
        name: Registered model.
        alias: A protected alias; `latest` is no alias but whatever was registered last.
        tracking_uri: The server; None: MLflow's own setting.
        folder: An empty folder.

    Raises:
        Refused: `latest`, or nothing holds the alias (`no_champion`).
        EvidenceError: The payload holds what it may not.
        Unavailable: The server does not answer.
    """
    if alias.casefold() == "latest":
        raise Refused("latest", "expected a promoted alias, found the newest version of any kind")
    client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    try:
        row = client.get_model_version_by_alias(name, alias)
        source = client.get_model_version_download_uri(name, row.version)
        data = download_artifacts(
            artifact_uri=f"{source.rstrip('/')}/data",
            dst_path=str(folder),
            tracking_uri=tracking_uri,
        )
    except MlflowException as error:
        if error.error_code in _ABSENT:
            raise Refused(
                "no_champion", f"expected {name} to have a {alias} with a payload, found none"
            ) from None
        raise Unavailable(
            "mlflow_unavailable", f"expected MLflow to answer, found {error.error_code}"
        ) from None
    payloads = list(Path(data).iterdir())
    if len(payloads) != 1:
        raise EvidenceError("foreign_file", "expected one payload in the model, found others")
    said = {key: row.tags.get(key) for key in (PROMOTION, DECISION)}
    envelopes = {key: text if text is None else text.encode("utf-8") for key, text in said.items()}
    standing = Standing(
        name=name,
        version=str(row.version),
        alias=alias,
        promotion=envelopes[PROMOTION],
        decision=envelopes[DECISION],
        payload=check_payload(payloads[0]),
    )
    return standing, payloads[0]
