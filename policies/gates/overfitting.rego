# METADATA
# title: Overfitting
# description: The model is not much better on the rows that it was fitted to than on rows held out.
# custom:
#   remedy: Regularise more (dropout, L1, L2), or train a smaller network for fewer epochs.
package gates.overfitting

import rego.v2

import data.lib.table

deny contains reason if some reason in table.denials("overfitting")
