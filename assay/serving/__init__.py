"""What consumers run: a model is verified first, then loaded; what an auditor checks offline."""
