package gates.utility_test

import rego.v2

import data.gates.utility
import data.lib.example_test as example

test_is_silent_when_every_bar_is_cleared if utility.deny == set() with input as example.question

test_denies_each_measurement if {
	every name in measurements {
		denials := utility.deny with input as example.failing("utility", name)
		{denial.measurement | some denial in denials} == {name}
	}
}

measurements := {
	"auc",
	"balanced_accuracy",
}
