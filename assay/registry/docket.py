"""One version before the gate: what its row says, where its bytes are, what was decided of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mlflow.exceptions import MlflowException

from assay.errors import Refused, Unavailable
from assay.evidence.decisions import public_of
from assay.evidence.dsse import verify
from assay.evidence.public import PublicDecision
from assay.evidence.statement import Subject
from assay.policy.table import canonical
from assay.registry.gate import Gate
from assay.registry.names import DECISION, REGISTERED_BY
from assay.registry.sealed import sealed_artifacts
from assay.registry.server import tracking_store
from assay.registry.wrapper import unwrap

BUNDLE = "assay/bundle"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Docket:
    """A registered version.

    Attributes:
        model: Registered model.
        version: Its number.
        location: Where the logged model's artifacts are.
        run_id: The run that it came from.
        tags: The version's tags.
    """

    model: str
    version: str
    location: str
    run_id: str
    tags: dict[str, str]

    @classmethod
    def open(cls, store: Any, name: str, version: str) -> Docket:
        """What the gated store holds of a version.

        Raises:
            MlflowException: There is no such version, or the database does not answer.
        """
        row = store.get_model_version(name, version)
        location = store.get_model_version_download_uri(name, version)
        return cls(row.name, str(row.version), location, row.run_id or "", dict(row.tags))

    def registrant(self, allowed: str | None = None) -> str:
        """Who registered it.

        Raises:
            Refused: Nobody knows, so nobody can be told apart from them.
        """
        who = self.tags.get(REGISTERED_BY)
        if not who or (allowed is not None and canonical(who) != canonical(allowed)):
            raise Refused(
                "no_registrant",
                f"expected version {self.version} of {self.model} to be registered by its owner, "
                "found another or nobody; register it anew",
            )
        return who

    def subject(self) -> Subject:
        """The payload that is served now, hashed here.

        Raises:
            Refused: The wrapper says more than it may.
            EvidenceError: The payload holds what it may not.
            Unavailable: The storage does not answer.
        """
        with sealed_artifacts().fetched(self.location) as folder:
            return Subject(self.model, unwrap(folder)[1])

    def uploaded(self) -> AbstractContextManager[Path]:
        """The run's evidence as it was uploaded; the folder may not be there."""
        return sealed_artifacts().fetched(self._run_location(), BUNDLE)

    def discard_upload(self) -> None:
        """Envelopes carry sealed numbers, and whoever is signed in may read a run's artifacts."""
        sealed_artifacts().discard(self._run_location(), BUNDLE)

    def _run_location(self) -> str:
        return str(tracking_store().get_run(self.run_id).info.artifact_uri)

    def decided(self, gate: Gate) -> PublicDecision | None:
        """What the gate last said of this version; None when nothing was submitted.

        Raises:
            EvidenceError: The tag is not the gate's word on this version.
        """
        if DECISION not in self.tags:
            return None
        envelope = self.tags[DECISION].encode("utf-8")
        view = public_of(verify(envelope, gate.trust().role("gate")))
        if (view.model, view.version) != (self.model, self.version):
            raise Refused("wrong_subject", "expected a decision on this version, found another's")
        return view

    def last_decision(self, gate: Gate) -> PublicDecision:
        """What the gate last said of this version.

        Raises:
            Refused: Nothing was submitted (`not_submitted`).
            EvidenceError: As `decided`.
        """
        found = self.decided(gate)
        if found is None:
            raise Refused(
                "not_submitted",
                f"expected evidence for {self.model} {self.version}, found none; "
                "its owner submits it first",
            )
        return found


def find_docket(store: Any, name: str, version: str) -> Docket | None:
    """A version, or None where there is none.

    Raises:
        Unavailable: The database does not answer.
    """
    return _sought(lambda: Docket.open(store, name, version))


def tags_of(store: Any, name: str, version: str) -> dict[str, str]:
    """A version's tags; none where there is no such version.

    Raises:
        Unavailable: The database does not answer.
    """
    row = _sought(lambda: store.get_model_version(name, version))
    return dict(row.tags) if row is not None else {}


def _sought(look: Callable[[], T]) -> T | None:
    try:
        return look()
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        told = f"expected the registry's database to answer, found {error.error_code}"
        raise Unavailable("database_unavailable", told) from None
