# Two commands matter: `make run` and `make test`. Both set up what they need; nothing is done twice.
# Paths are relative throughout, so that a folder with spaces or a long name does no harm.

PY ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
V := .venv
PYTHON := $(V)/bin/python
UV := $(V)/bin/uv
COMPILE := pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --no-header

PAYMENTS := /r/payments-api/4.8.0
PAGES ?= home=/ release=$(PAYMENTS)/ approvals=$(PAYMENTS)/approvals/ deployment=/deployments/26/ product=/products/payments-api/ \
	pipeline=$(PAYMENTS)/deployments/ runbook=$(PAYMENTS)/runbook/ environments=/environments/ calendar=/calendar/ reports=/reports/

.PHONY: help run services demo screenshots test soak bench check lint house migrations deploy lock-fresh format lock clean browser prometheus

help:
	@echo "make run      start Slipway (PORT=8000), with its own servers unless DATABASE_URL and REDIS_URL name others"
	@echo "make test     run the tests, with real servers and a real browser"
	@echo "make soak     random histories and quorums of approvals (EXAMPLES=200 STEPS=40); all nonsense everywhere; 200 deployments while workers are killed"
	@echo "make bench    measure what many watchers of a live deployment cost, and judge it (under 3 minutes)"
	@echo "make check    lint, contracts between rooms, migrations, deployment settings, lock files"
	@echo "make format   let ruff put the code in shape"
	@echo "make services start the embedded servers alone"
	@echo "make demo     load the demonstration into an empty database, without starting the web server"
	@echo "make screenshots  of the demonstration for docs/, while make run serves it (PAGES=/freezes/ for others)"
	@echo "make lock     resolve requirements*.in anew into requirements*.txt (UPGRADE=1 for newer versions)"
	@echo "make clean    remove what can be made again; data in var/ stays"

run: $(V)/.run
	@exec $(PYTHON) manage.py run

services: $(V)/.run
	@exec $(PYTHON) manage.py services

demo: $(V)/.run
	@$(PYTHON) manage.py services demo

SHOOT = $(PYTHON) manage.py screenshots --password slipway-demo --theme light

screenshots: $(V)/.dev browser
	@$(SHOOT) --user ines --size 1440x900 $(foreach page,$(PAGES),--path $(page))
	@$(SHOOT) --user noor --size 1440x900 --path inbox=/inbox/
	@$(SHOOT) --user maya --size 1440x900 --path meeting=/meetings/2/
	@$(SHOOT) --user priya --size 1440x900 --path delegations=/settings/delegations/
	@$(SHOOT) --user ada --size 1440x900 --path hook=/products/payments-api/hooks/staging/new/github_actions/ --path 'policy-try=/policies/9/try/?facts=1&change_type=normal&risk=high&size=1'
	@$(SHOOT) --user noor --size 390x844 --path release=$(PAYMENTS)/ --path inbox=/inbox/

# The processes that tests start load Slipway hundreds of times: once compiled is enough.
test soak bench: export PYTHONDONTWRITEBYTECODE :=

# Most tests run two at a time; then those before a browser beside those with processes of their own: each of these two
# has servers and folders to itself, as any two runs of pytest have. ARGS picks some.
test: $(V)/.dev browser prometheus
ifdef ARGS
	@$(PYTHON) -m pytest $(ARGS)
else
	@$(PYTHON) -m pytest -q -n 2 --dist worksteal --ignore tests/browser --ignore tests/bench --ignore tests/soak -m "not journey"
	@said="$$(mktemp)"; trap 'exit 130' INT TERM; trap 'kill $$pages 2>/dev/null; rm -f "$$said"' EXIT; \
	$(PYTHON) -m pytest -q --durations 12 tests/browser tests/config -m "browser or journey" >"$$said" 2>&1 & pages=$$!; \
	$(PYTHON) -m pytest -q --durations 12 tests/journeys tests/faults -m journey; ended=$$?; \
	wait $$pages || ended=$$?; cat "$$said"; exit $$ended
endif

soak: $(V)/.dev
	@SOAK_EXAMPLES=$(or $(EXAMPLES),200) SOAK_STEPS=$(or $(STEPS),40) $(PYTHON) -m pytest -q tests/approvals/test_stateful.py tests/approvals/test_quorum.py
	@SOAK_EXAMPLES=1 $(PYTHON) -m pytest -q tests/input
	@$(PYTHON) -m pytest -q -s tests/soak

bench: $(V)/.dev
	@$(PYTHON) -m pytest -q -s tests/bench

check: lint house migrations deploy lock-fresh
	@echo "All checks passed."

lint: $(V)/.dev
	@$(PYTHON) -m ruff check --quiet
	@$(PYTHON) -m ruff format --check --quiet || { echo "Run make format."; exit 1; }

house: $(V)/.dev
	@$(PYTHON) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-logo --no-cache

migrations: $(V)/.dev
	@$(PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run --skip-checks

# What a real installation sets, with addresses that nothing is asked at.
deploy: $(V)/.dev
	@SLIPWAY_SECRET_KEY="$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(50))')" \
	SLIPWAY_HTTPS=true SLIPWAY_ALLOWED_HOSTS=slipway.example SLIPWAY_BASE_URL=https://slipway.example \
	DATABASE_URL=postgresql://slipway@database.example/slipway REDIS_URL=redis://broker.example/0 \
	$(PYTHON) manage.py check --deploy --fail-level WARNING

# Resolved again with the locked versions preferred, the result differs only where a lock no longer fits its .in file.
lock-fresh: $(V)/.dev
	@draft="$$(mktemp -d)"; trap 'rm -rf "$$draft"' EXIT; cp requirements*.in requirements*.txt "$$draft"; uv="$$PWD/$(UV)"; \
	for name in requirements requirements-dev requirements-uv; do \
	  if (cd "$$draft" && "$$uv" $(COMPILE) $$name.in -o $$name.txt) >/dev/null 2>&1; then \
	    cmp -s $$name.txt "$$draft/$$name.txt" || { echo "$$name.txt does not fit $$name.in: run make lock"; exit 1; }; \
	  else echo "$$name.in could not be resolved again: no package index, or a conflict that make lock would show"; fi; \
	done

format: $(V)/.dev
	@$(PYTHON) -m ruff check --fix --quiet; $(PYTHON) -m ruff format --quiet

lock: $(V)/.uv
	@for name in requirements requirements-dev requirements-uv; do \
	  $(UV) $(COMPILE) $(if $(UPGRADE),--upgrade) $$name.in -o $$name.txt >/dev/null || exit 1; \
	done

clean:
	@rm -rf $(V) var/test .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@[ ! -d var ] || echo "Data stays in var/. To begin anew: rm -r var"

browser:
	@.ci/browser

prometheus:
	@.ci/prometheus

# --- the virtual environment: python, then uv by pip, then everything else by uv; all from files with hashes ---

$(V)/.made:
	@[ -n "$(PY)" ] || { echo "Python 3.11 or newer is needed, as python3 or by PY=/path/to/python."; exit 1; }
	@rm -rf $(V); $(PY) -m venv $(V) 2>/dev/null || { rm -rf $(V); \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv \
	      >/dev/null && $(PY) -m venv $(V); \
	  else echo "$(PY) has no venv module (Debian, Ubuntu: apt install python3-venv)."; exit 1; fi; }
	@touch $@

$(V)/.uv: requirements-uv.txt | $(V)/.made
	@echo "Installing …"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@touch $@

# What tests need holds what running needs: after `make test` there is nothing left to install, and nothing to remove.
$(V)/.run: requirements.txt $(V)/.uv
	@if [ $(V)/.dev -nt requirements-dev.txt ] && [ $(V)/.dev -nt requirements.txt ]; then :; else \
	  $(call install,requirements.txt requirements-uv.txt); fi
	@touch $@

$(V)/.dev: requirements-dev.txt $(V)/.uv
	@$(call install,requirements-dev.txt)
	@touch $@ $(V)/.run

# Compiled at once: otherwise each of six processes compiles everything at the first start. pip helps where uv finds no index.
install = $(UV) pip sync --quiet --require-hashes --compile-bytecode --python $(PYTHON) $(1) 2>/dev/null || \
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes $(patsubst %,-r %,$(1))
