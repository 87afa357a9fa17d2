# `make demo` and `make test` need Python 3.11 or newer and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS ?= train-cpu,openvino,onnx,serve

.PHONY: demo test test-backends judges lint docs clean

demo: $(VENV)/.installed
	$(BIN)/python samples/demo.py

# Files keep their order: the many quick ones of tests/unit come last, and fill up every worker.
test: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder \
	    --max-worker-restart 0

# The networks once more on every other backend of Keras that is installed.
test-backends: $(VENV)/.installed-test
	@for backend in jax torch; do \
	    if $(BIN)/python -c "import importlib.util as u, sys; sys.exit(u.find_spec('$$backend') is None)"; then \
	        echo "== tests/nn on $$backend"; \
	        KERAS_BACKEND=$$backend $(BIN)/python -m pytest tests/nn || exit 1; \
	    else \
	        echo "NOT TESTED on $$backend: install it with $(BIN)/python -m pip install --editable '.[train-$$backend]'"; \
	    fi; \
	done

# The labeling tools that judge what is written for them; without them, those tests say so.
judges: $(VENV)/bin/python
	$(BIN)/python tests/judges/environments.py

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed-docs
	$(BIN)/zensical build --clean --strict
	@! grep -rlE '<(script|link|img)[^>]* (src|href)="?(https?:)?//' site --include='*.html' \
	    || { echo "these pages load files from elsewhere"; exit 1; }

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group test --group lint
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

clean:
	rm -rf $(VENV) .cache build dist site demo
