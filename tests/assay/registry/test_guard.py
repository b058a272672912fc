"""In PostgreSQL, whoever has MLflow's password writes none of the gate's rows; the gate does."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from mlflow.entities.model_registry import ModelVersionTag
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import Engine, text

from assay.errors import AssayError, InputError
from assay.home import Home
from assay.registry.database import prepare
from assay.registry.guard import guard_secret, require_guarded
from assay.registry.rows import opened, write_rows
from assay.registry.store import GatedStore, build_store
from tests.assay.registry.test_rows import FORBIDDEN
from tests.postgres import Postgres

MORE = [
    "INSERT INTO registered_model_aliases VALUES ('ＣＨＡＭＰＩＯＮ', 1, 'credit', 'default')",
    "INSERT INTO registered_model_aliases VALUES ('CHAMPION', 1, 'credit', 'default')",
    "INSERT INTO model_version_tags VALUES ('gate.x', 'y', 'credit', 1, 'default')",
    "INSERT INTO model_version_tags VALUES ('name', 1, ' GATE.x', 'y', 'default')",
    "UPDATE model_version_tags SET key = 'ｇate.other' WHERE key = 'note'",
    "UPDATE model_version_tags SET key = ' Gate.other' WHERE key = 'note'",
    "UPDATE model_versions SET current_stage = 'Archived' WHERE version = 1",
    "UPDATE model_versions SET version = 9 WHERE version = 1",
    "DELETE FROM model_versions WHERE version = 1",
    "TRUNCATE registered_model_aliases",
    "TRUNCATE model_version_tags",
    "ALTER TABLE registered_model_aliases DISABLE TRIGGER ALL",
    "DROP TRIGGER assay_guard ON registered_model_aliases",
    "CREATE TRIGGER z BEFORE INSERT ON model_versions EXECUTE FUNCTION assay_gate.guard()",
    "CREATE TABLE public.registered_model_aliases_2 ()",
    "CREATE SCHEMA shadow",
    "UPDATE alembic_version SET version_num = 'x'",
    "SELECT * FROM assay_gate.secret",
    "CREATE OR REPLACE FUNCTION assay_gate.opened() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "SET session_replication_role = replica",
    "SET ROLE owner",
]
SEEN = "SELECT t::text FROM {} AS t ORDER BY 1"
TABLES = ("registered_model_aliases", "model_version_tags", "model_versions", "registered_models")
ALIAS = "UPDATE registered_model_aliases SET version = 2 WHERE alias = 'champion'"


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> str:
    return postgres.database()


@pytest.fixture(scope="module")
def home(
    postgres: Postgres, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """A home whose registry is in PostgreSQL, prepared by the owner."""
    made = Home(tmp_path_factory.mktemp("elsewhere") / "home").create()
    made.settings.write_text(f"database: {postgres.url(database)}\n")
    made.settings.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_HOME", str(made.root))
        patch.setenv("PGPASSWORD", "pw-owner")
        prepare(made, "owner")
        yield made


@pytest.fixture(scope="module")
def store(home: Home, postgres: Postgres, database: str) -> Iterator[GatedStore]:
    made = build_store(f"gated+{postgres.url(database)}")
    with opened():
        SqlAlchemyStore.create_registered_model(made, "credit")
        for _ in range(2):
            SqlAlchemyStore.create_model_version(made, "credit", "mlflow-artifacts:/1/models/m")
    write_rows(made, "credit", {"1": {"gate.allowed": "true"}}, {"champion": "1"})
    SqlAlchemyStore.set_registered_model_alias(made, "credit", "shadow", 1)
    SqlAlchemyStore.set_model_version_tag(made, "credit", "1", ModelVersionTag("note", "mine"))
    yield made
    made.engine.dispose()


@pytest.mark.parametrize("statement", FORBIDDEN + MORE)
def test_the_role_s_own_statements_write_nothing(
    store: GatedStore, postgres: Postgres, database: str, statement: str
) -> None:
    before = [postgres.sql(database, SEEN.format(table)) for table in TABLES]
    with pytest.raises(psycopg2.Error):
        postgres.sql(database, statement, "assay")
    assert [postgres.sql(database, SEEN.format(table)) for table in TABLES] == before


@pytest.mark.parametrize("statement", [s for s in FORBIDDEN[1:] if not s.startswith("INSERT")])
def test_a_refusal_is_the_guard_s(
    store: GatedStore, postgres: Postgres, database: str, statement: str
) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="only the gate"):
        postgres.sql(database, statement, "assay")


def test_what_is_nobody_s_is_still_written(store: GatedStore) -> None:
    SqlAlchemyStore.set_registered_model_alias(store, "credit", "shadow", 2)
    SqlAlchemyStore.set_registered_model_alias(store, "credit", "shadow", 1)
    SqlAlchemyStore.set_model_version_tag(store, "credit", "2", ModelVersionTag("n", "1"))
    SqlAlchemyStore.delete_model_version_tag(store, "credit", "2", "n")


def test_the_gate_moves_what_is_its_own(store: GatedStore) -> None:
    write_rows(store, "credit", {"2": {"gate.allowed": "true"}}, {"champion": "2", "previous": "1"})
    assert store.get_model_version_by_alias("credit", "champion").version == 2
    write_rows(store, "credit", {"2": {"gate.allowed": None}}, {"champion": "1", "previous": None})
    assert store.get_model_version_by_alias("credit", "champion").version == 1


def _token(engine: Engine) -> str:
    """What a session of the same role could read while the gate writes."""
    with opened(), engine.begin() as connection:
        connection.execute(text(ALIAS))
        token = str(connection.execute(text("SELECT current_setting('assay.token')")).scalar_one())
        connection.rollback()
    return token


def test_a_token_that_was_seen_opens_no_other_transaction(
    store: GatedStore, postgres: Postgres, database: str
) -> None:
    for token in (_token(store.engine), "", "0" * 64):
        replay = f"SET assay.token = '{token}'; {ALIAS}"
        with pytest.raises(psycopg2.Error, match="only the gate"):
            postgres.sql(database, replay, "assay")


def test_a_token_ends_with_its_transaction(store: GatedStore) -> None:
    with store.engine.connect() as connection:
        with opened(), connection.begin():
            connection.execute(text(ALIAS.replace("2", "1")))
        with pytest.raises(Exception, match="only the gate"), connection.begin():
            connection.execute(text(ALIAS))


def test_another_home_s_secret_opens_nothing(
    store: GatedStore, home: Home, postgres: Postgres, database: str
) -> None:
    require_guarded(postgres.url(database), guard_secret(home))
    with pytest.raises(InputError, match="secret of this home"):
        require_guarded(postgres.url(database), b"another")


@pytest.mark.parametrize(
    ("change", "back", "told"),
    [
        ("COMMENT ON SCHEMA assay_gate IS 'older'", None, "this version's guard"),
        (
            "ALTER TABLE registered_models DISABLE TRIGGER assay_guard",
            "ALTER TABLE registered_models ENABLE ALWAYS TRIGGER assay_guard",
            "a guard on each table",
        ),
        ("GRANT owner TO assay", "REVOKE owner FROM assay", "a role that owns nothing"),
        ("ALTER ROLE assay CREATEROLE", "ALTER ROLE assay NOCREATEROLE", "without power"),
        (
            "GRANT TRIGGER ON model_versions TO assay",
            "REVOKE TRIGGER ON model_versions FROM assay",
            "makes and empties no table",
        ),
        (
            "GRANT CREATE ON SCHEMA public TO assay",
            "REVOKE CREATE ON SCHEMA public FROM assay",
            "makes and empties no table",
        ),
    ],
)
def test_a_database_that_guards_less_is_not_served(
    store: GatedStore,
    home: Home,
    postgres: Postgres,
    database: str,
    change: str,
    back: str | None,
    told: str,
) -> None:
    postgres.sql(database, change, "postgres")
    try:
        with pytest.raises(InputError, match=told) as refused:
            build_store(f"gated+{postgres.url(database)}")
        assert refused.value.code == "not_gated"
    finally:
        if back:
            postgres.sql(database, back, "postgres")
        else:
            prepare(home, "owner")
    require_guarded(postgres.url(database), guard_secret(home))


def test_an_unprepared_database_and_one_that_is_down_are_told_apart(
    home: Home, postgres: Postgres
) -> None:
    with pytest.raises(InputError, match="not_gated"):
        build_store(f"gated+{postgres.url(postgres.database())}")
    with pytest.raises(AssayError, match="database_unavailable") as refused:
        build_store("gated+postgresql://assay:pw-assay@127.0.0.1:1/x")
    assert "pw-" not in refused.value.message


def test_whoever_owns_the_tables_is_not_who_uses_them(home: Home, postgres: Postgres) -> None:
    own = Home(home.root.parent / "own").create()
    own.settings.write_text(f"database: {postgres.url(postgres.database(), 'owner')}\n")
    own.settings.chmod(0o600)
    with pytest.raises(InputError, match="who owns the tables"):
        prepare(own, "owner")


def test_a_home_that_names_no_database_has_none_to_prepare(home: Home) -> None:
    with pytest.raises(InputError, match="no_database"):
        prepare(Home(home.root.parent / "plain").create(), "owner")
