# METADATA
# title: Waivers
# description: Whether a waiver stands for a gate; who signed it is the core's to verify.
package lib.waivers

import rego.v2

import data.lib.rules
import data.lib.shape
import data.lib.statements

# For this payload, of the past, not over, and no longer than the table lets this gate be waived.
stands(gate) if {
	found := input.waivers[gate]
	shape.keys(found, {"subject", "issued_at", "expires_at"})
	found.subject == input.model.digest
	shape.whole(found.issued_at, 0)
	shape.whole(found.expires_at, 1)
	found.issued_at <= rules.now + statements.clock_skew
	rules.now < found.expires_at
	rules.tier
	found.expires_at - found.issued_at <= rules.waivable[gate]
}
