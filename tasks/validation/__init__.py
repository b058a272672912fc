"""Data validation: suites, quarantine and the split; `validate.validate` is all of it."""
