# One command each: demo, test, lint, bench. The first one to run makes the environment.
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench clean

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready

help:
	@echo "make demo    onboard 236 real subprojects in the sandbox (needs no AWS account)"
	@echo "make test    run the tests"
	@echo "make lint    ruff, mypy --strict, import-linter"
	@echo "make bench   measure, side by side with the other ways"

$(READY): pyproject.toml tools/bootstrap
	@tools/bootstrap $(VENV)
	@touch $@

demo: $(READY)
	@cd samples && ../$(BIN)/bulkprof apply kubernetes-subprojects.csv --sandbox --yes --results results.csv
	@echo
	@echo "Profiles, runs and results are in samples/. Run 'make demo' again: nothing will be sent. Or look around:"
	@echo "  cd samples && . ../$(VENV)/bin/activate && bulkprof runs"

test: $(READY)
	@$(BIN)/python -m pytest -q

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY)
	@$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV) samples/.bulkprof samples/results.csv
