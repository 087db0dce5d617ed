"""Run the simulator on a port of its own."""

from typing import Any

import uvicorn
from django.core.management.base import BaseCommand, CommandParser

from proxy.simulator.server import SimulatorServer


class Command(BaseCommand):
    """Speaks the Messages API without a model or a key: see docs/simulator.md."""

    help = "Run the simulator: an upstream that speaks the Messages API without a model. Ctrl-C stops it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=8100, help="port to listen on (8100); 0 takes a free one")
        parser.add_argument("--no-key", action="store_true", help="answer requests without a credential too")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until stopped."""
        uvicorn.run(
            SimulatorServer(requires_key=not options["no_key"]),
            host=options["host"],
            port=options["port"],
            http="httptools",
            lifespan="off",
            access_log=False,
            log_level="info",
        )
