"""The server is started with the gate in it, or it does not serve."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from assay.errors import AssayError, InputError
from assay.evidence.keys import make_keys
from assay.home import REPOSITORY, Home
from assay.ledger import Ledger, record_policy
from assay.policy.archive import write_archive
from assay.policy.rules import load_policy
from assay.policy.seal import seal_policy
from assay.registry.gate import Gate
from assay.registry.launch import (
    prepare_server,
    server_command,
    server_environment,
    server_folder,
)
from assay.registry.users import read_password, set_up_users, users_of
from tests.assay.registry.site import Site


@pytest.fixture
def ready(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home").create()
    make_keys(made)
    Ledger.create(made)
    raw = (REPOSITORY / "policies" / "data.json").read_bytes()
    (made.policy / "data.json").write_bytes(raw)
    gates = {bar["gate"] for bar in json.loads(raw)["tiers"]["standard"]["bars"]}
    built = {"digest": f"sha256:{'0' * 64}", "remedies": dict.fromkeys(gates, "read it")}
    (made.policy / "policy.json").write_text(json.dumps(built))
    (made.policy / "bundle.tar.gz").write_bytes(write_archive({}))
    seal_policy(made.policy, made, int(time.time()))
    policy = load_policy(made.policy)
    record_policy(Ledger.of(made), policy.rules.version, policy.digest, 0)
    prepare_server(made, policy)
    return made


def test_everybody_has_a_password_of_their_own(ready: Home) -> None:
    users = users_of(load_policy(ready.policy))
    assert set(users) == {"admin", "gate", "auditor", "trainer", "approver"}
    assert len({read_password(ready, user) for user in users}) == len(users)
    for path in (*ready.credentials.iterdir(), *ready.keys.iterdir()):
        assert path.stat().st_mode & 0o777 == 0o600, path


def test_preparing_twice_changes_nothing(ready: Home) -> None:
    folders = (ready.credentials, ready.keys, server_folder(ready))
    before = {p: p.read_bytes() for f in folders for p in f.iterdir() if p.is_file()}
    prepare_server(ready, load_policy(ready.policy))
    assert {p: p.read_bytes() for f in folders for p in f.iterdir() if p.is_file()} == before


def test_a_home_without_passwords_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no_credentials"):
        server_environment(Home(tmp_path).create(), {})


def test_the_caller_s_settings_do_not_reach_the_server(ready: Home) -> None:
    hostile = {
        "PATH": "/usr/bin",
        "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
        "MLFLOW_ENABLE_WORKSPACES": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
        "_MLFLOW_AUTH_ADMIN_BOOTSTRAPPED": "true",
        "HTTP_PROXY": "http://localhost:1",
        "UVICORN_WORKERS": "4",
    }
    given = server_environment(ready, hostile)
    assert given["PATH"] == "/usr/bin"
    assert given["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    assert given["MLFLOW_ENABLE_WORKSPACES"] == "false"
    assert not set(hostile) & (set(given) - {"PATH", *server_environment(ready, {})})
    assert given["ASSAY_HOME"] == str(ready.root)


BUCKET = {
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "MLFLOW_S3_ENDPOINT_URL": "https://s3.example",
}
FOREIGN = {
    "AWS_ENDPOINT_URL": "http://elsewhere",
    "MLFLOW_S3_IGNORE_TLS": "true",
    "MLFLOW_S3_UPLOAD_EXTRA_ARGS": '{"ACL": "public-read"}',
}


def test_a_server_has_a_bucket_s_credentials_where_the_settings_name_one(ready: Home) -> None:
    assert not set(BUCKET) & set(server_environment(ready, {**BUCKET, **FOREIGN}))
    ready.settings.write_text("artifacts: s3://models/credit\n")
    given = server_environment(ready, {**BUCKET, **FOREIGN})
    assert {name: given[name] for name in BUCKET} == BUCKET
    assert not set(FOREIGN) & set(given)
    command = server_command(ready, 5000)
    where = command[command.index("--artifacts-destination") + 1]
    assert where == "sealed+s3://models/credit"


@pytest.mark.parametrize("endpoint", ["http://s3.example", "HTTP://s3.example", "s3.example", ""])
def test_a_bucket_elsewhere_is_reached_by_tls(ready: Home, endpoint: str) -> None:
    ready.settings.write_text("artifacts: s3://models/credit\n")
    with pytest.raises(InputError, match="plaintext"):
        server_environment(ready, {"MLFLOW_S3_ENDPOINT_URL": endpoint})
    for near in ("http://127.0.0.1:9000", "http://localhost:9000"):
        assert server_environment(ready, {"MLFLOW_S3_ENDPOINT_URL": near})


def test_the_command_names_gate_and_seal(ready: Home) -> None:
    command = server_command(ready, 5000)
    assert command[command.index("--app-name") + 1] == "assay"
    assert command[command.index("--registry-store-uri") + 1].startswith("gated+sqlite:///")
    assert command[command.index("--artifacts-destination") + 1].startswith("sealed+file:///")
    assert command[command.index("--workers") + 1] == "1"


@pytest.mark.parametrize(
    "name",
    [
        "trust.json",
        "ledger.db",
        "keys/gate.pem",
        "keys/promoter.pem",
        "policy/data.json",
        "policy/seal.json",
    ],
)
def test_a_gate_that_lacks_a_part_does_not_start(ready: Home, name: str) -> None:
    Gate(ready).check()
    (ready.root / name).unlink()
    with pytest.raises(AssayError):
        Gate(ready).check()


def test_a_policy_that_is_not_the_newest_does_not_start(ready: Home) -> None:
    record_policy(Ledger.of(ready), 2**50, f"sha256:{'1' * 64}", 0)
    with pytest.raises(AssayError, match="policy_not_in_force"):
        Gate(ready).check()


def test_a_key_that_others_may_read_is_none(ready: Home) -> None:
    (ready.keys / "gate.pem").chmod(0o644)
    with pytest.raises(AssayError, match="key_exposed"):
        Gate(ready).check()


def test_a_plain_store_or_repository_is_not_served(ready: Home) -> None:
    command = [
        part.removeprefix("gated+").removeprefix("sealed+") for part in server_command(ready, 0)
    ]
    done = subprocess.run(
        command,
        env=server_environment(ready, os.environ),
        cwd=ready.root,
        capture_output=True,
        text=True,
        timeout=300,
    )
    told = done.stdout + done.stderr
    assert "[not_gated] expected --registry-store-uri gated+sqlite" in told
    assert "--artifacts-destination sealed+file" in told
    assert "Uvicorn running" not in told


def test_setting_up_again_changes_nothing(site: Site, home: Home) -> None:
    set_up_users(site.url, home, load_policy(home.policy))


def test_another_password_is_told(site: Site, home: Home) -> None:
    path = home.credentials / "trainer.password"
    before = path.read_text()
    path.write_text("something else entirely")
    try:
        with pytest.raises(InputError, match="wrong_password"):
            set_up_users(site.url, home, load_policy(home.policy))
    finally:
        path.write_text(before)


def test_a_server_that_is_down_is_told(ready: Home) -> None:
    with pytest.raises(AssayError, match="mlflow_unavailable"):
        set_up_users("http://127.0.0.1:9", ready, load_policy(ready.policy))
