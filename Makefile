# `make demo` and `make test` set up everything they need in .venv, from this folder's own files.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROJECTS := $(wildcard */pyproject.toml)

.PHONY: demo fairface test check lint docs fuzz clean

demo: $(VENV)/.installed  ## the main job on the embedded data: three organisations, Naive and LASSI
	$(BIN)/python examples/portraits/run.py --out out/portraits

fairface: $(VENV)/.installed  ## the same on real data: make fairface DATA=path/to/fairface
	$(BIN)/python examples/fairface/run.py --data $(DATA) --out out/fairface

test: $(VENV)/.installed-dev  ## all tests
	OMP_NUM_THREADS=1 $(MAKE) --jobs=2 --keep-going --output-sync=target test-pipeline test-rest

.PHONY: test-pipeline test-rest
test-pipeline:  # the commands: about as long as all else, so the two halves run side by side
	$(BIN)/python -m pytest tests/pipeline tests/cli
test-rest:
	$(BIN)/python -m pytest --ignore=tests/pipeline --ignore=tests/cli

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy benchmarks examples

docs: $(VENV)/.installed-dev  ## docs/ as a site in out/site; whatever mkdocs warns of is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

SECONDS ?= 600
fuzz: $(VENV)/.installed-dev  ## draws cases at the edges for so long: make fuzz SECONDS=3600
	$(BIN)/python tests/fuzz/run.py --seconds $(SECONDS)

check: lint docs test

$(VENV)/.installed: constraints.txt requirements.txt $(PROJECTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement requirements.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement requirements-dev.txt
	touch $@

clean:
	rm -rf out build dist .pytest_cache .mypy_cache .ruff_cache
