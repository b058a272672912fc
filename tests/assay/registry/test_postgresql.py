"""The whole registry with rows and ledger in PostgreSQL: the same acts, the same refusals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from assay.errors import EvidenceError
from assay.home import REPOSITORY
from assay.ledger import Ledger, committed_promotions
from assay.policy.force import put_in_force
from assay.policy.opa import OpaServer
from assay.registry.database import prepare
from assay.serving.champion import load_champion
from tests.assay.policy.submission import Site as Evidenced
from tests.assay.registry.faults import server_pids
from tests.assay.registry.line import Line, point_at
from tests.assay.registry.site import Logged, gated_site
from tests.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def databases(postgres: Postgres) -> tuple[str, str]:
    """MLflow's, and the ledger's."""
    return postgres.database(), postgres.database()


@pytest.fixture(scope="module")
def line(
    postgres: Postgres, databases: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Line]:
    evidenced = Evidenced.build(tmp_path_factory.mktemp("postgresql") / "home")
    home = evidenced.home
    registry, ledger = map(postgres.url, databases)
    home.settings.touch(mode=0o600)
    home.settings.write_text(f"database: {registry}\nledger: {ledger}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", "pw-owner")
        prepare(home, "owner")
    put_in_force(home, REPOSITORY / "policies", int(time.time()))
    with OpaServer(home.policy) as opa:
        point_at(home, opa.socket, opa.token_file)
        with gated_site(home) as site:
            yield Line(site, evidenced)


@pytest.fixture(scope="module")
def versions(line: Line, payload: Path) -> tuple[Logged, Logged]:
    line.look(payload)
    made = line.register(payload), line.register(payload)
    for version in made:
        assert line.submit(version, line.bundle(payload)).status == 200
        assert line.tags(version)["gate.allowed"] == "true"
    assert line.approve(made[0]).status == 200
    return made


def champion(line: Line) -> str:
    home = line.evidenced.home
    with line.site.signed_in("auditor"):
        found = load_champion("credit", trust=home.trust, tracking_uri=line.site.url)
    return found.promotion.version


def audited(line: Line) -> tuple[str, str]:
    told = line.site.ask("gate", "POST", "/assay/audits/credit").json
    return told["outcome"], told["champion"]


def test_a_version_is_promoted_and_verified(line: Line, versions: tuple[Logged, Logged]) -> None:
    assert champion(line) == versions[0].version
    assert audited(line) == ("well", versions[0].version)
    assert not (line.evidenced.home.root / "ledger.db").exists()
    assert not (line.evidenced.home.root / "mlflow" / "mlflow.db").exists()


def test_no_password_is_shown_by_ps(line: Line, versions: tuple[Logged, Logged]) -> None:
    for pid in server_pids(line.evidenced.home):
        assert b"pw-assay" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_who_has_mlflow_s_password_moves_no_alias(
    line: Line, versions: tuple[Logged, Logged], postgres: Postgres, databases: tuple[str, str]
) -> None:
    move = f"UPDATE registered_model_aliases SET version = {versions[1].version}"
    with pytest.raises(psycopg2.Error, match="only the gate writes this row"):
        postgres.sql(databases[0], f"{move} WHERE alias = 'champion'", "assay")
    with pytest.raises(psycopg2.Error):
        postgres.sql(databases[1], "DELETE FROM assay_ledger.chain", "assay")
    assert champion(line) == versions[0].version


def test_what_the_owner_moves_is_refused_and_put_back(
    line: Line, versions: tuple[Logged, Logged], postgres: Postgres, databases: tuple[str, str]
) -> None:
    """Nobody stops the owner of a database; the consumer and the audit see it."""
    table = "registered_model_aliases"
    move = f"UPDATE {table} SET version = {versions[1].version} WHERE alias = 'champion'"
    for statement in (
        f"ALTER TABLE {table} DISABLE TRIGGER assay_guard",
        move,
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER assay_guard",
    ):
        postgres.sql(databases[0], statement)
    with pytest.raises(EvidenceError):
        champion(line)
    assert audited(line) == ("restored", versions[0].version)
    assert champion(line) == versions[0].version


def test_promotions_at_once_follow_one_another(line: Line, versions: tuple[Logged, Logged]) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(line.approve, (*versions, *versions)))
    assert {answer.status for answer in answers} <= {200, 403}
    assert any(answer.status == 200 for answer in answers)
    numbers = [
        entry.body["sequence"]
        for entry in committed_promotions(Ledger.of(line.evidenced.home), "credit")
    ]
    assert numbers == sorted(set(numbers))
    assert champion(line) == line.aliases()["champion"]
    assert audited(line)[0] == "well"


def test_a_database_that_is_down_moves_nothing(
    line: Line, versions: tuple[Logged, Logged], postgres: Postgres, databases: tuple[str, str]
) -> None:
    now = champion(line)
    other = next(version for version in versions if version.version != now)
    postgres.sql("postgres", f"ALTER DATABASE {databases[1]} ALLOW_CONNECTIONS false", "postgres")
    try:
        answer = line.approve(other)
        assert (answer.status, answer.code) == (403, "ledger_unavailable"), answer.text
        assert line.site.ask("gate", "POST", "/assay/audits/credit").status == 503
        assert champion(line) == now
    finally:
        postgres.sql(
            "postgres", f"ALTER DATABASE {databases[1]} ALLOW_CONNECTIONS true", "postgres"
        )
    assert line.approve(other).status == 200
    assert champion(line) == other.version
