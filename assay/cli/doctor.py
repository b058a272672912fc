"""`assay doctor`: what is missing, old, expiring or unsafe on this machine and in this home."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from assay.cli.show import print_table, say
from assay.errors import AssayError
from assay.evidence.access import read_accesses
from assay.evidence.decisions import promotion_of
from assay.evidence.dsse import verify
from assay.evidence.trust import Trust
from assay.home import Home, find_home
from assay.ledger import Ledger, standing
from assay.policy.binary import find_opa
from assay.policy.bundle import verify_policy
from assay.policy.force import policy_in_force
from assay.sources import CATALOGUE, cached
from assay.stack.preflight import exposed, preflight
from assay.stack.record import is_running, read_stack

WARN_S = 7 * 86_400  # seconds before an expiry


def doctor(arguments: argparse.Namespace) -> int:
    """Print each finding; 1 when one of them needs a person."""
    rows = [_row("OPA", find_opa), _row("packaged data", _data)]
    try:
        home = find_home(arguments.home)
    except AssayError as error:
        rows.append(("home", "no", error.message))
    else:
        rows += [
            _row("home", lambda: f"{home.root}; one operating-system user can read all of it"),
            _row("preflight", lambda: _preflight(home)),
            _row("secrets", lambda: _secrets(home)),
            _row("ledger", lambda: _ledger(home)),
            _row("access log", lambda: f"{len(read_accesses(home)):,} lines, chain whole"),
            _row("policy", lambda: _policy(home)),
            _row("promotions", lambda: _promotions(home, int(time.time()))),
            _row("stack", lambda: _stack(home)),
        ]
    print_table(f"Python {sys.version.split()[0]}", ("what", "well", "found"), rows)
    ill = [what for what, well, _ in rows if well != "yes"]
    say(f"to look at: {', '.join(ill)}" if ill else "all well")
    return 1 if ill else 0


def _row(what: str, look: Callable[[], object]) -> tuple[str, str, str]:
    try:
        return what, "yes", str(look())
    except AssayError as error:
        return what, "no", error.message


def _ill(expected: str) -> AssayError:
    return AssayError("unwell", expected)


def _data() -> str:
    if absent := [name for name in CATALOGUE if cached(name) is None]:
        raise _ill(f"expected {', '.join(absent)} in the cache; fetch with `assay data get`")
    return ", ".join(CATALOGUE)


def _preflight(home: Home) -> str:
    """Whether `assay up` would start from this environment, and how the registry is reached."""
    ends = preflight(home, os.environ)
    if ends is not None and ends < time.time() + WARN_S:
        raise _ill(f"expected certificates for 7 days, found one until {_day(ends)}; renew it")
    return "plain HTTP on loopback" if ends is None else f"TLS, certificates until {_day(ends)}"


def _secrets(home: Home) -> str:
    """Keys, passwords and sealed rows that others on this machine could read."""
    folders = (home.keys, home.credentials, home.sealed_data, home.sealed_outcomes)
    held = [path for folder in folders for path in _below(folder)]
    if bare := exposed(held):
        raise _ill(f"expected 0600, found {len(bare)} readable by others, such as {bare[0].name}")
    return f"{len(held)} files, readable by their owner alone"


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _ledger(home: Home) -> str:
    ledger = Ledger.of(home)
    ledger.verify()
    return f"{sum(1 for _ in ledger.entries())} entries, chain whole"


def _policy(home: Home) -> str:
    policy = policy_in_force(home, int(time.time()) + WARN_S)  # one that ends soon is told
    if verify_policy(home.policy) != policy.digest:
        raise _ill("expected the bundle that policy.json names, found another; `assay up` again")
    return f"version {policy.rules.version}, {policy.digest[:23]}"


def _promotions(home: Home, now: int) -> str:
    """The promotion that each model's champion stands on, and when it ends."""
    role, ledger = Trust.load(home.trust).role("promoter"), Ledger.of(home)
    models = sorted({entry.body["model"] for entry in ledger.entries("promotion")})
    stand = {model: entry for model in models if (entry := standing(ledger, model))}
    ends = {
        model: promotion_of(verify(entry.body["envelope"].encode(), role)).expires_at
        for model, entry in stand.items()
    }
    if late := [name for name, end in ends.items() if end < now + WARN_S]:
        raise _ill(f"expected promotions that hold for 7 days, found {', '.join(late)}; run anew")
    told = [f"{n} until {_day(e)}" for n, e in ends.items()]
    return ", ".join(told) or "none yet"


def _day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


def _stack(home: Home) -> str:
    if not is_running(home):
        return "not running"
    stack = read_stack(home)
    return f"MLflow {stack.mlflow}, Prefect {stack.prefect_ui}"
