.DEFAULT_GOAL := help
.PHONY: help setup dev run test test-cluster bench load chaos lint types migrations-check audit

PORT ?= 8000
DEMO ?= 1
VENV := .venv
PYTHON_HERE := $(VENV)/bin/python
SOURCES := manage.py gradebench reviews tests bin/foreground.py

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

setup: ## create .venv with what GradeBench needs to run
	@bin/venv $(VENV) requirements.txt

dev: ## create .venv with what the tests and checks need as well
	@bin/venv $(VENV) requirements-dev.txt requirements.txt

run: setup ## serve on http://127.0.0.1:$(PORT), worker and beat inside; DEMO=0 leaves the demo out
	@$(PYTHON_HERE) manage.py migrate --verbosity 0
	@if [ "$(DEMO)" != 0 ]; then $(PYTHON_HERE) manage.py seed_demo; fi
	@exec $(PYTHON_HERE) bin/foreground.py $(PYTHON_HERE) manage.py up --port $(PORT)

test: dev ## run all tests on SQLite, and those of database and processes on PostgreSQL with Valkey; ARGS='…' goes to pytest
	@bin/venv .venvs/log10py tests/clients/log10py-requirements.txt
	@PIP_NO_DEPS=1 PIP_NO_COMPILE=1 bin/venv .venvs/log10io tests/clients/log10io-requirements.txt
	@bin/chromium >/dev/null
	@bin/faketime >/dev/null
	@exec $(PYTHON_HERE) -m tests.run $(ARGS)

bench: dev ## measure it, 1,000 to 1,000,000 completions, in under 45 minutes; ARGS='--levels 1000 --only sqlite', '--quick'
	@exec $(PYTHON_HERE) -m tests.bench $(ARGS)

chaos: dev ## kill web, worker, PostgreSQL and broker by the hundred and count what is lost; ARGS='--seed 7 --short', '--soak 40'
	@exec $(PYTHON_HERE) -m tests.faults.chaos $(ARGS)

load: dev ## 50 reviewers and 50 creates a second against a million completions for ten minutes; ARGS='--kills', '--memory', '--export'
	@exec $(PYTHON_HERE) -m tests.bench.load $(ARGS)

test-cluster: dev ## as root: several machines on one, each with a network of its own; kill, cut and restart them under load
	@exec $(PYTHON_HERE) -m tests.cluster $(ARGS)

lint: dev ## check style, formatting, templates and the direction of imports
	@$(VENV)/bin/ruff check $(SOURCES)
	@$(VENV)/bin/ruff format --check $(SOURCES)
	@$(VENV)/bin/djlint templates --check
	@$(VENV)/bin/djlint templates --quiet --lint
	@$(VENV)/bin/lint-imports

types: dev ## check types (mypy --strict)
	@$(VENV)/bin/mypy $(SOURCES)

migrations-check: dev ## check that the models need no migration that is not there
	@$(PYTHON_HERE) manage.py makemigrations --check --dry-run

audit: ## ask whether a package of requirements.txt has a known hole; asks the package index, so it is not part of `test`
	@bin/venv .venvs/audit requirements-audit.txt
	@.venvs/audit/bin/pip-audit --requirement requirements.txt --disable-pip --no-deps --strict
