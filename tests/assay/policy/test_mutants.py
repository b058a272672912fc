"""Law 10: whatever node of whatever evidence is spoilt, and signed again, nothing is allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from assay.errors import EvidenceError
from assay.evidence.dsse import sign
from assay.evidence.statement import ROLE_OF
from tests.assay.policy.submission import Site

GONE = object()
HOSTILE: list[Any] = [GONE, None, False, True, "0.99", [], {}, -1, 1_000_000_000]


Path = tuple[str | int, ...]


def nodes(tree: Any, at: Path = ()) -> Iterator[Path]:
    """Every place below the top of a JSON value."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield (*at, key)
        yield from nodes(tree[key], (*at, key))


def spoilt(statement: dict[str, Any], path: Path, value: Any) -> dict[str, Any] | None:
    """The statement with another value at one place; None when it is the same afterwards."""
    mutant = deepcopy(statement)
    node: Any = mutant
    for key in path[:-1]:
        node = node[key]
    if value is GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return None if json.dumps(mutant) == json.dumps(statement) else mutant


def mutants(statement: dict[str, Any]) -> Iterator[tuple[Path, Any, dict[str, Any]]]:
    for path in nodes(statement):
        for value in HOSTILE:
            mutant = spoilt(statement, path, value)
            if mutant is not None:
                yield path, value, mutant


def is_allowed(site: Site, kind: str, envelope: bytes) -> bool:
    """Whether every gate passes; a claim with any denial fails its gate (test_judge)."""
    if site.claim(kind, envelope).denials:
        return False
    return all(gate.verdict == "PASS" for gate in site.gates(kind, envelope).values())


@pytest.mark.parametrize("kind", ROLE_OF)
def test_no_mutant_of_a_statement_is_allowed(kind: str, site: Site) -> None:
    survivors, tried = [], 0
    for path, value, mutant in mutants(site.evidence[kind].to_statement()):
        tried += 1
        try:
            envelope = sign(mutant, [site.key(ROLE_OF[kind])])
        except EvidenceError:
            continue  # no statement at all: there is nothing that could be handed in
        if is_allowed(site, kind, envelope):
            survivors.append((path, "gone" if value is GONE else value))
    assert survivors == []
    assert tried > 150


def test_no_mutant_of_the_envelope_is_allowed(site: Site) -> None:
    for kind in ROLE_OF:
        envelope = json.loads(site.envelopes[kind])
        for path in nodes(envelope):
            for value in HOSTILE:
                mutant = spoilt(envelope, path, value)
                if mutant is not None:
                    raw = json.dumps(mutant).encode()
                    assert site.claim(kind, raw).evidence is None, path
