"""What an earlier version promoted is still verified, in full, and still guarded in full."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.errors import AssayError
from assay.evidence.trust import Trust
from assay.serving.offline import verify_bundle

GOLDEN = Path(__file__).parent
# Version -> a second at which its promotion held; each version stays here for good.
HELD_AT = {"0.1.0": 1_795_577_760}
MIB = 1 << 20


def names(bundle: Path) -> list[str]:
    with tarfile.open(bundle) as tar:
        return tar.getnames()


FILES = [(v, name) for v in HELD_AT for name in names(GOLDEN / v / "credit.tar")]


def trust_of(version: str) -> Trust:
    return Trust.load(GOLDEN / version / "trust.json")


def flip(path: Path) -> None:
    """One bit in the middle of what a file says."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


@pytest.fixture
def unpacked(version: str, tmp_path: Path) -> Iterator[Path]:
    """The bundle as a folder, with its outcome tables beside it."""
    shutil.copytree(GOLDEN / version / "outcomes", tmp_path / "outcomes")
    with tarfile.open(GOLDEN / version / "credit.tar") as tar:
        tar.extractall(tmp_path / "bundle", filter="data")
    return tmp_path / "bundle"


def test_every_version_is_listed_and_small() -> None:
    assert {path.parent.name for path in GOLDEN.glob("*/credit.tar")} == set(HELD_AT)
    for version in HELD_AT:
        files = [path for path in (GOLDEN / version).rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) < MIB
        assert not any(b"PRIVATE KEY" in path.read_bytes() for path in files)


@pytest.mark.parametrize("version", HELD_AT)
def test_it_is_verified_and_every_number_computed_again(version: str) -> None:
    """By a trust whose keys were rotated since, and by the one inside."""
    folder, now = GOLDEN / version, HELD_AT[version]
    for trust in (trust_of(version), None):
        found = verify_bundle(
            folder / "credit.tar", now=now, trust=trust, outcomes=folder / "outcomes"
        )
        assert (found.pinned, found.recomputed) == (trust is not None, True)
        assert found.promotion.model == "credit"
        assert found.decision.allowed
        assert len(found.decision.gates) == 9


@pytest.mark.parametrize(("version", "name"), FILES)
def test_a_bit_of_any_file_is_noticed(version: str, name: str, unpacked: Path) -> None:
    flip(unpacked / name)
    with pytest.raises(AssayError):
        verify_bundle(unpacked, now=HELD_AT[version], trust=trust_of(version))


@pytest.mark.parametrize(("version", "name"), FILES)
def test_any_file_that_is_left_out_is_missed(version: str, name: str, unpacked: Path) -> None:
    (unpacked / name).unlink()
    with pytest.raises(AssayError):
        verify_bundle(unpacked, now=HELD_AT[version], trust=trust_of(version))


@pytest.mark.parametrize("version", HELD_AT)
def test_a_bit_of_any_outcome_table_is_noticed(version: str, unpacked: Path) -> None:
    for table in sorted((unpacked.parent / "outcomes").iterdir()):
        whole = table.read_bytes()
        flip(table)
        with pytest.raises(AssayError, match="recomputed_differently"):
            verify_bundle(
                unpacked,
                now=HELD_AT[version],
                trust=trust_of(version),
                outcomes=table.parent,
            )
        table.write_bytes(whole)


@pytest.mark.parametrize("version", HELD_AT)
def test_it_holds_in_its_own_time_alone(version: str) -> None:
    bundle, now = GOLDEN / version / "credit.tar", HELD_AT[version]
    for moment, code in ((now + 31 * 86_400, "expired"), (now - 3600, "future")):
        with pytest.raises(AssayError, match=code):
            verify_bundle(bundle, now=moment, trust=trust_of(version))


@pytest.mark.parametrize("version", HELD_AT)
def test_it_holds_by_none_but_its_own_keys(version: str, unpacked: Path) -> None:
    """Each key that it rests on is revoked in turn; the one that came later may be."""
    today, then = trust_of(version), Trust.load(unpacked / "trust.json")
    stranger = Ed25519PrivateKey.generate().public_key()
    now = HELD_AT[version]
    for name, role in then.roles.items():
        (own,) = role.keys
        with pytest.raises(AssayError, match=r"wrong_role|other_trust"):
            revoked = today.with_key(name, stranger).without_key(name, own)
            verify_bundle(unpacked, now=now, trust=revoked)
        for later in today.role(name).keys.keys() - {own}:
            assert verify_bundle(unpacked, now=now, trust=today.without_key(name, later)).pinned
