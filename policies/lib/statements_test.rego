package lib.statements_test

import rego.v2

import data.lib.example_test as example
import data.lib.statements

age := example.tier.evidence_max_age_s

test_every_kind_is_ok[kind] if {
	some kind, _ in data.statements
	statements.code(kind) == "ok" with input as example.question
}

test_names_the_first_fault[note] if {
	some note, case in {
		"null": {"edits": {"": null}, "code": "malformed"},
		"false": {"edits": {"": false}, "code": "missing"},
		"empty": {"edits": {"": {}}, "code": "malformed"},
		"text": {"edits": {"": "utility"}, "code": "malformed"},
		"key more": {"edits": {"/waived": true}, "code": "malformed"},
		"another role": {"edits": {"/role": "trainer"}, "code": "wrong_role"},
		"no role": {"edits": {"/role": null}, "code": "wrong_role"},
		"another subject": {"edits": {"/subject": example.digest("other")}, "code": "wrong_subject"},
		"no digest as subject": {"edits": {"/subject": "payload"}, "code": "malformed"},
		"no time": {"edits": {"/finished_at": null}, "code": "malformed"},
		"time as text": {"edits": {"/finished_at": "1800000000"}, "code": "malformed"},
		"time before time": {"edits": {"/finished_at": -1}, "code": "malformed"},
		"in a minute": {"edits": {"/finished_at": example.now + 60}, "code": "ok"},
		"later": {"edits": {"/finished_at": example.now + 61}, "code": "future"},
		"a second too old": {"edits": {"/finished_at": (example.now - age) - 1}, "code": "stale"},
		"just now": {"edits": {"/finished_at": example.now}, "code": "ok"},
		"barely fresh": {"edits": {"/finished_at": example.now - age}, "code": "ok"},
		"config as list": {"edits": {"/config": []}, "code": "malformed"},
		"materials as list": {"edits": {"/materials": []}, "code": "malformed"},
		"measurements as list": {"edits": {"/measurements": []}, "code": "malformed"},
		"no materials": {"edits": {"/materials": {}}, "code": "missing"},
		"material as text": {"edits": {"/materials/holdout": "holdout"}, "code": "malformed"},
		"material more": {"edits": {"/materials/note": example.digest("note")}, "code": "ok"},
		"material more as text": {"edits": {"/materials/note": "note"}, "code": "malformed"},
	}
	question := example.edited({$"/evidence/utility{place}": value | some place, value in case.edits})
	statements.code("utility") == case.code with input as question
}

test_absent_is_missing if {
	statements.code("utility") == "missing" with input as example.without("/evidence/utility")
}

test_material_left_out_is_missing if {
	statements.code("utility") == "missing" with input as example.without("/evidence/utility/materials/holdout")
}

test_unknown_kind_is_never_ok if {
	question := example.edited({"/evidence/rumour": example.question.evidence.utility})
	statements.code("rumour") == "wrong_role" with input as question
}

test_release_is_the_subject_of_privacy if {
	question := example.edited({"/evidence/privacy/subject": example.digest("payload")})
	statements.code("privacy") == "wrong_subject" with input as question
}

test_another_material_is_not_the_subject if {
	as_payload := example.edited({"/evidence/utility/subject": example.digest("holdout")})
	statements.code("utility") == "wrong_subject" with input as as_payload
	as_release := example.edited({"/evidence/privacy/subject": example.digest("train")})
	statements.code("privacy") == "wrong_subject" with input as as_release
}

# A material called `payload` does not make any artifact the payload.
test_payload_is_no_material if {
	other := example.digest("other")
	question := example.edited({"/evidence/utility/subject": other, "/evidence/utility/materials/payload": other})
	statements.code("utility") == "wrong_subject" with input as question
}

test_without_a_clock_nothing_is_past if {
	statements.code("utility") == "future" with input as example.without("/now")
}

test_without_an_age_nothing_is_fresh if {
	statements.code("utility") == "stale" with input as example.question with data.tiers.standard.evidence_max_age_s as null
}

test_lists if {
	listed with input as example.question
}

test_lists_refuses[note] if {
	some note, asked in {"none": [], "null": null, "object": {"three": 3}, "number": 3, "others": [1, 2]}
	question := example.edited({"/evidence/stress/config/severities": asked})
	not listed with input as question
}

listed if statements.lists("stress", "severities", 3)
