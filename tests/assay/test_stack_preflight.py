"""No stack is started that is unsafe: each finding names its place, and no secret."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import Refused
from assay.home import Home
from assay.stack.preflight import FLAGS, preflight
from assay.stack.run import run_stack
from tests.certificates import Authority, lay_out, write_tls

DAY = 86_400


def refused(home: Home, environment: Mapping[str, str] | None = None) -> str:
    with pytest.raises(Refused) as told:
        preflight(home, environment or {})
    assert told.value.code == "unsafe"
    assert "expected" in told.value.message
    assert "found" in told.value.message
    return told.value.message


def tells(home: Home, settings: str) -> None:
    home.settings.touch(mode=0o600)
    home.settings.write_text(settings)


@pytest.mark.parametrize(
    "settings",
    [
        "{}",
        "host: localhost",
        "host: 127.0.0.2",
        "ledger: postgresql://assay@127.0.0.1:5432/ledger",
        "ledger: postgresql://assay@/ledger?host=/run/postgresql",
        "database: postgresql://assay:uncommon@db/mlflow?sslmode=verify-full&sslrootcert=/ca.pem",
    ],
)
def test_what_stays_here_or_is_verified_passes(home: Home, settings: str) -> None:
    tells(home, settings)
    assert preflight(home, {"PATH": "/bin", "MLFLOW_SERVER_ALLOWED_HOSTS": "a.example"}) is None


@pytest.mark.parametrize(
    "settings",
    [
        "host: 0.0.0.0",
        "host: registry.example",
        "ledger: postgresql://assay@db/ledger",
        "ledger: postgresql://assay@/ledger",
        "database: postgresql://assay@db/mlflow?sslmode=require",
        "database: postgresql://assay@db/mlflow?sslmode=verify-full&sslmode=disable",
        "ledger: postgresql://assay@localhost/ledger?host=db",
        "ledger: postgresql://assay@localhost/ledger?hostaddr=10.0.0.1",
        "ledger: postgresql://assay@localhost/ledger?service=far",
        "ledger: postgresql://assay@localhost,db/ledger",
        "database: postgresql://assay:password@localhost/mlflow",
        "database: postgresql://assay:assay@localhost/mlflow",
        "database: postgresql://assay@localhost/mlflow?password=postgres",
    ],
)
def test_plaintext_and_known_passwords_are_refused(home: Home, settings: str) -> None:
    tells(home, settings)
    assert refused(home).startswith(f"{settings.partition(':')[0]}: ")


@pytest.mark.parametrize("name", FLAGS)
def test_an_insecure_flag_is_refused(home: Home, name: str) -> None:
    wild = "ALLOWED" in name
    value = {"PYTHONHTTPSVERIFY": "0"}.get(name, "a.example, *" if wild else "TRUE")
    assert refused(home, {name: value}).startswith(f"{name}: ")
    harmless = {"PYTHONHTTPSVERIFY": "1"}.get(name, "a.example" if wild else "")
    assert preflight(home, {name: harmless}) is None


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("credentials/admin.password", "password1234"),
        ("credentials/admin.password", "short-of-12"),
        ("credentials/admin.password", ""),
        ("credentials/long-enough-name.password", "long-enough-name"),
        ("keys/mlflow-kek.secret", "of-eighteen-letter"),
    ],
)
def test_a_known_or_short_secret_is_refused(home: Home, name: str, secret: str) -> None:
    path = home.root / name
    path.touch(mode=0o600)
    path.write_text("a-random-one-of-forty-letters-and-digits")
    assert preflight(home, {}) is None
    path.write_text(secret)
    told = refused(home)
    assert told.startswith(f"{path}: ")
    assert not secret or secret not in told.removeprefix(str(path))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
@pytest.mark.parametrize("name", ["keys/gate.pem", "keys/split.key", "tls/server.key"])
def test_a_key_that_others_may_open_is_refused(home: Home, name: str, mode: int) -> None:
    write_tls(home, lay_out(home.root / "tls"))
    (home.root / name).chmod(mode)
    assert refused(home).startswith(f"{home.root / name}: expected mode 600, found {mode:o}")


def test_certificates_that_fit_pass_and_tell_when_the_first_ends(home: Home) -> None:
    tls = lay_out(home.root / "tls")
    write_tls(
        home,
        tls,
        host="0.0.0.0",
    )
    assert "not valid for '0.0.0.0'" in refused(home)
    write_tls(home, {**tls, "name": Path("127.0.0.1")}, host="0.0.0.0")
    one_day = preflight(home, {})
    people = Authority.make(home.root / "tls", "people")
    sooner = {"clients": people.file, "client": people.issue_joined("soon", days=0.5)}
    write_tls(home, {**tls, **sooner})
    ends = preflight(home, {})
    assert ends is not None
    assert one_day is not None
    assert abs(one_day - ends - DAY / 2) < 60


Change = Callable[[dict[str, Path], Authority], dict[str, Path]]


@pytest.mark.parametrize(
    ("change", "where", "told"),
    [
        (lambda t, a: {"key": a.issue("x")["key"]}, "tls.certificate", "KEY_VALUES_MISMATCH"),
        (lambda t, a: {"authority": a.file}, "tls.certificate", "unable to get local issuer"),
        (lambda t, a: {"clients": a.file}, "tls.client", "unable to get local issuer"),
        (lambda t, a: {"client": a.issue_joined("x")}, "tls.client", "unable to get local"),
        (lambda t, a: {"client": t["certificate"]}, "tls.client", "expected a PEM"),
        (lambda t, a: {"authority": t["key"]}, "tls.authority", "NO_CERTIFICATE"),
        (lambda t, a: {"key": t["key"].with_name("gone")}, "tls.key", "found none"),
        (
            lambda t, a: {**a.issue("x", days=-1), "authority": a.file},
            "tls.certificate",
            "certificate has expired",
        ),
        (
            lambda t, a: {"clients": a.file, "client": a.issue_joined("x", days=-1)},
            "tls.client",
            "certificate has expired",
        ),
        (
            lambda t, a: {**a.issue("x", "db"), "authority": a.file},
            "tls.certificate",
            "not valid for '127.0.0.1'",
        ),
    ],
)
def test_certificates_that_do_not_fit_are_refused(
    home: Home, change: Change, where: str, told: str
) -> None:
    tls = lay_out(home.root / "tls")
    write_tls(home, tls | change(tls, Authority.make(home.root / "tls", "another")))
    message = refused(home)
    assert f"{where}: " in message
    assert told in message


def test_a_bucket_beyond_this_machine_is_reached_by_tls(home: Home) -> None:
    tells(home, "artifacts: s3://models/assay")
    assert preflight(home, {"MLFLOW_S3_ENDPOINT_URL": "https://s3.example"}) is None
    plain = {"MLFLOW_S3_ENDPOINT_URL": "http://s3.example"}
    assert refused(home, plain).startswith("MLFLOW_S3_ENDPOINT_URL: ")


def test_every_finding_is_told_at_once(home: Home) -> None:
    tells(home, "host: 0.0.0.0\nledger: postgresql://assay@db/ledger")
    assert refused(home, {"SSLKEYLOGFILE": "/tmp/keys"}).count("; also: ") == 2


def test_nothing_is_started_or_written_over_an_unsafe_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    tells(home, "host: 0.0.0.0")
    with pytest.raises(Refused, match="unsafe"):
        run_stack(home, out=io.StringIO())
    assert list(tmp_path.iterdir()) == [home.settings]


@pytest.mark.parametrize("options", [[], ["--background"]])
def test_the_command_says_what_is_unsafe(
    home: Home, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    tells(home, "host: 0.0.0.0")
    assert main(["up", "--home", str(home.root), *options]) == 1
    assert capsys.readouterr().err.startswith("assay: [unsafe] host: expected loopback")
    assert main(["doctor", "--home", str(home.root)]) == 1
    assert "preflight" in capsys.readouterr().out.rpartition("to look at: ")[2]
