# Everything that is done to this project, from a fresh clone with Python 3.11 (or newer) and git.
#
#   make demo         run an example in parallel and show what comes of it
#   make test         run all tests
#                     (make test COVERAGE=95 also requires 95 % of all lines and branches)
#   make test-oldest  run what depends on libraries with the lowest versions that pyproject.toml allows
#   make test-compat  try tasks beside other plugins of pytest
#   make faults       kill, cut off and fill up as often as the promises want it (docs/reliability.md; an hour)
#   make lint types   ruff, mypy
#   make bench        measure beside other tools (benchmarks/README.md)
#   make clean        remove what all these made
#
# PYTHON=python3.12 chooses another Python for new environments; PYTEST_ARGS="-x -k plan" goes to pytest.

PYTHON ?= python3
PYTEST_ARGS ?=
WORKERS ?= 2
COVERAGE ?=
BENCH_ARGS ?=
SHELL := /bin/sh

VENV := .venv
OLDEST := .venv-oldest
COMPAT := .venv-compat
BIN := $(VENV)/bin

.PHONY: demo test faults test-oldest test-compat lint types bench clean install install-dev
.DEFAULT_GOAL := test

# One stamp for each thing that is installed, so that the second time costs nothing.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11: name another one, such as make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group test --group lint
	@touch $@

$(OLDEST)/.installed: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(OLDEST)/bin/python -m pip install --quiet --constraint constraints-oldest.txt --editable . --group test
	@touch $@

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

demo: install
	@rm -rf build/demo && mkdir -p build/demo && cp -R examples/data-pipeline/. build/demo
	cd build/demo && ../../$(BIN)/python -m pytest --moderator -n 2 tasks.md
	@echo && echo "What the tasks made, in build/demo/out/report.txt:" && echo && cat build/demo/out/report.txt

test: install-dev
ifeq ($(COVERAGE),)
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)
else
	@$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n $(WORKERS) $(PYTEST_ARGS)
	@$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --fail-under=$(COVERAGE)
endif

faults: install-dev
	MODERATOR_FAULTS=full $(BIN)/python -m pytest -n $(WORKERS) tests/faults $(PYTEST_ARGS)

# What depends on our libraries; that the rest is right does not need to be shown twice.
ON_LIBRARIES := attempt settings tasksfile test_borrowed_names.py \
	$(addprefix isolation/test_,git_places.py places_again.py worktrees.py) \
	$(addprefix wing/test_,fixtures.py items.py parallel.py sequential.py)

test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest -n $(WORKERS) $(ON_LIBRARIES:%=tests/%) $(PYTEST_ARGS)

$(COMPAT)/.installed: pyproject.toml
	$(PYTHON) -m venv $(COMPAT)
	$(COMPAT)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(COMPAT)/bin/python -m pip install --quiet --editable . --group test --group compat
	@touch $@

# The other plugins are for the sessions that these tests start, and not for the tests themselves.
test-compat: $(COMPAT)/.installed
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(COMPAT)/bin/python -m pytest -p xdist -p moderator -n $(WORKERS) tests/compat

lint: install-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: install-dev
	$(BIN)/python -m mypy

bench: install
	$(BIN)/python -m benchmarks.run --install-peers $(BENCH_ARGS)

clean:
	rm -rf .venv .venv-oldest .venv-compat .venv-bench build dist htmlcov .coverage .coverage.* .moderator \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis
