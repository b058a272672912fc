"""What the registry's server keeps of a submission, below `HOME/evidence/<bundle's digest>`.

`bundle/` holds the evidence as it was handed in; `decision-<digest>.json` each sealed decision on
it. `HOME/trusts` holds what was trusted before keys changed. None of it ever changes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from assay.errors import EvidenceError
from assay.evidence.access import note
from assay.evidence.bundle import Bundle, read_bundle
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import MAX_ENVELOPE
from assay.evidence.files import move, put, read_bytes, write_once
from assay.evidence.trust import Trust
from assay.home import Home


def kept_bundle(home: Home, digest: str) -> Path:
    """The folder of a bundle, whose opening is noted.

    Args:
        home: The installation.
        digest: `sha256:` of the bundle.
    """
    note(home, "evidence", digest)
    return _folder(home, digest)


def _folder(home: Home, digest: str) -> Path:
    return home.evidence / digest.removeprefix("sha256:") / "bundle"


def read_evidence(folder: Path) -> Bundle:
    """The evidence of a folder, complete or not: what is absent is for the decision to deny.

    Raises:
        EvidenceError: A file of no known kind, too large a file, or no declaration.
    """
    return read_bundle(folder, complete=False)


def keep_bundle(home: Home, bundle: Bundle) -> None:
    """Write a bundle once, whole or not at all; a second time it has to be there as it was.

    A killed writer leaves a folder beside it and nothing inside, where a champion's evidence may
    be: one file more would be no evidence.

    Raises:
        EvidenceError: Something else is there (`evidence_changed`).
    """
    folder = _folder(home, bundle.digest)
    # Where the whole folder of evidence is gone, a disk is, and no empty one takes its place.
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    if not folder.exists():
        with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as scratch:
            made = Path(scratch) / folder.name
            made.mkdir(mode=0o700)
            for name, data in bundle.files().items():
                write_once(made / name, data)
            move(made, folder)
    if read_evidence(folder).digest != bundle.digest:
        raise EvidenceError("evidence_changed", "expected kept evidence as it was handed in")


def keep_decision(home: Home, bundle: str, sealed: bytes) -> None:
    """Write a sealed decision once.

    Args:
        home: The installation.
        bundle: `sha256:` of the bundle that was decided on.
        sealed: The envelope.
    """
    path = _decision(home, bundle, digest_bytes(sealed))
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_once(path, sealed)


def read_decision(home: Home, bundle: str, decision: str) -> bytes:
    """A sealed decision's envelope, by its bundle's and its own digest.

    Raises:
        EvidenceError: It is not there, or not as it was written (`evidence_changed`).
    """
    note(home, "sealed decision", decision)
    sealed = read_bytes(_decision(home, bundle, decision), limit=MAX_ENVELOPE)
    if digest_bytes(sealed) != decision:
        raise EvidenceError("evidence_changed", "expected the sealed decision as it was signed")
    return sealed


def keep_trust(home: Home, trust: Trust) -> None:
    """Have a trust on disk before another takes its place."""
    home.trusts.mkdir(mode=0o700, exist_ok=True)
    put(_trust(home, trust.digest), trust.to_json())


def read_trust(home: Home, digest: str) -> Trust:
    """The trust of a digest: the one in force, or one that was before.

    Raises:
        EvidenceError: Neither is (`other_trust`), or it is malformed.
    """
    path = _trust(home, digest)
    found = Trust.load(path if path.exists() else home.trust)
    if found.digest != digest:
        raise EvidenceError(
            "other_trust", f"expected the trust {digest} in this home, found another; restore it"
        )
    return found


def _trust(home: Home, digest: str) -> Path:
    return home.trusts / f"{digest.removeprefix('sha256:')}.json"


def _decision(home: Home, bundle: str, decision: str) -> Path:
    name = f"decision-{decision.removeprefix('sha256:')}.json"
    return _folder(home, bundle).parent / name
