"""What the commands share: JSON on request, exit codes, errors by field, names looked up with a remedy."""

import json
import os
import pwd
import sys
from abc import abstractmethod
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError

from tenants.models import ApiKey, Tenant

ENVIRON: Mapping[str, str] = os.environ  # noqa: TID251 - operators name variables that hold credentials


class Refused(CommandError):
    """The command did nothing. Printed on stderr; exit code 1 (wrong usage is 2)."""


@dataclass(frozen=True)
class Report:
    """What a command says when it has done its work."""

    data: Mapping[str, Any]  # for --json
    text: str  # for people and pipes, on stdout
    notes: tuple[str, ...] = field(default=())  # for people, on stderr


class _HelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's order of options, and examples as they were written."""


class TenantCommand(BaseCommand):
    """A command of this product. Subclasses set `help` and `examples`, and implement `perform`."""

    examples: ClassVar[str]
    columns: ClassVar[Mapping[str, str]] = {}
    """Field of the model → option of the command, where they differ."""

    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """With examples below the options."""
        epilog = f"examples:\n{self.examples.rstrip()}\n\nexit codes: 0 done, 1 refused or failed, 2 wrong usage"
        self._parser = super().create_parser(
            prog_name, subcommand, epilog=epilog, formatter_class=_HelpFormatter, **kwargs
        )
        return self._parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Every command has --json; subclasses add their own."""
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead of text.")

    def fail_usage(self, message: str) -> None:
        """Options that do not go together: exit code 2."""
        self._parser.error(message)

    @abstractmethod
    def perform(self, **options: Any) -> Report:
        """Do the work. Raises Refused or ValidationError."""

    def handle(self, *_args: Any, **options: Any) -> None:
        """Perform, and print what came of it."""
        try:
            report = self.perform(**options)
        except ValidationError as wrong:
            raise Refused(self._by_field(wrong)) from None
        except DatabaseError as broken:
            raise Refused(
                f"database: {broken}. See `manage.py doctor`; is it migrated (`manage.py migrate`)?"
            ) from None
        if options["json"]:
            self.stdout.write(json.dumps(report.data, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))
            return
        for note in report.notes:
            self.stderr.write(note, self.style.NOTICE)
        self.stdout.write(report.text)

    def _by_field(self, wrong: ValidationError) -> str:
        """One line per message, with the name of the option it is about."""
        if not hasattr(wrong, "error_dict"):
            return "\n".join(wrong.messages)
        lines = []
        for column, messages in wrong.message_dict.items():
            name = "" if column == NON_FIELD_ERRORS else f"{self.columns.get(column, column)}: "
            lines += [name + message for message in messages]
        return "\n".join(lines)


def actor() -> str:
    """Who runs the command, for the audit: the operating system's word, not the environment's."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's anonymous user
        user = str(os.getuid())
    return f"command:{user}"


def tenant_named(slug: str) -> Tenant:
    """The tenant. Raises Refused."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise Refused(f"tenant: there is none with the slug {slug!r}. Make it with `manage.py create_tenant {slug}`.")
    return tenant


def key_named(tenant: Tenant, name: str) -> ApiKey:
    """The tenant's active key. Raises Refused."""
    key = ApiKey.objects.filter(tenant=tenant, name=name, status=ApiKey.Status.ACTIVE).first()
    if key is None:
        raise Refused(f"key: {tenant} has no active key {name!r}. `manage.py export --tenant {tenant}` lists them.")
    return key


def read_line() -> str:
    """What is piped in, without its line break."""
    return sys.stdin.read().strip()


def pairs(texts: list[str] | None, *, option: str) -> dict[str, str] | None:
    """`["team=platform"]` as {"team": "platform"}. Raises Refused."""
    if texts is None:
        return None
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Refused(f"{option}: {text!r} must look like name=value.")
        found[name] = value
    return found
