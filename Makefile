# Darkroom: `make demo` and `make test` do it all; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
# Every file that is installed is one whose hash locks/ has. PyTorch's own build for the CPU is taken where pip is
# configured for an index that offers it; else PyPI's, which on Linux brings CUDA along. Any other build of that
# version is the operator's own choice, which nobody here has a hash of:
#   make setup TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
TORCH ?=
LOCKED := --quiet --progress-bar on --require-hashes --no-deps --only-binary=:all:
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

LOCKS := locks/torch-cpu.txt locks/torch.txt locks/cuda.txt locks/development.txt
MODEL_SOURCES := $(shell find model_artifacts neuron_build -name '*.py' -o -name '*.json' -o -name '*.safetensors' -o -name 'merges.txt')

.PHONY: help setup demo test coverage lint format bench scaling soak lock clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: .build/python.stamp .build/node.stamp .build/lambda-layer.zip .build/bundles.stamp ## Install everything into .venv, node_modules and .build; skipped when nothing changed

.build/python.stamp: $(LOCKS) pyproject.toml
	@echo "== Python packages into .venv (a few minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Darkroom needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make setup PYTHON=python3.11")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv || { echo "python3 -m venv failed: on Debian, apt install python3-venv"; exit 1; }
	$(if $(TORCH),pip install --quiet --progress-bar on $(TORCH),@pip install $(LOCKED) -r locks/torch-cpu.txt 2>/dev/null \
		|| { echo "no index has torch without CUDA: PyPI's"; pip install $(LOCKED) -r locks/torch.txt; })
	@! pip show torch | grep -q '^Requires:.*nvidia' || pip install $(LOCKED) -r locks/cuda.txt
	pip install $(LOCKED) -r locks/development.txt
	pip install --quiet --no-deps --no-build-isolation --editable .
	@pip check
	@mkdir -p .build && touch $@

.build/node.stamp: package.json package-lock.json .build/python.stamp
	@echo "== The CDK CLI into node_modules"
	npm ci --no-audit --no-fund --loglevel=error
	@ln -sf ../../node_modules/.bin/cdk .venv/bin/cdk
	@touch $@

# A zip file, because a synth hashes and copies what it deploys, file by file; of the same bytes whenever it is made.
.build/lambda-layer.zip: locks/lambda.txt .build/python.stamp
	@echo "== The Lambda functions' dependencies into .build/lambda-layer.zip"
	@rm -rf .build/lambda-layer
	pip install $(LOCKED) --no-compile --target .build/lambda-layer/python -r locks/lambda.txt
	@rm -rf .build/lambda-layer/python/bin
	@chmod -R u=rwX,go=rX .build/lambda-layer && find .build/lambda-layer -exec touch -t 198001010000 {} +
	@cd .build/lambda-layer && python -m zipfile -c ../lambda-layer.zip python

.build/bundles.stamp: $(MODEL_SOURCES) .build/python.stamp
	@echo "== The tiny model's bundle into .build/bundles"
	python -m neuron_build package tiny-sdxl --output .build/bundles
	@touch $@

demo: setup ## Deploy the demo campaign to a local AWS, ask it for pictures, destroy it; report in out/demo/
	@darkroom demo

# The models are tiny: a second thread of torch would mostly spin. End to end more is waited for than done, so
# there are more processes than a small machine has cores.
test: export OMP_NUM_THREADS := 1
test: setup ## Every test
	pytest -m "not soak" --ignore tests/e2e --numprocesses 2 --dist loadfile
	pytest -m "not soak" tests/e2e --numprocesses 4 --dist loadfile --no-loadscope-reorder

coverage: setup ## The tests that deploy nothing, and the lines that they leave out
	pytest -m "not soak" --ignore tests/e2e --numprocesses 2 --dist loadfile --cov --cov-report=term

lint: setup ## ruff, mypy --strict, import-linter
	ruff check .
	ruff format --check .
	mypy app.py stacks darkroom neuron_build model_build training locks lambda/image_api lambda/bucket_cleanup lambda/api_keys lambda/custom_resource model_artifacts benchmarks tests
	PYTHONPATH=lambda:model_artifacts lint-imports

format: setup ## Format and fix what can be fixed
	ruff format .
	ruff check --fix .

bench: setup ## Measure the ratios of docs/benchmarks.md and write them there
	python -m benchmarks

scaling: setup ## Run the planner's scenarios and write docs/scaling.md; TRACES=FOLDER has the recorded arrivals
	python -m darkroom.planner.scenarios $(if $(TRACES),--traces $(TRACES))

soak: setup ## The long runs that make test has no time for; SOAK_REQUESTS=10000 SOAK_SEED=7 for the sandbox's own
	pytest -m soak -rP

lock: ## Resolve the requirements into locks/ and constraints.txt, after they changed; UPGRADE=1 takes the newest
	python -m locks $(if $(UPGRADE),--upgrade)

clean: ## Remove everything that was built or installed
	rm -rf .venv node_modules .build cdk.out out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
