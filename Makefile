# make demo    train, evaluate and predict on the drawn digits, in runs/demo
# make test    the tests, a worker per core; EXTRAS=test,peers holds Fovea to PyTorch too; ARGS="-k conv" goes to pytest
# make browser the page in headless Chromium, which must be installed; pictures of it go to docs/
# make check   format, lint, types, imports, documentation
# make docs    the documentation, in docs/_build
# make film    the moving picture in the README, from the real page in headless Chromium
# make architecture  ARCHITECTURE.md's tree and order, from docstrings and import contracts
# make bench   the benchmarks; make bench BENCH=lenet ARGS="--json FILE" is one of them, with its rows in a file
# make clean   remove the environment and what was built
#
# All of it runs in .venv, which is made and filled as needed: nothing but Python 3.11, make and git must be there.

PYTHON := $(shell command -v python3.11 || command -v python3 || echo python3)
EXTRAS := test
ARGS :=
SHOTS := docs
BENCH := lenet training startup layers networks filters

BIN := .venv/bin
RUN := runs/demo

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: demo test browser check docs film architecture bench clean

demo: .venv/.with-package
	rm -rf $(RUN)
	$(BIN)/fovea train digits --model lenet5 --epochs 5 --out $(RUN)/train
	$(BIN)/fovea evaluate $(RUN)/train digits --out $(RUN)/evaluate
	$(BIN)/python -c "from fovea import data, images; \
		images.write('$(RUN)/digit.png', data.load('digits').test.read([0])[0][0])"
	$(BIN)/fovea predict $(RUN)/train $(RUN)/digit.png

test: .venv/.with-$(EXTRAS)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

browser: .venv/.with-browser
	FOVEA_SHOTS=$(SHOTS) $(BIN)/python -m pytest tests/browser $(ARGS)

check: .venv/.with-check,docs docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

docs: .venv/.with-docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build

architecture: .venv/.with-package
	$(BIN)/python docs/architecture.py

film: .venv/.with-browser
	$(BIN)/python docs/film.py

bench: .venv/.with-peers
	set -e; for name in $(BENCH); do $(BIN)/python -m benchmarks.$$name $(ARGS); done

clean:
	rm -rf .venv build dist docs/_build docs/pictures $(RUN)

# An empty file says which extras are installed as pyproject.toml has them now.
.venv/.with-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.$(if $(filter-out package,$*),[$*])'
	touch $@

$(BIN)/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Fovea needs Python 3.11 or newer')"
	$(PYTHON) -m venv .venv
