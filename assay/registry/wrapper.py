"""MLflow's folder around a payload, as an allow-list: it may name our loader and nothing else.

The subject of evidence is the payload inside. The wrapper carries times and ids, and could carry
code, another loader or a package index; so every file and every line of it is known, or refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from assay.errors import AssayError, Refused
from assay.evidence.files import list_files, read_bytes
from assay.evidence.payload import check_payload
from assay.plain_yaml import read_mapping

LOADER = "assay.serving.loader"
_DESCRIPTION = "MLmodel"
_ENVIRONMENT = ("requirements.txt", "conda.yaml", "python_env.yaml")
_MAX = 64 * 1024  # bytes
_DATA = re.compile(r"data/[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_KEYS = frozenset(
    {
        "artifact_path",
        "flavors",
        "mlflow_version",
        "model_id",
        "model_size_bytes",
        "model_uuid",
        "prompts",
        "run_id",
        "signature",
        "utc_time_created",
    }
)
_FLAVOR_KEYS = frozenset({"code", "data", "env", "loader_module", "python_version", "streamable"})
# A line of an environment file: a heading, a pinned package, and no index, link, path or option.
_PINNED = r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[a-z0-9,_-]+\])?(?:[=<]?=[A-Za-z0-9.+!]+)"
_LINE = re.compile(
    r"\s*(?:- )?(?:channels:|dependencies:|build_dependencies:|pip:|conda-forge|wheel"
    rf"|name: mlflow-env|python: [0-9.]+|-r requirements\.txt|{_PINNED})?\s*"
)


def unwrap(folder: Path) -> tuple[Path, str]:
    """The payload folder inside a logged model, and its digest.

    Args:
        folder: The logged model's artifacts.

    Raises:
        Refused: `bad_wrapper`, for anything that is not on the allow-list.
        EvidenceError: The payload holds what a payload may not.
    """
    names = list_files(folder)
    data = _data_path(folder / _DESCRIPTION)
    foreign = [
        name
        for name in names
        if name not in (_DESCRIPTION, *_ENVIRONMENT)
        and not PurePosixPath(name).is_relative_to(data)
    ]
    if foreign:
        raise _bad(f"only MLmodel, environment files and {data}/ in a logged model")
    for name in set(_ENVIRONMENT) & set(names):
        _check_lines(name, read_bytes(folder / name, limit=_MAX).decode("utf-8", "replace"))
    payload = folder / data
    return payload, check_payload(payload)


def _data_path(description: Path) -> str:
    """What MLmodel says, if it says no more than where the payload is and who loads it."""
    try:
        found = read_mapping(description)
    except AssayError as error:
        raise _bad("MLmodel to be small and plain YAML") from error
    match found:
        case {"flavors": {"python_function": dict(flavor), **others}} if not others:
            known = found.keys() <= _KEYS and flavor.keys() <= _FLAVOR_KEYS
            if not known or found.get("prompts") is not None or flavor.get("code") is not None:
                raise _bad("MLmodel without code, prompts or unknown keys")
            if flavor.get("loader_module") != LOADER:
                raise _bad(f"MLmodel to name the loader {LOADER}")
            data = flavor.get("data")
            if isinstance(data, str) and _DATA.fullmatch(data):
                return data
            raise _bad("MLmodel to name its data as data/<name>")
    raise _bad("MLmodel to hold the one flavor python_function")


def _check_lines(name: str, text: str) -> None:
    lines: Iterable[str] = text.splitlines()
    if not all(_LINE.fullmatch(line) for line in lines):
        raise _bad(f"pinned packages and nothing else in {name}")


def _bad(expected: str) -> Refused:
    return Refused(
        "bad_wrapper",
        f"expected {expected}, found something else; log the payload by "
        f"mlflow.pyfunc.log_model(loader_module={LOADER!r}, data_path=…)",
    )
