PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

# Compiled modules are kept, whatever the caller's habit: the testbed starts many processes.
export PYTHONDONTWRITEBYTECODE :=

demo: .venv/ready ; $(BIN)/parkbench run first-morning
test: .venv/ready ; $(BIN)/pytest
lint: .venv/ready ; $(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy && $(BIN)/lint-imports
bench: .venv/ready ; $(BIN)/python -m benchmarks.micro
check: lint test
schema: .venv/ready ; $(BIN)/python -m contract.openapi
lock: ; uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --group dev pyproject.toml -o requirements.lock
clean: ; rm -rf .venv out .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) --no-compile --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

.PHONY: demo test lint bench check schema lock clean
