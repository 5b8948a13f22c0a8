# Everything a checkout needs; `make` alone lists it. Each target sets itself up in .venv on a
# machine that has Python 3.11 or later, make and git; as root or not.

VENV := .venv
PREFIX ?= /opt/relayd
SYSCONFDIR ?= /etc/relayd
UNITDIR ?= /etc/systemd/system
# For example: make test PYTEST_ARGS="-k ledger -x", "-n 0" for one process and a debugger, or
# "--long" for the longest histories and explorations in full
PYTEST_ARGS ?=
# Each process has a PostgreSQL and a browser of its own: more than four would only fill the memory.
PARALLEL := -n auto --maxprocesses 4 --dist worksteal
# Hundreds of Pythons start in the tests, and each would compile all of relayd: what one of them has
# compiled is kept, also where the environment says otherwise, in a place of its own.
test check: export PYTHONDONTWRITEBYTECODE =
test check: export PYTHONPYCACHEPREFIX = $(CURDIR)/$(VENV)/bytecode
DEMO_ARGS ?=
BENCH_ARGS ?=
MUTANTS ?=
# What the benchmark measures beside relayd, as far as it comes from npm.
PEER := bench/peers/node

.PHONY: help demo test pictures check lint format bench mutants install lock example clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo     start relayd with a throw-away database, stream a recording, show the words and the bill'
	@echo 'make test     every test, those with real sockets, processes and PostgreSQL too'
	@echo 'make check    format, lint, types and the quick tests'
	@echo 'make lint     the same without the tests'
	@echo 'make bench    the benchmark of docs/performance.md'
	@echo 'make mutants  break the code on purpose and count what the tests notice; MUTANTS="ledger" for one room'
	@echo 'make install  as a service: PREFIX=$(PREFIX), $(SYSCONFDIR), $(UNITDIR) (as root)'
	@echo 'make format   let ruff rewrite the sources'
	@echo 'make pictures take those of the README anew, in a browser'
	@echo 'make lock     resolve the dependencies anew'
	@echo 'make example  write relayd.toml.example from the code'

# exec: Ctrl-C goes to the program and its exit code comes back.
demo: $(VENV)/run.stamp
	@exec $(VENV)/bin/relayd demo $(DEMO_ARGS)

test: $(VENV)/dev.stamp
	@sh scripts/chromium
	@exec $(VENV)/bin/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

# The README's, from the tests of the pages.
pictures: $(VENV)/dev.stamp
	@sh scripts/chromium
	@RELAYD_SCREENSHOTS=docs/screenshots exec $(VENV)/bin/python -m pytest tests/browser/test_pictures.py tests/desktop/test_window.py

lint: $(VENV)/dev.stamp
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/ruff check
	$(VENV)/bin/python -m flake8 relayd tests bench
	$(VENV)/bin/mypy

check: lint
	$(VENV)/bin/python -m pytest -q -m 'not system' $(PARALLEL) $(PYTEST_ARGS)

format: $(VENV)/dev.stamp
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

bench: $(VENV)/dev.stamp $(PEER)/node_modules/installed.stamp
	@exec $(VENV)/bin/python -m bench $(BENCH_ARGS)

# Not a part of any check: it takes most of an hour. tests/mutants/unnoticed.md has what it found.
mutants: $(VENV)/dev.stamp
	@exec $(VENV)/bin/python -m tests.mutants $(MUTANTS)

example: $(VENV)/dev.stamp
	$(VENV)/bin/python -m relayd.config.example > relayd.toml.example

# A virtual environment of its own, apart from the checkout: it can be deleted afterwards.
install:
	sh scripts/install "$(PREFIX)" "$(SYSCONFDIR)" "$(UNITDIR)"

# uv resolves for every Python and platform at once; the public index, whatever is configured here.
UV_COMPILE = env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL -u UV_FIND_LINKS \
	-u UV_INDEX_URL -u UV_EXTRA_INDEX_URL -u UV_DEFAULT_INDEX -u UV_INDEX uv pip compile \
	--no-config --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate
RELAYD := pyproject.toml --group pyproject.toml:build
lock:
	@command -v uv >/dev/null || { echo 'make lock needs uv: pip install uv' >&2; exit 2; }
	$(UV_COMPILE) $(RELAYD) --extra embedded --extra local -o requirements.lock
	$(UV_COMPILE) $(RELAYD) --extra embedded --extra local --extra microphone --extra desktop --extra dev \
		--group pyproject.toml:bench --group pyproject.toml:mutants -c requirements.lock -o requirements-dev.lock
	$(UV_COMPILE) --group pyproject.toml:moonshine -c requirements-dev.lock -o requirements-moonshine.lock

clean:
	rm -rf $(VENV) $(PEER)/node_modules build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The stamps make a second run instant; a changed lock or pyproject installs again.
$(VENV)/run.stamp: requirements.lock requirements-moonshine.lock pyproject.toml scripts/environment
	@sh scripts/environment $(VENV) requirements.lock
	@touch $@

# The development lock holds everything that the other one does, in the same versions.
$(VENV)/dev.stamp: requirements-dev.lock requirements-moonshine.lock pyproject.toml scripts/environment
	@sh scripts/environment $(VENV) requirements-dev.lock
	@touch $@ $(VENV)/run.stamp

# bufferutil brings its native part along: nothing is compiled, and nobody's script is run.
$(PEER)/node_modules/installed.stamp: $(PEER)/package-lock.json $(PEER)/package.json
	@command -v npm >/dev/null || { echo 'make bench needs Node.js with npm (apt-get install nodejs npm)' >&2; exit 2; }
	@npm ci --prefix $(PEER) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
