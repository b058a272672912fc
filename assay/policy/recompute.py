"""Every number again, from the outcome tables that it claims to rest on.

A producer's number is never believed: it has to be what `assay.measures` makes of the table whose
digest the statement names, at the tier's alpha, and that table has to hold the manifest's rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from assay.errors import EvidenceError
from assay.evidence.statement import Evidence
from assay.evidence.values import Bound, Exact, Measurement
from assay.measures import MEASURES, Request, Tables, read_outcomes, read_table
from assay.policy.claims import Denial
from assay.policy.judge import compare
from assay.policy.rows import NO_RELEASE, Manifest, different_rows, read_manifest
from assay.policy.rules import Bar, ModelRules

RELEASE = "release"  # privacy's own table, which the split manifest says nothing of
TOLERANCE = 1e-9  # of a recomputed number, absolute
SIDES: Mapping[str, str] = {"outcomes": "holdout", "development": "development"}
# What a reader of hostile tables may raise beside our own errors.
UNREADABLE = (ArithmeticError, LookupError, OSError, TypeError, ValueError, pa.ArrowException)
FALSE_ON_SIGHT = ("malformed", "not_a_number", "out_of_range", "weak_alpha")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The sealed folder of outcome tables, and what the policy asks of them.

    Attributes:
        folder: Holds `<sha256>.parquet`.
        rules: The model's row: groups, products, unfavourable label.
        alpha: Error probability of each end of each bound.
    """

    folder: Path
    rules: ModelRules
    alpha: float

    def tables(self, evidence: Evidence, side: str) -> Tables:
        """The tables that evidence names on one side, `outcomes` or `development`, by name.

        Raises:
            EvidenceError: `outcomes_missing`, or `malformed` for other bytes.
        """
        named = {
            material.partition(":")[2]: digest
            for material, digest in evidence.materials.items()
            if material.startswith(f"{side}:")
        }
        return {name: read_outcomes(self.folder, digest) for name, digest in named.items()}

    def measure(self, evidence: Evidence, side: str, tables: Tables) -> dict[str, Measurement]:
        """What the tables of one side really say.

        Raises:
            EvidenceError: The tables are not what they must be.
        """
        request = Request(
            alpha=self.alpha,
            unfavourable=self.rules.unfavourable,
            groups={name: group.levels for name, group in self.rules.groups.items()},
            products=self.rules.products,
            config=evidence.config,
            sources={name: evidence.materials[f"{side}:{name}"] for name in tables},
        )
        return MEASURES[evidence.kind](tables, request)

    def manifest(self, validation: Evidence, privacy: Evidence | None) -> Manifest:
        """Which rows there are; the release's are told by privacy, if that is believed.

        Raises:
            EvidenceError: No manifest, or one with strangers.
        """
        tables = self.tables(validation, "outcomes")
        read_table("split", tables)
        said = privacy.materials if privacy is not None else {}
        # Absent on both sides is the same, too, and is held to the stricter of the two.
        raw = said.get("release") == said.get("train")
        return read_manifest(tables["split"], self.rules, self._release(privacy), raw=raw)

    def _release(self, privacy: Evidence | None) -> pa.Table | Denial:
        if privacy is None:
            return NO_RELEASE
        try:
            tables = self.tables(privacy, "outcomes")
            read_table(RELEASE, tables)
        except EvidenceError as error:
            return Denial(error.code, f"privacy: {error.message}")
        except UNREADABLE as error:
            told = f"expected a readable table of the release, found {type(error).__name__}"
            return Denial("malformed", told)
        return tables[RELEASE]


def disagreements(
    evidence: Evidence, bars: Sequence[Bar], outcomes: Outcomes, manifest: Manifest | Denial
) -> tuple[Denial, ...]:
    """Each reason not to believe the numbers of one statement.

    Args:
        evidence: Its envelope, subject and times have been verified.
        bars: Those that speak of this kind.
        outcomes: Where the tables are.
        manifest: Which rows there are, or why nobody knows.
    """
    sides: list[tuple[str, Mapping[str, Measurement]]] = [
        ("outcomes", evidence.measurements),
        ("development", evidence.development),
    ]
    found: list[Denial] = []
    try:
        for side, claimed in sides:
            found += _false_on_sight(bars, claimed, outcomes.alpha)
            found += _on_one_side(evidence, side, claimed, outcomes, manifest)
    except EvidenceError as error:
        found.append(Denial(error.code, f"{evidence.kind}: {error.message}"))
    except UNREADABLE as error:
        told = f"expected readable tables of {evidence.kind}, found {type(error).__name__}"
        found.append(Denial("malformed", told))
    return tuple(dict.fromkeys(found))


def _false_on_sight(
    bars: Sequence[Bar], claimed: Mapping[str, Measurement], alpha: float
) -> Iterator[Denial]:
    """Numbers that no table could give."""
    for bar in bars:
        _, code, _ = compare(bar, claimed.get(bar.measurement), alpha)
        if code in FALSE_ON_SIGHT:
            low, high = bar.range
            told = f"a {bar.kind} value of {low:g} to {high:g} at alpha {alpha:g} or less"
            yield Denial(code, f"expected {bar.measurement} to be {told}")


def _on_one_side(
    evidence: Evidence,
    side: str,
    claimed: Mapping[str, Measurement],
    outcomes: Outcomes,
    manifest: Manifest | Denial,
) -> Iterator[Denial]:
    """Rows first, then numbers: a number about other rows is not worth recomputing."""
    tables = outcomes.tables(evidence, side)
    if evidence.kind not in MEASURES or (side == "development" and not tables):
        yield from _differences(evidence.kind, claimed, {})
        return
    elsewhere: list[Denial] = []
    for name, table in tables.items():
        read_table(name, tables)
        if name == RELEASE:
            continue
        if isinstance(manifest, Denial):
            elsewhere.append(manifest)
        else:
            elsewhere += different_rows(name, SIDES[side], table, manifest, evidence.config)
    yield from elsewhere
    if not elsewhere:
        yield from _differences(evidence.kind, claimed, outcomes.measure(evidence, side, tables))


def _differences(
    kind: str, claimed: Mapping[str, Measurement], recomputed: Mapping[str, Measurement]
) -> Iterator[Denial]:
    for name in sorted({*claimed, *recomputed}):
        if name not in claimed:
            yield Denial("missing", f"expected {kind} to state {name}, found nothing")
        elif name not in recomputed:
            yield Denial(
                "recomputed_differently", f"expected no {name} of {kind}: no table says it"
            )
        elif not agree(claimed[name], recomputed[name]):
            yield Denial(
                "recomputed_differently",
                f"expected {name} of {kind} as its tables say it, found another value",
            )


def agree(claimed: Measurement, recomputed: Measurement) -> bool:
    """Whether two measurements are the same: numbers within `TOLERANCE`, all else exactly."""
    match claimed, recomputed:
        case Bound(), Bound():
            ends = ("point", "lower", "upper")
            return (claimed.n, claimed.method, claimed.alpha) == (
                recomputed.n,
                recomputed.method,
                recomputed.alpha,
            ) and all(_near(getattr(claimed, end), getattr(recomputed, end)) for end in ends)
        case Exact(value=str()), Exact(value=str()):
            return claimed == recomputed
        case Exact(value=int() | float() as one), Exact(value=int() | float() as other):
            return claimed.source == recomputed.source and _near(one, other)
    return False


def _near(one: float, other: float) -> bool:
    return math.isfinite(one) and abs(one - other) <= TOLERANCE
