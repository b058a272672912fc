"""A policy rules that its owner signed, until its day, and whose version is above all before."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from assay.errors import AssayError, EvidenceError, InputError, Unavailable
from assay.evidence.decisions import seal_of, sign_policy
from assay.evidence.dsse import sign, verify
from assay.evidence.jws import passing_key
from assay.evidence.keys import load_key, make_keys, public_text
from assay.evidence.trust import Trust
from assay.home import REPOSITORY, Home
from assay.ledger import Ledger, record_policy, require_newest
from assay.policy.bundle import FILES, SEAL, build_policy
from assay.policy.force import change_trust, policy_in_force, put_in_force, take_in_force
from assay.policy.seal import seal_by, seal_policy
from tests.policies.question import digest

NOW = 1_800_000_000
Spoil: TypeAlias = Callable[[Home], object]
ONE, OTHER = digest("one"), digest("other")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home").create()
    make_keys(made)
    Ledger.create(made)
    return made


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """The project's policy, as if it were the first of its kind."""
    return amend(Path(shutil.copytree(REPOSITORY / "policies", tmp_path / "policies")), 1)


def amend(sources: Path, version: int, auc: float = 0.68) -> Path:
    path = sources / "data.json"
    table = json.loads(path.read_text())
    table["version"] = version
    for bar in table["tiers"]["standard"]["bars"]:
        if bar["measurement"] == "auc":
            bar["bar"] = auc
    path.write_text(json.dumps(table))
    return sources


def noted(home: Home) -> list[int]:
    return [entry.body["version"] for entry in Ledger.of(home).entries("policy")]


def built(home: Home) -> list[bytes]:
    return [(home.policy / name).read_bytes() for name in FILES]


def test_the_first_policy_rules_whatever_its_version(home: Home, sources: Path) -> None:
    policy = put_in_force(home, amend(sources, 7), NOW)
    assert policy == policy_in_force(home, NOW)
    (entry,) = Ledger.of(home).entries("policy")
    assert entry.body == {"version": 7, "digest": policy.digest, "at": NOW}


def test_the_same_policy_again_is_no_entry_and_mends_its_folder(home: Home, sources: Path) -> None:
    put_in_force(home, sources, NOW)
    whole = built(home)
    (home.policy / "data.json").unlink()
    put_in_force(home, sources, NOW + 1)
    assert (noted(home), built(home)) == ([1], whole)


def test_a_higher_version_takes_its_place(home: Home, sources: Path) -> None:
    before = put_in_force(home, sources, NOW)
    after = put_in_force(home, amend(sources, 3, auc=0.7), NOW)
    assert noted(home) == [1, 3]
    assert policy_in_force(home, NOW).digest == after.digest != before.digest


@pytest.mark.parametrize(
    ("version", "auc", "code"),
    [(1, 0.68, "policy_older"), (1, 0.5, "policy_older"), (2, 0.5, "policy_changed")],
    ids=["restored", "restored and loosened", "edited"],
)
def test_what_is_not_newer_is_refused_and_told_what_to_do(
    home: Home, sources: Path, version: int, auc: float, code: str
) -> None:
    put_in_force(home, sources, NOW)
    put_in_force(home, amend(sources, 2, auc=0.7), NOW)
    before = built(home)
    with pytest.raises(InputError) as refused:
        put_in_force(home, amend(sources, version, auc), NOW)
    assert refused.value.code == code
    assert '"version" to 3' in refused.value.message
    assert "assay policy diff" in refused.value.message
    assert (noted(home), built(home)) == ([1, 2], before)
    # What was in force before comes back as what it is: a newer version.
    put_in_force(home, amend(sources, 3), NOW)
    assert noted(home) == [1, 2, 3]


def test_a_built_folder_that_was_restored_rules_nothing(home: Home, sources: Path) -> None:
    put_in_force(home, sources, NOW)
    older = Path(shutil.copytree(home.policy, home.root / "older"))
    put_in_force(home, amend(sources, 2, auc=0.7), NOW)
    shutil.copytree(older, home.policy, dirs_exist_ok=True)
    with pytest.raises(Unavailable, match=r"policy_not_in_force.*version 2.*found version 1"):
        policy_in_force(home, NOW)
    put_in_force(home, sources, NOW)
    assert policy_in_force(home, NOW).rules.version == 2


def test_a_policy_that_the_ledger_does_not_know_rules_nothing(home: Home, sources: Path) -> None:
    put_in_force(home, sources, NOW)
    home.ledger.unlink()
    Ledger.create(home)
    with pytest.raises(Unavailable, match="policy_not_in_force"):
        policy_in_force(home, NOW)


@pytest.mark.parametrize(
    ("version", "told"), [(2, OTHER), (1, ONE), (3, ONE), (2, ONE.upper()), (2, "")]
)
def test_only_the_newest_version_and_digest_pass(home: Home, version: int, told: str) -> None:
    ledger = Ledger.of(home)
    for number, known in ((1, OTHER), (2, ONE)):
        record_policy(ledger, number, known, NOW)
    require_newest(ledger, 2, ONE)
    with pytest.raises(Unavailable):
        require_newest(ledger, version, told)


def test_what_cannot_be_noted_is_not_put_in_force(home: Home, sources: Path) -> None:
    ledger = Ledger.of(home)
    with pytest.raises(EvidenceError):
        record_policy(ledger, 1, "latest", NOW)
    home.ledger.unlink()
    with pytest.raises(AssayError, match="no_ledger"):
        put_in_force(home, sources, NOW)
    assert not list(home.policy.iterdir())


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("ruled") / "home").create()
    make_keys(made)
    Ledger.create(made)
    put_in_force(made, REPOSITORY / "policies", NOW)
    return made


@pytest.fixture
def copied(ruled: Home, tmp_path: Path) -> Home:
    """A home of its own, ruled by the same policy."""
    return Home(Path(shutil.copytree(ruled.root, tmp_path / "copied")))


def replaced(name: str, old: bytes, new: bytes) -> Spoil:
    def spoil(home: Home) -> None:
        path = home.policy / name
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new))

    return spoil


def of_another_home(home: Home) -> None:
    other = Home(home.root / "other").create()
    make_keys(other)
    seal_policy(home.policy, other, NOW)


def by_another_role(home: Home) -> None:
    envelope = json.loads((home.policy / SEAL).read_bytes())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    (home.policy / SEAL).write_bytes(sign(statement, [load_key(home, "gate")]))


def of_another_build(home: Home) -> None:
    """Each file is one that the owner signed, in another version."""
    table = (home.policy / "data.json").read_bytes()
    (home.policy / "data.json").write_bytes(table.replace(b'"bar":0.68', b'"bar":0.67'))
    seal_policy(home.policy, home, NOW)
    (home.policy / "data.json").write_bytes(table)


def by_another_claim(home: Home) -> None:
    """Whoever holds the key signs files whose own words are another policy's."""
    said = seal_of(verify((home.policy / SEAL).read_bytes(), Trust.load(home.trust).role("policy")))
    lie = replace(said, digest=OTHER)
    (home.policy / SEAL).write_bytes(sign_policy(lie, load_key(home, "policy")))


SPOILT: dict[str, tuple[Spoil, str]] = {
    "unsigned": (lambda home: (home.policy / SEAL).unlink(), "policy_unsigned"),
    "an empty seal": (lambda home: (home.policy / SEAL).write_bytes(b""), "malformed"),
    "another home's": (of_another_home, "wrong_role"),
    "another role's": (by_another_role, "wrong_role"),
    "a loosened bar": (replaced("data.json", b'"bar":0.68', b'"bar":0.08'), "policy_mixed"),
    "another remedy": (replaced("policy.json", b"Train", b"Trust"), "policy_mixed"),
    "another bundle": (
        lambda home: (home.policy / "bundle.tar.gz").write_bytes(b"x"),
        "policy_mixed",
    ),
    "files of two builds": (of_another_build, "policy_mixed"),
    "another digest": (by_another_claim, "policy_mixed"),
    "no file": (lambda home: (home.policy / "policy.json").unlink(), "no_policy"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_its_owner_did_not_sign_rules_nothing(copied: Home, name: str) -> None:
    spoil, code = SPOILT[name]
    policy_in_force(copied, NOW)
    spoil(copied)
    with pytest.raises((InputError, Unavailable)) as refused:
        policy_in_force(copied, NOW)
    assert refused.value.code == code


def test_it_rules_until_its_day(ruled: Home) -> None:
    year = policy_in_force(ruled, NOW).rules.expiry_s
    policy_in_force(ruled, NOW + year - 1)
    with pytest.raises(Unavailable, match="policy_expired"):
        policy_in_force(ruled, NOW + year)


def test_a_start_signs_the_same_policy_anew(copied: Home) -> None:
    year = policy_in_force(copied, NOW).rules.expiry_s
    put_in_force(copied, REPOSITORY / "policies", NOW + year)
    policy_in_force(copied, NOW + year)
    assert len(noted(copied)) == 1


def test_without_the_key_nothing_is_noted(home: Home, sources: Path) -> None:
    (home.keys / "policy.pem").unlink()
    with pytest.raises(InputError, match="no_policy"):
        put_in_force(home, sources, NOW)
    assert (noted(home), list(home.policy.iterdir())) == ([], [])


def test_a_built_policy_alone_is_unsigned(home: Home, sources: Path) -> None:
    build_policy(sources, home.policy)
    with pytest.raises(Unavailable, match="policy_unsigned"):
        policy_in_force(home, NOW)


@pytest.mark.parametrize("version", [0, -1, True, "2", 1.5, None, 2**53])
def test_a_version_is_a_whole_number_from_one(home: Home, sources: Path, version: object) -> None:
    table = json.loads((sources / "data.json").read_text()) | {"version": version}
    (sources / "data.json").write_text(json.dumps(table))
    with pytest.raises(InputError, match=r"data\.json.*version|bad_policy"):
        put_in_force(home, sources, NOW)
    assert noted(home) == []


def a_key_more(home: Home) -> Trust:
    return Trust.load(home.trust).with_key("evaluator", passing_key().public_key())


def signers_of_waivers(home: Home) -> Trust:
    keys = [public_text(passing_key()) for _ in range(2)]
    return Trust.load(home.trust).with_public("waiver", keys)


def another_threshold(home: Home) -> Trust:
    """Its owner signed for two signatures of the gate, where one is asked for now."""
    lower = Trust.load(home.trust).with_key("gate", passing_key().public_key())
    gate = replace(lower.role("gate"), threshold=2)
    home.trust.write_bytes(Trust({**lower.roles, "gate": gate}).to_json())
    seal_policy(home.policy, home, NOW)
    return lower


def one_that_was_revoked(home: Home) -> Trust:
    """As a backup has it."""
    restored = a_key_more(home)
    revoked = {*restored.role("evaluator").keys} - {*Trust.load(home.trust).role("evaluator").keys}
    change_trust(home, restored, NOW)
    change_trust(home, restored.without_key("evaluator", revoked.pop()), NOW)
    policy_in_force(home, NOW)
    return restored


WIDER: dict[str, Callable[[Home], Trust]] = {
    "a key more": a_key_more,
    "a role more": signers_of_waivers,
    "a lower threshold": another_threshold,
    "a key that was revoked": one_that_was_revoked,
}


@pytest.mark.parametrize("name", WIDER)
def test_a_trust_that_the_owner_did_not_sign_for_is_refused_and_not_signed_by_a_start(
    copied: Home, name: str
) -> None:
    wider = WIDER[name](copied)
    copied.trust.write_bytes(wider.to_json())
    before = (copied.policy / SEAL).read_bytes()
    for act in (
        lambda: policy_in_force(copied, NOW),
        lambda: put_in_force(copied, REPOSITORY / "policies", NOW),
        lambda: take_in_force(copied, copied.policy, NOW),
    ):
        with pytest.raises((Unavailable, EvidenceError)) as refused:
            act()
        assert refused.value.code == "trust_widened"
    assert (copied.policy / SEAL).read_bytes() == before


def test_a_trust_with_fewer_keys_is_believed(copied: Home) -> None:
    policy = policy_in_force(copied, NOW)
    wider = a_key_more(copied)
    narrower = Trust.load(copied.trust)
    change_trust(copied, wider, NOW)
    copied.trust.write_bytes(narrower.to_json())
    assert policy_in_force(copied, NOW) == policy


def test_a_policy_of_an_earlier_version_is_signed_again_by_a_start(copied: Home) -> None:
    """In a home that has decided nothing yet."""
    unnamed(copied)
    with pytest.raises(Unavailable, match="trust_unsealed"):
        policy_in_force(copied, NOW)
    put_in_force(copied, REPOSITORY / "policies", NOW)
    policy_in_force(copied, NOW)


def unnamed(home: Home) -> None:
    """A seal of an earlier version, such as a backup has."""
    envelope, owner = (home.policy / SEAL).read_bytes(), Trust.load(home.trust).role("policy")
    said = replace(seal_of(verify(envelope, owner)), trust="")
    (home.policy / SEAL).write_bytes(sign_policy(said, load_key(home, "policy")))


NO_WORD_OF_BEFORE: dict[str, tuple[Spoil, str]] = {
    "no seal": SPOILT["unsigned"],
    "an empty seal": SPOILT["an empty seal"],
    "another home's": SPOILT["another home's"],
    "another role's": SPOILT["another role's"],
    "no policy": (lambda home: shutil.rmtree(home.policy), "policy_unsigned"),
    "a seal that names no keys": (unnamed, "trust_unsealed"),
}


@pytest.mark.parametrize("name", NO_WORD_OF_BEFORE)
def test_a_home_that_has_decided_is_not_sealed_anew_by_a_start(
    copied: Home, tmp_path: Path, name: str
) -> None:
    """Else whoever adds a key would only have to take the seal away."""
    spoil, code = NO_WORD_OF_BEFORE[name]
    Ledger.of(copied).append("decision", {})
    copied.trust.write_bytes(a_key_more(copied).to_json())
    spoil(copied)
    with pytest.raises(Unavailable) as refused:
        put_in_force(copied, REPOSITORY / "policies", NOW)
    assert refused.value.code == code
    with pytest.raises((Unavailable, InputError)):
        policy_in_force(copied, NOW)
    # A person who looked at the keys says so.
    build_policy(REPOSITORY / "policies", tmp_path / "sealed")
    seal_by(copied.keys / "policy.pem", tmp_path / "sealed", Trust.load(copied.trust), NOW)
    copied.policy.mkdir(exist_ok=True)
    take_in_force(copied, tmp_path / "sealed", NOW)
    put_in_force(copied, REPOSITORY / "policies", NOW)
    policy_in_force(copied, NOW)


@pytest.mark.parametrize("edited", [False, True])
def test_a_key_more_is_not_signed_by_a_start_after_the_policy_s_day_or_an_edit(
    copied: Home, edited: bool
) -> None:
    year = policy_in_force(copied, NOW).rules.expiry_s
    copied.trust.write_bytes(a_key_more(copied).to_json())
    if edited:
        replaced("data.json", b'"bar":0.68', b'"bar":0.08')(copied)
    with pytest.raises(Unavailable, match="trust_widened"):
        put_in_force(copied, REPOSITORY / "policies", NOW + year)


def test_what_does_not_rule_is_not_signed_by_a_change_of_keys(copied: Home) -> None:
    replaced("data.json", b'"bar":0.68', b'"bar":0.08')(copied)
    before = (copied.policy / SEAL).read_bytes()
    change_trust(copied, a_key_more(copied), NOW)
    assert (copied.policy / SEAL).read_bytes() == before
    with pytest.raises(Unavailable, match="policy_mixed"):
        policy_in_force(copied, NOW)
