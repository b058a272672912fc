"""Names as the gate compares them, so that no look-alike goes around it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from assay.errors import Refused
from assay.policy.table import canonical

SCHEME = "gated+"  # before the scheme of the database behind the gate

CHAMPION = "champion"
PREVIOUS = "previous"
CHALLENGER = "challenger"
OWN_ALIASES = frozenset({CHAMPION, PREVIOUS, CHALLENGER})

SUBMIT = "assay.submit"
WAIVE = "assay.waive"
APPROVAL = "approval"
REVIEWED = "gate.review."
WAIVED = "gate.waived."
REGISTERED_BY = "gate.registered_by"
APPROVED_BY = "gate.approved_by"
DECISION = "gate.decision"
LEDGER = "gate.ledger"
ALLOWED = "gate.allowed"
PROMOTION = "gate.promotion"
DEMOTED = "gate.demoted"
# MLflow's prompt marker moves a model into another family, with other permissions. Nothing else
# may read like an approval on the version's page.
RESERVED = ("gate.", "assay.", APPROVAL, "mlflow.prompt.")

_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}")
_VERSION = re.compile(r"[1-9][0-9]{0,9}")
_SHOWN = re.compile(r"[A-Za-z0-9._-]{1,100}")
_SOURCE = re.compile(r"models:/(m-[0-9a-f]{32})")


def plain_alias(alias: object) -> str:
    """An alias that is what it looks like.

    Raises:
        Refused: Other characters, or a protected alias in another spelling.
    """
    if not isinstance(alias, str) or not _ALIAS.fullmatch(alias):
        raise Refused("bad_alias", "expected an alias of plain letters, digits, - and _")
    if canonical(alias) in OWN_ALIASES and alias not in OWN_ALIASES:
        raise Refused("bad_alias", f"expected the alias {canonical(alias)!r} spelt exactly so")
    return alias


def plain_version(version: object) -> str:
    """A version number in its one spelling.

    Raises:
        Refused: Not a whole number of at least 1.
    """
    text = str(version)
    if isinstance(version, bool) or not _VERSION.fullmatch(text):
        raise Refused("bad_version", "expected a version number such as 7")
    return text


def shown_name(name: object) -> str:
    """A name from outside as a log may hold it: as it is when it is plain, else none of it."""
    return name if isinstance(name, str) and _SHOWN.fullmatch(name) else "(not plain)"


def logged_model_of(source: object) -> str:
    """The id of the immutable logged model that a version's source names.

    Raises:
        Refused: A run, a path, another registry, or another registered model.
    """
    match = _SOURCE.fullmatch(source) if isinstance(source, str) else None
    if match is None:
        raise Refused(
            "bad_source",
            "expected the source models:/m-<32 hex digits>, a logged model of this server; "
            "log the model and register what MLflow's log_model returns",
        )
    return match[1]


def reviewed_by(user: str) -> str:
    """The tag that shows a user's review."""
    return f"{REVIEWED}{user}"


def is_reserved(key: object) -> bool:
    """Whether a tag's key is the gate's, in any spelling; what is not plain text is too."""
    return not isinstance(key, str) or not key.isascii() or canonical(key).startswith(RESERVED)


def refuse_reserved(keys: Iterable[object]) -> None:
    """Let only tags through that say nothing in the gate's name.

    Raises:
        Refused: A reserved key, or one that is not plain ASCII.
    """
    for key in keys:
        if is_reserved(key):
            raise Refused(
                "reserved_tag",
                f"expected a tag outside of {', '.join(RESERVED)}*, in plain ASCII; "
                "those are the gate's; an approver reviews a version by its tag approval, spelt so",
            )
