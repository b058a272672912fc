"""The rows that only the gate writes, where MLflow keeps them in PostgreSQL.

MLflow signs in as a role that owns none of its tables. Triggers of the owner's let a guarded row
through when the transaction carries a token: HMAC-SHA256, under a secret that the gate and the
owner's functions alone can read, of what names this one transaction. So a token that somebody sees
(every session of a role is shown to the role) opens no other.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from assay.errors import InputError, Unavailable
from assay.evidence.digest import digest_bytes
from assay.evidence.files import read_bytes
from assay.home import Home
from assay.registry.names import OWN_ALIASES, RESERVED
from assay.registry.rows import is_open, opened
from assay.settings import shown_url

_TABLES = ("registered_model_aliases", "model_version_tags", "model_versions", "registered_models")
_BLOCK = 64  # bytes of SHA-256's block
# No backslash and no % below: one reads otherwise where a session says so, the other in a driver.
_FUNCTIONS = """
CREATE OR REPLACE FUNCTION assay_gate.ticket() RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_current_xact_id()::text || ' ' || extract(epoch FROM now())::text
$$;
CREATE OR REPLACE FUNCTION assay_gate.opened() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((
        SELECT sha256(convert_to(current_setting('assay.token', true), 'UTF8')) = sha256(convert_to(
            encode(sha256(outer_key || sha256(
                inner_key || convert_to(assay_gate.ticket(), 'UTF8'))), 'hex'), 'UTF8'))
        FROM assay_gate.secret
    ), false)
$$;
CREATE OR REPLACE FUNCTION assay_gate.owns_alias(alias text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT alias COLLATE "C" !~ '^[A-Za-z0-9_-]+$' OR lower(alias COLLATE "C") IN (ALIASES)
$$;
CREATE OR REPLACE FUNCTION assay_gate.owns_tag(key text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT key COLLATE "C" !~ '^[ -~]+$' OR EXISTS (
        SELECT FROM unnest(ARRAY[PREFIXES]) AS prefix
        WHERE starts_with(ltrim(lower(key COLLATE "C")), prefix))
$$;
CREATE OR REPLACE FUNCTION assay_gate.guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE guarded boolean;
BEGIN
    CASE TG_TABLE_NAME
    WHEN 'registered_model_aliases' THEN
        guarded := (TG_OP <> 'INSERT' AND assay_gate.owns_alias(OLD.alias))
            OR (TG_OP <> 'DELETE' AND assay_gate.owns_alias(NEW.alias));
    WHEN 'model_version_tags' THEN
        guarded := (TG_OP <> 'INSERT' AND assay_gate.owns_tag(OLD.key))
            OR (TG_OP <> 'DELETE' AND assay_gate.owns_tag(NEW.key));
    WHEN 'model_versions' THEN
        guarded := OLD.storage_location IS DISTINCT FROM NEW.storage_location
            OR (NEW.current_stage IS DISTINCT FROM 'Deleted_Internal' AND (
                OLD.current_stage IS DISTINCT FROM NEW.current_stage
                OR OLD.source IS DISTINCT FROM NEW.source));
    WHEN 'registered_models' THEN
        guarded := OLD.name IS DISTINCT FROM NEW.name;
    END CASE;
    IF guarded AND NOT assay_gate.opened() THEN
        RAISE EXCEPTION 'only the gate writes this row' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
"""
_FUNCTIONS = _FUNCTIONS.replace("ALIASES", ", ".join(f"'{name}'" for name in sorted(OWN_ALIASES)))
_FUNCTIONS = _FUNCTIONS.replace("PREFIXES", ", ".join(f"'{prefix}'" for prefix in RESERVED))
_TRIGGER = """
DROP TRIGGER IF EXISTS assay_guard ON public.{table};
CREATE TRIGGER assay_guard BEFORE {events} ON public.{table}
    FOR EACH ROW EXECUTE FUNCTION assay_gate.guard();
ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER assay_guard;
"""
_EVENTS = dict.fromkeys(_TABLES[:2], "INSERT OR UPDATE OR DELETE") | dict.fromkeys(
    _TABLES[2:], "UPDATE"
)
_GUARD = _FUNCTIONS + "".join(
    _TRIGGER.format(table=table, events=events) for table, events in _EVENTS.items()
)
_VERSION = digest_bytes(_GUARD.encode())
_SECRET = """
CREATE SCHEMA IF NOT EXISTS assay_gate;
CREATE TABLE IF NOT EXISTS assay_gate.secret (inner_key bytea NOT NULL, outer_key bytea NOT NULL);
REVOKE ALL ON SCHEMA assay_gate FROM PUBLIC, {role};
REVOKE ALL ON assay_gate.secret FROM PUBLIC, {role};
DELETE FROM assay_gate.secret;
"""
_RIGHTS = """
GRANT USAGE ON SCHEMA assay_gate TO {role};
REVOKE CREATE ON DATABASE {database} FROM PUBLIC, {role};
REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role};
GRANT USAGE ON SCHEMA public TO {role};
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
REVOKE INSERT, UPDATE, DELETE ON public.alembic_version FROM {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
"""
# What has to hold of the session that MLflow has, in this order.
_CHECKS = {
    "this version's guard": f"""SELECT coalesce(
        obj_description(to_regnamespace('assay_gate'), 'pg_namespace') = '{_VERSION}', false)""",
    "a guard on each table": """SELECT count(*) = 4 FROM pg_trigger
        WHERE tgname = 'assay_guard' AND tgenabled = 'A'
        AND tgfoid = to_regprocedure('assay_gate.guard()')""",
    "a role without power over others": """SELECT NOT (rolsuper OR rolcreaterole OR rolreplication)
        FROM pg_roles WHERE rolname = current_user""",
    "a role that owns nothing": """SELECT NOT EXISTS (
        SELECT FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
        WHERE nspname IN ('public', 'assay_gate')
        AND (pg_has_role(relowner, 'MEMBER') OR pg_has_role(nspowner, 'MEMBER')))""",
    "a role that makes and empties no table": """SELECT NOT (
        has_database_privilege(current_database(), 'CREATE')
        OR has_schema_privilege('public', 'CREATE')
        OR EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('public')
            AND relkind = 'r' AND has_table_privilege(oid, 'TRUNCATE, TRIGGER')))""",
    "no token where none was set": "SELECT NOT assay_gate.opened()",
}


def secret_file(home: Home) -> Path:
    """Where the gate keeps what tokens are made with."""
    return home.credentials / "database.secret"


def guard_secret(home: Home) -> bytes:
    """What tokens are made with.

    Raises:
        InputError: This home's database was not prepared (`not_gated`).
    """
    path = secret_file(home)
    if not path.exists():
        told = f"expected {path}, found none; run `assay database prepare`"
        raise InputError("not_gated", told)
    return read_bytes(path, limit=1000).strip()


def install_guard(connection: Connection, role: str, secret: bytes) -> None:
    """Put the guard beside MLflow's tables, as their owner; what was there is replaced.

    Args:
        connection: In a transaction of the owner's.
        role: Whom MLflow signs in as.
        secret: The gate's.
    """
    names = connection.dialect.identifier_preparer
    database = connection.exec_driver_sql("SELECT current_database()").scalar_one()
    quoted = {"role": names.quote(role), "database": names.quote(database)}
    connection.exec_driver_sql(_SECRET.format(**quoted))
    padded = secret.ljust(_BLOCK, b"\0")
    keys = {"i": bytes(b ^ 0x36 for b in padded), "o": bytes(b ^ 0x5C for b in padded)}
    connection.exec_driver_sql("INSERT INTO assay_gate.secret VALUES (%(i)s, %(o)s)", keys)
    connection.exec_driver_sql(_GUARD)
    connection.exec_driver_sql(f"COMMENT ON SCHEMA assay_gate IS '{_VERSION}'")
    connection.exec_driver_sql(_RIGHTS.format(**quoted))


def lend_token(engine: Engine, secret: bytes) -> None:
    """From now on, transactions of this engine that begin while the gate is open carry a token."""

    def sign(connection: Connection) -> None:
        if is_open():
            ticket = connection.exec_driver_sql("SELECT assay_gate.ticket()").scalar_one()
            token = hmac.new(secret, ticket.encode(), sha256).hexdigest()
            connection.exec_driver_sql(
                "SELECT pg_catalog.set_config('assay.token', %(token)s, true)", {"token": token}
            )

    event.listen(engine, "begin", sign)


def require_guarded(url: str, secret: bytes) -> None:
    """Whether MLflow's database guards the gate's rows from the role that MLflow has.

    Args:
        url: As `Settings.database` has it.
        secret: The gate's.

    Raises:
        InputError: It does not (`not_gated`).
        Unavailable: It does not answer (`database_unavailable`).
    """
    with connecting(url) as engine:
        lend_token(engine, secret)
        with engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL search_path = pg_catalog")
            for told, check in _CHECKS.items():
                if connection.exec_driver_sql(check).scalar_one() is not True:
                    raise _unguarded(told, url)
        with opened(), engine.begin() as connection:
            if connection.exec_driver_sql("SELECT assay_gate.opened()").scalar_one() is not True:
                raise _unguarded("the secret of this home", url)


@contextmanager
def connecting(url: str) -> Iterator[Engine]:
    """An engine of its own for a database.

    Raises:
        Unavailable: The database does not answer, or refuses (`database_unavailable`).
    """
    engine = create_engine(url, connect_args={"connect_timeout": 10})
    try:
        yield engine
    except SQLAlchemyError as error:
        found = str(getattr(error, "orig", None) or type(error).__name__).partition("\n")[0]
        told = f"expected MLflow's database at {shown_url(url)}, found: {found}"
        raise Unavailable("database_unavailable", told) from None
    finally:
        engine.dispose()


def _unguarded(told: str, url: str) -> InputError:
    return InputError(
        "not_gated",
        f"expected {told} at {shown_url(url)}, found another; "
        "run `assay database prepare` as the owner of MLflow's database",
    )
