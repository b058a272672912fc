"""The policy in force: its rules, its digest, and what to do about each gate's denial."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assay.errors import InputError, Refused
from assay.evidence.values import is_digest
from assay.policy.table import (
    CHAIN,
    Bar,
    Floor,
    ModelRules,
    Rules,
    StatementRules,
    Tier,
)
from assay.strict import explain

__all__ = [
    "CHAIN",
    "Bar",
    "Floor",
    "ModelRules",
    "Policy",
    "Rules",
    "StatementRules",
    "Tier",
    "load_policy",
    "parse_rules",
    "policy_of",
]
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force, and the digest that a decision names them by.

    Attributes:
        digest: `sha256:` of the policy's sources.
        remedies: Gate -> what a person can do about its denial, from the gate's METADATA.

    Raises:
        InputError: A gate has no package or no bars for one of its models.
    """

    rules: Rules
    digest: str
    remedies: Mapping[str, str]

    def __post_init__(self) -> None:
        for name in self.rules.models:
            speaking = {bar.gate for bar in self.bars(name)}
            _same_gates(f"the bars of model {name}", speaking, set(self.remedies))

    def model(self, name: str) -> ModelRules:
        """The model's row.

        Raises:
            Refused: The policy does not know the model.
        """
        if name not in self.rules.models:
            raise Refused(
                "unknown_model",
                f"expected a model that the policy knows ({', '.join(self.rules.models)}), "
                f"found {name!r}; ask the policy's owner to add its row",
            )
        return self.rules.models[name]

    def tier(self, model: str) -> Tier:
        """The tier of a model."""
        return self.rules.tiers[self.model(model).tier]

    def alpha(self, model: str) -> float:
        """Error probability of each end of each bound of a model: the tier's alpha / looks."""
        return self.tier(model).alpha_per_look

    def bars(self, model: str) -> tuple[Bar, ...]:
        """The tier's bars, one for each gating group and product of this model."""
        row = self.model(model)
        subjects = {"group": tuple(row.groups), "product": row.product_names}
        return tuple(one for bar in self.tier(model).bars for one in bar.expanded(subjects))


def load_policy(folder: Path) -> Policy:
    """The policy of a built folder: `data.json`, and `policy.json` with digest and remedies.

    Raises:
        InputError: A file is absent or malformed; the message names the key.
    """
    return policy_of(_read(folder / "policy.json"), _read(folder / "data.json"))


def policy_of(told: bytes, table: bytes) -> Policy:
    """The policy of a built folder's `policy.json` and `data.json`.

    Raises:
        InputError: One is malformed; the message names the key.
    """
    built = _parse_json("policy.json", told)
    match built:
        case {"digest": digest, "remedies": dict(remedies)} if len(built) == 2:
            if is_digest(digest) and remedies and all(map(_is_text, remedies.values())):
                return Policy(parse_rules(table), digest, remedies)
    raise InputError(
        "bad_policy", "policy.json: expected a digest and one remedy per gate; rebuild it"
    )


def parse_rules(raw: bytes) -> Rules:
    """The rules of `data.json`.

    Raises:
        InputError: Not this table; the message names each key that is wrong.
    """
    found = _parse_json("data.json", raw)
    try:
        return Rules.model_validate(found)
    except ValidationError as error:
        raise InputError("bad_policy", explain(Path("data.json"), error, Rules)) from None


def _is_text(found: object) -> bool:
    return isinstance(found, str) and bool(found.strip())


def _same_gates(whose: str, found: set[str], expected: set[str]) -> None:
    if missing := expected - found:
        raise InputError("missing_gate", f"{whose} leave out {', '.join(sorted(missing))}")
    if unknown := found - expected:
        raise InputError(
            "unknown_gate",
            f"{whose} name {', '.join(sorted(unknown))}, expected a gate that has a package",
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "no_policy", f"expected a built policy at {path.parent}, found {error.strerror}"
        ) from None


def _parse_json(name: str, raw: bytes) -> Any:
    """JSON without duplicate keys, NaN or Infinity."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    def finite(word: str) -> float:
        raise ValueError(word)

    if len(raw) > MAX_BYTES:
        raise InputError("bad_policy", f"{name}: expected at most {MAX_BYTES} bytes")
    try:
        return json.loads(raw, object_pairs_hook=once, parse_constant=finite)
    except (ValueError, RecursionError) as error:
        raise InputError("bad_policy", f"{name}: expected plain JSON, found {error}") from None
