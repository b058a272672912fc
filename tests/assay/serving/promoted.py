"""A model that stands promoted in a plain registry, and the hands that spoil it."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from mlflow import MlflowClient

from assay.evidence.attest import attest
from assay.evidence.bundle import Bundle
from assay.evidence.canonical import canonical
from assay.evidence.decision import BarResult, GateDecision, GateResult, Promotion, Verdict
from assay.evidence.decisions import sign_decision, sign_promotion, sign_public
from assay.evidence.digest import digest_bytes
from assay.evidence.keys import load_key, make_keys
from assay.evidence.standing import Standing
from assay.evidence.statement import Evidence, Subject
from assay.evidence.trust import Trust
from assay.evidence.values import Bound
from assay.home import Home
from assay.models import Architecture, Encoder, Model, save_payload
from assay.models.families import build_network
from assay.policy.bundle import verify_policy
from assay.policy.seal import seal_policy
from assay.spec import Column

NOW = 1_800_000_000
DAY = 86_400
COLUMNS = {
    "late": Column(kind="ordinal", values=(-1, 0, 1, 2)),
    "bill": Column(kind="number", edges=(0, 10, 100)),
}


def digest(name: str) -> str:
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def small_model(seed: int = 0) -> Model:
    encoder, architecture = Encoder(COLUMNS), Architecture((4,), 0.0)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network("mlp", encoder.width, architecture)
    return Model("mlp", architecture, encoder, network)


def bar() -> BarResult:
    return BarResult(
        measurement="auc",
        value=Bound(0.72, 0.7, 0.74, 0.0025, 1000, "delong"),
        development=Bound(0.73, 0.69, 0.76, 0.0025, 500, "delong"),
        direction="at_least",
        bar=0.68,
        verdict=Verdict.PASS,
        development_verdict=Verdict.PASS,
        distance=0.02,
        development_distance=0.01,
        n_needed=None,
        code="ok",
    )


@dataclass(frozen=True)
class Promoted:
    """Signed by a home's keys, at one second."""

    home: Home
    trust: Trust
    subject: Subject
    at: int = NOW

    @classmethod
    def build(cls, root: Path, payload: str, at: int = NOW) -> Promoted:
        home = Home(root).create()
        return cls(home, make_keys(home), Subject("credit", payload), at)

    def decision(self, version: str = "1") -> GateDecision:
        gate = GateResult("utility", Verdict.PASS, "ok", "passes", "train longer", (bar(),))
        return GateDecision(
            model="credit",
            version=version,
            subject=self.subject,
            policy_digest=digest("policy"),
            trust_digest=self.trust.digest,
            bundle_digest=digest("bundle"),
            attestations={},
            gates={"utility": gate},
            denials=(),
            decided_at=self.at,
            expires_at=self.at + 30 * DAY,
        )

    def promotion(self, decision: GateDecision) -> Promotion:
        return Promotion(
            model=decision.model,
            version=decision.version,
            alias="champion",
            approver="approver",
            previous="",
            sequence=3,
            decision_digest=digest_bytes(self.sealed(decision)),
            subject=decision.subject,
            promoted_at=self.at,
            expires_at=self.at + 30 * DAY,
        )

    def sealed(self, decision: GateDecision) -> bytes:
        return sign_decision(decision, load_key(self.home, "gate"))

    def public(self, decision: GateDecision) -> bytes:
        return sign_public(decision, self.sealed(decision), load_key(self.home, "gate"))

    def sign(self, promotion: Promotion, role: str = "promoter") -> bytes:
        return sign_promotion(promotion, load_key(self.home, role))

    def standing(self) -> Standing:
        decision = self.decision()
        return Standing(
            name="credit",
            version="1",
            alias="champion",
            promotion=self.sign(self.promotion(decision)),
            decision=self.public(decision),
            payload=self.subject.digest,
        )

    def with_promotion(self, **changes: object) -> Standing:
        """The standing with another promotion, honestly signed."""
        promotion = replace(self.promotion(self.decision()), **changes)  # type: ignore[arg-type]
        return replace(self.standing(), promotion=self.sign(promotion))

    def export(self, folder: Path, payload: Path, policy: Path, **changes: object) -> Path:
        """A bundle with the evidence of one stage; a change is of the promotion, honestly signed.

        Args:
            folder: A new folder.
            payload: The model.
            policy: A built policy.
            changes: As for `with_promotion`.
        """
        attested = attest(utility_of(self.subject, self.at), self.home)
        evidence = Bundle({"utility": attested}, canonical({"model": "credit"}))
        decision = replace(
            self.decision(),
            policy_digest=verify_policy(policy),
            bundle_digest=evidence.digest,
            attestations={"utility": digest_bytes(attested)},
        )
        shutil.copytree(payload, folder / "payload")
        shutil.copytree(policy, folder / "policy")
        seal_policy(folder / "policy", self.home, NOW)
        files = {
            "promotion.json": self.sign(replace(self.promotion(decision), **changes)),  # type: ignore[arg-type]
            "public.json": self.public(decision),
            "decision.json": self.sealed(decision),
            "trust.json": self.trust.to_json(),
            **{f"evidence/{name}": data for name, data in evidence.files().items()},
        }
        (folder / "evidence").mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return folder


def utility_of(subject: Subject, at: int) -> Evidence:
    return Evidence(
        kind="utility",
        subject=subject,
        measurements={"auc": Bound(0.72, 0.7, 0.74, 0.0025, 1000, "delong")},
        config={},
        materials={"outcomes:holdout": digest("outcomes")},
        started_at=at - 600,
        finished_at=at - 60,
    )


@dataclass(frozen=True)
class Registry:
    """MLflow without a gate, which anybody writes into."""

    uri: str
    models: Path

    def client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def register(self, standing: Standing, payload: Path, alias: str = "champion") -> Path:
        """A version with this standing, and its payload on disk."""
        client = self.client()
        if not client.search_registered_models():
            client.create_registered_model(standing.name)
        taken = len(client.search_model_versions(f"name = '{standing.name}'")) + 1
        root = self.models / str(taken)
        shutil.copytree(payload, root / "data" / "payload")
        made = client.create_model_version(standing.name, f"file://{root}")
        said = {"gate.promotion": standing.promotion, "gate.decision": standing.decision}
        for key, envelope in said.items():
            if envelope is not None:
                client.set_model_version_tag(standing.name, made.version, key, envelope.decode())
        client.set_registered_model_alias(standing.name, alias, made.version)
        return root / "data" / "payload"


def save_small_model(folder: Path, seed: int = 0) -> str:
    return save_payload(folder, small_model(seed))
