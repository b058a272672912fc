package gates.stress_test

import rego.v2

import data.gates.stress
import data.lib.example_test as example

test_is_silent_when_every_bar_is_cleared if stress.deny == set() with input as example.question

test_denies_each_measurement if {
	every name in measurements {
		denials := stress.deny with input as example.failing("stress", name)
		{denial.measurement | some denial in denials} == {name}
	}
}

measurements := {
	"worst_balanced_accuracy",
	"worst_drop",
}

test_denies_a_suite_that_leaves_one_out if {
	denials := stress.deny with input as example.edited({"/evidence/stress/config/corruptions": ["noise"]})
	denials == {{"code": "floor_undercut", "measurement": "stress.corruptions"}}
}
