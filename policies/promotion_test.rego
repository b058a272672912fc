package promotion_test

import rego.v2

import data.lib.example_test as example
import data.promotion

test_allows_what_clears_every_bar if {
	decision := promotion.decision with input as example.question
	decision == {
		"schema": 1,
		"allow": true,
		"violations": set(),
		"required": {
			"data_quality",
			"privacy",
			"utility",
			"overfitting",
			"robustness",
			"stress",
			"fairness",
			"membership",
			"provenance",
		},
		"proven": decision.required,
		"waived": set(),
		"nonce": example.question.nonce,
	}
}

test_answers_whatever_it_is_asked[note] if {
	some note, question in {"null": null, "text": "allow", "number": 1, "list": [], "empty": {}, "true": true}
	decision := promotion.decision with input as question
	decision.allow == false
	decision.nonce == ""
	decision.proven == set()
	{"gate": "promotion", "code": "malformed", "measurement": "question"} in decision.violations
	{"gate": "promotion", "code": "unknown_model", "measurement": "model"} in decision.violations
}

violations(question) := found if {
	decision := promotion.decision with input as question
	decision.allow == false
	found := decision.violations
}

by_promotion(code, measurement) := {{"gate": "promotion", "code": code, "measurement": measurement}}

test_names_the_reason if {
	every case in reasons {
		violations(example.edited(case.edits)) == by_promotion(case.code, case.of)
	}
}

reasons := {
	"schema": {"edits": {"/schema": 2}, "code": "malformed", "of": "question"},
	"schema as text": {"edits": {"/schema": "1"}, "code": "malformed", "of": "question"},
	"key more": {"edits": {"/wavers": {}}, "code": "malformed", "of": "question"},
	"no nonce": {"edits": {"/nonce": ""}, "code": "malformed", "of": "question"},
	"nonce as number": {"edits": {"/nonce": 7}, "code": "malformed", "of": "question"},
	"version as number": {"edits": {"/model/version": 7}, "code": "malformed", "of": "question"},
	"no version": {"edits": {"/model/version": ""}, "code": "malformed", "of": "question"},
	"key more in model": {"edits": {"/model/tier": "low"}, "code": "malformed", "of": "question"},
	"key more in looks": {"edits": {"/looks/allowed": 99}, "code": "malformed", "of": "question"},
	"not recorded": {"edits": {"/looks/recorded": false}, "code": "look_missing", "of": "looks"},
	"recorded as text": {"edits": {"/looks/recorded": "true"}, "code": "look_missing", "of": "looks"},
	"recorded as number": {"edits": {"/looks/recorded": 1}, "code": "look_missing", "of": "looks"},
	"no look": {"edits": {"/looks/spent": 0}, "code": "look_missing", "of": "looks"},
	"half a look": {"edits": {"/looks/spent": 1.5}, "code": "look_missing", "of": "looks"},
	"looks as text": {"edits": {"/looks/spent": "1"}, "code": "look_missing", "of": "looks"},
	"a look too many": {"edits": {"/looks/spent": example.tier.looks + 1}, "code": "looks_spent", "of": "looks"},
}

test_the_last_look_is_a_look if {
	allowed(example.edited({"/looks/spent": example.tier.looks}))
}

test_a_fraction_of_a_second_is_no_time if {
	found := violations(example.edited({"/now": example.now + 0.5}))
	{"gate": "promotion", "code": "malformed", "measurement": "question"} in found
}

test_time_is_not_before_time if {
	count(violations(example.edited({"/now": -1})) & by_promotion("malformed", "question")) == 1
	count(violations(example.edited({"/now": 0})) & by_promotion("malformed", "question")) == 0
}

test_a_payload_without_a_digest if {
	found := violations(example.edited({"/model/digest": "payload"}))
	{"gate": "promotion", "code": "malformed", "measurement": "question"} in found
}

test_names_each_gates_reason if {
	found := violations(example.failing("utility", "auc"))
	found == {{"gate": "utility", "code": "below_bar", "measurement": "auc"}}
}

# What the policy does not know, it does not judge.
test_an_unknown_model[note] if {
	some note, name in {"misspelt": "credlt", "null": null, "list": ["credit"], "tier": "standard"}
	found := violations(example.edited({"/model/name": name}))
	{"gate": "promotion", "code": "unknown_model", "measurement": "model"} in found
	{reason.gate | some reason in found} == {"promotion"}
	count(found & by_promotion("looks_spent", "looks")) == 0
	count(found & by_promotion("malformed", "policy")) == 0
}

test_a_model_name_that_is_no_text if {
	found := violations(example.edited({"/model/name": ""}))
	{"gate": "promotion", "code": "malformed", "measurement": "question"} in found
}

test_evidence_that_is_no_object if {
	every evidence in [null, [], "all"] {
		found := violations(example.edited({"/evidence": evidence}))
		{"gate": "promotion", "code": "malformed", "measurement": "question"} in found
	}
}

test_unknown_evidence if {
	found := violations(example.edited({"/evidence/rumour": example.question.evidence.utility}))
	{"gate": "promotion", "code": "unknown_evidence", "measurement": "rumour"} in found
}

test_a_table_that_is_no_table if {
	decision := promotion.decision with input as example.question with data.tiers.standard.evidence_max_age_s as 1e9
	decision.allow == false
	decision.violations == by_promotion("malformed", "policy")
}

# One gate is enough for a tier that asks for one.
test_a_tier_of_one_gate if {
	tier := object.union(example.tier, {
		"bars": [bar | some bar in example.tier.bars; bar.gate == "membership"],
		"floors": [floor | some floor in example.tier.floors; floor.evidence == "membership"],
	})
	decision := promotion.decision with input as example.question with data.tiers.standard as tier
	decision.allow
	decision.required == {"membership"}
}

test_a_tier_without_bars_allows_nothing if {
	decision := promotion.decision with input as example.question with data.tiers.standard.bars as []
	decision.allow == false
	decision.required == set()
}

# A required gate whose name is misspelt, or whose package is gone, is a denial.
test_a_gate_without_a_package if {
	bars := json.patch(example.tier.bars, [{"op": "replace", "path": "/6/gate", "value": "utilty"}])
	decision := promotion.decision with input as example.question with data.tiers.standard.bars as bars
	decision.allow == false
	decision.violations == {{"gate": "utilty", "code": "missing", "measurement": "policy"}}
	not "utilty" in decision.proven
}

# A gate's package may forget the table; the aggregator does not.
test_a_gate_that_forgets_the_table if {
	question := example.failing("utility", "auc")
	decision := promotion.decision with input as question with data.gates.utility.deny as set()
	decision.allow == false
	decision.violations == {{"gate": "utility", "code": "missing", "measurement": "policy"}}
}

test_a_denial_of_another_shape_still_denies if {
	decision := promotion.decision with input as example.question with data.gates.utility.deny as {"no"}
	decision.allow == false
	decision.violations == {{"gate": "utility", "code": "missing", "measurement": "policy"}}
}

# Every kind of evidence is needed, whatever stands in its place.
test_no_evidence_may_be_something_else if {
	every kind, _ in example.question.evidence {
		every wrong in [null, {}] {
			not allowed(example.edited({$"/evidence/{kind}": wrong}))
		}
		not allowed(example.without($"/evidence/{kind}"))
	}
}

# The example, where one gate falls short and a waiver stands for it.
falling_short := example.failing("utility", "auc")

waiver := {"subject": example.digest("payload"), "issued_at": example.now - 10, "expires_at": example.now + 10}

waived(found) := json.patch(falling_short, [{"op": "add", "path": "/waivers/utility", "value": found}])

decided(question) := decision if {
	decision := promotion.decision with input as question with data.tiers.standard.waivable as {"utility": 20}
}

test_a_waiver_excuses_a_number_that_falls_short if {
	decision := decided(waived(waiver))
	decision.allow
	decision.waived == {"utility"}
	decision.required - decision.proven == {"utility"}
	decision.violations == {{"gate": "utility", "code": "below_bar", "measurement": "auc"}}
}

test_a_waiver_that_is_not_needed_changes_nothing if {
	decision := decided(example.edited({"/waivers/utility": waiver}))
	decision.allow
	decision.waived == set()
}

test_no_other_waiver_excuses if {
	every place, wrong in {
		"subject": example.digest("another payload"),
		"issued_at": example.now + 61,
		"expires_at": example.now,
	} {
		decision := decided(waived(object.union(waiver, {place: wrong})))
		decision.allow == false
		decision.waived == set()
	}
	every wrong in [null, true, [], {}, {"subject": waiver.subject}] {
		decided(waived(wrong)).allow == false
	}
	decided(waived(object.union(waiver, {"issued_at": example.now - 10.5}))).allow == false
	decided(waived(object.union(waiver, {"expires_at": example.now + 9.5}))).allow == false
	decided(waived(object.union(waiver, {"gate": "utility"}))).allow == false
}

test_a_waiver_holds_from_its_first_second_to_its_last if {
	decided(waived(object.union(waiver, {"expires_at": example.now + 1}))).allow
	decided(waived(object.union(waiver, {"issued_at": example.now + 60, "expires_at": example.now + 80}))).allow
}

test_a_waiver_is_no_longer_than_the_table_lets_it if {
	decided(waived(object.union(waiver, {"expires_at": example.now + 11}))).allow == false
}

test_a_waiver_of_another_gate_excuses_nothing if {
	question := json.patch(falling_short, [{"op": "add", "path": "/waivers/stress", "value": waiver}])
	decided(question).allow == false
}

test_nothing_is_waived_that_the_table_does_not_name if {
	decision := promotion.decision with input as waived(waiver)
	decision.allow == false
	decision.waived == set()
}

test_only_a_shortfall_is_excused if {
	every place in ["/evidence/utility/role", "/evidence/utility/measurements/auc/alpha"] {
		wrong := json.patch(waived(waiver), [{"op": "replace", "path": place, "value": "trainer"}])
		decided(wrong).allow == false
	}
	gone := json.patch(waived(waiver), [{"op": "remove", "path": "/evidence/utility"}])
	decided(gone).allow == false
}

test_a_gate_that_forgets_the_table_is_not_waived if {
	decision := promotion.decision with input as waived(waiver)
		with data.tiers.standard.waivable as {"utility": 20}
		with data.gates.utility.deny as set()
	decision.allow == false
}

# Every way to fall short, each at a gate of its own.
test_each_shortfall_is_excused if {
	every code, shortfall in {
		"below_bar": {},
		"insufficient": {"upper": 1},
		"too_few_rows": {"lower": 1, "point": 1, "upper": 1, "n": 1},
	} {
		short := object.union(falling_short.evidence.utility.measurements.auc, shortfall)
		place := "/evidence/utility/measurements/auc"
		decision := decided(json.patch(waived(waiver), [{"op": "replace", "path": place, "value": short}]))
		decision.allow
		{violation.code | some violation in decision.violations} == {code}
	}
}

test_a_number_above_its_bar_is_excused if {
	question := json.patch(
		example.failing("overfitting", "balanced_accuracy_gap"),
		[{"op": "add", "path": "/waivers/overfitting", "value": waiver}],
	)
	decision := promotion.decision with input as question with data.tiers.standard.waivable as {"overfitting": 20}
	decision.allow
	{violation.code | some violation in decision.violations} == {"above_bar"}
}

# What the gate's own package says beside the table counts too.
test_a_reason_that_the_table_does_not_know_is_not_excused if {
	more := {{"code": "below_bar", "measurement": "auc"}, {"code": "leaked", "measurement": "label"}}
	decision := promotion.decision with input as waived(waiver)
		with data.tiers.standard.waivable as {"utility": 20}
		with data.gates.utility.deny as more
	decision.allow == false
}

test_another_gates_reason_is_not_excused if {
	question := json.patch(waived(waiver), [{"op": "remove", "path": "/evidence/stress"}])
	decided(question).allow == false
}

test_waivers_that_are_no_object if {
	every wrong in [null, [], "all"] {
		found := violations(example.edited({"/waivers": wrong}))
		{"gate": "promotion", "code": "malformed", "measurement": "question"} in found
	}
}

allowed(question) if promotion.allow with input as question
