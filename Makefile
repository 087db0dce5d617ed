# What a person types. Everything is done by scripts/, which CI calls too.
PORT ?= 8000
HOST ?= 127.0.0.1
SERVER ?= uvicorn

.PHONY: help run test test-fast lint bench eval-rag eval-pii eval-policy eval-cache docs-check lock clean

help:
	@echo 'make run         start the server and the worker (PORT=8000 HOST=127.0.0.1 SERVER=uvicorn|daphne)'
	@echo 'make test        every test, with the services found on this machine'
	@echo 'make test-fast   the tests that take no more than a few seconds each'
	@echo 'make lint        style, types, import rules, migrations, generated documents'
	@echo 'make bench       compare this proxy with the bare floor (benchmarks/)'
	@echo 'make eval-cache  how often the semantic cache errs (benchmarks/likeness)'
	@echo 'make eval-pii    how well personal data is found (benchmarks/pii), beside plain Presidio'
	@echo 'make eval-policy how well rules find what they are meant to find (benchmarks/policies)'
	@echo 'make eval-rag    how well documents are found, on the Python documentation (benchmarks/rag)'
	@echo 'make docs-check  run every command block of README.md and the quickstarts'
	@echo 'make lock        renew requirements*.txt from requirements*.in'
	@echo 'make clean       remove caches; data in var/ and .venv stay'

run:
	@scripts/run --host '$(HOST)' --port '$(PORT)' --server '$(SERVER)'

test:
	@scripts/test

test-fast:
	@scripts/test -m 'not slow and not clients'

lint:
	@scripts/lint

bench:
	@scripts/with-venv dev
	@.venv/bin/python -m benchmarks.run $(BENCH)

eval-cache:
	@scripts/with-venv dev
	@.venv/bin/python -m benchmarks.likeness

eval-pii:
	@scripts/with-venv dev
	@.venv/bin/python -m benchmarks.pii $(EVAL)

eval-policy:
	@scripts/with-venv dev
	@.venv/bin/python -m benchmarks.policies

eval-rag:
	@scripts/with-venv dev
	@.venv/bin/python -m benchmarks.rag.evaluate $(EVAL)

docs-check:
	@scripts/test tests/docs

lock:
	@scripts/lock

docs/configuration.md: proxy/config.py proxy/management/commands/settings_reference.py
	@scripts/with-venv
	@.venv/bin/python manage.py settings_reference > $@.new && mv $@.new $@

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .cache staticfiles
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
