#!/usr/bin/env bash
# The policy laws: format, strict check under our capabilities, tests with full coverage, house laws.
set -euo pipefail
cd "$(dirname "$0")/.."
opa fmt --fail --list policies
opa check --strict --capabilities policies/capabilities.json policies
opa test --fail-on-empty --timeout 60s policies
opa test --fail-on-empty --timeout 60s --coverage --coverage-runs= --threshold 100 policies >/dev/null
python -m tools.lint_policies policies
