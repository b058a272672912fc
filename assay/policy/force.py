"""Which policy rules a home: the one that was put in force last, as the ledger has it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from assay.home import Home
from assay.ledger import Ledger, record_policy, require_newest
from assay.policy.bundle import build_policy, copy_policy
from assay.policy.rules import Policy, load_policy


def put_in_force(home: Home, sources: Path, now: int) -> Policy:
    """Build a policy and let it rule, if its version is higher than that of every one before.

    It is in the ledger before it is in its place: cut short in between, the server rules by none.

    Args:
        home: With a ledger.
        sources: Folder with Rego, `data.json` and `capabilities.json`.
        now: Unix seconds.

    Raises:
        InputError: The sources are no policy, or `policy_older` or `policy_changed`; what was in
            force stays.
        Unavailable: There is no OPA to build with, or the ledger cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="assay-policy-") as scratch:
        built = Path(scratch, "policy")
        build_policy(sources, built)
        policy = load_policy(built)
        record_policy(Ledger(home.ledger), policy.rules.version, policy.digest, now)
        copy_policy(built, home.policy)
    return policy


def policy_in_force(home: Home) -> Policy:
    """The policy that rules a home.

    Raises:
        InputError: There is none, or a file of it is malformed.
        Unavailable: It is not the one that was put in force last (`policy_not_in_force`).
        EvidenceError: The ledger's chain is broken.
    """
    policy = load_policy(home.policy)
    require_newest(Ledger(home.ledger), policy.rules.version, policy.digest)
    return policy
