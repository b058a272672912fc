"""A promotion leaves the house: from the registry and the server's home into a folder or a tar."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

from assay.errors import EvidenceError, InputError
from assay.evidence.decisions import public_of
from assay.evidence.dsse import verify
from assay.evidence.files import list_files
from assay.evidence.kept import kept_bundle, read_decision, read_trust
from assay.evidence.trust import Trust
from assay.home import Home
from assay.serving.fetch import fetch
from assay.serving.offline import (
    EVIDENCE,
    PAYLOAD,
    POLICY,
    PROMOTION,
    PUBLIC,
    SEALED,
    TRUST,
    Verified,
    verify_bundle,
)


def export_bundle(
    home: Home,
    name: str,
    target: Path,
    *,
    now: int,
    tracking_uri: str | None = None,
    alias: str = "champion",
) -> Verified:
    """Write everything that a promotion rests on into a new folder, or a tar if so named.

    Args:
        home: The home of the registry's server, which keeps the evidence.
        name: Registered model.
        target: A path that does not exist; `.tar` makes one file.
        now: Unix seconds.
        tracking_uri: The registry's server; None: MLflow's own setting.
        alias: What is exported.

    Raises:
        InputError: The target exists, or its folder does not (`bad_target`).
        EvidenceError: What stands in the registry does not verify.
    """
    if target.exists() or not target.parent.is_dir():
        raise InputError("bad_target", f"expected a free name in a folder, found {target}")
    with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as scratch:
        standing, payload = fetch(name, alias, tracking_uri)
        if standing.promotion is None or standing.decision is None:
            raise EvidenceError("unsigned", f"expected {name}@{alias} to carry a promotion")
        trust = Trust.load(home.trust)
        public = public_of(verify(standing.decision, trust.role("gate")))
        folder = Path(scratch) / "bundle"
        folder.mkdir(mode=0o700)
        sealed = read_decision(home, public.bundle_digest, public.sealed_digest)
        written = {PROMOTION: standing.promotion, PUBLIC: standing.decision, SEALED: sealed}
        decided_by = read_trust(home, public.trust_digest)
        model = {f"{PAYLOAD}/{file}": data for file, data in payload.items()}
        for file, data in {**written, **model, TRUST: decided_by.to_json()}.items():
            (folder / file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        shutil.copytree(kept_bundle(home, public.bundle_digest), folder / EVIDENCE)
        shutil.copytree(home.policy, folder / POLICY)
        verified = verify_bundle(folder, now=now, trust=trust)
        _publish(folder, target)
    return verified


def _publish(folder: Path, target: Path) -> None:
    if target.suffix == ".tar":
        draft = folder.parent / "draft.tar"
        with tarfile.open(draft, "w") as tar:
            for name in list_files(folder):
                tar.add(folder / name, arcname=name, filter=_anonymous)
        folder = draft
    folder.rename(target)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same promotion makes the same bytes, whoever exports it, and whenever."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member
