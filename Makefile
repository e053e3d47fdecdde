# One command each: demo, test, coverage, lint, bench. The first one to run makes the environment.
.DEFAULT_GOAL := help
.PHONY: help demo test coverage test-lowest test-wheel smoke browser lint platforms docs man types dist image bench clean

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
DOCS  := $(VENV)/.docs
TYPES := $(VENV)/.types
SHIP  := $(VENV)/.ship
# Tests start many processes; without kept bytecode each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

help:
	@echo "make demo    onboard 236 real subprojects in the sandbox (needs no AWS account)"
	@echo "make test    run the tests"
	@echo "make coverage   the same, and say which lines none of them has run; fails below a floor"
	@echo "make test-lowest  the same with the lowest versions of all dependencies; TESTS=tests/cli runs a part"
	@echo "make test-wheel   the same on the wheel that is built from the sdist; TESTS=tests/cli runs a part"
	@echo "make smoke   a short session with the installed command, in the sandbox"
	@echo "make browser bring Chromium and axe-core, so that the tests try the HTML report, too"
	@echo "make lint    ruff, mypy --strict, import-linter"
	@echo "make platforms    mypy --strict as on macOS and on Windows"
	@echo "make docs    build the documentation as a site, in site/"
	@echo "make man     make the man pages in docs/man/ again, after a change of commands or flags"
	@echo "make types   check with mypy and pyright what programs that use bulkprof see of it"
	@echo "make dist    build sdist and wheel into dist/, and check them"
	@echo "make image   build the container image bulkprof with Docker, and try it"
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
PYTEST := $(BIN)/python -m pytest -q --numprocesses auto --dist loadfile --max-worker-restart 0
test: $(READY)
	@$(PYTEST)

# The floor is in pyproject.toml. Measuring takes time, so `make test` doesn't.
coverage: $(READY)
	@$(PYTEST) --cov --cov-report=term

# What makes a release comes with the first of these targets; nothing else needs it.
$(SHIP): $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group ship
	@touch $@

test-lowest: $(SHIP)
	@$(BIN)/python -m tools.fresh lowest $(TESTS)

test-wheel: $(SHIP)
	@$(BIN)/python -m tools.fresh wheel $(TESTS)

smoke: $(READY)
	@$(BIN)/python tools/smoke.py

browser: $(READY)
	@tools/browser $(VENV)

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# A cache for each: one for all would be made anew each time.
platforms: $(READY)
	@$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	@$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32

# What builds the site comes with the first `make docs`; nothing else needs it.
$(DOCS): $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

# Without --quiet: it would keep the warnings from --strict, too.
docs: $(DOCS)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "Open site/index.html."

man: $(READY)
	@$(BIN)/python -m tools.man

$(TYPES): $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group types
	@touch $@

types: $(TYPES)
	@$(BIN)/python -m tools.typed

dist: $(SHIP)
	@rm -rf dist
	@$(BIN)/python -m hatchling build
	@$(BIN)/twine check --strict dist/*

image: $(SHIP)
	@$(BIN)/hadolint Dockerfile
	@docker build --tag bulkprof .
	@docker run --rm --volume "$(CURDIR)/tools/smoke.py:/smoke.py:ro" --entrypoint python bulkprof /smoke.py

bench: $(READY)
	@$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV) build dist site samples/.bulkprof samples/results.csv .coverage
