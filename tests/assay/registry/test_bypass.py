"""Ways around the gate, tried on a real server, and on a vanilla one to see that they work."""

from __future__ import annotations

from typing import Any

import pytest

from assay.evidence.digest import digest_folder
from assay.home import REPOSITORY
from assay.registry.launch import server_folder
from tests.assay.registry.abuse import page
from tests.assay.registry.attempts import ATTEMPTS, CONTROLS, Attempt
from tests.assay.registry.site import Logged, Site


def _name(attempt: Attempt) -> str:
    return attempt.name.encode("ascii", "backslashreplace").decode()


def _standing(site: Site, target: Logged) -> dict[str, Any]:
    """Whatever an attempt could have moved."""
    assert site.home is not None
    model = site.api("admin", "GET", f"registered-models/get?name={target.model}").json
    version = site.api(
        "admin", "GET", f"model-versions/get?name={target.model}&version={target.version}"
    ).json
    models = site.api("admin", "GET", "registered-models/search").json["registered_models"]
    return {
        "aliases": model["registered_model"].get("aliases", []),
        "tags": version["model_version"]["tags"],
        "stage": version["model_version"]["current_stage"],
        "models": sorted(one["name"] for one in models),
        "bytes": digest_folder(server_folder(site.home) / "artifacts" / target.root),
    }


@pytest.fixture(scope="module")
def standing(site: Site, registered: Logged) -> dict[str, Any]:
    return _standing(site, registered)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=_name)
def test_no_way_around_the_gate(
    attempt: Attempt, site: Site, registered: Logged, standing: dict[str, Any]
) -> None:
    answer = attempt.make(site, registered)
    assert (answer.status, answer.code) == (attempt.status, attempt.code), answer.text
    assert _standing(site, registered) == standing


@pytest.mark.parametrize("attempt", CONTROLS, ids=_name)
def test_a_vanilla_server_lets_the_same_attempt_through(
    attempt: Attempt, vanilla: Site, plain: Logged
) -> None:
    answer = attempt.make(vanilla, plain)
    assert answer.status == 200, answer.text


def test_the_control_covers_each_family() -> None:
    assert len(CONTROLS) >= 12


def test_the_page_tells_of_each_attempt() -> None:
    assert (REPOSITORY / "docs" / "abuse.md").read_text(encoding="utf-8") == page()


def test_an_owner_may_do_what_says_nothing_of_the_gate(site: Site, registered: Logged) -> None:
    with site.signed_in("trainer") as client:
        client.set_model_version_tag("credit", registered.version, "note", "mine")
        client.set_registered_model_alias("credit", "shadow", registered.version)
        assert client.get_model_version_by_alias("credit", "shadow").version
    with site.signed_in("gate") as client:
        client.delete_registered_model_alias("credit", "shadow")
        client.delete_model_version_tag("credit", registered.version, "note")


def test_the_registrant_is_whoever_signed_in(site: Site, registered: Logged) -> None:
    with site.signed_in("auditor") as client:
        tags = client.get_model_version("credit", registered.version).tags
    assert tags == {"gate.registered_by": "trainer"}
