"""A bundle needs no server: it verifies by the consumer's own trust, or nothing of it is loaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import AssayError, EvidenceError
from assay.evidence.jws import passing_key
from assay.home import REPOSITORY
from assay.serving.champion import Champion, load_champion
from tests.assay.serving.promoted import DAY, NOW, Promoted, digest, save_small_model, small_model

ROWS = pd.DataFrame({"late": [0, 2, -1], "bill": [1.0, 30.0, 400.0]})


@dataclass(frozen=True)
class Case:
    """One bundle, and how it is asked for."""

    promoted: Promoted
    bundle: Path

    def load(self, **changes: Any) -> Champion:
        asked = {"trust": self.promoted.trust, "bundle": self.bundle, "now": NOW, **changes}
        return load_champion(asked.pop("name", "credit"), **asked)


@pytest.fixture
def case(promoted: Promoted, exported: Path, tmp_path: Path) -> Case:
    return Case(promoted, Path(shutil.copytree(exported, tmp_path / "credit")))


def _packed(folder: Path) -> Path:
    target = folder.with_suffix(".tar")
    with tarfile.open(target, "w") as tar:
        for entry in folder.iterdir():
            tar.add(entry, arcname=entry.name)
    return target


@pytest.mark.parametrize("form", [Path, _packed], ids=["folder", "tar"])
def test_a_bundle_scores_as_the_promoted_model(case: Case, form: Callable[[Path], Path]) -> None:
    champion = case.load(bundle=form(case.bundle), trust=case.promoted.home.trust, floor=3)
    assert np.array_equal(champion.model.score(ROWS), small_model().score(ROWS))
    assert champion.decision.allowed
    assert champion.expires_at == NOW + 30 * DAY


ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "of another model": ("wrong_model", {"name": "mortgage"}),
    "by another alias": ("wrong_alias", {"alias": "previous"}),
    "by latest": ("latest", {"alias": "latest"}),
    "by Latest": ("latest", {"alias": "Latest"}),
    "below the floor": ("rolled_back", {"floor": 4}),
    "after it expired": ("expired", {"now": NOW + 30 * DAY}),
    "before it was promoted": ("future", {"now": NOW - DAY}),
    "and a server as well": ("two_sources", {"tracking_uri": "sqlite:///registry.db"}),
    "that is not there": ("no_bundle", {"bundle": Path("/nothing")}),
}


@pytest.mark.parametrize("asked", ASKED)
def test_what_is_asked_for_has_to_be_what_was_promoted(case: Case, asked: str) -> None:
    code, changes = ASKED[asked]
    with pytest.raises(AssayError) as refused:
        case.load(**changes)
    assert refused.value.code == code


def _flip(file: Path) -> None:
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)


def _other_weights(folder: Path) -> None:
    shutil.rmtree(folder / "payload")
    save_small_model(folder / "payload", seed=1)


def _unsign(folder: Path) -> None:
    promotion = folder / "promotion.json"
    text = promotion.read_text()
    start = text.index('"signatures":[') + len('"signatures":[')
    promotion.write_text(text[:start] + text[text.index("]", start) :])


def _sign_again(folder: Path) -> None:
    """Everything inside agrees with everything else, under keys that a stranger made."""
    stranger = Promoted.build(folder.parent / "stranger", save_small_model(folder.parent / "model"))
    policy = folder.parent / "policy"
    shutil.move(folder / "policy", policy)
    shutil.rmtree(folder)
    stranger.export(folder, folder.parent / "model", policy)


SPOILT: dict[str, tuple[str, Callable[[Path], object]]] = {
    "no promotion": ("foreign_file", lambda folder: (folder / "promotion.json").unlink()),
    "a promotion without signature": ("malformed", _unsign),
    "a flipped byte": ("swapped", lambda folder: _flip(folder / "payload/weights.safetensors")),
    "other honest weights": ("swapped", _other_weights),
    "a pickle in the payload": (
        "pickle",
        lambda folder: (folder / "payload/model.pkl").write_bytes(b"\x80\x04."),
    ),
    "evidence exchanged": (
        "other_evidence",
        lambda folder: shutil.copy(folder / "decision.json", folder / "evidence/utility.json"),
    ),
    "all of it by a stranger": ("wrong_role", _sign_again),
    "the trust of a stranger inside": (
        "other_trust",
        lambda folder: (folder / "trust.json").write_bytes(
            Promoted.build(folder.parent / "home", digest("x")).trust.to_json()
        ),
    ),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_bundle_that_does_not_verify_is_not_loaded(case: Case, spoilt: str) -> None:
    code, spoil = SPOILT[spoilt]
    spoil(case.bundle)
    with pytest.raises(EvidenceError) as refused:
        case.load()
    assert refused.value.code == code


def test_a_key_that_the_policy_s_owner_did_not_sign_for_is_nobody_s_here(
    promoted: Promoted, payload: Path, policy: Path, tmp_path: Path
) -> None:
    """Even to whoever was handed a trust.json that believes it."""
    wider = replace(promoted, trust=promoted.trust.with_key("gate", passing_key().public_key()))
    bundle = wider.export(tmp_path / "credit", payload, policy)
    with pytest.raises(EvidenceError) as refused:
        Case(wider, bundle).load()
    assert refused.value.code == "trust_widened"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"alias": "previous"}, "wrong_alias"),
        ({"sequence": 2}, "rolled_back"),
        ({"expires_at": NOW}, "expired"),
        ({"version": "2"}, "wrong_decision"),
    ],
)
def test_another_honest_promotion_is_another(
    promoted: Promoted,
    payload: Path,
    policy: Path,
    tmp_path: Path,
    changes: dict[str, Any],
    code: str,
) -> None:
    bundle = promoted.export(tmp_path / "credit", payload, policy, **changes)
    with pytest.raises(EvidenceError) as refused:
        Case(promoted, bundle).load(floor=3)
    assert refused.value.code == code


@contextmanager
def _exchanging(file: Path, other: bytes) -> Iterator[None]:
    """Two contents by turns, each whole, until the block ends."""
    contents, done = [other, file.read_bytes()], threading.Event()

    def exchange() -> None:
        while not done.is_set():
            draft = file.parent.parent.parent / "draft"
            draft.write_bytes(contents[0])
            draft.replace(file)
            contents.reverse()

    writer = threading.Thread(target=exchange)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


def test_what_is_loaded_is_what_was_verified_whoever_writes_meanwhile(
    case: Case, tmp_path: Path
) -> None:
    save_small_model(tmp_path / "other", seed=1)
    other = (tmp_path / "other/weights.safetensors").read_bytes()
    promised, refused = small_model().score(ROWS), 0
    with _exchanging(case.bundle / "payload/weights.safetensors", other):
        for _ in range(60):
            try:
                assert np.array_equal(case.load().model.score(ROWS), promised)
            except EvidenceError:
                refused += 1
    assert refused


def test_no_mlflow_is_needed(case: Case) -> None:
    script = (
        "import sys; from pathlib import Path; "
        "from assay.serving.champion import load_champion; "
        f"load_champion('credit', trust=Path(sys.argv[1]), bundle=Path(sys.argv[2]), now={NOW}); "
        "assert 'mlflow' not in sys.modules"
    )
    command = [sys.executable, "-c", script, str(case.promoted.home.trust), str(case.bundle)]
    subprocess.run(command, check=True, cwd=REPOSITORY, env=dict(os.environ))
