"""The rows that only the gate writes: in one transaction, behind triggers that refuse others.

SQLite's triggers call a function that only our connections have: a script or a second server that
writes into the same file by accident is refused. Whoever drops the triggers on purpose meets the
consumer, who verifies. PostgreSQL's are in `assay.registry.guard`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from mlflow.store.model_registry.dbmodels.models import (
    SqlModelVersionTag,
    SqlRegisteredModelAlias,
)
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from assay.policy.table import canonical
from assay.registry.names import OWN_ALIASES, is_reserved

_open: ContextVar[bool] = ContextVar("gate_open", default=False)
_GUARD = "assay_may_write"
_RULES: Mapping[str, str] = {
    "alias_insert": "BEFORE INSERT ON registered_model_aliases WHEN NOT {g}('alias', NEW.alias)",
    "alias_update": "BEFORE UPDATE ON registered_model_aliases "
    "WHEN NOT ({g}('alias', OLD.alias) AND {g}('alias', NEW.alias))",
    "alias_delete": "BEFORE DELETE ON registered_model_aliases WHEN NOT {g}('alias', OLD.alias)",
    "tag_insert": "BEFORE INSERT ON model_version_tags WHEN NOT {g}('tag', NEW.key)",
    "tag_update": "BEFORE UPDATE ON model_version_tags "
    "WHEN NOT ({g}('tag', OLD.key) AND {g}('tag', NEW.key))",
    "tag_delete": "BEFORE DELETE ON model_version_tags WHEN NOT {g}('tag', OLD.key)",
    "location": "BEFORE UPDATE OF storage_location ON model_versions "
    "WHEN OLD.storage_location IS NOT NEW.storage_location AND NOT {g}('place', '')",
    # A deletion alone moves the stage and blots the source out; nothing is brought back.
    "source": "BEFORE UPDATE OF source, current_stage ON model_versions "
    "WHEN NEW.current_stage IS NOT 'Deleted_Internal' AND NOT {g}('place', '') "
    "AND (OLD.source IS NOT NEW.source OR OLD.current_stage IS NOT NEW.current_stage)",
    "name": "BEFORE UPDATE OF name ON registered_models "
    "WHEN OLD.name IS NOT NEW.name AND NOT {g}('place', '')",
}


@contextmanager
def opened() -> Iterator[None]:
    """While this lasts, this context may write the gate's rows."""
    token = _open.set(True)
    try:
        yield
    finally:
        _open.reset(token)


def is_open() -> bool:
    """Whether this context may write the gate's rows."""
    return _open.get()


def may_write(kind: str, name: str) -> int:
    """What the triggers ask: 1 lets the row through."""
    if kind == "alias" and canonical(name) not in OWN_ALIASES:
        return 1
    if kind == "tag" and not is_reserved(name):
        return 1
    return int(is_open())


def _lend_guard(connection: Any, _record: object) -> None:
    connection.create_function(_GUARD, 2, may_write)


def install_triggers(engine: Engine) -> None:
    """Put the triggers into a SQLite database and lend their function to this engine."""
    if not event.contains(engine, "connect", _lend_guard):
        event.listen(engine, "connect", _lend_guard)
    engine.dispose()  # connections that were opened before know no function
    with engine.begin() as connection:
        for name, rule in _RULES.items():
            connection.execute(text(f"DROP TRIGGER IF EXISTS assay_{name}"))
            connection.execute(
                text(
                    f"CREATE TRIGGER assay_{name} {rule.format(g=_GUARD)} "
                    "BEGIN SELECT RAISE(ABORT, 'only the gate writes this row'); END"
                )
            )


def write_rows(
    store: Any,
    name: str,
    tags: Mapping[str, Mapping[str, str | None]],
    aliases: Mapping[str, str | None],
) -> None:
    """Set tags of a model's versions, and the model's aliases: all of them, or none.

    Args:
        store: The gated store.
        name: Registered model.
        tags: Version -> key -> value; None removes the tag, if it is there.
        aliases: Alias -> version that it points to from now on; None removes the alias.
    """
    with opened(), store.ManagedSessionMaker(read_only=False) as session:
        place = store._get_registered_model(session, name).workspace
        shared = {"workspace": place, "name": name}
        for version, own in tags.items():
            for key, value in own.items():
                row = {**shared, "version": int(version), "key": key}
                _write(session, SqlModelVersionTag, row, value=value)
        for alias, target in aliases.items():
            row = {**shared, "alias": alias}
            version_row = None if target is None else int(target)
            _write(session, SqlRegisteredModelAlias, row, version=version_row)


def _write(session: Any, table: Any, key: Mapping[str, Any], **value: Any) -> None:
    """One row; a value of None is no row."""
    if None in value.values():
        session.query(table).filter_by(**key).delete()
    else:
        session.merge(table(**key, **value))
