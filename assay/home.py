"""Where one Assay installation keeps its files.

`ASSAY_HOME` is the one locator, in every process's environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from assay.errors import InputError

ENVIRONMENT = "ASSAY_HOME"
REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Home:
    """The folder tree of one installation; every path is made by `create`, and 0700 or 0600."""

    root: Path

    @property
    def keys(self) -> Path:
        """Private keys, one `<role>.pem` each, and `split.key`."""
        return self.root / "keys"

    @property
    def trust(self) -> Path:
        """Role -> public keys, threshold, predicate types."""
        return self.root / "trust.json"

    @property
    def trusts(self) -> Path:
        """Every trust that was in force before, `<sha256>.json`."""
        return self.root / "trusts"

    @property
    def stack(self) -> Path:
        """Addresses, the OPA socket, the token's path, process ids."""
        return self.root / "stack.json"

    @property
    def credentials(self) -> Path:
        """One password file per user."""
        return self.root / "credentials"

    @property
    def sealed_data(self) -> Path:
        """Split data sets and releases, `<sha256>.parquet`."""
        return self.root / "sealed" / "data"

    @property
    def sealed_outcomes(self) -> Path:
        """Outcome files, `<sha256>.parquet`."""
        return self.root / "sealed" / "outcomes"

    @property
    def evidence(self) -> Path:
        """Bundles and decisions, written once, by the registry's server alone."""
        return self.root / "evidence"

    @property
    def policy(self) -> Path:
        """The built policy bundle and the data that it was built from."""
        return self.root / "policy"

    @property
    def ledger(self) -> Path:
        """The append-only chain."""
        return self.root / "ledger.db"

    @property
    def settings(self) -> Path:
        """Where the installation's parts are; absent where all of them are here."""
        return self.root / "settings.yaml"

    @property
    def access(self) -> Path:
        """Who opened what: one line for each access."""
        return self.root / "access.log"

    def create(self) -> Home:
        """Make the folders that are not there yet, readable by their owner alone."""
        for folder in (self.root, self.keys, self.credentials, self.sealed_data.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.sealed_data, self.sealed_outcomes, self.evidence, self.policy):
            folder.mkdir(mode=0o700, exist_ok=True)
        return self


def find_home(given: str | Path | None = None) -> Home:
    """The home that was named, else `$ASSAY_HOME`, else `.assay/current` below the working folder.

    Raises:
        InputError: The folder does not exist.
    """
    chosen = Path(given or os.environ.get(ENVIRONMENT) or ".assay/current").absolute()
    if not chosen.is_dir():
        raise InputError(
            "no_home",
            f"expected an Assay home at {chosen}, found no folder; "
            "start one with `assay up --home DIR`, or name it with --home or ASSAY_HOME",
        )
    return Home(chosen.resolve())
