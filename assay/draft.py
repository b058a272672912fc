"""`assay init`: a first pipeline, suite and policy row for a table that nobody here has seen.

The draft loads and validates on its own file; what a file cannot tell, it asks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import InputError
from assay.guess import guess, is_identifier, looks_like_id, told_share
from assay.home import REPOSITORY
from assay.spec import RESERVED, Column
from assay.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

MIN_ROWS, MIN_LABELS = 100, 20
MOSTLY = 0.99
MAX_TOLD = 0.95  # a column that tells more of the label is the answer under another name
TEMPLATE = REPOSITORY / "pipelines" / "credit.yaml"  # its training and evaluation are the default
NUMBERS = ["float64", "int64"]
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]*$")
# What YAML readers of either version take for something else than text.
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True, slots=True)
class Draft:
    """Three texts to save, and what only a person can answer.

    Attributes:
        name: Model's name; the files are `<name>.yaml` and `<name>.suite.json`, beside the table.
        pipeline: YAML.
        suite: JSON.
        rules: JSON, the model's row of policies/data.json, for the policy's owner to add.
        questions: One sentence each.
    """

    name: str
    pipeline: str
    suite: str
    rules: str
    questions: tuple[str, ...]


def draft(file: Path, label: str, sensitive: Sequence[str]) -> Draft:
    """Draft everything that gates a table.

    Args:
        file: CSV or Parquet.
        label: Column of 0 and 1.
        sensitive: Columns to audit, at least one.

    Raises:
        InputError: The table is unreadable or too small, or the label or a sensitive column is
            absent or of a kind that cannot be drafted; the message says what to do.
    """
    frame = read_table(file)
    _check(frame, label, sensitive)
    unit = _unit(frame, {label, *sensitive})
    columns, dropped = _columns(frame, label, sensitive, unit)
    name = _slug(file)
    return Draft(
        name=name,
        pipeline=_pipeline(file.name, name, label, unit, columns, dropped),
        suite=_suite(name, frame, label, unit, columns),
        rules=json.dumps({name: _rules(frame, label, unit, sensitive, columns)}, indent=2) + "\n",
        questions=tuple(_questions(label, unit, columns, dropped)),
    )


def _check(frame: pd.DataFrame, label: str, sensitive: Sequence[str]) -> None:
    if not sensitive:
        raise InputError("sensitive_absent", "expected at least one sensitive column, found none")
    if odd := [name for name in map(str, frame) if not name.isprintable() or len(name) > 128]:
        raise InputError("wrong_columns", f"expected plain column names, found {len(odd)} others")
    if absent := [name for name in (label, *sensitive) if name not in frame]:
        raise InputError(
            "wrong_columns",
            f"expected the columns {', '.join(absent)}, found {', '.join(map(str, frame))}",
        )
    if label in sensitive:
        raise InputError("wrong_columns", f"expected {label} to be label or sensitive, not both")
    cells = frame[label]
    if cells.dtype.kind not in "if" or not cells.isin([0, 1]).all():
        raise InputError(
            "bad_label", f"expected 0 or 1 in every row of the label {label}; recode it"
        )
    counts = cells.value_counts()
    if len(frame) < MIN_ROWS or len(counts) < 2 or counts.min() < MIN_LABELS:
        raise InputError(
            "too_few_rows",
            f"expected at least {MIN_ROWS} rows and {MIN_LABELS} of each label, found "
            f"{len(frame):,} rows and {', '.join(f'{n:,}' for n in counts)}",
        )


def _unit(frame: pd.DataFrame, taken: set[str]) -> str | None:
    found = [str(n) for n in frame if n not in taken and is_identifier(str(n), frame[n])]
    return next((n for n in found if looks_like_id(n)), next(iter(found), None))


def _columns(
    frame: pd.DataFrame, label: str, sensitive: Sequence[str], unit: str | None
) -> tuple[dict[str, Column], dict[str, str]]:
    """Declarations, and the reason of each column that gets none."""
    columns: dict[str, Column] = {}
    dropped: dict[str, str] = {}
    for name in map(str, frame):
        if name in (label, unit):
            continue
        audit = name in sensitive
        guessed = _unusable(name, frame[name]) or guess(frame[name], audit=audit)
        if not audit and told_share(frame[name], frame[label]) > MAX_TOLD:
            guessed = f"it alone tells {label}: the answer under another name?"
        if isinstance(guessed, Column):
            columns[name] = guessed
        elif audit:
            raise InputError("no_draft", f"expected {name} as groups to audit, but {guessed}")
        else:
            dropped[name] = guessed
    if not any(c.use == "feature" and c.kind != "category" for c in columns.values()):
        raise InputError("no_draft", f"expected an ordered feature beside {label}, found none")
    return columns, dropped


def _unusable(name: str, cells: pd.Series) -> str | None:
    if name in RESERVED or name.startswith("group:"):
        return "its name is taken; rename it"
    return "each row has its own value, like an id" if is_identifier(name, cells) else None


def _pipeline(
    source: str,
    name: str,
    label: str,
    unit: str | None,
    columns: Mapping[str, Column],
    dropped: Mapping[str, str],
) -> str:
    template = TEMPLATE.read_text()
    lines = [
        f"# A draft from {_scalar(source)}. Levels and edges came from the file, rounded: replace",
        "# them by what is known without it, for they count as public.",
        f"model: {name}",
        "data:",
        f"  source: {_scalar(source)}",
        f"  suite: {name}.suite.json",
        f"  label: {_scalar(label)}",
        f"  unit: {'null' if unit is None else _scalar(unit)}",
        "  shares: {train: 0.5, development: 0.1, holdout: 0.4}",
        "  columns:",
        *(f"    {_scalar(column)}: {_flow(said)}" for column, said in columns.items()),
    ]
    if dropped:
        lines.append("  drop:")
    for column, reason in dropped.items():
        lines += [f"    # {reason}", f"    - {_scalar(column)}"]
    return "\n".join(lines) + "\n" + template[template.index("privacy:") :]


def _flow(column: Column) -> str:
    """One declared column on one line, without what is a default."""
    said = column.model_dump(exclude_defaults=True)
    return f"{{{', '.join(f'{key}: {_value(value)}' for key, value in said.items())}}}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_scalar(k)}: {_scalar(v)}' for k, v in value.items())}}}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_scalar, value))}]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, str) and _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def _suite(
    name: str, frame: pd.DataFrame, label: str, unit: str | None, columns: Mapping[str, Column]
) -> str:
    entries = [
        {"type": f"expect_{kind}", "kwargs": kwargs}
        for kind, kwargs in _expectations(frame, label, unit, columns)
    ]
    lines = ",\n".join(f"    {json.dumps(entry)}" for entry in entries)
    return f'{{\n  "name": {json.dumps(name)},\n  "expectations": [\n{lines}\n  ]\n}}\n'


def _expectations(
    frame: pd.DataFrame, label: str, unit: str | None, columns: Mapping[str, Column]
) -> Iterator[tuple[str, dict[str, Any]]]:
    n, rate = len(frame), float(frame[label].mean())
    yield "table_row_count_to_be_between", {"min_value": n // 2, "max_value": 10 * n}
    yield "table_columns_to_match_set", {"column_set": [*map(str, frame)], "exact_match": True}
    yield from _complete(label, frame[label])
    yield "column_values_to_be_in_set", {"column": label, "value_set": [0, 1]}
    bounds = {"min_value": round(rate / 2, 3), "max_value": round((1 + rate) / 2, 3)}
    yield "column_mean_to_be_between", {"column": label, **bounds}
    if unit is not None:
        yield from _complete(unit, frame[unit])
        yield "column_values_to_be_unique", {"column": unit}
    left_out = [str(name) for name in frame if str(name) not in {*columns, label}]
    ignore = {"ignore": left_out} if left_out else {}
    yield "no_column_to_tell_the_label", {"label": label, "max_told": MAX_TOLD, **ignore}
    for name, column in columns.items():
        yield from _of_column(name, column, frame[name])


def _complete(name: str, cells: pd.Series) -> Iterator[tuple[str, dict[str, Any]]]:
    yield _type(name, cells)
    yield "column_values_to_not_be_null", {"column": name}


def _type(name: str, cells: pd.Series) -> tuple[str, dict[str, Any]]:
    found = str(cells.dtype)
    if found == "str":
        return "column_values_to_be_of_type", {"column": name, "type_": found}
    allowed = sorted({*NUMBERS, found})
    return "column_values_to_be_in_type_list", {"column": name, "type_list": allowed}


def _of_column(name: str, column: Column, cells: pd.Series) -> Iterator[tuple[str, dict[str, Any]]]:
    yield _type(name, cells)
    if column.nulls:
        share = max(0.01, round(float(cells.notna().mean()) - 0.1, 2))
        budget = {"column": name, "min_value": share, "max_value": 1}
        yield "column_proportion_of_non_null_values_to_be_between", budget
    else:
        yield "column_values_to_not_be_null", {"column": name, "mostly": MOSTLY}
    if column.kind == "number":
        bounds = {"min_value": column.edges[0], "max_value": column.edges[-1]}
        yield "column_values_to_be_between", {"column": name, **bounds, "mostly": MOSTLY}
    else:
        levels = [*column.values, *column.merge]
        yield "column_values_to_be_in_set", {"column": name, "value_set": levels, "mostly": MOSTLY}


def _rules(
    frame: pd.DataFrame,
    label: str,
    unit: str | None,
    sensitive: Sequence[str],
    columns: Mapping[str, Column],
) -> dict[str, Any]:
    """The model's row, strict where the file says nothing: all numbers can be moved at will."""
    features = {name: column for name, column in columns.items() if column.use == "feature"}
    ordered = {
        kind: {n: _movable(c) for n, c in features.items() if c.kind == kind}
        for kind in ("number", "ordinal")
    }
    return {
        "tier": "standard",
        "owner": "trainer",
        "approvers": ["approver"],
        "unit": unit or "row",
        "label": label,
        "unfavourable": 1,
        "sensitive": [*sensitive],
        "groups": {name: _group(columns[name], frame[name]) for name in sensitive},
        "products": [[*pair] for pair in combinations(sensitive, 2)],
        "mutable": ordered["number"] or ordered["ordinal"],
    }


def _movable(column: Column) -> dict[str, Any]:
    """Both ways, on the scale that the pipeline declares."""
    scale = column.model_dump(include={"edges", "values", "integer"}, exclude_defaults=True)
    return {"moves": "any", **scale}


def _group(column: Column, cells: pd.Series) -> dict[str, Any]:
    """Levels, or the declared edge that divides the rows most evenly."""
    ranks = [level for level in column.values if isinstance(level, int)]
    inner = column.edges[1:-1] or (ranks[1:] if column.kind == "ordinal" else ())
    if not inner:
        return {"values": [*column.values]}
    return {"edges": [min(inner, key=lambda edge: abs(float((cells < edge).mean()) - 0.5))]}


def _questions(
    label: str, unit: str | None, columns: Mapping[str, Column], dropped: Mapping[str, str]
) -> Iterator[str]:
    yield f"Is 1 in {label} the outcome that a person does not want? The row says so."
    yield "Which columns can a person move, and in which direction? The row says: every number."
    yield "Does a column hold something that is known only after the answer?"
    yield "Does a column stand for a sensitive one, such as a district for an origin?"
    if unit is None:
        yield "Which column names the person? The draft takes each row for one."
    else:
        yield f"Does {unit} name the person, so that two rows of one person share it?"
    if audited := [n for n, c in columns.items() if c.use == "audit" and c.kind != "category"]:
        yield f"Where do the compared groups of {', '.join(audited)} divide? The row says where."
    yield "Are the levels and edges public knowledge? They came from the file."
    for name, reason in dropped.items():
        yield f"May {name} be left out? ({reason})"


def _slug(file: Path) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", file.name.split(".")[0].lower()).strip("-")[:60]
    return plain if plain[:1].isalpha() else f"m-{plain}".rstrip("-")
