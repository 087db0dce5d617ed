"""Write tenants in the form that `apply` reads."""

from argparse import ArgumentParser
from typing import Any

from tenants.declarative import exporting
from tenants.management import command
from tenants.models import Tenant


class Command(command.TenantCommand):
    help = "Write tenants, upstreams and active keys as a file for `apply`, without any secret."
    examples = """\
  manage.py export > tenants.yaml
  manage.py export --tenant acme
  manage.py export --json | jq '.tenants[].slug'"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--tenant", metavar="SLUG", help="This tenant only.")

    def perform(self, **options: Any) -> command.Report:
        slug = options["tenant"]
        tenants = [command.tenant_named(slug)] if slug else list(Tenant.objects.order_by("slug"))
        exported = exporting.export(tenants)
        return command.Report(data=exported, text=exporting.as_yaml(exported).rstrip("\n"))
