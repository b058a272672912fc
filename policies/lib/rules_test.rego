package lib.rules_test

import rego.v2

import data.lib.example_test as example
import data.lib.rules

tiers := data.tiers

test_the_table_is_sound if rules.sound with input as example.question

test_every_model_is_sound[name] if {
	some name, _ in data.models
	rules.sound with input as {"model": {"name": name}}
}

test_an_unknown_model_has_no_tier if {
	not rules.tier with input as {"model": {"name": "credlt"}}
	not rules.sound with input as {"model": {"name": "credlt"}}
}

test_now_is_a_whole_number[note] if {
	some note, now in {"null": null, "text": "1", "fraction": 1.5, "negative": -1}
	not rules.now with input as {"now": now}
}

test_names if {
	rules.names({"measurement": "m", "per": "model"}) == {"m"} with input as example.question
	rules.names({"measurement": "m", "per": "group"}) == {"m:SEX", "m:AGE"} with input as example.question
	rules.names({"measurement": "m", "per": "product"}) == {"m:SEX*AGE"} with input as example.question
	not rules.names({"measurement": "m", "per": "person"}) with input as example.question
}

test_only_a_sound_table_rules if {
	rules.tier == example.tier with input as example.question
	rules.model == example.model with input as example.question
	not rules.tier with input as example.question with data.models.credit.unit as null
	not rules.model with input as example.question with data.models.credit.unit as null
}

sound_with(edits) if {
	edited := json.patch({"tiers": tiers, "models": data.models, "statements": data.statements}, [edit |
		some place, value in edits
		edit := {"op": "add", "path": place, "value": value}
	])
	rules.sound with input as example.question with data.tiers as edited.tiers with data.models as edited.models with data.statements as edited.statements
}

# Nothing of what the policy reads may be of another type.
test_no_value_may_be_of_another_type if {
	every place in places {
		every wrong in [null, false, true, [], {}, -5] { not sound_with({place: wrong}) }
	}
}

places := {
	"/tiers/standard",
	"/tiers/standard/alpha",
	"/tiers/standard/looks",
	"/tiers/standard/evidence_max_age_s",
	"/tiers/standard/bars",
	"/tiers/standard/bars/0",
	"/tiers/standard/bars/0/gate",
	"/tiers/standard/bars/0/evidence",
	"/tiers/standard/bars/0/measurement",
	"/tiers/standard/bars/0/per",
	"/tiers/standard/bars/0/kind",
	"/tiers/standard/bars/0/direction",
	"/tiers/standard/bars/0/range",
	"/tiers/standard/bars/3/range",
	"/tiers/standard/bars/3/range/1",
	"/tiers/standard/bars/0/min_n",
	"/tiers/standard/bars/3/bar",
	"/tiers/standard/bars/3/direction",
	"/tiers/standard/bars/3/kind",
	"/tiers/standard/bars/6/bar",
	"/tiers/standard/bars/6/min_n",
	"/tiers/standard/floors",
	"/tiers/standard/floors/0",
	"/tiers/standard/floors/0/evidence",
	"/tiers/standard/floors/0/key",
	"/tiers/standard/floors/0/rule",
	"/tiers/standard/floors/0/value",
	"/tiers/standard/floors/2/value",
	"/models/credit",
	"/models/credit/unit",
	"/models/credit/label",
	"/models/credit/sensitive",
	"/models/credit/groups",
	"/models/credit/mutable",
	"/statements",
	"/statements/utility",
	"/statements/utility/role",
	"/statements/utility/subject",
	"/statements/validation/materials",
}

along(edges) := {"moves": "any", "edges": edges}

test_an_edited_table if {
	every case in edited_tables { is_sound(case.edits) == case.sound }
}

edited_tables := {
	"nothing edited": {"edits": {}, "sound": true},
	"alpha of one half": {"edits": {"/tiers/standard/alpha": 0.5}, "sound": true},
	"alpha above": {"edits": {"/tiers/standard/alpha": 0.51}, "sound": false},
	"alpha zero": {"edits": {"/tiers/standard/alpha": 0}, "sound": false},
	"one look": {"edits": {"/tiers/standard/looks": 1}, "sound": true},
	"no look": {"edits": {"/tiers/standard/looks": 0}, "sound": false},
	"half a look": {"edits": {"/tiers/standard/looks": 1.5}, "sound": false},
	"a second": {"edits": {"/tiers/standard/evidence_max_age_s": 1}, "sound": true},
	"no second": {"edits": {"/tiers/standard/evidence_max_age_s": 0}, "sound": false},
	"a year": {"edits": {"/tiers/standard/evidence_max_age_s": 31622400}, "sound": true},
	"for ever": {"edits": {"/tiers/standard/evidence_max_age_s": 31622401}, "sound": false},
	"a gate that is waivable": {"edits": {"/tiers/standard/waivable": {"utility": 1}}, "sound": true},
	"waivable for a year": {"edits": {"/tiers/standard/waivable": {"utility": 31622400}}, "sound": true},
	"waivable for ever": {"edits": {"/tiers/standard/waivable": {"utility": 31622401}}, "sound": false},
	"waivable for no time": {"edits": {"/tiers/standard/waivable": {"utility": 0}}, "sound": false},
	"waivable for a word": {"edits": {"/tiers/standard/waivable": {"utility": "long"}}, "sound": false},
	"a chain that is waivable": {"edits": {"/tiers/standard/waivable": {"provenance": 1}}, "sound": false},
	"no gate that is waivable": {"edits": {"/tiers/standard/waivable": {"utilty": 1}}, "sound": false},
	"waivable as a list": {"edits": {"/tiers/standard/waivable": ["utility"]}, "sound": false},
	"waivable as an empty list": {"edits": {"/tiers/standard/waivable": []}, "sound": false},
	"waivable as nothing": {"edits": {"/tiers/standard/waivable": null}, "sound": false},
	"no floors": {"edits": {"/tiers/standard/floors": []}, "sound": false},
	"key more in a bar": {"edits": {"/tiers/standard/bars/0/waived": true}, "sound": false},
	"key more in a floor": {"edits": {"/tiers/standard/floors/0/waived": true}, "sound": false},
	"unknown evidence": {"edits": {"/tiers/standard/bars/0/evidence": "rumour"}, "sound": false},
	"per person": {"edits": {"/tiers/standard/bars/0/per": "person"}, "sound": false},
	"per product": {"edits": {"/tiers/standard/bars/6/per": "product"}, "sound": true},
	"direction": {"edits": {"/tiers/standard/bars/6/direction": "about"}, "sound": false},
	"bound of words": {"edits": {"/tiers/standard/bars/6/direction": "one_of"}, "sound": false},
	"at least": {"edits": {"/tiers/standard/bars/0/direction": "at_least"}, "sound": true},
	"exact direction": {"edits": {"/tiers/standard/bars/0/direction": "about"}, "sound": false},
	"bound at most": {"edits": {"/tiers/standard/bars/6/direction": "at_most"}, "sound": true},
	"bound as exact": {"edits": {"/tiers/standard/bars/6/kind": "exact"}, "sound": true},
	"kind": {"edits": {"/tiers/standard/bars/6/kind": "guess"}, "sound": false},
	"bar at its range's end": {"edits": {"/tiers/standard/bars/6/bar": 1}, "sound": true},
	"bar out of its range": {"edits": {"/tiers/standard/bars/6/bar": 1.01}, "sound": false},
	"exact bar out of its range": {"edits": {"/tiers/standard/bars/0/bar": -1}, "sound": false},
	"no row needed": {"edits": {"/tiers/standard/bars/6/min_n": 0}, "sound": false},
	"one row needed": {"edits": {"/tiers/standard/bars/6/min_n": 1}, "sound": true},
	"range upside down": {"edits": {"/tiers/standard/bars/3/range": [1, 0]}, "sound": false},
	"half a row needed": {"edits": {"/tiers/standard/bars/6/min_n": 1.5}, "sound": false},
	"a statement on nothing": {"edits": {"/statements/utility/materials": []}, "sound": false},
	"the core on nothing": {"edits": {"/statements/chain/materials": []}, "sound": true},
	"a word allowed": {"edits": {"/tiers/standard/bars/3/bar": ["a", "b"]}, "sound": true},
	"no word allowed": {"edits": {"/tiers/standard/bars/3/bar": []}, "sound": false},
	"words where numbers go": {"edits": {"/tiers/standard/bars/0/bar": ["a"]}, "sound": false},
	"words of a bound": {"edits": {"/tiers/standard/bars/3/kind": "bound"}, "sound": false},
	"numbers where words go": {"edits": {"/tiers/standard/bars/3/bar": [1]}, "sound": false},
	"floor that nobody reads": {"edits": {"/tiers/standard/floors/0/evidence": "training"}, "sound": false},
	"floor at most": {"edits": {"/tiers/standard/floors/0/rule": "at_most"}, "sound": true},
	"floor of zero": {"edits": {"/tiers/standard/floors/0/value": 0}, "sound": false},
	"floor as text": {"edits": {"/tiers/standard/floors/0/value": "10"}, "sound": false},
	"floor of an unknown rule": {"edits": {"/tiers/standard/floors/0/rule": "about"}, "sound": false},
	"floor equal to a number": {"edits": {"/tiers/standard/floors/0/rule": "equals"}, "sound": true},
	"floor equal to nothing": {"edits": {"/tiers/standard/floors/1/value": ""}, "sound": false},
	"floor equal to null": {"edits": {"/tiers/standard/floors/1/value": null}, "sound": false},
	"floor equal to a list": {"edits": {"/tiers/standard/floors/1/value": ["add_remove"]}, "sound": false},
	"floor of a list": {"edits": {"/tiers/standard/floors/2/value": ["a"]}, "sound": true},
	"floor of no list": {"edits": {"/tiers/standard/floors/2/value": []}, "sound": false},
	"floor of an object": {"edits": {"/tiers/standard/floors/2/value": {"a": 1}}, "sound": false},
	"group that is not sensitive": {"edits": {"/models/credit/sensitive": ["AGE"]}, "sound": false},
	"sensitive as numbers": {"edits": {"/models/credit/sensitive": ["SEX", "AGE", 1]}, "sound": false},
	"less than no row needed": {"edits": {"/tiers/standard/bars/0/min_n": -1}, "sound": false},
	"materials by name": {"edits": {"/statements/utility/materials": {"a": "holdout"}}, "sound": false},
	"one material": {"edits": {"/statements/utility/materials": ["holdout"]}, "sound": true},
	"mutable as list": {"edits": {"/models/credit/mutable": ["PAY_0"]}, "sound": false},
	"one mutable column": {"edits": {"/models/credit/mutable": {"PAY_0": along([0, 1])}}, "sound": true},
	"mutable ways without names": {"edits": {"/models/credit/mutable": [along([0, 1])]}, "sound": false},
	"mutable downwards": {"edits": {"/models/credit/mutable/PAY_0/moves": "down"}, "sound": true},
	"no mutable column": {"edits": {"/models/credit/mutable": {}}, "sound": false},
	"mutable by levels": {"edits": {"/models/credit/mutable": {"PAY_0": {"moves": "up", "values": [0, 1]}}}, "sound": true},
	"mutable without a scale": {"edits": {"/models/credit/mutable/PAY_0": {"moves": "up"}}, "sound": false},
	"mutable as a word": {"edits": {"/models/credit/mutable/PAY_0": "up"}, "sound": false},
	"mutable along one edge": {"edits": {"/models/credit/mutable/PAY_0": along([0])}, "sound": false},
	"mutable along a text": {"edits": {"/models/credit/mutable/PAY_0": along("0 to 9")}, "sound": false},
	"mutable sideways": {"edits": {"/models/credit/mutable/PAY_0/moves": "left"}, "sound": false},
	"product by name": {"edits": {"/models/credit/products": [{"a": "SEX", "b": "AGE"}]}, "sound": false},
	"no groups": {"edits": {"/models/credit/groups": {}, "/models/credit/products": []}, "sound": false},
	"bars by name": {"edits": {"/tiers/standard/bars": named(example.tier.bars)}, "sound": false},
	"floors by name": {"edits": {"/tiers/standard/floors": named(example.tier.floors)}, "sound": false},
	"one floor": {"edits": {"/tiers/standard/floors": [example.tier.floors[0]]}, "sound": true},
	"no products": {"edits": {"/models/credit/products": []}, "sound": true},
	"products as object": {"edits": {"/models/credit/products": {}}, "sound": false},
	"product of one": {"edits": {"/models/credit/products": [["SEX"]]}, "sound": false},
	"product of no group": {"edits": {"/models/credit/products": [["SEX", "MARRIAGE"]]}, "sound": false},
	"product as text": {"edits": {"/models/credit/products": ["SEX*AGE"]}, "sound": false},
	"unit without a name": {"edits": {"/models/credit/unit": ""}, "sound": false},
	"label without a name": {"edits": {"/models/credit/label": ""}, "sound": false},
	"key more in a statement": {"edits": {"/statements/utility/waived": true}, "sound": false},
	"role without a name": {"edits": {"/statements/utility/role": ""}, "sound": false},
	"subject that is no material": {"edits": {"/statements/utility/subject": "release"}, "sound": false},
	"material as subject": {"edits": {"/statements/utility/subject": "holdout"}, "sound": true},
	"materials as object": {"edits": {"/statements/utility/materials": {}}, "sound": false},
	"material without a name": {"edits": {"/statements/utility/materials": ["holdout", ""]}, "sound": false},
}

is_sound(edits) if sound_with(edits)

is_sound(edits) := false if not sound_with(edits)

named(rows) := {$"row {place}": row | some place, row in rows}

test_time_begins_at_zero if rules.now == 0 with input as {"now": 0}
