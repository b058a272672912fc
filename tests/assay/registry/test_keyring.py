"""Keys come and go, and whatever is cut short leaves a home in which keys and trust fit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assay.errors import AssayError
from assay.evidence.dsse import key_id
from assay.evidence.kept import read_trust
from assay.evidence.keys import ROLES, load_key, make_keys, make_next_key
from assay.evidence.trust import Trust
from assay.home import REPOSITORY, Home
from assay.policy.force import policy_in_force, put_in_force
from assay.registry.gate import Gate
from assay.registry.keyring import SIGNS, VERIFIES, list_keys, revoke, rotate
from assay.stack.establish import establish

NOW = 1_800_000_000


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """The gate of a fresh home."""
    home = Home(tmp_path / "home")
    establish(home)
    return Gate(home)


def signer(gate: Gate, role: str = "gate") -> str:
    return key_id(load_key(gate.home, role).public_key())


def trusted(gate: Gate, role: str = "gate") -> set[str]:
    return set(gate.trust().role(role).keys)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(AssayError) as refused:
        act()
    return refused.value.code


def everything(home: Home) -> dict[Path, bytes]:
    """Every file but the log of who opened what."""
    files = (path for path in sorted(home.root.rglob("*")) if path.is_file())
    return {path: path.read_bytes() for path in files if path != home.access}


def noted(gate: Gate, kind: str) -> list[tuple[str, str]]:
    return [(e.body["role"], e.body["key"]) for e in gate.ledger().entries(kind)]


@pytest.mark.parametrize("role", ROLES)
def test_a_rotation_gives_one_role_another_key(gate: Gate, role: str) -> None:
    home, before, old = gate.home, gate.trust(), signer(gate, role)
    others = {other: signer(gate, other) for other in ROLES if other != role}
    secret = (home.keys / f"{role}.pem").read_bytes()
    split = (home.keys / "split.key").read_bytes()
    done = rotate(gate, role, NOW)
    assert done.key == signer(gate, role) != old
    assert (done.former, done.resumed, done.lost) == ((old,), False, "")
    assert trusted(gate, role) == {old, done.key}
    assert {other: signer(gate, other) for other in others} == others
    # Nothing of the former private key is left; the former trust is.
    assert secret not in everything(home).values()
    assert (home.keys / "split.key").read_bytes() == split
    assert {path.name for path in home.keys.iterdir()} == {
        *(f"{name}.pem" for name in ROLES),
        "split.key",
    }
    assert read_trust(home, before.digest).digest == before.digest
    assert gate.trust().covers(before)
    assert noted(gate, "rotation") == [(role, done.key)]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in everything(home))
    make_keys(home)


def test_every_former_key_stays_trusted_and_every_former_trust_is_kept(gate: Gate) -> None:
    trusts, keys = [gate.trust()], [signer(gate)]
    for _ in range(3):
        keys.append(rotate(gate, "gate", NOW).key)
        trusts.append(gate.trust())
    assert trusted(gate) == set(keys)
    for trust in trusts:
        assert read_trust(gate.home, trust.digest).digest == trust.digest
        assert gate.trust().covers(trust)


def test_a_trust_that_was_never_in_force_is_not_found(gate: Gate) -> None:
    assert refusal(lambda: read_trust(gate.home, "sha256:" + "0" * 64)) == "other_trust"
    before = gate.trust()
    rotate(gate, "gate", NOW)
    kept = next(gate.home.trusts.iterdir())
    kept.write_bytes(gate.trust().to_json())
    assert refusal(lambda: read_trust(gate.home, before.digest)) == "other_trust"


def test_a_revoked_key_is_trusted_by_nobody_and_never_covered(gate: Gate) -> None:
    before, old = gate.trust(), signer(gate)
    new = rotate(gate, "gate", NOW).key
    between = gate.trust()
    done = revoke(gate, old, NOW)
    assert (done.role, done.resting) == ("gate", {})
    assert trusted(gate) == {new}
    assert not gate.trust().covers(before)
    assert not gate.trust().covers(between)
    assert read_trust(gate.home, between.digest).digest == between.digest
    assert noted(gate, "revocation") == [("gate", old)]
    assert gate.home.trust.stat().st_mode & 0o777 == 0o600
    make_keys(gate.home)


def test_a_role_is_never_left_without_a_key(gate: Gate) -> None:
    before = everything(gate.home)
    assert refusal(lambda: revoke(gate, signer(gate), NOW)) == "last_key"
    assert refusal(lambda: revoke(gate, "0" * 64, NOW)) == "no_key"
    assert refusal(lambda: rotate(gate, "approver", NOW)) == "no_key"
    assert refusal(lambda: rotate(gate, "../keys/gate", NOW)) == "no_key"
    lock = {path: data for path, data in everything(gate.home).items() if path.suffix == ".lock"}
    assert everything(gate.home) == before | lock


def test_a_key_that_signs_is_not_revoked(gate: Gate) -> None:
    rotate(gate, "gate", NOW)
    assert refusal(lambda: revoke(gate, signer(gate), NOW)) == "key_in_use"


def test_a_key_that_is_about_to_sign_is_not_revoked(gate: Gate) -> None:
    """It would be trusted again when the interrupted rotation is completed."""
    following = make_next_key(gate.home, "gate").public_key()
    gate.home.trust.write_bytes(gate.trust().with_key("gate", following).to_json())
    assert refusal(lambda: revoke(gate, key_id(following), NOW)) == "key_in_use"


def test_without_a_ledger_no_key_changes(gate: Gate) -> None:
    old = signer(gate)
    rotate(gate, "gate", NOW)
    gate.home.ledger.unlink()
    own, trust = signer(gate), gate.trust().digest
    assert refusal(lambda: rotate(gate, "gate", NOW)) == "no_ledger"
    assert refusal(lambda: revoke(gate, old, NOW)) == "no_ledger"
    assert (signer(gate), gate.trust().digest) == (own, trust)


def test_keys_wait_for_whoever_decides(gate: Gate) -> None:
    """No decision names one trust and is signed by the key of another."""
    old = signer(gate)
    rotate(gate, "gate", NOW)
    for act, subject in ((rotate, "gate"), (revoke, old)):
        before = gate.trust().digest, signer(gate)
        with ThreadPoolExecutor(1) as pool:
            with gate.alone():
                waiting = pool.submit(act, gate, subject, NOW)
                with pytest.raises(TimeoutError):
                    waiting.result(timeout=0.3)
                assert (gate.trust().digest, signer(gate)) == before
            waiting.result(timeout=30)


# Dies, as by SIGKILL, before the nth step that could leave something behind.
KILLED = """
import os, shutil, sys
from pathlib import Path
from assay.home import Home
from assay.policy.force import policy_in_force, put_in_force
from assay.registry.gate import Gate
from assay.registry.keyring import revoke, rotate

STEPS = {"os.rename", "os.link", "os.remove", "os.mkdir", "sqlite3.connect", "tempfile.mkstemp"}
left = 0

def count(event, arguments):
    global left
    writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if left and (writes or event in STEPS):
        left -= 1
        if not left:
            os._exit(9)

sys.addaudithook(count)
act = {"rotate": rotate, "revoke": revoke}[sys.argv[1]]
n, ended = 0, 9
while ended == 9:
    n += 1
    root = Path(sys.argv[3]) / str(n)
    shutil.copytree(sys.argv[4], root)
    child = os.fork()
    if not child:
        left = n
        act(Gate(Home(root)), sys.argv[2], 1_800_000_000)
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(ended)
"""


def killed_homes(gate: Gate, folder: Path, action: str, subject: str) -> list[Gate]:
    """Copies of a home, in each of which an action was killed one step later; the last ended."""
    folder.mkdir()
    command = [sys.executable, "-c", KILLED, action, subject, str(folder), str(gate.home.root)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    made = sorted(folder.iterdir(), key=lambda path: int(path.name))
    assert len(made) > 8
    return [Gate(Home(path)) for path in made]


def test_a_rotation_that_is_killed_anywhere_is_completed_by_the_next(
    gate: Gate, tmp_path: Path
) -> None:
    before, old = gate.trust(), signer(gate)
    ways = set()
    for killed in killed_homes(gate, tmp_path / "killed", "rotate", "gate"):
        # The home works: whoever signs is trusted, and what was trusted still is.
        make_keys(killed.home)
        assert killed.trust().covers(before)
        assert read_trust(killed.home, before.digest).digest == before.digest
        own, states = signer(killed), [listed.state for listed in list_keys(killed)]
        interrupted = any("interrupted" in state for state in states)
        done = rotate(killed, "gate", NOW)
        assert (done.resumed, done.lost) == (interrupted, "")
        assert done.key == signer(killed)
        assert all(listed.well for listed in list_keys(killed))
        # Not a key more than those that signed, each noted once, and no private key but one's own.
        assert trusted(killed) == {old, own, done.key}
        assert len(set(noted(killed, "rotation"))) == len(noted(killed, "rotation"))
        assert {key for _, key in noted(killed, "rotation")} == trusted(killed) - {old}
        assert len([*killed.home.keys.iterdir()]) == len(ROLES) + 1
        ways.add((own == old, interrupted))
    assert ways == {(True, False), (True, True), (False, False)}


def test_a_revocation_that_is_killed_anywhere_is_completed_by_the_next(
    gate: Gate, tmp_path: Path
) -> None:
    old = signer(gate)
    new = rotate(gate, "gate", NOW).key
    ways = set()
    for killed in killed_homes(gate, tmp_path / "killed", "revoke", old):
        make_keys(killed.home)
        believed, told = old in trusted(killed), noted(killed, "revocation")
        # A ledger that knows more than the trust says so; never the other way.
        assert told or believed
        assert all(listed.well for listed in list_keys(killed)) == (bool(told) != believed)
        if believed:
            revoke(killed, old, NOW)
        assert trusted(killed) == {new}
        assert noted(killed, "revocation") == [("gate", old)]
        ways.add((believed, bool(told)))
    assert ways == {(True, False), (True, True), (False, True)}


@pytest.mark.slow
@pytest.mark.parametrize("role", ["gate", "policy"])
def test_a_policy_rules_on_wherever_a_change_of_keys_is_killed(
    gate: Gate, tmp_path: Path, role: str
) -> None:
    """Its owner's key is here, and signs for each key before it is believed."""
    policy = put_in_force(gate.home, REPOSITORY / "policies", NOW)
    old = signer(gate, role)
    for killed in killed_homes(gate, tmp_path / "rotated", "rotate", role):
        assert policy_in_force(killed.home, NOW).digest == policy.digest
        rotate(killed, role, NOW)
        assert policy_in_force(killed.home, NOW).digest == policy.digest
    rotate(gate, role, NOW)
    for killed in killed_homes(gate, tmp_path / "revoked", "revoke", old):
        # Only what the revoked key itself had signed waits for the signature after it.
        if role != "policy" or old in trusted(killed, role):
            assert policy_in_force(killed.home, NOW).digest == policy.digest
    assert policy_in_force(killed.home, NOW).digest == policy.digest


def test_a_second_name_of_a_key_goes_with_it(gate: Gate) -> None:
    """As a start that was killed leaves it."""
    (gate.home.keys / ".tmp1234").hardlink_to(gate.home.keys / "gate.pem")
    secret = (gate.home.keys / "gate.pem").read_bytes()
    rotate(gate, "gate", NOW)
    assert secret not in everything(gate.home).values()


LOST: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (lambda pem: pem.unlink(), "no_key"),
    "readable by others": (lambda pem: pem.chmod(0o644), "key_exposed"),
    "no key": (lambda pem: pem.write_bytes(b"junk"), "malformed"),
    "another role's": (
        lambda pem: pem.write_bytes((pem.parent / "trainer.pem").read_bytes()),
        "key_untrusted",
    ),
}


@pytest.mark.parametrize("name", LOST)
def test_a_key_that_does_not_speak_for_its_role_is_replaced_and_said(gate: Gate, name: str) -> None:
    spoil, code = LOST[name]
    old = signer(gate)
    spoil(gate.home.keys / "gate.pem")
    assert [listed.role for listed in list_keys(gate) if not listed.well] == ["gate"]
    done = rotate(gate, "gate", NOW)
    assert code in done.lost
    assert trusted(gate) == {old, done.key}
    assert (gate.home.keys / "gate.pem").stat().st_mode & 0o777 == 0o600
    assert all(listed.well for listed in list_keys(gate))
    make_keys(gate.home)


def test_a_trust_of_yesterday_is_noticed_and_mended(gate: Gate) -> None:
    yesterday, old = gate.home.trust.read_bytes(), signer(gate)
    rotate(gate, "gate", NOW)
    revoke(gate, old, NOW)
    gate.home.trust.write_bytes(yesterday)
    states = {listed.key: listed.state for listed in list_keys(gate) if not listed.well}
    assert "key_untrusted" in states[signer(gate)]
    assert "revoked" in states[old]
    assert "key_untrusted" in rotate(gate, "gate", NOW).lost
    assert revoke(gate, old, NOW).role == "gate"
    assert trusted(gate) == {signer(gate)}
    assert all(listed.well for listed in list_keys(gate))


def test_the_list_tells_who_signs_and_who_verifies(gate: Gate) -> None:
    old = signer(gate)
    new = rotate(gate, "gate", NOW).key
    found = [(listed.key, listed.state) for listed in list_keys(gate) if listed.role == "gate"]
    assert found == [(new, SIGNS), (old, VERIFIES)]
    assert {listed.role for listed in list_keys(gate)} == set(ROLES)


def test_a_trust_without_a_role_is_not_widened(gate: Gate) -> None:
    roles = {name: role for name, role in gate.trust().roles.items() if name != "gate"}
    gate.home.trust.write_bytes(Trust(roles).to_json())
    assert refusal(lambda: rotate(gate, "gate", NOW)) == "wrong_role"
    assert "gate" not in gate.trust().roles
