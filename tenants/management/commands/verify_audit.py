"""Check that no audit entry was altered, removed, added or moved."""

from argparse import ArgumentParser
from typing import Any

from tenants import audit
from tenants.management import command


class Command(command.TenantCommand):
    help = (
        "Check the whole audit trail and print its head, the number and the hash of the last entry. Keep heads where "
        "this database's owner cannot change them: with one, a later check also finds entries cut off at the end."
    )
    examples = """\
  manage.py verify_audit >> heads.txt
  manage.py verify_audit --head "$(tail -1 heads.txt)"
  manage.py verify_audit --json"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--head", metavar="NUMBER:HASH", help="A head kept from before: the trail must go on it.")

    def perform(self, **options: Any) -> command.Report:
        try:
            kept = audit.Head.parse(options["head"]) if options["head"] else None
        except ValueError as wrong:
            raise command.Refused(f"--head: {wrong}") from None
        verdict = audit.verify(kept=kept)
        if not verdict.is_intact:
            raise command.Refused("\n".join(["The audit trail is not intact.", *verdict.problems]))
        data = {"is_intact": True, "entries": verdict.head.revision, "head": str(verdict.head)}
        note = f"{verdict.head.revision} entries, each unaltered and in its place."
        return command.Report(data=data, text=str(verdict.head), notes=(note,))
