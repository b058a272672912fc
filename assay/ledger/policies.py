"""Policies that were put in force: each has a higher version than the one before.

So a folder that was restored from last month, or edited in silence, does not rule.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.errors import InputError, Unavailable
from assay.ledger.chain import Entry, Ledger
from assay.ledger.form import require_digests, require_time

POLICY = "policy"


def record_policy(ledger: Ledger, version: int, digest: str, now: int) -> None:
    """Note that a policy is put in force, before it is; the newest one is noted no second time.

    Args:
        ledger: The chain.
        version: Of its table, from 1.
        digest: `sha256:` of its sources.
        now: Unix seconds.

    Raises:
        InputError: A newer one was in force (`policy_older`), or another with the same version
            (`policy_changed`).
        EvidenceError: The chain is broken.
        Unavailable: The ledger cannot be written; then nothing may be put in force.
    """
    require_digests(digest)
    body = {"version": version, "digest": digest}
    with ledger.writing() as chain:
        newest = _newest(chain.entries(POLICY))
        if newest is not None and newest.body.items() >= body.items():
            return
        if newest is not None and version <= newest.body["version"]:
            raise _not_newer(version, newest.body["version"])
        chain.append(POLICY, {**body, "at": require_time(now)})


def require_newest(ledger: Ledger, version: int, digest: str) -> None:
    """Let only the policy through that was put in force last.

    Raises:
        Unavailable: It is another one, or none was (`policy_not_in_force`).
        EvidenceError: The chain is broken.
    """
    newest = _newest(ledger.entries(POLICY))
    if newest is None or not newest.body.items() >= {"version": version, "digest": digest}.items():
        expected = f"version {newest.body['version']}" if newest is not None else "one"
        raise Unavailable(
            "policy_not_in_force",
            f"expected the policy that the ledger has in force, {expected}, found version "
            f"{version}, {digest[:23]}; `assay up` puts a policy in force",
        )


def _not_newer(version: int, ruling: int) -> InputError:
    code, found = "policy_older", f"version {version}"
    if version == ruling:
        code, found = "policy_changed", "another policy that calls itself by the same"
    return InputError(
        code,
        f"data.json: expected a version above {ruling}, which is in force, found {found}; see what "
        f'changes with `assay policy diff`, then set "version" to {ruling + 1}',
    )


def _newest(entries: Sequence[Entry]) -> Entry | None:
    return entries[-1] if entries else None
