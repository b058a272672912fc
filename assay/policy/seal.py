"""The seal of a built policy: whoever owns it signed these very files, until a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import EvidenceError, InputError
from assay.evidence.decision import PolicySeal
from assay.evidence.decisions import seal_of, sign_policy
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import MAX_ENVELOPE, Role, verify
from assay.evidence.files import read_bytes
from assay.evidence.jws import SigningKey, passing_key
from assay.evidence.keys import load_key, read_key
from assay.evidence.trust import Trust
from assay.home import Home
from assay.policy.archive import MAX_BYTES, SignedBundle, sign_bundle, signed_bundle
from assay.policy.bundle import BUNDLE, FILES, SEAL, replace_file, verified_bundle
from assay.policy.rules import Policy, policy_of

OWNER = "policy"  # the role


@dataclass(frozen=True, slots=True)
class Sealed:
    """A built policy whose owner's signature was verified.

    Attributes:
        policy: What it says.
        files: Name -> the very bytes that were verified, the seal among them.
        owner: The role, whose keys are believed.
    """

    policy: Policy
    files: Mapping[str, bytes]
    owner: Role

    def bundle(self) -> SignedBundle:
        """What OPA is started on.

        Raises:
            EvidenceError: Its owner did not sign it for OPA (`bundle_unsigned`).
        """
        return signed_bundle(self.files[BUNDLE], self.policy.digest, self.owner)


def seal_policy(folder: Path, home: Home, now: int) -> Policy:
    """Sign a built policy with the key of the home's policy role, beside its files.

    Args:
        folder: What `build_policy` made.
        home: Holds the key.
        now: Unix seconds; the policy itself says for how long it rules from then on.

    Raises:
        InputError: It is no policy, or the key is not here (`no_key`).
        Refused: The key may be read by others (`key_exposed`).
    """
    return _seal(folder, load_key(home, OWNER), now)


def seal_by(key: Path, folder: Path, now: int) -> Policy:
    """The same, by a key that its owner keeps elsewhere.

    Args:
        key: What `make_key` wrote.
        folder: What `build_policy` made.
        now: Unix seconds.

    Raises:
        InputError, Refused: As `seal_policy`.
    """
    return _seal(folder, read_key(key), now)


def trial_bundle(folder: Path) -> SignedBundle:
    """A built policy to look at, signed by a key that is gone with this call and rules nowhere.

    Raises:
        Unavailable: As `assay.policy.bundle.verify_policy`.
    """
    digest, bundle = verified_bundle(folder)
    return sign_bundle(bundle, digest, passing_key())


def _seal(folder: Path, key: SigningKey, now: int) -> Policy:
    """Sign the bundle for OPA, and then all files, the signed bundle among them, for us."""
    files = _read(folder)
    policy = policy_of(files["policy.json"], files["data.json"])
    files[BUNDLE] = sign_bundle(files[BUNDLE], policy.digest, key).content
    seal = PolicySeal(
        digest=policy.digest,
        version=policy.rules.version,
        files=_digests(files),
        signed_at=now,
        expires_at=now + policy.rules.expiry_s,
    )
    replace_file(folder / BUNDLE, files[BUNDLE])
    replace_file(folder / SEAL, sign_policy(seal, key))
    return policy


def open_sealed(folder: Path, trust: Trust, now: int) -> Sealed:
    """The policy of a built folder, once its owner's signature stands for every file of it.

    Args:
        folder: Built and sealed.
        trust: Whose keys are believed.
        now: Unix seconds.

    Raises:
        InputError: A file is not there (`no_policy`), or is no policy.
        EvidenceError: `policy_unsigned`; `policy_expired`; `policy_mixed` where a file is not the
            signed one; and as `assay.evidence.dsse.verify`.
    """
    files = _read(folder)
    # 1. Whose word it is.
    if not (folder / SEAL).is_file():
        raise EvidenceError("policy_unsigned", f"expected {SEAL} beside the policy, found none")
    envelope = read_bytes(folder / SEAL, limit=MAX_ENVELOPE)
    owner = trust.role(OWNER)
    seal = seal_of(verify(envelope, owner))
    # 2. Of these files, and no others.
    policy = policy_of(files["policy.json"], files["data.json"])
    told = (_digests(files), policy.digest, policy.rules.version)
    if told != (seal.files, seal.digest, seal.version):
        raise EvidenceError("policy_mixed", "expected the files that were signed, found others")
    # 3. For how long.
    if now >= seal.expires_at:
        raise EvidenceError(
            "policy_expired", "expected a policy that still holds, found an old one"
        )
    return Sealed(policy, {**files, SEAL: envelope}, owner)


def _read(folder: Path) -> dict[str, bytes]:
    try:
        return {name: read_bytes(folder / name, limit=MAX_BYTES) for name in FILES}
    except EvidenceError as error:
        told = f"expected a built policy at {folder}, found otherwise: {error.message}"
        raise InputError("no_policy", told) from None


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: digest_bytes(content) for name, content in files.items()}
