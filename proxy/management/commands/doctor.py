"""Check this installation, or a running server."""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser, DjangoHelpFormatter

from proxy.doctor import command, local

_ENVIRON = os.environ  # noqa: TID251 - LLMP_KEY is the caller's, not a setting of the deployment


class _HelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's order of options, and examples as they were written."""


class Command(BaseCommand):
    help = "Check this installation and say how to mend it; with --url, a running server as its clients see it."
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """With examples below the options."""
        self._parser = super().create_parser(
            prog_name, subcommand, epilog=command.EXAMPLES, formatter_class=_HelpFormatter, **kwargs
        )
        return self._parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        command.add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            findings = command.check_server(options, _ENVIRON) if options["url"] else list(local.check())
        except command.NoKey as missing:
            self._parser.error(str(missing))
        text, code = command.render(findings, as_json=options["json"])
        self.stdout.write(text)
        if code:
            sys.exit(code)
