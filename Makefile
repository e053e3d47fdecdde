# One command each: demo, test, coverage, lint, bench. The first one to run makes the environment.
.DEFAULT_GOAL := help
.PHONY: help demo test coverage browser lint docs bench clean

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
DOCS  := $(VENV)/.docs
# Tests start many processes; without kept bytecode each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

help:
	@echo "make demo    onboard 236 real subprojects in the sandbox (needs no AWS account)"
	@echo "make test    run the tests"
	@echo "make coverage  the same, and say which lines none of them has run; fails below a floor"
	@echo "make browser bring Chromium and axe-core, so that the tests try the HTML report, too"
	@echo "make lint    ruff, mypy --strict, import-linter"
	@echo "make docs    build the documentation as a site, in site/"
	@echo "make bench   measure, side by side with the other ways"

$(READY): pyproject.toml tools/bootstrap
	@tools/bootstrap $(VENV)
	@touch $@

demo: $(READY)
	@cd samples && ../$(BIN)/bulkprof apply kubernetes-subprojects.csv --sandbox --yes --results results.csv
	@echo
	@echo "Profiles, runs and results are in samples/. Run 'make demo' again: nothing will be sent. Or look around:"
	@echo "  cd samples && . ../$(VENV)/bin/activate && bulkprof runs"

# Each file stays with one worker. One that dies (of the timeout of a test that hangs, say) ends the run: the scheduler
# of files never finishes with a worker that takes the place of another.
TEST := $(BIN)/python -m pytest -q --numprocesses auto --dist loadfile --max-worker-restart 0
test: $(READY)
	@$(TEST)

# The floor is in pyproject.toml. Measuring takes time, so `make test` doesn't.
coverage: $(READY)
	@$(TEST) --cov --cov-report=term

browser: $(READY)
	@tools/browser $(VENV)

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# What builds the site comes with the first `make docs`; nothing else needs it.
$(DOCS): $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

# Without --quiet: it would keep the warnings from --strict, too.
docs: $(DOCS)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "Open site/index.html."

bench: $(READY)
	@$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV) site samples/.bulkprof samples/results.csv
