"""What an interruption left open is closed, and closing it twice changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from assay.home import Home
from assay.ledger import Ledger, record_promotion
from assay.registry.gate import Gate
from assay.registry.moves import settle
from tests.assay.serving.promoted import Promoted, digest


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
    Ledger.create(made.home.ledger)
    return made


def _open(made: Promoted, sequence: int = 1) -> tuple[int, str]:
    """A promotion that was signed and noted; what came after it is not known."""
    promotion = replace(made.promotion(made.decision()), sequence=sequence)
    envelope = made.sign(promotion)
    entry = record_promotion(Ledger(made.home.ledger), promotion, envelope)
    return entry.seq, envelope.decode()


def _closed(home: Home) -> list[tuple[str, int]]:
    return [
        (e.kind, e.body["promotion"])
        for e in Ledger(home.ledger).entries()
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
