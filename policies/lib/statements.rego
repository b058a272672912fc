# METADATA
# title: Statements
# description: Whether a kind of evidence is there, whole, by its role, about its subject, and fresh.
package lib.statements

import rego.v2

import data.lib.rules
import data.lib.shape

# The first thing that is wrong with a kind of evidence, or `ok`.
code(kind) := "ok" if {
	whole(kind)
	signed(kind)
	about(kind)
	past(kind)
	fresh(kind)
	complete(kind)
} else := "missing" if {
	not input.evidence[kind]
} else := "malformed" if {
	not whole(kind)
} else := "wrong_role" if {
	not signed(kind)
} else := "wrong_subject" if {
	not about(kind)
} else := "future" if {
	not past(kind)
} else := "stale" if {
	not fresh(kind)
} else := "missing"

whole(kind) if {
	found := input.evidence[kind]
	shape.keys(found, {"role", "subject", "finished_at", "config", "materials", "measurements"})
	shape.digest(found.subject)
	shape.whole(found.finished_at, 0)
	is_object(found.config)
	is_object(found.materials)
	is_object(found.measurements)
	every material in found.materials { shape.digest(material) }
}

signed(kind) if input.evidence[kind].role == data.statements[kind].role

about(kind) if {
	data.statements[kind].subject == "payload"
	input.evidence[kind].subject == input.model.digest
}

about(kind) if {
	name := data.statements[kind].subject
	name in data.statements[kind].materials
	input.evidence[kind].subject == input.evidence[kind].materials[name]
}

# Two machines' clocks may differ by this many seconds, and no more.
clock_skew := 60

past(kind) if input.evidence[kind].finished_at <= rules.now + clock_skew

fresh(kind) if rules.now - input.evidence[kind].finished_at <= rules.tier.evidence_max_age_s

complete(kind) if {
	every name in data.statements[kind].materials { input.evidence[kind].materials[name] }
}

# Whether a list in what was asked holds a value.
lists(kind, key, value) if {
	asked := input.evidence[kind].config[key]
	is_array(asked)
	value in asked
}
