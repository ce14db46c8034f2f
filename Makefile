# Two commands: `make lecture` shows the first lecture, `make test` proves that everything works.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help lecture lab test clean

help:
	@echo "make lecture   run lecture 1 and write it as a web page"
	@echo "make lab       open the lectures in JupyterLab"
	@echo "make test      lint, unit tests, every lecture compared with its stored outputs"
	@echo "make clean     remove the environment and everything that can be made again"

# The environment is made once, and again when a file that describes it changes.
$(READY): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making the environment in .venv (a few minutes, once) ..."
	@$(PYTHON) -m venv .venv || { echo "python -m venv failed; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $(READY)
	@echo "The environment is ready."

lecture: $(READY)
	@$(BIN)/python lectures/build.py page 01

lab: $(READY)
	@$(BIN)/jupyter lab lectures

test: $(READY)
	@echo "1/3 lint" && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "2/3 unit tests, and every lecture run and compared" && $(BIN)/python -m pytest -q -n 2
	@echo "3/3 the stored lectures" && $(BIN)/python lectures/build.py check
	@echo "All tests passed."

clean:
	rm -rf .venv build lectures/html .pytest_cache .ruff_cache *.egg-info
