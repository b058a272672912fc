"""What a candidate was made by: the sources that ran, the locked packages, the commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

from assay.evidence.digest import digest_file, digest_json
from assay.home import REPOSITORY

SOURCES = ("assay", "tasks", "flows", "expectations")
UNKNOWN = "unknown"


def code_digest(root: Path = REPOSITORY) -> str:
    """`sha256:` over path and content of every Python source that a run may import."""
    files = sorted(path for folder in SOURCES for path in (root / folder).rglob("*.py"))
    return digest_json([[str(path.relative_to(root)), digest_file(path)] for path in files])


def lock_digest(root: Path = REPOSITORY) -> str:
    """`sha256:` of the hashed lock."""
    return digest_file(root / "requirements.lock")


def commit_hash(root: Path = REPOSITORY) -> str:
    """The commit that is checked out, or `unknown`; the code's digest holds either way."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return UNKNOWN
    commit = found.stdout.strip()
    return commit if found.returncode == 0 and len(commit) == 40 else UNKNOWN
