# 小驼帮办: `make help` lists what can be done. Everything happens in this folder, with a virtual environment of its own.

PYTHON ?=
TESTS ?=
VAR_DIR ?= var
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run demo test test-s3 check lint format model guards bench bench-schedules bench-dispatch bench-allocation bench-deadline plans schema lock clean environment
.NOTPARALLEL:

# Else each of the many processes of a test run would compile all that it imports, and each worker all tests.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
	@echo 'Settings: HOST, PORT (8080), VAR_DIR (var), DATABASE_URL, PG_BIN, PYTHON; see the readme.'

run: environment ## set everything up and serve on http://127.0.0.1:8080
	@exec $(PY) -m server run

demo: environment ## walk the whole journey against the running server (BASE_URL)
	@exec $(PY) -m demo

test: environment ## run every test (TESTS=tests/test_x.py for some)
	@$(PY) -m pytest -n 3 $(TESTS)

test-s3: environment ## install an S3 server (48 MB) and test the store of files on it
	@[ -e .venv/s3/whole ] || { \
	    rm -rf .venv/s3 && $(PY) -m venv .venv/s3 \
	    && .venv/s3/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r tests/s3.txt \
	    && touch .venv/s3/whole; }
	@S3_SERVER=.venv/s3/bin $(PY) -m pytest tests/test_file_store_s3.py

check: lint ## lint, then test until the first failure, last failures first
	@$(PY) -m pytest -n 2 -x --failed-first $(TESTS)

lint: environment ## check style, types and the direction of imports
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-logo

format: environment ## format the code and mend what can be mended
	@$(PY) -m ruff check --fix-only .
	@$(PY) -m ruff format .

model: environment ## tell the model test thousands of random stories (MODEL_EXAMPLES, MODEL_STEPS)
	@MODEL_EXAMPLES=$${MODEL_EXAMPLES:-2000} MODEL_STEPS=$${MODEL_STEPS:-60} $(PY) -m pytest tests/test_model.py

guards: environment ## take each guard of the races away and see its test turn red
	@$(PY) -m tests.guards

bench: environment ## measure bookings a second beside pgbench
	@exec $(PY) -m bench

plans: environment ## explain every hot statement beside five million old bookings
	@OLD_BOOKINGS=$${OLD_BOOKINGS:-5000000} $(PY) -m pytest -s -o timeout=3600 tests/test_plans.py

bench-schedules: environment ## measure the making of a year of slots (TEMPLATES=100)
	@exec $(PY) -m bench.schedules

schema: environment ## write sql/schema.sql anew from the migrations
	@$(PY) -m server.schema_snapshot

bench-dispatch: environment ## measure the offering of help requests (REQUESTS=10000 VOLUNTEERS=2000)
	@exec $(PY) -m bench.dispatch

bench-allocation: environment ## measure the allocation of nursery seats beside the package `matching` (CHILDREN=10000)
	@[ -e .venv/bench/whole ] || { \
	    rm -rf .venv/bench && $(PY) -m venv .venv/bench \
	    && .venv/bench/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r bench/matching.txt \
	    && touch .venv/bench/whole; }
	@exec $(PY) -m bench.allocation .venv/bench/bin/python

bench-deadline: environment ## let families hand in applications around a deadline (FAMILIES=10000)
	@exec $(PY) -m bench.deadline

lock: environment ## lock the dependencies of pyproject.toml anew
	@.venv/bin/pip-compile -q --extra dev --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --no-emit-trusted-host --allow-unsafe --strip-extras --no-header -o requirements.txt pyproject.toml

clean: ## remove the environment, the caches and the data of `make run`
	@if [ -e '$(VAR_DIR)/pg' ] || [ -h '$(VAR_DIR)/pg' ]; then \
	    $(FIND_PYTHON) && "$$python" -m server.embedded '$(VAR_DIR)'; fi
	@if [ -d '$(VAR_DIR)' ]; then cd '$(VAR_DIR)' && rm -rf $(OURS_IN_VAR_DIR); fi
	@rmdir '$(VAR_DIR)' 2>/dev/null || true
	@rm -rf var .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

# VAR_DIR may be a folder with other things in it: only what the service writes there goes.
OURS_IN_VAR_DIR := pg.lock pg.users pg.log demo.json keys.json files audit-heads.json

define FIND_PYTHON
python=; without_venv=; \
if [ -n '$(PYTHON)' ]; then set -- '$(PYTHON)'; \
else set -- python3.14 python3.13 python3.12 python3.11 python3 python; fi; \
for name; do \
    "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
    if "$$name" -c 'import ensurepip, venv' 2>/dev/null; then python=$$name; break; fi; \
    without_venv=$$name; \
done; \
if [ -z "$$python" ] && [ -n "$$without_venv" ]; then \
    echo "$$without_venv has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
elif [ -z "$$python" ]; then \
    echo "Python 3.11 or later is needed$(if $(PYTHON), and $(PYTHON) is not that). Install it, or name it: make PYTHON=/path/to/python3" >&2; \
    exit 1; \
fi
endef

# What the environment was made for. A copied or moved one names another folder, and an interrupted one names none.
ENVIRONMENT_IS_GOOD = [ "$$(cat .venv/made-for 2>/dev/null)" = "$$(pwd -P) $$(cksum < requirements.txt)" ] \
    && $(PY) -c '' 2>/dev/null

environment:
	@$(ENVIRONMENT_IS_GOOD) || { \
	    $(FIND_PYTHON); \
	    exec 9< Makefile; "$$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'; \
	    $(ENVIRONMENT_IS_GOOD) || { \
	        echo "Installing the locked packages into .venv with $$("$$python" -V); this takes a minute or two once."; \
	        rm -rf .venv && "$$python" -m venv .venv \
	        && $(PY) -m pip install -qq --disable-pip-version-check --no-compile --require-hashes -r requirements.txt \
	        && echo "$$(pwd -P) $$(cksum < requirements.txt)" > .venv/made-for \
	        && echo 'Installed.'; \
	    } || { echo 'The packages could not be installed. What pip says stands above; run make again.' >&2; exit 1; }; \
	}
