# make book    builds the book into _build/html        make test        runs everything that is checked
# make serve   builds it and opens it in a browser     make notebooks   runs the notebooks and stores their outputs
# make pdf · make epub · make zip   make the book one file in _build (the PDF needs Chromium)
# make downloads   makes all three, puts them beside the pages and links them on the first
# make slides · make keys   make slides of the chapters, and answer keys for teachers, in _build
# make test-browser   looks at every page in Chromium
# make exercises   makes the exercises out of the solutions
# make bench   measures beside Hugging Face PEFT (20 minutes; README of benchmarks/)
# make image   builds the image in which peft-course grade --sandbox docker tries answers (ENGINE=podman)
# make clean   removes what these made (and .venv)
# JOBS=4 lets four processes test at a time; PYTHON=/path/to/python3.11 chooses the interpreter of the first run.
.PHONY: book pdf epub zip downloads slides keys serve test test-browser notebooks exercises bench image environment clean
.DEFAULT_GOAL := book

BIN := .venv/bin
PORT ?= 8000
JOBS ?= 2
ENGINE ?= docker
# A test that waits for something that never comes (a browser, a kernel) fails after 40 minutes, and the others go on.
PARALLEL := --numprocesses $(JOBS) --dist loadfile --timeout=2400
export PYTHONUNBUFFERED := 1

environment:
	@tools/environment.sh

book: environment
	@$(BIN)/python tools/book.py

pdf: book
	@$(BIN)/python tools/pdf.py

epub: book
	@$(BIN)/python tools/epub.py

zip: book
	@$(BIN)/python tools/archive.py

downloads: pdf epub zip
	@$(BIN)/python tools/downloads.py

slides: book
	@$(BIN)/python tools/slides.py

keys: environment
	@$(BIN)/python tools/answer_keys.py

serve: book
	@$(BIN)/python tools/serve.py $(PORT)

test: environment
	@echo "== ruff"; $(BIN)/ruff check .
	@echo "== mypy"; $(BIN)/mypy
	@echo "== unit tests"; $(BIN)/pytest $(PARALLEL) --no-loadscope-reorder tests
	@echo "== notebooks"; OMP_NUM_THREADS=1 $(BIN)/pytest $(PARALLEL) -p no:peft-course --nbval --nbval-current-env --nbval-cell-timeout=600 $(wildcard book solutions)

test-browser: environment
	@$(BIN)/pytest $(PARALLEL) tests/browser tests/test_links.py

notebooks: environment
	@$(BIN)/python tools/notebooks.py run

exercises: environment
	@$(BIN)/python tools/exercises.py

bench: environment
	@$(BIN)/python -m benchmarks

image:
	$(ENGINE) build --tag peft-course-grading:$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) .

clean:
	rm -rf .venv _build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
