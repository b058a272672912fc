"""What a stage says of an artifact: an in-toto Statement v1 with measurements as its predicate.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from assay.errors import EvidenceError
from assay.evidence.values import (
    Measurement,
    is_digest,
    measurement_from_json,
    measurement_to_json,
)

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
Config: TypeAlias = Mapping[str, Any]

# Which stage may say what: kind -> the role whose key signs it.
ROLE_OF: Mapping[str, str] = {
    "validation": "data",
    "privacy": "data",
    "training": "trainer",
    "utility": "evaluator",
    "overfitting": "evaluator",
    "robustness": "evaluator",
    "stress": "evaluator",
    "fairness": "evaluator",
    "membership": "evaluator",
}
_PREDICATE_KEYS = {"measurements", "development", "config", "materials", "startedAt", "finishedAt"}


def predicate_type(kind: str) -> str:
    """The predicate type URI of a kind of evidence."""
    return f"urn:assay:evidence:{kind}:v1"


@dataclass(frozen=True, slots=True)
class Subject:
    """The artifact that a statement is about.

    Attributes:
        name: Registered model, data source or release.
        digest: `sha256:` digest.
    """

    name: str
    digest: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or not is_digest(self.digest):
            raise EvidenceError("malformed", "expected a subject with a name and a sha256 digest")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One stage's statement.

    Attributes:
        kind: A key of `ROLE_OF`.
        measurements: Name -> value, from the sealed rows where the stage has any.
        development: The same names from the development rows, shown to everyone; may be empty.
        config: What was asked, as values: attacks, costs, steps, groups.
        materials: Name -> `sha256:` digest of everything that the stage read or wrote.
        started_at: Unix seconds.
        finished_at: Unix seconds.
    """

    kind: str
    subject: Subject
    measurements: Mapping[str, Measurement]
    config: Config
    materials: Mapping[str, str]
    started_at: int
    finished_at: int
    development: Mapping[str, Measurement] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in ROLE_OF:
            raise EvidenceError("unknown_evidence", f"expected one of {', '.join(ROLE_OF)}")
        if not all(map(is_digest, self.materials.values())):
            raise EvidenceError("malformed", f"expected digests as materials of {self.kind}")
        for moment in (self.started_at, self.finished_at):
            if isinstance(moment, bool) or not isinstance(moment, int) or moment < 0:
                raise EvidenceError("malformed", f"expected times of {self.kind} in whole seconds")

    def to_statement(self) -> dict[str, Any]:
        """The statement as plain JSON."""
        return {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": self.subject.name, "digest": {"sha256": self.subject.digest[7:]}}],
            "predicateType": predicate_type(self.kind),
            "predicate": {
                "measurements": {k: measurement_to_json(v) for k, v in self.measurements.items()},
                "development": {k: measurement_to_json(v) for k, v in self.development.items()},
                "config": dict(self.config),
                "materials": dict(self.materials),
                "startedAt": self.started_at,
                "finishedAt": self.finished_at,
            },
        }


def subject_of(statement: Mapping[str, Any]) -> Subject:
    """The one subject of a statement.

    Raises:
        EvidenceError: None, several, or one without exactly a name and a sha256.
    """
    match statement.get("subject"):
        case [{"name": str(name), "digest": {"sha256": str(digest), **others}, **more}] if (
            not others and not more
        ):
            return Subject(name, f"sha256:{digest}")
    raise EvidenceError("malformed", "expected a statement with exactly one sha256 subject")


def evidence_of(statement: Mapping[str, Any]) -> Evidence:
    """The evidence of a verified statement.

    Raises:
        EvidenceError: Another type, other keys, or a value that is no measurement.
    """
    kinds = {predicate_type(kind): kind for kind in ROLE_OF}
    kind = kinds.get(str(statement.get("predicateType")))
    predicate = statement.get("predicate")
    if statement.get("_type") != STATEMENT_TYPE or kind is None:
        raise EvidenceError("unknown_evidence", "expected an in-toto statement of a known stage")
    if not isinstance(predicate, Mapping) or set(predicate) != _PREDICATE_KEYS:
        raise EvidenceError("malformed", f"expected {sorted(_PREDICATE_KEYS)} in {kind} evidence")
    return Evidence(
        kind=kind,
        subject=subject_of(statement),
        measurements=_measurements(kind, predicate["measurements"]),
        development=_measurements(kind, predicate["development"]),
        config=_mapping(kind, "config", predicate["config"]),
        materials=_mapping(kind, "materials", predicate["materials"]),
        started_at=predicate["startedAt"],
        finished_at=predicate["finishedAt"],
    )


def _mapping(kind: str, key: str, found: object) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise EvidenceError(
            "malformed", f"expected a mapping for {key} of {kind}, found {type(found).__name__}"
        )
    return found


def _measurements(kind: str, found: object) -> dict[str, Measurement]:
    named = _mapping(kind, "measurements", found)
    return {name: measurement_from_json(value) for name, value in named.items()}
