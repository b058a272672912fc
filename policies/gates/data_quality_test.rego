package gates.data_quality_test

import rego.v2

import data.gates.data_quality
import data.lib.example_test as example

test_is_silent_when_every_bar_is_cleared if data_quality.deny == set() with input as example.question

test_denies_each_measurement if {
	every name in measurements {
		denials := data_quality.deny with input as example.failing("validation", name)
		{denial.measurement | some denial in denials} == {name}
	}
}

measurements := {
	"failed_expectations",
	"split_overlap",
	"quarantined_share",
}

test_denies_a_sensitive_column_that_nobody_audits if {
	every column in example.model.sensitive {
		others := [other | some other in example.model.sensitive; other != column]
		denials := data_quality.deny with input as example.edited({"/evidence/validation/config/sensitive": others})
		denials == {{"code": "floor_undercut", "measurement": $"validation.sensitive:{column}"}}
	}
}

test_denies_an_audit_of_no_list if {
	denials := data_quality.deny with input as example.edited({"/evidence/validation/config/sensitive": null})
	count(denials) == count(example.model.sensitive)
}

test_denies_few_expectations if {
	denials := data_quality.deny with input as example.edited({"/evidence/validation/config/expectations": 1})
	denials == {{"code": "floor_undercut", "measurement": "validation.expectations"}}
}
