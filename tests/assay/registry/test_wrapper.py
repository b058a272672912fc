"""MLflow's folder around a payload may name our loader and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import AssayError
from assay.evidence.digest import digest_folder
from assay.registry.wrapper import unwrap

MLMODEL = """\
artifact_path: mlflow-artifacts:/1/models/m-1/artifacts
flavors:
  python_function:
    code: null
    data: data/payload
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: assay.serving.loader
    python_version: 3.11.7
    streamable: false
mlflow_version: 3.17.2
model_id: m-1
model_size_bytes: 5
model_uuid: m-1
prompts: null
run_id: 4b3661340fd943229a3bd5a3eb48cc43
utc_time_created: '2026-11-24 19:13:27.041531'
"""
CONDA = """\
channels:
- conda-forge
dependencies:
- python=3.11.7
- pip<=23.2.1
- pip:
  - mlflow[auth]==3.17.2
name: mlflow-env
"""
PYTHON_ENV = """\
python: 3.11.7
build_dependencies:
- pip==23.2.1
- wheel
dependencies:
- -r requirements.txt
"""


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    payload = folder / "data" / "payload"
    payload.mkdir(parents=True)
    (payload / "model.json").write_text("{}")
    (folder / "MLmodel").write_text(MLMODEL)
    (folder / "conda.yaml").write_text(CONDA)
    (folder / "python_env.yaml").write_text(PYTHON_ENV)
    (folder / "requirements.txt").write_text("mlflow==3.17.2\n")
    return folder


def test_the_digest_is_the_payload_s_alone(logged: Path) -> None:
    payload = logged / "data" / "payload"
    assert unwrap(logged) == (payload, digest_folder(payload))
    (logged / "requirements.txt").write_text("mlflow==3.17.2\nnumpy==2.4.0\n")
    assert unwrap(logged) == (payload, digest_folder(payload))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loader_module: assay.serving.loader", "loader_module: os"),
        ("loader_module: assay.serving.loader", "loader_module: assay.serving.loader2"),
        ("    loader_module: assay.serving.loader\n", ""),
        ("code: null", "code: code"),
        ("code: null", "code: null\n    python_model: x.pkl"),
        ("code: null", "code: null\n    model_code_path: x.py"),
        ("data: data/payload", "data: data"),
        ("data: data/payload", "data: ../payload"),
        ("data: data/payload", "data: data/payload/../../x"),
        ("data: data/payload", "data: [data/payload]"),
        ("flavors:\n", "flavors:\n  sklearn:\n    pickled_model: model.pkl\n"),
        ("prompts: null", "prompts: [a]"),
        ("mlflow_version", "unknown_key"),
        ("prompts: null", "prompts: !!python/object/apply:os.system [x]"),
        ("flavors:\n", "flavors: &a\n"),
        (MLMODEL, ""),
        (MLMODEL, "- a"),
        (MLMODEL, "x" * 300_000),
    ],
)
def test_any_other_description_is_refused(logged: Path, old: str, new: str) -> None:
    assert old in MLMODEL
    (logged / "MLmodel").write_text(MLMODEL.replace(old, new))
    with pytest.raises(AssayError, match="bad_wrapper"):
        unwrap(logged)


@pytest.mark.parametrize(
    "name",
    ["model.pkl", "code/x.py", "data/other.json", "python_model.pkl", "data/payload2/x.json"],
)
def test_a_file_beside_the_payload_is_refused(logged: Path, name: str) -> None:
    (logged / name).parent.mkdir(exist_ok=True)
    (logged / name).write_text("{}")
    with pytest.raises(AssayError, match="bad_wrapper"):
        unwrap(logged)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("requirements.txt", "--extra-index-url http://localhost/simple"),
        ("requirements.txt", "git+https://example.org/x"),
        ("requirements.txt", "x @ file:///tmp/x"),
        ("requirements.txt", "./x"),
        ("requirements.txt", "-r other.txt"),
        ("requirements.txt", "numpy"),
        ("conda.yaml", "- http://example.org/channel"),
        ("python_env.yaml", "- -e ."),
    ],
)
def test_an_environment_pins_packages_and_nothing_else(logged: Path, name: str, line: str) -> None:
    with (logged / name).open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(AssayError, match="bad_wrapper"):
        unwrap(logged)


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("model.pkl", b"\x80\x04x", "foreign_file|pickle"),
        ("model.json", b"\x80\x04x", "pickle"),
        ("model.json", b"PK\x03\x04", "zip"),
        ("x.py", b"pass", "foreign_file"),
        ("weights.safetensors", b"\x80\x04x", "pickle"),
    ],
)
def test_a_payload_is_tensors_and_json(logged: Path, name: str, data: bytes, code: str) -> None:
    (logged / "data" / "payload" / name).write_bytes(data)
    with pytest.raises(AssayError, match=code):
        unwrap(logged)


def test_a_link_is_refused(logged: Path) -> None:
    (logged / "data" / "payload" / "more.json").symlink_to("/etc/hostname")
    with pytest.raises(AssayError, match="not_a_file"):
        unwrap(logged)
