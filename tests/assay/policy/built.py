"""A built policy folder that `build_policy` would not have made."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assay.evidence.canonical import canonical
from assay.policy.bundle import Sources


def write_built(folder: Path, sources: Sources, manifest: Mapping[str, Any] | None = None) -> None:
    """A folder whose files agree, unless another manifest is given."""
    members = [(f"/{path}", text) for path, text in sources.modules.items()]
    members.append(("/data.json", canonical(sources.data)))
    members.append(("/.manifest", canonical(manifest or sources.manifest)))
    (folder / "bundle.tar.gz").write_bytes(archive(members))
    (folder / "data.json").write_bytes(canonical(sources.data))
    told = {"digest": (manifest or sources.manifest)["revision"], "remedies": {}}
    (folder / "policy.json").write_bytes(canonical(told))


def archive(members: Iterable[tuple[str, bytes]], kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tarball of these members, in this order."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, text in members:
            member = tarfile.TarInfo(name)
            member.size, member.type = len(text), kind
            tar.addfile(member, io.BytesIO(text))
    return raw.getvalue()
