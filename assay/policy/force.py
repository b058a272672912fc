"""Which policy rules a home: the one that its owner signed and that was put in force last."""

from __future__ import annotations

import tempfile
from pathlib import Path

from assay.errors import AssayError, EvidenceError, Unavailable
from assay.evidence.dsse import key_id
from assay.evidence.files import put
from assay.evidence.jws import SigningKey
from assay.evidence.kept import keep_trust
from assay.evidence.keys import holds_key, load_key, next_key
from assay.evidence.trust import Trust
from assay.home import Home
from assay.ledger import Ledger, record_policy, require_newest
from assay.policy.bundle import build_policy, copy_policy, write_policy
from assay.policy.rules import Policy
from assay.policy.seal import (
    OWNER,
    Sealed,
    named_by,
    open_sealed,
    require_named,
    seal_policy,
    sealed_files,
)


def put_in_force(home: Home, sources: Path, now: int) -> Policy:
    """Build and sign a policy and let it rule, if its version is above that of all before.

    It is in the ledger before it is in its place: cut short in between, the server rules by none.

    Args:
        home: With a ledger. Where the policy's owner keeps the key elsewhere, nothing is built:
            what `take_in_force` put there rules on.
        sources: Folder with Rego, `data.json` and `capabilities.json`.
        now: Unix seconds.

    Raises:
        InputError: The sources are no policy, or `policy_older` or `policy_changed`; what was in
            force stays.
        Unavailable: There is no OPA to build with, or the ledger cannot be written; the owner did
            not sign for trust.json before (`trust_widened`, or in a home that has decided
            `policy_unsigned`, `trust_unsealed`); or, without a key, as `policy_in_force`.
    """
    if not holds_key(home, OWNER):
        return policy_in_force(home, now)
    _require_trust_of_before(home)
    with tempfile.TemporaryDirectory(prefix="assay-policy-") as scratch:
        built = Path(scratch, "policy")
        build_policy(sources, built)
        policy = seal_policy(built, home, now)
        record_policy(Ledger.of(home), policy.rules.version, policy.digest, now)
        copy_policy(built, home.policy)
    return policy


def take_in_force(home: Home, sealed: Path, now: int) -> Policy:
    """Let a policy rule that its owner built and signed elsewhere.

    Args:
        home: With a ledger, and a `trust.json` that names the owner's key.
        sealed: What `assay policy seal` wrote.
        now: Unix seconds.

    Raises:
        InputError: It is no policy, or `policy_older` or `policy_changed`; what was in force stays.
        EvidenceError: It is unsigned, expired, another's or mixed, as `open_sealed` has it, not
            signed for OPA (`bundle_unsigned`), or not for the keys of this home
            (`trust_unsealed`, `trust_widened`).
        Unavailable: The ledger cannot be written.
    """
    found = open_sealed(sealed, Trust.load(home.trust), now)
    require_named(found.named, found.trust)
    found.bundle()
    policy = found.policy
    with tempfile.TemporaryDirectory(prefix="assay-policy-") as scratch:
        taken = Path(scratch, "policy")
        if write_policy(taken, found.files) != policy.digest:
            raise EvidenceError(
                "policy_mixed", "expected the bundle that was signed, found another"
            )
    record_policy(Ledger.of(home), policy.rules.version, policy.digest, now)
    write_policy(home.policy, found.files)
    return policy


def policy_in_force(home: Home, now: int) -> Policy:
    """The policy that rules a home: that of `sealed_in_force`."""
    return sealed_in_force(home, now).policy


def sealed_in_force(home: Home, now: int) -> Sealed:
    """The policy that rules a home, and the very bytes that it was read from.

    Args:
        home: The installation.
        now: Unix seconds.

    Raises:
        InputError: There is none, or a file of it is malformed.
        Unavailable: It is unsigned, expired, another's or mixed, as `open_sealed` has it, signed
            for other keys than those of trust.json (`trust_unsealed`, `trust_widened`), or not
            the one that was put in force last (`policy_not_in_force`).
        EvidenceError: Trust or the ledger's chain is broken.
    """
    trust = Trust.load(home.trust)
    try:
        sealed = open_sealed(home.policy, trust, now)
        require_named(sealed.named, trust)
    except EvidenceError as error:
        told = f"{error.message}; `assay up` or `assay policy put` brings one that is signed"
        raise Unavailable(error.code, told) from None
    require_newest(Ledger.of(home), sealed.policy.rules.version, sealed.policy.digest)
    return sealed


def change_trust(home: Home, after: Trust, now: int) -> None:
    """Let another trust.json take effect; a home with the owner's key signs what rules with it.

    Whatever is believed meanwhile was signed for, so nobody notices, and a change that was cut
    short is run again. Where the owner's key is elsewhere, a key more is not believed, nor is
    anything decided, until the owner has signed it.

    Args:
        home: Nobody else changes or decides anything in it.
        after: The other trust.
        now: Unix seconds.

    Raises:
        AssayError: Trust is missing, malformed or cannot be written.
    """
    before = Trust.load(home.trust)
    keep_trust(home, before)
    ruling, key = _ruling(home, now), _owners_key(home, after)
    signed = sealed_files(ruling.files, key, after, now) if ruling and key else {}
    widened = after.covers(before)
    if signed and widened:
        write_policy(home.policy, signed)
    put(home.trust, after.to_json())
    if signed and not widened:
        write_policy(home.policy, signed)


def _ruling(home: Home, now: int) -> Sealed | None:
    """What rules, if anything does: nothing else is signed anew without its being built."""
    try:
        return sealed_in_force(home, now)
    except AssayError:
        return None


def _owners_key(home: Home, trust: Trust) -> SigningKey | None:
    """The key that signs for the policy's owner; where it was lost, the one that succeeds it."""
    for load in (load_key, next_key):
        try:
            key = load(home, OWNER)
        except AssayError:
            continue
        if key is not None and key_id(key.public_key()) in trust.role(OWNER).keys:
            return key
    return None


def _require_trust_of_before(home: Home) -> None:
    """Let a start sign no keys but those that were signed before, for whatever policy and day.

    Where that cannot be told, as without a seal, only a home that never decided may be sealed anew.
    """
    trust = Trust.load(home.trust)
    try:
        require_named(named_by(home.policy, trust), trust)
    except EvidenceError as error:
        if error.code == "trust_widened" or Ledger.of(home).entries("decision"):
            told = (
                f"{error.message}. A start signs no keys; whoever knows that those of trust.json "
                "are right signs them by `assay policy seal` and `assay policy put`"
            )
            raise Unavailable(error.code, told) from None
