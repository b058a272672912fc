"""The same sources make the same bundle, and a bundle says itself what it was made of."""

from __future__ import annotations

import json
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.errors import InputError, Unavailable
from assay.evidence.canonical import canonical
from assay.evidence.digest import digest_file
from assay.home import REPOSITORY
from assay.policy.bundle import MAX_BYTES, Sources, build_policy, verify_policy
from assay.policy.rules import load_policy
from tests.assay.policy.built import archive, write_built
from tests.policies.question import digest, table

SOURCES = REPOSITORY / "policies"
FILES = ("bundle.tar.gz", "data.json", "policy.json")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "policy"
    build_policy(SOURCES, folder)
    return folder


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the policy's sources, to be spoilt."""
    return Path(shutil.copytree(SOURCES, tmp_path / "policies"))


def revision(sources: Path, folder: Path) -> str:
    build_policy(sources, folder)
    return verify_policy(folder)


def test_the_decision_reads_it(built: Path) -> None:
    policy = load_policy(built)
    assert policy.digest == verify_policy(built)
    assert set(policy.remedies) == set(policy.tier("credit").gates)


def test_the_same_sources_make_the_same_bytes(built: Path, sources: Path, tmp_path: Path) -> None:
    for path in sources.rglob("*"):
        path.touch()
    build_policy(sources, tmp_path / "again")
    assert [digest_file(tmp_path / "again" / name) for name in FILES] == [
        digest_file(built / name) for name in FILES
    ]


def test_only_its_owner_reads_it(built: Path) -> None:
    assert {stat.S_IMODE((built / name).stat().st_mode) for name in FILES} == {0o600}
    assert sorted(path.name for path in built.iterdir()) == sorted(FILES)


def test_tests_do_not_run(built: Path) -> None:
    with tarfile.open(built / "bundle.tar.gz") as archived:
        names = archived.getnames()
    assert "/gates/utility.rego" in names
    assert not [name for name in names if "test" in name or "capabilities" in name]


Edit = Callable[[Path], object]


def append(name: str, text: str) -> Edit:
    def edit(sources: Path) -> None:
        (sources / name).parent.mkdir(exist_ok=True)
        with (sources / name).open("a") as stream:
            stream.write(text)

    return edit


def change(name: str, old: str, new: str) -> Edit:
    def edit(sources: Path) -> None:
        text = (sources / name).read_text()
        assert old in text
        (sources / name).write_text(text.replace(old, new))

    return edit


def both(*edits: Edit) -> Edit:
    return lambda sources: [edit(sources) for edit in edits]


ANOTHER: dict[str, Edit] = {
    "a bar": change("data.json", '"bar": 0.68', '"bar": 0.67'),
    "an order": change("data.json", '["champion", "previous"', '["previous", "champion"'),
    "a rule": append("gates/stress.rego", '\nx := "y"\n'),
    "a remark": append("gates/stress.rego", "\n# it is so\n"),
    "a module": append("lib/more.rego", "package lib.more\n\nimport rego.v2\n\nx := 1\n"),
    "a capability": change("capabilities.json", '"allow_net": []', '"allow_net": ["a"]'),
}


@pytest.mark.parametrize("name", ANOTHER)
def test_another_source_is_another_revision(
    built: Path, sources: Path, tmp_path: Path, name: str
) -> None:
    ANOTHER[name](sources)
    assert revision(sources, tmp_path / "other") != verify_policy(built)


THE_SAME: dict[str, Edit] = {
    "a test": append("gates/stress_test.rego", "\n# it is so\n"),
    "the layout of a table": change("data.json", "[0, 1]", "[0,  1]"),
    "the layout of a module": append("gates/stress.rego", "\n\n\n"),
    "another file": append("README.md", "# Policy"),
}


@pytest.mark.parametrize("name", THE_SAME)
def test_what_does_not_run_is_no_source(
    built: Path, sources: Path, tmp_path: Path, name: str
) -> None:
    THE_SAME[name](sources)
    assert revision(sources, tmp_path / "other") == verify_policy(built)


GATE = "package gates.{}\n\nimport rego.v2\n\ndeny := set()\n"
METADATA = "# METADATA\n# title: X\n# description: Y\n# custom:\n#   remedy: {}\n"
MISTAKES: dict[str, tuple[Edit, str]] = {
    "no table": (lambda sources: (sources / "data.json").unlink(), "data.json"),
    "no capabilities": (lambda sources: (sources / "capabilities.json").unlink(), "capabilities"),
    "no decision": (lambda sources: (sources / "promotion.rego").unlink(), "promotion.rego"),
    "no word on who may ask": (lambda sources: (sources / "system/authz.rego").unlink(), "authz"),
    "a table twice": (change("data.json", '"statements"', '"tiers": {}, "statements"'), "data"),
    "a table cut": (change("data.json", '"tiers"', '"tiers'), "data.json"),
    "a table of NaN": (change("data.json", '"bar": 0.68', '"bar": NaN'), "data.json"),
    "a list for a table": (lambda sources: (sources / "data.json").write_text("[]"), "data.json"),
    "a syntax error": (append("gates/stress.rego", "\nx :=\n"), "gates/stress.rego"),
    "an unknown name": (append("gates/stress.rego", "\nx := y\n"), "gates/stress.rego"),
    "an unused import": (
        append("lib/more.rego", "package lib.more\n\nimport rego.v2\n\nimport data.lib.table\n"),
        "lib/more.rego",
    ),
    "the network": (
        append("gates/stress.rego", '\nx := http.send({"url": "http://x", "method": "get"})\n'),
        "undefined function http.send",
    ),
    "the clock": (append("gates/stress.rego", "\nx := time.now_ns()\n"), "time.now_ns"),
    "the environment": (append("gates/stress.rego", "\nx := opa.runtime()\n"), "opa.runtime"),
    "chance": (append("gates/stress.rego", '\nx := rand.intn("x", 9)\n'), "rand.intn"),
    "a package elsewhere": (append("mine.rego", "package mine\n\nx := 1\n"), "mine"),
    "a rule for the table": (append("tiers.rego", "package tiers\n\nx := 1\n"), "tiers"),
    "a link": (
        lambda sources: (sources / "gates/more.rego").symlink_to(sources / "gates/stress.rego"),
        "gates/more.rego",
    ),
    "a gate without METADATA": (append("gates/kind.rego", GATE.format("kind")), "gates/kind.rego"),
    "a gate without a remedy": (
        append("gates/kind.rego", METADATA.format('""') + GATE.format("kind")),
        "gates/kind.rego",
    ),
    "a remedy that is no text": (
        append("gates/kind.rego", METADATA.format("1") + GATE.format("kind")),
        "gates/kind.rego",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_names_the_file_of_a_mistake(sources: Path, tmp_path: Path, name: str) -> None:
    edit, told = MISTAKES[name]
    edit(sources)
    with pytest.raises(InputError, match=told) as refused:
        build_policy(sources, tmp_path / "built")
    assert refused.value.code in ("bad_policy", "no_policy")
    assert not (tmp_path / "built").exists()


def test_a_mistake_leaves_the_old_policy(built: Path, sources: Path, tmp_path: Path) -> None:
    kept = Path(shutil.copytree(built, tmp_path / "kept"))
    append("gates/stress.rego", "\nx :=\n")(sources)
    with pytest.raises(InputError):
        build_policy(sources, kept)
    assert verify_policy(kept) == verify_policy(built)


def test_no_sources(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        build_policy(tmp_path / "nowhere", tmp_path / "built")
    assert refused.value.code == "no_policy"


def whole() -> Sources:
    return Sources({"promotion.rego": b"package promotion\n"}, table(), digest("capabilities"))


def members(sources: Sources) -> list[tuple[str, bytes]]:
    return [
        *((f"/{path}", text) for path, text in sources.modules.items()),
        ("/data.json", canonical(sources.data)),
        ("/.manifest", canonical(sources.manifest)),
    ]


def test_a_whole_bundle(tmp_path: Path) -> None:
    write_built(tmp_path, whole())
    assert verify_policy(tmp_path) == whole().digest


MORE = ("/promotion.rego", b"package promotion\nallow := true\n")
SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda raw: b"",
    "text": lambda raw: b"allow",
    "cut": lambda raw: raw[: len(raw) // 2],
    "a byte": lambda raw: raw[:200] + bytes([raw[200] ^ 1]) + raw[201:],
    "huge": lambda raw: raw + b"\0" * MAX_BYTES,
    "nothing inside": lambda raw: archive([]),
    "no manifest": lambda raw: archive(members(whole())[:-1]),
    "no table": lambda raw: archive([members(whole())[0], members(whole())[2]]),
    "a module twice": lambda raw: archive([*members(whole()), MORE]),
    "a module by another spelling": lambda raw: archive(
        [*members(whole()), ("promotion.rego", MORE[1])]
    ),
    "a module more": lambda raw: archive([*members(whole()), ("/x.rego", b"package x\n")]),
    "data more": lambda raw: archive([*members(whole()), ("/gates/data.json", b"{}")]),
    "links": lambda raw: archive(members(whole()), kind=tarfile.SYMTYPE),
    "a bomb": lambda raw: archive([*members(whole()), ("/x.rego", b"#" * MAX_BYTES)]),
    "a list for a manifest": lambda raw: archive([*members(whole())[:-1], ("/.manifest", b"[]")]),
    "a manifest without a revision": lambda raw: archive(
        [
            *members(whole())[:-1],
            ("/.manifest", json.dumps({"metadata": whole().manifest["metadata"]}).encode()),
        ]
    ),
    "all roots": lambda raw: archive(
        [
            *members(whole())[:-1],
            ("/.manifest", json.dumps({**whole().manifest, "roots": [""]}).encode()),
        ]
    ),
    "an older language": lambda raw: archive(
        [
            *members(whole())[:-1],
            ("/.manifest", json.dumps({**whole().manifest, "rego_version": 0}).encode()),
        ]
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_bundle_is_no_policy(tmp_path: Path, name: str) -> None:
    write_built(tmp_path, whole())
    bundle = tmp_path / "bundle.tar.gz"
    bundle.write_bytes(SPOILT[name](bundle.read_bytes()))
    with pytest.raises(Unavailable) as refused:
        verify_policy(tmp_path)
    assert refused.value.code == "opa_unavailable"


@pytest.mark.parametrize("told", [b"", b"[]", b"{}", b'{"digest": 1}'])
def test_another_digest_is_no_policy(tmp_path: Path, told: bytes) -> None:
    write_built(tmp_path, whole())
    (tmp_path / "policy.json").write_bytes(told)
    with pytest.raises(Unavailable):
        verify_policy(tmp_path)
