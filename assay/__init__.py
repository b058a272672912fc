"""Assay: no model carries the hallmark before it is assayed."""
