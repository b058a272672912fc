# METADATA
# title: Data quality
# description: Every declared expectation holds, no person is in two splits, and few rows are set aside.
# custom:
#   remedy: Look at the failed expectations and at the quarantine; repair the source, or declare what the data really is.
package gates.data_quality

import rego.v2

import data.lib.rules
import data.lib.statements
import data.lib.table

deny contains reason if some reason in table.denials("data_quality")

# A sensitive column that the data stage did not audit would be judged by nobody.
deny contains {"code": "floor_undercut", "measurement": $"validation.sensitive:{column}"} if {
	some column in rules.model.sensitive
	not statements.lists("validation", "sensitive", column)
}
