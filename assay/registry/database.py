"""What the owner of the databases does once, and after each upgrade, so that others need not own.

MLflow and the ledger's users sign in as roles that make no table. So it is the owner who makes
and upgrades MLflow's schema, puts the guard beside it, and makes the ledger.
"""

from __future__ import annotations

from mlflow.store.db.utils import _all_tables_exist, _initialize_tables, _upgrade_db

from assay.errors import InputError
from assay.home import Home
from assay.ledger.postgresql import PostgresTable
from assay.registry.guard import connecting, install_guard, require_guarded, secret_file
from assay.registry.users import write_secret
from assay.settings import as_user, load_settings, user_of


def prepare(home: Home, owner: str) -> list[str]:
    """Make ready, as their owner, the databases that a home's settings name.

    Args:
        home: Its settings say where they are, and which roles use them.
        owner: The role that owns them; libpq finds its password (PGPASSWORD, or ~/.pgpass).

    Returns:
        A line on each.

    Raises:
        InputError: The settings name none (`no_database`), or the owner as the user (`not_gated`).
        Unavailable: One of them does not answer, or refuses.
    """
    settings = load_settings(home)
    done = []
    if settings.ledger is not None:
        done.append(_prepare_ledger(settings.ledger, owner))
    if settings.database is not None:
        done.append(_prepare_mlflow(home, settings.database, owner))
    if not done:
        told = f"expected ledger or database in {home.settings}, found neither"
        raise InputError("no_database", told)
    return done


def _prepare_ledger(url: str, owner: str) -> str:
    table = PostgresTable(as_user(url, owner))
    made = not table.exists()
    if made:
        table.create()
    table.lend(user_of(url))
    return f"ledger at {PostgresTable(url)}: {'made, empty' if made else 'there already'}"


def _prepare_mlflow(home: Home, url: str, owner: str) -> str:
    if user_of(url) == owner:
        told = f"expected another role than {owner}, who owns the tables, in {home.settings}"
        raise InputError("not_gated", told)
    secret = write_secret(secret_file(home)).encode()
    with connecting(as_user(url, owner)) as engine:
        if _all_tables_exist(engine):
            _upgrade_db(engine)
        else:
            _initialize_tables(engine)
        with engine.begin() as connection:
            install_guard(connection, user_of(url), secret)
    require_guarded(url, secret)
    return f"MLflow's database at {PostgresTable(url)}: schema and guard of this version"
