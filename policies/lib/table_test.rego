package lib.table_test

import rego.v2

import data.lib.example_test as example
import data.lib.table

# The wrong end of what is possible is told apart for every bar of the table.
test_every_bar_fails_by_its_code if {
	every bar in example.tier.bars {
		every name in example.names(bar) { fails(bar, name) }
	}
}

fails(bar, name) if {
	question := example.failing(bar.evidence, name)
	code := {"at_least": "below_bar", "at_most": "above_bar", "one_of": "not_allowed_value"}[bar.direction]
	denials := table.denials(bar.gate) with input as question
	denials == {{"code": code, "measurement": name}}
	not proven_with(bar.gate, question)
}

proven_with(gate, question) if table.proven(gate) with input as question

bars := {
	"at_least": bar("at_least", "bound", 0.7, [0, 1], 100),
	"at_most": bar("at_most", "bound", 0.1, [-1, 1], 100),
	"exact": bar("at_most", "exact", 3, [0, 1000], 0),
	"exact at_least": bar("at_least", "exact", 3, [0, 1000], 0),
	"word": bar("one_of", "exact", ["a", "b"], [0, 0], 0),
}

bar(direction, kind, value, ends, min_n) := {
	"evidence": "utility",
	"kind": kind,
	"direction": direction,
	"bar": value,
	"range": ends,
	"min_n": min_n,
}

high := {"kind": "bound", "point": 0.8, "lower": 0.7, "upper": 0.9, "alpha": 0.0025, "n": 100, "method": "x"}

low := object.union(high, {"point": 0, "lower": -0.1, "upper": 0.1})

three := example.exact(3)

word := example.exact("a")

measured(name, found) := code if {
	code := table.measured(bars[name], "m") with input as example.edited({"/evidence/utility/measurements/m": found})
}

test_a_measurement_by_its_code if {
	every case in {
		"at least, at the bar": {"bar": "at_least", "from": high, "but": {}, "code": "ok"},
		"at most, at the bar": {"bar": "at_most", "from": low, "but": {}, "code": "ok"},
		"exact, at the bar": {"bar": "exact", "from": three, "but": {}, "code": "ok"},
		"exact at least, at the bar": {"bar": "exact at_least", "from": three, "but": {}, "code": "ok"},
		"word": {"bar": "word", "from": word, "but": {}, "code": "ok"},
		"other word": {"bar": "word", "from": word, "but": {"value": "b"}, "code": "ok"},
		"straddles from above": {"bar": "at_least", "from": high, "but": {"lower": 0.699}, "code": "insufficient"},
		"straddles from below": {"bar": "at_most", "from": low, "but": {"upper": 0.101}, "code": "insufficient"},
		"upper end at the bar": {"bar": "at_least", "from": high, "but": {"lower": 0.5, "point": 0.6, "upper": 0.7}, "code": "insufficient"},
		"lower end at the bar": {"bar": "at_most", "from": low, "but": {"lower": 0.1, "point": 0.2, "upper": 0.3}, "code": "insufficient"},
		"below": {"bar": "at_least", "from": high, "but": {"lower": 0.5, "point": 0.6, "upper": 0.699}, "code": "below_bar"},
		"above": {"bar": "at_most", "from": low, "but": {"lower": 0.101, "point": 0.2, "upper": 0.3}, "code": "above_bar"},
		"exact above": {"bar": "exact", "from": three, "but": {"value": 3.01}, "code": "above_bar"},
		"exact below": {"bar": "exact at_least", "from": three, "but": {"value": 2.99}, "code": "below_bar"},
		"word not among them": {"bar": "word", "from": word, "but": {"value": "none"}, "code": "not_allowed_value"},
		"number for a word": {"bar": "word", "from": word, "but": {"value": 1}, "code": "not_a_number"},
		"empty word": {"bar": "word", "from": word, "but": {"value": ""}, "code": "not_a_number"},
		"word for a number": {"bar": "exact", "from": three, "but": {"value": "3"}, "code": "not_a_number"},
		"null for a number": {"bar": "exact", "from": three, "but": {"value": null}, "code": "not_a_number"},
		"exact below its range": {"bar": "exact", "from": three, "but": {"value": -1}, "code": "out_of_range"},
		"exact for a bound": {"bar": "at_least", "from": three, "but": {}, "code": "malformed"},
		"bound for an exact": {"bar": "exact", "from": low, "but": {}, "code": "malformed"},
		"kind": {"bar": "at_least", "from": high, "but": {"kind": "exact"}, "code": "malformed"},
		"kind of exact": {"bar": "exact", "from": three, "but": {"kind": "bound"}, "code": "malformed"},
		"key more": {"bar": "at_least", "from": high, "but": {"note": ""}, "code": "malformed"},
		"key more in exact": {"bar": "exact", "from": three, "but": {"note": ""}, "code": "malformed"},
		"no method": {"bar": "at_least", "from": high, "but": {"method": ""}, "code": "malformed"},
		"no source": {"bar": "exact", "from": three, "but": {"source": "here"}, "code": "malformed"},
		"lower above point": {"bar": "at_least", "from": high, "but": {"lower": 0.85}, "code": "out_of_range"},
		"upper below point": {"bar": "at_most", "from": low, "but": {"upper": -0.05}, "code": "out_of_range"},
		"point below its range": {"bar": "at_most", "from": low, "but": {"point": -1.2, "lower": -1.3}, "code": "out_of_range"},
		"lower below its range": {"bar": "at_least", "from": high, "but": {"lower": -0.1}, "code": "out_of_range"},
		"upper above its range": {"bar": "at_least", "from": high, "but": {"upper": 1.1}, "code": "out_of_range"},
		"alpha a little weak": {"bar": "at_least", "from": high, "but": {"alpha": 0.00250001}, "code": "weak_alpha"},
		"alpha stronger": {"bar": "at_least", "from": high, "but": {"alpha": 0.001}, "code": "ok"},
		"alpha of one look": {"bar": "at_least", "from": high, "but": {"alpha": 0.05}, "code": "weak_alpha"},
		"alpha zero": {"bar": "at_least", "from": high, "but": {"alpha": 0}, "code": "weak_alpha"},
		"one row too few": {"bar": "at_least", "from": high, "but": {"n": 99}, "code": "too_few_rows"},
		"half a row": {"bar": "at_least", "from": high, "but": {"n": 100.5}, "code": "too_few_rows"},
	} {
		measured(case.bar, object.union(case.from, case.but)) == case.code
	}
}

test_a_bound_is_made_of_numbers if {
	every field in ["point", "lower", "upper", "alpha", "n"] {
		every wrong in [null, false, true, "0.8", [], {}] {
			measured("at_least", object.union(high, {field: wrong})) == "not_a_number"
		}
	}
}

test_no_key_may_be_left_out if {
	every name, found in {"at_least": high, "at_most": low, "exact": three, "word": word} {
		every field, _ in found { measured(name, object.remove(found, {field})) == "malformed" }
	}
}

test_no_measurement_is_missing if {
	table.measured(bars.at_least, "m") == "missing" with input as example.question
}

test_a_measurement_is_an_object[note] if {
	some note, wrong in {"null": null, "text": "0.8", "number": 0.8, "list": [high], "empty": {}}
	measured("at_least", wrong) == "malformed"
}

test_a_stale_statement_measures_nothing if {
	question := example.edited({
		"/evidence/utility/measurements/m": high,
		"/evidence/utility/finished_at": 0,
	})
	table.measured(bars.at_least, "m") == "stale" with input as question
}

test_results_of_a_gate if {
	bars := table.bars with input as example.question
	{bar.measurement | some bar in bars; bar.gate == "fairness"} == {
		"approval_ratio:SEX",
		"approval_ratio:AGE",
		"approval_ratio:SEX*AGE",
		"equal_opportunity_difference:SEX",
		"equal_opportunity_difference:AGE",
		"equal_opportunity_difference:SEX*AGE",
	}
}

test_a_gate_without_bars_is_not_proven if not proven_with("kindness", example.question)

test_a_proven_gate if proven_with("fairness", example.question)

floors := {
	"at_least": {"rule": "at_least", "value": 10},
	"at_most": {"rule": "at_most", "value": 10},
	"equals": {"rule": "equals", "value": 10},
	"contains": {"rule": "contains", "value": [10, 20]},
}

floored(name, asked) := code if {
	floor := object.union(floors[name], {"evidence": "utility", "key": "k"})
	code := table.floor_code(floor) with input as example.edited({"/evidence/utility/config/k": asked})
}

test_a_floor_by_its_code[note] if {
	some note, case in {
		"at least": {"floor": "at_least", "asked": 10, "code": "ok"},
		"more": {"floor": "at_least", "asked": 11, "code": "ok"},
		"less": {"floor": "at_least", "asked": 9.99, "code": "floor_undercut"},
		"text for at least": {"floor": "at_least", "asked": "11", "code": "floor_undercut"},
		"list for at least": {"floor": "at_least", "asked": [11], "code": "floor_undercut"},
		"at most": {"floor": "at_most", "asked": 10, "code": "ok"},
		"lower": {"floor": "at_most", "asked": 9, "code": "ok"},
		"higher": {"floor": "at_most", "asked": 10.01, "code": "floor_undercut"},
		"null for at most": {"floor": "at_most", "asked": null, "code": "floor_undercut"},
		"true for at most": {"floor": "at_most", "asked": true, "code": "floor_undercut"},
		"equal": {"floor": "equals", "asked": 10, "code": "ok"},
		"unequal": {"floor": "equals", "asked": 11, "code": "floor_undercut"},
		"text for equal": {"floor": "equals", "asked": "10", "code": "floor_undercut"},
		"all": {"floor": "contains", "asked": [10, 20], "code": "ok"},
		"all and more": {"floor": "contains", "asked": [30, 20, 10], "code": "ok"},
		"some": {"floor": "contains", "asked": [10], "code": "floor_undercut"},
		"none": {"floor": "contains", "asked": [], "code": "floor_undercut"},
		"object": {"floor": "contains", "asked": {"a": 10, "b": 20}, "code": "floor_undercut"},
		"null": {"floor": "contains", "asked": null, "code": "floor_undercut"},
	}
	floored(case.floor, case.asked) == case.code
}

test_what_was_not_asked_is_missing[name] if {
	some name, floor in floors
	whole := object.union(floor, {"evidence": "utility", "key": "k"})
	table.floor_code(whole) == "missing" with input as example.question
}

test_a_stale_statement_meets_no_floor if {
	floor := object.union(floors.at_least, {"evidence": "utility", "key": "k"})
	question := example.edited({"/evidence/utility/config/k": 10, "/evidence/utility/finished_at": 0})
	table.floor_code(floor) == "stale" with input as question
}

# Every floor of the table is read by the gate of its evidence.
test_every_floor_denies if {
	every floor in example.tier.floors { denies(floor) }
}

denies(floor) if {
	gates := {bar.gate | some bar in example.tier.bars; bar.evidence == floor.evidence}
	count(gates) > 0
	question := example.without($"/evidence/{floor.evidence}/config/{floor.key}")
	others := {bar.gate | some bar in example.tier.bars; bar.evidence != floor.evidence} - gates
	every other in others { proven_with(other, question) }
	every gate in gates {
		denials := table.denials(gate) with input as question
		denials == {{"code": "missing", "measurement": $"{floor.evidence}.{floor.key}"}}
		not proven_with(gate, question)
	}
}
