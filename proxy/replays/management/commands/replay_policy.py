"""Try a policy on what was asked before, beside the one that holds."""

import sys
from argparse import ArgumentParser
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from proxy.replays import running, sources
from proxy.replays.report import Report
from proxy.replays.sources import Found
from tenants import policies, queries
from tenants.declarative import loader
from tenants.management import command
from tenants.models import PolicyVersion, Tenant

_SHOWN = 20


class Command(command.TenantCommand):
    help = (
        "Try a policy on kept text or on a sample, beside the one that holds: what it would block, redact, route and "
        "flag, and what would change. Nothing is sent, and no policy changes."
    )
    examples = """\
  manage.py replay_policy --tenant acme --days 7                       # the tenant's draft, on its kept text
  manage.py replay_policy --tenant acme --file sample.jsonl            # a Messages request in each line
  manage.py replay_policy --tenant acme --days 7 --draft rules.yaml --json
  manage.py replay_policy --file sample.jsonl --draft platform.yaml    # the platform's"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--tenant", default="", help="The tenant's slug; left out: the platform's policy.")
        calls = parser.add_mutually_exclusive_group(required=True)
        calls.add_argument("--file", help="A sample: JSON lines, each a Messages request; - reads from a pipe.")
        calls.add_argument("--days", type=int, help="So many days of the tenant's kept text.")
        parser.add_argument("--draft", help="The policy to try, as YAML or JSON; left out: the draft.")

    def perform(self, **options: Any) -> command.Report:
        tenant = command.tenant_named(options["tenant"]) if options["tenant"] else None
        tried = _policy(options["draft"]) if options["draft"] else _draft(tenant)
        above, holding = (queries.platform_policy(), tenant.policy) if tenant else ({}, queries.platform_policy())
        report = Report()
        deque(running.run(report, above, tried, holding, self._calls(tenant, options)), maxlen=0)
        if not report.calls and report.errors:
            raise command.Refused("\n".join(f"{one['call']}: {one['why']}" for one in report.errors[:_SHOWN]))
        return command.Report(data=report.stored(), text="\n".join(_lines(report)))

    def _calls(self, tenant: Tenant | None, options: Mapping[str, Any]) -> Iterator[Found]:
        if options["file"] is not None:
            return sources.of_sample(_read("--file", options["file"]))
        if tenant is None:
            self.fail_usage("--days: kept text belongs to a tenant: name it with --tenant")
        if options["days"] < 1:
            self.fail_usage("--days: at least 1")
        assert tenant is not None
        return sources.of_transcripts(tenant, options["days"], timezone.now())


def _read(option: str, name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise command.Refused(f"{option}: {wrong}") from None


def _policy(name: str) -> dict[str, Any]:
    try:
        document = loader.load(_read("--draft", name))
        policies.check_policy(document)
    except loader.NotYaml as wrong:
        raise command.Refused(f"--draft: {wrong}") from None
    except ValidationError as wrong:
        raise command.Refused("\n".join(f"--draft: {message}" for message in wrong.messages)) from None
    return dict(document)


def _draft(tenant: Tenant | None) -> dict[str, Any]:
    row = PolicyVersion.objects.filter(tenant=tenant, state=PolicyVersion.State.DRAFT).first()
    if row is None:
        raise command.Refused("There is no draft. Name a policy with --draft, or keep one with `manage.py policy set`.")
    return dict(row.document)


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.calls} calls judged, {report.answers} of them with their answers."
    for effect in sorted({*report.tried, *report.holding}):
        yield f"{effect:<9} {report.tried.get(effect, 0):>6}  (now {report.holding.get(effect, 0)})"
    for change, number in sorted(report.changes.items()):
        yield f"{change}: {number}"
    for key, rule in report.rules.items():
        yield f"rule {key}: {rule['tried']} fit  (now {rule['holding']})"
    if report.not_asked:
        yield f"not asked, as their detectors are asked elsewhere: {', '.join(report.not_asked)}"
    for row in report.differing[:_SHOWN]:
        yield f"{row['call']}: {', '.join(row['changes'])}: {', '.join(row['tried'][1]) or 'no rule fits'}"
    for error in report.errors[:_SHOWN]:
        yield f"{error['call']}: {error['why']}"
    if report.error_count > _SHOWN:
        yield f"… {report.error_count} calls could not be judged."
