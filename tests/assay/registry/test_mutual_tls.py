"""The whole registry over mutual TLS: a click, its verification, and who is not let in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from assay.home import REPOSITORY
from assay.ledger import Ledger
from assay.policy.force import put_in_force
from assay.policy.opa import OpaServer
from assay.registry.asking import Asker
from assay.registry.users import read_password
from assay.registry.wire import open_session
from assay.serving.champion import load_champion
from tests.assay.policy.submission import Site as Evidenced
from tests.assay.registry.line import Line, point_at
from tests.assay.registry.site import gated_site
from tests.certificates import lay_out, write_tls

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    evidenced = Evidenced.build(tmp_path_factory.mktemp("mutual") / "home")
    home = evidenced.home
    Ledger.create(home)
    write_tls(home, lay_out(home.root / "tls"), host="127.0.0.1")
    put_in_force(home, REPOSITORY / "policies", int(time.time()))
    with OpaServer(home.policy) as opa:
        point_at(home, opa.socket, opa.token_file)
        with gated_site(home) as site:
            yield Line(site, evidenced)


def test_a_click_makes_a_champion_that_a_consumer_verifies(line: Line, payload: Path) -> None:
    assert line.site.url.startswith("https://")
    line.look(payload)
    version = line.register(payload)
    assert line.submit(version, line.bundle(payload)).status == 200
    assert line.approve(version, "trainer").code == "not_approver"
    assert line.approve(version).status == 200
    home = line.evidenced.home
    with line.site.signed_in("auditor"):
        found = load_champion("credit", trust=home.trust, tracking_uri=line.site.url)
    assert found.promotion.version == version.version
    assert Asker(line.site.url, home).audit("credit").outcome == "well"


def test_a_password_alone_lets_nobody_in(line: Line) -> None:
    home = line.evidenced.home
    authority = str(home.root / "tls" / "servers.pem")
    with pytest.raises(requests.ConnectionError):
        requests.get(
            f"{line.site.url}/api/2.0/mlflow/registered-models/search",
            auth=("admin", read_password(home, "admin")),
            verify=authority,
            timeout=30,
        )


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Host", "elsewhere.example", 403),
        ("Origin", "https://elsewhere.example", 403),
        ("Origin", "{url}", 200),
    ],
)
def test_a_page_of_elsewhere_is_not_answered(
    line: Line, header: str, value: str, status: int
) -> None:
    home = line.evidenced.home
    with open_session(home) as session:
        answer = session.post(
            f"{line.site.url}/ajax-api/2.0/mlflow/runs/search",
            json={"experiment_ids": ["0"]},
            auth=("auditor", read_password(home, "auditor")),
            headers={header: value.format(url=line.site.url)},
            timeout=60,
        )
    assert answer.status_code == status, answer.text
