# Everything here sets itself up: it needs Python 3.11 or newer, git and make.
.DEFAULT_GOAL := help
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
PYTHONS := python3 python3.13 python3.12 python3.11 python
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
SOURCES := seedx_cli seedx_server tests benchmarks alembic docs

.PHONY: help
help: ## Show what there is
	@echo "SeedX. Begin with: make demo"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: $(VENV)/installed ## Watch the whole product work; leaves nothing running
	@$(BIN)/seedx demo

.PHONY: dev
dev: $(VENV)/installed-dev ## Serve the API and restart when the code changes
	@$(BIN)/seedx serve --reload

.PHONY: test
test: $(VENV)/installed-dev ## Run the tests in random order, on a PostgreSQL of their own
	$(BIN)/python -m pytest -n auto --dist worksteal --ignore=tests/packaging $(ARGS)

.PHONY: soak
soak: $(VENV)/installed-dev ## Run the tests 20 times, the last 5 on a busy machine (ARGS="-n 20 -b 5")
	tests/soak.sh $(ARGS)

# With -k the later checks run even if an earlier one fails.
.PHONY: check check-style check-types check-layers check-package
check: check-style check-types check-layers check-package ## Check style, types, layers, migrations and the package

check-style: $(VENV)/installed-dev
	$(BIN)/black --check --quiet --diff $(SOURCES)
	$(BIN)/isort --check-only --diff $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

check-types: $(VENV)/installed-dev
	$(BIN)/mypy

check-layers: $(VENV)/installed-dev
	$(BIN)/lint-imports

check-package: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile tests/packaging $(ARGS)

.PHONY: bench
bench: $(VENV)/installed-dev ## Measure speed and the quality of answers
	@for script in benchmarks/[a-z]*.py; do \
		echo "== $$script"; \
		$(BIN)/python "$$script" $(ARGS) || exit 1; \
	done

.PHONY: build
build: $(VENV)/installed-dev ## Build the source archive and the wheel into dist/
	$(BIN)/python -m build

.PHONY: up
up: ## Start SeedX and PostgreSQL in containers
	docker compose up --build --detach --wait

.PHONY: down
down: ## Stop the containers; the data stays in its volume
	docker compose down

.PHONY: clean
clean: ## Remove what the other targets made
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .soak .hypothesis .import_linter_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@for python in $(PYTHONS); do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making $(VENV) with $$($$python --version)" >&2; \
			$$python -m venv --clear $(VENV) && exit 0; \
			rm -rf $(VENV); \
			echo "$$python cannot make a virtual environment." >&2; \
			echo "On Debian and Ubuntu: apt install python3-venv" >&2; \
			exit 1; \
		fi; \
	done; \
	echo "SeedX needs Python 3.11 or newer, and none is here." >&2; \
	exit 1

$(VENV)/installed: pyproject.toml | $(BIN)/python
	@echo "Installing SeedX into $(VENV); this happens once" >&2
	@$(PIP) --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing SeedX and its tools into $(VENV); this happens once" >&2
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/installed
