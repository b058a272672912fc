"""One release of the same units, charged before they are asked, stored, and never seeded."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assay.errors import EvidenceError, Refused
from assay.evidence.artifacts import Splits
from assay.evidence.digest import digest_json
from assay.home import Home
from assay.ledger import Ledger
from assay.measures import epsilon_of_rho, read_outcomes
from assay.models import release_parts
from assay.spec import PipelineSpec
from tasks.anonymization.anonymize import anonymize, declare
from tests.tasks import small_line

NOW = 1_800_000_000
NONE = {"mechanism": "none", "reason": "a test that needs no privacy"}


class Line:
    """A fresh home with a ledger."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = Home(root / "home").create()
        self.ledger = Ledger.create(self.home)
        self.spec = small_line.declare(root)

    def split(self, train: pd.DataFrame) -> Splits:
        return small_line.split(self.home, self.spec, train)

    def run(self, splits: Splits, spec: PipelineSpec | None = None):
        return anonymize(spec or self.spec, splits, self.home, self.ledger, NOW, small_line.quiet)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


@pytest.fixture
def train() -> pd.DataFrame:
    return small_line.make_rows(600)


def test_a_release_has_every_declared_column_and_no_row_of_anybody(
    line: Line, train: pd.DataFrame
) -> None:
    release, _ = line.run(line.split(train))
    rows = read_outcomes(line.home.sealed_data, release.digest).to_pandas()
    assert list(rows.columns) == ["late", "paid", "debt", "sex", "bad"]
    assert release.split == "release"
    assert release.n == len(rows) == pytest.approx(600, abs=60)
    assert release.path.name == f"{release.digest[7:]}.parquet"
    assert rows["debt"].isna().any()
    assert set(rows["bad"]) == {0, 1}


def test_the_evidence_proves_its_epsilon_from_its_parts(line: Line, train: pd.DataFrame) -> None:
    splits = line.split(train)
    release, evidence = line.run(splits)
    assert evidence.kind == "privacy"
    assert evidence.subject.digest == release.digest == evidence.materials["release"]
    assert evidence.materials["train"] == splits.train.digest
    assert evidence.materials["declaration"] == digest_json(evidence.config)
    spent = sum(part["rho"] for part in evidence.config["parts"])
    assert epsilon_of_rho(spent, 1e-6) == pytest.approx(3.0, abs=1e-6)
    assert evidence.measurements["epsilon"].value <= 3.0 + 1e-9
    assert evidence.measurements["mechanism"].value == "synthetic"
    assert evidence.measurements["unit"].value == "person"


@pytest.mark.parametrize("privacy", [None, NONE])
def test_evidence_tells_which_rows_are_fitted(
    line: Line, train: pd.DataFrame, privacy: dict[str, Any] | None
) -> None:
    spec = small_line.declare(line.root, **({"privacy": privacy} if privacy else {}))
    release, evidence = line.run(line.split(train), spec)
    told = read_outcomes(line.home.sealed_outcomes, evidence.materials["outcomes:release"])
    rows = read_outcomes(line.home.sealed_data, release.digest)
    assert told["label"].to_pylist() == rows[spec.data.label].to_pylist()
    assert told["part"].to_pylist() == release_parts(spec, release.n).tolist()
    themselves = privacy is not None  # rows that somebody gave keep their keyed names
    assert told["row"].to_pylist() == (
        rows["row"].to_pylist() if themselves else [f"{place:032x}" for place in range(release.n)]
    )


def test_the_same_release_is_handed_out_again_and_nothing_more_is_charged(
    line: Line, train: pd.DataFrame
) -> None:
    splits = line.split(train)
    first, _ = line.run(splits)
    head = line.ledger.head()
    again, _ = line.run(splits)
    assert again == first
    assert line.ledger.head() == head


def test_training_may_change_without_a_new_release(line: Line, train: pd.DataFrame) -> None:
    splits = line.split(train)
    first, _ = line.run(splits)
    other = small_line.declare(line.root, training={"seed": 9})
    assert line.run(splits, other)[0] == first


def test_two_homes_make_two_releases(tmp_path: Path, train: pd.DataFrame) -> None:
    digests = set()
    for name in ("one", "two"):
        line = Line(tmp_path / name)
        digests.add(line.run(line.split(train))[0].digest)
    assert len(digests) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"privacy": {"mechanism": "synthetic", "epsilon": 1.0, "delta": 1e-6}},
        {"privacy": {"mechanism": "synthetic", "epsilon": 3.0, "delta": 1e-7}},
        {"privacy": {"mechanism": "synthetic", "epsilon": 3.0, "delta": 1e-6, "rows": 50}},
        {"data": {"columns": {**small_line.DECLARED["data"]["columns"], "late": {
            "kind": "ordinal", "values": [0, 1, 2, 3], "nulls": True}}}},
    ],
    ids=["epsilon", "delta", "rows", "schema"],
)  # fmt: skip
def test_another_release_of_the_same_units_is_refused(
    line: Line, train: pd.DataFrame, changes: dict[str, dict[str, object]]
) -> None:
    splits = line.split(train)
    line.run(splits)
    with pytest.raises(Refused, match="epsilon_spent"):
        line.run(splits, small_line.declare(line.root, **changes))


def test_another_share_of_the_same_people_is_refused(line: Line, train: pd.DataFrame) -> None:
    line.run(line.split(train.iloc[:300]))
    with pytest.raises(Refused, match="epsilon_spent"):
        line.run(line.split(train.iloc[299:]))
    line.run(line.split(train.iloc[:300]))


def test_other_people_have_a_release_of_their_own(line: Line, train: pd.DataFrame) -> None:
    first, _ = line.run(line.split(train))
    second, _ = line.run(line.split(small_line.make_rows(600, seed=1)))
    assert first.digest != second.digest


def test_what_was_begun_and_never_stored_stays_spent(line: Line, train: pd.DataFrame) -> None:
    splits = line.split(train)

    def die(message: str, fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        anonymize(line.spec, splits, line.home, line.ledger, NOW, die)
    with pytest.raises(Refused, match="epsilon_spent"):
        line.run(splits)


@pytest.mark.parametrize("broken", ["absent", "changed"])
def test_a_stored_release_that_is_gone_or_changed_is_never_made_again(
    line: Line, train: pd.DataFrame, broken: str
) -> None:
    splits = line.split(train)
    release, _ = line.run(splits)
    release.path.unlink()
    if broken == "changed":
        release.path.write_bytes(b"PAR1")
    with pytest.raises(EvidenceError):
        line.run(splits)


def test_as_many_rows_as_declared_are_drawn(line: Line, train: pd.DataFrame) -> None:
    spec = small_line.declare(line.root, privacy={**small_line.DECLARED["privacy"], "rows": 1234})
    assert line.run(line.split(train), spec)[0].n == 1234


def test_none_hands_on_the_rows_and_proves_nothing(line: Line, train: pd.DataFrame) -> None:
    splits = line.split(train)
    release, evidence = line.run(splits, small_line.declare(line.root, privacy=NONE))
    assert release == splits.train
    assert set(evidence.measurements) == {"mechanism", "unit"}
    assert evidence.measurements["mechanism"].value == "none"
    assert evidence.config["reason"] == NONE["reason"]
    assert not {"epsilon", "rho", "parts"} & set(evidence.config)
    assert line.ledger.entries() == ()


def test_equal_rows_of_different_people_take_no_part(line: Line, train: pd.DataFrame) -> None:
    twins = train.copy()
    for column in ("late", "paid", "debt", "sex", "unit"):
        twins.loc[1, column] = twins.loc[0, column]
    line.run(line.split(twins))
    (entry,) = line.ledger.entries("release_reserved")
    listed = read_outcomes(line.home.sealed_data, entry.body["units"])["unit"].to_pylist()
    assert len(listed) == 598
    assert twins.loc[0, "unit"] not in listed


@pytest.mark.parametrize("several", ["differ", "many"])
def test_refuses_people_with_several_rows(line: Line, train: pd.DataFrame, several: str) -> None:
    rows = train.copy()
    if several == "differ":
        rows.loc[1, "unit"] = rows.loc[0, "unit"]
        rows.loc[1, "paid"] = 100 - rows.loc[0, "paid"]
    else:
        rows = pd.concat([rows, rows.iloc[:40]])
    with pytest.raises(Refused, match="rows_per_unit"):
        line.run(line.split(rows))
    assert line.ledger.entries() == ()


def test_each_row_is_a_person_where_no_unit_is_declared(line: Line, train: pd.DataFrame) -> None:
    spec = small_line.declare(line.root, data={"unit": None})
    rows = pd.concat([train, train.iloc[:100]], ignore_index=True)
    release, evidence = line.run(line.split(rows), spec)
    assert release.n == pytest.approx(700, abs=60)
    assert evidence.config["unit"] == "row"


def test_a_declaration_is_the_same_every_time(line: Line) -> None:
    assert declare(line.spec) == declare(line.spec)
