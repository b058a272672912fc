"""A question that the policy allows, made from its own table: bars cleared, floors met."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from assay.home import REPOSITORY

Json = dict[str, Any]
NOW = 1_800_000_000
NONCE = "0123456789abcdef" * 2
STEP = 0.01  # distance between a bar, the bound's deciding end, its point and its other end


def table() -> Json:
    """The policy's table, as it stands in the repository."""
    found: Json = json.loads((REPOSITORY / "policies" / "data.json").read_bytes())
    return found


def passing_question(data: Json, model: str = "credit", now: int = NOW) -> Json:
    """What the core would ask about a version that clears every bar of its tier."""
    rules = data["models"][model]
    tier = data["tiers"][rules["tier"]]
    evidence = {kind: _statement(data, kind, now) for kind in data["statements"]}
    for bar in tier["bars"]:
        for name in measurement_names(bar, rules):
            measurements = evidence[bar["evidence"]]["measurements"]
            measurements[name] = _clearing(bar, tier)
    for kind, config in _special_config(rules).items():
        evidence[kind]["config"].update(config)
    for floor in tier["floors"]:
        evidence[floor["evidence"]]["config"][floor["key"]] = floor["value"]
    evidence["privacy"]["measurements"]["unit"] = exact(rules["unit"])
    return {
        "schema": 1,
        "now": now,
        "nonce": NONCE,
        "model": {"name": model, "version": "7", "digest": digest("payload")},
        "looks": {"spent": 1, "recorded": True},
        "evidence": evidence,
        "waivers": {},
    }


def measurement_names(bar: Mapping[str, Any], rules: Mapping[str, Any]) -> Iterator[str]:
    """The measurements that one row of the bars asks for."""
    products = ["*".join(product) for product in rules["products"]]
    for subject in {"model": [""], "group": [*rules["groups"]], "product": products}[bar["per"]]:
        yield f"{bar['measurement']}:{subject}" if subject else bar["measurement"]


def digest(name: str) -> str:
    """A digest that belongs to a name; one name, one digest."""
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def exact(value: float | str) -> Json:
    """An exact value."""
    return {"kind": "exact", "value": value, "source": digest("source")}


def bound(point: float, lower: float, upper: float, alpha: float, n: int) -> Json:
    """A bound."""
    ends = {"point": round(point, 9), "lower": round(lower, 9), "upper": round(upper, 9)}
    return {"kind": "bound", **ends, "alpha": alpha, "n": n, "method": "clopper-pearson"}


def _statement(data: Json, kind: str, now: int) -> Json:
    rules = data["statements"][kind]
    return {
        "role": rules["role"],
        "subject": digest(rules["subject"]),
        "finished_at": now - 60,
        "config": {},
        "materials": {name: digest(name) for name in rules["materials"]},
        "measurements": {},
    }


def _clearing(bar: Json, tier: Json) -> Json:
    """A measurement on the right side of its bar, with exactly the rows and alpha it must have."""
    if bar["kind"] == "exact":
        return exact(bar["bar"][0] if bar["direction"] == "one_of" else bar["bar"])
    lowest, highest = bar["range"]
    sign = 1 if bar["direction"] == "at_least" else -1
    room = (highest - bar["bar"]) if sign == 1 else (bar["bar"] - lowest)
    step = sign * min(STEP, room / 4)
    near, point, far = (bar["bar"] + k * step for k in (1, 2, 3))
    lower, upper = (near, far) if sign == 1 else (far, near)
    return bound(point, lower, upper, tier["alpha"] / tier["looks"], bar["min_n"])


def _special_config(rules: Json) -> dict[str, Json]:
    """What single gates ask for beyond the uniform floors, and what is only reported."""
    return {
        "validation": {"sensitive": rules["sensitive"], "mostly_floor": 0.99},
        "privacy": {"mechanism": "synthetic", "unit": rules["unit"], "rho": 0.1},
        "training": {"features": [*rules["mutable"]], "commit": "c0ffee" * 6 + "c0de", "seed": 1},
        "robustness": {"mutable": rules["mutable"], "seed": 1},
        "fairness": {"groups": [*rules["groups"]], "products": rules["products"]},
    }
