"""A candidate follows from the declaration and the release, and from nothing else."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from assay.errors import EvidenceError, InputError, Refused
from assay.evidence.artifacts import Dataset
from assay.evidence.digest import digest_folder
from assay.evidence.values import is_digest
from assay.home import Home
from assay.models import load_payload, release_parts
from assay.policy.rules import ModelRules
from assay.spec import PipelineSpec
from tasks.training import train
from tests.tasks import small_line

NOW = 1_800_000_000
RULES = ModelRules.model_validate(
    {
        "tier": "standard",
        "owner": "trainer",
        "approvers": ["approver"],
        "unit": "person",
        "label": "bad",
        "unfavourable": 1,
        "sensitive": ["sex"],
        "groups": {"sex": {"values": [0, 1]}},
        "products": [],
        "mutable": {
            "late": {"moves": "down", "values": [0, 1, 2, 3]},
            "paid": {"moves": "up", "integer": True, "edges": [0, 10, 20, 50, 100]},
        },
    }
)


class Line:
    """A release in a fresh home."""

    def __init__(self, root: Path, rows: pd.DataFrame) -> None:
        self.root = root
        self.home = Home(root / "home").create()
        self.spec = small_line.declare(root)
        self.release = small_line.seal(self.home, self.spec, rows, "release")

    def train(self, spec: PipelineSpec | None = None, release: Dataset | None = None):
        return train(
            spec or self.spec, RULES, release or self.release, self.home, NOW, small_line.quiet
        )

    def asked(self, **changes: object) -> PipelineSpec:
        return small_line.declare(self.root, training=changes)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    columns = ["late", "paid", "debt", "sex", "bad"]
    return Line(tmp_path, small_line.make_rows(800)[columns])


def test_the_candidate_is_a_payload_by_its_digest(line: Line) -> None:
    candidate, evidence, _ = line.train()
    assert digest_folder(candidate.folder) == candidate.digest == evidence.subject.digest
    model = load_payload(candidate.folder)
    assert tuple(model.encoder.columns) == line.spec.features()
    assert evidence.subject.name == line.spec.model


def test_it_learns_what_there_is_to_learn(line: Line) -> None:
    candidate, _, _ = line.train()
    fresh = small_line.make_rows(2000, seed=5)
    score = load_payload(candidate.folder).score(fresh)
    good, bad = score[fresh["bad"] == 0], score[fresh["bad"] == 1]
    assert (good[:, None] < bad).mean() > 0.8


def test_the_same_declaration_and_release_give_the_same_bytes(line: Line) -> None:
    torch.manual_seed(1)
    first, _, curve = line.train()
    torch.manual_seed(2)
    np.random.seed(2)
    again, _, same = line.train()
    assert first == again
    assert curve == same


def test_a_whole_payload_is_left_alone_and_a_broken_one_replaced(line: Line) -> None:
    candidate, _, _ = line.train()
    files = sorted(candidate.folder.iterdir())
    inodes = [file.stat().st_ino for file in files]
    line.train()
    assert [file.stat().st_ino for file in files] == inodes
    for harm in (lambda: files[0].unlink(), lambda: files[0].write_bytes(b"other")):
        harm()
        assert line.train()[0] == candidate
        assert digest_folder(candidate.folder) == candidate.digest
    assert [path.name for path in candidate.folder.parent.iterdir()] == [candidate.folder.name]


def test_global_random_states_are_left_alone(line: Line) -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    line.train()
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 2},
        {"hidden": [8]},
        {"dropout": 0.3},
        {"l1": 0.01},
        {"l2": 0.1},
        {"class_weights": "none"},
        {"augmentation": None},
        {"augmentation": {"attack": "constrained_pgd", "cost": 0.4, "steps": 3}},
        {"selection_rate": 0.1},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_every_declared_choice_changes_the_candidate(
    line: Line, changes: dict[str, object]
) -> None:
    assert line.train(line.asked(**changes))[0].digest != line.train()[0].digest


def test_an_audited_column_never_reaches_the_model(line: Line) -> None:
    frame = small_line.make_rows(800)[["late", "paid", "debt", "sex", "bad"]]
    other = small_line.seal(line.home, line.spec, frame.assign(sex=1 - frame["sex"]), "release")
    assert line.train(release=other)[0].digest == line.train()[0].digest


def test_the_evidence_names_everything_that_went_in(line: Line) -> None:
    _, evidence, history = line.train()
    assert evidence.kind == "training"
    assert set(evidence.materials) == {"release", "spec", "lock", "code"}
    assert all(map(is_digest, evidence.materials.values()))
    assert evidence.materials["release"] == line.release.digest
    assert evidence.materials["spec"] == line.spec.digest()
    assert evidence.measurements == {}
    assert evidence.config["features"] == ["late", "paid", "debt"]
    assert evidence.config["augmentation"] == line.spec.training.augmentation.model_dump()
    assert evidence.config["epochs_run"] == len(history.epochs)
    assert len(evidence.config["commit"]) in (len("unknown"), 40)


def test_the_kept_epoch_is_the_best_on_the_selection_rows(line: Line) -> None:
    _, _, history = line.train(line.asked(epochs=30, patience=3))
    losses = [epoch.selection for epoch in history.epochs]
    assert losses.index(min(losses)) == history.best
    assert len(losses) == 30 or len(losses) - 1 - history.best == 3


def test_without_patience_the_last_epoch_is_kept(line: Line) -> None:
    _, _, history = line.train(line.asked(epochs=12, patience=None))
    assert history.best == 11
    assert len(history.epochs) == 12


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.6])
def test_the_declared_share_of_selection_rows_is_given_label_1(line: Line, rate: float) -> None:
    spec = line.asked(selection_rate=rate)
    candidate, _, _ = line.train(spec)
    frame = small_line.make_rows(800)
    selection = frame[release_parts(spec, 800) == "selection"]
    selected = load_payload(candidate.folder).score(selection) > 0.5
    assert selected.mean() == pytest.approx(rate, abs=0.02)


def test_augmentation_makes_it_harder_to_attack(line: Line) -> None:
    from tasks.attacks import Constraint, Effort, find_attack, margin

    held = small_line.make_rows(1500, seed=7)
    targets = held[held["bad"] == 1]
    shares = []
    for augmentation in (None, {"attack": "constrained_pgd", "cost": 0.3, "steps": 5}):
        spec = line.asked(augmentation=augmentation, epochs=20, patience=None)
        model = load_payload(line.train(spec)[0].folder)
        x = torch.from_numpy(model.encoder.encode(targets))
        y = torch.ones(len(x), dtype=torch.long)
        constraint = Constraint.of(model.encoder, RULES.moves)
        found = find_attack("constrained_pgd")(
            model.logits, x, y, constraint, 0.3, Effort(20, 2, 1), torch.Generator()
        )
        shares.append((margin(model.logits(found), y) <= 0).float().mean().item())
    assert shares[1] > shares[0] + 0.05


def test_refuses_an_unknown_attack_before_it_trains(line: Line) -> None:
    asked = {"attack": "magic", "cost": 0.1, "steps": 1}
    with pytest.raises(InputError, match="unknown_attack"):
        line.train(line.asked(augmentation=asked))


def test_refuses_a_release_of_one_label(line: Line) -> None:
    rows = small_line.make_rows(100)[["late", "paid", "debt", "sex", "bad"]].assign(bad=0)
    release = small_line.seal(line.home, line.spec, rows, "release")
    with pytest.raises(InputError, match="one_class"):
        line.train(release=release)


def test_refuses_too_few_rows(line: Line) -> None:
    rows = small_line.make_rows(1)[["late", "paid", "debt", "sex", "bad"]]
    with pytest.raises(InputError, match="too_few_rows"):
        line.train(release=small_line.seal(line.home, line.spec, rows, "release"))


def test_refuses_a_release_that_is_not_what_its_digest_says(line: Line) -> None:
    line.release.path.write_bytes(line.release.path.read_bytes() + b"x")
    with pytest.raises(EvidenceError, match="malformed"):
        line.train()


def test_refuses_a_loss_that_is_no_number(line: Line) -> None:
    spec = line.asked(learning_rate=1.0, l1=1.0, hidden=[64] * 8, epochs=200, patience=None)
    spec = spec.model_copy(
        update={"training": spec.training.model_copy(update={"learning_rate": 1e30})}
    )
    with pytest.raises(Refused, match="diverged"):
        line.train(spec)
