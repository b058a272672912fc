"""Plain YAML: mappings, lists, text, numbers, true, false and null, and nothing that surprises.

No aliases, anchors, tags, merge keys or duplicate keys; no environment is read. YAML 1.1 turns
NO, on, 1:30, 010 and 2020-01-01 into something else than was written: here they stay text.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import yaml

from assay.errors import InputError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, without all that a declaration does not need."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node, if it is neither alias, anchor, tag nor too deep."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _mistake("anchors and aliases are not allowed", event)
        if event.tag is not None:
            raise _mistake("tags are not allowed", event)
        if self.depth >= MAX_DEPTH:
            raise _mistake(f"nested deeper than {MAX_DEPTH}", event)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys are scalars and differ."""
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _mistake("a key must be plain text", key_node)
            key = self.construct_object(key_node)
            if key in seen:
                raise _mistake(f"duplicate key {key!r}", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _mistake(problem: str, place: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)


# YAML 1.2's core schema in decimal; .inf, .nan and numbers of 18 digits and more stay text.
_FORMS = {
    "null": (r"(?:null|~|)", ["n", "~", ""]),
    "bool": (r"(?:true|false)", ["t", "f"]),
    "int": (r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
    "float": (
        r"[-+]?(?:(?:0|[1-9][0-9]{0,17})(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?",
        list("-+.0123456789"),
    ),
}
_Loader.yaml_implicit_resolvers = {}
for _tag, (_form, _first) in _FORMS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^{_form}$"), _first)


def read_small(file: Path, code: str, expected: str) -> bytes:
    """The bytes of a regular file of at most `MAX_BYTES`.

    Raises:
        InputError: `code`, absent or no regular file; `too_large`.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise InputError(code, f"{file}: expected {expected}, found no regular file")
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no valid path"
        raise InputError(code, f"{file}: expected {expected}, found: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise InputError("too_large", f"{file}: expected at most {MAX_BYTES} bytes, found more")
    return raw


def read_mapping(file: Path) -> dict[Any, Any]:
    """The mapping that a plain YAML file holds.

    Raises:
        InputError: `no_pipeline`, `too_large` or `bad_yaml`, with the file and the line; the
            text of the line may be personal and is not repeated.
    """
    raw = read_small(file, "no_pipeline", "a readable YAML file")
    try:
        found = yaml.load(raw, Loader=_Loader)  # noqa: S506  (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" in line {mark.line + 1}" if mark else ""
        raise InputError(
            "bad_yaml", f"{file}: expected plain YAML, found{place}: {error.problem}"
        ) from None
    except (yaml.YAMLError, UnicodeError):
        raise InputError("bad_yaml", f"{file}: expected UTF-8 text, found other bytes") from None
    if not isinstance(found, dict):
        raise InputError(
            "bad_yaml", f"{file}: expected a mapping of keys, found {type(found).__name__}"
        )
    return found
