# The commands of this project; `make` lists them.
STACK ?= render
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/.requirements
DEV := $(VENV)/.requirements-dev
DOCS := $(VENV)/.requirements-docs
export PYTHONDONTWRITEBYTECODE = 1
# the command, as `pip install .` would put it on PATH
TOOLS := $(HOME)/.cache/pod-patterns
WHAT ?= compose inject rendering logs proxies idle sidecars
# processes that tests run in: they wait more than they compute
JOBS ?= 4
POD_PATTERNS := $(VENV)/bin/python -m components
# the library under its installed name, for programs of users: examples
LIBRARY := build/typed/pod_patterns
# pip shows what it does, on a terminal; standard output is for manifests
QUIET := $(shell [ -t 2 ] || echo --quiet)

.PHONY: help up preview down render diff inject picture explain check format test fuzz mutants judge golden reference schema pictures sbom docs docs-check e2e soak costs bench bench-tools bench-pictures wheel clean
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: $(RUN) ## deploy a stack: STACK=render (default: manifests to out/render, no cluster), dev, prod ...
	@$(POD_PATTERNS) up $(STACK)

preview: $(RUN) ## what `make up` would change
	@$(POD_PATTERNS) preview $(STACK)

down: $(RUN) ## undo `make up`
	@$(POD_PATTERNS) down $(STACK)

render: $(RUN) $(LIBRARY) ## print the manifests of a stack, or of an example: STACK=examples/private_api
	@PYTHONPATH=$(dir $(LIBRARY)) $(VENV)/bin/python -m pod_patterns render $(STACK) $(ARGS)

diff: $(RUN) ## what an edit of a stack file changes in the manifests, by pattern; ARGS='--against main'
	@$(POD_PATTERNS) diff $(STACK) $(ARGS) || [ $$? -eq 1 ]

inject: $(RUN) ## put patterns into manifests: ARGS='-f patterns.yaml manifests.yaml'
	@$(POD_PATTERNS) inject $(ARGS)

picture: $(RUN) ## draw a stack's pod, here and to out/STACK.svg
	@$(POD_PATTERNS) picture $(STACK)
	@$(POD_PATTERNS) picture $(STACK) -o out/$(STACK).svg

explain: $(RUN) ## which pattern of a stack added what, and why: PART=elasticsearch/env
	@$(POD_PATTERNS) explain $(STACK) $(PART)

check: $(DEV) $(LIBRARY) ## format, lint (shellcheck and vale too) and types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	for version in 3.11 3.12 3.13 3.14; do $(VENV)/bin/mypy --python-version $$version || exit 1; done
	MYPYPATH=build/typed $(VENV)/bin/mypy --strict examples provider template
	MYPYPATH=build/typed:policy $(VENV)/bin/mypy --strict policy
	$(VENV)/bin/pyright
	$(VENV)/bin/python -m tools.reference --check
	$(VENV)/bin/python -m tools.schema --check
	$(VENV)/bin/python -m tools.prose
	$(VENV)/bin/python -m tools.sbom --check
	@command -v shellcheck >/dev/null || { echo 'shellcheck is missing; install it, e.g. with: apt-get install shellcheck' >&2; exit 1; }
	shellcheck --external-sources $(shell find components examples stacks tests -name '*.sh') .ci/run
	shellcheck --shell=bash tests/e2e/images/*/rootfs

format: $(DEV) ## rewrite the code in the project's format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

test: $(DEV) ## everything that needs no cluster; JOBS=1 for one after the other
	$(VENV)/bin/python -m pytest --numprocesses $(JOBS) --dist loadfile

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

schema: $(DEV) ## rewrite the schemas for editors and other languages from the types and docstrings
	$(VENV)/bin/python -m tools.schema

pictures: $(DEV) ## rewrite docs/pictures
	$(VENV)/bin/python -m tools.pictures

docs: $(DOCS) ## build the site into build/site; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict

docs-check: docs ## look at every page of the site with Chromium: links, phone width, dark mode, search; pictures in build/site-check
	$(VENV)/bin/python -m tools.site_check

sbom: $(DEV) ## write build/sbom.json and the tables of docs/supply-chain.md
	$(VENV)/bin/python -m tools.sbom

e2e: $(DEV) ## the end-to-end tests, on the cluster of KUBECONFIG; ARGS='-k failure' for some of them
	$(VENV)/bin/python -m pytest tests/e2e -c tests/e2e/pytest.ini $(ARGS)

soak: $(DEV) ## an hour of rollouts, renewals, rotations and deaths under load, on the cluster of KUBECONFIG; ARGS='--minutes 5'
	$(VENV)/bin/python -m pytest tests/e2e/soak.py -c tests/e2e/pytest.ini $(ARGS)

costs: $(DEV) ## what patterns cost on the cluster of KUBECONFIG: time until Ready, memory
	$(VENV)/bin/python -m pytest tests/e2e/costs.py -c tests/e2e/pytest.ini $(ARGS)

bench: $(DEV) ## the measurements behind the figures in docs/; a name alone with WHAT='proxies logs', ARGS='--rounds 1'
	for what in $(WHAT); do $(VENV)/bin/python -m bench.$$what $(ARGS) || exit 1; done

# ghostunnel's sums are in bench/tools/go.sum, because the checksum database does not know all that it needs
bench-tools: $(DEV) ## what `make bench` compares with, below ~/.cache/pod-patterns
	mkdir -p $(TOOLS)/bin $(TOOLS)/bench
	cd bench/tools && GOSUMDB=off go build -trimpath -ldflags '-s -w' -o $(TOOLS)/bin/ghostunnel github.com/ghostunnel/ghostunnel
	GOBIN=$(TOOLS)/bin go install github.com/caddyserver/caddy/v2/cmd/caddy@v2.8.4
	GOBIN=$(TOOLS)/bin go install github.com/google/go-jsonnet/cmd/jsonnet@v0.20.0
	GOBIN=$(TOOLS)/bench CGO_ENABLED=0 go install -ldflags '-s -w' google.golang.org/grpc/interop/server@v1.79.3
	mv $(TOOLS)/bench/server $(TOOLS)/bin/grpc-interop-server
	cp bench/tools/package.json bench/tools/package-lock.json $(TOOLS)/bench && cd $(TOOLS)/bench && npm ci --silent
	$(VENV)/bin/pip install $(QUIET) --requirement bench/requirements.txt

bench-pictures: $(DEV) ## draw bench/results again, into docs/charts
	$(VENV)/bin/python -m bench.pictures

wheel: $(DEV) ## build dist/*.whl and dist/*.tar.gz, and check what package indexes and users would stumble over
	$(VENV)/bin/python -m tools.dist $(ARGS)

clean: ## remove what the commands above made, except rendered manifests and state
	rm -rf $(VENV) build dist mutants *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install $(QUIET) --upgrade pip >&2

$(RUN): requirements.txt | $(VENV)/bin/python
	@$(VENV)/bin/pip install $(QUIET) --requirement requirements.txt >&2
	@touch $@

$(DOCS): requirements-docs.txt | $(DEV)
	$(VENV)/bin/pip install --quiet --requirement requirements-docs.txt
	@touch $@

$(DEV): requirements-dev.txt requirements.txt | $(VENV)/bin/python
	@$(VENV)/bin/pip install $(QUIET) --requirement requirements-dev.txt >&2
	@touch $@ $(RUN)

$(LIBRARY):
	@mkdir -p $(dir $@) && ln -sfn ../../components $@
