"""The core decision, and the one door to OPA: allowed is what both allow."""
