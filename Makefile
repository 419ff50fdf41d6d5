# Everything sets up what it needs: a virtual environment in the checkout, with the package installed in it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Each of some hundred processes of a test run would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE
comma := ,
NATIVE_SOURCES := $(shell find native -name '*.c' -o -name '*.h') src/mod_openai_realtime/switch/module_reasons.py

.PHONY: build test test-clients test-sanitized fuzz lint demo bench lock clean

build: $(STAMP)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

pip_install = $(BIN)/python -m pip install --quiet --disable-pip-version-check

# What development and CI run with is what requirements/lock.txt says, to the byte (requirements/README.md).
$(STAMP): $(BIN)/python pyproject.toml setup.py requirements/lock.txt requirements/local.txt $(NATIVE_SOURCES)
	$(pip_install) --require-hashes --requirement requirements/lock.txt
	$(pip_install) --require-hashes --no-deps --requirement requirements/local.txt
	$(pip_install) --no-deps --no-build-isolation --editable .
	touch $@

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Tests wait for most of their time, so more of them run side by side than there are cores.
TEST_WORKERS ?= 6
parallel = --numprocesses=$(TEST_WORKERS) --dist=worksteal

test: build lint
	$(BIN)/python -m pytest $(parallel) $(PYTEST_ARGS)

# Other people's clients against the local endpoint: tests/clients/README.md. In real time, so not many side by side.
test-clients: build
	$(BIN)/python -m pytest --clients --numprocesses=2 --dist=worksteal tests/clients $(PYTEST_ARGS)

# The native parts once more, with AddressSanitizer and UndefinedBehaviorSanitizer, and then with ThreadSanitizer: the
# stand-in switch drives the same module under them. Python itself leaks by their standards, so leaks are not looked for.
SANITIZED_TESTS ?= tests/unit/media tests/unit/engine/test_media_clock.py tests/unit/standin tests/contract
THREADED_TESTS ?= tests/unit/standin tests/contract
FUZZ_SECONDS ?= 5
preload = $(shell gcc -print-file-name=lib$(1).so)
build_with = NATIVE_SANITIZE=$(1) $(BIN)/python setup.py -q build -j 2 --build-base build/$(2) --build-lib build/$(2)/lib
# What they say ends a test process, and stands in the output of the run.
sanitized_pytest = $(BIN)/python -m pytest $(parallel) --override-ini=timeout=300 --capture=sys -p no:faulthandler -k "not freeswitch" $(PYTEST_ARGS)

test-sanitized: build
	$(call build_with,address$(comma)undefined,asan)
	NATIVE_SANITIZE=address,undefined PYTHONPATH=build/asan/lib LD_PRELOAD="$(call preload,asan) $(call preload,ubsan)" \
		ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		$(sanitized_pytest) $(SANITIZED_TESTS)
	$(BIN)/python tests/fuzz/run.py --seconds $(FUZZ_SECONDS) --seed 1
	$(call build_with,thread,tsan)
	NATIVE_SANITIZE=thread PYTHONPATH=build/tsan/lib LD_PRELOAD="$(call preload,tsan)" \
		TSAN_OPTIONS=halt_on_error=1:suppressions=$(CURDIR)/native/tsan.supp \
		$(sanitized_pytest) $(THREADED_TESTS)

# Inputs that nobody has thought of, for so long each: tests/fuzz/run.py. TARGETS="wire command": these only.
SECONDS ?= 60

fuzz: build
	$(call build_with,address$(comma)undefined,asan)
	$(BIN)/python tests/fuzz/run.py --seconds $(SECONDS) $(TARGETS)

# Opt-in; BENCH_ARGS as bench/README.md says.
bench: build
	$(BIN)/python bench/calls.py $(BENCH_ARGS)

# The newest versions that pyproject.toml allows; LOCK_ARGS="--upgrade-package NAME": of one only.
LOCK_ARGS ?= --upgrade

lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	build/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
		$(LOCK_ARGS) --extra local --extra talk --extra dev pyproject.toml requirements/build.txt --output-file requirements/lock.txt

demo: build
	$(BIN)/openai-realtime demo

clean:
	rm -rf $(VENV) build demo bench/out src/*.egg-info src/mod_openai_realtime/*.so src/mod_openai_realtime/native/*.so
