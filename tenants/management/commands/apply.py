"""Make tenants as a file says."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from tenants.declarative import applying, reading
from tenants.declarative.difference import Difference
from tenants.management import command


class Command(command.TenantCommand):
    help = "Make tenants, upstreams and keys as a file says, in one transaction (docs/configuration-as-code.md)."
    examples = """\
  manage.py apply -f examples/tenants.yaml --dry-run
  manage.py apply -f examples/tenants.yaml
  manage.py apply -f tenants.yaml --json | jq -r '.tenants[].keys[] | select(.secret) | .secret'
  manage.py apply -f tenants.yaml --prune      # also what the file leaves out
  manage.py export | ssh standby manage.py apply -f -"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("-f", "--file", required=True, metavar="FILE", help="The YAML file, or - for stdin.")
        parser.add_argument("--dry-run", action="store_true", help="Print the difference and change nothing.")
        parser.add_argument(
            "--prune",
            action="store_true",
            help="In tenants the file names, remove upstreams, revoke keys and reset fields that it leaves out.",
        )

    def perform(self, **options: Any) -> command.Report:
        try:
            form = reading.read(_text_of(options["file"]), environ=command.ENVIRON)
            done = applying.apply(form, actor=command.actor(), prune=options["prune"], dry_run=options["dry_run"])
        except reading.Unacceptable as wrong:
            raise command.Refused(f"{options['file']} was not applied:\n{wrong}") from None
        return command.Report(data=done.as_json(), text="\n".join(_lines(done)), notes=_notes(done))


def _text_of(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as broken:
        raise command.Refused(f"file: {file}: {broken.strerror}.") from None
    except UnicodeDecodeError as wrong:
        raise command.Refused(f"file: {file} is not UTF-8 text (byte {wrong.start + 1}).") from None


def _lines(done: Difference) -> list[str]:
    secrets = [f"secret of {change.label}: {change.secret}" for change in done.objects() if change.secret]
    return [*(done.lines() or ["Nothing to change."]), *secrets]


def _notes(done: Difference) -> tuple[str, ...]:
    if done.is_dry_run:
        return ("Dry run: nothing was changed.",)
    if any(change.secret for change in done.objects()):
        return ("Secrets of new keys are below; they cannot be shown again.",)
    return ()
