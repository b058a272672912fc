# METADATA
# title: Bars and floors
# description: The uniform table, applied to one gate at a time; every gate's first rule is its `denials`.
package lib.table

import rego.v2

import data.lib.rules
import data.lib.shape
import data.lib.statements

# Every reason that the table has against a gate.
denials(gate) := {{"code": result.code, "measurement": result.measurement} |
	some result in results
	result.gate == gate
	result.code != "ok"
}

# A gate without a bar proves nothing.
proven(gate) if {
	some bar in bars
	bar.gate == gate
	count(denials(gate)) == 0
}

results := bars | floors

bars contains {"gate": bar.gate, "code": code, "measurement": name} if {
	some bar in rules.tier.bars
	some name in rules.names(bar)
	code := measured(bar, name)
}

# A floor is every gate's that reads its evidence.
floors contains {"gate": bar.gate, "code": code, "measurement": $"{floor.evidence}.{floor.key}"} if {
	some floor in rules.tier.floors
	code := floor_code(floor)
	some bar in rules.tier.bars
	bar.evidence == floor.evidence
}

# The first thing that is wrong with a measurement, or `ok`.
measured(bar, name) := code if {
	statements.code(bar.evidence) == "ok"
	code := measurement_code(bar, input.evidence[bar.evidence].measurements[name])
} else := code if {
	code := statements.code(bar.evidence)
	code != "ok"
} else := "missing"

measurement_code(bar, found) := "ok" if {
	shaped(bar.kind, found)
	typed(bar, found)
	possible(bar, found)
	confident(bar.kind, found)
	enough(bar, found)
	clears(bar, found)
} else := "malformed" if {
	not shaped(bar.kind, found)
} else := "not_a_number" if {
	not typed(bar, found)
} else := "out_of_range" if {
	not possible(bar, found)
} else := "weak_alpha" if {
	not confident(bar.kind, found)
} else := "too_few_rows" if {
	not enough(bar, found)
} else := "not_allowed_value" if {
	bar.direction == "one_of"
} else := "below_bar" if {
	end(found, "upper") < bar.bar
} else := "above_bar" if {
	end(found, "lower") > bar.bar
} else := "insufficient"

shaped("bound", found) if {
	found.kind == "bound"
	shape.keys(found, {"kind", "point", "lower", "upper", "alpha", "n", "method"})
	shape.text(found.method)
}

shaped("exact", found) if {
	found.kind == "exact"
	shape.keys(found, {"kind", "value", "source"})
	shape.digest(found.source)
}

typed(_, found) if {
	every field in ["point", "lower", "upper", "alpha", "n"] { is_number(found[field]) }
}

typed(bar, found) if {
	bar.direction != "one_of"
	is_number(found.value)
}

typed(bar, found) if {
	bar.direction == "one_of"
	shape.text(found.value)
}

possible(bar, _) if bar.direction == "one_of"

# The point lies between its ends, and so in the range as they do.
possible(bar, found) if {
	shape.number_in(end(found, "lower"), [bar.range[0], end(found, "point")])
	shape.number_in(end(found, "upper"), [end(found, "point"), bar.range[1]])
}

# Division is rounded where alpha was computed: a relative 1e-9 is not a weaker test.
confident("bound", found) if {
	found.alpha > 0
	found.alpha * rules.tier.looks <= rules.tier.alpha * 1.000000001
}

confident("exact", _)

enough(bar, found) if shape.whole(found.n, bar.min_n)

enough(bar, _) if bar.kind == "exact"

clears(bar, found) if {
	bar.direction == "at_least"
	end(found, "lower") >= bar.bar
}

clears(bar, found) if {
	bar.direction == "at_most"
	end(found, "upper") <= bar.bar
}

clears(bar, found) if found.value in bar.bar

# Both ends of an exact value are the value.
end(found, name) := found[name] if found.kind == "bound"

end(found, _) := found.value if found.kind == "exact"

floor_code(floor) := "ok" if {
	statements.code(floor.evidence) == "ok"
	met(floor)
} else := why if {
	why := statements.code(floor.evidence)
	why != "ok"
} else := "missing" if {
	not asked(floor)
} else := "floor_undercut"

asked(floor) := input.evidence[floor.evidence].config[floor.key]

met(floor) if {
	floor.rule == "at_least"
	is_number(asked(floor))
	asked(floor) >= floor.value
}

met(floor) if {
	floor.rule == "at_most"
	is_number(asked(floor))
	asked(floor) <= floor.value
}

met(floor) if {
	floor.rule == "equals"
	asked(floor) == floor.value
}

met(floor) if {
	floor.rule == "contains"
	every value in floor.value { statements.lists(floor.evidence, floor.key, value) }
}
