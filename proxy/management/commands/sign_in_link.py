"""Make a link with which a person chooses a password."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from proxy.hosting import bootstrap


class Command(BaseCommand):
    help = (
        "Print a link where a person chooses a password. It works once, within three days. "
        "Example: manage.py sign_in_link admin"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="Who signs in with it.")

    def handle(self, *_args: Any, **options: Any) -> None:
        person = User.objects.filter(username=options["username"], is_active=True).first()
        if person is None:
            raise CommandError(f"There is no active user {options['username']!r}.")
        address = settings.CONFIG.public_url.rstrip("/") or "http://127.0.0.1:8000"
        days = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT).days
        self.stdout.write(f"{address}{bootstrap.welcome_path(person)}")
        self.stderr.write(f"It works once, within {days} days.")
