"""Where an installation's parts are is said plainly, or not at all."""

from __future__ import annotations

import pytest

from assay.errors import InputError
from assay.home import Home
from assay.settings import Settings, load_settings


def test_without_a_file_everything_is_here(home: Home) -> None:
    assert load_settings(home) == Settings()


def test_what_is_named_is_used(home: Home) -> None:
    home.settings.write_text(
        "ledger: postgresql://assay@db/ledger\nartifacts: s3://models/credit\n"
    )
    found = load_settings(home)
    assert (found.ledger, found.artifacts) == ("postgresql://assay@db/ledger", "s3://models/credit")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("leger: postgresql://db/a", "unknown key leger; did you mean 'ledger'"),
        ("ledger: mysql://db/a", "ledger: String should match"),
        ("ledger: ' postgresql://db/a'", "ledger: String should match"),
        ("artifacts: s3://models", "artifacts: String should match"),
        ("artifacts: s3://models/../other", "artifacts: String should match"),
        ("tls: {certificate: a.pem}", "tls.key: expected a value"),
        ("- ledger", "expected a mapping"),
    ],
)
def test_anything_else_is_refused(home: Home, text: str, told: str) -> None:
    home.settings.write_text(text)
    with pytest.raises(InputError) as refused:
        load_settings(home)
    assert str(home.settings) in refused.value.message
    assert told in refused.value.message
