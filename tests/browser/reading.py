"""A document worker for tests in a browser: run as a program in a server's environment, until it is ended."""

import os
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxy.settings")
django.setup()

from proxy.knowledge.ingestion import queue, work  # noqa: E402


def main() -> None:
    while True:
        claimed = queue.claim()
        if claimed is None:
            time.sleep(0.1)
        else:
            work.ingest(claimed)


if __name__ == "__main__":
    main()
