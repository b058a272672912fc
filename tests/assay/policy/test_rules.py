"""The policy's table is read strictly: what is not exactly a table is no policy."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InputError, Refused
from assay.home import REPOSITORY
from assay.policy.columns import Group
from assay.policy.rules import Policy, load_policy, parse_rules
from assay.policy.table import canonical

SOURCE = (REPOSITORY / "policies" / "data.json").read_bytes()
TABLE: dict[str, Any] = json.loads(SOURCE)
DIGEST = "sha256:" + "a" * 64
REMEDIES = {bar["gate"]: "mend it" for bar in TABLE["tiers"]["standard"]["bars"]}

Edit = Callable[[dict[str, Any]], object]


def edited(edit: Edit) -> bytes:
    table = deepcopy(TABLE)
    edit(table)
    return json.dumps(table).encode()


def bars(table: dict[str, Any]) -> list[dict[str, Any]]:
    return table["tiers"]["standard"]["bars"]


def floors(table: dict[str, Any]) -> list[dict[str, Any]]:
    return table["tiers"]["standard"]["floors"]


def credit(table: dict[str, Any]) -> dict[str, Any]:
    return table["models"]["credit"]


def policy(raw: bytes = SOURCE) -> Policy:
    return Policy(parse_rules(raw), DIGEST, REMEDIES)


def write(folder: Path, built: object, raw: bytes = SOURCE) -> Path:
    (folder / "data.json").write_bytes(raw)
    (folder / "policy.json").write_text(json.dumps(built))
    return folder


def test_expands_a_bar_for_every_gating_group_and_product() -> None:
    names = [bar.measurement for bar in policy().bars("credit") if bar.gate == "fairness"]
    assert names == [
        "approval_ratio:SEX",
        "approval_ratio:AGE",
        "equal_opportunity_difference:SEX",
        "equal_opportunity_difference:AGE",
        "approval_ratio:SEX*AGE",
        "equal_opportunity_difference:SEX*AGE",
    ]
    products = [bar.bar for bar in policy().bars("credit") if "*" in bar.measurement]
    assert products == [0.70, 0.20]


def test_divides_alpha_by_every_look_from_the_first_day() -> None:
    assert policy().alpha("credit") == pytest.approx(0.0025)


def test_refuses_an_unknown_model() -> None:
    with pytest.raises(Refused) as refused:
        policy().bars("credlt")
    assert refused.value.code == "unknown_model"
    assert "credit, mortgage" in refused.value.message


def movable(table: dict[str, Any], column: str = "PAY_0", **changes: Any) -> None:
    credit(table)["mutable"].setdefault(column, {}).update(changes)


MISTAKES: dict[str, tuple[Edit, str]] = {
    "unknown top key": (lambda t: t.update(waivers=[]), "waivers"),
    "unknown tier key": (lambda t: t["tiers"]["standard"].update(lookz=1), "standard.lookz"),
    "unknown bar key": (lambda t: bars(t)[6].update(bor=0.1), "bars.6.bor; did you mean 'bar'"),
    "unknown model key": (lambda t: credit(t).update(weight=1), "credit.weight"),
    "no bars": (lambda t: t["tiers"]["standard"].update(bars=[]), "standard.bars"),
    "no floors": (lambda t: t["tiers"]["standard"].update(floors=[]), "standard.floors"),
    "bar twice": (lambda t: bars(t).append(bars(t)[0]), "standard"),
    "bar without gate": (lambda t: bars(t)[6].pop("gate"), "bars.6.gate"),
    "bar as text": (lambda t: bars(t)[6].update(bar="0.68"), "bars.6.bar"),
    "bar as bool": (lambda t: bars(t)[6].update(bar=True), "bars.6.bar"),
    "bar out of range": (lambda t: bars(t)[6].update(bar=-1), "bars.6"),
    "bar of no evidence": (lambda t: bars(t)[6].update(evidence="utilty"), "bars.6"),
    "no allowed word": (lambda t: bars(t)[3].update(bar=[]), "bars.3.bar"),
    "number as words": (lambda t: bars(t)[3].update(bar=1), "bars.3"),
    "bound without rows": (lambda t: bars(t)[6].update(min_n=0), "bars.6"),
    "no chain": (lambda t: bars(t).pop(), "standard"),
    "alpha too large": (lambda t: t["tiers"]["standard"].update(alpha=0.5), "standard.alpha"),
    "no look": (lambda t: t["tiers"]["standard"].update(looks=0), "standard.looks"),
    "looks as float": (lambda t: t["tiers"]["standard"].update(looks=20.5), "standard.looks"),
    "floor without value": (lambda t: floors(t)[4].pop("value"), "floors.4.value"),
    "floor of a word": (lambda t: floors(t)[4].update(value="30"), "floors.4"),
    "floor of nothing": (lambda t: floors(t)[2].update(value=[]), "floors.2.value"),
    "floor of no evidence": (lambda t: floors(t)[2].update(evidence="chain"), "floors.2"),
    "no tier": (lambda t: credit(t).update(tier="lax"), "credit.tier"),
    "no approver": (lambda t: credit(t).update(approvers=[]), "credit.approvers"),
    "owner approves": (lambda t: credit(t).update(approvers=["trainer"]), "models.credit"),
    "approver twice": (lambda t: credit(t).update(approvers=["a1", "a1"]), "models.credit"),
    "approver in capitals": (lambda t: credit(t).update(approvers=["Ann"]), "credit.approvers.0"),
    "too few approvers": (
        lambda t: t["tiers"]["standard"].update(approvals=2),
        "models.credit.approvers",
    ),
    "no sensitive": (lambda t: credit(t).update(sensitive=[]), "credit.sensitive"),
    "no groups": (lambda t: credit(t).update(groups={}), "credit.groups"),
    "group not sensitive": (lambda t: credit(t)["groups"].update(PAY_0={"edges": [1]}), "credit"),
    "group of one level": (lambda t: credit(t)["groups"]["SEX"].update(values=[0]), "groups.SEX"),
    "group of both": (lambda t: credit(t)["groups"]["SEX"].update(edges=[1]), "groups.SEX"),
    "edges fall": (lambda t: credit(t)["groups"]["AGE"].update(edges=[60, 35]), "groups.AGE"),
    "product of no group": (lambda t: credit(t).update(products=[["SEX", "MARRIAGE"]]), "credit"),
    "product of one": (lambda t: credit(t).update(products=[["SEX"]]), "credit.products"),
    "mutable sensitive": (lambda t: movable(t, "SEX", moves="any", values=[0, 1]), "models.credit"),
    "mutable sideways": (lambda t: movable(t, moves="left"), "mutable.PAY_0.moves"),
    "mutable on no scale": (lambda t: movable(t, values=[]), "mutable.PAY_0"),
    "mutable on two scales": (lambda t: movable(t, edges=[0, 1]), "mutable.PAY_0"),
    "mutable on one level": (lambda t: movable(t, values=[1]), "mutable.PAY_0"),
    "mutable level twice": (lambda t: movable(t, values=[1, 2, 1]), "mutable.PAY_0"),
    "mutable level twice as text": (lambda t: movable(t, values=[1, "1"]), "mutable.PAY_0"),
    "mutable along one edge": (lambda t: movable(t, "BILL_AMT1", edges=[1]), "mutable.BILL_AMT1"),
    "mutable edge twice": (lambda t: movable(t, "BILL_AMT1", edges=[1, 1, 2]), "mutable.BILL_AMT1"),
    "mutable edges fall": (lambda t: movable(t, "BILL_AMT1", edges=[2, 1]), "mutable.BILL_AMT1"),
    "whole levels": (lambda t: movable(t, integer=True), "mutable.PAY_0"),
    "label of three": (lambda t: credit(t).update(unfavourable=2), "credit.unfavourable"),
    "label as bool": (lambda t: credit(t).update(unfavourable=True), "credit.unfavourable"),
    "no role": (lambda t: t["statements"].pop("utility"), "statements name the role"),
    "role": (lambda t: t["statements"]["utility"].update(role="trainer"), "statements name"),
    "rests on nothing": (lambda t: t["statements"]["utility"].update(materials=[]), "utility"),
    "no alias": (lambda t: t.update(protected_aliases=[]), "protected_aliases"),
    "no models": (lambda t: t.update(models={}), "models"),
    "no tiers": (lambda t: t.update(tiers={}), "tiers"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_names_the_key_of_a_mistake(name: str) -> None:
    edit, key = MISTAKES[name]
    with pytest.raises(InputError) as refused:
        policy(edited(edit))
    assert refused.value.code == "bad_policy"
    assert key in refused.value.message


def paths(node: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    keys = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        yield (*at, key)
        yield from paths(node[key], (*at, key))  # type: ignore[index]


def replaced(path: tuple[str | int, ...], value: object) -> bytes:
    def edit(table: dict[str, Any]) -> None:
        node: Any = table
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value

    return edited(edit)


# Absence in any place is an error: no default, no null, no empty stand-in anywhere in the table.
@pytest.mark.parametrize("hostile", [None, {}, [], float("nan"), float("inf")], ids=repr)
def test_no_node_may_be_null_empty_or_infinite(hostile: object) -> None:
    for path in paths(TABLE):
        no_intersection_gates = path[-1] == "products" and hostile == []
        made_by_the_core = path == ("statements", "chain", "materials") and hostile == []
        if not no_intersection_gates and not made_by_the_core:
            with pytest.raises(InputError):
                policy(replaced(path, hostile))


def test_no_key_may_be_left_out() -> None:
    optional = {("tiers", "standard", "bars"), ("tiers", "standard", "floors"), ("models",)}
    for path in paths(TABLE):
        inside_list = isinstance(path[-1], int)
        named_freely = path[:-1] in optional or path[:1] + path[2:-1] in {
            ("models", "mutable"),
            ("models", "groups"),
        }
        # Without its sources, a sensitive column has to be read by its own name: stricter.
        # Without `integer`, a number moves by less than a whole step: stricter.
        named_freely = named_freely or path[2:3] == ("sources",) or path[-1] == "integer"
        if inside_list or named_freely:
            continue

        def edit(table: dict[str, Any], path: tuple[str | int, ...] = path) -> None:
            node: Any = table
            for key in path[:-1]:
                node = node[key]
            del node[path[-1]]

        with pytest.raises(InputError):
            policy(edited(edit))


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"null", b"{", b'{"a": 1, "a": 1}', b"\xff", b"[" * 100_000, b" " * (5 << 20)],
    ids=["empty", "list", "null", "cut", "key twice", "not utf-8", "deep", "huge"],
)
def test_refuses_what_is_no_table(raw: bytes) -> None:
    with pytest.raises(InputError):
        parse_rules(raw)


def test_refuses_a_gate_without_a_package() -> None:
    remedies = {gate: text for gate, text in REMEDIES.items() if gate != "stress"}
    with pytest.raises(InputError, match=r"unknown_gate.*stress"):
        Policy(parse_rules(SOURCE), DIGEST, remedies)


def test_refuses_a_package_without_bars() -> None:
    with pytest.raises(InputError, match=r"missing_gate.*watermark"):
        Policy(parse_rules(SOURCE), DIGEST, {**REMEDIES, "watermark": "add one"})


def test_refuses_a_gate_that_has_no_bar_for_one_model() -> None:
    def only_products(table: dict[str, Any]) -> None:
        kept = [b for b in bars(table) if b["gate"] != "fairness" or b["per"] == "product"]
        table["tiers"]["standard"]["bars"] = kept

    with pytest.raises(InputError, match=r"missing_gate.*mortgage.*fairness"):
        policy(edited(only_products))


def test_loads_a_built_folder(tmp_path: Path) -> None:
    built = load_policy(write(tmp_path, {"digest": DIGEST, "remedies": REMEDIES}))
    assert built.digest == DIGEST
    assert built.tier("mortgage").looks == 20
    assert built.model("mortgage").unfavourable == 0


@pytest.mark.parametrize(
    "built",
    [
        {"digest": DIGEST},
        {"digest": "latest", "remedies": REMEDIES},
        {"digest": DIGEST, "remedies": {}},
        {"digest": DIGEST, "remedies": {**REMEDIES, "stress": " "}},
        {"digest": DIGEST, "remedies": {**REMEDIES, "stress": None}},
        {"digest": DIGEST, "remedies": REMEDIES, "waived": ["stress"]},
        [],
        None,
    ],
    ids=repr,
)
def test_refuses_a_folder_that_was_not_built_whole(built: object, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        load_policy(write(tmp_path, built))


@pytest.mark.parametrize("name", ["policy.json", "data.json"])
def test_refuses_a_folder_without(name: str, tmp_path: Path) -> None:
    write(tmp_path, {"digest": DIGEST, "remedies": REMEDIES})
    (tmp_path / name).unlink()
    with pytest.raises(InputError) as refused:
        load_policy(tmp_path)
    assert refused.value.code == "no_policy"


@pytest.mark.parametrize(
    ("group", "cell", "level"),
    [
        (Group(values=(0, 1)), 0, "0"),
        (Group(values=("white", "black")), "black", "black"),
        (Group(edges=(35.0,)), 34, "<35"),
        (Group(edges=(35.0,)), 35, ">=35"),
        (Group(edges=(25.0, 60.0)), 25.0, "25-60"),
        (Group(edges=(25.0, 60.0)), 24.9, "<25"),
    ],
)
def test_a_cell_belongs_to_one_level(group: Group, cell: float | str, level: str) -> None:
    assert group.level(cell) == level


VALUES, EDGES = Group(values=(0, 1)), Group(edges=(35.0,))
STRANGERS = [(VALUES, 2), (VALUES, 0.5)] + [
    (group, cell) for group in (VALUES, EDGES) for cell in ("34", "", "SECRET", math.nan, None)
]


@pytest.mark.parametrize(("group", "cell"), STRANGERS)
def test_refuses_a_cell_without_a_level_and_does_not_repeat_it(group: Group, cell: Any) -> None:
    with pytest.raises(InputError) as refused:
        group.level(cell)
    assert "SECRET" not in refused.value.message


def test_compares_identities_without_case_width_or_space() -> None:
    assert canonical(" Ｄora ") == canonical("dora") == "dora"
