package gates.overfitting_test

import rego.v2

import data.gates.overfitting
import data.lib.example_test as example

test_is_silent_when_every_bar_is_cleared if overfitting.deny == set() with input as example.question

test_denies_each_measurement if {
	every name in measurements {
		denials := overfitting.deny with input as example.failing("overfitting", name)
		{denial.measurement | some denial in denials} == {name}
	}
}

measurements := {
	"balanced_accuracy_gap",
}
