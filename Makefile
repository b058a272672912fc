# Two commands for a newcomer: `make demo` and `make test`. Both do all the set-up.
.DEFAULT_GOAL := help
.PHONY: help setup data demo test check check-slow up down lock clean
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# Of the default tests; each may start a stack of its own, of some 2 GB.
WORKERS ?= 2
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(BIN)/.installed: requirements.lock tools/uv.lock pyproject.toml
	@echo "assay: setting up .venv from the hashed lock (about 6.2 GB on disk)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Assay needs Python 3.11, found " + sys.version.split()[0] + "; name one with make PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r tools/uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -C editable_mode=compat --editable .
	@touch $@

setup: $(BIN)/.installed  ## .venv and OPA; a second time it changes nothing
	@tools/get_opa.sh $(BIN) >/dev/null

data: setup  ## the demo's and the tests' data, by pinned checksum
	@assay data get uci-credit boston-mortgage --yes

demo: setup data  ## the whole line: one champion, two refusals, and what tampering meets
	@python -m tools.demo

test: setup data  ## the default tests
	@python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

check: setup  ## for developers: format, types, import laws, policy laws, sizes, links
	@ruff format --check . && ruff check .
	@mypy
	@lint-imports
	@tools/check_policies.sh
	@python -m tools.check_house

check-slow: setup data  ## the slow proofs
	@python -m pytest -m slow

up: setup  ## leave the pages running over the last demo's home
	@assay up --background --mlflow-port 5050 --prefect-port 4250

down:  ## stop them
	@assay down

lock: $(BIN)/.installed  ## resolve the dependencies anew
	@uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" tools/requirements.in -o requirements.lock

clean:  ## remove what set-up and demo made
	@rm -rf .venv .assay
