"""The one OPA binary: genuine, and new enough to mean what the policy says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from assay.errors import Unavailable

# 1.21.0 to 1.22.1 never match `input.x in {"a", input.y}`: a denial that asks so is silent there.
OLDEST = (1, 22, 2)
PATIENCE = 10.0  # seconds for one short command
_VERSION = re.compile(r"Version: (\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:[-+]\S*)?\n")


def find_opa(environment: Path = Path(sys.prefix)) -> Path:
    """The first OPA that is new enough: this environment's, else the one on PATH.

    Args:
        environment: The virtual environment; `make setup` builds its `bin/opa` where it must.

    Raises:
        Unavailable: `opa_unavailable`: there is none, or none that is new enough.
    """
    reasons = []
    for candidate in _candidates(environment):
        try:
            check_opa(candidate)
        except Unavailable as error:
            reasons.append(error.message)
        else:
            return candidate
    found = "; ".join(reasons) or "found none"
    raise unavailable(f"expected OPA {_dotted(OLDEST)} or newer, {found}; run `make setup`")


def check_opa(binary: Path) -> None:
    """Refuse a binary that is not OPA, or too old.

    Raises:
        Unavailable: `opa_unavailable`.
    """
    try:
        ran = subprocess.run(
            [binary, "version"], env={}, capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise unavailable(f"found {binary}: {error}") from None
    told = _VERSION.match(ran.stdout.decode(errors="replace"))
    if ran.returncode or told is None:
        raise unavailable(f"found {binary}, which is no OPA")
    version = tuple(map(int, told.groups()))
    if version < OLDEST:
        raise unavailable(f"found {_dotted(version)} at {binary}, older than {_dotted(OLDEST)}")


def unavailable(message: str) -> Unavailable:
    """The one error of everything that keeps OPA from answering."""
    return Unavailable("opa_unavailable", message)


def _candidates(environment: Path) -> Iterator[Path]:
    own = environment / "bin" / "opa"
    if own.is_file():
        yield own
    if found := shutil.which("opa"):
        yield Path(found).absolute()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
