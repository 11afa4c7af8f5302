# Every target explains itself: `make help`.
# Distributions build their Python with profile-guided optimization, as the functions' image does; pyenv's takes longer.
PYTHON ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
  && echo /usr/bin/python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 4
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
T ?= tests
TERRAFORM ?= terraform
CHECKOV := .venv-checkov/bin/checkov
EXPLORED := tests/model tests/simulation tests/functions/test_contract.py tests/functions/test_site_any_input.py tests/faults/test_at_scale.py \
  tests/integration/refunds/test_concurrent_execution.py tests/integration/tickets/test_bibs.py tests/integration/tickets/test_offline_gate.py \
  tests/integration/chat/test_isolation.py tests/browser/test_gate.py tests/browser/test_gate_device.py
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
BRIEFLY := -o Acquire::Retries=0 -o Acquire::http::Timeout=10

# Where it is set, as in many images, each process of a run compiles every module anew: twice the time to start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: types lint security documents help run test test-fast browser coverage explore check audit infra-check bench load attacks simulate mutate setup lock openapi format clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## Start the whole product on http://127.0.0.1:$PORT (8080), until Ctrl-C
	@exec $(BIN)/python -m infra.local.run

test: setup check browser ## Run the checks and every test; ORDER=random shuffles the files, T names some, WORKERS run them (4)
	$(PYTEST) --durations=10 $(T)

test-fast: WORKERS = 3 # each takes eight seconds of processor to begin, and little of this waits
test-fast: setup ## Run the unit and integration tests that start no process of the product, but for the slow ones
	$(PYTEST) --durations=10 -m "not processes and not slow" tests/unit tests/integration

browser: ## Install Debian's headless Chromium where it is missing; tests/browser looks at the pages with it
	@command -v "$${CHROMIUM:-chromium-headless-shell}" > /dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && apt-get -qq $(BRIEFLY) update > /dev/null \
	  && DEBIAN_FRONTEND=noninteractive apt-get -qq $(BRIEFLY) install --no-install-recommends \
	     chromium-headless-shell fonts-dejavu-core > /dev/null; \
	} || command -v chromium > /dev/null \
	|| echo "NO PAGE WILL BE TESTED IN A BROWSER: there is no chromium, and only root can install it (apt-get install chromium-headless-shell)"

coverage: setup ## Show how much of shared/ the unit and integration tests run; 80 % at least (M-008)
	$(BIN)/coverage run --source=shared -m pytest -q tests/unit tests/integration
	$(BIN)/coverage report --skip-covered --sort=cover --fail-under=80

explore: setup ## Walk new random paths, more often and on a larger scale than the tests do; what fails becomes a test
	EXPLORE=$(or $(EXPLORE),1) ORDER_LIVES=600 MONEY_STEPS=6000 SCALE=1000 $(PYTEST) $(EXPLORED)

check: setup ## Lint, formatting, types, import rules, security, generated documents: two at a time, each told as a whole
	@$(MAKE) --no-print-directory --jobs=2 --keep-going $(SYNC) types lint security documents

types:
	$(BIN)/mypy

lint:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

security:
	$(BIN)/bandit -q -c pyproject.toml -r shared functions infra -ll

documents:
	$(BIN)/python -m schemas.openapi --check
	$(BIN)/python -m schemas.metrics --check
	$(BIN)/python -m schemas.database_roles --check
	$(BIN)/python -m schemas.figures --check

audit: setup ## Look for known vulnerabilities in the pinned packages (asks the OSV database)
	$(BIN)/python -m infra.checks.vulnerabilities

infra-check: setup $(CHECKOV) ## Prove infra/terraform without a cloud; TERRAFORM names the command (terraform)
	@TERRAFORM="$(TERRAFORM)" CHECKOV="$(CHECKOV)" $(BIN)/python -m infra.deploy.infra_check

simulate: setup ## Run SEEDS (20) of STEPS (500) in WORKERS (4) processes under every fault, or replay SEED; DRAW runs the seeds of a run again; KNOWN=1 adds those that once failed; BESIDE=<git reference> runs beside that revision (docs/proof.md)
	$(BIN)/python -m tests.simulation.run --steps $(or $(STEPS),500) --workers $(WORKERS) \
	  $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),20)) $(if $(DRAW),--draw $(DRAW)) $(if $(KNOWN),--known) $(if $(BESIDE),--beside $(BESIDE))

mutate: setup ## Put small faults into copies of the product, one at a time (ONLY names one): the tests must catch each
	$(BIN)/python -m tests.simulation.mutate --workers $(or $(MUTATED),2) $(if $(ONLY),--only $(ONLY))

bench: setup ## Measure the product beside bare SQL and an empty function; PARTS names some, QUICK=1 measures once
	$(BIN)/python -m tests.benchmarks $(PARTS) $(if $(QUICK),--quick)

load: setup ## Load a product with 100, 1,000 and 500 people (half an hour), report in build/load.html; PROFILES, MINUTES, ADDRESS
	$(BIN)/python -m tests.load $(PROFILES) $(if $(QUICK),--quick) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(ADDRESS),--address $(ADDRESS) --event $(EVENT) --tokens $(TOKENS))

attacks: setup ## Attack a product of its own on loopback and print what came of it
	$(BIN)/python -m tests.attacks

setup: $(VENV)/.installed ## Make the virtual environment with the locked packages

$(VENV)/.installed: requirements-dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements-dev.txt
	@touch $@

# The scanner lives apart: its pins are many, and not ours.
$(CHECKOV): infra/terraform/requirements-checkov.txt | setup
	@$(BIN)/uv venv --quiet --clear .venv-checkov
	@VIRTUAL_ENV=.venv-checkov $(BIN)/uv pip sync --quiet --require-hashes $<
	@touch $@

lock: ## Pin the newest packages that pyproject.toml allows, with hashes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header -c requirements.txt -o requirements-dev.txt pyproject.toml --group dev
	echo checkov | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade -o infra/terraform/requirements-checkov.txt -

openapi: setup ## Write schemas/openapi.json from the functions' declarations
	$(BIN)/python -m schemas.openapi

format: setup ## Format the code and sort the imports
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format --quiet

clean: ## Forget the virtual environment and the local data
	rm -rf $(VENV) .venv-checkov .data
