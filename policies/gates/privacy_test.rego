package gates.privacy_test

import rego.v2

import data.gates.privacy
import data.lib.example_test as example

test_is_silent_when_every_bar_is_cleared if privacy.deny == set() with input as example.question

test_denies_each_measurement if {
	every name in measurements {
		denials := privacy.deny with input as example.failing("privacy", name)
		{denial.measurement | some denial in denials} == {name}
	}
}

measurements := {
	"mechanism",
	"epsilon",
	"delta",
}

test_denies_another_unit if {
	every case in {
		"row": {"unit": example.exact("row"), "code": "not_allowed_value"},
		"number": {"unit": example.exact(1), "code": "not_a_number"},
		"null": {"unit": null, "code": "malformed"},
	} {
		denials := privacy.deny with input as example.edited({"/evidence/privacy/measurements/unit": case.unit})
		denials == {{"code": case.code, "measurement": "unit"}}
	}
}

test_denies_no_unit if {
	denials := privacy.deny with input as example.without("/evidence/privacy/measurements/unit")
	denials == {{"code": "missing", "measurement": "unit"}}
}

# No mechanism is no epsilon: both are denied.
test_denies_a_model_without_a_release if {
	mechanism := {"mechanism": example.exact("none"), "unit": example.exact(example.model.unit)}
	denials := privacy.deny with input as example.edited({"/evidence/privacy/measurements": mechanism})
	denials == {
		{"code": "not_allowed_value", "measurement": "mechanism"},
		{"code": "missing", "measurement": "epsilon"},
		{"code": "missing", "measurement": "delta"},
	}
}
