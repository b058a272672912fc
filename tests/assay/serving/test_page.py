"""The page's programs, as they stand there: they score by what verifies, and by nothing else."""

from __future__ import annotations

import logging
import re
import runpy
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest

from assay.errors import Unavailable
from assay.home import REPOSITORY
from assay.serving.champion import Champion, load_champion
from tests.assay.serving.promoted import Promoted, Registry, save_small_model, small_model

with warnings.catch_warnings(action="ignore"):  # it would rather have a successor of httpx
    from fastapi.testclient import TestClient

PAGE = REPOSITORY / "docs" / "serving.md"
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
ROWS = [{"late": 0, "bill": 1.5}, {"late": 2, "bill": 31337.0}, {"late": -1, "bill": 400.0}]
FRAME = pd.DataFrame(ROWS)
SCORES = small_model().score(FRAME)


def test_every_program_of_the_page_is_run_here() -> None:
    assert len(PROGRAMS) == 2


@dataclass(frozen=True)
class Here:
    """A champion of today, and the working folder of the programs."""

    promoted: Promoted
    registry: Registry
    folder: Path
    payload: Path

    def write(self, program: int) -> str:
        file = self.folder / "program.py"
        file.write_text(PROGRAMS[program])
        return str(file)

    @property
    def on_disk(self) -> Path:
        return self.registry.models / "1" / "data" / "payload" / "weights.safetensors"


@pytest.fixture
def here(
    registry: Registry,
    payload: Path,
    promoted: Promoted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Here]:
    today = replace(promoted, at=int(time.time()))
    registry.register(today.standing(), payload)
    (tmp_path / "trust.json").write_bytes(today.trust.to_json())
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(registry.uri)  # what MLFLOW_TRACKING_URI says to a process of its own
    yield Here(today, registry, tmp_path, payload)
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


@pytest.fixture
def service(here: Here) -> dict[str, Any]:
    return runpy.run_path(here.write(0))


def _until(client: TestClient, status: int) -> int:
    """The last answer, once it is the expected one or half a minute is over."""
    end = time.monotonic() + 30
    while (found := client.post("/score", json=ROWS).status_code) != status:
        if time.monotonic() > end:
            break
        time.sleep(0.02)
    return found


def test_the_service_scores_as_the_model_does(
    service: dict[str, Any], here: Here, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), TestClient(service["app"]) as client:
        answer = client.post("/score", json=ROWS)
        assert answer.json() == {"version": "1", "scores": SCORES.tolist()}
        assert client.get("/health").json() == {"version": "1"}
    assert f"version 1, {here.promoted.subject.digest}" in caplog.text
    assert "31337" not in caplog.text
    assert '"sequence":3' in (here.folder / "credit.floor").read_text()


@pytest.mark.parametrize(
    ("rows", "told"),
    [([], "late"), ([{"late": 0}], "bill"), ([{"late": 0, "bill": "31337"}], "bill")],
)
def test_rows_that_the_model_cannot_read_are_the_caller_s_fault(
    service: dict[str, Any], rows: list[dict[str, object]], told: str
) -> None:
    with TestClient(service["app"]) as client:
        answer = client.post("/score", json=rows)
    assert answer.status_code == 422
    assert told in answer.text
    assert "31337" not in answer.text


def _withdraw(here: Here) -> None:
    here.registry.client().delete_registered_model_alias("credit", "champion")


def _tamper(here: Here) -> None:
    raw = bytearray(here.on_disk.read_bytes())
    raw[-1] ^= 1
    here.on_disk.write_bytes(raw)


def _unsign(here: Here) -> None:
    here.registry.client().delete_model_version_tag("credit", "1", "gate.promotion")


def _say(here: Here, **changes: Any) -> None:
    """Another promotion in place of the one that was loaded, as honestly signed."""
    standing = here.promoted.with_promotion(**changes)
    assert standing.promotion is not None
    tag = "gate.promotion", standing.promotion.decode()
    here.registry.client().set_model_version_tag("credit", "1", *tag)


SPOILT: dict[str, Callable[[Here], None]] = {
    "withdrawn": _withdraw,
    "tampered with": _tamper,
    "unsigned": _unsign,
    "rolled back": partial(_say, sequence=2),
    "expired": partial(_say, promoted_at=1, expires_at=2),
    "without a floor": lambda here: (here.folder / "credit.floor").write_text(""),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_the_service_stops_once_its_champion_does_not_verify(
    service: dict[str, Any], here: Here, spoilt: str
) -> None:
    app = service["create_app"](service["load"], every=0.02, patience=900.0)
    with TestClient(app) as client:
        assert client.post("/score", json=ROWS).status_code == 200
        SPOILT[spoilt](here)
        assert _until(client, 503) == 503
        assert client.get("/health").status_code == 503


@pytest.mark.parametrize("spoilt", ["withdrawn", "tampered with"])
def test_the_service_starts_without_a_champion_and_scores_nothing(
    service: dict[str, Any], here: Here, spoilt: str
) -> None:
    service["load"]()  # the floor
    SPOILT[spoilt](here)
    with TestClient(service["app"]) as client:
        assert client.post("/score", json=ROWS).status_code == 503


def test_the_service_heals_and_follows_the_alias(service: dict[str, Any], here: Here) -> None:
    _withdraw(here)
    app = service["create_app"](service["load"], every=0.02, patience=900.0)
    with TestClient(app) as client:
        assert client.post("/score", json=ROWS).status_code == 503
        decision = here.promoted.decision("2")
        promotion = replace(here.promoted.promotion(decision), sequence=4)
        next_one = replace(
            here.promoted.standing(),
            version="2",
            promotion=here.promoted.sign(promotion),
            decision=here.promoted.public(decision),
        )
        here.registry.register(next_one, here.payload)
        assert _until(client, 200) == 200
        assert client.get("/health").json() == {"version": "2"}


def test_expiry_ends_it_on_the_second(service: dict[str, Any], here: Here) -> None:
    champion = service["load"]()
    late = replace(champion.promotion, expires_at=int(time.time()) + 3)
    app = service["create_app"](lambda: replace(champion, promotion=late), 900.0, 900.0)
    with TestClient(app) as client:
        assert client.post("/score", json=ROWS).status_code == 200
        assert _until(client, 503) == 503
        assert time.time() >= late.expires_at


@pytest.mark.parametrize(("patience", "status"), [(900.0, 200), (0.0, 503)])
def test_a_silent_registry_is_believed_for_so_long(
    service: dict[str, Any], here: Here, patience: float, status: int
) -> None:
    post = service["Post"](_once(service["load"]), patience)
    post.verify()
    post.verify()
    try:
        found = 200 if post.champion() else 0
    except service["HTTPException"] as error:
        found = error.status_code
    assert found == status


def _once(load: Callable[[], Champion]) -> Callable[[], Champion]:
    """A registry that answers, and then never again."""
    answers = iter([load])

    def ask() -> Champion:
        for answer in answers:
            return answer()
        raise Unavailable("mlflow_unavailable", "expected MLflow to answer, found nothing")

    return ask


@dataclass(frozen=True)
class Job:
    """The batch job in its folder."""

    here: Here
    bundle: Path
    argv: Callable[[list[str]], None]

    def run(self, table: str = "rows.csv") -> int:
        self.argv(["score_table.py", str(self.bundle), table, "scores.csv"])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(self.here.write(1), run_name="__main__")
        return int(str(ended.value.code))


@pytest.fixture
def job(here: Here, policy: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    bundle = here.promoted.export(here.folder / "credit", here.payload, policy)
    FRAME.to_csv(here.folder / "rows.csv", index=False)
    return Job(here, bundle, partial(monkeypatch.setattr, sys, "argv"))


def test_the_job_writes_the_model_s_scores(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert job.run() == 0
    assert pd.read_csv("scores.csv")["score"].tolist() == pytest.approx(SCORES, abs=1e-12)
    assert f"3 rows by version 1, {job.here.promoted.subject.digest}" in capsys.readouterr().out


def _again(job: Job, policy: Path, **changes: Any) -> None:
    shutil.rmtree(job.bundle)
    job.here.promoted.export(job.bundle, job.here.payload, policy, **changes)


def _exchange(job: Job) -> None:
    shutil.rmtree(job.bundle / "payload")
    save_small_model(job.bundle / "payload", seed=1)


REFUSED: dict[str, tuple[int, str, Callable[[Job, Path], object]]] = {
    "expired": (1, "expired", partial(_again, promoted_at=1, expires_at=2)),
    "rolled back": (1, "rolled_back", partial(_again, sequence=2)),
    "exchanged": (1, "swapped", lambda job, _: _exchange(job)),
    "unsigned": (1, "foreign_file", lambda job, _: (job.bundle / "promotion.json").unlink()),
    "by another's trust": (
        1,
        "wrong_role",
        lambda job, _: Path("trust.json").write_bytes(
            Promoted.build(job.here.folder / "home", "sha256:" + "0" * 64).trust.to_json()
        ),
    ),
    "without trust": (1, "unreadable", lambda job, _: Path("trust.json").unlink()),
    "with a spoilt floor": (1, "malformed", lambda job, _: Path("credit.floor").write_text("")),
    "not there": (2, "no_bundle", lambda job, _: shutil.rmtree(job.bundle)),
    "without rows": (2, "no_data", lambda job, _: Path("rows.csv").unlink()),
    "without a feature": (2, "missing_column", lambda job, _: _drop("bill")),
}


def _drop(column: str) -> None:
    FRAME.drop(columns=column).to_csv("rows.csv", index=False)


@pytest.mark.parametrize("refused", REFUSED)
def test_the_job_writes_nothing_otherwise(
    job: Job, policy: Path, capsys: pytest.CaptureFixture[str], refused: str
) -> None:
    code, word, spoil = REFUSED[refused]
    load_champion("credit", trust=Path("trust.json"), bundle=job.bundle, floor=Path("credit.floor"))
    spoil(job, policy)
    before = set(Path().iterdir()) | {Path("program.py")}
    assert job.run() == code
    assert f"[{word}]" in capsys.readouterr().err
    assert set(Path().iterdir()) == before
    Path("scores.csv").write_text("of an earlier run")
    assert job.run() == code
    assert Path("scores.csv").read_text() == "of an earlier run"
