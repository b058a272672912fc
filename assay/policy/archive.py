"""A bundle as one file, and the signature inside it by which OPA verifies all that it holds.

OPA takes a JWT over the digest of each file. Its scope is the policy's digest, which OPA is told
when it starts, so that it takes no other policy of the same owner's either, such as an older one.
https://www.openpolicyagent.org/docs/latest/management-bundles/#signing
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assay.errors import EvidenceError
from assay.evidence.canonical import canonical, parse
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import Role
from assay.evidence.jws import SigningKey, public_pem, sign_token, token_signer

MAX_BYTES = 4 * 1024 * 1024  # of a bundle's file
MANIFEST, DATA, SIGNATURES = "/.manifest", "/data.json", "/.signatures.json"


@dataclass(frozen=True, slots=True)
class SignedBundle:
    """What an OPA is started on.

    Attributes:
        digest: `sha256:` of the policy, which the signature names.
        content: The bundle's very bytes that were verified here.
        key: Public, as PEM, by which OPA verifies them again.
    """

    digest: str
    content: bytes
    key: str


def read_archive(raw: bytes) -> dict[str, bytes]:
    """Name and bytes of each file of a bundle; OPA writes names that are rooted and told once.

    Raises:
        EvidenceError: It is no bundle, or holds what no policy does.
    """
    try:
        return dict(_members(raw))
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise EvidenceError("malformed", f"expected a bundle, found {error}") from None


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """A bundle of these files; the same ones make the same bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), mtime=0)


def sign_bundle(bundle: bytes, digest: str, key: SigningKey) -> SignedBundle:
    """A bundle with its signature for OPA, in place of one that may be there.

    Args:
        bundle: Signed or not.
        digest: `sha256:` of the policy.
        key: Its owner's.

    Raises:
        EvidenceError: It is no bundle.
    """
    files = read_archive(bundle)
    files.pop(SIGNATURES, None)
    told = [
        {"name": name[1:], "algorithm": "SHA-256", "hash": _hash(name, content)}
        for name, content in files.items()
    ]
    token = sign_token({"files": told, "scope": digest}, key)
    signed = {SIGNATURES: canonical({"signatures": [token]}), **files}
    return SignedBundle(digest, write_archive(signed), public_pem(key))


def signed_bundle(bundle: bytes, digest: str, role: Role) -> SignedBundle:
    """A bundle that one of a role's keys signed for OPA, which verifies each file of it.

    Args:
        bundle: Whose seal was verified.
        digest: `sha256:` of the policy.
        role: Of its owner.

    Raises:
        EvidenceError: It is no bundle, carries no such signature (`bundle_unsigned`), or another's
            (`bad_signature`).
    """
    match parse(read_archive(bundle).get(SIGNATURES, b"{}"), limit=MAX_BYTES):
        case {"signatures": [str(token)]}:
            return SignedBundle(digest, bundle, token_signer(token, role))
    raise EvidenceError(
        "bundle_unsigned",
        "expected a bundle that its owner signed for OPA too, found none, as in policies of an "
        "earlier version; sign it again: `assay policy seal`, or `assay up` with the key",
    )


def _members(raw: bytes) -> Iterator[tuple[str, bytes]]:
    seen, room = set(), MAX_BYTES
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as archive:
        for member in archive:
            name, room = member.name, room - member.size
            known = name.endswith(".rego") or name in (MANIFEST, DATA, SIGNATURES)
            if not member.isreg() or not name.startswith("/") or not known or name in seen:
                raise EvidenceError("malformed", f"expected only a policy's files, found {name!r}")
            if room < 0:
                raise EvidenceError("too_large", f"expected at most {MAX_BYTES} bytes of policy")
            seen.add(name)
            stream = archive.extractfile(member)
            assert stream is not None  # it is a regular file
            yield name, stream.read()


def _hash(name: str, content: bytes) -> str:
    """OPA digests JSON by its value, and all else by its bytes."""
    if name in (MANIFEST, DATA):
        content = canonical(parse(content, limit=MAX_BYTES))
    return digest_bytes(content).removeprefix("sha256:")
