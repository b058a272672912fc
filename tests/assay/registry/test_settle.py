"""What an interruption left open is closed, and closing it twice changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.evidence.decision import Demotion
from assay.evidence.decisions import sign_demotion
from assay.evidence.keys import load_key
from assay.home import Home
from assay.ledger import Ledger, record_demotion, record_promotion
from assay.registry.gate import Gate
from assay.registry.moves import settle
from tests.assay.serving.promoted import NOW, Promoted, digest


@dataclass
class Rows:
    """What a registry holds: aliases of credit, and tags of its versions."""

    aliases: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def protected_aliases(self, _name: str) -> dict[str, str]:
        return self.aliases

    def get_model_version(self, _name: str, _version: str) -> SimpleNamespace:
        return SimpleNamespace(tags=self.tags)


@pytest.fixture
def promoted(tmp_path: Path) -> Promoted:
    made = Promoted.build(tmp_path / "home", digest("payload"))
    Ledger.create(made.home)
    return made


def _open(made: Promoted, sequence: int = 1) -> tuple[int, str]:
    """A promotion that was signed and noted; what came after it is not known."""
    promotion = replace(made.promotion(made.decision()), sequence=sequence)
    envelope = made.sign(promotion)
    entry = record_promotion(Ledger.of(made.home), promotion, envelope)
    return entry.seq, envelope.decode()


def _demote(made: Promoted, successor: str = "") -> int:
    """A demotion that was signed and noted; what came after it is not known."""
    told = Demotion("credit", "1", "champion", "1", successor, 1, "moved", "gate", NOW)
    envelope = sign_demotion(told, load_key(made.home, "promoter"))
    return record_demotion(Ledger.of(made.home), told, envelope).seq


def _closed(home: Home) -> list[tuple[Any, ...]]:
    return [
        (e.kind, *e.body.values())
        for e in Ledger.of(home).entries()
        if e.kind in ("committed", "void")
    ]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_promotion_whose_rows_were_written_is_committed(promoted: Promoted, times: int) -> None:
    seq, envelope = _open(promoted)
    rows = Rows({"champion": "1"}, {"gate.promotion": envelope})
    for _ in range(times):
        settle(Gate(promoted.home), rows, "credit")
    assert _closed(promoted.home) == [("committed", seq)]


@pytest.mark.parametrize(
    "rows",
    [
        Rows(),
        Rows({"champion": "1"}, {}),
        Rows({"champion": "1"}, {"gate.promotion": "another"}),
        Rows({"previous": "1"}, {"gate.promotion": "another"}),
    ],
)
@pytest.mark.parametrize("times", [1, 2])
def test_a_promotion_whose_rows_were_not_written_is_void(
    promoted: Promoted, rows: Rows, times: int
) -> None:
    seq, _ = _open(promoted)
    for _ in range(times):
        settle(Gate(promoted.home), rows, "credit")
    assert _closed(promoted.home) == [("void", seq)]


def test_another_model_s_promotion_is_left_alone(promoted: Promoted) -> None:
    _open(promoted)
    settle(Gate(promoted.home), Rows(), "mortgage")
    assert _closed(promoted.home) == []


def test_each_is_closed_once(promoted: Promoted) -> None:
    first, _ = _open(promoted)
    settle(Gate(promoted.home), Rows(), "credit")
    second, envelope = _open(promoted, sequence=2)
    settle(Gate(promoted.home), Rows({"champion": "1"}, {"gate.promotion": envelope}), "credit")
    assert _closed(promoted.home) == [("void", first), ("committed", second)]


@pytest.mark.parametrize(("aliases", "word"), [({}, "committed"), ({"champion": "1"}, "void")])
@pytest.mark.parametrize("times", [1, 2])
def test_a_demotion_stands_where_no_alias_is_left(
    promoted: Promoted, aliases: dict[str, str], word: str, times: int
) -> None:
    seq = _demote(promoted)
    for _ in range(times):
        settle(Gate(promoted.home), Rows(aliases), "credit")
    assert _closed(promoted.home) == [(word, seq)]


@pytest.mark.parametrize("moved", [True, False])
def test_a_demotion_stands_where_its_successor_does(promoted: Promoted, moved: bool) -> None:
    demoted = _demote(promoted, "1")
    seq, envelope = _open(promoted)
    rows = Rows({"champion": "1"}, {"gate.promotion": envelope if moved else "another"})
    settle(Gate(promoted.home), rows, "credit")
    word = "committed" if moved else "void"
    assert _closed(promoted.home) == [(word, seq), (word, demoted)]


def test_a_demotion_whose_successor_was_never_signed_is_void(promoted: Promoted) -> None:
    _, envelope = _open(promoted)
    rows = Rows({"champion": "1"}, {"gate.promotion": envelope})
    settle(Gate(promoted.home), rows, "credit")
    seq = _demote(promoted, "1")
    settle(Gate(promoted.home), rows, "credit")
    assert _closed(promoted.home)[-1] == ("void", seq)
