# Needs Python 3.11 or later (with venv) and make; everything else goes into .venv.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
LINTED := src tests benchmarks notebooks
FIND_PYTHON := for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	  2>/dev/null && break; python=; done

.PHONY: help demo test test-slow lint format bench constraints clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.demo ## the main job on shipped data: ingest to online lookup
	@$(BIN)/asof demo

test: lint ## lint, then every test that is quick
	@$(BIN)/pytest -n auto --dist loadgroup -m 'not slow'

test-slow: $(VENV)/.dev ## the tests that take long: faults, real brokers and clusters, each page of the docs
	@$(BIN)/pytest -n auto --dist loadgroup -m slow

lint: $(VENV)/.dev ## ruff, mypy and the layers
	@$(BIN)/ruff check $(wildcard $(LINTED))
	@$(BIN)/ruff format --check $(wildcard $(LINTED))
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## put the code in its form
	@$(BIN)/ruff check --fix $(wildcard $(LINTED))
	@$(BIN)/ruff format $(wildcard $(LINTED))

bench: $(VENV)/.dev ## the figures of benchmarks/
	@for figure in benchmarks/*.py; do echo "== $$figure"; $(BIN)/python $$figure || exit; done

constraints: $(VENV)/.dev ## resolve all extras together again, into constraints.txt
	@$(BIN)/pip install -q uv
	@$(BIN)/uv pip compile -q --upgrade --universal --all-extras --python-version 3.11 \
	  --fork-strategy fewest --no-header --no-annotate pyproject.toml \
	  | sed 's/ *;.*//' > constraints.new && mv constraints.new constraints.txt

clean: ## remove .venv and what tools left
	@rm -rf $(VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/pip:
	@$(FIND_PYTHON); test -n "$$python" || { \
	  echo 'No Python 3.11 or later with venv was found.' >&2; \
	  echo 'Install one (on Debian: apt install python3 python3-venv) or: make PYTHON=/path/to/python3' >&2; \
	  exit 1; }; \
	$$python -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/pip
	@echo 'Installing into $(VENV) ...'
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[demo,serve]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	@echo 'Installing into $(VENV), for development ...'
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt \
	  -e '.[avro,azure,bench,dask,datasets,demo,dev,dlt,feast,gcs,iceberg,kafka,mysql,narwhals,notebooks,postgres,redis,s3,serve,spark,sqlite,validation]'
	@touch $@ $(VENV)/.demo
