"""A complete, honest, signed submission of a credit model, and the means to spoil it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.errors import EvidenceError
from assay.evidence.bundle import Bundle
from assay.evidence.decision import GateDecision, GateResult
from assay.evidence.digest import digest_json
from assay.evidence.dsse import sign
from assay.evidence.keys import load_key, make_keys
from assay.evidence.statement import ROLE_OF, Evidence, Subject
from assay.evidence.trust import Trust
from assay.evidence.values import Measurement, measurement_from_json
from assay.home import REPOSITORY, Home
from assay.measures import MEASURES, Request, rho_of_epsilon, write_outcomes
from assay.policy.claims import Claim
from assay.policy.decide import Ask, decide
from assay.policy.judge import compare, judge
from assay.policy.recompute import Outcomes
from assay.policy.rows import Manifest
from assay.policy.rules import Policy, parse_rules
from assay.policy.verify import Submission, fit_together, open_claim, prove
from assay.spec import PipelineSpec, load_spec
from tests.assay.policy import population

NOW = 1_800_000_000
MODEL = "credit"


def digest(name: str) -> str:
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


CANDIDATE = Subject(MODEL, digest("payload"))


def small_spec() -> PipelineSpec:
    """The credit pipeline with three features: what is long is not what is tested here."""
    spec = load_spec(REPOSITORY / "pipelines" / "credit.yaml")
    few = ("SEX", "AGE", "EDUCATION", "MARRIAGE", "PAY_0", "BILL_AMT1", "PAY_AMT1")
    columns = {name: spec.data.columns[name] for name in few}
    return spec.model_copy(update={"data": spec.data.model_copy(update={"columns": columns})})


def the_policy() -> Policy:
    rules = parse_rules((REPOSITORY / "policies" / "data.json").read_bytes())
    remedies = {gate: f"mend {gate}" for gate in rules.tiers["standard"].gates}
    return Policy(rules, digest("policy"), remedies)


@dataclass
class Recorded:
    """Looks, as a ledger would tell of them."""

    looks: list[tuple[str, str]] = field(default_factory=list)

    def spent(self, holdout: str) -> int:
        return sum(told == holdout for told, _ in self.looks)

    def recorded(self, holdout: str, subject: str) -> bool:
        return (holdout, subject) in self.looks


@dataclass(frozen=True)
class Truthful:
    """Answers as OPA does: the table's bars again, over the question alone."""

    policy: Policy

    def __call__(self, question: dict[str, Any]) -> dict[str, Any]:
        model = question["model"]["name"]
        violations = []
        for bar in self.policy.bars(model):
            told = question["evidence"].get(bar.evidence, {"measurements": {}})["measurements"]
            code = compare(bar, _untagged(told.get(bar.measurement)), self.policy.alpha(model))[1]
            if code != "ok":
                name = bar.measurement
                violations.append({"gate": bar.gate, "code": code, "measurement": name})
        return answer(self.policy, question, violations=violations)


def _untagged(told: dict[str, Any] | None) -> Measurement | None:
    if told is None:
        return None
    return measurement_from_json({key: value for key, value in told.items() if key != "kind"})


def answer(policy: Policy, question: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A well-formed answer; an allowance unless it names violations."""
    gates = list(policy.tier(MODEL).gates)
    violations = changes.get("violations", [])
    denied = {violation["gate"] for violation in violations}
    told = {
        "schema": 1,
        "nonce": question["nonce"],
        "allow": not violations,
        "violations": violations,
        "required": gates,
        "proven": [gate for gate in gates if gate not in denied],
        "waived": [],
    }
    return told | changes


@dataclass
class Site:
    """One home with keys, outcome tables, and the evidence of one honest run."""

    home: Home
    trust: Trust
    policy: Policy
    spec: PipelineSpec
    tables: dict[str, pa.Table]
    digests: dict[str, str]
    evidence: dict[str, Evidence]
    looks: Recorded
    envelopes: dict[str, bytes] = field(default_factory=dict)
    manifest: Manifest | None = None
    proven: dict[str, Claim] = field(default_factory=dict)
    ask: Ask | None = None

    @classmethod
    def build(cls, root: Path) -> Site:
        home = Home(root).create()
        trust, policy = make_keys(home), the_policy()
        spec = small_spec()
        tables = population.tables()
        looks = Recorded([(digest("holdout"), CANDIDATE.digest)])
        site = cls(home, trust, policy, spec, tables, {}, {}, looks)
        site.measure()
        site.sign()
        return site

    def measure(self) -> None:
        """Store every table and state what it says, in every kind of evidence."""
        folder = self.home.sealed_outcomes
        self.digests = {name: write_outcomes(folder, t) for name, t in self.tables.items()}
        self.evidence = {kind: self._state(kind) for kind in ROLE_OF}

    def _state(self, kind: str) -> Evidence:
        config = configurations(self.spec, self.policy)[kind]
        rules = self.policy.rules.statements[kind]
        materials = {
            name: self.digests[name] if ":" in name else self._material(name, config)
            for name in rules.materials
        }
        stated = Evidence(
            kind=kind,
            subject=self._subject(kind),
            measurements={},
            config=config,
            materials=materials,
            started_at=NOW - 600,
            finished_at=NOW - 60,
        )
        return replace(
            stated,
            measurements=self.measured(kind, "outcomes", stated),
            development=self.measured(kind, "development", stated),
        )

    def _material(self, name: str, config: Mapping[str, Any]) -> str:
        made = {"spec": self.spec.digest, "declaration": lambda: digest_json(config)}
        return made[name]() if name in made else digest(name)

    def _subject(self, kind: str) -> Subject:
        source = self.spec.data.source
        about_data = {
            "validation": Subject(source, digest("raw")),
            "privacy": Subject(f"{source}-release", digest("release")),
        }
        return about_data.get(kind, CANDIDATE)

    def measured(
        self, kind: str, side: str, evidence: Evidence, alpha: float | None = None
    ) -> dict[str, Measurement]:
        """What the tables of one side say, at the tier's alpha or another one."""
        named = {
            name.partition(":")[2]: self.tables[name]
            for name in evidence.materials
            if name.startswith(f"{side}:")
        }
        if kind not in MEASURES or (side == "development" and not named):
            return {}
        row = self.policy.model(MODEL)
        request = Request(
            alpha=alpha or self.policy.alpha(MODEL),
            unfavourable=row.unfavourable,
            groups={name: group.levels for name, group in row.groups.items()},
            products=row.products,
            config=evidence.config,
            sources={name: evidence.materials[f"{side}:{name}"] for name in named},
        )
        return MEASURES[kind](named, request)

    def with_table(self, material: str, table: pa.Table) -> dict[str, Evidence]:
        """The evidence that rests on a table, when that table is another one, and measured so.

        Where the table cannot be measured at all, the numbers of the true one are claimed.
        """
        self.tables = {**self.tables, material: table}
        stored = write_outcomes(self.home.sealed_outcomes, table)
        side = material.partition(":")[0]
        changed = {}
        for kind, evidence in self.evidence.items():
            if material not in evidence.materials:
                continue
            told = replace(evidence, materials={**evidence.materials, material: stored})
            with suppress(EvidenceError):
                numbers = self.measured(kind, side, told)
                where = "measurements" if side == "outcomes" else "development"
                told = replace(told, **{where: numbers})
            changed[kind] = told
        return changed

    def with_release(self, n: int) -> dict[str, Evidence]:
        """The evidence about a release of n rows."""
        changed: dict[str, Evidence] = {}
        for name in ("outcomes:fit", "outcomes:release"):
            changed |= self.with_table(name, self.tables[name].slice(0, n))
        return changed

    def key(self, role: str) -> Ed25519PrivateKey:
        return load_key(self.home, role)

    def envelope(self, kind: str, evidence: Evidence | None = None, role: str = "") -> bytes:
        statement = (evidence or self.evidence[kind]).to_statement()
        return sign(statement, [self.key(role or ROLE_OF[kind])])

    def sign(self) -> None:
        """Sign every statement, and keep what each proves by itself."""
        self.envelopes = {kind: self.envelope(kind) for kind in self.evidence}
        sealed = self.sealed()
        self.manifest = sealed.manifest(self.evidence["validation"], self.evidence["privacy"])
        self.proven = {kind: self.claim(kind) for kind in self.evidence}

    def sealed(self) -> Outcomes:
        row, alpha = self.policy.model(MODEL), self.policy.alpha(MODEL)
        return Outcomes(self.home.sealed_outcomes, row, alpha)

    def claim(self, kind: str, evidence: Evidence | bytes | None = None, now: int = NOW) -> Claim:
        """What one kind proves by itself."""
        changed = {kind: evidence} if evidence is not None else {}
        return self._claim(kind, self.submission(**changed), now)

    def _claim(self, kind: str, submission: Submission, now: int) -> Claim:
        opened = open_claim(kind, submission, self.policy, self.trust, now)
        assert self.manifest is not None
        return prove(opened, self.policy.bars(MODEL), self.sealed(), self.manifest)

    def gates(self, kind: str, evidence: Evidence | bytes, now: int = NOW) -> dict[str, GateResult]:
        """Every gate when one kind's evidence is another, without proving the others anew."""
        submission = self.submission(**{kind: evidence})
        proven = {**self.proven, kind: self._claim(kind, submission, now)}
        claims = fit_together(proven, submission, self.policy)
        bars, alpha = self.policy.bars(MODEL), self.policy.alpha(MODEL)
        return judge(bars, claims, alpha, self.policy.remedies)

    def submission(self, **changed: bytes | Evidence | None) -> Submission:
        """The submission with some evidence replaced, re-signed by its role, or left out (None)."""
        envelopes = dict(self.envelopes)
        for kind, new in changed.items():
            if isinstance(new, Evidence):
                envelopes[kind] = self.envelope(kind, new)
            elif new is None:
                del envelopes[kind]
            else:
                envelopes[kind] = new
        bundle = Bundle(envelopes, self.spec.canonical())
        return Submission(MODEL, "7", CANDIDATE, bundle, bundle.digest)

    def decide(
        self,
        submission: Submission | None = None,
        ask: Ask | None = None,
        now: int = NOW,
        outcomes: Path | None = None,
    ) -> GateDecision:
        return decide(
            submission or self.submission(),
            policy=self.policy,
            trust=self.trust,
            outcomes=outcomes or self.home.sealed_outcomes,
            looks=self.looks,
            ask=ask or self.ask or Truthful(self.policy),
            now=now,
        )

    def with_config(self, kind: str, **changes: Any) -> Evidence:
        """One kind's evidence, asked something else; None leaves the key out."""
        config = {**self.evidence[kind].config, **changes}
        kept = {key: value for key, value in config.items() if value is not None}
        return replace(self.evidence[kind], config=kept)


def configurations(spec: PipelineSpec, policy: Policy) -> dict[str, dict[str, Any]]:
    """What each stage was asked, as the flow would have it."""
    row, asked = policy.model(MODEL), spec.evaluation
    rho = rho_of_epsilon(3, 1e-6)
    return {
        "validation": {
            "expectations": 12,
            "mostly_floor": 1.0,
            "shares": list(spec.data.shares.model_dump().values()),
            "sensitive": list(row.sensitive),
        },
        "privacy": {
            **spec.privacy.model_dump(exclude={"reason"}, exclude_none=True),
            "unit": row.unit,
            "rho": rho,
            "parts": [{"name": "one-ways", "rho": rho / 4}, {"name": "rest", "rho": 3 * rho / 4}],
        },
        "training": {
            **spec.training.model_dump(mode="json"),
            "features": list(spec.features()),
            "commit": "unknown",
        },
        "utility": {},
        "overfitting": {},
        "robustness": {
            **asked.robustness.model_dump(mode="json"),
            "mutable": row.attacked,
            "seed": 7,
        },
        "stress": {**asked.stress.model_dump(mode="json"), "seed": 7},
        "fairness": {
            "groups": list(row.groups),
            "products": [list(product) for product in row.products],
        },
        "membership": asked.membership.model_dump(mode="json"),
    }
