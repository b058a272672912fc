# METADATA
# title: Law ten
# description: Which of the spoilt questions and tables are allowed all the same.
package law_ten

import rego.v2

whole := {
	"question": input.question,
	"tiers": data.tiers,
	"models": data.models,
	"statements": data.statements,
}

allowed contains index if {
	some index, edit in input.edits
	spoilt := json.patch(whole, [edit])

	data.promotion.allow with input as spoilt.question
		with data.tiers as spoilt.tiers
		with data.models as spoilt.models
		with data.statements as spoilt.statements
}
