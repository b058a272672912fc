"""The door of anonymization."""

from __future__ import annotations

import time

from assay.evidence.artifacts import Dataset, Splits
from assay.evidence.statement import Evidence
from assay.home import find_home
from assay.ledger import Ledger
from assay.spec import PipelineSpec
from tasks.anonymization.anonymize import anonymize
from tasks.door import door, report


@door("anonymize data")
def anonymize_data(spec: PipelineSpec, splits: Splits) -> tuple[Dataset, Evidence]:
    """What training may see, and evidence of what it cost."""
    home = find_home()
    return anonymize(spec, splits, home, Ledger.of(home), int(time.time()), report)
