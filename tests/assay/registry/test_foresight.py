"""Before a policy is put in force it is known which champion it would take, and nothing moved."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from assay.cli import main
from assay.evidence.kept import kept_bundle
from assay.home import REPOSITORY, Home
from tests.assay.registry.line import Line
from tests.assay.registry.site import Logged
from tests.assay.registry.test_audit import ask, shorten, tighten
from tests.assay.registry.test_promotion import amended, without

Change: TypeAlias = Callable[[dict[str, Any]], object]
Edit: TypeAlias = Callable[[Path], object]
AUC = "tiers.standard.bars.utility.auc.model.at_least.bar"


def nothing(_: object) -> None:
    pass


def bar(table: dict[str, Any], measurement: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = table["tiers"]["standard"]["bars"]
    (found,) = (row for row in rows if row["measurement"] == measurement)
    return found


def loosen(table: dict[str, Any]) -> None:
    bar(table, "auc")["bar"] = 0.6


def forget(table: dict[str, Any]) -> None:
    table["models"].pop("credit")


def without_stress(table: dict[str, Any]) -> None:
    tier = table["tiers"]["standard"]
    tier["bars"] = [row for row in tier["bars"] if row["gate"] != "stress"]
    tier["floors"] = [floor for floor in tier["floors"] if floor["evidence"] != "stress"]


def without_its_package(folder: Path) -> None:
    for name in ("stress.rego", "stress_test.rego"):
        (folder / "gates" / name).unlink()


def hand_over(table: dict[str, Any]) -> None:
    table["models"]["credit"] |= {"owner": "another", "approvers": ["somebody"]}


def append(name: str, text: str) -> Edit:
    def edit(folder: Path) -> None:
        with (folder / name).open("a") as file:
            file.write(text)

    return edit


DENIES = '\ndeny contains {"code": "too_new", "measurement": "worst_drop"} if true\n'


def contents(home: Home) -> dict[str, bytes]:
    """Every file but the log of who opened what."""
    files = (path for path in home.root.rglob("*") if path.is_file() and path != home.access)
    return {str(path): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def allowed(line: Line, payload: Path) -> Logged:
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    return version


@pytest.fixture
def standing(line: Line, allowed: Logged, payload: Path) -> Logged:
    """The champion, whatever was demoted before."""
    if line.aliases().get("champion") != allowed.version:
        if "gate.decision" not in line.tags(allowed):
            assert line.submit(allowed, line.bundle(payload)).status == 200
        answer = line.approve(allowed)
        assert answer.status == 200, answer.text
    return allowed


class Diff:
    """`assay policy diff` of the policy's sources, changed; no byte at home does."""

    def __init__(self, home: Home, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.folder, self._capsys = home, folder, capsys
        self.code, self.out, self.err = -1, "", ""

    def __call__(self, change: Change = nothing, edit: Edit = nothing, *more: str) -> Any:
        """What it says to machines, or the text; exit code and errors are kept."""
        sources = Path(shutil.copytree(REPOSITORY / "policies", self.folder / "policies"))
        table = json.loads((sources / "data.json").read_text())
        change(table)
        (sources / "data.json").write_text(json.dumps(table))
        edit(sources)
        return self.of(sources, *more)

    def of(self, sources: Path, *more: str) -> Any:
        before = contents(self.home)
        self._capsys.readouterr()
        self.code = main(["policy", "diff", str(sources), "--home", str(self.home.root), *more])
        self.out, self.err = self._capsys.readouterr()
        assert contents(self.home) == before
        return json.loads(self.out) if "--json" in more and self.out else self.out


@pytest.fixture
def differ(
    line: Line, standing: Logged, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Diff:
    return Diff(line.evidenced.home, tmp_path, capsys)


def test_the_same_policy_changes_nothing(differ: Diff, standing: Logged) -> None:
    said = differ(nothing, nothing, "--json")
    assert differ.code == 0
    assert said["before"] == said["after"]
    assert (said["settings"], said["files"]) == ([], [])
    (champion,) = said["champions"]
    assert champion == {
        "model": "credit",
        "version": standing.version,
        "before": "ok",
        "after": "ok",
        "denials": [],
        "gates": [],
    }


def test_a_tightened_bar_takes_the_champion(differ: Diff) -> None:
    said = differ(tighten, nothing, "--json", "--as", "auditor")
    assert differ.code == 1
    assert said["settings"] == [{"key": AUC, "before": 0.68, "after": 0.99}]
    (champion,) = said["champions"]
    assert (champion["before"], champion["after"]) == ("ok", "not_allowed")
    (gate,) = champion["gates"]
    assert gate["gate"] == "utility"
    assert (gate["before"]["verdict"], gate["after"]["verdict"]) == ("PASS", "FAIL")
    assert gate["after"]["code"] == "below_bar"
    assert gate["remedy"]
    (found,) = gate["bars"]
    assert (found["before"]["wanted"], found["after"]["wanted"]) == (">= 0.68", ">= 0.99")
    assert found["after"]["distance"] < 0 < found["before"]["distance"]


def test_what_a_person_reads(differ: Diff, standing: Logged) -> None:
    told = differ(tighten, nothing, "--as", "auditor")
    now = json.loads((REPOSITORY / "policies" / "data.json").read_bytes())["version"]
    for words in (
        f"credit/{standing.version}: would be demoted (not_allowed)",
        ">= 0.68 → >= 0.99",
        "PASS → FAIL",
        "Remedy: ",
        f"proposed: version {now}, sha256:",
        f"`assay up` asks for {now + 1} or higher",
        "nothing was put in force",
    ):
        assert words in told


def test_sealed_numbers_are_the_auditor_s_and_today_s_approvers(differ: Diff, line: Line) -> None:
    sealed = differ(hand_over, nothing, "--json", "--as", "approver")
    assert differ.code == 0
    assert {row["key"]: row["after"] for row in sealed["settings"]} == {
        "models.credit.owner": "another",
        "models.credit.approvers": ["somebody"],
    }
    # A bar that moves shows its bound: the holdout's to them, the development rows' to others,
    # also to whom the proposed policy would make an approver.
    shown = {}
    for user in ("auditor", "approver", "trainer", "somebody"):
        shutil.rmtree(differ.folder / "policies")
        said = differ(lambda t: (hand_over(t), tighten(t)), nothing, "--json", "--as", user)
        (gate,) = said["champions"][0]["gates"]
        shown[user] = gate["bars"][0]["after"]["found"], gate["after"]["code"]
    assert shown["auditor"] == shown["approver"]
    assert shown["trainer"] == shown["somebody"]
    assert shown["auditor"][0] != shown["trainer"][0]
    assert (shown["auditor"][1], shown["trainer"][1]) == ("below_bar", "")


def test_a_loosened_bar_takes_nobody(differ: Diff) -> None:
    said = differ(loosen, nothing, "--json")
    assert differ.code == 0
    assert said["settings"] == [{"key": AUC, "before": 0.68, "after": 0.6}]
    (champion,) = said["champions"]
    assert champion["after"] == "ok"
    (gate,) = champion["gates"]
    assert gate["before"] == gate["after"]
    assert [found["measurement"] for found in gate["bars"]] == ["auc"]


def test_a_gate_that_is_removed_is_named(differ: Diff) -> None:
    said = differ(without_stress, without_its_package, "--json")
    assert differ.code == 0
    assert said["files"] == ["gates/stress.rego"]
    removed = {row["key"]: row["after"] for row in said["settings"]}
    assert set(removed.values()) == {None}
    assert "tiers.standard.bars.stress.worst_drop.model.at_most" in removed
    (gate,) = said["champions"][0]["gates"]
    assert (gate["gate"], gate["after"]) == ("stress", None)


def test_a_removed_model_takes_its_champion(differ: Diff) -> None:
    said = differ(forget, nothing, "--json")
    assert differ.code == 1
    (removed,) = said["settings"]
    assert (removed["key"], removed["after"]) == ("models.credit", None)
    (champion,) = said["champions"]
    assert (champion["after"], champion["gates"]) == ("unknown_model", [])
    assert champion["denials"] == ["unknown_model"]


def test_what_only_the_engine_denies_takes_the_champion_too(differ: Diff) -> None:
    """So the proposed bundle really runs."""
    said = differ(nothing, append("gates/stress.rego", DENIES), "--json", "--as", "auditor")
    assert differ.code == 1
    assert (said["settings"], said["files"]) == ([], ["gates/stress.rego"])
    (gate,) = said["champions"][0]["gates"]
    assert (gate["gate"], gate["after"]["code"]) == ("stress", "opa_denied")


@pytest.mark.parametrize(
    ("change", "edit", "told"),
    [
        (lambda t: bar(t, "auc").update(bar="0.7"), nothing, "data.json: tiers.standard.bars"),
        (lambda t: t["models"]["credit"].update(tier="x"), nothing, "models.credit.tier"),
        (without_stress, nothing, "stress"),
        (nothing, append("gates/stress.rego", "\nx :=\n"), "gates/stress.rego"),
        (nothing, append("data.json", "]"), "data.json"),
        (nothing, lambda sources: shutil.rmtree(sources), "policies"),
    ],
    ids=["a bar of text", "an unknown tier", "a gate without bars", "Rego", "JSON", "no folder"],
)
def test_what_is_no_policy_is_two_and_named(
    differ: Diff, change: Change, edit: Edit, told: str
) -> None:
    differ(change, edit)
    assert (differ.code, differ.out) == (2, "")
    assert told in differ.err


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("policy/bundle.tar.gz", "no_policy"),
        ("policy/seal.json", "policy_unsigned"),
        ("policy/policy.json", "no_policy"),
        ("trust.json", "unreadable"),
        ("ledger.db", "no_ledger"),
        ("sealed/outcomes", "disk_unavailable"),
    ],
)
def test_what_is_not_there_takes_no_champion(differ: Diff, name: str, code: str) -> None:
    """Whoever cannot tell says so, and neither of the two answers."""
    with without(differ.home.root / name):
        differ.of(REPOSITORY / "policies")
    assert (differ.code, differ.out) == (3, "")
    assert f"[{code}]" in differ.err


def test_evidence_that_is_gone_takes_the_champion_under_both(
    differ: Diff, line: Line, standing: Logged
) -> None:
    with without(kept_bundle(differ.home, line.tags(standing)["assay.submit"])):
        (champion,) = differ(nothing, nothing, "--json")["champions"]
    assert differ.code == 1
    assert (champion["before"], champion["after"]) == ("not_a_folder", "not_a_folder")


@pytest.mark.parametrize("change", [nothing, loosen, tighten, shorten, forget])
def test_what_is_foreseen_is_what_the_audit_finds(
    differ: Diff, line: Line, standing: Logged, change: Change
) -> None:
    time.sleep(1.1)  # a promotion of one second has ended
    (champion,) = differ(change, nothing, "--json")["champions"]
    with amended(differ.home, change):
        audited = ask(line).json
    assert (champion["after"], champion["version"]) == (audited["code"], audited["found"])
    stays = audited["outcome"] == "well"
    assert (differ.code == 0, line.aliases().get("champion") == standing.version) == (stays, stays)
