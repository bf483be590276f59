# Darkroom: `make demo` and `make test` do it all; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
# On Linux PyPI's torch brings CUDA along. For the CPU build:
#   make setup TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch==2.13.0
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

REQUIREMENTS := requirements.txt requirements-sandbox.txt requirements-training.txt requirements-dev.txt lambda/requirements.txt constraints.txt
MODEL_SOURCES := $(shell find model_artifacts neuron_build -name '*.py' -o -name '*.json' -o -name '*.safetensors' -o -name 'merges.txt')

.PHONY: help setup demo test lint format bench scaling soak constraints clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: .build/python.stamp .build/node.stamp .build/lambda-layer.stamp .build/bundles.stamp ## Install everything into .venv, node_modules and .build; skipped when nothing changed

.build/python.stamp: $(REQUIREMENTS) pyproject.toml
	@echo "== Python packages into .venv (a few minutes the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Darkroom needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make setup PYTHON=python3.11")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv || { echo "python3 -m venv failed: on Debian, apt install python3-venv"; exit 1; }
	pip install --quiet --progress-bar on $(TORCH)
	pip install --quiet --progress-bar on -r requirements-dev.txt -c constraints.txt
	pip install --quiet --no-deps --editable .
	@mkdir -p .build && touch $@

.build/node.stamp: package.json package-lock.json .build/python.stamp
	@echo "== The CDK CLI into node_modules"
	npm ci --no-audit --no-fund --loglevel=error
	@ln -sf ../../node_modules/.bin/cdk .venv/bin/cdk
	@touch $@

.build/lambda-layer.stamp: lambda/requirements.txt constraints.txt .build/python.stamp
	@echo "== The Lambda functions' dependencies into .build/lambda-layer"
	rm -rf .build/lambda-layer
	pip install --quiet --no-compile --only-binary=:all: --target .build/lambda-layer/python -r lambda/requirements.txt -c constraints.txt
	@rm -rf .build/lambda-layer/python/bin
	@touch $@

.build/bundles.stamp: $(MODEL_SOURCES) .build/python.stamp
	@echo "== The tiny model's bundle into .build/bundles"
	python -m neuron_build package tiny-sdxl --output .build/bundles
	@touch $@

demo: setup ## Deploy the demo campaign to a local AWS, ask it for pictures, destroy it; report in out/demo/
	@darkroom demo

test: setup ## Every test, with coverage
	@rm -f .coverage .coverage.*
	pytest -m "not e2e and not soak" --numprocesses 2 --dist loadfile --cov --cov-report=
	pytest -m e2e --cov --cov-append --cov-report=term:skip-covered

lint: setup ## ruff, mypy --strict, import-linter
	ruff check .
	ruff format --check .
	mypy app.py stacks darkroom neuron_build model_build training lambda/image_api lambda/bucket_cleanup lambda/api_keys lambda/custom_resource model_artifacts benchmarks tests
	PYTHONPATH=lambda:model_artifacts lint-imports

format: setup ## Format and fix what can be fixed
	ruff format .
	ruff check --fix .

bench: setup ## Measure the ratios of docs/benchmarks.md and write them there
	python -m benchmarks

scaling: setup ## Run the planner's scenarios and write docs/scaling.md; TRACES=FOLDER has the recorded arrivals
	python -m darkroom.planner.scenarios $(if $(TRACES),--traces $(TRACES))

soak: setup ## The long runs that make test has no time for
	pytest -m soak

constraints: ## Write constraints.txt from what is installed, after requirements changed
	@echo "# Every package at the version this was tested with; written by make constraints." > constraints.txt
	@pip freeze --exclude-editable | sed 's/+cpu$$//' | tee -a constraints.txt

clean: ## Remove everything that was built or installed
	rm -rf .venv node_modules .build cdk.out out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
