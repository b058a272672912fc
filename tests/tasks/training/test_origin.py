"""What a candidate was made by is named by content, whatever the version control says."""

import subprocess
from pathlib import Path

import pytest

from assay.evidence.values import is_digest
from tasks.training.origin import UNKNOWN, code_digest, commit_hash, lock_digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("assay", "tasks", "flows", "expectations"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "module.py").write_text(f"NAME = {folder!r}\n")
    (tmp_path / "requirements.lock").write_text("torch==1\n")
    return tmp_path


def test_this_house_has_an_origin() -> None:
    assert is_digest(code_digest())
    assert is_digest(lock_digest())


@pytest.mark.parametrize("folder", ["assay", "tasks", "flows", "expectations"])
def test_a_changed_added_or_renamed_source_changes_the_code(root: Path, folder: str) -> None:
    seen = {code_digest(root)}
    source = root / folder / "module.py"
    source.write_text("NAME = 1\n")
    seen.add(code_digest(root))
    source.rename(root / folder / "other.py")
    seen.add(code_digest(root))
    (root / folder / "more.py").write_text("")
    seen.add(code_digest(root))
    assert len(seen) == 4


def test_what_is_no_source_changes_nothing(root: Path) -> None:
    before = code_digest(root)
    (root / "assay" / "__pycache__").mkdir()
    (root / "assay" / "__pycache__" / "module.pyc").write_bytes(b"0")
    (root / "notes.py").write_text("")
    assert code_digest(root) == before


def test_the_commit_is_that_of_the_checkout_or_unknown(root: Path) -> None:
    assert commit_hash(root) == UNKNOWN
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=root, check=True)
    assert commit_hash(root) == UNKNOWN
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "a"], cwd=root, check=True)
    assert len(commit_hash(root)) == 40


def test_a_folder_that_is_gone_has_no_commit(tmp_path: Path) -> None:
    assert commit_hash(tmp_path / "absent") == UNKNOWN
