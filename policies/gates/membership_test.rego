package gates.membership_test

import rego.v2

import data.gates.membership
import data.lib.example_test as example

test_is_silent_when_every_bar_is_cleared if membership.deny == set() with input as example.question

test_denies_each_measurement if {
	every name in measurements {
		denials := membership.deny with input as example.failing("membership", name)
		{denial.measurement | some denial in denials} == {name}
	}
}

measurements := {
	"tpr_at_fpr",
}

test_denies_half_an_attack if {
	denials := membership.deny with input as example.edited({"/evidence/membership/config/attacks": ["loss_low"]})
	denials == {{"code": "floor_undercut", "measurement": "membership.attacks"}}
}
