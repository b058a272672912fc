"""The rows of the policy's table, `policies/data.json`: they check themselves.

Whoever writes a pipeline names no tier, no owner and no bar; they are looked up here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from assay.evidence.statement import ROLE_OF
from assay.policy.columns import ColumnName, Group, Level, Movable
from assay.strict import Strict

CHAIN = "chain"  # the evidence that the core makes itself, of how the digests fit together

Word: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Identity: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Direction: TypeAlias = Literal["at_least", "at_most", "one_of"]
Scalar: TypeAlias = float | str


class Bar(Strict):
    """One number, or one word, that a gate asks for.

    Attributes:
        evidence: Kind of evidence that holds the measurement, or `chain`.
        measurement: Name; per group and product it is followed by `:SEX` or `:SEX*AGE`.
        per: `model`, or once for each gating group or product of the model.
        kind: `bound` (estimated, with n and alpha) or `exact`.
        range: Smallest and largest value that can be true at all.
        min_n: Rows that a bound must rest on.
    """

    gate: Word
    evidence: Word
    measurement: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(:[A-Za-z0-9_.*<>=-]+)?$")]
    per: Literal["model", "group", "product"]
    kind: Literal["bound", "exact"]
    direction: Direction
    bar: float | Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    range: Annotated[tuple[float, float], Field(strict=False)]
    min_n: int = Field(ge=0)

    @model_validator(mode="after")
    def _whole(self) -> Bar:
        lowest, highest = self.range
        if self.evidence not in {*ROLE_OF, CHAIN}:
            raise ValueError(f"evidence is one of {', '.join([*ROLE_OF, CHAIN])}")
        if isinstance(self.bar, tuple) != (self.direction == "one_of"):
            raise ValueError("one_of takes a list of words, at_least and at_most take a number")
        if isinstance(self.bar, tuple):
            if self.kind != "exact" or not all(self.bar):
                raise ValueError("one_of takes exact words")
        elif not lowest <= self.bar <= highest or lowest == highest:
            raise ValueError("bar lies in range")
        if self.kind == "bound" and self.min_n < 1:
            raise ValueError("a bound needs min_n of at least 1")
        if self.per != "model" and (":" in self.measurement or self.kind != "bound"):
            raise ValueError("per group or product takes a plain name and a bound")
        return self

    def expanded(self, subjects: Mapping[str, tuple[str, ...]]) -> Iterator[Bar]:
        """This bar once for each group or product that it speaks of."""
        if self.per == "model":
            yield self
        for name in subjects.get(self.per, ()):
            yield self.model_copy(update={"measurement": f"{self.measurement}:{name}"})


class Floor(Strict):
    """The least that a stage must have been asked: a weaker suite proves nothing.

    Attributes:
        key: Key of the evidence's configuration.
        rule: `contains`: every listed value is among the configured ones.
    """

    evidence: Word
    key: Annotated[str, Field(min_length=1)]
    rule: Literal["at_least", "at_most", "equals", "contains"]
    value: Scalar | Annotated[tuple[Scalar, ...], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _whole(self) -> Floor:
        if self.evidence not in ROLE_OF:
            raise ValueError(f"evidence is one of {', '.join(ROLE_OF)}")
        if isinstance(self.value, tuple) != (self.rule == "contains"):
            raise ValueError("contains takes a list, the other rules take one value")
        if self.rule in ("at_least", "at_most") and not isinstance(self.value, float):
            raise ValueError("at_least and at_most take a number")
        return self


class Tier(Strict):
    """How much a class of models has to prove.

    Attributes:
        alpha: Error probability over all looks at one holdout, in (0, 0.5).
        looks: Looks that one holdout allows, H; each is judged at alpha / H.
        evidence_max_age_s: Seconds after which evidence is stale.
        decision_expiry_s: Seconds that a decision holds.
        approvals: Approvers who must agree.
        waivable: Gate -> seconds that a waiver of its shortfall may hold, at most a year; whatever
            is not named is never waived.
    """

    alpha: float = Field(gt=0, lt=0.5)
    looks: int = Field(ge=1)
    evidence_max_age_s: int = Field(ge=1)
    decision_expiry_s: int = Field(ge=1)
    approvals: int = Field(ge=1)
    bars: Annotated[tuple[Bar, ...], Field(min_length=1, strict=False)]
    floors: Annotated[tuple[Floor, ...], Field(min_length=1, strict=False)]
    waivable: dict[Word, Annotated[int, Field(ge=1, le=31_622_400)]] = Field(default_factory=dict)

    @property
    def alpha_per_look(self) -> float:
        """Error probability of each end of each bound, from the first look on."""
        return self.alpha / self.looks

    @property
    def gates(self) -> tuple[str, ...]:
        """Every gate, in the table's order."""
        return tuple(dict.fromkeys(bar.gate for bar in self.bars))

    @model_validator(mode="after")
    def _whole(self) -> Tier:
        told = [(bar.gate, bar.measurement, bar.per, bar.direction) for bar in self.bars]
        if len(set(told)) != len(told):
            raise ValueError("bars name a gate's measurement once per direction")
        if not any(bar.evidence == CHAIN for bar in self.bars):
            raise ValueError("bars need one on the chain of digests")
        chained = {bar.gate for bar in self.bars if bar.evidence == CHAIN}
        if wrong := set(self.waivable) - (set(self.gates) - chained):
            raise ValueError(f"waivable names gates, none on the chain: {', '.join(sorted(wrong))}")
        return self


class StatementRules(Strict):
    """What every statement of one kind has to name.

    Attributes:
        role: Who signs it; `core` for what the core makes itself.
        subject: `payload`, or the material that the statement is about.
        materials: Names of the digests that it has to carry.
    """

    role: Word
    subject: Word
    materials: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)]

    @model_validator(mode="after")
    def _whole(self) -> StatementRules:
        if bool(self.materials) == (self.role == "core"):
            raise ValueError("what is signed rests on materials, what the core makes does not")
        if self.subject not in ("payload", *self.materials):
            raise ValueError("subject is payload or one of the materials")
        return self


class ModelRules(Strict):
    """What the policy says of one registered model.

    Attributes:
        owner: User who may register and submit, and never approve.
        approvers: Users who may promote.
        unit: Column that names the person, or `row` when each row is one.
        unfavourable: Label of the outcome that hurts the person, 0 or 1.
        sensitive: Columns that are audited and never features.
        sources: Sensitive column -> 0/1 column of the source -> level, where several columns of
            the source are one; every other sensitive column has its own name there.
        groups: Sensitive column -> levels that gate.
        products: Groups whose intersections gate.
        mutable: Column -> how a person can move it, and on which scale.
    """

    tier: Word
    owner: Identity
    approvers: Annotated[tuple[Identity, ...], Field(min_length=1, strict=False)]
    unit: ColumnName
    label: ColumnName
    unfavourable: Annotated[int, Field(ge=0, le=1)]
    sensitive: Annotated[tuple[ColumnName, ...], Field(min_length=1, strict=False)]
    sources: Annotated[
        dict[ColumnName, Annotated[dict[ColumnName, Level], Field(min_length=1)]],
        Field(min_length=1, default_factory=dict),
    ]
    groups: Annotated[dict[ColumnName, Group], Field(min_length=1)]
    products: tuple[Annotated[tuple[ColumnName, ...], Field(min_length=2, strict=False)], ...] = (
        Field(strict=False)
    )
    mutable: Annotated[dict[ColumnName, Movable], Field(min_length=1)]

    @property
    def moves(self) -> dict[str, Literal["any", "up", "down"]]:
        """Mutable column -> direction."""
        return {name: way.moves for name, way in self.mutable.items()}

    @property
    def attacked(self) -> dict[str, dict[str, Any]]:
        """The mutable columns as JSON: what an attack has to state.

        As the table writes them, word for word, since OPA compares with the table itself; rules
        that were not parsed from one would be told otherwise, and be denied.
        """
        return {
            name: way.model_dump(mode="json", exclude_unset=True)
            for name, way in self.mutable.items()
        }

    @property
    def product_names(self) -> tuple[str, ...]:
        """`SEX*AGE` for each product."""
        return tuple("*".join(columns) for columns in self.products)

    @model_validator(mode="after")
    def _whole(self) -> ModelRules:
        people = [canonical(who) for who in (self.owner, *self.approvers)]
        if len(set(people)) != len(people):
            raise ValueError("approvers differ from one another and from the owner")
        if not {*self.groups, *self.sources} <= set(self.sensitive):
            raise ValueError("groups and sources are sensitive columns")
        if not {column for product in self.products for column in product} <= set(self.groups):
            raise ValueError("products are made of groups")
        if set(self.mutable) & {*self.sensitive, self.label}:
            raise ValueError("mutable columns are neither sensitive nor the label")
        if any(len(set(names)) != len(names) for names in (self.sensitive, self.product_names)):
            raise ValueError("sensitive and products name each column once")
        return self


class Rules(Strict):
    """The whole table.

    Attributes:
        version: Higher than that of every policy before it.
        expiry_s: Seconds for which it rules once it is signed, at most a year.
        protected_aliases: Aliases that only the gate moves.
        statements: Kind of evidence -> what its statement has to name.
    """

    version: Annotated[int, Field(ge=1, lt=2**53)]
    expiry_s: Annotated[int, Field(ge=1, le=31_622_400)]
    protected_aliases: Annotated[tuple[Word, ...], Field(min_length=1, strict=False)]
    statements: dict[Word, StatementRules]
    tiers: Annotated[dict[Word, Tier], Field(min_length=1)]
    models: Annotated[dict[str, ModelRules], Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> Rules:
        roles = {kind: rules.role for kind, rules in self.statements.items()}
        if roles != {**ROLE_OF, CHAIN: "core"}:
            raise ValueError("statements name the role of every kind of evidence, and no other")
        for name, model in self.models.items():
            if model.tier not in self.tiers:
                raise ValueError(f"models.{name}.tier: no tier is called {model.tier}")
            if self.tiers[model.tier].approvals > len(model.approvers):
                raise ValueError(f"models.{name}.approvers: fewer than the tier's approvals")
        return self


def canonical(identity: str) -> str:
    """A user's name as it is compared: NFKC, without case or surrounding space."""
    return unicodedata.normalize("NFKC", identity).strip().casefold()
