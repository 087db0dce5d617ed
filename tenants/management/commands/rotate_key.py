"""Give a key a new secret."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.utils import timezone

from tenants import actions
from tenants.management import command

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(\d{1,6})([smhd])")


def duration(text: str) -> timedelta:
    """`0`, `90m`, `24h`, `7d`."""
    match = _DURATION.fullmatch(text)
    if text != "0" and match is None:
        raise ArgumentTypeError(f"{text!r} must be 0, or a number with s, m, h or d, e.g. 90m or 24h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta(0)


class Command(command.TenantCommand):
    help = "Give a key a new secret; the old one works on for the overlap. The new secret alone goes to stdout, once."
    examples = """\
  manage.py rotate_key acme ci
  manage.py rotate_key acme ci --overlap 90m
  manage.py rotate_key acme ci --overlap 0     # the old secret has leaked"""
    columns = {"overlap": "--overlap"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("tenant", help="The tenant's slug.")
        parser.add_argument("name", help="The key's name.")
        parser.add_argument(
            "--overlap", type=duration, default=actions.DEFAULT_OVERLAP, help="How long the old secret works on (24h)."
        )

    def perform(self, **options: Any) -> command.Report:
        key = command.key_named(command.tenant_named(options["tenant"]), options["name"])
        now = timezone.now()
        issued = actions.rotate_key(actor=command.actor(), key=key, overlap=options["overlap"], at=now)
        ends_at = now + options["overlap"]
        return command.Report(
            data={
                "id": key.pk,
                "tenant": options["tenant"],
                "name": key.name,
                "secret": issued.secret,
                "old_secret_ends_at": ends_at,
            },
            text=issued.secret,
            notes=(
                f"Key {key} is rotated. This is its new secret; it cannot be shown again.",
                f"The old one ends at {ends_at:%Y-%m-%d %H:%M:%S} UTC.",
            ),
        )
