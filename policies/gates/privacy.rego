# METADATA
# title: Privacy
# description: The model saw a release that protects the policy's unit within epsilon and delta.
# custom:
#   remedy: Declare a mechanism, the policy's unit and a smaller epsilon; a release that was made keeps what it spent.
package gates.privacy

import rego.v2

import data.lib.rules
import data.lib.table

deny contains reason if some reason in table.denials("privacy")

# Whom the release protects is the policy's to say, so this bar is made from the model's row.
unit := {"evidence": "privacy", "kind": "exact", "direction": "one_of", "bar": [rules.model.unit]}

deny contains {"code": code, "measurement": "unit"} if {
	code := table.measured(unit, "unit")
	code != "ok"
}
