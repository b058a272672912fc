package lib.waivers_test

import rego.v2

import data.lib.example_test as example
import data.lib.waivers

waiver := {"subject": example.digest("payload"), "issued_at": example.now, "expires_at": example.now + 20}

stands(found) if {
	question := example.edited({"/waivers/utility": found})
	waivers.stands("utility") with input as question with data.tiers.standard.waivable as {"utility": 20}
}

test_stands_for_its_gate if stands(waiver)

test_stands_for_no_other_gate if {
	not waivers.stands("utility") with input as example.question
	not waivers.stands("utility") with input as example.edited({"/waivers/utility": waiver})
}

test_every_key_is_what_it_has_to_be if {
	every key, _ in waiver {
		not stands(object.remove(waiver, {key}))
		every wrong in [null, true, "1", [], {}, -5, 0.5] { not stands(object.union(waiver, {key: wrong})) }
	}
	not stands(object.union(waiver, {"reason": "because"}))
	not stands(object.union(waiver, {"issued_at": example.now + 0.5}))
}

# Times are whole seconds from the beginning of time.
test_times_begin_with_time if {
	early(0, {"issued_at": 0, "expires_at": 1})
	early(5, {"issued_at": 0, "expires_at": 6})
	not early(5, {"issued_at": -1, "expires_at": 6})
}

early(now, times) if {
	question := example.edited({"/now": now, "/waivers/utility": object.union(waiver, times)})
	waivers.stands("utility") with input as question with data.tiers.standard.waivable as {"utility": 20}
}

test_a_table_that_is_none_lets_nothing_be_waived if {
	question := example.edited({"/waivers/utility": waiver})
	not waivers.stands("utility") with input as question
		with data.tiers.standard.waivable as {"utility": 20}
		with data.tiers.standard.looks as 0
}
