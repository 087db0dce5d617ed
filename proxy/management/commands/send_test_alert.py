"""Try a channel that alerts are sent through."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from proxy.alerts import testing
from tenants.management import command
from tenants.models import AlertChannel


class Command(command.TenantCommand):
    help = "Send a test through a tenant's alert channel now, and say what was answered (docs/alerts.md)."
    examples = """\
  manage.py send_test_alert acme pager
  manage.py send_test_alert acme pager --json"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("tenant", help="The tenant's slug.")
        parser.add_argument("channel", help="The channel's name.")

    def perform(self, **options: Any) -> command.Report:
        row = AlertChannel.objects.select_related("tenant").filter(
            tenant__slug=options["tenant"], name=options["channel"]
        )
        channel = row.first()
        if channel is None:
            raise command.Refused(f"{options['tenant']} has no alert channel {options['channel']}.")
        delivery, outcome = testing.send(channel, timezone.now(), by=command.actor())
        if outcome.error:
            raise command.Refused(f"{channel} was not reached: {outcome.error}.")
        answer = f" (HTTP {outcome.status})" if outcome.status else ""
        data = {"id": delivery.alert_id, "status": outcome.status, "milliseconds": outcome.milliseconds}
        return command.Report(data=data, text=f"{channel} took the test{answer} in {outcome.milliseconds} ms.")
