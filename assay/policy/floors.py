"""The least that each stage must have been asked; a weaker question proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from assay.evidence.canonical import canonical
from assay.evidence.statement import Evidence
from assay.policy.claims import Denial
from assay.policy.rules import Floor, ModelRules


def undercut(evidence: Evidence, floors: Iterable[Floor], rules: ModelRules) -> Iterator[Denial]:
    """Each floor that the evidence's configuration does not reach."""
    for floor in floors:
        if floor.evidence == evidence.kind:
            found = evidence.config.get(floor.key)
            if not reaches(found, floor):
                yield _told(floor, found)
    if of_the_model := _OF_THE_MODEL.get(evidence.kind):
        yield from of_the_model(evidence, rules)


def _told(floor: Floor, found: Any) -> Denial:
    asked = f"{floor.evidence} {floor.key} {floor.rule.replace('_', ' ')} {_shown(floor.value)}"
    return Denial("floor_undercut", f"expected {asked}, found {_shown(found)}")


def reaches(found: Any, floor: Floor) -> bool:
    """Whether a configured value is at least what the floor asks for; of the same type."""
    match floor.rule, floor.value:
        case "contains", tuple(values):
            return isinstance(found, list) and all(any(same(f, v) for f in found) for v in values)
        case "at_least", float(least):
            return _is_number(found) and found >= least
        case "at_most", float(most):
            return _is_number(found) and found <= most
        case "equals", str() | float() as wanted:
            return same(found, wanted)
    return False


def same(found: Any, wanted: float | str) -> bool:
    """Equal, and both text or both numbers: true is not 1 and "1" is not 1."""
    if isinstance(wanted, str):
        return isinstance(found, str) and found == wanted
    return _is_number(found) and found == wanted


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _shown(value: Any) -> str:
    """A configured value, short; absent is said so."""
    return "nothing" if value is None else repr(value)[:80]


def _audited(evidence: Evidence, rules: ModelRules) -> Iterator[Denial]:
    """Sensitive columns are audited, whether or not the pipeline likes it."""
    if missing := _missing(evidence.config.get("sensitive"), rules.sensitive):
        yield Denial("floor_undercut", f"expected {missing} to be audited as sensitive")


def _grouped(evidence: Evidence, rules: ModelRules) -> Iterator[Denial]:
    """The policy chooses the groups that gate."""
    products = [list(product) for product in rules.products]
    for key, wanted in (("groups", list(rules.groups)), ("products", products)):
        if missing := _missing(evidence.config.get(key), wanted):
            yield Denial("floor_undercut", f"expected fairness {key} to contain {missing}")


def _movable(evidence: Evidence, rules: ModelRules) -> Iterator[Denial]:
    """An attacker who moves fewer columns, one way only, or on a dearer scale, is a weaker one."""
    found = evidence.config.get("mutable")
    if found is None or canonical(found) != canonical(rules.attacked):
        columns = ", ".join(f"{name} {way}" for name, way in rules.moves.items())
        yield Denial(
            "floor_undercut",
            f"expected robustness mutable to be {columns}, each on the policy's scale",
        )


def _protected(evidence: Evidence, rules: ModelRules) -> Iterator[Denial]:
    """Protecting a row protects no person who has several."""
    if evidence.config.get("unit") != rules.unit:
        yield Denial(
            "floor_undercut", f"expected privacy for each {rules.unit}, found another unit"
        )


def seen(evidence: Evidence, rules: ModelRules) -> Iterator[Denial]:
    """Columns among the features of training evidence that the model must not see."""
    features = evidence.config.get("features")
    if not isinstance(features, list) or not features or not all(map(_is_text, features)):
        yield Denial("malformed", "expected training features to be a list of column names")
    elif known := sorted(set(features) & {*rules.sensitive, rules.unit, rules.label}):
        yield Denial("sensitive_feature", f"expected no feature among {', '.join(known)}")


def _missing(found: Any, wanted: Iterable[Any]) -> str:
    """Names of the wanted values that a list leaves out; of all of them when it is no list."""
    there = found if isinstance(found, list) else []
    absent = [value for value in wanted if value not in there]
    return ", ".join("*".join(value) if isinstance(value, list) else value for value in absent)


def _is_text(found: Any) -> bool:
    return isinstance(found, str)


# What the policy's row of the model asks for, by kind of evidence.
_OF_THE_MODEL: Mapping[str, Callable[[Evidence, ModelRules], Iterator[Denial]]] = {
    "validation": _audited,
    "privacy": _protected,
    "robustness": _movable,
    "fairness": _grouped,
}
