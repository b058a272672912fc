# METADATA
# title: Fairness
# description: Every declared group and intersection is approved and served alike, and the model cannot see which is which.
# custom:
#   remedy: Reweigh or repair the outcome between groups, or bring the rows that would decide.
package gates.fairness

import rego.v2

import data.lib.rules
import data.lib.shape
import data.lib.statements
import data.lib.table

deny contains reason if some reason in table.denials("fairness")

deny contains {"code": "floor_undercut", "measurement": $"fairness.groups:{group}"} if {
	some group, _ in rules.model.groups
	not statements.lists("fairness", "groups", group)
}

deny contains {"code": "floor_undercut", "measurement": $"fairness.products:{concat("*", product)}"} if {
	some product in rules.model.products
	not statements.lists("fairness", "products", product)
}

# Nor may the model see who a row is, or the answer.
hidden contains column if some column in rules.model.sensitive

hidden contains rules.model.unit

hidden contains rules.model.label

deny contains {"code": "sensitive_feature", "measurement": column} if {
	some column in hidden
	not unseen(column)
}

unseen(column) if {
	features := input.evidence.training.config.features
	shape.words(features)
	not column in features
}
