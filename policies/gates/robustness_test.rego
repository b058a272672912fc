package gates.robustness_test

import rego.v2

import data.gates.robustness
import data.lib.example_test as example

test_is_silent_when_every_bar_is_cleared if robustness.deny == set() with input as example.question

test_denies_each_measurement if {
	every name in measurements {
		denials := robustness.deny with input as example.failing("robustness", name)
		{denial.measurement | some denial in denials} == {name}
	}
}

measurements := {
	"robust_recall:0.05",
	"robust_recall:0.1",
	"robust_recall:0.2",
	"clean_recall",
	"specificity",
	"black_box_advantage",
}

undercut := {"code": "floor_undercut", "measurement": "robustness.mutable"}

test_denies_a_weaker_attacker if {
	every mutable in {
		"a column less": object.remove(example.model.mutable, ["PAY_0"]),
		"one way": object.union(example.model.mutable, {"PAY_0": object.union(example.model.mutable.PAY_0, {"moves": "up"})}),
		"on a dearer scale": object.union(example.model.mutable, {"PAY_0": {"moves": "any", "values": [0, 1]}}),
		"directions alone": {column: way.moves | some column, way in example.model.mutable},
		"another column": object.union(example.model.mutable, {"LIMIT_BAL": "any"}),
		"nothing": {},
		"null": null,
		"names": [column | some column, _ in example.model.mutable],
	} {
		denials := robustness.deny with input as example.edited({"/evidence/robustness/config/mutable": mutable})
		denials == {undercut}
	}
}

test_denies_an_attacker_that_nobody_described if {
	robustness.deny == {undercut} with input as example.without("/evidence/robustness/config/mutable")
}

test_denies_a_tiny_attack if {
	denials := robustness.deny with input as example.edited({"/evidence/robustness/config/steps": 1})
	denials == {{"code": "floor_undercut", "measurement": "robustness.steps"}}
}
