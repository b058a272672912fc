# METADATA
# title: Promotion
# description: The one decision; allowed is what every required gate proves and nothing denies.
package promotion

import rego.v2

import data.lib.rules
import data.lib.shape
import data.lib.table
import data.lib.waivers

decision := {
	"schema": 1,
	"allow": allow,
	"violations": (reasons | unproven),
	"required": rules.required,
	"proven": proven,
	"waived": waived,
	"nonce": nonce,
}

default allow := false

allow if {
	every reason in reasons { reason.gate in waived }
	count(rules.required) > 0
	count(rules.required - (proven | waived)) == 0
}

default nonce := ""

nonce := input.nonce if is_string(input.nonce)

# Positive on both sides: the table finds every bar cleared, and the gate's own package is there and silent.
proven contains gate if {
	some gate in rules.required
	table.proven(gate)
	count(data.gates[gate].deny) == 0
}

# Denied, by nothing else than numbers that fall short, and a waiver stands for it.
waived contains gate if {
	some gate in rules.required
	waivers.stands(gate)
	count(data.gates[gate].deny) > 0
	every denial in table.denials(gate) | data.gates[gate].deny { denial.code in excusable }
}

excusable := {"below_bar", "above_bar", "insufficient", "too_few_rows"}

reasons contains {"gate": gate, "code": denial.code, "measurement": denial.measurement} if {
	some gate in rules.required
	some denial in data.gates[gate].deny
}

reasons contains {"gate": "promotion", "code": "malformed", "measurement": "question"} if not well_formed

reasons contains {"gate": "promotion", "code": "unknown_model", "measurement": "model"} if not rules.stated_tier

reasons contains {"gate": "promotion", "code": "malformed", "measurement": "policy"} if {
	rules.stated_tier
	not rules.tier
}

reasons contains {"gate": "promotion", "code": "look_missing", "measurement": "looks"} if not looked

reasons contains {"gate": "promotion", "code": "looks_spent", "measurement": "looks"} if {
	rules.tier
	looked
	not affordable
}

reasons contains {"gate": "promotion", "code": "unknown_evidence", "measurement": kind} if {
	some kind, _ in input.evidence
	not data.statements[kind]
}

# A gate that has no package, or whose package does not say why.
unproven contains {"gate": gate, "code": "missing", "measurement": "policy"} if {
	some gate in rules.required
	not gate in proven
	not gate in {reason.gate | some reason in reasons}
}

well_formed if {
	shape.keys(input, {"schema", "now", "nonce", "model", "looks", "evidence", "waivers"})
	input.schema == 1
	shape.whole(input.now, 0)
	shape.text(input.nonce)
	shape.keys(input.model, {"name", "version", "digest"})
	shape.text(input.model.name)
	shape.text(input.model.version)
	shape.digest(input.model.digest)
	shape.keys(input.looks, {"spent", "recorded"})
	is_object(input.evidence)
	is_object(input.waivers)
}

looked if {
	input.looks.recorded == true
	shape.whole(input.looks.spent, 1)
}

affordable if input.looks.spent <= rules.tier.looks
