# make app   sets everything up, then opens the dashboard on the bundled checkpoints
# make test  sets everything up, then passes the tests
# make peers sets llama.cpp and Transformers up, which python -m tilelli bench compares with; takes a C++ compiler
# make check format, lint, types and tests: what a change must pass
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin
READY := .venv/.ready

.PHONY: app test check peers clean

app: $(READY)
	$(BIN)/streamlit run app/main.py --server.port $(PORT)

test: $(READY)
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

peers: $(READY)
	$(BIN)/python -m tilelli.engine.peers.install

# Made anew whenever requirements.txt changes; a set-up that was cut off leaves no .ready and starts over.
$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Tilelli needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' requirements.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@# a second opinion in tests; of what it asks for only a part is needed, and that is there
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps netcal==1.4.0
	touch $@

clean:
	rm -rf .venv .peers
