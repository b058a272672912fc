"""What data must be: one suite per data set, and the expectations that Great Expectations lacks.

Importing this package registers them; an expectation whose module nobody imported would be
dropped from a suite in silence.
"""

from __future__ import annotations

import logging
import warnings

# Tracebacks in the library's log quote cells: its records go nowhere.
logging.getLogger("great_expectations").addHandler(logging.NullHandler())
logging.getLogger("great_expectations").propagate = False

with warnings.catch_warnings():
    # Great Expectations imports modules that Python 3.11 deprecates.
    warnings.simplefilter("ignore")
    from expectations.groups import ExpectGroupsToHaveRows
    from expectations.leaks import ExpectNoColumnToTellTheLabel
    from expectations.one_hot import ExpectOneHotColumnsToMarkOneLevel
    from expectations.ratio import ExpectColumnPairRatioToBeBetween
    from expectations.repeats import ExpectRepeatedRowsToBeRare

__all__ = [
    "ExpectColumnPairRatioToBeBetween",
    "ExpectGroupsToHaveRows",
    "ExpectNoColumnToTellTheLabel",
    "ExpectOneHotColumnsToMarkOneLevel",
    "ExpectRepeatedRowsToBeRare",
]
