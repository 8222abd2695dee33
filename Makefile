# Two commands, each does all its own set-up: `make demo` and `make test`.

# The first Python 3.11 or 3.12 that runs; choose another with `make PYTHON=... demo`.
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: demo test ffmpeg browser clean

demo: .venv/.ready
	$(BIN)/accelerate launch experiments/train_gan.py

test: .venv/.ready-for-tests ffmpeg browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q --durations=15

.venv/.ready: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "gan_sep needs Python 3.11 or 3.12; none was found." \
		"Install one, or name it: make PYTHON=/path/to/python3.12 demo"; exit 1; }
	@test -x $(BIN)/python || { echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	$(BIN)/python -m pip install -q -r requirements.txt
	$(BIN)/python -m pip install -q --no-deps -e .
	@touch $@

.venv/.ready-for-tests: .venv/.ready requirements-test.txt
	$(BIN)/python -m pip install -q -r requirements-test.txt
	@touch $@

# MUSDB18's stem files and museval need it; training and the fast SDR do not.
ffmpeg:
	@command -v ffmpeg >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
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
		apt-get -qq update && apt-get -qq install -y chromium chromium-driver >/dev/null || \
			echo "chromium could not be installed: the report's page is not tested."; \
	else \
		echo "chromium or chromedriver is missing: the report's page is not tested. To install them:"; \
		echo "    sudo apt-get install chromium chromium-driver        (Debian)"; \
	fi

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache *.egg-info
