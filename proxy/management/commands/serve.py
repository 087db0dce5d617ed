"""Start the production web server."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from proxy.hosting import serving


class Command(BaseCommand):
    help = (
        "Serve HTTP until SIGTERM. Settings come from the environment (docs/configuration.md). "
        "Example: manage.py serve --host 0.0.0.0 --port 8000 --workers 4"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (127.0.0.1).")
        parser.add_argument("--port", type=int, default=8000, help="Port to listen on (8000).")
        parser.add_argument("--workers", type=int, default=1, help="Processes; one for each core (1).")

    def handle(self, *_args: Any, **options: Any) -> None:
        serving.serve(host=options["host"], port=options["port"], workers=options["workers"])
