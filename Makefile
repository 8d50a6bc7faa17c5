# The commands of this project; `make` lists them.
STACK ?= render
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/.requirements
DEV := $(VENV)/.requirements-dev
export PYTHONDONTWRITEBYTECODE = 1

.PHONY: help up down preview check format test fuzz mutants judge golden reference sbom e2e bench wheel clean
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

up: $(RUN) ## deploy a stack: STACK=render (default: manifests to out/render, no cluster), dev, prod ...
	@$(VENV)/bin/python -m tools.up $(STACK)

preview: $(RUN) ## what `make up` would change
	@$(VENV)/bin/python -m tools.up --preview $(STACK)

down: $(RUN) ## undo `make up`
	@$(VENV)/bin/python -m tools.down $(STACK)

check: $(DEV) ## format, lint (shellcheck too) and types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	@mkdir -p build/typed && ln -sfn ../../components build/typed/pod_patterns
	MYPYPATH=build/typed $(VENV)/bin/mypy --strict examples
	$(VENV)/bin/pyright
	$(VENV)/bin/python -m tools.reference --check
	$(VENV)/bin/python -m tools.sbom --check
	@command -v shellcheck >/dev/null || { echo 'shellcheck is missing; install it, e.g. with: apt-get install shellcheck' >&2; exit 1; }
	shellcheck --external-sources $(shell find components examples stacks tests -name '*.sh') .ci/run
	shellcheck --shell=bash tests/e2e/images/*/rootfs

format: $(DEV) ## rewrite the code in the project's format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

test: $(DEV) ## everything that needs no cluster
	$(VENV)/bin/python -m pytest

fuzz: $(DEV) ## compose generated pods: 10,000, or ARGS='--count 500 --seed 7'
	$(VENV)/bin/python -m tests.fuzz $(ARGS)

mutants: $(DEV) ## change the core, one place at a time, and see whether the tests notice; tests/mutants.md says what of the survivors
	$(VENV)/bin/mutmut run $(ARGS)
	$(VENV)/bin/mutmut results

judge: $(DEV) ## what outside judges say of all that is rendered; ARGS='--only nginx tls' for some of them
	$(VENV)/bin/python -m judges $(ARGS)

golden: $(DEV) ## rewrite tests/golden
	$(VENV)/bin/python -m pytest tests/test_goldens.py --rewrite-goldens

reference: $(DEV) ## rewrite docs/reference.md from the docstrings
	$(VENV)/bin/python -m tools.reference

sbom: $(DEV) ## write build/sbom.json and the tables of docs/supply-chain.md
	$(VENV)/bin/python -m tools.sbom

e2e: $(DEV) ## the end-to-end tests, on the cluster of KUBECONFIG; ARGS='-k failure' for some of them
	$(VENV)/bin/python -m pytest tests/e2e -c tests/e2e/pytest.ini $(ARGS)

bench: $(DEV) ## the measurements behind the figures in docs/
	$(VENV)/bin/python -m bench.compose
	$(VENV)/bin/python -m bench.inject

wheel: $(DEV) ## build dist/*.whl
	$(VENV)/bin/pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove what the commands above made, except rendered manifests and state
	rm -rf $(VENV) build dist mutants *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --upgrade pip

$(RUN): requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --requirement requirements.txt
	@touch $@

$(DEV): requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --requirement requirements-dev.txt
	@touch $@ $(RUN)
