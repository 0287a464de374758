# Every command of the course. GNU make 3.81 or newer, which Linux and macOS have.
PYTHON ?= python3
ENV := .venv/bin/python
COLAB_ENV := .venv-colab/bin/python
INSTALL := $(ENV) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
LESSON ?=
ANSWERS ?=
ONLY ?=
FOLDER ?=
SEEDS ?=
CPU_SECONDS ?=

.DEFAULT_GOAL := help
.PHONY: test-browser test-colab
.PHONY: doctor grade
.PHONY: test-faults test-solved
.PHONY: help lab test minutes notebooks bench judge changes models pictures badges

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

lab: .venv/course-installed ## open the course in JupyterLab; the first time, install it into .venv
	@$(ENV) -m jupyterlab --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
		$$([ "$$(id -u)" != 0 ] || echo --allow-root)

doctor: .venv/course-installed ## check this machine: versions, memory, files, training steps, time for each lesson
	@$(ENV) -m utils.lesson_00.doctor

grade: .venv/course-installed ## say who solved what: marks.csv and class.html of the notebooks in FOLDER=hand-ins
	@$(ENV) -m tools.grade "$(FOLDER)" $(if $(LESSON),--lesson $(LESSON))

# --no-loadscope-reorder: begin with the notebooks, which take longest; else a core waits for the last of them
test: .venv/tests-installed ## check the code, run the unit tests and every notebook
	@$(ENV) -m ruff check .
	@$(ENV) -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder notebooks tests

test-solved: .venv/tests-installed ## run every notebook with its exercises solved in two ways; one: ANSWERS=loops LESSON=06
	@ANSWERS=$(ANSWERS) LESSON=$(LESSON) $(ENV) -m pytest --numprocesses=2 --dist=load -rP tests/solved

test-browser: .venv/browser-installed ## run lessons in JupyterLab in headless Chromium, as a reader; one: LESSON=01
	@LESSON=$(LESSON) $(ENV) -m pytest tests/browser

test-colab: .venv-colab/installed ## with Colab's versions, open and run each lesson from its badge, and test; one: LESSON=06
	@PYTHONPATH="$(CURDIR)" $(COLAB_ENV) -m pytest --disable-warnings -rs --numprocesses=2 --dist=loadfile \
		--no-loadscope-reorder -k "$(LESSON)" tests/colab $(if $(LESSON),,tests)

test-faults: .venv/tests-installed ## kill kernels, cut the network, grade a hostile class, run a notebook eight times at once; one: LESSON=06
	@LESSON=$(LESSON) $(ENV) -m pytest -s tests/faults

notebooks: .venv/tests-installed ## run all notebooks and save their outputs; one: make notebooks LESSON=06
	@$(ENV) tools/execute_notebooks.py $(LESSON)

minutes: .venv/tests-installed ## print how long each lesson takes to work through, core and whole; one: LESSON=06
	@$(ENV) -m tools.count_minutes $(LESSON)

bench: .venv/tests-installed ## print tables: speed, quality for seconds, notebooks' costs, figures; one: ONLY=speed
	@LESSON=$(LESSON) SEEDS=$(SEEDS) CPU_SECONDS=$(CPU_SECONDS) $(ENV) -m pytest -s tests/benchmarks -k "$(ONLY)"

judge: .venv/course-installed ## train the judge and write its weights into utils/assets
	@$(ENV) tools/train_judge.py

changes: .venv/course-installed ## train lesson 9's table of six changes, 45 minutes: utils/assets/six_changes.json
	@$(ENV) -m tools.train_six_changes

models: .venv/tests-installed ## train lesson 13's table of four models, an hour: utils/assets/four_models.json
	@$(ENV) -m tools.train_four_models

pictures: .venv/tests-installed ## train lessons 6 and 13, and draw the pictures of the README and of lesson 0
	@$(ENV) -m tools.make_pictures

badges: .venv/course-installed ## write the address in pyproject.toml into badges and set-up cells
	@$(ENV) tools/write_badges.py

.venv/bin/python:
	@chosen=$$(for candidate in $(PYTHON) python3.13 python3.12 python3.11; do \
		if $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
		then echo $$candidate; break; fi; done); \
	if [ -z "$$chosen" ]; then \
		found=$$($(PYTHON) --version 2>&1) || found="not there"; \
		echo "The course needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is $$found:" \
			"install one of them, or say where it is: make lab PYTHON=/path/to/python3.13" >&2; exit 1; fi; \
	$$chosen -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$$chosen lacks the standard module venv: install it" \
			"(Debian and Ubuntu: apt install python3-venv), then type the same command again." >&2; exit 1; }; \
	$$chosen -m venv .venv || { rm -rf .venv; exit 1; }

.venv/course-installed: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing the course into .venv; this takes a few minutes, and only the first time."
	@$(INSTALL) .
	@touch $@

.venv/tests-installed: .venv/course-installed
	@$(INSTALL) '.[test]'
	@touch $@

.venv/browser-installed: .venv/tests-installed
	@$(INSTALL) '.[browser]'
	@touch $@

.venv-colab/bin/python: .venv/bin/python # of Colab's Python where there is one
	@for python in python3.13 python3.12 .venv/bin/python; do $$python -m venv --clear .venv-colab 2>&- && break; done

.venv-colab/installed: .venv-colab/bin/python tests/colab/preinstalled.txt
	@$(COLAB_ENV) -m pip install --quiet --disable-pip-version-check --requirement tests/colab/preinstalled.txt \
		nbval pytest-xdist prdc
	@touch $@
