"""A promotion leaves the house whole, and an auditor notices whatever was changed since."""

from __future__ import annotations

import shutil
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.errors import AssayError
from assay.serving.export import export_bundle
from assay.serving.offline import verify_bundle
from tests.assay.registry.line import Line
from tests.assay.registry.site import Logged
from tests.assay.serving.promoted import DAY, Promoted, digest


@pytest.fixture(scope="module")
def exported(line: Line, champion: Logged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("exported") / "credit"
    with line.site.signed_in("auditor"):
        export_bundle(line.evidenced.home, "credit", target, now=_now(), tracking_uri=line.site.url)
    return target


def _now() -> int:
    return int(time.time())


def test_an_auditor_verifies_it_offline(exported: Path, line: Line) -> None:
    verified = verify_bundle(exported, now=_now(), trust=line.evidenced.trust)
    assert verified.decision.allowed
    assert verified.promotion.alias == "champion"
    assert (verified.pinned, verified.recomputed) == (True, False)
    assert not verify_bundle(exported, now=_now()).pinned


def test_an_auditor_recomputes_every_number(exported: Path, line: Line, tmp_path: Path) -> None:
    outcomes = line.evidenced.home.sealed_outcomes
    assert verify_bundle(exported, now=_now(), outcomes=outcomes).recomputed
    with pytest.raises(AssayError, match="recomputed_differently"):
        verify_bundle(exported, now=_now(), outcomes=tmp_path)


def test_a_tar_is_the_same(line: Line, champion: Logged, tmp_path: Path) -> None:
    target = tmp_path / "credit.tar"
    with line.site.signed_in("auditor"):
        told = export_bundle(
            line.evidenced.home, "credit", target, now=_now(), tracking_uri=line.site.url
        )
    assert verify_bundle(target, now=_now(), trust=line.evidenced.trust) == told
    with line.site.signed_in("auditor"), pytest.raises(AssayError, match="bad_target"):
        export_bundle(line.evidenced.home, "credit", target, now=_now(), tracking_uri=line.site.url)


def test_the_same_promotion_makes_the_same_tar(
    line: Line, champion: Logged, tmp_path: Path
) -> None:
    targets = [tmp_path / f"{n}.tar" for n in (1, 2)]
    for target in targets:
        with line.site.signed_in("auditor"):
            export_bundle(
                line.evidenced.home, "credit", target, now=_now(), tracking_uri=line.site.url
            )
        time.sleep(1.1)  # files of another second
    assert targets[0].read_bytes() == targets[1].read_bytes()


def _flip(name: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        raw = bytearray((folder / name).read_bytes())
        raw[-2] ^= 1
        (folder / name).write_bytes(raw)

    return spoil


def _remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


SPOILT: dict[str, tuple[str, Callable[[Path], object]]] = {
    "payload": ("swapped", _flip("payload/weights.safetensors")),
    "promotion": ("malformed|bad_signature", _flip("promotion.json")),
    "public decision": ("malformed|bad_signature", _flip("public.json")),
    "sealed decision": ("malformed|bad_signature", _flip("decision.json")),
    "sealed decision left out": ("foreign_file", _remove("decision.json")),
    "evidence": ("other_evidence", _flip("evidence/utility.json")),
    "evidence left out": ("other_evidence", _remove("evidence/utility.json")),
    "evidence exchanged": (
        "other_evidence",
        lambda f: shutil.copy(f / "evidence/stress.json", f / "evidence/utility.json"),
    ),
    "a file more": ("foreign_file", lambda folder: (folder / "x.sh").write_text("x")),
    "a file more in the payload": (
        "foreign_file",
        lambda folder: (folder / "payload/x.pkl").write_bytes(b"x"),
    ),
    "policy": ("other_policy", lambda folder: _replace(folder / "policy/policy.json")),
    "policy's seal left out": ("other_policy", _remove("policy/seal.json")),
    "policy's seal": ("other_policy", _flip("policy/seal.json")),
    "policy's bundle": ("other_policy", _flip("policy/bundle.tar.gz")),
    "a link": ("not_a_file", lambda folder: (folder / "x").symlink_to("/etc/hostname")),
}  # fmt: skip


def _replace(path: Path) -> None:
    text = path.read_text()
    start = text.index("sha256:")
    path.write_text(text.replace(text[start : start + 71], digest("another policy")))


@pytest.mark.parametrize("name", SPOILT)
def test_whatever_was_changed_is_noticed(
    exported: Path, line: Line, tmp_path: Path, name: str
) -> None:
    code, spoil = SPOILT[name]
    copy = Path(shutil.copytree(exported, tmp_path / "copy"))
    spoil(copy)
    with pytest.raises(AssayError) as refused:
        verify_bundle(copy, now=_now(), trust=line.evidenced.trust)
    assert refused.value.code in code.split("|")


def test_another_s_trust_and_another_day_are_noticed(
    exported: Path, line: Line, tmp_path: Path
) -> None:
    stranger = Promoted.build(tmp_path / "home", digest("x"))
    with pytest.raises(AssayError, match="wrong_role"):
        verify_bundle(exported, now=_now(), trust=stranger.trust)
    with pytest.raises(AssayError, match="expired"):
        verify_bundle(exported, now=_now() + 31 * DAY, trust=line.evidenced.trust)
    copy = Path(shutil.copytree(exported, tmp_path / "copy"))
    (copy / "trust.json").write_bytes(stranger.trust.to_json())
    with pytest.raises(AssayError, match="other_trust"):
        verify_bundle(copy, now=_now(), trust=line.evidenced.trust)


def test_a_hostile_tar_reaches_no_other_place(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    for name in ("../outside", "/tmp/outside"):
        with tarfile.open(tmp_path / "bad.tar", "w") as tar:
            tar.add(tmp_path / "x", arcname=name)
        with pytest.raises(AssayError):
            verify_bundle(tmp_path / "bad.tar", now=_now())
    for junk in (b"", b"junk" * 1000):
        (tmp_path / "junk.tar").write_bytes(junk)
        with pytest.raises(AssayError, match=r"no_bundle|foreign_file|empty_folder"):
            verify_bundle(tmp_path / "junk.tar", now=_now())
    with pytest.raises(AssayError, match="no_bundle"):
        verify_bundle(tmp_path / "nothing", now=_now())
