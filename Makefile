# `make` alone prints what there is. Everything happens in .venv; the package index is whatever pip is configured for.

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
# Named beside the rest, so that the pinned build is chosen before anything else asks for a torch of its own.
TORCH := $(shell grep '^torch==' constraints.txt)
EXTRAS := server,embedded,demo
# What interpreters need besides that are not this one: Python before 3.11.3, which is Debian 12's.
ELSEWHERE := async-timeout==5.0.1
# Three files of tests at a time, each in one process: many wait for servers and browsers more than they compute.
# Each keeps to one processor, for threads that wait for work would take the other's time.
SIDE_BY_SIDE := --numprocesses 3 --dist loadfile --no-loadscope-reorder
# What one has compiled, the others read, also where PYTHONDONTWRITEBYTECODE is set.
ALONE := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=
# Compiled before all begin at once.
COMPILED := api benchmarks models ui winnow worker
CANDIDATES := $(or $(PYTHON),python3.11 python3.12 python3.13 python3 python)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Print this page
	@echo "Winnow: sort records into your own categories, with people in the loop."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.installed ## Set up what is missing, then start everything and print the addresses
	@exec $(BIN)/winnow up

.PHONY: test
test: $(VENV)/.installed-dev browser check ## Run the checks and every test; ARGS="-k name" chooses tests
	@$(BIN)/python -m compileall -qq $(COMPILED)
	@$(ALONE) $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

.PHONY: check
check: $(VENV)/.installed-dev ## Look at the code without running it: ruff, mypy, import-linter, bandit
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive api models winnow worker ui migrations deploy

.PHONY: docs
docs: $(VENV)/.made ## Build the documentation as a site, in site/; a dead link or a page without a place fails
	@$(PIP_INSTALL) --quiet --editable '.[docs]'
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict && echo "site/index.html"

.PHONY: format
format: $(VENV)/.installed-dev ## Bring the code into its form, and mend what ruff can mend
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: openapi
openapi: $(VENV)/.installed ## Write openapi.json anew
	@$(BIN)/python -m api.openapi

.PHONY: bench
bench: $(VENV)/.installed-dev ## Measure, quickly; DATA=folder of CSV files with text,label,split adds learning and the loop
	@$(BIN)/python -m benchmarks.reading --quick
	@$(BIN)/python -m benchmarks.importing --quick
	@if [ -n "$(DATA)" ]; then $(BIN)/python -m benchmarks.learning --quick --data "$(DATA)" \
		&& $(BIN)/python -m benchmarks.loop --quick --data "$(firstword $(wildcard $(DATA)/*.csv))"; \
	else echo "DATA is not given: learning and the loop are not measured."; fi

.PHONY: images
images: ## Build the images, try each, and all of them by Compose; Docker or Podman; ARGS="--help" says more
	@deploy/try-images $(ARGS)

.PHONY: lock
lock: $(VENV)/.installed-dev ## Write constraints.txt from what is installed now
	@$(BIN)/python -m pip freeze --exclude-editable --exclude winnow \
		| sed -E 's/^([A-Za-z0-9_.-]+==[^+; ]+)\+[A-Za-z0-9.]+/\1/' | grep -E '^[A-Za-z0-9_.-]+==' > constraints.new
	@for one in $(ELSEWHERE); do grep -q "^$${one%%=*}==" constraints.new || echo "$$one" >> constraints.new; done
	@LC_ALL=C sort --ignore-case --output constraints.new constraints.new
	@mv constraints.new constraints.txt
	@touch $(VENV)/.installed $(VENV)/.installed-dev
	@echo "constraints.txt: $$(wc -l < constraints.txt) versions"

.PHONY: clean
clean: ## Remove the environment and all caches; data folders stay
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: browser
browser:
	@if command -v chromium > /dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		echo "Installing Chromium for the browser tests ..."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium > /dev/null \
			|| echo "Chromium could not be installed: the browser tests will be skipped."; \
	else echo "There is no chromium and no right to install it: the browser tests will be skipped."; fi

$(VENV)/.made:
	@python=; for candidate in $(CANDIDATES); do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Winnow needs Python 3.11 or newer, and there is none on the PATH. Install one, or name it: make run PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2> /dev/null; then \
		echo "$$python lacks the venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version) ..."; \
	"$$python" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing Winnow and what it needs (about 2 GB; some minutes the first time) ..."
	@$(PIP_INSTALL) $(TORCH) --editable '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing Winnow, what it needs and what its tests need (about 2 GB; some minutes the first time) ..."
	@$(PIP_INSTALL) $(TORCH) --editable '.[$(EXTRAS),dev]'
	@touch $@ $(VENV)/.installed
