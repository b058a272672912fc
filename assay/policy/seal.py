"""The seal of a built policy: whoever owns it signed these very files, until a day.

It names whose keys may speak under it, too. So a `trust.json` that believes a key more, or fewer
signatures, than the policy's owner signed for is refused wherever the owner's own key is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import EvidenceError, InputError
from assay.evidence.decision import PolicySeal
from assay.evidence.decisions import seal_of, sign_policy
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import MAX_ENVELOPE, key_id, verify
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
        trust: By which they were verified.
        named: The trust that its owner signed with it; None in seals of an earlier version.
    """

    policy: Policy
    files: Mapping[str, bytes]
    trust: Trust
    named: Trust | None

    def bundle(self) -> SignedBundle:
        """What OPA is started on.

        Raises:
            EvidenceError: Its owner did not sign it for OPA (`bundle_unsigned`, `bad_signature`).
        """
        return signed_bundle(self.files[BUNDLE], self.policy.digest, self.trust.role(OWNER))


def require_named(named: Trust | None, trust: Trust) -> None:
    """Let only a trust through of which the policy's owner signed every key.

    Args:
        named: What its owner signed.
        trust: Whose keys are believed.

    Raises:
        EvidenceError: The owner signed no keys (`trust_unsealed`), or this one believes a key
            more, another threshold or other predicate types (`trust_widened`).
    """
    if named is None:
        raise EvidenceError(
            "trust_unsealed",
            "expected a policy that was signed with the keys of each role, found one of an "
            "earlier version; sign it again",
        )
    if not named.covers(trust):
        raise EvidenceError(
            "trust_widened",
            "expected no key or threshold in trust.json but those that the policy's owner "
            "signed, found others; restore trust.json, or have the owner sign this one",
        )


def named_by(folder: Path, trust: Trust) -> Trust | None:
    """The keys that a seal was made for, also where it is of another day or of other files.

    Args:
        folder: Where a policy was built and sealed.
        trust: Names its owner's key.

    Raises:
        EvidenceError: There is no seal (`policy_unsigned`); as `assay.evidence.dsse.verify`.
    """
    return _named(_seal_in(folder, trust)[1])


def seal_policy(folder: Path, home: Home, now: int) -> Policy:
    """Sign a built policy with the key of the home's policy role, beside its files.

    Args:
        folder: What `build_policy` made.
        home: Holds the key, and the trust.json that is signed with it.
        now: Unix seconds; the policy itself says for how long it rules from then on.

    Raises:
        InputError: It is no policy, or the key is not here (`no_key`).
        Refused: The key may be read by others (`key_exposed`).
    """
    return _seal(folder, load_key(home, OWNER), Trust.load(home.trust), now)


def seal_by(key: Path, folder: Path, trust: Trust, now: int) -> Policy:
    """The same, by a key that its owner keeps elsewhere.

    Args:
        key: What `make_key` wrote.
        folder: What `build_policy` made.
        trust: Whose keys may speak under it, the owner's own among them.
        now: Unix seconds.

    Raises:
        InputError, Refused: As `seal_policy`.
        EvidenceError: The trust does not name this key for the role (`key_untrusted`).
    """
    signer = read_key(key)
    if key_id(signer.public_key()) not in trust.role(OWNER).keys:
        raise EvidenceError(
            "key_untrusted",
            "expected a trust.json that names this key for policy, found others; where it is to "
            "rule, run `assay keys trust policy` first",
        )
    return _seal(folder, signer, trust, now)


def trial_bundle(folder: Path) -> SignedBundle:
    """A built policy to look at, signed by a key that is gone with this call and rules nowhere.

    Raises:
        Unavailable: As `assay.policy.bundle.verify_policy`.
    """
    digest, bundle = verified_bundle(folder)
    return sign_bundle(bundle, digest, passing_key())


def sealed_files(
    files: Mapping[str, bytes], key: SigningKey, trust: Trust, now: int
) -> dict[str, bytes]:
    """A built policy's files, signed anew: the bundle for OPA, and then all of them for us.

    Args:
        files: Name -> bytes; signatures that are among them are replaced.
        key: Its owner's.
        trust: Whose keys may speak under it.
        now: Unix seconds.

    Raises:
        InputError, EvidenceError: They are no policy.
    """
    policy = policy_of(files["policy.json"], files["data.json"])
    signed = {name: files[name] for name in FILES}
    signed[BUNDLE] = sign_bundle(files[BUNDLE], policy.digest, key).content
    seal = PolicySeal(
        digest=policy.digest,
        version=policy.rules.version,
        files=_digests(signed),
        signed_at=now,
        expires_at=now + policy.rules.expiry_s,
        trust=trust.to_json().decode("utf-8"),
    )
    return {**signed, SEAL: sign_policy(seal, key)}


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
    envelope, seal = _seal_in(folder, trust)
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
    return Sealed(policy, {**files, SEAL: envelope}, trust, _named(seal))


def _seal_in(folder: Path, trust: Trust) -> tuple[bytes, PolicySeal]:
    if not (folder / SEAL).is_file():
        raise EvidenceError("policy_unsigned", f"expected {SEAL} beside the policy, found none")
    envelope = read_bytes(folder / SEAL, limit=MAX_ENVELOPE)
    return envelope, seal_of(verify(envelope, trust.role(OWNER)))


def _named(seal: PolicySeal) -> Trust | None:
    return Trust.read(seal.trust.encode("utf-8")) if seal.trust else None


def _seal(folder: Path, key: SigningKey, trust: Trust, now: int) -> Policy:
    signed = sealed_files(_read(folder), key, trust, now)
    for name in (BUNDLE, SEAL):
        replace_file(folder / name, signed[name])
    return policy_of(signed["policy.json"], signed["data.json"])


def _read(folder: Path) -> dict[str, bytes]:
    try:
        return {name: read_bytes(folder / name, limit=MAX_BYTES) for name in FILES}
    except EvidenceError as error:
        told = f"expected a built policy at {folder}, found otherwise: {error.message}"
        raise InputError("no_policy", told) from None


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: digest_bytes(content) for name, content in files.items()}
