# METADATA
# title: A passing question
# description: Made from the table, so that a changed bar changes it, too; tests edit it one place at a time.
package lib.example_test

import rego.v2

import data.lib.rules

now := 1800000000

model := data.models.credit

tier := data.tiers[model.tier]

question := {
	"schema": 1,
	"now": now,
	"nonce": "0123456789abcdef0123456789abcdef",
	"model": {"name": "credit", "version": "7", "digest": digest("payload")},
	"looks": {"spent": 1, "recorded": true},
	"evidence": evidence,
	"waivers": {},
}

evidence[kind] := {
	"role": statement.role,
	"subject": digest(statement.subject),
	"finished_at": now - 60,
	"config": object.union(asked[kind], special[kind]),
	"materials": {name: digest(name) | some name in statement.materials},
	"measurements": measurements[kind],
} if {
	some kind, statement in data.statements
}

# Two floors of one key are its two ends: the last one's value keeps both.
asked[kind] := {key: values[count(values) - 1] |
	some key in {floor.key | some floor in tier.floors; floor.evidence == kind}
	values := [floor.value | some floor in tier.floors; floor.evidence == kind; floor.key == key]
} if {
	some kind, _ in data.statements
}

special[kind] := object.get(specials, kind, {"seed": 1}) if some kind, _ in data.statements

specials := {
	"validation": {"sensitive": model.sensitive},
	"training": {"features": [column | some column, _ in model.mutable], "commit": "unknown"},
	"robustness": {"mutable": model.mutable},
	"fairness": {"groups": [group | some group, _ in model.groups], "products": model.products},
}

measurements[kind] := object.union(cleared[kind], units) if {
	some kind, _ in data.statements
	units := {name: exact(model.unit) | some name in {"unit"}; kind == "privacy"}
}

cleared[kind] := {name: clearing(bar) |
	some bar in tier.bars
	bar.evidence == kind
	some name in names(bar)
} if {
	some kind, _ in data.statements
}

names(bar) := found if {
	found := rules.names(bar) with input as {"model": {"name": "credit"}}
}

clearing(bar) := exact(bar.bar[0]) if bar.direction == "one_of"

clearing(bar) := exact(bar.bar) if {
	bar.kind == "exact"
	bar.direction != "one_of"
}

clearing(bar) := bound(bar, [bar.bar, bar.bar, bar.range[1]]) if {
	bar.kind == "bound"
	bar.direction == "at_least"
}

clearing(bar) := bound(bar, [bar.range[0], bar.bar, bar.bar]) if {
	bar.kind == "bound"
	bar.direction == "at_most"
}

bound(bar, ends) := {
	"kind": "bound",
	"lower": ends[0],
	"point": ends[1],
	"upper": ends[2],
	"alpha": tier.alpha / tier.looks,
	"n": bar.min_n,
	"method": "clopper-pearson",
}

exact(value) := {"kind": "exact", "value": value, "source": digest("source")}

digest(name) := $"sha256:{crypto.sha256(name)}"

# The example with values put at places, such as {"/evidence/utility/role": "trainer"}.
edited(edits) := json.patch(question, [edit |
	some place, value in edits
	edit := {"op": "add", "path": place, "value": value}
])

without(place) := json.patch(question, [{"op": "remove", "path": place}])

# The example with one measurement at the wrong end of what is possible, both ends of it.
failing(kind, name) := edited({$"/evidence/{kind}/measurements/{name}": wrong(bar)}) if {
	some bar in tier.bars
	bar.evidence == kind
	name in names(bar)
}

wrong(bar) := exact("none") if bar.direction == "one_of"

wrong(bar) := exact(bar.range[1]) if {
	bar.kind == "exact"
	bar.direction == "at_most"
}

wrong(bar) := bound(bar, [bar.range[0], bar.range[0], bar.range[0]]) if {
	bar.kind == "bound"
	bar.direction == "at_least"
}

wrong(bar) := bound(bar, [bar.range[1], bar.range[1], bar.range[1]]) if {
	bar.kind == "bound"
	bar.direction == "at_most"
}

test_clears_every_bar if data.promotion.decision.allow with input as question
