"""Policy sources to the bundle that runs; its revision is the digest of the sources.

The revision can be computed again from the bundle alone, so a bundle vouches for itself: changed
contents have another revision, and whoever asks names the one that it expects.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.errors import EvidenceError, InputError
from assay.evidence.canonical import canonical, parse
from assay.evidence.digest import digest_bytes, digest_json
from assay.policy.archive import DATA, MANIFEST, MAX_BYTES, SIGNATURES, read_archive
from assay.policy.binary import find_opa, unavailable

BUNDLE = "bundle.tar.gz"
FILES = (BUNDLE, "data.json", "policy.json")
SEAL = "seal.json"  # beside them, where the policy was signed
PACKAGES = ("gates", "lib", "promotion", "system/authz")  # all that a policy may define
NEEDED = ("promotion.rego", "system/authz.rego")
PATIENCE = 60.0  # seconds for a build


@dataclass(frozen=True, slots=True)
class Sources:
    """What a policy is made of.

    Attributes:
        modules: POSIX path below the policy's folder -> Rego text, without tests.
        data: The table.
        capabilities: Digest of what OPA lets the policy do.
    """

    modules: Mapping[str, bytes]
    data: Mapping[str, Any]
    capabilities: str

    @property
    def digest(self) -> str:
        """The policy's digest, and the revision of its bundle."""
        return digest_json(
            {
                "modules": {path: digest_bytes(text) for path, text in self.modules.items()},
                "data": digest_json(self.data),
                "capabilities": self.capabilities,
            }
        )

    @property
    def manifest(self) -> dict[str, Any]:
        """The bundle's manifest: nothing outside of these roots is the policy's."""
        return {
            "revision": self.digest,
            "roots": sorted([*PACKAGES, *self.data]),
            "rego_version": 1,
            "metadata": {"capabilities": self.capabilities},
        }


def build_policy(sources: Path, folder: Path) -> None:
    """Check and build a policy: `bundle.tar.gz`, `data.json`, and `policy.json`.

    The same sources make the same bytes. Tests are left out.

    Args:
        sources: Folder with Rego, `data.json` and `capabilities.json`.
        folder: Where the built policy goes; a file is replaced only by a whole one.

    Raises:
        InputError: `no_policy` or `bad_policy`; the message names the file.
        Unavailable: `opa_unavailable`: there is no OPA to build with.
    """
    read = _read_sources(sources)
    with tempfile.TemporaryDirectory(prefix="assay-policy-") as scratch:
        stage = Path(scratch, "stage")
        allowed = ("--capabilities", str((sources / "capabilities.json").absolute()))
        _write_all(stage, read.modules)
        _opa(stage, "check", "--strict", *allowed, ".")
        # A build lays modules out anew, so what is digested is what OPA makes of the layout.
        _opa(stage, "fmt", "--write", ".")
        laid = {path: (stage / path).read_bytes() for path in read.modules}
        read = replace(read, modules=laid)
        made = {"data.json": canonical(read.data), ".manifest": canonical(read.manifest)}
        _write_all(stage, made)
        _opa(stage, "build", *allowed, "--bundle", ".", "--output", f"../{BUNDLE}")
        built = Path(scratch, BUNDLE).read_bytes()
        remedies = _remedies(json.loads(_opa(stage, "inspect", "-a", "-f", "json", f"../{BUNDLE}")))
    told = {"digest": read.digest, "remedies": remedies}
    contents = (built, canonical(read.data), canonical(told))
    write_policy(folder, dict(zip(FILES, contents, strict=True)))


def copy_policy(built: Path, folder: Path) -> None:
    """The built and sealed policy of one folder in another, in the place of what is there.

    Raises:
        Unavailable: As `verify_policy`.
    """
    write_policy(folder, {name: (built / name).read_bytes() for name in (*FILES, SEAL)})


def write_policy(folder: Path, files: Mapping[str, bytes]) -> str:
    """A built policy of these files, each replaced by a whole one; its digest.

    Raises:
        Unavailable: As `verify_policy`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in files.items():
        replace_file(folder / name, content)
    return verify_policy(folder)


def verify_policy(folder: Path) -> str:
    """The digest of a built policy, once its files agree with one another.

    Raises:
        Unavailable: `opa_unavailable`: a file is absent, or is not what the digest says.
    """
    return verified_bundle(folder)[0]


def verified_bundle(folder: Path) -> tuple[str, bytes]:
    """The digest of a built policy, and the bundle's very bytes that it was computed from.

    Raises:
        Unavailable: As `verify_policy`.
    """
    found, bundle = _verified(folder)
    return found.digest, bundle


def changed_files(one: Path, other: Path) -> tuple[str, ...]:
    """Which Rego files two built policies differ in, and whether `capabilities.json` is one.

    Raises:
        Unavailable: As `verify_policy`.
    """
    before, after = (_verified(folder)[0] for folder in (one, other))
    paths = sorted({*before.modules, *after.modules})
    changed = [path for path in paths if before.modules.get(path) != after.modules.get(path)]
    allowed = ["capabilities.json"] if before.capabilities != after.capabilities else []
    return (*changed, *allowed)


def _verified(folder: Path) -> tuple[Sources, bytes]:
    """What a built policy was made of, and its bundle."""
    bundle, data, told = (_built(folder / name) for name in FILES)
    try:
        found, manifest = _read_bundle(bundle)
        if manifest != found.manifest:
            raise unavailable(f"{folder}/{BUNDLE}: expected the revision of its contents; rebuild")
        named = parse(told, limit=MAX_BYTES)
        agreed = isinstance(named, dict) and named.get("digest") == found.digest
        if not agreed or canonical(found.data) != data:
            raise unavailable(f"{folder}: expected files of one build; rebuild the policy")
    except EvidenceError as error:
        raise unavailable(f"{folder}: {error.message}; rebuild the policy") from None
    return found, bundle


def _read_sources(sources: Path) -> Sources:
    if not sources.is_dir():
        raise InputError("no_policy", f"expected a policy's sources at {sources}, found no folder")
    paths = sorted(path for path in sources.rglob("*.rego") if not path.match("*_test.rego"))
    modules = {path.relative_to(sources).as_posix(): _source(path) for path in paths}
    for needed in NEEDED:
        if needed not in modules:
            raise InputError("no_policy", f"{sources / needed}: expected a policy's source")
    table, allowed = (_json(sources / name) for name in ("data.json", "capabilities.json"))
    return Sources(modules, table, digest_json(allowed))


def _source(path: Path) -> bytes:
    if path.is_symlink():
        raise InputError("bad_policy", f"{path}: expected a file, found a link")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "no_policy", f"{path}: expected a policy's source, found {error.strerror}"
        ) from None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = parse(_source(path), limit=MAX_BYTES)
    except EvidenceError as error:
        raise InputError("bad_policy", f"{path}: {error.message}") from None
    if not isinstance(found, dict):
        raise InputError("bad_policy", f"{path}: expected an object")
    return found


def _write_all(stage: Path, files: Mapping[str, bytes]) -> None:
    for path, text in files.items():
        (stage / path).parent.mkdir(parents=True, exist_ok=True)
        (stage / path).write_bytes(text)


def _opa(stage: Path, *arguments: str) -> str:
    """What one command of OPA's prints; its complaint is the error's message."""
    try:
        ran = subprocess.run(
            [find_opa(), *arguments], cwd=stage, env={}, capture_output=True, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise unavailable(f"expected `opa {arguments[0]}` to end, found {error}") from None
    if ran.returncode:
        told = " ".join((ran.stderr or ran.stdout).decode(errors="replace").split())
        raise InputError("bad_policy", f"expected a policy that OPA takes, found {told[:1000]}")
    return ran.stdout.decode()


def _remedies(inspected: Mapping[str, Any]) -> dict[str, str]:
    """Gate -> remedy, from the METADATA of each gate's package."""
    said = {
        "/".join(part["value"] for part in note["path"][1:]): note["annotations"]
        for note in inspected.get("annotations", ())
        if note["annotations"]["scope"] == "package"
    }
    remedies = {}
    for package, files in inspected["namespaces"].items():
        path = package.removeprefix("data.").replace(".", "/")
        if package != "data" and not f"{path}/".startswith(tuple(f"{top}/" for top in PACKAGES)):
            raise _mistaken(files[0], f"a package below {', '.join(PACKAGES)}")
        if path.startswith("gates/"):
            notes = said.get(path, {})
            remedy = notes.get("custom", {}).get("remedy")
            words = (notes.get("title"), notes.get("description"), remedy)
            if not all(isinstance(word, str) and word.strip() for word in words):
                raise _mistaken(files[0], "title, description and custom.remedy in METADATA")
            remedies[path.removeprefix("gates/")] = str(remedy)
    return remedies


def _mistaken(file: str, wanted: str) -> InputError:
    return InputError("bad_policy", f"{file.lstrip('/')}: expected {wanted}")


def replace_file(path: Path, content: bytes) -> None:
    """A file, 0600, whole or as it was."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as whole:
        whole.write(content)
    Path(whole.name).replace(path)


def _built(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            found = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise unavailable(f"{path}: expected a built policy, found {error.strerror}") from None
    if len(found) > MAX_BYTES:
        raise unavailable(f"{path}: expected at most {MAX_BYTES} bytes")
    return found


def _read_bundle(raw: bytes) -> tuple[Sources, Any]:
    """The sources and the manifest that a bundle holds, when it holds nothing else.

    Raises:
        EvidenceError: It is no such bundle.
    """
    files = read_archive(raw)
    files.pop(SIGNATURES, None)  # it is about them
    manifest, data = (parse(files.pop(name, b""), limit=MAX_BYTES) for name in (MANIFEST, DATA))
    match manifest, data:
        case {"metadata": {"capabilities": str(capabilities)}}, dict():
            modules = {name.removeprefix("/"): text for name, text in files.items()}
            return Sources(modules, data, capabilities), manifest
    raise EvidenceError("malformed", "expected a manifest and a table in the bundle")
