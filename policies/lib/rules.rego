# METADATA
# title: Rules in force
# description: What the table says of the model that is asked about, and whether it is a table at all.
package lib.rules

import rego.v2

import data.lib.shape

stated_model := data.models[input.model.name]

stated_tier := data.tiers[stated_model.tier]

# A row that is no row denies everything: only a sound table rules.
model := stated_model if sound

tier := stated_tier if sound

required contains bar.gate if some bar in tier.bars

now := input.now if shape.whole(input.now, 0)

# What a row of the bars is called for each subject that it speaks of.
names(bar) := {bar.measurement} if bar.per == "model"

names(bar) := {$"{bar.measurement}:{group}" | some group, _ in model.groups} if bar.per == "group"

names(bar) := {$"{bar.measurement}:{concat("*", product)}" | some product in model.products} if {
	bar.per == "product"
}

# A year: evidence may not be declared fresh for ever.
longest_age := 31622400

sound if {
	sound_tier
	sound_model
	every bar in stated_tier.bars { sound_bar(bar) }
	every floor in stated_tier.floors { sound_floor(floor) }
	every rules in data.statements { sound_statement(rules) }
}

sound_tier if {
	shape.number_in(stated_tier.alpha, [0, 0.5])
	stated_tier.alpha > 0
	shape.whole(stated_tier.looks, 1)
	shape.whole(stated_tier.evidence_max_age_s, 1)
	stated_tier.evidence_max_age_s <= longest_age
	is_array(stated_tier.bars)
	is_array(stated_tier.floors)
	count(stated_tier.floors) > 0
	is_object(waivable)
	every gate, longest in waivable { sound_excuse(gate, longest) }
}

# Gate -> seconds that a waiver of it may hold; whatever is not named is never waived.
waivable := object.get(stated_tier, "waivable", {})

# What the core makes itself is no number that could fall short.
sound_excuse(gate, longest) if {
	shape.whole(longest, 1)
	longest <= longest_age
	kinds := {bar.evidence | some bar in stated_tier.bars; bar.gate == gate}
	count(kinds) > 0
	every kind in kinds { data.statements[kind].role != "core" }
}

sound_model if {
	shape.text(stated_model.unit)
	shape.text(stated_model.label)
	shape.words(stated_model.sensitive)
	is_object(stated_model.groups)
	count(stated_model.groups) > 0
	every group, _ in stated_model.groups { group in stated_model.sensitive }
	is_array(stated_model.products)
	every product in stated_model.products { sound_product(product) }
	is_object(stated_model.mutable)
	count(stated_model.mutable) > 0
	every way in stated_model.mutable { sound_way(way) }
}

# A scale of one point would let nothing move.
sound_way(way) if {
	way.moves in {"any", "up", "down"}
	some scale in [object.get(way, "edges", []), object.get(way, "values", [])]
	is_array(scale)
	count(scale) > 1
}

sound_product(product) if {
	shape.words(product)
	count(product) > 1
	every group in product { is_object(stated_model.groups[group]) }
}

sound_bar(bar) if {
	shape.keys(bar, {"gate", "evidence", "measurement", "per", "kind", "direction", "bar", "range", "min_n"})
	shape.text(bar.gate)
	shape.text(bar.measurement)
	is_object(data.statements[bar.evidence])
	bar.per in {"model", "group", "product"}
	shape.number_in(bar.range[0], bar.range)
	shape.whole(bar.min_n, 0)
	sound_demand(bar)
}

sound_demand(bar) if {
	bar.kind == "bound"
	bar.direction in {"at_least", "at_most"}
	shape.number_in(bar.bar, bar.range)
	bar.min_n > 0
}

sound_demand(bar) if {
	bar.kind == "exact"
	bar.direction in {"at_least", "at_most"}
	shape.number_in(bar.bar, bar.range)
}

sound_demand(bar) if {
	bar.kind == "exact"
	bar.direction == "one_of"
	shape.words(bar.bar)
}

# A floor on evidence that no gate reads would be read by nobody.
sound_floor(floor) if {
	shape.keys(floor, {"evidence", "key", "rule", "value"})
	shape.text(floor.key)
	some bar in stated_tier.bars
	bar.evidence == floor.evidence
	sound_value(floor)
}

sound_value(floor) if {
	floor.rule in {"at_least", "at_most"}
	is_number(floor.value)
	floor.value > 0
}

sound_value(floor) if {
	floor.rule == "equals"
	is_number(floor.value)
}

sound_value(floor) if {
	floor.rule == "equals"
	shape.text(floor.value)
}

sound_value(floor) if {
	floor.rule == "contains"
	is_array(floor.value)
	count(floor.value) > 0
}

sound_statement(rules) if {
	shape.keys(rules, {"role", "subject", "materials"})
	shape.text(rules.role)
	is_array(rules.materials)
	every name in rules.materials { shape.text(name) }
	rests_on_something(rules)
	rules.subject in ({"payload"} | {name | some name in rules.materials})
}

# Only what the core makes itself may rest on nothing that is named.
rests_on_something(rules) if count(rules.materials) > 0

rests_on_something(rules) if rules.role == "core"
