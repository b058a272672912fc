"""A decision is shown: a node for each gate, the table, the page."""
