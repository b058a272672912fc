"""Everything that one submission says of a candidate: an envelope a stage, and the declaration."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import EvidenceError, Unavailable
from assay.evidence.canonical import parse_canonical
from assay.evidence.digest import digest_bytes, digest_files, digest_folder
from assay.evidence.dsse import MAX_ENVELOPE
from assay.evidence.files import list_files, read_bytes, write_once
from assay.evidence.statement import ROLE_OF

SPEC = "spec.json"
MAX_SPEC = 1 << 18  # bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """A submission's evidence, signed but not yet verified.

    Attributes:
        envelopes: Kind of evidence -> DSSE envelope; a kind that is absent is for the gate to deny.
        spec: RFC 8785 form of the pipeline's declaration, so that its digest is the declaration's.

    Raises:
        EvidenceError: `unknown_evidence`, `too_large`, or a declaration that is not canonical.
    """

    envelopes: Mapping[str, bytes]
    spec: bytes

    def __post_init__(self) -> None:
        if unknown := set(self.envelopes) - set(ROLE_OF):
            raise EvidenceError("unknown_evidence", f"expected no {min(unknown)!a} in a bundle")
        if any(len(envelope) > MAX_ENVELOPE for envelope in self.envelopes.values()):
            raise EvidenceError("too_large", f"expected at most {MAX_ENVELOPE} bytes an envelope")
        if not isinstance(parse_canonical(self.spec, limit=MAX_SPEC), dict):
            raise EvidenceError("malformed", f"expected a declaration in {SPEC}")

    def files(self) -> dict[str, bytes]:
        """The folder that holds this bundle: name -> bytes."""
        envelopes = {_name(kind): envelope for kind, envelope in self.envelopes.items()}
        return {**envelopes, SPEC: self.spec}

    @property
    def digest(self) -> str:
        """`sha256:` digest of the folder that holds this bundle."""
        return digest_files(self.files())

    @property
    def spec_digest(self) -> str:
        """`sha256:` digest of the declaration."""
        return digest_bytes(self.spec)


def write_bundle(folder: Path, bundle: Bundle) -> str:
    """Write a bundle, whole or not at all; the same bundle may be there already.

    Returns:
        Its digest.

    Raises:
        EvidenceError: `evidence_missing` when it lacks a kind; `bundle_exists` when the folder
            holds anything else.
        Unavailable: It cannot be written (`unwritable`).
    """
    _check_whole(bundle.files())
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".bundle-", dir=folder.parent))  # 0700
        try:
            for name, data in bundle.files().items():
                write_once(scratch / name, data)
            scratch.rename(folder)  # fails on a folder that holds something
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        if not folder.exists():
            raise Unavailable(
                "unwritable", f"expected room for {folder.name}, found: {error.strerror}"
            ) from None
        if digest_folder(folder) != bundle.digest:
            raise EvidenceError(
                "bundle_exists", f"expected a free folder {folder.name}, found other files in it"
            ) from None
    return bundle.digest


def read_bundle(folder: Path, *, complete: bool = True) -> Bundle:
    """Read a bundle: at most one envelope of each kind, and the declaration.

    Args:
        folder: Where it is.
        complete: Whether every kind must be there; else the gate denies what is absent.

    Raises:
        EvidenceError: `evidence_missing` names the kinds; `foreign_file` what does not belong;
            `too_large`; and as `assay.evidence.files.list_files`.
    """
    names = set(list_files(folder))
    kinds = {_name(kind): kind for kind in ROLE_OF}
    if foreign := names - {SPEC, *kinds}:
        raise EvidenceError("foreign_file", f"expected only evidence, found {min(foreign)!a}")
    _check_whole(names if complete else names | set(kinds))
    envelopes = {
        kind: read_bytes(folder / name, limit=MAX_ENVELOPE)
        for name, kind in kinds.items()
        if name in names
    }
    return Bundle(envelopes, read_bytes(folder / SPEC, limit=MAX_SPEC))


def _name(kind: str) -> str:
    return f"{kind}.json"


def _check_whole(names: Collection[str]) -> None:
    expected = {**{_name(kind): kind for kind in ROLE_OF}, SPEC: "declaration"}
    if missing := [shown for name, shown in expected.items() if name not in names]:
        raise EvidenceError(
            "evidence_missing",
            f"expected evidence of every stage, found no {', '.join(missing)}; "
            "run the pipeline again, so that each stage states what it measured",
        )
