"""A bundle that its owner did not sign is refused twice: by OPA itself, and by the core."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from assay.errors import EvidenceError, Unavailable
from assay.evidence.decisions import seal_of, sign_policy
from assay.evidence.digest import digest_bytes
from assay.evidence.dsse import verify
from assay.evidence.jws import passing_key, sign_token
from assay.evidence.keys import load_key
from assay.home import REPOSITORY, Home
from assay.policy.archive import (
    SIGNATURES,
    SignedBundle,
    read_archive,
    sign_bundle,
    signed_bundle,
    write_archive,
)
from assay.policy.binary import find_opa
from assay.policy.bundle import BUNDLE, SEAL, write_policy
from assay.policy.client import ask
from assay.policy.force import policy_in_force, put_in_force, sealed_in_force, take_in_force
from assay.policy.opa import OpaServer
from assay.policy.seal import Sealed
from assay.stack.establish import establish
from tests.assay.policy.test_force import amend
from tests.policies.question import passing_question, table

NOW = 1_800_000_000
Files: TypeAlias = dict[str, bytes]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Sealed, Sealed]:
    """A home, what ruled it before, and what does now."""
    folder = tmp_path_factory.mktemp("sealed")
    home = Home(folder / "home")
    establish(home)
    sources = Path(shutil.copytree(REPOSITORY / "policies", folder / "policies"))
    put_in_force(home, amend(sources, 1, auc=0.5), NOW)
    before = sealed_in_force(home, NOW)
    put_in_force(home, amend(sources, 2), NOW)
    return home, before, sealed_in_force(home, NOW)


@pytest.fixture
def home(versions: tuple[Home, Sealed, Sealed], tmp_path: Path) -> Home:
    """A home of its own, ruled by the same policy."""
    return Home(Path(shutil.copytree(versions[0].root, tmp_path / "copied")))


@pytest.fixture(scope="module")
def good(versions: tuple[Home, Sealed, Sealed]) -> SignedBundle:
    return versions[2].bundle()


def changed(name: str, old: bytes, new: bytes) -> Callable[[Files, Files], Files]:
    def change(files: Files, _: Files) -> Files:
        assert old in files[name]
        return {**files, name: files[name].replace(old, new)}

    return change


def more(name: str, text: bytes) -> Callable[[Files, Files], Files]:
    return lambda files, _: {**files, name: text}


def less(name: str) -> Callable[[Files, Files], Files]:
    return lambda files, _: {path: text for path, text in files.items() if path != name}


def signed_otherwise(token: str) -> Callable[[Files, Files], Files]:
    return more(SIGNATURES, json.dumps({"signatures": [token]}).encode())


UTILITY = "/gates/utility.rego"
# What became of the bundle, from its files and the ones of the version before; OPA's own reason.
SPOILT: dict[str, tuple[Callable[[Files, Files], Files], str]] = {
    "stripped": (less(SIGNATURES), "missing .signatures.json"),
    "stripped of a file": (less(UTILITY), r"gates/utility.rego.* not found"),
    "altered": (changed(UTILITY, b"deny contains", b"x contains"), "utility.rego: digest mismatch"),
    "a loosened bar": (changed("/data.json", b"0.68", b"0.08"), "data.json: digest mismatch"),
    "another root": (changed("/.manifest", b"lib", b"lab"), ".manifest: digest mismatch"),
    "a file more": (more("/gates/x.rego", b"package gates.utility\n"), "x.rego not included"),
    "a package more": (more("/x.rego", b"package x\n"), "x.rego not included"),
    "shadowed": (more("/promotion/data.json", b'{"allow":true}'), "data.json not included"),
    "mixed": (
        lambda files, older: {**files, "/data.json": older["/data.json"]},
        "data.json: digest mismatch",
    ),
    "older": (lambda _, older: older, "scope mismatch"),
    "a stranger's": (
        lambda files, _: read_archive(
            sign_bundle(write_archive(files), "sha256:" + "0" * 64, passing_key()).content
        ),
        "invalid EdDSA signature",
    ),
    "signed by nobody": (signed_otherwise("eyJhbGciOiJub25lIn0.e30."), "invalid EdDSA signature"),
    "of no form": (signed_otherwise("x"), "failed to split compact JWT"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_bundle_is_refused_by_opa_and_by_the_core(
    versions: tuple[Home, Sealed, Sealed], home: Home, good: SignedBundle, name: str
) -> None:
    spoil, reason = SPOILT[name]
    files, older = (read_archive(sealed.files[BUNDLE]) for sealed in versions[:0:-1])
    content = write_archive(spoil(files, older))
    with pytest.raises(Unavailable, match=reason) as refused:
        OpaServer(SignedBundle(good.digest, content, good.key)).start()
    assert refused.value.code == "opa_unavailable"
    (home.policy / BUNDLE).write_bytes(content)
    with pytest.raises(Unavailable) as core:
        policy_in_force(home, NOW)
    assert core.value.code == "policy_mixed"


def test_a_whole_older_policy_is_refused_by_both(
    versions: tuple[Home, Sealed, Sealed], home: Home, good: SignedBundle
) -> None:
    """Its owner signed all of it, and OPA is told which one rules."""
    older = versions[1]
    with pytest.raises(Unavailable, match="scope mismatch"):
        OpaServer(SignedBundle(good.digest, older.files[BUNDLE], good.key)).start()
    write_policy(home.policy, older.files)
    with pytest.raises(Unavailable, match="policy_not_in_force"):
        policy_in_force(home, NOW)


def intruder(folder: Path, act: str) -> Path:
    """OPA, after somebody did something in the folder that it is started in."""
    path = folder / "opa"
    path.write_text(f'#!/bin/sh\nif [ "$1" = run ]; then {act}\nfi\nexec {find_opa()} "$@" $more\n')
    path.chmod(0o700)
    return path


INTRUSIONS = {
    "exchanged after the check": ("cp {older} bundle.tar.gz;", "scope mismatch"),
    "an overlay": (
        "mkdir over; echo '{{\"tiers\": {{}}}}' >over/data.json; more=over",
        "bundle over: bundle missing .signatures.json",
    ),
    "an overlay beside the token's digest": (
        "echo 'package promotion' >access/x.rego;",
        "rejected",  # it takes none of what is there, and so knows no token
    ),
    "a root more for the token's digest": (
        'echo \'{{"roots": ["access", "gates"]}}\' >access/.manifest;',
        "rejected",
    ),
}


@pytest.mark.parametrize("name", INTRUSIONS)
def test_what_changes_between_the_check_and_opa_is_refused_by_opa(
    versions: tuple[Home, Sealed, Sealed], good: SignedBundle, tmp_path: Path, name: str
) -> None:
    act, reason = INTRUSIONS[name]
    (tmp_path / "older").write_bytes(versions[1].files[BUNDLE])
    binary = intruder(tmp_path, act.format(older=tmp_path / "older"))
    with pytest.raises(Unavailable, match=reason):
        OpaServer(good, binary=binary, patience=0.5).start()


def test_what_its_owner_signed_runs_and_answers_by_its_digest(good: SignedBundle) -> None:
    with OpaServer(good) as opa:
        command = Path(f"/proc/{opa.pid}/cmdline").read_bytes().split(b"\0")
        assert b"--skip-verify=false" in command
        assert good.key.encode() in command
        told = ask(
            opa.socket, opa.token, passing_question(table()), policy_digest=good.digest, deadline=10
        )
        assert told["allow"] is True


def test_the_same_policy_and_key_make_the_same_bytes(
    versions: tuple[Home, Sealed, Sealed], good: SignedBundle
) -> None:
    again = sign_bundle(good.content, good.digest, load_key(versions[0], "policy"))
    assert again == good
    other = sign_bundle(good.content, good.digest, passing_key())
    assert less(SIGNATURES)(read_archive(other.content), {}) == less(SIGNATURES)(
        read_archive(good.content), {}
    )


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (None, "bundle_unsigned"),
        ({}, "bundle_unsigned"),
        ({"signatures": []}, "bundle_unsigned"),
        ({"signatures": [1]}, "bundle_unsigned"),
        ({"signatures": ["x"]}, "bad_signature"),
        ({"signatures": ["x.é.é"]}, "bad_signature"),
        ({"signatures": [sign_token({"files": []}, passing_key())]}, "bad_signature"),
    ],
)
def test_the_core_starts_no_opa_on_what_a_role_did_not_sign_for_it(
    versions: tuple[Home, Sealed, Sealed], good: SignedBundle, told: object, code: str
) -> None:
    files = read_archive(good.content)
    del files[SIGNATURES]
    signed = {SIGNATURES: json.dumps(told).encode()} if told is not None else {}
    role = versions[2].trust.role("policy")
    with pytest.raises(EvidenceError) as refused:
        signed_bundle(write_archive({**files, **signed}), good.digest, role)
    assert refused.value.code == code


def test_what_is_sealed_and_not_signed_for_opa_is_not_put_and_starts_no_opa(
    versions: tuple[Home, Sealed, Sealed], home: Home, tmp_path: Path
) -> None:
    """As an officer's own policies of an earlier version are."""
    found = versions[2]
    bundle = write_archive(less(SIGNATURES)(read_archive(found.files[BUNDLE]), {}))
    seal = seal_of(verify(found.files[SEAL], found.trust.role("policy")))
    seal = replace(seal, files={**seal.files, BUNDLE: digest_bytes(bundle)})
    signed = sign_policy(seal, load_key(home, "policy"))
    write_policy(tmp_path / "older", {**found.files, BUNDLE: bundle, SEAL: signed})
    write_policy(home.policy, {BUNDLE: bundle, SEAL: signed})
    for act in (
        lambda: take_in_force(home, tmp_path / "older", NOW),
        lambda: sealed_in_force(home, NOW).bundle(),
    ):
        with pytest.raises(EvidenceError, match="assay policy seal") as refused:
            act()
        assert refused.value.code == "bundle_unsigned"
