"""What a row holds stays in the sealed rows: no evidence, file name, log or message repeats it."""

from __future__ import annotations

import base64
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from assay.cli import main
from assay.errors import AssayError
from assay.evidence.kept import keep_bundle
from assay.home import Home
from assay.measures import read_outcomes
from assay.registry.gate import Gate
from assay.registry.ruling import rule
from assay.spec import PipelineSpec
from benchmarks.plain_line import judge, measure
from tests.line.conftest import Site
from tests.line.stranger import Stranger, borrowers, hasten

WORD = "Kestrelwright"  # a name, and a level that nobody declared
FAR, NEAR = 8_765_431, 3456.78  # an income out of range, a debt within it
CANARIES = (WORD, WORD.lower(), str(FAR), f"{FAR:,}", str(float(FAR)), str(NEAR), f"{NEAR:,}")

Rows = Callable[[pd.DataFrame], pd.DataFrame]


def planted(frame: pd.DataFrame) -> pd.DataFrame:
    """One person by name and remark, one unknown job, one income too many, a common debt."""
    cells = {
        "client": (0, f"{WORD} 7"),
        "remark": (0, f"call {WORD}"),
        "job": (1, WORD),
        "income": (2, FAR),
    }
    for column, (row, value) in cells.items():
        changed = frame[column].astype(object)
        changed.iloc[row] = value
        frame[column] = changed.infer_objects()
    near = frame["debt"].where(frame.index % 5 > 0, NEAR)
    return frame.assign(debt=near)


def everywhere(column: str, value: object) -> Rows:
    return lambda frame: frame.assign(**{column: value})


def in_some(column: str, value: object) -> Rows:
    """In one row of ten."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        cells = frame[column].astype(object)
        cells.iloc[::10] = value
        return frame.assign(**{column: cells.infer_objects()})

    return change


class Heard:
    """All that a line says while it runs."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, stage: str, message: str, fraction: float) -> None:
        self.said.append(f"{stage} {message} {fraction}")


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Heard:
    caplog.set_level(logging.DEBUG)
    return Heard()


def require_silent(told: str) -> None:
    assert [canary for canary in CANARIES if canary in told] == []


def told_of(error: BaseException | None) -> Iterator[str]:
    """An error, what it came from, and what it was raised while handling, as a log shows them."""
    while error is not None:
        yield f"{error!r} {error}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def cells(home: Home, quarantine: str) -> Iterator[str]:
    """Every table of the home but the rows that were set apart, and the splits' own features."""
    for folder in (home.sealed_outcomes, home.sealed_data):
        for file in folder.glob("*.parquet"):
            frame = read_outcomes(folder, f"sha256:{file.stem}").to_pandas()
            if f"sha256:{file.stem}" == quarantine:
                assert WORD in frame.to_csv()
                continue
            features = {"income", "debt", "late", "job", "sex", "age"} & set(frame.columns)
            yield frame.drop(columns=sorted(features)).to_csv()
            yield frame[sorted(features - {"debt"})].to_csv()


def test_a_decided_line_repeats_no_value(
    small: Site,
    stranger: Stranger,
    tmp_path: Path,
    heard: Heard,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    spec = stranger.copy(tmp_path, planted(borrowers()), hasten)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        measured = measure(spec, small.home, heard)
        submission = measured.submission(small.home)
        decision = judge(submission, small.home, small.opa)
        keep_bundle(small.home, submission.bundle)
        ruling = rule(Gate(small.home), decision)
    assert warned == []
    assert measured.evidence["validation"].measurements["quarantined_share"].value == 2 / 3000

    envelopes = submission.bundle.envelopes.values()
    require_silent("".join(base64.b64decode(json.loads(e)["payload"]).decode() for e in envelopes))
    require_silent(submission.bundle.spec.decode())
    require_silent(repr(decision) + repr(ruling) + repr(measured))
    require_silent("".join(heard.said) + caplog.text + "".join(capfd.readouterr()))
    require_silent("".join(str(path) for path in small.home.root.rglob("*")))
    plain = (path for path in small.home.root.rglob("*") if path.suffix != ".parquet")
    require_silent("".join(p.read_bytes().decode("latin-1") for p in plain if p.is_file()))
    quarantine = measured.evidence["validation"].materials["quarantine"]
    require_silent("".join(cells(small.home, quarantine)))


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (in_some("job", WORD), "data_invalid"),
        (in_some("income", FAR), "data_invalid"),
        (everywhere("client", WORD), "data_invalid"),
        (in_some("income", WORD), "wrong_dtype"),
        (everywhere("debt", WORD), "wrong_dtype"),
        (in_some("late", WORD), "wrong_dtype"),
        (in_some("bad", WORD), "wrong_dtype"),
        (in_some("bad", FAR), "bad_label"),
        (everywhere("sex", FAR), "wrong_dtype"),
        (in_some("age", FAR), "data_invalid"),
        (in_some("sex", WORD), "data_invalid"),
    ],
)
def test_a_refused_table_is_told_in_counts(
    rows: Rows,
    code: str,
    small: Site,
    stranger: Stranger,
    tmp_path: Path,
    heard: Heard,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    spec = stranger.copy(tmp_path, rows(borrowers()), hasten)
    with pytest.raises(AssayError) as caught:
        measure(spec, small.home, heard)
    assert caught.value.code == code
    require_silent("".join(told_of(caught.value)))
    require_silent("".join(heard.said) + caplog.text + "".join(capfd.readouterr()))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: f'{text}"{WORD},1\n',
        lambda text: text + ",".join([WORD] * 20) + "\n",
        lambda text: text.encode("utf-16").decode("latin-1"),
    ],
    ids=["open quote", "long line", "another encoding"],
)
def test_a_table_that_cannot_be_read_is_not_quoted(
    spoil: Callable[[str], str],
    small: Site,
    stranger: Stranger,
    tmp_path: Path,
    heard: Heard,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    spec = stranger.copy(tmp_path, planted(borrowers()), hasten)
    file = tmp_path / "borrowers.csv"
    file.write_text(spoil(file.read_text()), encoding="latin-1")
    with pytest.raises(AssayError) as caught:
        measure(spec, small.home, heard)
    require_silent("".join(told_of(caught.value)))
    assert main(["check", str(tmp_path / "borrowers.yaml"), "--home", str(small.home.root)]) == 2
    require_silent("".join(heard.said) + caplog.text + "".join(capfd.readouterr()))


def test_what_is_declared_by_mistake_is_not_quoted(
    small: Site, quick: PipelineSpec, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path / "borrowers.yaml"), "--home", str(small.home.root)]) == 1
    text = (tmp_path / "borrowers.yaml").read_text()
    (tmp_path / "borrowers.yaml").write_text(text.replace("epsilon: 3", f"epsilon: {WORD}"))
    assert main(["check", str(tmp_path / "borrowers.yaml"), "--home", str(small.home.root)]) == 2
    require_silent("".join(capfd.readouterr()))
