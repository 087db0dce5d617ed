"""Make a tenant."""

from argparse import ArgumentParser
from typing import Any

from tenants import actions
from tenants.management import command


class Command(command.TenantCommand):
    help = "Make a tenant: the owner of keys, upstreams and usage."
    examples = """\
  manage.py create_tenant acme
  manage.py create_tenant acme --name "Acme Corp" --timezone Europe/Rome
  manage.py create_tenant acme --model-alias claude-3-5-sonnet-20241022=claude-sonnet-4-5"""
    columns = {"model_aliases": "--model-alias", "timezone": "--timezone", "name": "--name"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", help="Lower-case letters, digits and hyphens; it never changes.")
        parser.add_argument("--name", help="For people; the slug if left out.")
        parser.add_argument("--timezone", default="UTC", help="When its days and months begin (UTC).")
        parser.add_argument(
            "--model-alias", action="append", metavar="ASKED=SERVED", help="Serve one model for another; repeatable."
        )

    def perform(self, **options: Any) -> command.Report:
        tenant = actions.create_tenant(
            actor=command.actor(),
            slug=options["slug"],
            name=options["name"] or options["slug"],
            timezone=options["timezone"],
            model_aliases=command.pairs(options["model_alias"], option="--model-alias"),
        )
        return command.Report(
            data={"id": tenant.pk, "slug": tenant.slug, "name": tenant.name, "timezone": tenant.timezone},
            text=tenant.slug,
            notes=(f"Tenant {tenant.slug} is made. Next: manage.py add_upstream {tenant.slug} …, issue_key.",),
        )
