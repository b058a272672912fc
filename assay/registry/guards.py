"""What nobody does here, an administrator included: each would go around the gate."""

from __future__ import annotations

from typing import Any, NoReturn

from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from assay.errors import Refused
from assay.registry.gate import Gate
from assay.registry.identity import require_one_of
from assay.registry.names import OWN_ALIASES, plain_alias, plain_version, refuse_reserved
from assay.registry.refusal import answered
from assay.registry.users import GATE


def _closed(what: str, instead: str) -> NoReturn:
    raise Refused("closed", f"expected no {what} on a gated registry; {instead}")


class GuardedStore(SqlAlchemyStore):
    """MLflow's registry store, without what would go around the gate."""

    def protected_aliases(self, name: str) -> dict[str, str]:
        """Which of the gate's aliases a model holds: alias -> version."""
        aliases = super().get_registered_model(name).aliases
        return {alias: str(version) for alias, version in aliases.items() if alias in OWN_ALIASES}

    @answered
    def create_registered_model(self, name: str, tags: Any = None, *rest: Any, **more: Any) -> Any:
        """Create a model; MLflow gives its creator every right on it, so only the gate does."""
        require_one_of((GATE,), "not_gate", "create registered models")
        Gate.here().policy().model(name)
        refuse_reserved(tag.key for tag in tags or ())
        return super().create_registered_model(name, tags, *rest, **more)

    @answered
    def rename_registered_model(self, name: str, new_name: str) -> NoReturn:
        """Refused: evidence is bound to the name."""
        _closed("renaming", "evidence is bound to the name")

    @answered
    def delete_registered_model(self, name: str) -> None:
        """Delete a model that holds none of the gate's aliases, as the gate."""
        require_one_of((GATE,), "not_gate", "delete registered models")
        self._refuse_if_held(name, None)
        super().delete_registered_model(name)

    @answered
    def delete_model_version(self, name: str, version: Any) -> None:
        """Delete a version that holds none of the gate's aliases."""
        self._refuse_if_held(name, plain_version(version))
        super().delete_model_version(name, version)

    def _refuse_if_held(self, name: str, version: str | None) -> None:
        held = self.protected_aliases(name)
        if held if version is None else version in held.values():
            raise Refused(
                "holds_alias",
                f"expected nothing that holds {', '.join(sorted(held))}, found {name}; "
                "promote another version first",
            )

    @answered
    def transition_model_version_stage(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refused: stages carry no evidence."""
        _closed("stages", "set the alias champion as an approver")

    @answered
    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Tag a model with anything that is not the gate's."""
        refuse_reserved([tag.key])
        super().set_registered_model_tag(name, tag)

    @answered
    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Delete a model's tag that is not the gate's."""
        refuse_reserved([key])
        super().delete_registered_model_tag(name, key)

    @answered
    def delete_model_version_tag(self, name: str, version: Any, key: str) -> None:
        """Delete a version's tag that is not the gate's."""
        refuse_reserved([key])
        super().delete_model_version_tag(name, plain_version(version), key)

    @answered
    def create_webhook(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refused: a webhook carries what the registry knows elsewhere."""
        _closed("webhooks", "read the ledger")

    @answered
    def update_webhook(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refused."""
        _closed("webhooks", "read the ledger")

    @answered
    def delete_webhook(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refused."""
        _closed("webhooks", "read the ledger")


def movable_alias(alias: object) -> str:
    """An alias that anybody with the right to edit may move.

    Raises:
        Refused: One of the gate's.
    """
    plain = plain_alias(alias)
    if plain in OWN_ALIASES:
        raise Refused(
            "protected_alias",
            f"expected an alias that people move, found {plain}, which the gate alone moves; "
            "approvers set champion",
        )
    return plain
