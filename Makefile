# `make help` lists what is here. Needs git, make and Python 3.11 with venv; everything else comes from the package
# index. Packages are installed with pip: it takes the torch build that this project pins, where uv and poetry do not.

PYTHON ?= $(shell command -v python3.11 || echo python3)
ENV := .venv
BIN := $(ENV)/bin
# Twice quiet: a machine's own list of package folders would else warn once a package. Errors are still said.
INSTALL := -m pip --quiet --quiet --disable-pip-version-check --no-input install
COMMA := ,
# meeteval is built where it is installed.
SCORE := $(if $(shell command -v g++),$(COMMA)score)
FRESH := build/constraints-venv
TRAIN_ENV := build/train-venv
TRAIN := $(TRAIN_ENV)/bin/python

# A caller's Python path must not reach into the environment.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help demo test faults hostile mutations lint format bench up demo-model demo-speakers constraints clean
.DELETE_ON_ERROR:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r target what; do \
		printf '  make %-12s %s\n' "$$target" "$$what"; done

demo: $(ENV)/.stamp ## make the environment, transcribe the bundled meeting through the API, stop everything
	@$(BIN)/scriptorium demo

test: $(ENV)/.stamp-dev ## make the environment, run all tests
	@$(BIN)/python -m pytest

faults: $(ENV)/.stamp-dev ## break a running server in every way (6 minutes; LONG=1 40; BASELINE=1 plain Celery beside it; SEED=n, ONLY=kind,kind)
	@$(BIN)/python -m tests.faults

hostile: $(ENV)/.stamp-dev ## send 300 malformed files to a running server (1 to 4 minutes; SEED=n, ONLY=kind,kind; MOST=n a kind; OWN=1 without ffmpeg)
	@$(BIN)/python -m tests.hostile

mutations: $(ENV)/.stamp-dev ## take away what keeps work safe, line by line: do the tests see it (minutes)
	@$(BIN)/python -m tests.mutations

lint: $(ENV)/.stamp-dev ## all static checks: ruff, mypy, import rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(ENV)/.stamp-dev ## rewrite the code as ruff wants it
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(ENV)/.stamp-dev ## benchmarks, all (hours on two cores) or some (NAMES="cuts throughput"); benchmarks/README.md
	@$(BIN)/python -m benchmarks $(NAMES)

up: $(ENV)/.stamp ## make the environment, start Scriptorium in the foreground (ARGS="--model demo")
	@exec $(BIN)/scriptorium up $(ARGS)

demo-model: $(TRAIN_ENV)/.stamp $(ENV)/.stamp ## make the demonstration model again (hours on two cores; MINUTES=100)
	$(TRAIN) -m models.training.corpus build/corpus.pkl
	@# Without these, a CPU spends more on giving memory back to the system than on training.
	MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=500000000 \
	$(TRAIN) -m models.training.train build/corpus.pkl build/demo-whisper --minutes $(or $(MINUTES),100)
	$(TRAIN) -m models.training.export build/demo-whisper models/demo-whisper
	$(TRAIN) -m models.training.score models/demo-whisper --json models/demo-whisper/scores.json
	$(TRAIN) -m models.training.calibration_set build/calibration
	$(BIN)/scriptorium models calibrate demo build/calibration --output models/demo-whisper/calibration.json

demo-speakers: $(TRAIN_ENV)/.stamp ## make the demonstration diarizer again (an hour and a half on two cores; MINUTES=60)
	$(TRAIN) -m models.training.speakers.pool build/speakers
	@# Each takes one core, so both go on at once.
	export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=500000000; \
	$(TRAIN) -m models.training.speakers.embedding build/speakers build/embedding.pt --minutes $(or $(MINUTES),60) & \
	$(TRAIN) -m models.training.speakers.segmentation build/speakers build/segmentation.pt --minutes $(or $(MINUTES),60) \
		&& wait $$!
	$(TRAIN) -m models.training.speakers.export build/segmentation.pt build/embedding.pt models/demo-speakers
	$(TRAIN) -m models.training.speakers.score models/demo-speakers --json models/demo-speakers/scores.json

constraints: ## choose newer versions: write constraints.txt from a fresh environment
	@rm -rf $(FRESH) && $(PYTHON) -m venv $(FRESH)
	@$(FRESH)/bin/python $(INSTALL) --upgrade setuptools --editable '.[web,worker,embedded,diarization,dev,score]'
	@{ sed -n '/^#/p' constraints.txt; $(FRESH)/bin/python -m pip --disable-pip-version-check freeze --all \
		| grep -E '^[A-Za-z0-9_.-]+==' | grep -vE '^(pip|wheel|scriptorium)==' | sed 's/+cpu$$//'; } >build/constraints.txt
	@mv build/constraints.txt constraints.txt && rm -rf $(FRESH)

clean: ## remove the environments and what the tools left
	rm -rf $(ENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: an environment is made once, and again only when what it is made from has changed.
$(ENV)/.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=…")'
	@echo 'making the environment in $(ENV) (once; two minutes or three)' >&2
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(ENV)
	@$(BIN)/python $(INSTALL) --constraint constraints.txt --editable '.[web,worker,embedded,diarization$(SCORE)]'
	@touch $@

$(ENV)/.stamp-dev: $(ENV)/.stamp
	@echo 'adding what the tests and checks need$(if $(SCORE),, (no g++: scores of words and speakers are not tested))' >&2
	@$(BIN)/python $(INSTALL) --constraint constraints.txt --editable '.[web,worker,embedded,diarization,dev$(SCORE)]'
	@touch $@

# Apart, because what trains has no place in the environment that the tests run in.
$(TRAIN_ENV)/.stamp: pyproject.toml constraints.txt
	@echo 'making the training environment in $(TRAIN_ENV)' >&2
	@test -x $(TRAIN_ENV)/bin/pip || $(PYTHON) -m venv --clear $(TRAIN_ENV)
	@$(TRAIN) $(INSTALL) --constraint constraints.txt --editable '.[train]'
	@touch $@
