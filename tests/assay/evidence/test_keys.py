"""A home's keys are made once, are its owner's alone, and fit the trust beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from assay.errors import AssayError, InputError
from assay.evidence.dsse import key_id
from assay.evidence.keys import ROLES, load_key, load_split_key, make_keys
from assay.evidence.trust import Trust
from assay.home import Home


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(AssayError) as refused:
        act()
    return refused.value.code


def everything(home: Home) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in [*home.keys.iterdir(), home.trust]}


def test_a_fresh_home_gets_a_private_key_for_each_role_and_a_split_key(home: Home) -> None:
    assert {p.name for p in home.keys.iterdir()} == {*(f"{r}.pem" for r in ROLES), "split.key"}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in home.keys.iterdir())
    assert len(load_split_key(home)) == 32
    trust = Trust.load(home.trust)
    for role in ROLES:
        assert trust.role(role).keys.keys() == {key_id(load_key(home, role).public_key())}


def test_two_homes_share_nothing(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other").create()
    make_keys(other)
    assert not set(everything(home).values()) & set(everything(other).values())


def test_keys_are_never_replaced(home: Home) -> None:
    before = everything(home)
    assert make_keys(home).digest == Trust.load(home.trust).digest
    assert everything(home) == before


def test_copied_keys_make_the_same_trust(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other").create()
    for path in home.keys.iterdir():
        (other.keys / path.name).write_bytes(path.read_bytes())
        (other.keys / path.name).chmod(0o600)
    assert make_keys(other).digest == Trust.load(home.trust).digest


@pytest.mark.parametrize("name", [*(f"{role}.pem" for role in ROLES), "split.key"])
def test_a_trusted_home_gets_no_new_key(home: Home, name: str) -> None:
    (home.keys / name).unlink()
    if name == "policy.pem":  # its owner may keep it elsewhere
        make_keys(home)
    else:
        assert refusal(lambda: make_keys(home)) == "no_key"
    assert not (home.keys / name).exists()


def test_a_home_of_an_earlier_version_is_told(home: Home) -> None:
    """Its trust names no key for policies; nothing is made up, and nothing breaks off."""
    trust = json.loads(home.trust.read_bytes())
    del trust["roles"]["policy"]
    home.trust.write_text(json.dumps(trust))
    (home.keys / "policy.pem").unlink()
    before = everything(home)
    with pytest.raises(InputError, match=r"no_role.*key for policy.*start a fresh home"):
        make_keys(home)
    assert everything(home) == before


def test_a_key_that_trust_does_not_name_is_refused(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other").create()
    make_keys(other)
    (home.keys / "gate.pem").write_bytes((other.keys / "gate.pem").read_bytes())
    assert refusal(lambda: make_keys(home)) == "key_untrusted"


def test_one_roles_key_is_not_anothers(home: Home) -> None:
    (home.keys / "gate.pem").write_bytes((home.keys / "trainer.pem").read_bytes())
    assert refusal(lambda: make_keys(home)) == "key_untrusted"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o777, 0o610])
def test_a_key_that_others_may_open_is_refused(home: Home, mode: int) -> None:
    for path in home.keys.iterdir():
        path.chmod(mode)
    assert refusal(lambda: load_key(home, "gate")) == "key_exposed"
    assert refusal(lambda: load_split_key(home)) == "key_exposed"
    assert refusal(lambda: make_keys(home)) == "key_exposed"


def test_a_key_elsewhere_is_not_followed(home: Home) -> None:
    (home.keys / "gate.pem").rename(home.root / "gate.pem")
    (home.keys / "gate.pem").symlink_to(home.root / "gate.pem")
    assert refusal(lambda: load_key(home, "gate")) in ("key_exposed", "not_a_file")


def rsa() -> bytes:
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("make", [lambda: b"", lambda: b"-----BEGIN", rsa])
def test_a_key_of_another_kind_is_refused(home: Home, make: Callable[[], bytes]) -> None:
    (home.keys / "gate.pem").write_bytes(make())
    assert refusal(lambda: load_key(home, "gate")) == "malformed"


def test_a_split_key_of_another_length_is_refused(home: Home) -> None:
    for data in (b"", b"x" * 31, b"x" * 33):
        (home.keys / "split.key").write_bytes(data)
        assert refusal(lambda: load_split_key(home)) == "malformed"


@pytest.mark.parametrize("role", ["", "approver", "../keys/gate", "split.key"])
def test_only_roles_have_keys(home: Home, role: str) -> None:
    assert refusal(lambda: load_key(home, role)) == "no_key"
