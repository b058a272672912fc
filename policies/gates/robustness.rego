# METADATA
# title: Robustness
# description: People who move what they can move do not fool the model.
# custom:
#   remedy: Train with adversarial augmentation, and ask every attack with at least the policy's effort.
package gates.robustness

import rego.v2

import data.lib.rules
import data.lib.table

deny contains reason if some reason in table.denials("robustness")

# Who may move fewer columns, or only upwards, is a weaker attacker.
deny contains {"code": "floor_undercut", "measurement": "robustness.mutable"} if not moves_all

moves_all if input.evidence.robustness.config.mutable == rules.model.mutable
