"""Nothing is allowed but what passes: every node of a passing question, and of the table.

Each node is left out, and replaced by each hostile value, and OPA itself judges, many at a time;
an error inside of a builtin would end the run. What is allowed all the same is listed, with why.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from assay.home import REPOSITORY
from assay.policy.binary import find_opa
from tests.policies.question import bound, passing_question, table

HOSTILE: tuple[Any, ...] = (None, False, True, "0.99", [], {}, -1, 1e9)
ABSENT = "absent"
Path = tuple[str | int, ...]
Edit = tuple[Path, Any]


def edits(name: str, node: Any) -> Iterator[Edit]:
    """Each node left out and replaced, wherever that makes a difference."""
    for path, held in nodes(node, (name,)):
        if len(path) > 1:
            yield path, ABSENT
        for value in HOSTILE:
            if json.dumps(value) != json.dumps(held):
                yield path, value


def nodes(node: Any, at: Path) -> Iterator[tuple[Path, Any]]:
    yield at, node
    inner = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node if isinstance(node, list) else ())
    )
    for key, held in inner:
        yield from nodes(held, (*at, key))


def told(edit: Edit) -> str:
    path, value = edit
    return f"{'/'.join(map(str, path))} = {value if value is ABSENT else json.dumps(value)}"


def allowed(question: Mapping[str, Any], spoilt: list[Edit]) -> list[str]:
    """The edits that OPA allows all the same."""
    with ThreadPoolExecutor(2) as pool:
        judged = pool.map(lambda half: judge(question, half), (spoilt[::2], spoilt[1::2]))
    return sorted(told(edit) for half in judged for edit in half)


def judge(question: Mapping[str, Any], spoilt: list[Edit]) -> list[Edit]:
    policy = [
        "--data",
        REPOSITORY / "policies",
        "--data",
        REPOSITORY / "tests/policies/law_ten.rego",
    ]
    strict = ["--strict-builtin-errors", "--ignore", "*_test.rego,capabilities.json"]
    ran = subprocess.run(
        [find_opa(), "eval", *policy, *strict, "--stdin-input", "data.law_ten.allowed"],
        input=json.dumps({"question": question, "edits": list(map(patch, spoilt))}),
        env={},
        capture_output=True,
        text=True,
    )
    answer = json.loads(ran.stdout)
    assert "errors" not in answer
    return [spoilt[index] for index in answer["result"][0]["expressions"][0]["value"]]


def patch(edit: Edit) -> dict[str, Any]:
    path, value = edit
    place = "".join(f"/{key}" for key in path)
    if value is ABSENT:
        return {"op": "remove", "path": place}
    return {"op": "replace", "path": place, "value": value}


# What is allowed all the same: place and value -> why that is no other question.
SAME_QUESTION = {
    r"nonce = .*": "any text comes back as it was sent",
    r"model/version = .*": "any text; the registry says what it is",
    r".*/measurements/mcc(/.*)? = .*": "reported, and no bar speaks of it",
    r".*/method = \"0.99\"": "any text; the core recomputes the bound by its own method",
    r".*/n = 1000000000.0": "more rows; the core counts them",
    r".*/(balanced_accuracy_gap|black_box_advantage|worst_drop)/lower = -1": (
        "the other end of a bar at most, within its range"
    ),
    r".*/approval_ratio:[A-Z*]+/upper = 1000000000.0": "the other end of a bar at least",
    r"evidence/(training|robustness)/config/seed = .*": "no floor speaks of it",
    r"evidence/privacy/config/(mechanism|unit|rho) = .*": (
        "measured from the declaration, whose measurements have bars"
    ),
    r"evidence/training/config/features/\d = (\"0.99\"|absent)": "any feature that is not hidden",
    r".*/config/(expectations|steps|restarts|queries) = 1000000000.0": "more than the floor",
}
SAME_TABLE = {
    r"models/credit/(owner|approvers)(/.*)? = .*": "who may promote is the registry's to ask",
    r"models/credit/sources(/.*)? = .*": "how a column is folded is the core's to compare",
    r"tiers/standard/(approvals|decision_expiry_s) = .*": "how it is promoted is the registry's",
    r"models/credit/groups/\w+/.* = .*": "which levels a group has is the measure's to know",
    r"models/credit/groups/(SEX|AGE) = {}": "which levels a group has is the measure's to know",
    r"models/credit/unfavourable = .*": "which label hurts is the measure's to know",
    r"models/credit/label = \"0.99\"": "another column that is no feature",
    r"models/credit/products = \[\]": "a model without intersections, such as mortgage",
    r"models/credit/products/0 = absent": "a model without intersections, such as mortgage",
    r"models/credit/sensitive/[23] = absent": "less asked: another policy, by its digest",
    r"statements/\w+/materials/\d = absent": "less asked: another policy, by its digest",
    r"tiers/standard/bars/\d+ = absent": "less asked: another policy, by its digest",
    r"tiers/standard/floors/\d+ = absent": "less asked: another policy, by its digest",
    r"tiers/standard/floors/\d+/value/\d = absent": "less asked: another policy, by its digest",
    r"tiers/standard/bars/\d+/range/(0 = -1|1 = 1000000000.0)": "a wider range",
    r"tiers/standard/bars/1/bar = 1000000000.0": "another bar within its range",
    r"tiers/standard/floors/\d+/value = 1000000000.0": "another ceiling",
    r"tiers/standard/bars/\d+/min_n = 1000000000.0": "exact values have no rows",
}


def unexplained(found: list[str], reasons: Mapping[str, str]) -> list[str]:
    """What was allowed without a reason, and reasons that nothing needed."""
    used = Counter(
        next((place for place in reasons if re.fullmatch(place, one)), one) for one in found
    )
    return sorted(set(used) ^ set(reasons))


@pytest.fixture(scope="module")
def question() -> dict[str, Any]:
    asked = passing_question(table())
    asked["evidence"]["utility"]["measurements"]["mcc"] = bound(0.3, 0.2, 0.4, 0.0025, 500)
    return asked


def test_the_question_itself_is_allowed(question: dict[str, Any]) -> None:
    unchanged = (("question", "schema"), 1)
    assert allowed(question, [unchanged]) == ["question/schema = 1"]


def test_nothing_else_than_the_passing_question_is_allowed(question: dict[str, Any]) -> None:
    spoilt = list(edits("question", question))
    assert len(spoilt) > 3000
    found = [one.removeprefix("question/") for one in allowed(question, spoilt)]
    assert unexplained(found, SAME_QUESTION) == []


def test_nothing_is_allowed_under_a_spoilt_table(question: dict[str, Any]) -> None:
    data = table()
    del data["models"]["mortgage"]  # the question is not about it
    spoilt = [
        edit for name in ("tiers", "models", "statements") for edit in edits(name, data[name])
    ]
    assert len(spoilt) > 3000
    assert unexplained(allowed(question, spoilt), SAME_TABLE) == []
