# The commands of this project. Each one prepares .venv by itself; see scripts/bootstrap.py.

.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run test check bench format

help:  ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: ready-run  ## The whole product on this machine, with a demo
	@exec $(BIN)/python manage.py up $(UP)

test: ready-test  ## The tests, on SQLite and then on PostgreSQL when one answers
	@$(BIN)/python scripts/check.py test

check: ready-test  ## Format, lint, types, import contracts, migrations, tests
	@$(BIN)/python scripts/check.py static test

bench: ready-test  ## Speed of the paths that users feel; BENCH=--quick for less of it
	@command -v wrk >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq wrk; } || true
	@$(BIN)/python -m bench $(BENCH)

format: ready-test  ## Rewrite the code in the house format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: ready-run ready-test
ready-run:
	@$(PYTHON) scripts/bootstrap.py run

ready-test:
	@$(PYTHON) scripts/bootstrap.py test
