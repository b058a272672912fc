"""The line on a real stack: each way in which a run can end, and what it leaves behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InputError, Refused, Unavailable
from assay.home import Home
from assay.ledger import Ledger, record_look
from assay.registry.users import read_password
from assay.stack.pipeline import Outcome, run_pipeline
from assay.stack.record import LOCK, write_stack
from tests.flows.loans import SECRET, lay_out, rows
from tests.prefect_http import ask
from tests.stack_fixture import Running

STAGES = [
    "validate data",
    "name the code",
    "recall the decision",
    "anonymize data",
    "train the model",
    "report validation",
    "register the candidate",
    "spend a look",
    "evaluate utility",
    "evaluate overfitting",
    "evaluate robustness",
    "evaluate stress",
    "evaluate fairness",
    "evaluate membership",
    "report groups",
    "submit the evidence",
]
GATES = [
    "data_quality",
    "fairness",
    "membership",
    "overfitting",
    "privacy",
    "provenance",
    "robustness",
    "stress",
    "utility",
]
END = ["show page", "describe the version", "require promotable", "outcome"]


@dataclass(frozen=True)
class Line:
    """Runs pipelines on the shared stack and looks at what they left."""

    stack: Running
    folder: Path

    def run(self, pipeline: Path, home: Home | None = None) -> Outcome:
        return run_pipeline(pipeline, home or self.stack.home, lambda _message, _share: None)

    def nodes(self, run: str) -> dict[str, str]:
        """Name -> state's name, in the order in which they began."""
        body = {"flow_runs": {"id": {"any_": [run]}}, "sort": "EXPECTED_START_TIME_ASC"}
        found = ask(self.stack.stack.prefect, "/task_runs/filter", body)
        return {node["name"]: node["state_name"] for node in found}

    def state(self, run: str) -> tuple[str, str]:
        found = ask(self.stack.stack.prefect, f"/flow_runs/{run}")
        return found["state_type"], found["state_name"]

    def last_run(self) -> str:
        body = {"sort": "START_TIME_DESC", "limit": 1}
        newest: str = ask(self.stack.stack.prefect, "/flow_runs/filter", body)[0]["id"]
        return newest

    def artifacts(self, run: str) -> dict[str, Any]:
        body = {"flow_runs": {"id": {"any_": [run]}}}
        found = ask(self.stack.stack.prefect, "/artifacts/filter", body)
        return {artifact["key"]: artifact["data"] for artifact in found}

    def registry(self, route: str, **query: str) -> Any:
        """MLflow's answer to the auditor."""
        import requests

        auth = ("auditor", read_password(self.stack.home, "auditor"))
        url = f"{self.stack.said['mlflow']}/api/2.0/mlflow/{route}"
        answer = requests.get(url, query, auth=auth, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def versions(self, model: str) -> list[dict[str, Any]]:
        """Newest first."""
        found = self.registry("model-versions/search", filter=f"name='{model}'")
        versions: list[dict[str, Any]] = found.get("model_versions", [])
        return sorted(versions, key=lambda row: -int(row["version"]))

    def spent(self) -> tuple[int, int]:
        """Looks so far, and decisions."""
        ledger = Ledger.of(self.stack.home)
        return len(ledger.entries("look")), len(ledger.entries("decision"))


@pytest.fixture(scope="module")
def line(stack: Running, tmp_path_factory: pytest.TempPathFactory) -> Line:
    return Line(stack, tmp_path_factory.mktemp("pipelines"))


@pytest.fixture(scope="module")
def loans(line: Line) -> Path:
    """The declared pipeline of a model that passes."""
    return lay_out(line.folder / "loans", rows())


@pytest.fixture(scope="module")
def good(line: Line, loans: Path) -> Outcome:
    """A run of it."""
    return line.run(loans)


@pytest.fixture(scope="module")
def blocked(line: Line) -> Outcome:
    """A run of the same under the standard tier, which asks for more of everything."""
    only = {"model": "tight", "evaluation.robustness.attacks": ["constrained_pgd"]}
    return line.run(lay_out(line.folder / "tight", rows(7), only))


def test_a_promotable_version_completes_the_run(line: Line, good: Outcome) -> None:
    assert (good.state, good.exit_code) == ("Completed", 0)
    assert line.state(good.run) == ("COMPLETED", "Completed")
    assert good.lines[0] == "promotable"
    assert good.run in good.lines[1]


def test_there_is_one_node_a_stage_and_a_gate(line: Line, good: Outcome) -> None:
    nodes = line.nodes(good.run)
    assert sorted(nodes) == sorted([*STAGES, *(f"gate {gate}" for gate in GATES), *END])
    assert {name for name, state in nodes.items() if state != "Completed"} <= {
        f"gate {gate}" for gate in GATES
    }
    assert {nodes[f"gate {gate}"] for gate in GATES} <= {"PASS", "NOT_RUN"}


def test_the_version_is_the_owners_and_decided(line: Line, good: Outcome) -> None:
    assert good.exit_code == 0
    version = line.versions("loans")[0]
    tags = {tag["key"]: tag["value"] for tag in version["tags"]}
    assert tags["gate.allowed"] == "true"
    assert tags["gate.registered_by"] == "trainer"
    model = line.registry("registered-models/get", name="loans")["registered_model"]
    assert {"alias": "challenger", "version": version["version"]} in model["aliases"]


def test_the_run_shows_parameters_and_development_numbers(line: Line, good: Outcome) -> None:
    assert good.exit_code == 0
    run = line.registry("runs/get", run_id=line.versions("loans")[0]["run_id"])["run"]["data"]
    parameters = {param["key"]: param["value"] for param in run["params"]}
    metrics = {metric["key"]: metric["value"] for metric in run["metrics"]}
    assert parameters["training.family"] == "mlp"
    assert parameters["privacy.epsilon"] == "3.0"
    assert parameters["materials.release"].startswith("sha256:")
    for end in ("point", "lower", "upper"):
        assert 0 < metrics[f"development/auc/{end}"] < 1
    assert metrics["development/auc/lower"] < metrics["development/auc/upper"]
    assert "loss.fitted" in metrics
    assert "development/approval_ratio:age x race/point" in metrics
    assert not [name for name in metrics if not name.startswith(("development/", "loss."))]


def test_the_run_has_the_papers(line: Line, good: Outcome) -> None:
    assert good.exit_code == 0
    run = line.versions("loans")[0]["run_id"]
    files = line.registry("artifacts/list", run_id=run)["files"]
    assert {file["path"] for file in files} == {
        "assay",
        "curve.png",
        "gates.png",
        "groups.json",
        "pipeline.json",
        "validation.md",
    }
    left = line.registry("artifacts/list", run_id=run, path="assay/bundle")
    assert "files" not in left  # evidence holds sealed numbers: the server has taken it away


def test_the_card_says_what_was_decided(line: Line, good: Outcome) -> None:
    assert good.exit_code == 0
    version = line.versions("loans")[0]
    card = version["description"]
    assert f"# loans/{version['version']}: PROMOTABLE" in card
    assert f"![training curve](get-artifact?path=curve.png&run_uuid={version['run_id']})" in card
    assert "Every number and every verdict below is from the development rows" in card
    assert "data:image" not in card  # MLflow strips it


def test_page_and_table_are_artifacts(line: Line, good: Outcome) -> None:
    found = line.artifacts(good.run)
    assert set(found) == {"decision-loans", "gates-loans", "version-loans"}
    page, version = found["decision-loans"], line.versions("loans")[0]["version"]
    assert f"# loans/{version}: PROMOTABLE" in page
    assert f"{line.stack.said['mlflow']}/#/models/loans/versions/{version}" in page
    assert "![gates](data:image/png;base64," in page
    table = json.loads(found["gates-loans"])
    assert {row["gate"] for row in table} == set(GATES)


def test_the_same_question_again_spends_nothing(line: Line, loans: Path, good: Outcome) -> None:
    before, versions = line.spent(), len(line.versions("loans"))
    again = line.run(loans)
    assert (again.state, again.exit_code) == (good.state, good.exit_code)
    assert (line.spent(), len(line.versions("loans"))) == (before, versions)
    nodes = line.nodes(again.run)
    assert "train the model" not in nodes
    assert "spend a look" not in nodes
    assert {f"gate {gate}" for gate in GATES} <= set(nodes)
    assert line.artifacts(again.run) == line.artifacts(good.run)


def test_a_denied_version_ends_the_run_blocked(line: Line, blocked: Outcome) -> None:
    assert (blocked.state, blocked.exit_code) == ("Blocked", 1)
    assert line.state(blocked.run) == ("FAILED", "Blocked")
    assert "not_promotable" in blocked.lines[0]
    version = line.versions("tight")[0]
    assert f"tight/{version['version']}" in blocked.lines[0]
    tags = {tag["key"]: tag["value"] for tag in version["tags"]}
    assert tags["gate.allowed"] == "false"
    assert f"# tight/{version['version']}: BLOCKED" in version["description"]


def test_a_refused_evaluation_goes_on_to_a_decision(line: Line, blocked: Outcome) -> None:
    """One attack alone cannot tell black-box from white-box: no robustness evidence."""
    nodes = line.nodes(blocked.run)
    assert nodes["evaluate robustness"] == "Blocked"
    assert nodes["evaluate stress"] == "Completed"
    assert nodes["submit the evidence"] == "Completed"
    assert nodes["gate robustness"] == "Blocked"
    assert nodes["require promotable"] == "Blocked"


def test_a_denied_decision_is_shown_again_as_denied(line: Line, blocked: Outcome) -> None:
    before = line.spent()
    again = line.run(line.folder / "tight" / "loans.yaml")
    assert (again.state, again.exit_code) == ("Blocked", 1)
    assert line.spent() == before
    assert "evaluate robustness" not in line.nodes(again.run)
    assert line.nodes(again.run)["gate robustness"] == line.nodes(blocked.run)["gate robustness"]


def test_invalid_data_stops_the_run(line: Line, good: Outcome) -> None:
    """No release, no look, no version; the other gates read NOT_RUN."""
    before, versions = line.spent(), line.versions("loans")
    frame = rows(11)
    frame.loc[: len(frame) // 2, "city"] = "atlantis"
    outcome = line.run(lay_out(line.folder / "invalid", frame))
    assert (outcome.state, outcome.exit_code) == ("Blocked", 1)
    assert "data_invalid" in outcome.lines[0]
    assert list(line.nodes(outcome.run)) == ["validate data", "show refusal", "outcome"]
    assert (line.spent(), line.versions("loans")) == (before, versions)
    page = line.artifacts(outcome.run)["decision-loans"]
    assert "| data_quality | FAIL | data_invalid |" in page
    for gate in set(GATES) - {"data_quality"}:
        assert f"| {gate} | NOT_RUN | not run |" in page
    assert "atlantis" not in page


def test_a_second_release_of_the_same_units_is_refused(line: Line, good: Outcome) -> None:
    before = line.spent()
    again = lay_out(line.folder / "spent", rows(), {"privacy.epsilon": 2})
    outcome = line.run(again)
    assert (outcome.state, outcome.exit_code) == ("Blocked", 1)
    assert "epsilon_spent" in outcome.lines[0]
    assert "train the model" not in line.nodes(outcome.run)
    assert line.spent() == before
    assert "| privacy | FAIL | epsilon_spent |" in line.artifacts(outcome.run)["decision-loans"]


def test_spent_looks_close_the_holdout(line: Line, good: Outcome) -> None:
    ledger = Ledger.of(line.stack.home)
    for look in ledger.entries("look"):
        again = [look.body[key] for key in ("holdout", "request", "subject", "at")]
        with suppress(Refused):
            for _ in range(8):
                record_look(ledger, *again, allowed=8)
    before = line.spent()
    outcome = line.run(lay_out(line.folder / "looked", rows(), {"training.seed": 9}))
    assert (outcome.state, outcome.exit_code) == ("Blocked", 1)
    assert "looks_spent" in outcome.lines[0]
    assert not [node for node in line.nodes(outcome.run) if node.startswith("evaluate")]
    assert line.spent() == before


@pytest.fixture
def cut_off(stack: Running, tmp_path: Path) -> Iterator[Home]:
    """The shared home as it looks when its registry does not answer."""
    for path in stack.home.root.iterdir():
        if path.name not in ("stack.json", "access.log"):  # a log that is a link is none
            (tmp_path / path.name).symlink_to(path)
    assert (tmp_path / LOCK).exists()
    home = Home(tmp_path)
    write_stack(home, replace(stack.stack, mlflow="http://127.0.0.1:9"))
    yield home
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_a_silent_registry_fails_the_run(line: Line, cut_off: Home) -> None:
    before = line.spent()
    with pytest.raises(Unavailable) as caught:
        line.run(lay_out(line.folder / "cut", rows(13)), cut_off)
    assert (caught.value.code, caught.value.exit_code) == ("mlflow_unavailable", 3)
    assert line.state(line.last_run()) == ("FAILED", "Failed")
    assert line.spent() == before


def test_a_wrong_declaration_is_told_before_anything_runs(line: Line, good: Outcome) -> None:
    last = line.last_run()
    with pytest.raises(InputError):
        line.run(line.folder / "nowhere.yaml")
    with pytest.raises(Refused) as caught:
        line.run(lay_out(line.folder / "unknown", rows(), {"model": "nobodys"}))
    assert caught.value.code == "unknown_model"
    assert line.last_run() == last


def test_an_absent_table_is_a_wrong_question(line: Line) -> None:
    pipeline = lay_out(line.folder / "absent", rows())
    (line.folder / "absent" / "loans.csv").unlink()
    with pytest.raises(InputError):
        line.run(pipeline)
    assert line.state(line.last_run()) == ("FAILED", "Failed")


def test_no_row_is_outside_of_the_sealed_folder(
    line: Line, good: Outcome, blocked: Outcome
) -> None:
    """Neither a person's name nor a cell is in any database, log, artifact or page."""
    assert good.run != blocked.run
    home = line.stack.home.root
    told = [
        path
        for path in home.rglob("*")
        if path.is_file()
        and not path.is_relative_to(home / "sealed")
        and any(word in path.read_bytes() for word in (SECRET.encode(), b"P5-00042", b"P7-01234"))
    ]
    assert told == []
