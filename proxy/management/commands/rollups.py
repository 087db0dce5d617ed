"""Compare the sums that pages show with the usage records."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from proxy.ledger.rollups import checking


class Command(BaseCommand):
    help = (
        "Compare the hourly sums behind Home, Usage and budgets with the usage records, and print what differs. "
        "Exit code 1 if anything does. Example: manage.py rollups --rebuild"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rebuild", action="store_true", help="First count everything again from the records.")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["rebuild"]:
            checking.rebuild()
        drifts = list(checking.drifts())
        for drift in drifts:
            print(f"{drift.table}: {drift.rows} rows differ, for example {drift.examples}")
        if not drifts:
            print("Every sum is what its records add up to.")
        if drifts:
            raise SystemExit(1)
