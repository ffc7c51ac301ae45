# The two commands of a newcomer are `make run` and `make test`; the rest is for contributors.
PYTHON ?= python3
BIN := .venv/bin
# One thread a process: the test runner and the sweep use one process a core.
export OMP_NUM_THREADS ?= 1

.PHONY: help run results test test-all check format lock clean

help:
	@echo "make run       install starfree into .venv and run the quickstart (about 4 minutes on 2 idle cores)"
	@echo "make test      install the development tools too; check style, types, floors; run the fast tests"
	@echo "make test-all  the same with the full counts of the long property tests"
	@echo "make format    format the code;  make check: style, types, floors"
	@echo "make results   make tables, figures and docs/reproduction.md again from the trials under results/"
	@echo "make lock      pin the newest dependencies anew (in a scratch environment)"

run: .venv/core
	$(BIN)/starfree run quickstart

results: .venv/core
	for spec in results/*/spec.yaml; do $(BIN)/starfree report $$(dirname $$spec) > /dev/null || exit 1; done
	$(BIN)/python -m starfree.report.reproduction results docs/reproduction.md

test: .venv/development check
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not full"

test-all: .venv/development check
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: .venv/development
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/development
	$(BIN)/ruff check --fix src tests
	$(BIN)/ruff format src tests

lock:
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet torch==2.13.0 .
	(sed -n 1p requirements/core.txt; .venv-lock/bin/pip freeze --exclude starfree | sed 's/+cpu//') > requirements/core.new
	.venv-lock/bin/pip install --quiet '.[dev,hf,parquet,ray,search,track]'
	(sed -n 1p requirements/development.txt; .venv-lock/bin/pip freeze --exclude starfree | sed 's/+cpu//') > requirements/development.new
	mv requirements/core.new requirements/core.txt
	mv requirements/development.new requirements/development.txt
	rm -rf .venv-lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "starfree needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.11 ..."; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/core: requirements/core.txt pyproject.toml | .venv/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/core.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/development: requirements/development.txt pyproject.toml | .venv/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/development.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@ .venv/core
