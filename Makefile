# Everything sets up what it needs: a virtual environment in the checkout, with the package installed in it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NATIVE_SOURCES := $(shell find native -name '*.c' -o -name '*.h')

.PHONY: build test test-sanitized lint demo bench clean

build: $(STAMP)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(BIN)/python pyproject.toml setup.py requirements/local.txt $(NATIVE_SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'setuptools>=77'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[local,dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements/local.txt
	touch $@

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: build lint
	$(BIN)/python -m pytest --import-mode=importlib $(PYTEST_ARGS)

demo: build
	$(BIN)/openai-realtime demo

clean:
	rm -rf $(VENV) build demo bench/out src/*.egg-info src/mod_openai_realtime/*.so src/mod_openai_realtime/native/*.so
