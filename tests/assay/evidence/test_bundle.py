"""A bundle is a strict set of files, written whole, and its digest is its folder's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.errors import EvidenceError
from assay.evidence.attest import attest
from assay.evidence.bundle import MAX_SPEC, SPEC, Bundle, read_bundle, write_bundle
from assay.evidence.digest import digest_bytes, digest_folder
from assay.evidence.dsse import MAX_ENVELOPE
from assay.evidence.statement import ROLE_OF
from assay.home import Home
from tests.assay.evidence.samples import evidence

DECLARED = b'{"model":"credit"}'


@pytest.fixture
def bundle(home: Home) -> Bundle:
    return Bundle({kind: attest(evidence(kind), home) for kind in ROLE_OF}, DECLARED)


def refusal(act: Callable[[], object]) -> EvidenceError:
    with pytest.raises(EvidenceError) as refused:
        act()
    return refused.value


def test_a_bundle_is_read_back_and_its_digest_is_its_folders(
    bundle: Bundle, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    assert write_bundle(folder, bundle) == bundle.digest == digest_folder(folder)
    assert read_bundle(folder) == bundle
    assert bundle.spec_digest == digest_bytes(DECLARED)
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.iterdir()])
    assert write_bundle(folder, bundle) == bundle.digest
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "home"}


@pytest.mark.parametrize("name", [*(f"{kind}.json" for kind in ROLE_OF), SPEC])
def test_each_missing_file_is_named(bundle: Bundle, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "bundle"
    write_bundle(folder, bundle)
    (folder / name).unlink()
    error = refusal(lambda: read_bundle(folder))
    shown = "declaration" if name == SPEC else name.removesuffix(".json")
    assert (error.code, f"no {shown};" in error.message) == ("evidence_missing", True)


def test_what_is_absent_may_be_left_to_the_gate_but_a_declaration_is_always_there(
    bundle: Bundle, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    write_bundle(folder, bundle)
    (folder / "utility.json").unlink()
    assert read_bundle(folder, complete=False).envelopes.keys() == ROLE_OF.keys() - {"utility"}
    (folder / SPEC).unlink()
    assert refusal(lambda: read_bundle(folder, complete=False)).code == "evidence_missing"


def test_an_incomplete_bundle_is_not_written(bundle: Bundle, tmp_path: Path) -> None:
    short = {kind: bundle.envelopes[kind] for kind in ("utility", "stress")}
    error = refusal(lambda: write_bundle(tmp_path / "b", Bundle(short, DECLARED)))
    assert error.code == "evidence_missing"
    assert "validation, privacy, training" in error.message
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("name", ["more.json", "utility.json.bak", "sub/utility.json", "a.pkl"])
def test_what_does_not_belong_is_refused(bundle: Bundle, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "bundle"
    write_bundle(folder, bundle)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"{}")
    assert refusal(lambda: read_bundle(folder)).code == "foreign_file"


def test_a_linked_envelope_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(folder, bundle)
    (folder / "utility.json").rename(tmp_path / "elsewhere.json")
    (folder / "utility.json").symlink_to(tmp_path / "elsewhere.json")
    assert refusal(lambda: read_bundle(folder)).code == "not_a_file"


@pytest.mark.parametrize(
    ("name", "size"), [("utility.json", MAX_ENVELOPE + 1), (SPEC, MAX_SPEC + 1)]
)
def test_sizes_are_capped(bundle: Bundle, tmp_path: Path, name: str, size: int) -> None:
    folder = tmp_path / "bundle"
    write_bundle(folder, bundle)
    (folder / name).write_bytes(b" " * size)
    assert refusal(lambda: read_bundle(folder)).code == "too_large"


def test_another_bundle_is_not_written_over_it(bundle: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    write_bundle(folder, bundle)
    other = Bundle(bundle.envelopes, b'{"model":"other"}')
    assert refusal(lambda: write_bundle(folder, other)).code == "bundle_exists"
    assert read_bundle(folder) == bundle
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "home"}


def test_a_file_in_the_way_stays(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "bundle").write_bytes(b"mine")
    refusal(lambda: write_bundle(tmp_path / "bundle", bundle))
    assert (tmp_path / "bundle").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "spec", [b"", b"null", b"[]", b'{"b":1, "a":2}', b'{"a":NaN}', b"model: x"]
)
def test_a_declaration_is_canonical(bundle: Bundle, spec: bytes) -> None:
    refusal(lambda: Bundle(bundle.envelopes, spec))


def test_an_unknown_kind_and_a_huge_envelope_are_refused(bundle: Bundle) -> None:
    assert refusal(lambda: Bundle({"vibes": b""}, DECLARED)).code == "unknown_evidence"
    huge = {"utility": b" " * (MAX_ENVELOPE + 1)}
    assert refusal(lambda: Bundle(huge, DECLARED)).code == "too_large"
