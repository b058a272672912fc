"""Evidence is believed when all of it verifies: signature, subject, time, rows and numbers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pytest

from assay.evidence.bundle import Bundle
from assay.evidence.canonical import canonical
from assay.evidence.decision import GateDecision, Verdict
from assay.evidence.statement import ROLE_OF, Evidence, Subject
from assay.evidence.values import Bound, Exact
from assay.policy.verify import Submission
from tests.assay.policy import population
from tests.assay.policy.submission import (
    CANDIDATE,
    MODEL,
    NOW,
    Site,
    digest,
    the_policy,
)

T = TypeVar("T", Bound, Exact)
DAY = 24 * 3600
# The gate that answers for each kind of evidence.
GATE = {
    "validation": "data_quality",
    "privacy": "privacy",
    "training": "provenance",
    **{kind: kind for kind in ROLE_OF if ROLE_OF[kind] == "evaluator"},
}
KINDS = list(ROLE_OF)


def gate_codes(decision: GateDecision) -> dict[str, str]:
    return {name: gate.code for name, gate in decision.gates.items() if gate.code != "ok"}


def denial_codes(decision: GateDecision) -> list[str]:
    return [denial.partition(":")[0] for denial in decision.denials]


def test_allows_an_honest_submission(site: Site) -> None:
    decision = site.decide()
    assert decision.allowed
    assert decision.denials == ()
    assert set(decision.gates) == set(site.policy.tier(MODEL).gates)
    assert {gate.verdict for gate in decision.gates.values()} == {Verdict.PASS}
    assert decision.policy_digest == site.policy.digest
    assert decision.trust_digest == site.trust.digest
    assert set(decision.attestations) == set(ROLE_OF)
    assert (decision.decided_at, decision.expires_at) == (NOW, NOW + 30 * DAY)


def code_of(kind: str, site: Site, evidence: Evidence | bytes, now: int = NOW) -> str:
    """The word by which the gate of a kind denies its evidence; a PASS has none."""
    gates = site.gates(kind, evidence, now)
    assert gates[GATE[kind]].verdict is not Verdict.PASS
    return gates[GATE[kind]].code


@pytest.mark.parametrize("kind", KINDS)
def test_denies_missing_evidence(kind: str, site: Site) -> None:
    decision = site.decide(site.submission(**{kind: None}))
    assert not decision.allowed
    for gate in (GATE[kind], "provenance"):
        assert (decision.gates[gate].verdict, decision.gates[gate].code) == ("NOT_RUN", "missing")


def test_names_every_gate_that_was_not_run(site: Site) -> None:
    bundle = Bundle({}, site.spec.canonical())
    decision = site.decide(Submission(MODEL, "7", CANDIDATE, bundle, bundle.digest))
    assert set(decision.gates) == set(site.policy.tier(MODEL).gates)
    assert not any(gate.verdict is Verdict.PASS for gate in decision.gates.values())


HOSTILE = [
    b"",
    b"{}",
    b"null",
    b"[]",
    b'"0.99"',
    b"NaN",
    b"-1",
    b"1e9",
    b"true",
    b"\xff",
    b"{" * 99,
]


@pytest.mark.parametrize("kind", KINDS)
def test_denies_what_is_no_envelope(kind: str, site: Site) -> None:
    for envelope in HOSTILE:
        assert code_of(kind, site, envelope) in ("malformed", "not_a_number")


@pytest.mark.parametrize("kind", KINDS)
def test_denies_a_signature_by_the_wrong_role(kind: str, site: Site) -> None:
    for role in {*ROLE_OF.values(), "gate", "promoter"} - {ROLE_OF[kind]}:
        assert code_of(kind, site, site.envelope(kind, role=role)) == "wrong_role"


@pytest.mark.parametrize("kind", KINDS)
def test_denies_a_payload_that_was_changed_after_it_was_signed(kind: str, site: Site) -> None:
    envelope = json.loads(site.envelope(kind))
    statement = base64.b64decode(envelope["payload"]).replace(b"1799999940", b"1799999941")
    envelope["payload"] = base64.b64encode(statement).decode()
    assert code_of(kind, site, canonical(envelope)) == "bad_signature"


@pytest.mark.parametrize("kind", KINDS)
def test_denies_evidence_of_another_candidate(kind: str, site: Site) -> None:
    """Replayed, signed by the right role, fresh, and about other bytes or another model."""
    evidence = site.evidence[kind]
    for subject in (
        Subject(evidence.subject.name, digest("other")),
        Subject("mortgage", digest("payload")),
    ):
        assert code_of(kind, site, replace(evidence, subject=subject)) == "wrong_subject"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("started", "finished", "code"),
    [
        (NOW - 8 * DAY, NOW - 60, "stale"),
        (NOW - 8 * DAY, NOW - 8 * DAY, "stale"),
        (0, 0, "stale"),
        (NOW - 60, NOW + 61, "future"),
        (NOW + DAY, NOW + DAY, "future"),
        (NOW - 60, NOW - 61, "malformed"),
    ],
)
def test_denies_evidence_of_another_time(
    kind: str, started: int, finished: int, code: str, site: Site
) -> None:
    moved = replace(site.evidence[kind], started_at=started, finished_at=finished)
    assert code_of(kind, site, moved) == code


def test_honest_evidence_goes_stale_by_itself(site: Site) -> None:
    assert site.decide(now=NOW + 7 * DAY - 600).allowed
    for kind in KINDS:
        assert code_of(kind, site, site.evidence[kind], NOW + 7 * DAY - 599) == "stale"


@pytest.mark.parametrize("kind", KINDS)
def test_denies_one_statement_in_the_place_of_another(kind: str, site: Site) -> None:
    for other in KINDS:
        if ROLE_OF[other] == ROLE_OF[kind] and other != kind:
            assert code_of(kind, site, site.envelope(other)) == "duplicate"


@pytest.mark.parametrize("kind", KINDS)
def test_denies_a_material_that_is_not_named(kind: str, site: Site) -> None:
    evidence = site.evidence[kind]
    for name in evidence.materials:
        kept = {key: value for key, value in evidence.materials.items() if key != name}
        code = code_of(kind, site, replace(evidence, materials=kept))
        assert code in ("missing", "wrong_subject")


SEALED = [
    (kind, material)
    for kind, materials in the_policy().rules.statements.items()
    for material in materials.materials
    if ":" in material
]


@pytest.mark.parametrize(("kind", "material"), SEALED)
def test_denies_when_an_outcome_file_is_gone(kind: str, material: str, site: Site) -> None:
    lost = replace(
        site.evidence[kind], materials={**site.evidence[kind].materials, material: digest("lost")}
    )
    result = site.gates(kind, lost)[GATE[kind]]
    assert (result.verdict, result.code) == (Verdict.NOT_RUN, "outcomes_missing")
    assert {bar.code for bar in result.bars} == {"outcomes_missing"}


def test_denies_when_an_outcome_file_holds_other_bytes(site: Site, tmp_path: Path) -> None:
    """Swapped on the disk after it was measured, under the digest of the true one."""
    for stored in site.home.sealed_outcomes.iterdir():
        (tmp_path / stored.name).write_bytes(stored.read_bytes())
    fit, stress = (site.digests[f"outcomes:{name}"][7:] for name in ("fit", "stress"))
    (tmp_path / f"{fit}.parquet").write_bytes((tmp_path / f"{stress}.parquet").read_bytes())
    decision = site.decide(outcomes=tmp_path)
    assert gate_codes(decision) == {"overfitting": "malformed"}


ROWS = [
    material
    for material in population.tables()
    if material.partition(":")[2] in ("predictions", "fit", "robustness", "stress", "membership")
]


def spoilt_codes(site: Site, material: str, table: pa.Table) -> set[str]:
    """Codes of the gates that rest on a table which is another one, and is measured so."""
    resting = [kind for kind, e in site.evidence.items() if material in e.materials]
    decision = site.decide(site.submission(**site.with_table(material, table)))
    assert not decision.allowed
    return {decision.gates[GATE[kind]].code for kind in resting}


@pytest.mark.parametrize("material", ROWS)
def test_denies_a_table_without_one_of_its_rows(material: str, site: Site) -> None:
    assert spoilt_codes(site, material, site.tables[material].slice(1)) == {"rows_missing"}


@pytest.mark.parametrize("material", ROWS)
def test_denies_a_table_with_one_label_flipped(material: str, site: Site) -> None:
    table = site.tables[material]
    flipped = with_cell(table, "label", 8, 1 - table["label"][8].as_py())
    assert spoilt_codes(site, material, flipped) == {"labels_differ"}


@pytest.mark.parametrize("material", ["outcomes:predictions", "outcomes:membership"])
@pytest.mark.parametrize("column", ["group:SEX", "group:AGE"])
def test_denies_a_table_with_a_group_coded_anew(material: str, column: str, site: Site) -> None:
    table = site.tables[material]
    other = next(level for level in table[column].to_pylist() if level != table[column][8].as_py())
    assert spoilt_codes(site, material, with_cell(table, column, 8, other)) == {"labels_differ"}


def test_denies_a_manifest_that_forgets_a_row(site: Site) -> None:
    """Then the tables that tell of it tell of a row that there is none of."""
    changed = site.with_table("outcomes:split", site.tables["outcomes:split"].slice(0, 3599))
    changed |= site.with_table("outcomes:split", drop_rows(site.tables["outcomes:split"], 2500))
    codes = gate_codes(site.decide(site.submission(**changed)))
    assert {codes[gate] for gate in ("utility", "fairness", "robustness", "stress")} == {
        "rows_missing"
    }


def test_denies_fitted_rows_that_privacy_does_not_know(site: Site) -> None:
    changed = site.with_table("outcomes:release", site.tables["outcomes:release"].slice(1))
    assert gate_codes(site.decide(site.submission(**changed))) == {"overfitting": "rows_missing"}


def test_denies_overfitting_without_the_table_of_the_release(site: Site) -> None:
    lost = site.evidence["privacy"].materials | {"outcomes:release": digest("lost")}
    submission = site.submission(privacy=replace(site.evidence["privacy"], materials=lost))
    codes = gate_codes(site.decide(submission))
    assert codes["privacy"] == codes["overfitting"] == "outcomes_missing"


def test_denies_a_survivor_that_was_never_caught(site: Site) -> None:
    predicted = site.tables["outcomes:predictions"].to_pylist()
    missed = {row["row"] for row in predicted if row["label"] == 1 and row["predicted"] == 0}
    table = site.tables["outcomes:robustness"]
    index = next(i for i, row in enumerate(table["row"].to_pylist()) if row in missed)
    changed = site.with_table("outcomes:robustness", with_cell(table, "survived", index, True))
    assert code_of("robustness", site, changed["robustness"]) == "malformed"


def test_denies_a_number_that_its_table_does_not_say(site: Site) -> None:
    for kind, name, value in measured(site, Bound):
        inward = 1e-6 if value.point + 1e-6 <= value.upper else -1e-6
        for end, step in (("point", inward), ("lower", -1e-6), ("upper", 1e-6)):
            lie = replace(value, **{end: getattr(value, end) + step})
            code = lied_about(kind, name, lie, site)
            assert code in ("recomputed_differently", "out_of_range")


def test_accepts_what_differs_by_rounding_alone(site: Site) -> None:
    evidence = site.evidence["utility"]
    auc = evidence.measurements["auc"]
    rounded = {**evidence.measurements, "auc": replace(auc, lower=auc.lower - 1e-12)}
    assert site.decide(site.submission(utility=replace(evidence, measurements=rounded))).allowed


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ({"n": 100_000}, "recomputed_differently"),
        ({"method": "wilson"}, "recomputed_differently"),
        ({"alpha": 0.001}, "recomputed_differently"),
        ({"alpha": 0.05}, "weak_alpha"),
        ({"point": 1e10, "upper": 1e10}, "out_of_range"),
        ({"point": -5.0, "lower": -5.0}, "out_of_range"),
    ],
)
def test_denies_a_bound_that_was_made_otherwise(lie: dict[str, Any], code: str, site: Site) -> None:
    for kind, name, value in measured(site, Bound):
        told = lied_about(kind, name, replace(value, **lie), site)
        barred = name in {bar.measurement for bar in site.policy.bars(MODEL)}
        assert told == (code if barred else "recomputed_differently")


@pytest.mark.parametrize("lie", [0, 0.5, -1, 1e9, "", "synthetic ", "NaN"])
def test_denies_an_exact_value_that_was_not_counted_so(lie: Any, site: Site) -> None:
    for kind, name, value in measured(site, Exact):
        if value.value != lie:
            told = lied_about(kind, name, replace(value, value=lie), site)
            assert told in ("recomputed_differently", "out_of_range", "not_a_number")


def test_denies_an_exact_value_of_another_source(site: Site) -> None:
    for kind, name, value in measured(site, Exact):
        lie = replace(value, source=digest("another"))
        assert lied_about(kind, name, lie, site) == "recomputed_differently"


def test_denies_a_measurement_of_the_wrong_kind(site: Site) -> None:
    for kind, name, value in measured(site, Bound):
        lie = Exact(value.point, site.digests["outcomes:split"])
        assert lied_about(kind, name, lie, site) in ("malformed", "recomputed_differently")


@pytest.mark.parametrize("where", ["measurements", "development"])
def test_denies_a_number_that_is_left_out_or_made_up(where: str, site: Site) -> None:
    for kind, evidence in site.evidence.items():
        told = getattr(evidence, where)
        for name in told:
            kept = {key: value for key, value in told.items() if key != name}
            assert code_of(kind, site, replace(evidence, **{where: kept})) == "missing"
        made_up = {**told, "certified_recall": site.evidence["utility"].measurements["auc"]}
        code = code_of(kind, site, replace(evidence, **{where: made_up}))
        assert code == "recomputed_differently"


def test_denies_development_numbers_that_their_tables_do_not_say(site: Site) -> None:
    """They are what everyone is shown."""
    for kind, evidence in site.evidence.items():
        for name in evidence.development:
            lie = {**evidence.development, name: evidence.measurements[name]}
            code = code_of(kind, site, replace(evidence, development=lie))
            assert code == "recomputed_differently"


def test_denies_a_table_measured_at_another_alpha(site: Site) -> None:
    for alpha, code in ((0.05, "weak_alpha"), (0.001, "recomputed_differently")):
        for kind in ("utility", "overfitting", "robustness", "stress", "fairness", "membership"):
            evidence = site.evidence[kind]
            lax = replace(
                evidence,
                measurements=site.measured(kind, "outcomes", evidence, alpha),
                development=site.measured(kind, "development", evidence, alpha),
            )
            assert code_of(kind, site, lax) == code


def measured(site: Site, kind: type[T]) -> Iterator[tuple[str, str, T]]:
    for name, evidence in site.evidence.items():
        for measurement, value in evidence.measurements.items():
            if isinstance(value, kind):
                yield name, measurement, value


def lied_about(kind: str, name: str, lie: Bound | Exact, site: Site) -> str:
    """The code of one gate when its evidence claims another value and is signed again."""
    evidence = site.evidence[kind]
    told = replace(evidence, measurements={**evidence.measurements, name: lie})
    return code_of(kind, site, told)


def with_cell(table: pa.Table, column: str, row: int, value: Any) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    index = table.column_names.index(column)
    return table.set_column(index, column, pa.array(values, type=table[column].type))


def drop_rows(table: pa.Table, index: int) -> pa.Table:
    return pa.concat_tables([table.slice(0, index), table.slice(index + 1)])
