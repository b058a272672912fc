"""A running server needs no restart: rotated keys verify on, and what a revoked one signed falls.

All of it happens in a home and a server of this module's own.
"""

from __future__ import annotations

import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assay.cli import doctor
from assay.errors import AssayError
from assay.evidence.decision import Promotion
from assay.evidence.dsse import key_id
from assay.evidence.keys import ROLES, load_key
from assay.evidence.trust import Trust
from assay.registry.gate import Gate
from assay.registry.keyring import DECIDED, SIGNED, revoke, rotate
from assay.serving.champion import load_champion
from assay.serving.export import export_bundle
from assay.serving.offline import Verified, verify_bundle
from tests.assay.registry.line import Line, own_line
from tests.assay.registry.site import Logged


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, payload: Path) -> Iterator[Line]:
    with own_line(tmp_path_factory.mktemp("rotation") / "home") as line:
        line.look(payload)
        yield line


def now() -> int:
    return int(time.time())


def gate(own: Line) -> Gate:
    return Gate(own.evidenced.home)


def today(own: Line) -> Trust:
    return gate(own).trust()


def signer(own: Line, role: str) -> str:
    return key_id(load_key(own.evidenced.home, role).public_key())


def promoted(own: Line, payload: Path) -> Logged:
    """A new champion, all of it signed by today's keys."""
    version = own.register(payload)
    answer = own.submit(version, own.bundle(payload))
    assert answer.status == 200, answer.text
    approved(own, version)
    return version


def approved(own: Line, version: Logged) -> None:
    answer = own.approve(version)
    assert answer.status == 200, answer.text


def consumed(own: Line, trust: Trust) -> Promotion:
    with own.site.signed_in("auditor"):
        return load_champion("credit", trust=trust, tracking_uri=own.site.url).promotion


def exported(own: Line, target: Path) -> Path:
    with own.site.signed_in("auditor"):
        export_bundle(own.evidenced.home, "credit", target, now=now(), tracking_uri=own.site.url)
    return target


def verified(bundle: Path, trust: Trust | None) -> Verified:
    return verify_bundle(bundle, now=now(), trust=trust)


def audited(own: Line) -> dict[str, Any]:
    answer = own.site.ask("gate", "POST", "/assay/audits/credit")
    assert answer.status == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


@contextmanager
def kept_elsewhere(own: Line, trust: Trust) -> Iterator[None]:
    """A former trust is not in the home while it lasts."""
    kept = own.evidenced.home.trusts / f"{trust.digest.removeprefix('sha256:')}.json"
    text = kept.read_bytes()
    kept.unlink()
    try:
        yield
    finally:
        kept.write_bytes(text)


def refused(act: Any, *args: Any) -> str:
    with pytest.raises(AssayError) as told:
        act(*args)
    return told.value.code


def changed_members(one: Path, other: Path) -> set[str]:
    found: list[dict[str, bytes]] = []
    for path in (one, other):
        with tarfile.open(path) as tar:
            found.append({member.name: tar.extractfile(member).read() for member in tar})  # type: ignore[union-attr]
    assert found[0].keys() == found[1].keys()
    return {name for name, content in found[0].items() if content != found[1][name]}


def test_what_old_keys_signed_verifies_after_a_rotation(
    own: Line, payload: Path, tmp_path: Path
) -> None:
    version = promoted(own, payload)
    before, early = today(own), exported(own, tmp_path / "early.tar")
    waiting, candidate = own.register(payload), own.bundle(payload)
    for role in ROLES:
        rotate(gate(own), role, now())
    # The consumer, the audit, and the bundle that was made before.
    for trust in (before, today(own)):
        assert consumed(own, trust).version == version.version
        assert verified(early, trust).promotion.version == version.version
    assert audited(own)["outcome"] == "well"
    # The same promotion makes the same files: it carries the trust that decided. Only the policy
    # was signed anew, for the keys that speak under it now.
    late = exported(own, tmp_path / "late.tar")
    for trust in (before, today(own)):
        assert verified(late, trust).promotion.version == version.version
    assert changed_members(early, late) == {"policy/seal.json"}
    again = exported(own, tmp_path / "again.tar")
    assert again.read_bytes() == late.read_bytes()
    with kept_elsewhere(own, before):
        assert refused(exported, own, tmp_path / "none.tar") == "other_trust"
    # Evidence of before the rotation is still believed, and judged by the new keys.
    assert own.submit(waiting, candidate).status == 200
    approved(own, waiting)
    after = exported(own, tmp_path / "after.tar")
    for trust in (today(own), None):
        assert verified(after, trust).promotion.version == waiting.version
    alone = Trust.of({r: load_key(own.evidenced.home, r).public_key() for r in ROLES})
    assert consumed(own, alone).version == waiting.version
    sealed = own.evidenced.home.sealed_outcomes
    assert verify_bundle(after, now=now(), trust=today(own), outcomes=sealed).recomputed
    # Whoever was not handed today's trust believes nothing that is newer.
    assert refused(consumed, own, before) == "wrong_role"
    assert refused(verified, after, before) == "wrong_role"


FALLS = {
    # role: what a consumer finds, what the audit does, and its reason
    "evaluator": ("ok", "removed", "wrong_role"),
    "promoter": ("wrong_role", "removed", "wrong_role"),
    # Evidence and promotion hold: it is judged again, and signed by the new key.
    "gate": ("wrong_role", "restored", "wrong_role"),
}


@pytest.mark.parametrize("role", FALLS)
def test_what_a_revoked_key_signed_falls(
    own: Line, payload: Path, tmp_path: Path, role: str
) -> None:
    consumer, outcome, code = FALLS[role]
    every_earlier_champion_is_withdrawn(own)
    version = promoted(own, payload)
    bundle, old = exported(own, tmp_path / "credit.tar"), signer(own, role)
    rotate(gate(own), role, now())
    assert audited(own)["outcome"] == "well"
    resting = revoke(gate(own), old, now()).resting
    assert resting == {f"credit/{version.version}": SIGNED}
    if consumer == "ok":
        assert consumed(own, today(own)).version == version.version
    else:
        assert refused(consumed, own, today(own)) == consumer
    assert refused(verified, bundle, today(own)) in ("wrong_role", "other_trust")
    told = audited(own)
    assert (told["outcome"], told["code"]) == (outcome, code)
    # What fell long ago is nothing to look at any more.
    assert doctor._promotions(own.evidenced.home, now()).startswith(
        "credit until" if outcome == "restored" else "none"
    )
    if outcome == "restored":
        assert consumed(own, today(own)).version == version.version
        assert verified(exported(own, tmp_path / "again.tar"), today(own)).pinned
    else:
        assert refused(consumed, own, today(own)) == "no_champion"


def every_earlier_champion_is_withdrawn(own: Line) -> None:
    """By a promoter's key that is believed no more, so that nothing can be rolled back to."""
    former = rotate(gate(own), "promoter", now()).former
    for key in former:
        revoke(gate(own), key, now())
    audited(own)


def test_a_decision_that_knew_a_revoked_key_is_made_again(
    own: Line, payload: Path, tmp_path: Path
) -> None:
    """Nothing that it rests on was signed by that key, so the alias stays."""
    former = rotate(gate(own), "evaluator", now()).former
    version = promoted(own, payload)
    bundle = exported(own, tmp_path / "before.tar")
    told = [revoke(gate(own), key, now()).resting for key in former]
    assert told == [{f"credit/{version.version}": DECIDED}] * len(former)
    assert consumed(own, today(own)).version == version.version
    assert audited(own)["outcome"] == "well"
    assert refused(verified, bundle, today(own)) == "other_trust"
    assert refused(exported, own, tmp_path / "refused.tar") == "other_trust"
    approved(own, version)
    assert verified(exported(own, tmp_path / "after.tar"), today(own)).pinned
