# METADATA
# title: Provenance
# description: Every statement is there, by its role's key, and they speak of the same files.
# custom:
#   remedy: Run the pipeline again from the first stage, and submit what it wrote.
package gates.provenance

import rego.v2

import data.lib.rules
import data.lib.statements
import data.lib.table

deny contains reason if some reason in table.denials("provenance")

# Every kind that the policy asks for or that was handed in, and how the model was made.
kinds contains "training"

kinds contains bar.evidence if some bar in rules.tier.bars

kinds contains kind if some kind, _ in input.evidence

deny contains {"code": code, "measurement": kind} if {
	some kind in kinds
	code := statements.code(kind)
	code != "ok"
}

# One name, one file: two digests under one name are two chains.
digests[name] contains digest if {
	some statement in input.evidence
	some name, digest in statement.materials
}

deny contains {"code": "broken_chain", "measurement": name} if {
	some name, found in digests
	count(found) > 1
}

deny contains {"code": "missing", "measurement": "training.commit"} if not committed

committed if {
	commit := input.evidence.training.config.commit
	is_string(commit)
	regex.match(`^([0-9a-f]{40}|unknown)$`, commit)
}
