"""Where an installation's parts are is said plainly, or not at all."""

from __future__ import annotations

import pytest

from assay.errors import InputError
from assay.home import Home
from assay.settings import Settings, as_user, load_settings, shown_url, user_of


def test_without_a_file_everything_is_here(home: Home) -> None:
    assert load_settings(home) == Settings()


def test_what_is_named_is_used(home: Home) -> None:
    home.settings.write_text(
        "ledger: postgresql://assay@db/ledger\ndatabase: postgresql://assay@db/mlflow\n"
    )
    found = load_settings(home)
    assert found.ledger == "postgresql://assay@db/ledger"
    assert found.database == "postgresql://assay@db/mlflow"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("leger: postgresql://db/a", "unknown key leger; did you mean 'ledger'"),
        ("ledger: mysql://db/a", "ledger: expected postgresql://USER"),
        ("ledger: ' postgresql://db/a'", "ledger: expected postgresql://USER"),
        ("tls: {certificate: /a.pem}", "tls.key: expected a value, found nothing"),
        ("tls: {certificate: a.pem, key: /b, authority: /c}", "tls.certificate: expected an abs"),
        ("tls: {certificate: /a, key: /b, authority: /c, clients: /d}", "tls: expected `client`"),
        ("tls: {verify: false}", "unknown key tls.verify"),
        ("host: ::1", "host: "),
        ("artifacts: s3://models", "artifacts: String should match"),
        ("artifacts: s3://models/../other", "artifacts: String should match"),
        ("- ledger", "expected a mapping"),
    ],
)
def test_anything_else_is_refused(home: Home, text: str, told: str) -> None:
    home.settings.write_text(text)
    with pytest.raises(InputError) as refused:
        load_settings(home)
    assert str(home.settings) in refused.value.message
    assert told in refused.value.message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/ledger",
        "postgresql://assay:se@cret@db/ledger",
        "postgresql://assay:se/cret@db/ledger",
        "postgresql://assay:se:cret@db/ledger",
        "postgresql://assay:secret%@db/ledger",
        "postgresql://assay:secret%zz@db/ledger",
        "postgresql://assay:secret@db/",
        "postgresql://assay:secret@db/ledger#x",
        "postgresql://assay:sécret@db/ledger",
    ],
)
def test_what_libpq_could_read_otherwise_is_refused_and_not_repeated(home: Home, url: str) -> None:
    home.settings.write_text(f"database: {url}\n")
    home.settings.chmod(0o600)
    with pytest.raises(InputError, match="database: expected postgresql://USER") as refused:
        load_settings(home)
    assert "cret" not in refused.value.message


@pytest.mark.parametrize(
    "url", ["postgresql://assay:secret@db/x", "postgresql://assay@db/x?sslpassword=secret"]
)
def test_a_file_with_a_password_is_its_owner_s_alone(home: Home, url: str) -> None:
    home.settings.write_text(f"ledger: {url}\n")
    home.settings.chmod(0o640)
    with pytest.raises(InputError, match="0600") as refused:
        load_settings(home)
    assert "secret" not in refused.value.message
    home.settings.chmod(0o600)
    assert load_settings(home).ledger == url


def test_a_url_is_shown_without_what_is_secret_and_taken_over_by_another_role() -> None:
    url = "postgresql://assay%2Djob:secret@db:5433/x?sslmode=verify-full"
    assert shown_url(url) == "postgresql://assay%2Djob@db:5433/x"
    assert user_of(url) == "assay-job"
    assert as_user(url, "an owner") == "postgresql://an%20owner@db:5433/x?sslmode=verify-full"
