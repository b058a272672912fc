"""What a pipeline declares: `PipelineSpec`, read strictly from YAML.

The declaration says what is asked. Floors, bars, tier, owner, sensitive features and mutable
columns are the policy's (policies/data.json): whoever writes a pipeline may not loosen it.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import rfc8785
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assay.errors import InputError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20

Share: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]
Level: TypeAlias = int | str


class _Strict(BaseModel):
    """Frozen, no coercion, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Column(_Strict):
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
    one_hot: dict[ColumnName, Level] = {}
    merge: dict[Level, Level] = {}

    @model_validator(mode="after")
    def _whole(self) -> Column:
        if self.kind == "number":
            if len(self.edges) < 2 or list(self.edges) != sorted(set(self.edges)):
                raise ValueError("a number needs at least two ascending edges")
            if self.values or self.one_hot or self.merge:
                raise ValueError("a number takes edges, not values, one_hot or merge")
        elif self.edges or len(set(self.values)) < 2 or len(set(self.values)) != len(self.values):
            raise ValueError(f"{self.kind} needs at least two different values, and no edges")
        if not set(self.merge.values()) <= set(self.values):
            raise ValueError("merge leads to a level that values does not name")
        if self.one_hot and set(self.one_hot.values()) != set(self.values):
            raise ValueError("one_hot must lead to exactly the levels that values names")
        return self


class Shares(_Strict):
    """How units are split; the shares add up to 1."""

    train: Share
    development: Share
    holdout: Share

    @model_validator(mode="after")
    def _whole(self) -> Shares:
        if abs(self.train + self.development + self.holdout - 1) > 1e-9:
            raise ValueError("train, development and holdout must add up to 1")
        return self


class Data(_Strict):
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
        if self.label in self.columns or self.unit in self.columns:
            raise ValueError("label and unit are not declared as columns")
        if not any(column.use == "feature" for column in self.columns.values()):
            raise ValueError("no column is a feature")
        return self


class Privacy(_Strict):
    """How the training units are protected.

    Attributes:
        mechanism: `synthetic` (a differentially private release), or `none` with a reason.
        epsilon: Total, under (epsilon, delta)-differential privacy.
        delta: Probability of a worse loss.
        neighbours: Data sets that differ by adding or removing one unit.
    """

    mechanism: Literal["synthetic", "none"]
    epsilon: float | None = Field(default=None, gt=0, le=100)
    delta: float | None = Field(default=None, gt=0, lt=0.5)
    neighbours: Literal["add_remove"] = "add_remove"
    reason: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Privacy:
        if self.mechanism == "none":
            if len(self.reason) < 10 or self.epsilon is not None or self.delta is not None:
                raise ValueError("mechanism none needs a reason, and no epsilon or delta")
        elif self.epsilon is None or self.delta is None:
            raise ValueError(f"mechanism {self.mechanism} needs epsilon and delta")
        return self


class Augmentation(_Strict):
    """Adversarial examples inside each training batch.

    Attributes:
        attack: Registered attack.
        cost: Largest step per column, in quantile cost (0 to 1).
        steps: Gradient steps.
    """

    attack: Literal["constrained_pgd"]
    cost: float = Field(gt=0, le=1)
    steps: int = Field(ge=1, le=100)


class Training(_Strict):
    """A model family and how it is fitted."""

    family: Name
    hidden: tuple[int, ...] = Field(strict=False, min_length=1, max_length=8)
    dropout: float = Field(ge=0, lt=1)
    l1: float = Field(ge=0, le=1)
    l2: float = Field(ge=0, le=1)
    learning_rate: float = Field(gt=0, le=1)
    batch: int = Field(ge=8, le=65536)
    epochs: int = Field(ge=1, le=10_000)
    patience: int = Field(ge=1, le=10_000)
    held_out: Share
    class_weights: Literal["balanced", "none"]
    augmentation: Augmentation | None
    seed: int = Field(ge=0, lt=2**31)


class Robustness(_Strict):
    """The attack suite; a robust number is a statement about exactly this."""

    attacks: tuple[Name | str, ...] = Field(strict=False, min_length=1)
    costs: tuple[float, ...] = Field(strict=False, min_length=1)
    steps: int = Field(ge=1)
    restarts: int = Field(ge=1)
    queries: int = Field(ge=1)


class Stress(_Strict):
    """Edge cases: corruptions of clean rows, at severities 1 to 5."""

    corruptions: tuple[str, ...] = Field(strict=False, min_length=1)
    severities: tuple[Annotated[int, Field(ge=1, le=5)], ...] = Field(strict=False, min_length=1)


class Membership(_Strict):
    """Membership inference: attacks, and the false-positive rate that it is reported at."""

    attacks: tuple[str, ...] = Field(strict=False, min_length=1)
    fpr: float = Field(gt=0, lt=0.5)


class Evaluation(_Strict):
    """What the sealed holdout is asked."""

    robustness: Robustness
    stress: Stress
    membership: Membership


class PipelineSpec(_Strict):
    """A declared pipeline."""

    model: Name
    data: Data
    privacy: Privacy
    training: Training
    evaluation: Evaluation
    folder: Path = Field(exclude=True, strict=False)

    def digest(self) -> str:
        """`sha256:` of the RFC 8785 form of everything that was declared."""
        return f"sha256:{hashlib.sha256(rfc8785.dumps(self.model_dump(mode='json'))).hexdigest()}"

    def schema_digest(self) -> str:
        """`sha256:` of the declared columns, label and unit."""
        kept = self.data.model_dump(mode="json", include={"columns", "label", "unit"})
        return f"sha256:{hashlib.sha256(rfc8785.dumps(kept)).hexdigest()}"

    def features(self) -> tuple[str, ...]:
        """Columns that the model sees, in declared order."""
        return tuple(name for name, c in self.data.columns.items() if c.use == "feature")

    def resolve(self, relative: str) -> Path:
        """A declared file, confined to the repository or folder that holds the pipeline.

        Raises:
            InputError: Absolute, or outside of the pipeline folder's parent.
        """
        root = self.folder.parent.resolve()
        path = (self.folder / relative).resolve()
        if Path(relative).is_absolute() or not path.is_relative_to(root):
            raise InputError(
                "path_outside", f"expected {relative!r} to stay below {root.name}/, found outside"
            )
        return path


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases, merge keys, duplicate keys or implicit dates."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        self.depth = getattr(self, "depth", 0) + 1
        if self.depth > MAX_DEPTH:
            raise yaml.YAMLError(f"nested deeper than {MAX_DEPTH}")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]  # type: ignore[no-untyped-call]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"duplicate key {key!r}")
        return super().construct_mapping(node, deep=deep)


# YAML 1.1 reads NO, on and 2020-01-01 as something else: only true, false, null and numbers are.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in rules if tag.endswith((":int", ":float", ":null"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf")
)


def load_spec(path: str | Path) -> PipelineSpec:
    """Read and check a pipeline's declaration.

    Raises:
        InputError: The file is absent, too large, no YAML, or not a declaration; the message
            names the file, the key, what was expected and what was found.
    """
    file = Path(path)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(
            "no_pipeline", f"{file}: expected a readable YAML file, found {error.strerror}"
        ) from None
    if len(raw) > MAX_BYTES:
        raise InputError("too_large", f"{file}: expected at most {MAX_BYTES} bytes")
    try:
        found = yaml.load(raw, Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("bad_yaml", f"{file}: expected plain YAML, found {error}") from None
    if not isinstance(found, dict):
        raise InputError(
            "bad_yaml", f"{file}: expected a mapping, found {type(found).__name__}"
        )
    try:
        return PipelineSpec.model_validate({**found, "folder": file.parent.resolve()})
    except ValidationError as error:
        raise InputError("bad_pipeline", _explain(file, error)) from None


def _explain(file: Path, error: ValidationError) -> str:
    """Each mistake by its key; the value itself may be personal and is not repeated."""
    lines = []
    for mistake in error.errors(include_url=False):
        key = ".".join(map(str, mistake["loc"])) or "(top)"
        text = f"{file}: {key}: {mistake['msg']}"
        if mistake["type"] == "extra_forbidden":
            text = f"{file}: unknown key {key}{_did_you_mean(mistake['loc'])}"
        elif mistake["type"] not in ("missing", "value_error"):
            text += f", found {type(mistake['input']).__name__}"
        lines.append(text)
    return "; ".join(lines)


def _did_you_mean(location: tuple[int | str, ...]) -> str:
    known = {name for model in _Strict.__subclasses__() for name in model.model_fields}
    close = difflib.get_close_matches(str(location[-1]), known - {"folder"}, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
