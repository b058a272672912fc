# METADATA
# title: Stress
# description: Missing, noisy, impossible and unseen values do not break the model.
# custom:
#   remedy: Train with corrupted rows, clip what is impossible, and declare missing values as a level.
package gates.stress

import rego.v2

import data.lib.table

deny contains reason if some reason in table.denials("stress")
