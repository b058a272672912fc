package gates.provenance_test

import rego.v2

import data.gates.provenance
import data.lib.example_test as example

test_is_silent_when_every_bar_is_cleared if provenance.deny == set() with input as example.question

test_denies_each_measurement if {
	every name in measurements {
		denials := provenance.deny with input as example.failing("chain", name)
		{denial.measurement | some denial in denials} == {name}
	}
}

measurements := {
	"broken_links",
}

test_denies_a_statement_by_another_role if {
	every kind, _ in data.statements {
		denials := provenance.deny with input as example.edited({$"/evidence/{kind}/role": "approver"})
		{"code": "wrong_role", "measurement": kind} in denials
	}
}

test_denies_every_statement_left_out if {
	every kind, _ in data.statements {
		denials := provenance.deny with input as example.without($"/evidence/{kind}")
		{"code": "missing", "measurement": kind} in denials
	}
}

test_denies_a_statement_that_no_bar_asks_for if {
	tier := object.union(example.tier, {
		"bars": [bar | some bar in example.tier.bars; bar.evidence != "membership"],
		"floors": [floor | some floor in example.tier.floors; floor.evidence != "membership"],
	})
	question := example.edited({"/evidence/membership/role": "trainer"})
	denials := provenance.deny with input as question with data.tiers.standard as tier
	denials == {{"code": "wrong_role", "measurement": "membership"}}
}

test_denies_two_files_under_one_name if {
	every name in ["release", "spec", "train", "holdout", "development", "outcomes:predictions"] {
		some kind, statement in example.question.evidence
		statement.materials[name]
		place := $"/evidence/{kind}/materials/{name}"
		denials := provenance.deny with input as example.edited({place: example.digest("other")})
		{"code": "broken_chain", "measurement": name} in denials
	}
}

test_denies_code_without_a_commit if {
	every commit in {
		"null": null,
		"empty": "",
		"branch": "main",
		"short": "c0ffee",
		"number": 12,
		"longer": $"{concat("", [part | some _ in numbers.range(1, 8); part := "c0ffe"])}0",
		"lines": "unknown\n",
	} {
		denials := provenance.deny with input as example.edited({"/evidence/training/config/commit": commit})
		denials == {{"code": "missing", "measurement": "training.commit"}}
	}
}

test_denies_code_whose_commit_nobody_told if {
	denials := provenance.deny with input as example.without("/evidence/training/config/commit")
	denials == {{"code": "missing", "measurement": "training.commit"}}
}

test_takes_a_commit if {
	commit := concat("", [part | some _ in numbers.range(1, 8); part := "c0ffe"])
	provenance.deny == set() with input as example.edited({"/evidence/training/config/commit": commit})
}
