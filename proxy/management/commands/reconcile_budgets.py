"""Compare what budgets say with the usage records."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from proxy.ledger.budgets.reconciling import reconcile


class Command(BaseCommand):
    help = (
        "Count the open windows of budgets again from usage records and reservations, and print those that differ. "
        "Exit code 1 if there are any. Example: manage.py reconcile_budgets --fix"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fix", action="store_true", help="Make them say what was counted.")

    def handle(self, *_args: Any, **options: Any) -> None:
        drifts = list(reconcile(fix=options["fix"]))
        for drift in drifts:
            window = drift.window
            print(f"{window}: spent {window.spent}, counted {drift.spent}; held {window.held}, counted {drift.held}")
        if not drifts:
            print("Every budget says what its records add up to.")
        if drifts and not options["fix"]:
            raise SystemExit(1)
