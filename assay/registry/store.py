"""The registry of MLflow's server, gated: schemes `gated+sqlite` and `gated+postgresql`.

A scheme of its own, because a plugin that overrides a built-in scheme and fails to import leaves
the plain store in place.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from mlflow.entities.model_registry import ModelVersionTag
from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.store.model_registry.dbmodels.models import SqlModelVersion

from assay.errors import InputError, Refused
from assay.evidence.access import noted
from assay.registry.gate import Gate
from assay.registry.guard import guard_secret, lend_token, require_guarded
from assay.registry.guards import GuardedStore, movable_alias
from assay.registry.identity import require_one_of
from assay.registry.names import (
    APPROVAL,
    CHAMPION,
    REGISTERED_BY,
    SCHEME,
    SUBMIT,
    WAIVE,
    logged_model_of,
    plain_alias,
    plain_version,
    refuse_reserved,
    shown_name,
)
from assay.registry.promotion import promote
from assay.registry.refusal import answered
from assay.registry.reviews import review
from assay.registry.rows import install_triggers, opened
from assay.registry.sealed import PROXIED
from assay.registry.server import tracking_store
from assay.registry.submission import submit
from assay.registry.waivers import waive

_READY = "READY"


def build_store(store_uri: str, **_: object) -> GatedStore:
    """MLflow's door to this plugin.

    Args:
        store_uri: `gated+sqlite:///file`, or `gated+` and what `Settings.database` has.

    Raises:
        InputError: Another database, one without a guard, or workspaces, which are not gated.
        Unavailable: PostgreSQL does not answer.
    """
    uri = store_uri.removeprefix(SCHEME)
    if not uri.startswith(("sqlite:", "postgresql:")) or MLFLOW_ENABLE_WORKSPACES.get():
        told = "expected gated+sqlite or gated+postgresql without workspaces, found another"
        raise InputError("not_gated", told)
    if uri.startswith("postgresql:"):
        require_guarded(uri, guard_secret(Gate.here().home))
    return GatedStore(uri)


class GatedStore(GuardedStore):
    """MLflow's registry store; whatever gives a version standing passes the gate."""

    def _initialize_store_state(self) -> None:
        super()._initialize_store_state()
        if self.engine.dialect.name == "sqlite":
            install_triggers(self.engine)
        else:
            lend_token(self.engine, guard_secret(Gate.here().home))

    def artifact_locations(self) -> list[str]:
        """Where the artifacts of registered versions are, of deleted ones too."""
        with self.ManagedSessionMaker() as session:
            rows = session.query(SqlModelVersion.storage_location).distinct().all()
        return [location for (location,) in rows if location]

    @answered
    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Any = None,
        *rest: Any,
        **more: Any,
    ) -> Any:
        """Register a logged model, as the model's owner, who is written down beside it."""
        owner = Gate.here().policy().model(name).owner
        user = require_one_of((owner,), "not_owner", f"register versions of {name}")
        refuse_reserved(tag.key for tag in tags or ())
        _require_kept(logged_model_of(source))
        stamped = [*(tags or ()), ModelVersionTag(REGISTERED_BY, user)]
        with Gate.here().registering(), opened():
            return super().create_model_version(name, source, run_id, stamped, *rest, **more)

    @answered
    def set_model_version_tag(self, name: str, version: Any, tag: Any) -> None:
        """Tag a version; three keys are for the gate: a submission, a waiver, a review."""
        if tag.key == SUBMIT:
            submit(self, name, plain_version(version), tag.value)
        elif tag.key == WAIVE:
            waive(self, name, plain_version(version), tag.value)
        elif tag.key == APPROVAL:
            review(self, name, plain_version(version), tag.value)
        else:
            refuse_reserved([tag.key])
            super().set_model_version_tag(name, plain_version(version), tag)

    @answered
    def set_registered_model_alias(self, name: str, alias: str, version: Any) -> None:
        """Point an alias at a version; `champion` is a promotion, and is verified first."""
        with _alias_noted(name, alias):
            if plain_alias(alias) == CHAMPION:
                promote(self, name, plain_version(version))
            else:
                alias, version = movable_alias(alias), plain_version(version)
                super().set_registered_model_alias(name, alias, version)

    @answered
    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Delete an alias that is not the gate's."""
        with _alias_noted(name, alias):
            super().delete_registered_model_alias(name, movable_alias(alias))


def _alias_noted(name: str, alias: str) -> AbstractContextManager[None]:
    what = f"alias {shown_name(alias)} of {shown_name(name)}"
    return noted(Gate.here().home, what)


def _require_kept(model_id: str) -> None:
    """A finished logged model whose artifacts this server keeps, so that they can be sealed."""
    model = tracking_store().get_logged_model(model_id)
    if model.status != _READY or not model.artifact_location.startswith(f"{PROXIED}:/"):
        raise Refused(
            "bad_source",
            "expected a finished logged model whose artifacts this server keeps, found another",
        )
