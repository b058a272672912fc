"""OPA's answer, believed only when it denies, or when it could not be anything but an allowance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.errors import Unavailable
from assay.policy.question import SCHEMA

KEYS = {"schema", "nonce", "allow", "violations", "required", "proven", "waived"}


@dataclass(frozen=True, slots=True)
class Violation:
    """One reason of the policy's, as it names it."""

    gate: str
    code: str
    measurement: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the policy said to our question.

    Attributes:
        violations: Where it allows, of gates that are waived and of no other.
        waived: Gates whose reasons a waiver excuses.
    """

    allow: bool
    violations: tuple[Violation, ...]
    waived: frozenset[str]


def read_answer(
    found: Any, *, nonce: str, required: frozenset[str], waivers: frozenset[str] = frozenset()
) -> Answer:
    """The answer, when it is one to this question and under this policy.

    Args:
        found: What came back.
        nonce: What was sent along.
        required: Gates that the policy's table asks for.
        waivers: Gates for which it was told of a waiver.

    Raises:
        Unavailable: `opa_unavailable`: anything else than such an answer.
    """
    if not isinstance(found, Mapping) or set(found) != KEYS:
        raise _unbelieved("an object with exactly its keys")
    if found["nonce"] != nonce or type(found["schema"]) is not int or found["schema"] != SCHEMA:
        raise _unbelieved("our nonce and schema")
    violations = tuple(map(_violation, _list(found["violations"])))
    gates, proven = _words(found["required"]), _words(found["proven"])
    waived = _words(found["waived"])
    if gates != required or not proven <= gates or not waived <= waivers - proven:
        raise _unbelieved("exactly the gates of our policy, and no waiver but ours")
    if found["allow"] is False:
        return Answer(False, violations, waived)
    told = {violation.gate for violation in violations}
    if found["allow"] is not True or told != waived or proven | waived != gates:
        raise _unbelieved("an allowance that proves every gate, or says what it waives")
    return Answer(True, violations, waived)


def _violation(found: Any) -> Violation:
    match found:
        case {"gate": str(gate), "code": str(code), "measurement": str(measurement), **more}:
            if not more and gate and code:
                return Violation(gate, code, measurement)
    raise _unbelieved("violations with gate, code and measurement")


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise _unbelieved("lists")
    return found


def _words(found: Any) -> frozenset[str]:
    if not all(isinstance(word, str) for word in _list(found)):
        raise _unbelieved("lists of gates")
    return frozenset(found)


def _unbelieved(expected: str) -> Unavailable:
    return Unavailable("opa_unavailable", f"expected {expected} from OPA, found another answer")
