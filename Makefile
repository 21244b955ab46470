# Two commands for a newcomer: `make demo` and `make test`. Each makes the environment that it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# one thread a library: several at once on few cores slow each other down
export OMP_NUM_THREADS ?= 1

.PHONY: help env demo serve test test-fuzz test-mutants check format bench public clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

env: $(READY) ## the environment in .venv

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "failed: $(PYTHON) is older than Python 3.11; name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "making the environment in $(VENV) (about 250 packages, 1.6 GB; a few minutes the first time) ..."
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "failed: $(PYTHON) cannot make an environment; install its venv module (Debian: apt install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[serve,train,dev]' \
	  || { echo "failed: a package could not be installed; check the network and pip's settings, then run make again"; exit 1; }
	@touch $@

demo: $(READY) ## simulate a world, train, serve, and show two explained decisions (about 3 minutes)
	@$(BIN)/greenlane demo || { echo "failed: the line above says what; var/demo/service.log has the service's words"; exit 1; }

serve: $(READY) ## keep the service up on the demo's data (http://127.0.0.1:8000/docs)
	@test -f var/demo/greenlane.db || $(BIN)/greenlane demo --prepare-only
	@echo "serving http://127.0.0.1:8000 (API: /docs); stop with Ctrl-C"
	@GREENLANE_VAR=var/demo GREENLANE_CLOCK=records $(BIN)/greenlane serve

test: $(READY) ## all tests, on SQLite and on a real PostgreSQL
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

test-fuzz: $(READY) ## mangled messages, lines and rows through intake, 24,000 of them (about 2 minutes)
	@GREENLANE_FUZZ_CASES=24000 $(BIN)/python -m pytest tests/fuzz

test-mutants: $(READY) ## bugs planted at the edges of the feature engines, each of which a test must notice (about 7 minutes)
	@$(BIN)/python -m tests.mutants

check: $(READY) ## formatting, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: $(READY) ## all benchmarks that need no other data
	@$(BIN)/python -m benchmarks.decisions
	@$(BIN)/python -m benchmarks.phases
	@$(BIN)/python -m benchmarks.online
	@$(BIN)/python -m benchmarks.explanations
	@$(BIN)/python -m benchmarks.messages
	@$(BIN)/python -m benchmarks.staging
	@$(BIN)/python -m benchmarks.simulator

public: $(READY) ## the figures of docs/benchmarks.md; DATA names the folder of the public sets
	@test -n "$(DATA)" || { echo "name the folder: make public DATA=path (see docs/benchmarks.md for what belongs there)"; exit 1; }
	@$(BIN)/python -m benchmarks.public "$(DATA)"

clean: ## remove the environment and everything made by running (var/)
	@rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
