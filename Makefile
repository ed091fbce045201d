# Every command works from a clean clone: it finds a Python and a Rust toolchain, prepares what is missing inside the
# checkout, and leaves alone what is up to date.
#
#     PYTHON=3.12      another Python than the newest that is here: a version, a command or a path
#     ARGS="-k retry"  for pytest, for the demo or for the benchmark

IN = scripts/in_venv.sh
TYPED = python/cladding scripts $(wildcard tests/typing)
CARGO_LOCKED = $(if $(wildcard Cargo.lock),--locked)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test quick bench check lint leaks matrix figures fix clean
.PHONY: check-version style clippy types test-rust test-python

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo 'PYTHON=3.12 chooses another Python than the newest; ARGS="-k retry" goes to pytest, the demo or the benchmark.'

demo: ## serves a real model through all five decorators, under real faults
	@$(IN) wheel demo -- python examples/serve_digits/demo.py $(ARGS)

test: test-rust test-python ## every test: of the engine, and of the installed wheel

quick: ## the daily loop: a fast build, and the tests that are not slow, up to the first failure
	@$(IN) fast-wheel servers test -- python -m pytest -x -q -m 'not slow and not leak' $(ARGS)

bench: ## what it costs, beside the bare call and the peers
	@$(IN) wheel servers bench -- python -m bench $(ARGS)

check: lint test ## all that CI does

lint: style clippy types ## formatting, lints and types

leaks: ## only the tests that watch objects and memory over very many calls
	@$(IN) wheel test -- python -m pytest -m leak $(ARGS)

matrix: ## writes docs/compatibility.md
	@$(IN) wheel test -- python tests/compatibility/render.py

figures: ## draws docs/figures
	@$(IN) -- python scripts/draw_hit_ratio.py

fix: ## formats the sources, and corrects what the lints can correct
	@$(IN) lint -- cargo fmt --all
	@$(IN) lint -- ruff check --fix
	@$(IN) lint -- ruff format

clean: ## removes everything that was built or installed
	rm -rf build target .venvs .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The parts of `check` whose answer depends on the version of Python.
check-version: clippy types test-python

style:
	@$(IN) lint -- cargo fmt --all --check
	@$(IN) lint -- ruff check
	@$(IN) lint -- ruff format --check

clippy:
	@$(IN) -- cargo clippy $(CARGO_LOCKED) --workspace --all-targets -- -D warnings

types:
	@$(IN) wheel lint -- mypy $(TYPED)
	@$(IN) wheel lint -- pyright $(TYPED)
	@$(IN) wheel lint -- python -m mypy.stubtest cladding._native --allowlist scripts/stubtest_allowlist.txt

test-rust:
	@$(IN) servers -- cargo test $(CARGO_LOCKED) --workspace --exclude cladding-python

test-python:
	@$(IN) wheel servers test -- python -m pytest $(ARGS)
