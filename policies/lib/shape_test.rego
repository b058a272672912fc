package lib.shape_test

import rego.v2

import data.lib.shape

test_number_in_takes_both_ends if {
	shape.number_in(0, [0, 1])
	shape.number_in(1, [0, 1])
	shape.number_in(0.5, [0, 1])
}

test_number_in_refuses[note] if {
	some note, case in {
		"below": {"x": -0.1, "ends": [0, 1]},
		"above": {"x": 1.1, "ends": [0, 1]},
		"null": {"x": null, "ends": [0, 1]},
		"null below null": {"x": 0, "ends": [null, 1]},
		"text": {"x": "0.5", "ends": [0, 1]},
		"text above": {"x": 0.5, "ends": [0, "1"]},
		"boolean": {"x": true, "ends": [0, 1]},
		"boolean end": {"x": 0.5, "ends": [false, 1]},
		"one end": {"x": 0.5, "ends": [0]},
		"no ends": {"x": 0.5, "ends": null},
	}
	not shape.number_in(case.x, case.ends)
}

test_whole if {
	shape.whole(0, 0)
	shape.whole(3, 2)
	shape.whole(1e9, 1)
}

test_whole_refuses[note] if {
	some note, case in {
		"below": {"x": 1, "least": 2},
		"fraction": {"x": 2.5, "least": 2},
		"text": {"x": "3", "least": 2},
		"null": {"x": null, "least": -1},
		"boolean": {"x": true, "least": -1},
		"no least": {"x": 3, "least": null},
	}
	not shape.whole(case.x, case.least)
}

test_text if shape.text("a")

test_text_refuses[note] if {
	some note, x in {"empty": "", "null": null, "number": 1, "list": ["a"], "object": {"a": 1}, "boolean": true}
	not shape.text(x)
}

test_digest if shape.digest($"sha256:{crypto.sha256("a")}")

test_digest_refuses[note] if {
	some note, x in {
		"bare": crypto.sha256("a"),
		"upper": $"sha256:{upper(crypto.sha256("a"))}",
		"long": $"sha256:{crypto.sha256("a")}0",
		"short": "sha256:0",
		"newline": $"sha256:{crypto.sha256("a")}\n",
		"before": $" sha256:{crypto.sha256("a")}",
		"null": null,
		"number": 0,
		"list": [$"sha256:{crypto.sha256("a")}"],
	}
	not shape.digest(x)
}

test_keys if shape.keys({"a": 1, "b": null}, {"a", "b"})

test_keys_refuses[note] if {
	some note, x in {"less": {"a": 1}, "more": {"a": 1, "b": 2, "c": 3}, "list": ["a", "b"], "null": null, "text": "ab"}
	not shape.keys(x, {"a", "b"})
}

test_words if shape.words(["a", "b"])

test_words_refuses[note] if {
	some note, x in {
		"none": [],
		"empty": ["a", ""],
		"number": ["a", 1],
		"null": null,
		"text": "ab",
		"object": {"a": "b"},
		"empty object": {},
	}
	not shape.words(x)
}
