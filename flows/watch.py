"""Every champion is verified anew; what does not hold is reverted by the server, and told."""

from __future__ import annotations

from flows.outcome import assay_flow
from tasks.watching.task import audit_models, list_models, show_findings


@assay_flow("watch")
def watch() -> None:
    """Audit every model: Blocked where an alias had to move, Failed where nobody can tell."""
    show_findings(audit_models(list_models()))
