# METADATA
# title: Utility
# description: The model is good enough to be worth its risk.
# custom:
#   remedy: Train on more rows or better features, or spend more of the allowed epsilon.
package gates.utility

import rego.v2

import data.lib.table

deny contains reason if some reason in table.denials("utility")
