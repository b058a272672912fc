# METADATA
# title: Membership
# description: Nobody can tell from the model who was in its training data.
# custom:
#   remedy: Train on a private release, or regularise until losses inside and outside look alike.
package gates.membership

import rego.v2

import data.lib.table

deny contains reason if some reason in table.denials("membership")
