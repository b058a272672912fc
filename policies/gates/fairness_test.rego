package gates.fairness_test

import rego.v2

import data.gates.fairness
import data.lib.example_test as example

test_is_silent_when_every_bar_is_cleared if fairness.deny == set() with input as example.question

test_denies_each_measurement if {
	every name in measurements {
		denials := fairness.deny with input as example.failing("fairness", name)
		{denial.measurement | some denial in denials} == {name}
	}
}

measurements := {
	"approval_ratio:SEX",
	"approval_ratio:AGE",
	"approval_ratio:SEX*AGE",
	"equal_opportunity_difference:SEX",
	"equal_opportunity_difference:AGE",
	"equal_opportunity_difference:SEX*AGE",
}

test_denies_a_group_that_was_not_asked if {
	every group, _ in example.model.groups {
		others := [other | some other, _ in example.model.groups; other != group]
		denials := fairness.deny with input as example.edited({"/evidence/fairness/config/groups": others})
		denials == {{"code": "floor_undercut", "measurement": $"fairness.groups:{group}"}}
	}
}

test_denies_a_product_that_was_not_asked if {
	every products in {"none": [], "other order": [["AGE", "SEX"]], "text": ["SEX*AGE"], "null": null} {
		denials := fairness.deny with input as example.edited({"/evidence/fairness/config/products": products})
		denials == {{"code": "floor_undercut", "measurement": "fairness.products:SEX*AGE"}}
	}
}

hidden := array.concat(example.model.sensitive, [example.model.unit, example.model.label])

test_denies_a_feature_that_the_model_must_not_see if {
	every column in hidden {
		denials := fairness.deny with input as example.edited({"/evidence/training/config/features": ["PAY_0", column]})
		denials == {{"code": "sensitive_feature", "measurement": column}}
	}
}

test_denies_features_that_nobody_named if {
	every features in {"none": [], "null": null, "text": "PAY_0", "object": {"PAY_0": 1}, "numbers": [1]} {
		denials := fairness.deny with input as example.edited({"/evidence/training/config/features": features})
		denials == {{"code": "sensitive_feature", "measurement": column} | some column in hidden}
	}
}

test_denies_without_training_evidence if {
	denials := fairness.deny with input as example.without("/evidence/training")
	count(denials) == count(hidden)
}
