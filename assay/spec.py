"""What a pipeline declares: `PipelineSpec`, read strictly from YAML.

The declaration says what is asked. Floors, bars, tier, owner, sensitive features and mutable
columns are the policy's (policies/data.json): whoever writes a pipeline may not loosen it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

import rfc8785
from pydantic import Field, ValidationError, model_validator

from assay.errors import InputError
from assay.plain_yaml import read_mapping
from assay.strict import Strict, explain, repeated

RESERVED = ("row", "unit")  # columns that every split carries, beside `group:<column>`

Share: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Word: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]
Whole: TypeAlias = Annotated[int, Field(gt=-(2**53), lt=2**53)]  # what JSON can hold
Level: TypeAlias = Whole | Annotated[str, Field(min_length=1, max_length=128)]
Width: TypeAlias = Annotated[int, Field(ge=1, le=65536)]
Cost: TypeAlias = Annotated[float, Field(gt=0, le=1)]
Count: TypeAlias = Annotated[int, Field(ge=1, le=10_000_000)]


class Column(Strict):
    """One declared column; nothing about it is ever learnt from the rows.

    Attributes:
        kind: `number` along `edges`, `ordinal` or `category` among `values`.
        edges: Ascending bin edges; the first and last bound the column, values beyond are clipped.
        values: Every level, in order for an ordinal.
        integer: The number is whole.
        nulls: A missing value is a declared level of its own.
        use: `feature`, or `audit` for a column that is audited and never a feature.
        one_hot: Source 0/1 column -> the level that it stands for; rare ones may share a level.
        merge: Source level -> declared level, for rare codes.
    """

    kind: Literal["number", "ordinal", "category"]
    edges: tuple[float, ...] = Field(default=(), strict=False)
    values: tuple[Level, ...] = Field(default=(), strict=False)
    integer: bool = False
    nulls: bool = False
    use: Literal["feature", "audit"] = "feature"
    one_hot: dict[ColumnName, Level] = Field(default_factory=dict)
    merge: dict[Level, Level] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Column:
        if self.kind == "number":
            if len(self.edges) < 2 or list(self.edges) != sorted(set(self.edges)):
                raise ValueError("a number needs at least two ascending edges")
            if self.values or self.one_hot or self.merge:
                raise ValueError("a number takes edges, not values, one_hot or merge")
            return self
        if self.edges or self.integer or len(self.values) < 2 or repeated(self.values):
            raise ValueError(f"{self.kind} needs at least two different values, and no edges")
        if len(set(map(type, self.values))) > 1 or len(set(map(type, self.merge))) > 1:
            raise ValueError("levels are all whole numbers or all text")
        if not set(self.merge.values()) <= set(self.values) or set(self.merge) & set(self.values):
            raise ValueError(
                "merge leads from levels that values does not name to ones that it does"
            )
        if self.one_hot and set(self.one_hot.values()) != set(self.values):
            raise ValueError("one_hot must lead to exactly the levels that values names")
        if self.one_hot and (self.merge or self.nulls):
            raise ValueError("one_hot merges by itself and has no nulls")
        return self


class Shares(Strict):
    """How units are split; the shares add up to 1."""

    train: Share
    development: Share
    holdout: Share

    @model_validator(mode="after")
    def _whole(self) -> Shares:
        if abs(self.train + self.development + self.holdout - 1) > 1e-9:
            raise ValueError("train, development and holdout must add up to 1")
        return self


class Data(Strict):
    """Where the rows come from and what they must be.

    Attributes:
        source: A catalogue name, or a CSV or Parquet file below the pipeline's folder.
        suite: Great Expectations suite, a JSON file.
        label: Binary label column, 0 or 1.
        unit: Column that names the person; None: each row is a unit.
        columns: Every column that is used.
        drop: Source columns that are known and left out; any other one is an error.
    """

    source: str = Field(min_length=1)
    suite: str = Field(min_length=1)
    label: ColumnName
    unit: ColumnName | None
    shares: Shares
    columns: dict[ColumnName, Column] = Field(min_length=1)
    drop: tuple[ColumnName, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _whole(self) -> Data:
        for name in (*self.columns, self.label):
            if name in RESERVED or name.startswith("group:"):
                raise ValueError(f"{name} is a name that every split already carries; rename it")
        folded = [source for column in self.columns.values() for source in column.one_hot]
        kept = [name for name, column in self.columns.items() if not column.one_hot]
        unit = [] if self.unit is None else [self.unit]
        if twice := repeated((*kept, *folded, *self.drop, self.label, *unit)):
            raise ValueError(f"declared twice: {', '.join(twice)}")
        if not any(column.use == "feature" for column in self.columns.values()):
            raise ValueError("no column is a feature")
        return self

    def sources(self) -> tuple[str, ...]:
        """Every column that the table must have, and no other."""
        folded = (c.one_hot or (name,) for name, c in self.columns.items())
        unit = () if self.unit is None else (self.unit,)
        return (*(name for names in folded for name in names), self.label, *unit, *self.drop)


class Privacy(Strict):
    """How the training units are protected.

    Attributes:
        mechanism: `synthetic` (a differentially private release), or `none` with a reason.
        epsilon: Total, under (epsilon, delta)-differential privacy.
        delta: Probability of a worse loss.
        neighbours: Data sets that differ by adding or removing one unit.
        rows: Rows that are drawn for the release, at no cost of privacy; None: about as many as
            there were.
    """

    mechanism: Literal["synthetic", "none"]
    epsilon: float | None = Field(default=None, gt=0, le=100)
    delta: float | None = Field(default=None, gt=0, lt=0.5)
    neighbours: Literal["add_remove"] = "add_remove"
    rows: Count | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Privacy:
        if self.mechanism == "none":
            if len(self.reason) < 10 or any((self.epsilon, self.delta, self.rows)):
                raise ValueError("mechanism none needs a reason, and no epsilon, delta or rows")
        elif self.epsilon is None or self.delta is None:
            raise ValueError(f"mechanism {self.mechanism} needs epsilon and delta")
        return self


class Augmentation(Strict):
    """Adversarial examples inside each training batch.

    Attributes:
        attack: Registered attack.
        cost: Largest step per column, in quantile cost (0 to 1).
        steps: Gradient steps.
    """

    attack: Word
    cost: Cost
    steps: int = Field(ge=1, le=100)


class Training(Strict):
    """A model family and how it is fitted.

    Attributes:
        hidden: Width of each hidden layer.
        dropout: Share of hidden units that a step leaves out.
        l1: Weight of the sum of absolute parameters.
        l2: Weight decay.
        batch: Rows of a step.
        patience: Epochs without improvement on the held-out rows, after which training ends; the
            best epoch's weights are kept. None: every epoch is run and the last one's are kept.
        held_out: Share of the release that is never fitted: half of it chooses the epoch and the
            cut-off, the other half is only measured.
        class_weights: `balanced`: both labels weigh the same together.
        augmentation: Adversarial rows beside the clean ones; None: none.
        selection_rate: Share of the held-out rows that the model shall give label 1, which sets
            its cut-off; None: the cut-off that training leads to.
        seed: Of everything that is random in training.
    """

    family: Name
    hidden: tuple[Width, ...] = Field(strict=False, min_length=1, max_length=8)
    dropout: float = Field(ge=0, lt=1)
    l1: float = Field(ge=0, le=1)
    l2: float = Field(ge=0, le=1)
    learning_rate: float = Field(gt=0, le=1)
    batch: int = Field(ge=8, le=65536)
    epochs: int = Field(ge=1, le=10_000)
    patience: int | None = Field(ge=1, le=10_000)
    held_out: Share
    class_weights: Literal["balanced", "none"]
    augmentation: Augmentation | None
    selection_rate: Share | None = None
    seed: int = Field(ge=0, lt=2**31)


class _Distinct(Strict):
    """Lists that name each thing once."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        for name, value in self:
            if isinstance(value, tuple) and repeated(value):
                raise ValueError(f"{name} names something twice")
        return self


class Robustness(_Distinct):
    """The attack suite; a robust number is a statement about exactly this."""

    attacks: tuple[Word, ...] = Field(strict=False, min_length=1)
    costs: tuple[Cost, ...] = Field(strict=False, min_length=1)
    steps: Count
    restarts: Count
    queries: Count


class Stress(_Distinct):
    """Edge cases: corruptions of clean rows, at severities 1 to 5."""

    corruptions: tuple[Word, ...] = Field(strict=False, min_length=1)
    severities: tuple[Annotated[int, Field(ge=1, le=5)], ...] = Field(strict=False, min_length=1)


class Membership(_Distinct):
    """Membership inference: attacks, and the false-positive rate that it is reported at."""

    attacks: tuple[Word, ...] = Field(strict=False, min_length=1)
    fpr: float = Field(gt=0, lt=0.5)


class Evaluation(Strict):
    """What the sealed holdout is asked."""

    robustness: Robustness
    stress: Stress
    membership: Membership


class PipelineSpec(Strict):
    """A declared pipeline."""

    model: Name
    data: Data
    privacy: Privacy
    training: Training
    evaluation: Evaluation
    folder: Path = Field(exclude=True, strict=False)

    def canonical(self) -> bytes:
        """The RFC 8785 form of everything that was declared, in its order; evidence carries it."""
        return self._canonical(self.model_dump(mode="json"))

    def digest(self) -> str:
        """`sha256:` of `canonical`."""
        return f"sha256:{hashlib.sha256(self.canonical()).hexdigest()}"

    def schema_digest(self) -> str:
        """`sha256:` of the declared columns in their order, label and unit."""
        kept = self.data.model_dump(mode="json", include={"columns", "label", "unit"})
        return f"sha256:{hashlib.sha256(self._canonical(kept)).hexdigest()}"

    def _canonical(self, declared: dict[str, Any]) -> bytes:
        return rfc8785.dumps({"declared": declared, "order": list(self.data.columns)})

    def features(self) -> tuple[str, ...]:
        """Columns that the model sees, in declared order."""
        return tuple(name for name, c in self.data.columns.items() if c.use == "feature")

    def resolve(self, relative: str) -> Path:
        """A declared file, confined to the pipeline's folder, or to the folder of `pipelines/`.

        Raises:
            InputError: Absolute, or outside of it.
        """
        inside = self.folder.parent if self.folder.name == "pipelines" else self.folder
        root = inside.resolve()
        if Path(relative).is_absolute() or "\0" in relative:
            raise InputError("path_outside", f"expected a path below {root}, found {relative!r}")
        path = (self.folder / relative).resolve()
        if not path.is_relative_to(root):
            raise InputError("path_outside", f"expected {relative!r} to stay below {root}")
        return path


def spec_of(canonical: bytes) -> PipelineSpec:
    """The declaration that `PipelineSpec.canonical` wrote; its files cannot be resolved.

    Raises:
        InputError: `bad_pipeline`: any other bytes.
    """
    try:
        found = json.loads(canonical)
        columns = found["declared"]["data"]["columns"]
        found["declared"]["data"]["columns"] = {name: columns[name] for name in found["order"]}
        spec = PipelineSpec.model_validate({**found["declared"], "folder": Path("/")})
    except (ValueError, LookupError, TypeError, RecursionError):
        raise InputError("bad_pipeline", "expected a canonical declaration") from None
    if spec.canonical() != canonical:
        raise InputError("bad_pipeline", "expected a canonical declaration, found another spelling")
    return spec


def load_spec(path: str | Path) -> PipelineSpec:
    """Read and check a pipeline's declaration.

    Raises:
        InputError: The file is absent, too large, no YAML, or not a declaration; the message
            names the file, the key, what was expected and what was found.
    """
    file = Path(path)
    found = read_mapping(file)
    if "folder" in found:
        raise InputError("bad_pipeline", f"{file}: unknown key folder")
    try:
        return PipelineSpec.model_validate({**found, "folder": file.parent.resolve()})
    except ValidationError as error:
        raise InputError("bad_pipeline", explain(file, error, PipelineSpec)) from None
