# Needs Python 3.11 or newer with venv and pip; uses uv for speed where it is installed.
# `make PYTHON=python3.12 ...` picks another interpreter, `make UV= ...` leaves uv alone.

PYTHON ?= python3
UV ?= $(shell command -v uv 2>/dev/null)

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
OLD_OPENAI := 2.2.0 2.54.0
PEERS := ddtrace langfuse==5.0.4 langsmith==0.14.17 logfire==5.2.0 \
  openinference-instrumentation-openai==0.1.66
LITELLM := litellm==1.106.2
SCHEMATHESIS := schemathesis==4.32.5 standardwebhooks==1.1.0
LANGSMITH := langsmith==0.14.17
DDAGENT := ddapm-test-agent==1.69.1
OTHER_SDKS := google-genai==3.4.0 runwayml==5.24.0 fal-client==1.0.3 replicate==1.0.7
BOARDS := 'grafana-foundation-sdk==1769699379!11.6.0' datadog-api-client==2.62.0 \
  opentelemetry-exporter-prometheus==0.66b2
ATHERIS := atheris==3.0.0
FUZZ_SECONDS ?= 60
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help venv compat schemathesis-env langsmith-env ddagent-env litellm-env litellm-proxy-env other-sdks-env boards-env demo test test-rest test-all fuzz bench bench-peers screenshots check

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' Makefile

venv: .venv/.installed  ## create .venv and install vidobs with all extras

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "vidobs needs Python 3.11 or newer, but '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)"; \
	  echo "Install a newer Python, then name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing vidobs into .venv (once, about a minute) ..."
ifneq ($(UV),)
	@test -x $(BIN)/python || $(UV) venv --quiet --seed --python "$(PYTHON)" .venv
	@$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[all,dev]' \
	  || $(PIP) install -c constraints.txt -e '.[all,dev]'
else
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install -c constraints.txt -e '.[all,dev]'
endif
	@touch $@

compat: $(OLD_OPENAI:%=.venv/compat/openai-%/.installed)  ## install older openai SDKs beside the venv, for the tests

.venv/compat/openai-%/.installed: | .venv/.installed
	@echo "Installing openai $* into $(@D) ..."
	@rm -rf $(@D) && mkdir -p $(@D)
	@grep -v '^openai==' constraints.txt > $(@D).constraints.txt
	@$(PIP) install -c $(@D).constraints.txt --target $(@D) openai==$*
	@touch $@

schemathesis-env: .venv/schemathesis/.installed  ## install what tests the sandbox and the gateway from outside

# A venv of its own, for it wants its own versions of what the tests use.
.venv/schemathesis/.installed: | .venv/.installed
	@echo "Installing $(SCHEMATHESIS) into $(@D) ..."
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install $(SCHEMATHESIS)
	@touch $@

langsmith-env: .venv/langsmith/.installed  ## install LangSmith's own client, which ours is compared with

.venv/langsmith/.installed: | .venv/.installed
	@echo "Installing $(LANGSMITH) into $(@D) ..."
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install $(LANGSMITH)
	@touch $@

ddagent-env: .venv/ddagent/.installed  ## install the Agent that Datadog tests its own tracers with

# It wants an older opentelemetry-proto.
.venv/ddagent/.installed: | .venv/.installed
	@echo "Installing $(DDAGENT) into $(@D) ..."
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install $(DDAGENT)
	@touch $@

litellm-env: .venv/litellm/.installed  ## install LiteLLM with vidobs beside it, for the tests of its logger

# LiteLLM wants another openai.
.venv/litellm/.installed: pyproject.toml constraints.txt | .venv/.installed
	@echo "Installing $(LITELLM) into $(@D) ..."
	@test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	@grep -v '^openai==' constraints.txt > $(@D)/constraints.txt
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install -c $(@D)/constraints.txt \
	  -e '.[openai,sandbox]' $(LITELLM) pytest pytest-asyncio pytest-timeout
	@touch $@

litellm-proxy-env: .venv/litellm-proxy/.installed  ## install LiteLLM's proxy, which our clients are tried against

# It wants its own versions of nearly everything.
.venv/litellm-proxy/.installed: | .venv/.installed
	@echo "Installing the proxy of $(LITELLM) into $(@D) (about a minute) ..."
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install 'litellm[proxy]$(LITELLM:litellm%=%)'
	@touch $@

other-sdks-env: .venv/other-sdks/.installed  ## install the SDKs of docs/other-sdks.md with vidobs beside them

.venv/other-sdks/.installed: pyproject.toml constraints.txt | .venv/.installed
	@echo "Installing $(OTHER_SDKS) into $(@D) ..."
	@test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install -c constraints.txt -e . $(OTHER_SDKS)
	@touch $@

screenshots: venv  ## make the pictures of docs/ anew; needs chromium
	@PYTHONPATH=tests/kit $(BIN)/python docs/make_screenshots.py $(ARGS)

boards-env: .venv/boards/.installed  ## install what reads our dashboards: the SDKs of Grafana and Datadog

.venv/boards/.installed: | .venv/.installed
	@echo "Installing the SDKs of Grafana and Datadog into $(@D) ..."
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install $(BOARDS)
	@touch $@

demo: venv  ## make eight videos against the sandbox and show their traces and cost
	@$(BIN)/vidobs demo $(ARGS)

test: venv  ## the everyday tests
	@$(BIN)/python -m pytest -q -n auto -m "not slow and not real" $(ARGS)

test-rest: venv compat schemathesis-env langsmith-env ddagent-env litellm-env litellm-proxy-env other-sdks-env boards-env  ## what `make test` leaves out; exit 5 of pytest means there is nothing
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m "slow or real" $(ARGS) || [ $$? -eq 5 ]

test-all: venv compat schemathesis-env langsmith-env ddagent-env litellm-env litellm-proxy-env other-sdks-env boards-env  ## every test
	@$(BIN)/python -m pytest -q -n auto --dist worksteal $(ARGS)

fuzz: .venv/fuzz/.installed  ## fuzz the parsers of MP4 files and of forms, FUZZ_SECONDS=60 each
	@mkdir -p .venv/fuzz/corpus/mp4 .venv/fuzz/corpus/form
	@for target in mp4 form; do \
	  .venv/fuzz/bin/python tests/fuzz/run.py $$target -max_total_time=$(FUZZ_SECONDS) \
	    -max_len=8192 -timeout=10 -artifact_prefix=.venv/fuzz/ $(ARGS) \
	    .venv/fuzz/corpus/$$target tests/fuzz/seeds/$$target || exit 1; \
	done

# atheris has no wheel for every Python; hypothesis does the work then.
.venv/fuzz/.installed: | .venv/.installed
	@echo "Installing $(ATHERIS) into $(@D) ..."
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install -c constraints.txt -e '.[sandbox]' hypothesis
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install $(ATHERIS) || echo "Without $(ATHERIS): hypothesis fuzzes."
	@touch $@

bench: venv  ## added cost per call, beside the peers that are installed
	@$(BIN)/python tests/bench/run.py $(ARGS)

bench-peers: .venv/bench/.installed .venv/bench-litellm/.installed  ## install the peers that `make bench` compares with

.venv/bench/.installed: | .venv/.installed
	@echo "Installing $(PEERS) into $(@D) ..."
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install -c constraints.txt -e '.[openai]' $(PEERS)
	@touch $@

# LiteLLM wants another openai.
.venv/bench-litellm/.installed: | .venv/.installed
	@echo "Installing $(LITELLM) into $(@D) ..."
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install $(LITELLM)
	@touch $@

check: venv  ## format, lint, types, layers
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@said=$$($(BIN)/lint-imports --no-cache) && echo "Layers: ok" || { echo "$$said"; exit 1; }
