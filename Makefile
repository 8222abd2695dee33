# Each command does all its own set-up: `make demo`, `make test`, and `make test-fast` for what takes
# under two minutes of it. `make update` renews the versions that they install, and tests them.

# The first Python 3.11 to 3.13 that runs; choose another with `make PYTHON=... demo`.
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# Two at a time, each on one core; the tests of a file one after the other.
PARALLEL := -m pytest -q -n 2 --dist loadfile
IN_PARALLEL := OMP_NUM_THREADS=1 $(BIN)/python $(PARALLEL)

.PHONY: demo test test-fast test-oldest check update ffmpeg browser clean

demo: .venv/.ready
	$(BIN)/accelerate launch experiments/train_gan.py

test: check ffmpeg browser
	$(IN_PARALLEL) --durations=15

test-fast: check
	$(IN_PARALLEL) -m "not slow and not long"

check: .venv/.ready-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The oldest versions of requirements.txt, in an environment of their own.
test-oldest: ffmpeg browser
	python3.11 -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install -q -r requirements-oldest.lock \
		$$(grep -v '^#' requirements-test.txt | grep -v -e stubs -e types- -e mypy -e ruff -e bs-roformer)
	.venv-oldest/bin/python -m pip install -q --no-deps -e .
	OMP_NUM_THREADS=1 .venv-oldest/bin/python $(PARALLEL)

# With the oldest supported Python: what that can install, the later ones can too.
update:
	rm -rf .venv
	python3.11 -m venv .venv
	$(BIN)/python -m pip install -q -r requirements.txt -r requirements-test.txt
	$(BIN)/python .ci/lock.py
	$(MAKE) test
	$(BIN)/python -m pytest -q -m long

.venv/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "gan_sep needs Python 3.11, 3.12 or 3.13; none was found." \
		"Install one, or name it: make PYTHON=/path/to/python3.12 demo"; exit 1; }
	@test -x $(BIN)/python || { echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	$(BIN)/python -m pip install -q -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps -e .
	@touch $@

.venv/.ready-for-tests: .venv/.ready requirements-test.lock
	$(BIN)/python -m pip install -q -r requirements-test.lock
	@touch $@

# MUSDB18's stem files and museval need it; training and the fast SDR do not.
ffmpeg:
	@command -v ffmpeg >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing the system package ffmpeg"; \
		apt-get -qq update && apt-get -qq install -y ffmpeg >/dev/null; \
	else \
		echo "ffmpeg is missing and the tests against museval need it. Install it, for example:"; \
		echo "    sudo apt-get install ffmpeg        (Debian, Ubuntu)"; \
		echo "    brew install ffmpeg                (macOS)"; \
		exit 1; \
	fi

# The report's page is tested in it; without it those tests are skipped.
browser:
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing the system packages chromium and chromium-driver"; \
		apt-get -qq update && apt-get -qq install -y chromium chromium-driver >/dev/null || \
			echo "chromium could not be installed: the report's page is not tested."; \
	else \
		echo "chromium or chromedriver is missing: the report's page is not tested. To install them:"; \
		echo "    sudo apt-get install chromium chromium-driver        (Debian)"; \
	fi

clean:
	rm -rf .venv .venv-oldest .mypy_cache .ruff_cache .pytest_cache *.egg-info
