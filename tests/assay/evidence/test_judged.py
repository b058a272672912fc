"""What is public of a judged version does not depend on what the sealed rows measured."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from assay.evidence.decision import GateDecision
from assay.evidence.public import FAULTS, public_view
from assay.evidence.values import Bound
from assay.policy.claims import Claim, Denial
from assay.policy.judge import SEALED, judge
from tests.assay.evidence.samples import bound, decision, digest, evidence
from tests.assay.policy.submission import the_policy

POLICY = the_policy()
BARS = [bar for bar in POLICY.bars("credit") if bar.evidence in SEALED]
measured = st.floats(0.02, 0.97).map(bound)


def judged(
    values: dict[str, Bound], denials: dict[str, tuple[Denial, ...]], void: set[str]
) -> GateDecision:
    """A denied decision; void evidence measured nothing."""
    claims = {}
    for kind in SEALED:
        names = [bar.measurement for bar in BARS if bar.evidence == kind]
        claims[kind] = Claim(
            role="evaluator",
            evidence=evidence(kind),
            measured={} if kind in void else {name: values[name] for name in names},
            development={name: bound(0.5) for name in names},
            denials=denials.get(kind, ()),
        )
    gates = judge(BARS, claims, POLICY.alpha("credit"), POLICY.remedies)
    return replace(decision(*gates.values()), denials=("opa_denied: x",))


all_values = st.fixed_dictionaries({bar.measurement: measured for bar in BARS})
all_denials = st.dictionaries(
    st.sampled_from(sorted(SEALED)),
    st.lists(
        st.sampled_from(sorted(FAULTS | {"recomputed_differently", "not_a_number"})).map(
            lambda code: Denial(code, "expected better")
        ),
        max_size=2,
    ).map(tuple),
)


@given(all_values, all_values, all_denials, st.sets(st.sampled_from(sorted(SEALED))))
def test_two_denials_that_differ_on_the_sealed_rows_alone_look_the_same(
    one: dict[str, Bound],
    other: dict[str, Bound],
    denials: dict[str, tuple[Denial, ...]],
    void: set[str],
) -> None:
    views = [public_view(judged(values, denials, void), digest("s")) for values in (one, other)]
    assert views[0] == views[1]
