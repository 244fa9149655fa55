# Everything one does daily. `make demo` and `make test` also do all the set-up on a fresh machine.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
INSTALL := $(RUN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test coverage lint format bench docs fuzz record parity clean

demo: $(VENV)/demo.done  ## watch a U-Net learn to label streets
	$(RUN)/pixelwise demo

test: $(VENV)/dev.done lint  ## everything that must hold
	$(RUN)/python -m pytest --doctest-modules -q -n 2

coverage: $(VENV)/dev.done  ## the same tests, and which lines none of them runs; half as long again
	$(RUN)/python -m pytest --cov --cov-report=term-missing --doctest-modules -q -n 2

lint: $(VENV)/dev.done  ## format, style, types, layers
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-cache

format: $(VENV)/dev.done  ## make the style right
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

bench: $(VENV)/dev.done  ## measure the speeds that README speaks of; writes results/
	$(RUN)/python benchmarks/bench_streets.py
	$(RUN)/python benchmarks/bench_training.py
	$(RUN)/python benchmarks/bench_masks.py
	$(RUN)/python benchmarks/bench_duplicates.py
	$(RUN)/python benchmarks/bench_data.py
	$(RUN)/python benchmarks/check_samples.py
	$(RUN)/python benchmarks/bench_models.py
	$(RUN)/python benchmarks/frontier.py
	$(RUN)/python benchmarks/bench_processes.py
	$(RUN)/python benchmarks/kill_training.py
	$(RUN)/python benchmarks/bench_evaluation.py
	$(RUN)/python benchmarks/suspicious.py
	$(RUN)/python benchmarks/bench_inference.py
	$(RUN)/python benchmarks/bench_views.py
	$(RUN)/python benchmarks/bench_tiles.py
	$(RUN)/python benchmarks/bench_smoothing.py
	$(RUN)/python benchmarks/bench_scale.py
	$(RUN)/python benchmarks/load_server.py

docs: $(VENV)/dev.done  ## the diagrams of docs/models.md from the networks, the tables from results/, the models' cards
	$(RUN)/python benchmarks/draw_models.py
	$(RUN)/python benchmarks/frontier.py --draw
	$(RUN)/python benchmarks/tables.py
	$(RUN)/python benchmarks/ship.py

fuzz: $(VENV)/dev.done  ## two thousand broken files through check and train; writes results/fuzz_files.json
	$(RUN)/python benchmarks/fuzz_files.py

record: $(VENV)/dev.done  ## the runs of record that results/ still lacks on this machine
	$(RUN)/python benchmarks/record.py

parity: $(VENV)/dev.done  ## the networks of the Keras notebooks against Keras; KERAS=a Python that has tensorflow-cpu
	$(RUN)/python benchmarks/parity/parity.py $(KERAS)

clean:
	rm -rf $(VENV) build dist .coverage .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch alone first: with the exact version pip takes the CPU build where one lies on disk.
$(VENV)/demo.done: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(INSTALL) --editable .
	touch $@

# cityscapesscripts asks for a package "typing" that hides Python's own.
$(VENV)/dev.done: $(VENV)/demo.done
	$(INSTALL) --editable '.[dev]'
	$(INSTALL) --no-deps cityscapesscripts pyquaternion
	touch $@
