"""Which policy rules a home: the one that its owner signed and that was put in force last."""

from __future__ import annotations

import tempfile
from pathlib import Path

from assay.errors import EvidenceError, Unavailable
from assay.evidence.keys import holds_key
from assay.evidence.trust import Trust
from assay.home import Home
from assay.ledger import Ledger, record_policy, require_newest
from assay.policy.bundle import build_policy, copy_policy, write_policy
from assay.policy.rules import Policy
from assay.policy.seal import OWNER, Sealed, open_sealed, seal_policy


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
        Unavailable: There is no OPA to build with, the ledger cannot be written, or, without a
            key, as `policy_in_force`.
    """
    if not holds_key(home, OWNER):
        return policy_in_force(home, now)
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
        EvidenceError: It is unsigned, expired, another's or mixed, as `open_sealed` has it, or not
            signed for OPA (`bundle_unsigned`).
        Unavailable: The ledger cannot be written.
    """
    found = open_sealed(sealed, Trust.load(home.trust), now)
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
        Unavailable: It is unsigned, expired, another's or mixed, as `open_sealed` has it, or not
            the one that was put in force last (`policy_not_in_force`).
        EvidenceError: Trust or the ledger's chain is broken.
    """
    trust = Trust.load(home.trust)
    try:
        sealed = open_sealed(home.policy, trust, now)
    except EvidenceError as error:
        told = f"{error.message}; `assay up` or `assay policy put` brings one that is signed"
        raise Unavailable(error.code, told) from None
    require_newest(Ledger.of(home), sealed.policy.rules.version, sealed.policy.digest)
    return sealed
